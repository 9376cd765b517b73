/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kicked threads: threads with a new request (t->ast) that may not notice by themselves.  A CPU looks at
 * those on its list at its next kernel exit, with no lock held.  A thread that ran when it was kicked may by
 * then have blocked in the IPC fast path, which takes no thread lock; so each is looked at again, and
 * followed to another CPU if need be.
 */
#ifndef KERN_KICK_H
#define KERN_KICK_H

#include <kern/cpu.h>

/* Put `t` on the list of `cpu`, unless it is on one, and make that CPU look. Set the request before.
 * Context: any; the caller holds a reference or t->lock. */
void kick_thread(struct thread *t, struct cpu *cpu);

/* Is there any on this CPU's list? A hint: who puts one there makes the CPU look again. */
static inline bool kick_pending(const struct cpu *cpu)
{
    return cpu->examined != NULL || __atomic_load_n(&cpu->kicked, __ATOMIC_RELAXED) != NULL;
}

/* Look at all threads on this CPU's list; takes interrupts in between. Context: no lock. */
void kick_examine(struct cpu *cpu);

#endif
