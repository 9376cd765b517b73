/* SPDX-License-Identifier: BSD-2-Clause */
#include <kern/thread.h>
#include <sched/runq.h>

void sched_runq_init(struct sched_runq *q) NO_THREAD_SAFETY_ANALYSIS
{
    spin_init(&q->lock, LOCK_RANK_RUNQ);
    q->bitmap = 0;
    q->count = 0;
    for (unsigned i = 0; i < SCHED_PRIORITIES; i++)
        list_init(&q->queue[i]);
}

/* relaxed: others look at the count without the lock, for a hint */
static inline uint32_t count_get(const struct sched_runq *q)
{
    return __atomic_load_n(&q->count, __ATOMIC_RELAXED);
}

static inline void count_set(struct sched_runq *q, uint32_t count)
{
    __atomic_store_n(&q->count, count, __ATOMIC_RELAXED);
}

void sched_runq_insert(struct sched_runq *q, struct thread *t, bool at_head)
{
    struct list *queue = &q->queue[t->priority];

    if (at_head)
        list_insert_head(queue, &t->run_link);
    else
        list_insert_tail(queue, &t->run_link);
    q->bitmap |= UINT32_C(1) << t->priority;
    count_set(q, count_get(q) + 1);
}

void sched_runq_remove(struct sched_runq *q, struct thread *t)
{
    list_remove(&t->run_link);
    if (list_empty(&q->queue[t->priority]))
        q->bitmap &= ~(UINT32_C(1) << t->priority);
    count_set(q, count_get(q) - 1);
}

int sched_runq_best(const struct sched_runq *q)
{
    return q->bitmap == 0 ? -1 : 31 - __builtin_clz(q->bitmap);
}

struct thread *sched_runq_pop(struct sched_runq *q)
{
    int best = sched_runq_best(q);

    if (best < 0)
        return NULL;
    struct thread *t = CONTAINER_OF(list_first(&q->queue[best]), struct thread, run_link);
    sched_runq_remove(q, t);
    return t;
}
