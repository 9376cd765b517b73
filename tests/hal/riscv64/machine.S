/* SPDX-License-Identifier: BSD-2-Clause */
/* Stack switch of the HAL conformance suite. */

    .macro callee_saved op
    \op s0, 0(sp)
    \op s1, 8(sp)
    \op s2, 16(sp)
    \op s3, 24(sp)
    \op s4, 32(sp)
    \op s5, 40(sp)
    \op s6, 48(sp)
    \op s7, 56(sp)
    \op s8, 64(sp)
    \op s9, 72(sp)
    \op s10, 80(sp)
    \op s11, 88(sp)
    \op ra, 96(sp)
    .endm

    .text
    .balign 4
    .globl machine_switch
machine_switch:
    addi sp, sp, -112
    callee_saved sd
    sd sp, (a0)
    mv sp, a1
    callee_saved ld
    addi sp, sp, 112
    ret
