/* SPDX-License-Identifier: BSD-2-Clause */
/* x86_64: the time-stamp counter; under `-icount shift=0` one tick is one instruction. */
#ifndef BENCH_COUNTER_H
#define BENCH_COUNTER_H

#include <stdint.h>

static inline uint64_t counter_read(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#endif
