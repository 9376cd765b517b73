/* SPDX-License-Identifier: BSD-2-Clause */
/* riscv64: the cycle counter; under `-icount shift=0` one cycle is one instruction. */
#ifndef BENCH_COUNTER_H
#define BENCH_COUNTER_H

#include <stdint.h>

static inline uint64_t counter_read(void)
{
    uint64_t value;

    __asm__ volatile("rdcycle %0" : "=r"(value) : : "memory");
    return value;
}

#endif
