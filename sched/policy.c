/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler's slow decisions: what the end of a quantum means, and what users ask for. sched.c says why.
 */
#include <hal/hal.h>
#include <mach/policy.h>
#include <sched/sched.h>
#include <sched/sched_i.h>

/* The current thread used up its quantum, or the boost that it got. */
static void charge(struct thread *t)
{
    spin_lock(&t->lock);                                      /* another CPU may change its policy now */
    bool lent = !t->boosted && t->priority > t->own_priority; /* it works for somebody more urgent */
    sched_penalty_decay(t);
    if (!t->boosted && t->policy == POLICY_TIMESHARE && t->penalty < SCHED_PENALTY_MAX) {
        t->penalty++;
        t->penalty_time = hal_time_now();
    }
    t->boosted = false;
    sched_priority_own(t);
    if (!lent)
        sched_priority_set(t, t->own_priority);
    spin_unlock(&t->lock);
}

/*
 * The head of the next lower level that is not empty goes before all others, and before `current`, which may be NULL.
 * Returns whether there is one.
 */
static bool boost(struct cpu *cpu, const struct thread *current)
{
    hal_ticks_t now = hal_time_now();
    bool found = false;

    if (now < cpu->boost_time)
        return false;
    cpu->boost_time = now + timeout_ms_to_ticks(SCHED_BOOST_MS);
    spin_lock(&cpu->runq.lock);
    if (cpu->runq.bitmap != 0) {
        uint32_t below = cpu->runq.bitmap & ((UINT32_C(1) << cpu->boost_level) - 1);
        cpu->boost_level = 31u - (unsigned)__builtin_clz(below != 0 ? below : cpu->runq.bitmap);
        uint64_t best = (uint64_t)sched_runq_best(&cpu->runq);
        if (current != NULL && best < current->priority)
            best = current->priority;
        struct thread *t =
            CONTAINER_OF(list_first(&cpu->runq.queue[cpu->boost_level]), struct thread, run_link);
        sched_runq_remove(&cpu->runq, &t->run_link, t->priority);
        sched_priority_set(t, best);
        t->boosted = true;
        sched_runq_insert(&cpu->runq, &t->run_link, best, true);
        sched_top_update(cpu);
        found = true;
    }
    spin_unlock(&cpu->runq.lock);
    return found;
}

/* Give a thread to an idle CPU, or to one whose queue is shorter by more than one. */
static void balance(struct cpu *cpu)
{
    uint32_t count = sched_queue_count(cpu);

    if (count == 0 || hal_info.cpu_count == 1)
        return;
    struct cpu *target = sched_claim_idle(cpu);
    if (target == NULL) {
        cpu->balance_probe = cpu->balance_probe % (hal_info.cpu_count - 1) + 1;
        target = cpu_table[(cpu->index + cpu->balance_probe) % hal_info.cpu_count];
        if (!target->online || sched_queue_count(target) + 1 >= count)
            return;
    }
    struct thread *t = sched_queue_pop(cpu);
    if (t == NULL)
        return;
    spin_lock(&t->lock);
    sched_queue_insert(target, t, false);
    spin_unlock(&t->lock);
}

void sched_tick(struct cpu *cpu)
{
    struct thread *t = cpu->current;

    if (cpu->quantum_end == HAL_TIMER_OFF || hal_time_now() < cpu->quantum_end)
        return;
    cpu->quantum_end = HAL_TIMER_OFF;
    if (t != NULL) /* else it is between two threads */
        charge(t);
    bool boosted = boost(cpu, t);
    cpu->quantum_over = boosted || t == NULL || t->policy != POLICY_FIFO;
    balance(cpu);
}

/* base_priority, depression or policy changed. Context: t->lock held. */
static void priority_changed(struct thread *t)
{
    struct cpu *cpu = t->cpu;
    /* once: the fast path may take it from RECEIVING to RUNNING, or back, at this moment */
    uint32_t state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);

    sched_priority_own(t);
    if (state == THREAD_READY && sched_dequeue(t)) {
        sched_priority_set(t, t->own_priority);
        sched_queue_insert(cpu, t, false);
        return;
    }
    sched_priority_set(t, t->own_priority);
    if (state == THREAD_RUNNING && cpu != NULL)
        smp_kick(cpu);
}

kern_return_t sched_set_policy(struct thread *t, const struct sched_policy *policy, bool set_limit)
{
    kern_return_t kr = KERN_POLICY_LIMIT;

    spin_lock(&t->lock);
    if (policy->priority <= t->max_priority) {
        kr = KERN_SUCCESS;
        if (policy->policy != POLICY_NULL) {
            t->policy = policy->policy;
            t->quantum_ms = policy->quantum_ms;
        }
        t->base_priority = policy->priority;
        if (set_limit)
            t->max_priority = policy->priority;
        if (t->policy != POLICY_TIMESHARE)
            t->penalty = 0;
        priority_changed(t);
    }
    spin_unlock(&t->lock);
    return kr;
}

void sched_hurry(struct thread *t)
{
    t->base_priority = SCHED_PRIORITY_KERNEL;
    t->penalty = 0;
    t->depressed = false;
    priority_changed(t);
}

void sched_yield(struct thread *self)
{
    struct cpu *cpu = hal_cpu_self();

    (void)self;
    if (cpu->handoff != NULL || sched_queue_count(cpu) != 0)
        sched_preempt_current(cpu, false);
}

bool sched_depress_end(struct thread *t)
{
    (void)timeout_cancel(&t->depression);
    spin_lock(&t->lock);
    bool was = t->depressed;
    t->depressed = false;
    if (was)
        priority_changed(t);
    spin_unlock(&t->lock);
    return was;
}

static void depression_over(struct timeout *timeout)
{
    (void)sched_depress_end(CONTAINER_OF(timeout, struct thread, depression));
}

void sched_depress(struct thread *self, uint32_t ms)
{
    (void)sched_depress_end(self);
    timeout_wait(&self->depression);
    timeout_set(&self->depression, hal_time_now() + timeout_ms_to_ticks(ms), depression_over);
    spin_lock(&self->lock);
    self->depressed = true;
    priority_changed(self);
    spin_unlock(&self->lock);
}
