/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: 32 priorities, a run queue per CPU, idle CPUs steal.  A woken thread goes to the CPU it ran
 * on if that is idle, else to an idle CPU, else to its own.  The timer is armed only while a CPU has more
 * than one thread to run.  cpu->top_priority mirrors the best ready priority so that one compare in the IPC
 * fast path tells whether the slow exit must look; it is CPU_TOP_URGENT when the current thread has a request
 * pending or its quantum is over.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <kern/cpu.h>
#include <kern/thread.h>

#define SCHED_QUANTUM_MS 10u
#define SCHED_BOOST_MS 100u  /* a CPU lets a thread of low priority run at least this often */
#define SCHED_PENALTY_MAX 4u /* most levels that a timesharing thread loses by using up its quanta */
#define SCHED_DECAY_MS 50u   /* it regains one in this time, times the number of threads that share the CPU */
#define SCHED_PRIORITY_LEAST 1u /* a penalty goes no lower */
#define SCHED_PRIORITY_KERNEL 24u
#define SCHED_PRIORITY_USER_MAX 23u /* limit of new user threads */

/* Boot: the scheduler's part of a CPU. */
void sched_init(struct cpu *cpu);

/* Enter a READY thread in a run queue: choose the CPU, preempt or kick it if needed. Context: t->lock held,
 * no runq lock. */
void sched_enqueue(struct thread *t);

/* Run a READY thread, which is in no queue, next on this CPU, unless better ones are ready then. Context:
 * t->lock held. */
void sched_handoff(struct thread *t);

/* Let a READY thread that is suspended finish what it does in the kernel, up to the edge of user mode where
 * it stops, before this CPU does anything else (unless another thread was chosen for that before). Context:
 * t->lock held. */
void sched_settle(struct thread *t);

/* Take a READY thread out of its run queue. Returns false: it is in none. Context: t->lock held. */
bool sched_dequeue(struct thread *t);

/* Put the current thread (state RUNNING) back and leave the CPU without one. at_head: before its equals.
 * Context: no lock. */
void sched_preempt_current(struct cpu *cpu, bool at_head);

/* The current thread stops being that: end of its accounting, and its priority is its own again. Context:
 * t->lock held. */
void sched_stop(struct cpu *cpu, struct thread *t);

/* Should the current thread give way (higher priority ready, quantum over with equals ready)?  Also brings
 * cpu->top_priority up to date and starts a quantum if there is competition. */
bool sched_should_switch(struct cpu *cpu);

/* Choose what this CPU runs next (hand-off, own queue, then stolen) and make it current: state RUNNING,
 * quantum and accounting started. Returns it, or NULL: none. Context: no current thread, no lock. */
struct thread *sched_pick(struct cpu *cpu);

/* There is nothing to run: hal_cpu_idle() follows. */
void sched_idle_enter(struct cpu *cpu);
/* An interrupt ended the idling. */
void sched_idle_leave(struct cpu *cpu);

/* Timer interrupt work of the scheduler: quantum end. */
void sched_tick(struct cpu *cpu);

struct sched_policy {
    int policy;          /* POLICY_*; POLICY_NULL: as it is */
    unsigned priority;   /* base: 0 .. SCHED_PRIORITY_MAX */
    uint32_t quantum_ms; /* > 0 */
};

/*
 * Change policy and base priority, and with set_limit the limit of later changes to the same value.
 * Context: caller has a reference; locks of rank < LOCK_RANK_THREAD may be held.
 * Returns: KERN_SUCCESS; KERN_POLICY_LIMIT above the thread's limit: unchanged.
 */
kern_return_t sched_set_policy(struct thread *t, const struct sched_policy *policy, bool set_limit);

/* The thread executes no user instruction any more: let it end soon, whatever its priority was. Context:
 * t->lock held. */
void sched_hurry(struct thread *t);

/* thread_switch(): give way to others. Context: current thread, no lock. */
void sched_yield(struct thread *self);

/* Lowest priority for `ms` milliseconds. Context: current thread, no lock. */
void sched_depress(struct thread *self, uint32_t ms);
/* End that early. Returns false: it was not depressed. Context: no lock; caller has a reference. */
bool sched_depress_end(struct thread *t);

#endif
