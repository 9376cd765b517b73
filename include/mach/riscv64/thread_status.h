/* SPDX-License-Identifier: BSD-2-Clause */
/* Register state of a riscv64 thread, for thread_get_state() and thread_set_state(). */
#ifndef MACH_RISCV64_THREAD_STATUS_H
#define MACH_RISCV64_THREAD_STATUS_H

#include <stdint.h>

#define RISCV64_THREAD_STATE 1

/* Every integer register; all values are possible in all but pc, which is even and a user address. */
struct riscv64_thread_state {
    uint64_t pc;
    uint64_t ra;
    uint64_t sp;
    uint64_t gp;
    uint64_t tp;
    uint64_t t0, t1, t2;
    uint64_t s0, s1;
    uint64_t a0, a1, a2, a3, a4, a5, a6, a7;
    uint64_t s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
    uint64_t t3, t4, t5, t6;
};

typedef struct riscv64_thread_state riscv64_thread_state_t;

#define RISCV64_THREAD_STATE_COUNT ((unsigned)(sizeof(struct riscv64_thread_state) / sizeof(uint32_t)))

#endif
