/* SPDX-License-Identifier: BSD-2-Clause */
/* A run queue: one FIFO per priority and a bitmap of those in use. Every operation is O(1). */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include <kern/list.h>
#include <kern/spinlock.h>
#include <stdint.h>

#define SCHED_PRIORITIES 32u
#define SCHED_PRIORITY_MAX 31u /* most urgent */
#define SCHED_PRIORITY_DEFAULT 15u
#define SCHED_PRIORITY_IDLE 0u

struct thread;

struct sched_runq {
    spinlock_t lock;                  /* rank LOCK_RANK_RUNQ */
    uint32_t bitmap GUARDED_BY(lock); /* bit p: queue[p] is not empty */
    uint32_t count GUARDED_BY(lock);
    struct list queue[SCHED_PRIORITIES] GUARDED_BY(lock);
};

void sched_runq_init(struct sched_runq *q);
void sched_runq_insert(struct sched_runq *q, struct thread *t, bool at_head) REQUIRES(q->lock);
void sched_runq_remove(struct sched_runq *q, struct thread *t) REQUIRES(q->lock);
/* The oldest thread of the best priority, taken off; NULL: empty. */
struct thread *sched_runq_pop(struct sched_runq *q) REQUIRES(q->lock);
/* Best priority in the queue, or -1. */
int sched_runq_best(const struct sched_runq *q) REQUIRES(q->lock);

#endif
