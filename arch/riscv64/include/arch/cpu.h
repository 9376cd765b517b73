/* SPDX-License-Identifier: BSD-2-Clause */
/* The ISA's part of `struct cpu`. In the kernel, tp holds its address; assembly uses the offsets. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#define HAL_CPU_STACK 0
#define HAL_CPU_ICACHE_STALE 8
#define HAL_CPU_IDLE 12

#ifndef __ASSEMBLER__
#include <hal/types.h>
#include <stdatomic.h>

struct hal_cpu {
    uint64_t stack_top;       /* sp of the empty stack */
    atomic_uint icache_stale; /* a fence.i is due before the next return to user mode */
    atomic_uint idle;         /* waits in hal_cpu_idle() */
    uint64_t hart;            /* what firmware calls this CPU */
    hal_ticks_t deadline;     /* as armed; HAL_TIMER_OFF: none */
    uint32_t index;
    uint32_t pauses; /* turns of hal_cpu_pause() so far */
    HAL_CONTRACT_FIELD
};

_Static_assert(offsetof(struct hal_cpu, stack_top) == HAL_CPU_STACK &&
                   offsetof(struct hal_cpu, icache_stale) == HAL_CPU_ICACHE_STALE &&
                   offsetof(struct hal_cpu, idle) == HAL_CPU_IDLE,
               "used by assembly");

static inline struct cpu *hal_cpu_self(void)
{
    struct cpu *self;

    __asm__ volatile("mv %0, tp" : "=r"(self));
    return self;
}
#endif

#endif
