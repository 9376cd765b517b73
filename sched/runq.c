/* SPDX-License-Identifier: BSD-2-Clause */
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
/*@ requires \valid_read(q); assigns \nothing; ensures \result == q->count; */
static inline uint32_t count_get(const struct sched_runq *q)
{
    return __atomic_load_n(&q->count, __ATOMIC_RELAXED);
}

/*@ requires \valid(q); assigns q->count; ensures q->count == count; */
static inline void count_set(struct sched_runq *q, uint32_t count)
{
    __atomic_store_n(&q->count, count, __ATOMIC_RELAXED);
}

void sched_runq_insert(struct sched_runq *q, struct list *link, uint64_t priority, bool at_head)
{
    struct list *queue = &q->queue[priority];

    if (at_head)
        list_insert_head(queue, link);
    else
        list_insert_tail(queue, link);
    //@ assert used: q->queue[priority].next != &q->queue[priority];
    /*@ assert others: \forall integer p; 0 <= p < SCHED_PRIORITIES && p != priority ==>
          q->queue[p].next == \at(q->queue[p].next, Pre); */
    q->bitmap |= UINT32_C(1) << priority;
    count_set(q, count_get(q) + 1);
}

void sched_runq_remove(struct sched_runq *q, struct list *link, uint64_t priority)
{
    list_remove(link);
    /*@ assert others: \forall integer p; 0 <= p < SCHED_PRIORITIES && p != priority ==>
          q->queue[p].next == \at(q->queue[p].next, Pre); */
    if (list_empty(&q->queue[priority]))
        q->bitmap ^= UINT32_C(1) << priority; /* it is set */
    count_set(q, count_get(q) - 1);
}

struct list *sched_runq_pop(struct sched_runq *q)
{
    int best = sched_runq_best(q);

    if (best < 0)
        return NULL;
    struct list *link = q->queue[best].next;
    sched_runq_remove(q, link, (uint64_t)best);
    return link;
}
