/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of a thread on AArch64. */
#ifndef MACH_AARCH64_THREAD_STATUS_H
#define MACH_AARCH64_THREAD_STATUS_H

#include <stdint.h>

#define AARCH64_THREAD_STATE 1

struct aarch64_thread_state {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate; /* N, Z, C, V in bits 31 .. 28; the kernel ignores the rest and reports it as 0 */
    uint64_t tpidr;  /* TPIDR_EL0: the thread pointer */
};

#define AARCH64_THREAD_STATE_COUNT ((unsigned)(sizeof(struct aarch64_thread_state) / sizeof(uint32_t)))

#endif
