/* SPDX-License-Identifier: BSD-2-Clause */
/* aarch64 instructions for tests. */
    .text

#define TRAPS 301 /* traps 0 .. 300, then the largest number */

.macro function name
    .globl  \name
    .type   \name, %function
    .balign 4
\name:
.endm

function machine_bad_instruction
    udf     #0
function machine_breakpoint
    brk     #0
    ret
function machine_divide_by_zero
    mov     w0, #1
    sdiv    w0, w0, wzr         /* gives 0 */
    ret

/* machine_trap(x0 = number, x1 = arguments): the number is in the instruction, so there is one of each */
function machine_trap
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x16, #TRAPS
    cmp     x0, x16
    csel    x16, x0, x16, lo
    adr     x17, traps
    add     x17, x17, x16, lsl #3
    mov     x16, x1
    ldp     x0, x1, [x16]
    ldp     x2, x3, [x16, #16]
    ldp     x4, x5, [x16, #32]
    ldp     x6, x7, [x16, #48]
    mov     x9, x7
    blr     x17                 /* comes back to `back`: a trap does not keep x30 */
back:
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    mov     x0, x8
    ret
traps:
    .set    number, 0
    .rept   TRAPS
    svc     #number
    b       back
    .set    number, number + 1
    .endr
    svc     #0xffff
    b       back

/* machine_vector_hold(x0 = pattern, x1 = rounds): register i holds pattern + i in both halves */
function machine_vector_hold
    sub     sp, sp, #64
    stp     d8, d9, [sp]
    stp     d10, d11, [sp, #16]
    stp     d12, d13, [sp, #32]
    stp     d14, d15, [sp, #48]
    mov     x2, x0
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    dup     v\i\().2d, x2
    add     x2, x2, #1
    .endr
1:  subs    x1, x1, #1
    b.ne    1b
    mov     x3, x0
    mov     x0, #0
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    mov     x4, v\i\().d[0]
    mov     x5, v\i\().d[1]
    cmp     x4, x3
    ccmp    x5, x3, #0, eq
    cinc    x0, x0, eq
    add     x3, x3, #1
    .endr
    ldp     d8, d9, [sp]
    ldp     d10, d11, [sp, #16]
    ldp     d12, d13, [sp, #32]
    ldp     d14, d15, [sp, #48]
    add     sp, sp, #64
    ret

function machine_vector_traces
    mov     x0, #0
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    mov     x1, v\i\().d[0]
    mov     x2, v\i\().d[1]
    orr     x0, x0, x1
    orr     x0, x0, x2
    .endr
    ret

.macro privileged name, instruction:vararg
    .type   \name, %function
\name:
    \instruction
    ret
.endm
    privileged p_sctlr, mrs x0, sctlr_el1
    privileged p_ttbr0, msr ttbr0_el1, x0
    privileged p_vbar, msr vbar_el1, x0
    privileged p_daif, msr daifset, #15
    privileged p_elr, msr elr_el1, x0
    privileged p_tlbi, tlbi vmalle1
    privileged p_eret, eret
    privileged p_hvc, hvc #0
    privileged p_smc, smc #0
    privileged p_cpacr, msr cpacr_el1, x0
    privileged p_ic, ic iallu
    privileged p_dc, dc isw, x0
    privileged p_current, mrs x0, CurrentEL

    .section .rodata
    .balign 8
    .globl  machine_privileged
machine_privileged:
    .quad   p_sctlr, p_ttbr0, p_vbar, p_daif, p_elr, p_tlbi, p_eret, p_hvc, p_smc, p_cpacr, p_ic, p_dc
    .quad   p_current, 0
    .globl  machine_vectors
machine_vectors:
    .quad   32
    .globl  machine_kernel_address
machine_kernel_address:
    .quad   0xffffffff80200000
    .globl  machine_divide_faults
machine_divide_faults:
    .byte   0
    .section .note.GNU-stack, "", %progbits
