/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the scheduler. */
#ifndef SCHED_SCHED_I_H
#define SCHED_SCHED_I_H

#include <sched/sched.h>

/* Threads in the queue; a hint unless its lock is held. */
static inline uint32_t sched_queue_count(const struct cpu *cpu) NO_THREAD_SAFETY_ANALYSIS
{
    return __atomic_load_n(&cpu->runq.count, __ATOMIC_RELAXED);
}

/* Context: `t` is in no queue, or its queue's lock is held and it is moved. */
static inline void sched_priority_set(struct thread *t, uint64_t priority)
{
    __atomic_store_n(&t->priority, priority, __ATOMIC_RELAXED);
}

/* Work out what the priority of `t` is when nobody lends it any, after a change of what it depends on. */
/*@ requires \valid(t);
    assigns t->own_priority;
    behavior depressed:
      assumes t->depressed;
      ensures idle: t->own_priority == SCHED_PRIORITY_IDLE;
    behavior least:
      assumes !t->depressed && t->base_priority <= SCHED_PRIORITY_LEAST;
      ensures base: t->own_priority == t->base_priority;
    behavior penalised:
      assumes !t->depressed && t->base_priority > SCHED_PRIORITY_LEAST;
      ensures penalty: t->own_priority == \max(t->base_priority - t->penalty, SCHED_PRIORITY_LEAST);
    complete behaviors;
    disjoint behaviors;
*/
static inline void sched_priority_own(struct thread *t)
{
    /* relaxed: the fast path may read it at this moment */
    if (t->depressed || t->base_priority <= SCHED_PRIORITY_LEAST)
        __atomic_store_n(&t->own_priority, t->depressed ? SCHED_PRIORITY_IDLE : t->base_priority,
                         __ATOMIC_RELAXED);
    else if (t->base_priority - SCHED_PRIORITY_LEAST > t->penalty)
        __atomic_store_n(&t->own_priority, t->base_priority - t->penalty, __ATOMIC_RELAXED);
    else
        __atomic_store_n(&t->own_priority, SCHED_PRIORITY_LEAST, __ATOMIC_RELAXED);
}

/* What is left of a penalty after `steps` of forgiveness. */
/*@ assigns \nothing;
    ensures left: \result == \max(penalty - steps, 0);
*/
static inline uint32_t sched_penalty_left(uint32_t penalty, uint64_t steps)
{
    return steps < penalty ? penalty - (uint32_t)steps : 0;
}

/* Forgive what the passing of time forgives, and work out the own priority. Context: t->lock held. */
void sched_penalty_decay(struct thread *t);

/* The best ready priority may have changed. An urgent mark stays: whoever made it waits for the CPU's exit.
 */
void sched_top_update(struct cpu *cpu) REQUIRES(cpu->runq.lock);

/* Enter `t` in the queue of `cpu`, and see to it that this CPU notices. Context: t->lock held. */
void sched_queue_insert(struct cpu *cpu, struct thread *t, bool at_head);

/* Take the best thread off, or NULL. It is READY and in no queue. */
struct thread *sched_queue_pop(struct cpu *cpu);

/* An idle CPU, preferably `home`, that does not count as idle from now on; NULL: none. */
struct cpu *sched_claim_idle(struct cpu *home);

#endif
