/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps as C functions.  C passes arguments in a0 .. a6; the trap takes its number in a2, so that the third
 * and later ones move up by one.  A trap clobbers the return address.
 */
#include <mach/rpc.h>

    .text

.macro trap name, number, arguments=3
    .globl  \name
    .type   \name, @function
\name:
    addi    sp, sp, -16
    sd      ra, 8(sp)
    .if \arguments > 4
    mv      a5, a4
    .endif
    .if \arguments > 3
    mv      a4, a3
    .endif
    mv      a3, a2
    li      a2, \number
    ecall
    ld      ra, 8(sp)
    addi    sp, sp, 16
    mv      a0, a2
    ret
    .size   \name, . - \name
.endm

#include "../trap_list.S"

    .section .note.GNU-stack, "", @progbits
