/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps as C functions: arguments are where the trap wants them; a trap clobbers the return address. */
#include <mach/rpc.h>

    .text

.macro trap name, number, arguments=3
    .globl  \name
    .type   \name, %function
\name:
    str     x30, [sp, #-16]!
    svc     #\number
    ldr     x30, [sp], #16
    mov     x0, x8
    ret
    .size   \name, . - \name
.endm

#include "../trap_list.S"

    .section .note.GNU-stack, "", %progbits
