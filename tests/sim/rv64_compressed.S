/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every instruction that has a 16-bit form, with every register and nearly every immediate of that form.  Assembled with
 * and without the C extension: rv64_test expands the first and expects the second.
 */
    .altmacro

/* The assembler does not shorten these where the offset is a number. */
.macro branch insn, compressed, register, offset
#ifdef __riscv_c
    \compressed \register, \offset
#else
    \insn   \register, x0, \offset
#endif
.endm

.macro jump offset
#ifdef __riscv_c
    c.j     \offset
#else
    jal     x0, \offset
#endif
.endm

.macro one insn, operands, value
    \insn   \operands, \value
.endm

.macro one_at insn, register, offset, base
    \insn   \register, \offset(\base)
.endm

/* insn operands, i: for i from first, `count` times, in steps. */
.macro each insn, operands, first, step, count
    .set    i, \first
    .rept   \count
    one     \insn, <\operands>, %i
    .set    i, i + \step
    .endr
.endm

/* insn register, i(base): `count` times from 0, in steps. */
.macro each_at insn, register, base, step, count
    .set    i, 0
    .rept   \count
    one_at  \insn, \register, %i, \base
    .set    i, i + \step
    .endr
.endm

.macro destination_and_immediate rd:vararg
    .irp r, \rd
    each    addi, <x\r, x\r>, -32, 1, 32
    each    addi, <x\r, x\r>, 1, 1, 31
    each    addiw, <x\r, x\r>, -32, 1, 64
    each    addi, <x\r, x0>, -32, 1, 64
    each    slli, <x\r, x\r>, 1, 1, 63
    .endr
.endm

.macro upper_immediates rd:vararg
    .irp r, \rd
    each    lui, x\r, 1, 1, 31
    each    lui, x\r, 0xfffe0, 1, 32
    .endr
.endm

.macro stack_loads rd:vararg
    .irp r, \rd
    each_at lw, x\r, sp, 4, 64
    each_at ld, x\r, sp, 8, 64
    .endr
.endm

.macro stack_stores rs2:vararg
    .irp r, \rs2
    each_at sw, x\r, sp, 4, 64
    each_at sd, x\r, sp, 8, 64
    each_at fld, f\r, sp, 8, 64
    each_at fsd, f\r, sp, 8, 64
    .endr
.endm

.macro moves rd:vararg
    .irp r, \rd
    .irp s, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     x\r, x0, x\s
    add     x\r, x\r, x\s
    .endr
    jr      x\r
    jalr    x\r
    .endr
.endm

.macro pointers rd, rs1:vararg
    .irp p, \rs1
    each_at lw, x\rd, x\p, 4, 32
    each_at ld, x\rd, x\p, 8, 32
    each_at fld, f\rd, x\p, 8, 32
    each_at sw, x\rd, x\p, 4, 32
    each_at sd, x\rd, x\p, 8, 32
    each_at fsd, f\rd, x\p, 8, 32
    sub     x\rd, x\rd, x\p
    xor     x\rd, x\rd, x\p
    or      x\rd, x\rd, x\p
    and     x\rd, x\rd, x\p
    subw    x\rd, x\rd, x\p
    addw    x\rd, x\rd, x\p
    .endr
.endm

    destination_and_immediate 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    upper_immediates 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    stack_loads 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    stack_stores 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    moves   1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31

    .irp r, 8,9,10,11,12,13,14,15
    pointers \r, 8,9,10,11,12,13,14,15
    each    addi, <x\r, sp>, 4, 4, 255
    each    srli, <x\r, x\r>, 1, 1, 63
    each    srai, <x\r, x\r>, 1, 1, 63
    each    andi, <x\r, x\r>, -32, 1, 64
    .irp offset, -256,-130,-66,-34,-18,-10,-6,-2,2,4,8,16,32,64,128,254
    branch  beq, c.beqz, x\r, \offset
    branch  bne, c.bnez, x\r, \offset
    .endr
    .endr

    each    addi, <sp, sp>, -512, 16, 32
    each    addi, <sp, sp>, 32, 16, 30
    .irp offset, -2048,-1026,-514,-258,-130,-66,-34,-18,-10,-6,-2,2,4,8,16,32,64,128,256,512,1024,2046
    jump    \offset
    .endr
    nop
    ebreak
