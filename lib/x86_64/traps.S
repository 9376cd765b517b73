/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps as C functions.  C passes arguments in rdi rsi rdx rcx r8 r9 and on the stack; the trap takes them in
 * rdi rsi rdx r8 r9 r10 rbx, because syscall itself overwrites rcx.
 */
#include <mach/rpc.h>

    .text

/* Up to three arguments are where the trap wants them. */
.macro trap name, number, arguments=3
    .globl  \name
    .type   \name, @function
\name:
    .if \arguments > 4
    movl    %r8d, %r9d
    .endif
    .if \arguments > 3
    movl    %ecx, %r8d
    .endif
    movl    $\number, %eax
    syscall
    ret
    .size   \name, . - \name
.endm

#include "../trap_list.S"

    .section .note.GNU-stack, "", @progbits
