/* SPDX-License-Identifier: BSD-2-Clause */
/* riscv64 instructions for tests. */
    .text

.macro function name
    .globl  \name
    .type   \name, @function
    .balign 4
\name:
.endm

function machine_bad_instruction
    unimp
function machine_breakpoint
    ebreak
    ret
function machine_divide_by_zero
    li      a0, 1
    div     a0, a0, zero        /* gives -1 */
    ret

/* machine_trap(a0 = number, a1 = arguments) */
function machine_trap
    addi    sp, sp, -112
    sd      ra, 0(sp)
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11
    sd      s\i, (8 + 8 * \i)(sp)
    .endr
    mv      a2, a0
    mv      t0, a1
    ld      a0, 0(t0)
    ld      a1, 8(t0)
    ld      a3, 16(t0)
    ld      a4, 24(t0)
    ld      a5, 32(t0)
    ld      a6, 40(t0)
    ld      a7, 48(t0)
    ld      t2, 56(t0)
    mv      t3, t2
    ecall
    mv      a0, a2
    ld      ra, 0(sp)
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11
    ld      s\i, (8 + 8 * \i)(sp)
    .endr
    addi    sp, sp, 112
    ret

/* machine_vector_hold(a0 = pattern, a1 = rounds): register i holds pattern + i */
function machine_vector_hold
    addi    sp, sp, -96
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11
    fsd     fs\i, (8 * \i)(sp)
    .endr
    mv      a2, a0
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fmv.d.x f\i, a2
    addi    a2, a2, 1
    .endr
1:  addi    a1, a1, -1
    bnez    a1, 1b
    mv      a3, a0
    li      a0, 0
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fmv.x.d a4, f\i
    xor     a4, a4, a3
    seqz    a4, a4
    add     a0, a0, a4
    addi    a3, a3, 1
    .endr
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11
    fld     fs\i, (8 * \i)(sp)
    .endr
    addi    sp, sp, 96
    ret

function machine_vector_traces
    li      a0, 0
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fmv.x.d a1, f\i
    or      a0, a0, a1
    .endr
    ret

.macro privileged name, instruction:vararg
    .type   \name, @function
\name:
    \instruction
    ret
.endm
    privileged p_sstatus, csrr a0, sstatus
    privileged p_satp, csrw satp, a0
    privileged p_stvec, csrw stvec, a0
    privileged p_sie, csrw sie, a0
    privileged p_sret, sret
    privileged p_mret, mret
    privileged p_fence, sfence.vma
    privileged p_mhartid, csrr a0, mhartid
    privileged p_sscratch, csrr a0, sscratch

    .section .rodata
    .balign 8
    .globl  machine_privileged
machine_privileged:
    .quad   p_sstatus, p_satp, p_stvec, p_sie, p_sret, p_mret, p_fence, p_mhartid, p_sscratch, 0
    .globl  machine_vectors
machine_vectors:
    .quad   32
    .globl  machine_kernel_address
machine_kernel_address:
    .quad   0xffffffff80200000
    .globl  machine_divide_faults
machine_divide_faults:
    .byte   0
    .section .note.GNU-stack, "", @progbits
