/* SPDX-License-Identifier: BSD-2-Clause */
/* Thread state of x86_64. */
#ifndef MACH_X86_64_THREAD_STATUS_H
#define MACH_X86_64_THREAD_STATUS_H

#include <stdint.h>

/* General registers. Setting keeps of rflags what user code may change itself, and sets IF. */
#define X86_64_THREAD_STATE 1

struct x86_64_thread_state {
    uint64_t rax, rbx, rcx, rdx, rdi, rsi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t fs_base; /* the thread pointer */
};

#define X86_64_THREAD_STATE_COUNT ((uint32_t)(sizeof(struct x86_64_thread_state) / sizeof(uint32_t)))

#endif
