/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: how they wait, wake, stop and end, on several CPUs at once.
 *
 * Who may touch a thread.  Its state changes under t->lock, with one exception: the IPC fast path takes a
 * thread from RUNNING to RECEIVING and back while it owns the port's rx word.  A thread is owned by the CPU
 * whose `current` it is; a thread that waits is owned by whoever claims it:
 *
 *   - waits on a port or set: claimed by taking it off that object's queue, under the object's lock, or out of the rx word;
 *   - sleep, exception: claimed by setting t->wait to NONE, under t->lock.
 *
 * Exactly one claimer wins, and only it calls thread_wakeup().  The lock under which a thread blocks is held
 * until the CPU has no current thread (thread_block() clears `current`, then the caller unlocks), so the
 * thread is claimed only after its CPU is done with it: the user context was complete at kernel entry, vector
 * state is saved, and nothing is left on the CPU's stack that belongs to the thread.  So it may run elsewhere
 * the moment it is claimed.
 *
 * Timeouts.  wake_time says when the present wait is to end.  For a wait in an rx word rcv_wake_time does, while the state is
 * RECEIVING_TIMED: the state alone says that, so who takes the thread out of the word, or waits there without a time afterwards, has
 * nothing to clear.  The timeout in the queue is a reminder to look at that time, never later than it, and may be one of an earlier
 * wait: a wait that ends on the CPU that it began on, by the fast path or the direct switch, leaves it there, and the next one that ends
 * no sooner leaves the queue alone.  The reminder's function then finds no time, or a later one, for which it enters itself again.
 *
 * The reminder is in the queue of the CPU where the thread began to wait, which is t->cpu.  That CPU runs its function, so the function
 * never runs beside the fast path's or a direct switch to the thread, or beside the thread.  thread_wakeup(), which may be called on any CPU, cancels it;
 * if its function runs already, that may still look for a wait to end; the thread is not made current before it has
 * returned (thread_settle_timeout), so what it finds is no later wait.  A thread that goes to another CPU leaves none behind.
 *
 * Requests (terminate, suspend) are bits in t->ast.  They are set first, then t->lock is taken and the state
 * looked at:
 *
 *   READY, STOPPED   becomes RUNNING only under t->lock, hence later, and its CPU looks at t->ast after that
 *   WAITING          goes on waiting if it is only suspended; is claimed if it is to end
 *   RUNNING          is kicked: an IPI makes its CPU look at it again, wherever it is by then (kern/kick.c)
 *   RECEIVING        is taken out of the rx word, so that the fast path never resumes a thread with requests
 *
 * and thread_block() kicks a thread that begins to wait with a request pending: the setter may have seen it
 * READY.
 *
 * Suspension holds a thread back only at the edge of user mode.  Whoever suspends a thread that runs waits
 * until its CPU has entered the kernel, where the kick awaits it; not for the thread, whatever that does
 * there.  A STOPPED thread has no continuation and its user context is complete, so its registers may be read
 * and written.
 *
 * References: the list of the task's threads, whoever looked the thread up, and a kick list hold one each.
 */
#include <hal/hal.h>
#include <ipc/ipc.h>
#include <ipc/kobject.h>
#include <kern/cache.h>
#include <kern/fpu.h>
#include <kern/kick.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/thread_i.h>
#include <mach/policy.h>
#include <sched/sched.h>
#include <vm/memory_object.h>
#include <vm/vm_map.h>

#define SUSPEND_COUNT_MAX 127u

static struct cache thread_cache;
static uint64_t last_id; /* atomic */

void thread_init_module(void)
{
    cache_init(&thread_cache, "thread", sizeof(struct thread), 64);
    fpu_init_module();
}

/* --- creation and references --- */

static struct thread *thread_alloc(uint64_t priority)
{
    struct thread *t = cache_alloc_zero(&thread_cache);

