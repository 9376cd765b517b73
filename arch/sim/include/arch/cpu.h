/* SPDX-License-Identifier: BSD-2-Clause */
/* The ISA's part of `struct cpu`. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <hal/types.h>

/* What each CPU has its own of: CPUs are host threads, or take turns in one. */
#ifdef SIM_THREADS
#define ARCH_CPU_LOCAL _Thread_local
#else
#define ARCH_CPU_LOCAL
#endif

struct hal_cpu {
    uint32_t index;
    HAL_CONTRACT_FIELD
};

extern ARCH_CPU_LOCAL struct cpu *arch_cpu_self; /* the CPU that makes the current step */

static inline struct cpu *hal_cpu_self(void)
{
    return arch_cpu_self;
}

#endif
