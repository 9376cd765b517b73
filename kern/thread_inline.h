/* SPDX-License-Identifier: BSD-2-Clause */
/* Inlines of kern/thread.h that need struct cpu. */
#ifndef KERN_THREAD_INLINE_H
#define KERN_THREAD_INLINE_H

#include <kern/cpu.h>
#include <vm/pmap.h>

static inline struct thread *thread_current(void)
{
    return hal_cpu_self()->current;
}

static inline void thread_activate(const struct thread *t)
{
    /* no token: the address space lost its ASID while it was not active */
    if (t->pmap != NULL &&
        (hal_cpu_self()->pmap != t->pmap || __atomic_load_n(&t->pmap->token, __ATOMIC_RELAXED) == 0))
        pmap_activate(t->pmap);
}

static inline void thread_settle_timeout(struct thread *t, const struct cpu *cpu)
{
    /* in this order: a function that ran until the first look may have entered itself again, and run again before the second one */
    if (__builtin_expect(timeout_is_running(&t->timeout) || timeout_is_elsewhere(&t->timeout, cpu) ||
                             timeout_is_running(&t->timeout),
                         0))
        thread_settle_timeout_elsewhere(t, cpu);
}

#endif