    if (t == NULL)
        return NULL;
    spin_init(&t->lock, LOCK_RANK_THREAD);
    list_init(&t->task_link);
    list_init(&t->run_link);
    list_init(&t->wait_link);
    t->refs = 1;
    t->state = THREAD_STOPPED;
    ipc_thread_init(t);
    t->policy = POLICY_TIMESHARE;
    t->quantum_ms = SCHED_QUANTUM_MS;
    t->max_priority = SCHED_PRIORITY_USER_MAX;
    t->base_priority = priority;
    t->own_priority = priority;
    t->priority = priority;
    t->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    return t;
}

kern_return_t thread_create_in(struct task *task, struct thread **out)
{
    struct ledger_account *payer = &task->ledger->memory;
    struct thread *t;

    if (!ledger_charge(payer, sizeof(*t)))
        return KERN_RESOURCE_SHORTAGE;
    if ((t = thread_alloc(SCHED_PRIORITY_DEFAULT)) == NULL)
        goto no_thread;
    hal_uctx_init(&t->uctx, 0, 0, 0, 0);
    t->task = task;
    t->space = task->space;
    t->pmap = vm_map_pmap(task->map);
    t->suspend_count = 1;
    t->ast = THREAD_AST_SUSPEND;
    kern_return_t kr = KERN_RESOURCE_SHORTAGE;
    t->self_port = ipc_kobject_create(IPC_KOTYPE_THREAD, t, payer);
    if (t->self_port == NULL)
        goto no_port;
    kr = task_thread_enter(task, t);
    if (kr != KERN_SUCCESS)
        goto no_entry;
    *out = t;
    return KERN_SUCCESS;

no_entry:
    ipc_kobject_destroy(t->self_port);
no_port:
    cache_free(&thread_cache, t);
    ledger_uncharge(payer, sizeof(*t));
    return kr;
no_thread:
    ledger_uncharge(payer, sizeof(*t));
    return KERN_RESOURCE_SHORTAGE;
}

struct thread *thread_create_kernel(const char *name, thread_continuation_t step, int priority)
{
    struct thread *t = thread_alloc((uint64_t)priority);

    if (t == NULL)
        panic("no memory for kernel thread %s", name);
    t->name = name;
    t->kernel = true;
    t->continuation = step;
    spin_lock(&t->lock);
    t->state = THREAD_READY;
    sched_enqueue(t);
    spin_unlock(&t->lock);
    return t;
}

void thread_ref(struct thread *t)
{
    ref_get(&t->refs);
}

void thread_unref(struct thread *t)
{
    if (!ref_put(&t->refs))
        return;
    KASSERT(t->state == THREAD_DEAD && !t->kernel);
    struct task *task = t->task;
    cache_free(&thread_cache, t);
    ledger_uncharge(&task->ledger->memory, sizeof(*t));
    task_unref(task);
}

/* --- waiting and waking --- */

/* The state of a thread that begins to wait in an rx word; the time that was set for the wait is kept where that state has it. */
static enum thread_state receiving_state(struct thread *self)
{
    if (self->wake_time == 0)
        return THREAD_RECEIVING;
    self->rcv_wake_time = self->wake_time;
    self->rcv_timeout_ms = self->op.ipc.timeout_ms;
    self->wake_time = 0;
    return THREAD_RECEIVING_TIMED;
}

/* Context: self->lock held. */
static inline void wait_begin(struct cpu *cpu, struct thread *self, enum thread_wait wait, void *object,
                              thread_continuation_t continuation)
{
    __atomic_store_n(&self->wait, wait, __ATOMIC_RELAXED);
    __atomic_store_n(&self->wait_object, object, __ATOMIC_RELAXED);
    self->continuation = continuation;
    __atomic_store_n(&self->state, continuation != NULL ? THREAD_WAITING : receiving_state(self),
                     __ATOMIC_RELAXED);
    if (__atomic_load_n(&self->ast, __ATOMIC_RELAXED) != 0)
        kick_thread(self, cpu);
}

