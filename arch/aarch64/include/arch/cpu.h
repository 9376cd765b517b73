/* SPDX-License-Identifier: BSD-2-Clause */
/* The HAL's part of a CPU: the first member of the kernel's `struct cpu`.  TPIDR_EL1 holds its address. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <arch/offsets.h>
#include <hal/types.h>

struct hal_cpu {
    uint64_t stack_top;     /* every entry from user mode starts here */
    uint64_t emergency_top; /* where a fault of the kernel itself is handled: the stack may be its cause */
    uint64_t scratch[2];    /* for the first instructions of such a fault */
    uint32_t index;
    uint32_t irq_ack; /* what the interrupt controller acknowledged last */
    HAL_CONTRACT_FIELD
};

_Static_assert(offsetof(struct hal_cpu, stack_top) == CPU_STACK, "offsets.h");
_Static_assert(offsetof(struct hal_cpu, emergency_top) == CPU_EMERGENCY, "offsets.h");
_Static_assert(offsetof(struct hal_cpu, scratch) == CPU_SCRATCH, "offsets.h");

static inline struct cpu *hal_cpu_self(void)
{
    struct cpu *self;

    /* volatile: hal_cpu_boot_set() changes the answer once. */
    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(self));
    return self;
}

#endif
