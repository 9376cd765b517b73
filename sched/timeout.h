/* SPDX-License-Identifier: BSD-2-Clause */
/* Timeouts: a queue per CPU (a heap of intrusive nodes, O(log n)); the CPU's timer is armed for the earliest.
 */
#ifndef SCHED_TIMEOUT_H
#define SCHED_TIMEOUT_H

#include <hal/info.h>
#include <hal/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>

struct cpu;
struct timeout;

/* Runs masked at upcall level on the CPU whose queue the timeout was in, no lock held; the timeout is off the
 * queue.  It may be set again; its memory stays until timeout_wait() returned. */
typedef void (*timeout_function_t)(struct timeout *timeout);

struct timeout {
    hal_ticks_t deadline;
    timeout_function_t function;
    struct cpu *cpu; /* whose queue it is in; NULL: none */
    /* heap links, owned by sched/timeout.c */
    struct timeout *parent, *left, *right;
    uint32_t rank;
    bool running; /* atomic: `function` has begun and has not returned */
};

struct timeout_queue {
    spinlock_t lock; /* rank LOCK_RANK_TIMEOUT */
    struct timeout *root GUARDED_BY(lock);
};

void timeout_queue_init(struct timeout_queue *q);
/* Enter on this CPU's queue. Context: masked, not queued. */
void timeout_set(struct timeout *timeout, hal_ticks_t deadline, timeout_function_t function);
/* Take off, from any CPU. Returns false if it was not queued: its function ran, or runs now on another CPU.
 */
bool timeout_cancel(struct timeout *timeout);
/* Run what is due on this CPU and arm its timer for the next. Context: HAL_IRQ_TIMER, no lock held. */
void timeout_expire(void);
/* Wait until its function does not run on another CPU. Context: no lock held. Not from the function. */
void timeout_wait(const struct timeout *timeout);
/* Is its function running, as far as this CPU knows? / Is it in the queue of another CPU than this? */
static inline bool timeout_is_running(const struct timeout *timeout)
{
    /* acquire: what the function did is visible */
    return __atomic_load_n(&timeout->running, __ATOMIC_ACQUIRE);
}

static inline bool timeout_is_elsewhere(const struct timeout *timeout, const struct cpu *cpu)
{
    /* acquire: who finds it taken off a queue sees that its function runs, or ran */
    const struct cpu *queue = __atomic_load_n(&timeout->cpu, __ATOMIC_ACQUIRE);

    return queue != NULL && queue != cpu;
}

/* Milliseconds as ticks, rounded up. The clock is slower than 4 THz. */
/*@ requires hal_info.time_hz < 4000000000000;
    assigns \nothing;
    ensures enough: \result * 1000 >= ms * hal_info.time_hz;
    ensures least: \result * 1000 < ms * hal_info.time_hz + 1000;
*/
hal_ticks_t timeout_ms_to_ticks(uint32_t ms);
/* Arm this CPU's timer for the earlier of its next timeout and the end of the current quantum. A timer that
 * is armed for an earlier time may stay so, but not on a CPU without a current thread. Context: `cpu` is this
 * CPU. */
void timeout_arm(struct cpu *cpu);

#endif