/* Context: claimed, t->lock held. */
static inline void wait_finish(struct thread *t, enum thread_wait_result result, enum thread_state next)
{
    __atomic_store_n(&t->wait, THREAD_WAIT_NONE, __ATOMIC_RELAXED);
    __atomic_store_n(&t->wait_object, NULL, __ATOMIC_RELAXED);
    t->wait_result = result;
    __atomic_store_n(&t->state, next, __ATOMIC_RELAXED);
}

void thread_block(struct thread *self, enum thread_wait wait, void *object,
                  thread_continuation_t continuation) NO_THREAD_SAFETY_ANALYSIS
{
    struct cpu *cpu = hal_cpu_self();

    KASSERT(cpu->current == self && self->state == THREAD_RUNNING);
    fpu_release(cpu);
    if (wait != THREAD_WAIT_SLEEP && wait != THREAD_WAIT_EXCEPTION)
        spin_lock(&self->lock);
    sched_stop(cpu, self);
    wait_begin(cpu, self, wait, object, continuation);
    cpu->current = NULL;
    spin_unlock(&self->lock);
}

void thread_block_for(struct thread *self, enum thread_wait wait, void *object,
                      thread_continuation_t continuation, struct thread *next) NO_THREAD_SAFETY_ANALYSIS
{
    struct cpu *cpu = hal_cpu_self();
    const uint64_t priority = __atomic_load_n(&self->priority, __ATOMIC_RELAXED);

    fpu_release(cpu);
    spin_lock(&self->lock);
    __atomic_store_n(&self->priority, __atomic_load_n(&self->own_priority, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
    wait_begin(cpu, self, wait, object, continuation);
    cpu->current = next;
    spin_unlock(&self->lock);
    if (__atomic_load_n(&next->priority, __ATOMIC_RELAXED) < priority)
        __atomic_store_n(&next->priority, priority, __ATOMIC_RELAXED);
}

bool thread_may_follow(const struct thread *t)
{
    const struct cpu *cpu = hal_cpu_self();

    return t->cpu == cpu && __atomic_load_n(&t->priority, __ATOMIC_RELAXED) >=
                                __atomic_load_n(&cpu->top_priority, __ATOMIC_RELAXED);
}

void thread_follow(struct thread *t)
{
    struct cpu *cpu = hal_cpu_self();

    __atomic_store_n(&t->wake_time, 0, __ATOMIC_RELAXED);
    spin_lock(&t->lock);
    wait_finish(t, THREAD_AWAKENED, THREAD_RUNNING);
    if (__atomic_load_n(&t->ast, __ATOMIC_RELAXED) != 0)
        smp_kick(cpu);
    cpu->current = t;
    spin_unlock(&t->lock);
    thread_activate(t);
}

/* The wait is over. Context: claimed, t->lock held. Returns whether the thread may run. */
static bool wait_end(struct thread *t, enum thread_wait_result result)
{
    KASSERT(t->state == THREAD_WAITING || thread_state_is_receiving(t->state));
    enum thread_state next = thread_must_stop(t) ? THREAD_STOPPED : THREAD_READY;

    wait_finish(t, result, next);
    return next == THREAD_READY;
}

/* No time is set any more. Context: claimed, any CPU. */
static void cancel_timeout(struct thread *t)
{
    __atomic_store_n(&t->wake_time, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&t->rcv_wake_time, 0, __ATOMIC_RELAXED);
    (void)timeout_cancel(&t->timeout);
}

void thread_wakeup(struct thread *t, enum thread_wait_result result)
{
    cancel_timeout(t);
    spin_lock(&t->lock);
    if (wait_end(t, result))
        sched_enqueue(t);
    spin_unlock(&t->lock);
}

void thread_handoff(struct thread *t)
{
    cancel_timeout(t);
    spin_lock(&t->lock);
    if (wait_end(t, THREAD_AWAKENED))
        sched_handoff(t);
    spin_unlock(&t->lock);
}

bool thread_claim(struct thread *t, enum thread_wait_result result)
{
    spin_lock(&t->lock);
    const enum thread_wait wait = __atomic_load_n(&t->wait, __ATOMIC_RELAXED);
    bool mine = __atomic_load_n(&t->state, __ATOMIC_RELAXED) == THREAD_WAITING &&
                (wait == THREAD_WAIT_SLEEP || wait == THREAD_WAIT_EXCEPTION);
    if (mine)
        __atomic_store_n(&t->wait, THREAD_WAIT_NONE, __ATOMIC_RELAXED);
    spin_unlock(&t->lock);
    return mine || memory_object_wait_claim(t) || ipc_wait_claim(t, result);
}

/* When the wait of t is to end; 0: never. A value that is cleared meanwhile does no harm, see the top. */
static hal_ticks_t wait_time(const struct thread *t)
{
    /* acquire: where RECEIVING_TIMED has ended, wake_time was set before (thread_receiving_to_wait()) */
    if (__atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == THREAD_RECEIVING_TIMED)
        return __atomic_load_n(&t->rcv_wake_time, __ATOMIC_RELAXED);
    return __atomic_load_n(&t->wake_time, __ATOMIC_RELAXED);
}

static void wait_timed_out(struct timeout *timeout)
{
    struct thread *t = CONTAINER_OF(timeout, struct thread, timeout);
    hal_ticks_t time = wait_time(t);

    if (time == 0)
        return;
    if (time > hal_time_now())
        timeout_set(timeout, time, wait_timed_out);
    else if (thread_claim(t, THREAD_TIMED_OUT))
        thread_wakeup(t, THREAD_TIMED_OUT);
}

/* A reminder is in the queue that is due by `time`. Context: self is current. */
static void remind(struct thread *self, hal_ticks_t time)
{
    if (self->timeout.cpu != NULL && self->timeout.deadline <= time)
        return;
    (void)timeout_cancel(&self->timeout);
    timeout_set(&self->timeout, time, wait_timed_out);
}

void thread_set_timeout(struct thread *self, uint32_t ms)
{
    hal_ticks_t time = hal_time_now() + timeout_ms_to_ticks(ms);

    __atomic_store_n(&self->wake_time, time, __ATOMIC_RELAXED);
    remind(self, time);
}

void thread_set_receive_timeout(struct thread *self, uint32_t ms)
{
    hal_ticks_t time = hal_time_now() + timeout_ms_to_ticks(ms);

    self->rcv_timeout_ms = ms;
    __atomic_store_n(&self->rcv_wake_time, time, __ATOMIC_RELAXED);
    remind(self, time);
}

void thread_receiving_to_wait(struct thread *t)
{
    if (t->state == THREAD_RECEIVING_TIMED)
        __atomic_store_n(&t->wake_time, t->rcv_wake_time, __ATOMIC_RELAXED);
    /* release: wait_time() */
    __atomic_store_n(&t->state, THREAD_WAITING, __ATOMIC_RELEASE);
}

void thread_settle_timeout_elsewhere(struct thread *t, const struct cpu *cpu)
{
    do {
        if (timeout_is_elsewhere(&t->timeout, cpu))
            (void)timeout_cancel(&t->timeout);
        timeout_wait(&t->timeout);
        /* a function that ran until now may have entered it again, and run again: without effect, since no time is set any more */
    } while (timeout_is_elsewhere(&t->timeout, cpu) || timeout_is_running(&t->timeout));
}

void thread_pause(struct thread *self, thread_continuation_t continuation)
{
    self->wait_result = THREAD_AWAKENED;
    self->continuation = continuation;
    smp_kick(hal_cpu_self()); /* the short ways out do not look */
}

void thread_sleep(struct thread *self, uint32_t ms,
                  thread_continuation_t continuation) NO_THREAD_SAFETY_ANALYSIS
{
    thread_set_timeout(self, ms);
    spin_lock(&self->lock);
    thread_block(self, THREAD_WAIT_SLEEP, NULL, continuation); /* unlocks */
}

bool thread_abort_wait(struct thread *t)
{
    if (!thread_claim(t, THREAD_INTERRUPTED))
        return false;
    thread_wakeup(t, THREAD_INTERRUPTED);
    spin_lock(&t->lock);
    if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) == THREAD_READY && (t->ast & THREAD_AST_SUSPEND) != 0)
        sched_settle(t);
    spin_unlock(&t->lock);
    return true;
}

