/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of a program: rdi = address of its struct mach_startup. */
    .globl _start
    .type _start, @function
    .text
_start:
    xorl    %ebp, %ebp          /* the end of every backtrace */
    andq    $-16, %rsp
    call    mach_start
    ud2
    .size _start, . - _start
    .section .note.GNU-stack, "", @progbits
