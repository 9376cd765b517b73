/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of the memory system.  Each CPU counts for itself; a reader adds up. */
#ifndef VM_VM_STAT_H
#define VM_VM_STAT_H

#include <kern/cpu.h>

enum vm_stat {
    VM_STAT_FAULTS,       /* calls of vm_fault() */
    VM_STAT_ZERO_FILL,    /* pages made on first touch */
    VM_STAT_COPY,         /* pages copied on first write */
    VM_STAT_REACTIVATED,  /* pages that page-out looked at, and that had been used */
    VM_STAT_PAGEINS,      /* pages that pagers supplied */
    VM_STAT_PAGEOUTS,     /* pages that were given back to them */
    VM_STAT_OBJECT_PAGES, /* pages in memory objects now */
    VM_STAT_TABLE_PAGES,  /* pages in page tables now */
    VM_STAT_COUNT,
};

struct vm_stat_cpu {
    int64_t value[VM_STAT_COUNT]; /* what went up on one CPU may go down on another */
} __attribute__((aligned(64)));

extern struct vm_stat_cpu vm_stat_cpu[HAL_CPU_MAX];

static inline void vm_stat_add(enum vm_stat stat, int64_t n)
{
    int64_t *value = &vm_stat_cpu[hal_cpu_self()->index].value[stat];

    /* relaxed: only this CPU writes it */
    __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* The sum over all CPUs; exact when no other CPU counts. */
uint64_t vm_stat_sum(enum vm_stat stat);

#endif