/* --- requests --- */

void thread_terminate_request(struct thread *t)
{
    spin_lock(&t->lock);
    __atomic_fetch_or(&t->ast, THREAD_AST_TERMINATE, __ATOMIC_SEQ_CST);
    sched_hurry(t);
    /* once, as in hold_begin() */
    uint32_t state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);
    switch (state) {
    case THREAD_STOPPED: /* runs once more, to end */
        t->state = THREAD_READY;
        sched_enqueue(t);
        break;
    case THREAD_RUNNING:
        kick_thread(t, t->cpu);
        break;
    case THREAD_WAITING:
    case THREAD_RECEIVING:
    case THREAD_RECEIVING_TIMED:
        kick_thread(t, hal_cpu_self());
        break;
    default:
        break;
    }
    spin_unlock(&t->lock);
}

/* The thread has a first reason to stop. Returns the CPU that it runs on, if any. Context: t->lock held. */
static cpu_mask_t hold_begin(struct thread *t)
{
    __atomic_fetch_or(&t->ast, THREAD_AST_SUSPEND, __ATOMIC_SEQ_CST);
    /* once: the fast path may take it from RECEIVING to RUNNING, or back, at this moment */
    uint32_t state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);

    if (state == THREAD_RUNNING) {
        kick_thread(t, t->cpu);
        return t == thread_current() ? 0 : (cpu_mask_t)1 << t->cpu->index;
    }
    if (thread_state_is_receiving(state))
        kick_thread(t, hal_cpu_self());
    else if (state == THREAD_READY)
        sched_settle(t);
    return 0;
}

