/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out of the kernel.  Every upcall ends here: requests to the current thread are honoured, another
 * thread is chosen if it is time, continuations run, until there is a user context to resume or nothing to
 * do.  At the top of the loop the CPU holds no lock and its stack is empty but for this function, so that is
 * where interrupts are taken between the steps of threads that do not leave the kernel.
 */
#include <hal/hal.h>
#include <ipc/ipc.h>
#include <ipc/kmsg.h>
#include <ipc/kobject.h>
#include <kern/exception.h>
#include <kern/fpu.h>
#include <kern/irq.h>
#include <kern/kick.h>
#include <kern/panic.h>
#include <kern/thread.h>
#include <kern/thread_i.h>
#include <sched/sched.h>
#include <vm/memory_object.h>

static void ports_release(struct ipc_port *const *ports, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ipc_port_release_send(ports[i]);
}

void thread_end(struct cpu *cpu, struct thread *self)
{
    struct task *task = self->task;
    struct ipc_port *exception_port[EXC_TYPES_COUNT];

    fpu_discard(self);
    ipc_thread_cleanup(self);
    memory_object_wait_cancel(self);
    exception_forget(self);
    (void)timeout_cancel(&self->timeout); /* of a past wait */
    (void)timeout_cancel(&self->depression);
    timeout_wait(&self->depression);

    spin_lock(&task->lock);
    struct ipc_port *self_port = self->self_port;
    self->self_port = NULL;
    for (unsigned i = 0; i < EXC_TYPES_COUNT; i++) {
        exception_port[i] = self->exception_port[i];
        self->exception_port[i] = NULL;
    }
    spin_unlock(&task->lock);
    ipc_kobject_destroy(self_port);
    ports_release(exception_port, EXC_TYPES_COUNT);

    spin_lock(&self->lock);
    sched_stop(cpu, self);
    self->state = THREAD_DEAD;
    cpu->current = NULL;
    spin_unlock(&self->lock);
    task_thread_leave(task, self);
    thread_unref(self); /* the list's reference */
}

/* The current thread stops at the edge of user mode, if it is still suspended. */
static void thread_stop(struct cpu *cpu, struct thread *self)
{
    fpu_release(cpu);
    spin_lock(&self->lock);
    if (thread_must_stop(self)) {
        sched_stop(cpu, self);
        self->state = THREAD_STOPPED;
        cpu->current = NULL;
    }
    spin_unlock(&self->lock);
}

static void serve_requests(struct cpu *cpu, struct thread *self, uint32_t ast)
{
    if ((ast & THREAD_AST_TERMINATE) != 0)
        thread_end(cpu, self);
    else if ((ast & THREAD_AST_SUSPEND) != 0)
        thread_stop(cpu, self);
    else if ((ast & THREAD_AST_GUARD) != 0)
        exception_guard_raise(self);
}

/* The thread that this CPU goes on with; does not return if there is none. */
static struct thread *choose(struct cpu *cpu)
{
    if (cpu->current != NULL && sched_should_switch(cpu))
        sched_preempt_current(cpu, !cpu->quantum_over);
    if (cpu->current == NULL && sched_pick(cpu) == NULL) {
        sched_idle_enter(cpu);
        hal_cpu_idle();
    }
    return cpu->current;
}

static void bury_messages(struct cpu *cpu)
{
    while (!list_empty(&cpu->graves)) {
        ipc_kmsg_bury_first(cpu);
        if (hal_irq_pending())
            irq_serve(cpu);
    }
}

static void continue_thread(struct cpu *cpu, struct thread *t)
{
    thread_continuation_t continuation = t->continuation;

    if (!t->kernel) {
        t->continuation = NULL;
        continuation(t);
        return;
    }
    continuation(t);
    if (cpu->current == t) /* it has more to do: after the others */
        sched_preempt_current(cpu, false);
}

struct uctx *thread_exit_to_user(void)
{
    struct cpu *cpu = hal_cpu_self();

    for (;;) {
        lock_assert_none();
        bury_messages(cpu);
        if (kick_pending(cpu))
            kick_examine(cpu);
        struct thread *t = choose(cpu);
        uint32_t ast = __atomic_load_n(&t->ast, __ATOMIC_ACQUIRE);
        if (t->continuation == NULL && ast == 0) {
            thread_activate(t);
            fpu_resume(cpu, t);
            return &t->uctx;
        }
        if (t->continuation != NULL) {
            thread_activate(t);
            continue_thread(cpu, t);
        } else {
            serve_requests(cpu, t, ast);
        }
        if (hal_irq_pending())
            irq_serve(cpu);
    }
}

struct uctx *thread_exit_to_follow(void)
{
    struct cpu *cpu = hal_cpu_self();
    struct thread *t = cpu->current;
    thread_continuation_t continuation = t->continuation;

    if (continuation != NULL) {
        t->continuation = NULL;
        continuation(t);
    }
    /* relaxed: who asks for something meanwhile sends an interrupt */
    if (cpu->current != t || t->continuation != NULL ||
        __atomic_load_n(&cpu->top_priority, __ATOMIC_RELAXED) >
            __atomic_load_n(&t->priority, __ATOMIC_RELAXED))
        return thread_exit_to_user();
    fpu_resume(cpu, t);
    return &t->uctx;
}
