/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of a program: x0 = address of its struct mach_startup. */
    .globl _start
    .type _start, %function
    .text
_start:
    mov     x29, xzr            /* the end of every backtrace */
    mov     x30, xzr
    mov     x1, sp
    and     sp, x1, #-16
    bl      mach_start
    brk     #0
    .size _start, . - _start
    .section .note.GNU-stack, "", %progbits