/* The last reason to stop is gone. Context: t->lock held. */
static void hold_end(struct thread *t)
{
    __atomic_fetch_and(&t->ast, ~THREAD_AST_SUSPEND, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) == THREAD_STOPPED) {
        t->state = THREAD_READY;
        sched_enqueue(t);
    }
}

static bool is_ending(const struct thread *t)
{
    return __atomic_load_n(&t->state, __ATOMIC_RELAXED) == THREAD_DEAD ||
           (t->ast & THREAD_AST_TERMINATE) != 0;
}

kern_return_t thread_hold(struct thread *t)
{
    kern_return_t kr = KERN_SUCCESS;
    cpu_mask_t running = 0;

    spin_lock(&t->lock);
    if (is_ending(t))
        kr = KERN_TERMINATED;
    else if (t->suspend_count == SUSPEND_COUNT_MAX)
        kr = KERN_FAILURE;
    else if (t->suspend_count++ == 0 && t->kernel_holds == 0)
        running = hold_begin(t);
    spin_unlock(&t->lock);
    smp_enter_kernel(running);
    return kr;
}

kern_return_t thread_release(struct thread *t)
{
    kern_return_t kr = KERN_SUCCESS;

    spin_lock(&t->lock);
    if (is_ending(t))
        kr = KERN_TERMINATED;
    else if (t->suspend_count == 0)
        kr = KERN_FAILURE;
    else if (--t->suspend_count == 0 && t->kernel_holds == 0)
        hold_end(t);
    spin_unlock(&t->lock);
    return kr;
}

cpu_mask_t thread_kernel_hold(struct thread *t)
{
    cpu_mask_t running = 0;

    spin_lock(&t->lock);
    if (t->kernel_holds++ == 0 && t->suspend_count == 0)
        running = hold_begin(t);
    spin_unlock(&t->lock);
    return running;
}

void thread_kernel_release(struct thread *t)
{
    spin_lock(&t->lock);
    if (--t->kernel_holds == 0 && t->suspend_count == 0 && !is_ending(t))
        hold_end(t);
    spin_unlock(&t->lock);
}

hal_ticks_t thread_run_time(struct thread *t)
{
    return __atomic_load_n(&t->run_time, __ATOMIC_RELAXED);
}
