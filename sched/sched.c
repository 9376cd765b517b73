/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler.  Every operation is O(1), but for an idle CPU's search for work.
 *
 * Effective priority (t->priority) = base_priority, minus a penalty of up to SCHED_PENALTY_MAX levels: one
 * more whenever a quantum ends while a timesharing thread runs, one less for a time in proportion to the
 * number of threads that share the CPU.  So threads that wait much stay ahead of those that compute.  The
 * time is looked at when a thread becomes ready, leaves the CPU, is charged or boosted: there is no periodic
 * pass over all threads.  A server that runs for a caller has at least the caller's priority
 * (thread_handoff(), and the IPC fast path) until it blocks.
 *
 * A quantum is the CPU's: a thread that becomes current because another one blocked goes on with what is left
 * of it.  So threads that wake one another in turn can't keep the CPU, and over time each is charged in
 * proportion to what it runs.
 *
 * No ready thread starves: while a CPU has a queue its quantum timer runs, and every SCHED_BOOST_MS the head
 * of one lower level, each level in turn, gets the best priority for one quantum.  A thread that is preempted stays
 * the head of its level only until it has run for a quantum in all, whoever runs when quanta end.
 *
 * Balance: a woken thread prefers idle CPUs; idle CPUs steal; and a CPU with a queue moves a thread to an
 * idle CPU, or to one with a shorter queue (one is looked at for each quantum).
 *
 * Who sees what: a thread in a queue is READY and t->cpu names the queue; both change under t->lock.  A
 * popped thread is READY and in no queue until the CPU that popped it makes it RUNNING.  top_priority of a
 * CPU is written under its queue's lock, but for CPU_TOP_URGENT, which may be stored at any time: only the
 * CPU itself replaces that, and whoever stores it from outside sends an IPI afterwards, so a mark that is
 * overwritten is not a request that is lost.
 */
#include <hal/hal.h>
#include <kern/fpu.h>
#include <kern/panic.h>
#include <mach/policy.h>
#include <sched/sched.h>
#include <sched/sched_i.h>

static cpu_mask_t idle_cpus; /* atomic: CPUs in hal_cpu_idle(), or about to be */

static inline cpu_mask_t cpu_bit(const struct cpu *cpu)
{
    return (cpu_mask_t)1 << cpu->index;
}

void sched_init(struct cpu *cpu)
{
    sched_runq_init(&cpu->runq);
    timeout_queue_init(&cpu->timeouts);
    cpu->ticks_per_ms = timeout_ms_to_ticks(1);
    cpu->timer_deadline = HAL_TIMER_OFF;
    cpu->quantum_end = HAL_TIMER_OFF;
    cpu->top_priority = 0;
}

/* The CPU's time since the last switch by the general path goes to the thread that is current at its end. */
static void charge_time(struct cpu *cpu, struct thread *t)
{
    hal_ticks_t now = hal_time_now();

    t->run_time += now - cpu->run_start;
    t->turn_time += now - cpu->run_start;
    t->stop_time = now;
    cpu->run_start = now;
}

void sched_penalty_decay(struct thread *t)
{
    if (t->penalty > 0) {
        hal_ticks_t now = hal_time_now();
        hal_ticks_t step = timeout_ms_to_ticks(SCHED_DECAY_MS) * (sched_queue_count(hal_cpu_self()) + 1);
        uint64_t steps = (now - t->penalty_time) / step;
        if (steps > 0) {
            t->penalty = sched_penalty_left(t->penalty, steps);
            t->penalty_time = now;
        }
    }
    sched_priority_own(t);
}

void sched_stop(struct cpu *cpu, struct thread *t)
{
    charge_time(cpu, t);
    t->boosted = false;
    sched_penalty_decay(t);
    cpu->donor_priority = t->priority;
    sched_priority_set(t, t->own_priority);
}

/* --- queues --- */

