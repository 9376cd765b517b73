/* SPDX-License-Identifier: BSD-2-Clause */
/* The HAL's part of a CPU: the first member of the kernel's `struct cpu`.  The GS base holds its address. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <arch/offsets.h>
#include <hal/types.h>

struct uctx;

struct hal_cpu {
    struct uctx *current; /* what this CPU runs or ran last; entries save user registers there */
    struct cpu *self;
    uint64_t stack_top; /* every entry from user mode starts here */
    uint32_t vector;    /* interrupt that the CPU delivered and hal_irq_claim() has not taken yet, or 0 */
    uint32_t index;
    uint64_t fault_top;   /* stack of faults */
    hal_ticks_t deadline; /* of the timer; HAL_TIMER_OFF if it is not armed */
    HAL_CONTRACT_FIELD
};

_Static_assert(offsetof(struct hal_cpu, current) == CPU_CURRENT, "offsets.h");
_Static_assert(offsetof(struct hal_cpu, self) == CPU_SELF, "offsets.h");
_Static_assert(offsetof(struct hal_cpu, stack_top) == CPU_STACK, "offsets.h");
_Static_assert(offsetof(struct hal_cpu, vector) == CPU_VECTOR, "offsets.h");

static inline struct cpu *hal_cpu_self(void)
{
#ifdef __FRAMAC__
    extern struct cpu *hal_cpu_self_model;
    return hal_cpu_self_model;
#else
    struct cpu *self;

    /* volatile: hal_cpu_boot_set() changes the answer once. */
    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(self) : "i"(CPU_SELF));
    return self;
#endif
}

#endif
