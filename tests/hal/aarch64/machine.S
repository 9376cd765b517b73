/* SPDX-License-Identifier: BSD-2-Clause */
/* Stack switch and user code of the HAL conformance suite. */
#include <mach/rpc.h>
#include <dump.h>

    .arch armv8-a+simd

    .text
    .globl machine_switch
machine_switch:
    stp x19, x20, [sp, #-96]!
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp x19, x20, [sp], #96
    ret

    .macro label name
    .globl \name
\name:
    .endm

    .section .rodata
    .balign 16
label machine_user_begin
label user_break
    brk #0
label user_traps                        // in the order of machine_trap_numbers
    .irp n, 0, 1, 2, 10, 0xffff
    svc #\n
    brk #0
    .endr
label user_spin
    b user_spin
label user_trap_loop
    svc #10
    b user_trap_loop
label user_load
    ldr x1, [x0]
    brk #0
label user_store
    str x1, [x0]
    brk #0
label user_load8
    ldrb w1, [x0]
    brk #0
label user_store8
    strb w1, [x0]
    brk #0
label user_illegal
    udf #0
label user_privileged
    mrs x0, ttbr0_el1
    brk #0
label user_arithmetic
    brk #0
label user_vector_touch
    mov v0.16b, v0.16b
    brk #0

    .macro all_pairs op
    .irp n, 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
    pair \op, \n, %(\n + 1)
    .endr
    .endm
    .altmacro
    .macro pair op, a, b
    \op q\a, q\b, [x0, #(16 * \a)]
    .endm

label user_vector_fill
    all_pairs ldp
    ldr x2, [x0, #512]
    ldr x3, [x0, #520]
    msr fpsr, x2
    msr fpcr, x3
    brk #0
label user_vector_store
    all_pairs stp
    mrs x2, fpsr
    mrs x3, fpcr
    str x2, [x0, #512]
    str x3, [x0, #520]
    brk #0

    .macro move_all op, base
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    \op x\n, [sp, #(\base + 8 * \n)]
    .endr
    .endm
    .macro dump
    move_all str, MACHINE_DUMP
    mrs x0, tpidr_el0
    str x0, [sp, #(MACHINE_DUMP + 8 * 34)]
    brk #0
    .endm
label user_fill
    move_all ldr, 0
    brk #0
label user_fill_spin
    move_all ldr, 0
1:  b 1b
label user_fill_trap
    move_all ldr, 0
    svc #MACH_TRAP_NULL
    dump
label user_dump
    dump
label machine_user_end

    .macro answer name, value
label \name
    mov x0, #\value
    svc #2
    .endm
    answer machine_answer1, 1
    answer machine_answer2, 2
label machine_answer_size
    .word machine_answer2 - machine_answer1
