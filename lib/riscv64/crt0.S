/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of a program: a0 = address of its struct mach_startup. */
    .globl _start
    .type _start, @function
    .text
_start:
    li      fp, 0               /* the end of every backtrace */
    li      ra, 0
    andi    sp, sp, -16
    call    mach_start
    unimp
    .size _start, . - _start
    .section .note.GNU-stack, "", @progbits
