/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run queue: one FIFO per priority and a bitmap of those in use.  Every operation is O(1).  What is queued
 * are the links of threads; who calls knows their priorities.
 */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include <kern/list.h>
#include <kern/spinlock.h>
#include <stdint.h>

#define SCHED_PRIORITIES 32u
#define SCHED_PRIORITY_MAX 31u /* most urgent */
#define SCHED_PRIORITY_DEFAULT 15u
#define SCHED_PRIORITY_IDLE 0u

struct sched_runq {
    spinlock_t lock;                  /* rank LOCK_RANK_RUNQ */
    uint32_t bitmap GUARDED_BY(lock); /* bit p: queue[p] is not empty */
    uint32_t count GUARDED_BY(lock);
    struct list queue[SCHED_PRIORITIES] GUARDED_BY(lock);
};

/*@ axiomatic runq_bits {
      axiom bit_range: \forall integer p; 0 <= p < 32 ==> 0 < (1 << p) <= 0x80000000;
    }
    predicate bit(integer bits, integer p) = (bits & (1 << p)) != 0;

    // The bitmap is exact.
    predicate bitmap_exact{L}(struct sched_runq *q) =
      \forall integer p; 0 <= p < SCHED_PRIORITIES ==> (bit(q->bitmap, p) <==> q->queue[p].next != &q->queue[p]);
    // `node` is the head of the queue of this priority, or a link outside of the run queue
    predicate in_queue(struct sched_runq *q, integer p, struct list *node) =
      \valid(node) && (node == &q->queue[p] || \separated(node, q));
    predicate ends{L}(struct sched_runq *q) =
      \forall integer p; 0 <= p < SCHED_PRIORITIES ==>
        in_queue(q, p, q->queue[p].next) && in_queue(q, p, q->queue[p].prev) &&
        (q->queue[p].next == &q->queue[p] <==> q->queue[p].prev == &q->queue[p]);
    // `link` is in the queue of this priority, between its neighbours
    predicate queued{L}(struct sched_runq *q, integer p, struct list *link) =
      \valid(link) && \separated(link, q) && in_queue(q, p, link->next) && in_queue(q, p, link->prev) &&
      \separated(link, link->next) && \separated(link, link->prev) && list_apart(link->prev, link->next) &&
      (q->queue[p].next == link <==> link->prev == &q->queue[p]) && q->queue[p].next != &q->queue[p];
    predicate oldest_queued{L}(struct sched_runq *q) =
      \forall integer p; 0 <= p < SCHED_PRIORITIES && q->queue[p].next != &q->queue[p] ==>
        queued(q, p, q->queue[p].next);
    predicate is_best{L}(struct sched_runq *q, integer p) =
      bit(q->bitmap, p) && \forall integer k; p < k < SCHED_PRIORITIES ==> !bit(q->bitmap, k);
*/

void sched_runq_init(struct sched_runq *q);

/* Enter `link`, before or behind all others of its priority. */
/*@ requires \valid(q) && bitmap_exact(q) && ends(q) && priority < SCHED_PRIORITIES && q->count < UINT32_MAX;
    requires \valid(link) && \separated(link, q);
    requires \separated(link, q->queue[priority].next) && \separated(link, q->queue[priority].prev);
    assigns *link, q->bitmap, q->count, q->queue[priority], q->queue[priority].next->prev,
            q->queue[priority].prev->next;
    ensures exact: bitmap_exact(q);
    ensures count: q->count == \old(q->count) + 1;
    ensures head: at_head ==> q->queue[priority].next == link && link->prev == &q->queue[priority] &&
      link->next == \old(q->queue[priority].next);
    ensures tail: !at_head ==> q->queue[priority].prev == link && link->next == &q->queue[priority] &&
      link->prev == \old(q->queue[priority].prev);
*/
void sched_runq_insert(struct sched_runq *q, struct list *link, uint64_t priority, bool at_head)
    REQUIRES(q->lock);

/* Take off `link`, which is queued with this priority. */
/*@ requires \valid(q) && bitmap_exact(q) && ends(q) && priority < SCHED_PRIORITIES && q->count > 0;
    requires queued(q, priority, link);
    assigns *link, q->bitmap, q->count, q->queue[priority], link->next->prev, link->prev->next;
    ensures exact: bitmap_exact(q);
    ensures count: q->count == \old(q->count) - 1;
    ensures off: link->next == link && link->prev == link;
    ensures joined: \old(link->prev)->next == \old(link->next) && \old(link->next)->prev == \old(link->prev);
*/
void sched_runq_remove(struct sched_runq *q, struct list *link, uint64_t priority) REQUIRES(q->lock);

/* Best priority in the queue, or -1. */
/*@ requires \valid_read(q);
    assigns \nothing;
    ensures range: -1 <= \result < SCHED_PRIORITIES;
    ensures empty: \result == -1 <==> q->bitmap == 0;
    ensures used: \result >= 0 ==> bit(q->bitmap, \result);
    ensures best: \forall integer p; \result < p < SCHED_PRIORITIES ==> !bit(q->bitmap, p);
*/
static inline int sched_runq_best(const struct sched_runq *q) REQUIRES(q->lock)
{
    return q->bitmap == 0 ? -1 : 31 - __builtin_clz(q->bitmap);
}

/* The oldest of the best priority, taken off; NULL: empty. */
/*@ requires \valid(q) && bitmap_exact(q) && ends(q) && oldest_queued(q) && (q->bitmap != 0 ==> q->count > 0);
    assigns q->bitmap, q->count, q->queue[0 .. SCHED_PRIORITIES - 1],
            *\at(q->queue[0 .. SCHED_PRIORITIES - 1].next, Pre),
            \at(q->queue[0 .. SCHED_PRIORITIES - 1].next, Pre)->next->prev;
    ensures exact: bitmap_exact(q);
    ensures none: \result == \null <==> \old(q->bitmap) == 0;
    ensures oldest: \forall integer p; 0 <= p < SCHED_PRIORITIES && is_best{Pre}(q, p) ==>
      \result == \old(q->queue[p].next);
    ensures off: \result != \null ==> \result->next == \result && q->count == \old(q->count) - 1;
*/
struct list *sched_runq_pop(struct sched_runq *q) REQUIRES(q->lock);

#endif
