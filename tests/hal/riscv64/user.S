/* SPDX-License-Identifier: BSD-2-Clause */
/* User code of the HAL conformance suite, for riscv64 and for the simulated machine. */
#include <dump.h>

    .option arch, +f, +d

    .macro label name
    .globl \name
\name:
    .endm

    .section .rodata
    .balign 16
    .option norvc
label machine_user_begin
label user_break
    ebreak
label user_trap
    ecall
    ebreak
label user_spin
1:  j 1b
label user_trap_loop
1:  li a2, 10
    ecall
    j 1b
label user_load
    ld a1, (a0)
    ebreak
label user_store
    sd a1, (a0)
    ebreak
label user_load8
    lbu a1, (a0)
    ebreak
label user_store8
    sb a1, (a0)
    ebreak
label user_illegal
    .word 0xffffffff
label user_privileged
    csrr a0, satp
    ebreak
label user_arithmetic
    ebreak
label user_vector_touch
    fsgnj.d f0, f0, f0
    ebreak

    .macro all_registers op
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \op f\n, (\n * 8)(a0)
    .endr
    .endm

label user_vector_fill
    all_registers fld
    ld t0, 256(a0)
    fscsr t0
    ebreak
label user_vector_store
    all_registers fsd
    frcsr t0
    sd t0, 256(a0)
    ebreak

    .macro move_all op, base
    \op ra, \base + 8 * 1(sp)
    \op gp, \base + 8 * 3(sp)
    \op tp, \base + 8 * 4(sp)
    \op t0, \base + 8 * 5(sp)
    \op t1, \base + 8 * 6(sp)
    \op t2, \base + 8 * 7(sp)
    \op s0, \base + 8 * 8(sp)
    \op s1, \base + 8 * 9(sp)
    .irp n, 0,1,2,3,4,5,6,7
    \op a\n, \base + 8 * (10 + \n)(sp)
    .endr
    .irp n, 2,3,4,5,6,7,8,9,10,11
    \op s\n, \base + 8 * (16 + \n)(sp)
    .endr
    .irp n, 3,4,5,6
    \op t\n, \base + 8 * (25 + \n)(sp)
    .endr
    .endm
label user_fill
    move_all ld, 0
    ebreak
label user_fill_spin
    move_all ld, 0
1:  j 1b
label user_fill_trap
    move_all ld, 0
    ecall
    move_all sd, MACHINE_DUMP
    ebreak
label user_dump
    move_all sd, MACHINE_DUMP
    ebreak
label machine_user_end

    .macro answer name, value
label \name
    li a0, \value
    li a2, 2
    ecall
    .endm
    answer machine_answer1, 1
    answer machine_answer2, 2
    .balign 4
label machine_answer_size
    .word machine_answer2 - machine_answer1