/* The best priority of the queue is this now, or -1. */
static void top_set(struct cpu *cpu, int best)
{
    uint64_t top = best < 0 ? 0 : (uint64_t)best;
    uint64_t old = __atomic_load_n(&cpu->top_priority, __ATOMIC_RELAXED);

    while (old != CPU_TOP_URGENT && !__atomic_compare_exchange_n(&cpu->top_priority, &old, top, true,
                                                                 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void sched_top_update(struct cpu *cpu)
{
    top_set(cpu, sched_runq_best(&cpu->runq));
}

static void quantum_start(struct cpu *cpu, const struct thread *t)
{
    if (sched_queue_count(cpu) == 0 || t->policy == POLICY_FIFO) {
        cpu->quantum_end = HAL_TIMER_OFF;
        return;
    }
    cpu->quantum_end = hal_time_now() + timeout_ms_to_ticks(t->quantum_ms);
    timeout_arm(cpu);
}

void sched_queue_insert(struct cpu *cpu, struct thread *t, bool at_head)
{
    uint64_t priority = t->priority; /* in the queue it may change */

    __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELAXED); /* kick.c reads it without the lock */
    if (!at_head)
        t->turn_time = 0;
    spin_lock(&cpu->runq.lock);
    int best = sched_runq_best(&cpu->runq);
    sched_runq_insert(&cpu->runq, &t->run_link, priority, at_head);
    top_set(cpu, best < (int)priority ? (int)priority : best);
    spin_unlock(&cpu->runq.lock);
    if (cpu != hal_cpu_self()) {
        /* with a queue that is as good already, it is about to switch or has its quantum timer running */
        if (best < (int)priority)
            smp_kick(cpu);
    } else if (cpu->current != NULL && cpu->quantum_end == HAL_TIMER_OFF) {
        quantum_start(cpu, cpu->current);
    }
}

struct cpu *sched_claim_idle(struct cpu *home)
{
    /* relaxed: a hint; a CPU that is idle, or not yet, hears of a new thread by an IPI in any case */
    cpu_mask_t idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED);

    while (idle != 0) {
        struct cpu *cpu = (idle & cpu_bit(home)) != 0 ? home : cpu_table[__builtin_ctzll(idle)];
        idle = __atomic_fetch_and(&idle_cpus, ~cpu_bit(cpu), __ATOMIC_RELAXED);
        if ((idle & cpu_bit(cpu)) != 0)
            return cpu;
    }
    return NULL;
}

void sched_enqueue(struct thread *t)
{
    struct cpu *home = t->cpu != NULL ? t->cpu : hal_cpu_self();
    struct cpu *idle = sched_claim_idle(home);

    KASSERT(t->state == THREAD_READY);
    sched_penalty_decay(t);
    if (t->priority < t->own_priority)
        sched_priority_set(t, t->own_priority);
    sched_queue_insert(idle != NULL ? idle : home, t, false);
}

bool sched_dequeue(struct thread *t)
{
    struct cpu *cpu = t->cpu;

    spin_lock(&cpu->runq.lock);
    bool queued = !list_empty(&t->run_link);
    if (queued) {
        sched_runq_remove(&cpu->runq, &t->run_link, t->priority);
        sched_top_update(cpu);
    }
    spin_unlock(&cpu->runq.lock);
    return queued;
}

void sched_handoff(struct thread *t)
{
    struct cpu *cpu = hal_cpu_self();
    uint64_t donor = cpu->current != NULL ? cpu->current->priority : cpu->donor_priority;

    KASSERT(t->state == THREAD_READY);
    if (cpu->handoff != NULL) {
        sched_enqueue(t);
        return;
    }
    if (donor > t->priority && !t->depressed)
        sched_priority_set(t, donor);
    t->cpu = cpu;
    cpu->handoff = t;
    if (cpu->current != NULL)
        smp_kick(cpu);
}

void sched_settle(struct thread *t)
{
    struct cpu *cpu = hal_cpu_self();

    if (t->continuation == NULL || cpu->handoff != NULL || !sched_dequeue(t))
        return;
    t->cpu = cpu;
    cpu->handoff = t;
    cpu->handoff_now = true;
    smp_kick(cpu);
}

/* Did the thread run for a quantum in all?  Those of the CPU may have ended while others ran. */
static bool turn_is_over(const struct thread *t)
{
    return t->policy != POLICY_FIFO && t->turn_time >= timeout_ms_to_ticks(t->quantum_ms);
}

void sched_preempt_current(struct cpu *cpu, bool at_head)
{
    struct thread *t = cpu->current;

    fpu_release(cpu);
    spin_lock(&t->lock);
    charge_time(cpu, t);
    __atomic_store_n(&t->state, THREAD_READY, __ATOMIC_RELAXED);
    cpu->current = NULL;
    /* from the insertion on, another CPU may run it */
    sched_queue_insert(cpu, t, at_head && !turn_is_over(t));
    spin_unlock(&t->lock);
}

/* --- choosing --- */

bool sched_should_switch(struct cpu *cpu)
{
    struct thread *t = cpu->current;
    /* relaxed: sched_hurry() may raise it meanwhile, and then kicks this CPU */
    int priority = (int)__atomic_load_n(&t->priority, __ATOMIC_RELAXED);

    spin_lock(&cpu->runq.lock);
    int best = sched_runq_best(&cpu->runq);
    __atomic_store_n(&cpu->top_priority, best < 0 ? 0 : (uint64_t)best, __ATOMIC_RELAXED);
    spin_unlock(&cpu->runq.lock);

    struct thread *next = cpu->handoff;
    if (next != NULL && !cpu->handoff_now && (int)next->priority <= priority) {
        /* the current thread goes on: the other one waits for its turn like everybody */
        cpu->handoff = NULL;
        spin_lock(&next->lock);
        sched_enqueue(next);
        spin_unlock(&next->lock);
        next = NULL;
    }
    if (next != NULL || best > priority || (cpu->quantum_over && best == priority))
        return true;
    if (cpu->quantum_over || (best >= 0 && cpu->quantum_end == HAL_TIMER_OFF)) {
        cpu->quantum_over = false;
        quantum_start(cpu, t);
    }
    return false;
}

struct thread *sched_queue_pop(struct cpu *cpu)
{
    if (sched_queue_count(cpu) == 0)
        return NULL;
    spin_lock(&cpu->runq.lock);
    struct list *link = sched_runq_pop(&cpu->runq);
    sched_top_update(cpu);
    spin_unlock(&cpu->runq.lock);
    return link != NULL ? CONTAINER_OF(link, struct thread, run_link) : NULL;
}

static struct thread *pick_handoff(struct cpu *cpu)
{
    struct thread *t = cpu->handoff;

    if (t == NULL)
        return NULL;
    cpu->handoff = NULL;
    if (cpu->handoff_now) {
        cpu->handoff_now = false;
        return t;
    }
    spin_lock(&cpu->runq.lock);
    int best = sched_runq_best(&cpu->runq);
    spin_unlock(&cpu->runq.lock);
    int priority = (int)__atomic_load_n(&t->priority, __ATOMIC_RELAXED);
    if (best < priority || (best == priority && !cpu->quantum_over))
        return t;
    spin_lock(&t->lock);
    sched_queue_insert(cpu, t, !cpu->quantum_over);
    spin_unlock(&t->lock);
    return NULL;
}

static struct thread *steal(struct cpu *cpu)
{
    for (uint32_t i = 1; i < hal_info.cpu_count; i++) {
        struct cpu *victim = cpu_table[(cpu->index + i) % hal_info.cpu_count];
        struct thread *t = sched_queue_pop(victim);
        if (t != NULL)
            return t;
    }
    return NULL;
}

/* Make a popped thread the current one, unless it may not run. Returns whether it is. */
static bool make_current(struct cpu *cpu, struct thread *t)
{
    thread_settle_timeout(t, cpu);
    spin_lock(&t->lock);
    if (thread_must_stop(t)) {
        __atomic_store_n(&t->state, THREAD_STOPPED, __ATOMIC_RELAXED);
        spin_unlock(&t->lock);
        return false;
    }
    t->cpu = cpu;
    __atomic_store_n(&t->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    cpu->current = t;
    spin_unlock(&t->lock);
    cpu->run_start = hal_time_now();
    t->switches++;
    cpu->switches++;
    if (cpu->quantum_over || cpu->quantum_end == HAL_TIMER_OFF) {
        cpu->quantum_over = false;
        quantum_start(cpu, t);
    }
    return true;
}

struct thread *sched_pick(struct cpu *cpu)
{
    struct thread *t;

    do {
        t = pick_handoff(cpu);
        if (t == NULL)
            t = sched_queue_pop(cpu);
        if (t == NULL)
            t = steal(cpu);
    } while (t != NULL && !make_current(cpu, t));
    return t;
}

/* --- idling --- */

void sched_idle_enter(struct cpu *cpu)
{
    /* relaxed: what comes for this CPU from now on comes with an IPI, which hal_cpu_idle() does not lose */
    __atomic_fetch_or(&idle_cpus, cpu_bit(cpu), __ATOMIC_RELAXED);
    cpu->quantum_end = HAL_TIMER_OFF;
    timeout_arm(cpu);
}

void sched_idle_leave(struct cpu *cpu)
{
    __atomic_fetch_and(&idle_cpus, ~cpu_bit(cpu), __ATOMIC_RELAXED);
}
