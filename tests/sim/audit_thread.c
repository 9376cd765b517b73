/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of threads and tasks. */
#include <inttypes.h>
#include <mach/policy.h>
#include <sched/sched.h>

#include "audit_i.h"

/* --- what a thread holds --- */

static bool receives(const struct thread *t)
{
    return t->continuation == ipc_msg_receive_continue || t->continuation == ipc_rpc_receive_continue;
}

static bool sends(const struct thread *t)
{
    return t->continuation == msg_send_continue || t->continuation == rpc_send_continue;
}

/* A message that it was given and has not written to its buffer yet, or one that it could not send yet. */
static void operation_rights(const struct thread *t)
{
    struct ipc_kmsg *kmsg = t->op.ipc.kmsg;

    if (receives(t) && t->state != THREAD_WAITING && kmsg != NULL) {
        audit_message(kmsg, t->op.ipc.port, "receiving thread");
        audit_port_ref(t->op.ipc.port, t);
        if (t->op.ipc.no_senders != NULL)
            audit_message(t->op.ipc.no_senders, NULL, "receiving thread");
    } else if (sends(t) && kmsg != NULL) {
        audit_message(kmsg, kmsg->remote, "sending thread");
    } else if (t->continuation == ipc_msg_serve_continue || t->continuation == ipc_rpc_serve_continue) {
        audit_message(kmsg, kmsg->remote, "thread that is to be served");
    } else if (t->continuation == msg_accept_continue) {
        audit_message(kmsg, NULL, "receiving thread");
    } else if (t->continuation == msg_copyout_continue) {
        audit_message_rest(kmsg, t->op.ipc.copyout.next, t->op.ipc.copyout.named, "receiving thread");
    } else if (t->continuation == msg_write_continue || t->continuation == msg_unsent_continue) {
        audit_message_memory(kmsg, "receiving thread"); /* what was in it is the receiver's already */
    }
    if (t->exception_reply != NULL)
        audit_right(t->exception_reply, AUDIT_RECEIVE, t);
}

/* What it remembers of its last receive. */
static void remembered(const struct thread *t)
{
    const struct thread *cacher = NULL;

    AUDIT(t->rcv_loan == 0 || t->rcv_port != NULL, "thread-loan", t, "%u rights on loan from no port",
          t->rcv_loan);
    bool apart = t->rcv_port != NULL && t->rcv_set != NULL;
    if (t->rcv_port != NULL) {
        audit_port_ref(t->rcv_port, t);
        cacher = t->rcv_port->cacher;
    }
    if (t->rcv_set != NULL) {
        audit_object(AUDIT_PSET, t->rcv_set, t)->refs++;
        if (!apart || cacher == t)
            cacher = t->rcv_set->cacher;
    }
    AUDIT(apart || (t->rcv_name & THREAD_RCV_APART) == 0, "thread-cache", t,
          "port %p and set %p under name 0x%" PRIx64, (void *)t->rcv_port, (void *)t->rcv_set, t->rcv_name);
    AUDIT(t->rcv_loan == 0 || t->rcv_name > UINT32_MAX || t->rcv_rx == &t->rcv_port->rx, "thread-loan", t,
          "rights on loan from port %p, waits in %p", (void *)t->rcv_port, (void *)t->rcv_rx);
    for (uint32_t i = 0; i < t->rcv_loan; i++)
        audit_right(t->rcv_port, AUDIT_SEND_ONCE, t);
    AUDIT(t->kernel || (t->rcv_name != THREAD_RCV_NONE) == (cacher == t), "thread-cache", t,
          "port %p or set %p is cached under name 0x%" PRIx64 " by thread %p", (void *)t->rcv_port,
          (void *)t->rcv_set, t->rcv_name, (const void *)cacher);
}

static void thread_rights(const struct thread *t)
{
    for (unsigned i = 0; i < EXC_TYPES_COUNT; i++)
        audit_right(t->exception_port[i], AUDIT_SEND, t);
    audit_right(t->self_port, AUDIT_RECEIVE, t);
    operation_rights(t);
    if (t->work.copy != NULL)
        audit_copy(t->work.copy, t->work.copy->size, "thread");
    AUDIT(t->work.begun || (t->work.copy == NULL && t->work.done == 0), "work", t,
          "%" PRIu64 " bytes of none", t->work.done);
    if (t->page.pager != NULL)
        audit_object(AUDIT_PAGER, t->page.pager, t)->refs++;
    audit_page_request(t);
    if (t->fpu != NULL)
        audit_own(AUDIT_FPU, t->fpu, "thread");
    AUDIT(t->fpu != NULL || t->fpu_credit == 0, "thread-fpu", t, "no vector state, but credit %u",
          t->fpu_credit);
    remembered(t);
}

/* --- states --- */

static void check_wait(const struct thread *t)
{
    const struct ipc_port *port = t->wait_object;
    bool timed = t->wake_time != 0;

    switch (t->wait) {
    case THREAD_WAIT_RECEIVE:
        (void)audit_object(AUDIT_PORT, port, t);
        AUDIT(audit_on_list(&port->receivers, &t->wait_link), "wait-lost", t, "not in the queue of port %p",
              (const void *)port);
        AUDIT(timed || (t->op.ipc.option & MACH_RCV_TIMEOUT) == 0, "wait-timeout", t,
              "its time does not run");
        break;
    case THREAD_WAIT_RECEIVE_SET:
        (void)audit_object(AUDIT_PSET, port, t);
        AUDIT(audit_on_list(&((const struct ipc_pset *)t->wait_object)->receivers, &t->wait_link),
              "wait-lost", t, "not in the queue of set %p", t->wait_object);
        AUDIT(timed || (t->op.ipc.option & MACH_RCV_TIMEOUT) == 0, "wait-timeout", t,
              "its time does not run");
        break;
    case THREAD_WAIT_SEND:
        (void)audit_object(AUDIT_PORT, port, t);
        AUDIT(audit_on_list(&port->senders, &t->wait_link), "wait-lost", t, "not in the queue of port %p",
              (const void *)port);
        break;
    case THREAD_WAIT_SLEEP:
        AUDIT(timed, "wait-timeout", t, "sleeps, and its time does not run");
        break;
    case THREAD_WAIT_EXCEPTION:
        (void)audit_object(AUDIT_PORT, t->exception_reply, t);
        AUDIT(t->exception_reply->sorights > 0, "wait-lost", t, "nobody can answer its exception");
        break;
    case THREAD_WAIT_PAGE:
        (void)audit_object(AUDIT_OBJECT, t->wait_object, t);
        AUDIT(t->page.pager != NULL && t->page.pager->object == t->wait_object, "wait-lost", t,
              "waits for a page of another object");
        AUDIT(audit_page_waits(t), "wait-lost", t, "page %" PRIu64 " was not asked for", t->page.index);
        break;
    case THREAD_WAIT_KERNEL:
        AUDIT(
            (t == reaper.thread && reaper.waiting && list_empty(&reaper.queue)) ||
                (t == pagers.thread && pagers.waiting && list_empty(&pagers.queue) &&
                 list_empty(&pagers.dead)) ||
                (t == pageout.thread && pageout.waiting && !pageout.wanted && list_empty(&stores.forgotten)),
            "wait-lost", t, "a kernel thread waits and has work");
        break;
    default:
        audit_fail("wait-lost", t, "waits for nothing");
    }
}

/* Will a request to the thread be noticed? kern/thread.c says how. */
static void check_requests(const struct thread *t)
{
    bool seen = t->kicked != 0;

    if (t->state == THREAD_RUNNING || thread_state_is_receiving(t->state))
        AUDIT(t->ast == 0 || seen, "thread-request", t, "state %u: request 0x%x is not noticed", t->state,
              t->ast);
    if (t->state == THREAD_WAITING)
        AUDIT((t->ast & THREAD_AST_TERMINATE) == 0 || seen, "thread-request", t, "it waits and is to end");
    if (t->state == THREAD_STOPPED)
        AUDIT(thread_must_stop(t), "thread-stopped", t, "%u suspensions, %u holds, requests 0x%x",
              t->suspend_count, t->kernel_holds, t->ast);
    if (t->state != THREAD_DEAD && (t->ast & THREAD_AST_TERMINATE) == 0) {
        bool held = t->suspend_count > 0 || t->kernel_holds > 0;
        AUDIT(held == ((t->ast & THREAD_AST_SUSPEND) != 0), "thread-hold", t,
              "%u suspensions, %u holds, requests 0x%x", t->suspend_count, t->kernel_holds, t->ast);
    }
}

static uint64_t own_priority(const struct thread *t)
{
    if (t->depressed)
        return SCHED_PRIORITY_IDLE;
    if (t->base_priority <= SCHED_PRIORITY_LEAST)
        return t->base_priority;
    return t->base_priority - SCHED_PRIORITY_LEAST > t->penalty ? t->base_priority - t->penalty
                                                                : SCHED_PRIORITY_LEAST;
}

static void check_priority(const struct thread *t)
{
    AUDIT(t->priority <= SCHED_PRIORITY_MAX && t->base_priority <= SCHED_PRIORITY_MAX, "thread-priority", t,
          "%" PRIu64 ", base %" PRIu64, t->priority, t->base_priority);
    AUDIT(t->penalty <= SCHED_PENALTY_MAX && (t->policy == POLICY_TIMESHARE || t->penalty == 0),
          "thread-penalty", t, "%u with policy %d", t->penalty, t->policy);
    AUDIT(t->own_priority == own_priority(t), "thread-priority", t, "own %" PRIu64 ", should be %" PRIu64,
          t->own_priority, own_priority(t));
    AUDIT(!t->depressed || t->depression.cpu != NULL, "thread-depressed", t, "nothing ends it");
}

/* Will its wait end in time? */
static void check_time(const struct thread *t)
{
    const bool receiving = t->state == THREAD_RECEIVING_TIMED;
    const hal_ticks_t end = receiving ? t->rcv_wake_time : t->wake_time;

    AUDIT(t->wake_time == 0 || t->state == THREAD_WAITING, "timeout-late", t,
          "state %u: the time of a past wait runs", t->state);
    AUDIT(end != 0 || !receiving, "timeout-lost", t, "it waits for a time that is not set");
    AUDIT(end == 0 || (t->timeout.cpu != NULL && t->timeout.deadline <= end), "timeout-lost", t,
          "nothing ends its wait at %" PRIu64, end);
    AUDIT(t->timeout.cpu == NULL || t->timeout.cpu == t->cpu || t->state == THREAD_READY, "timeout-place", t,
          "state %u: its timeout is in the queue of another CPU", t->state);
}

/* A thread in an rx word. */
static void check_receiving(const struct thread *t)
{
    AUDIT(t->rcv_rx != NULL && (*t->rcv_rx & ~IPC_PORT_RX_FORM) == (uint64_t)(uintptr_t)t, "wait-lost", t,
          "not in the rx word at %p", (void *)t->rcv_rx);
    if ((*t->rcv_rx & IPC_PORT_RX_BUFFER) == 0)
        return;
    AUDIT((*t->rcv_rx & IPC_PORT_RX_FORM) == ipc_msg_rx_form(t), "wait-form", t,
          "form %" PRIu64 " is not what its trap asks for", *t->rcv_rx & IPC_PORT_RX_FORM);
    AUDIT(((hal_uctx_arg(&t->uctx, 1) & MACH_RCV_TIMEOUT) != 0) == (t->state == THREAD_RECEIVING_TIMED),
          "wait-timeout", t, "state %u is not what its trap asks for", t->state);
}

static void check_state(const struct thread *t, const struct audit_object *o)
{
    const struct cpu *cpu = t->cpu;

    AUDIT(o->places == (t->state == THREAD_READY), "thread-queue", t, "state %u, in %u run queues", t->state,
          o->places);
    AUDIT(t->state != THREAD_RUNNING || (cpu != NULL && cpu->current == t), "thread-running", t,
          "CPU %u does not run it", cpu != NULL ? cpu->index : UINT32_MAX);
    AUDIT((t->kicked != 0) == o->several, "kick-list", t, "kicked is %u, on a list: %d", t->kicked,
          o->several);
    if (t->state == THREAD_WAITING)
        check_wait(t);
    check_time(t);
    if (thread_state_is_receiving(t->state))
        check_receiving(t);
    AUDIT(t->state <= THREAD_DEAD, "thread-state", t, "%u", t->state);
    AUDIT(t->state != THREAD_STOPPED || t->continuation == NULL, "thread-stopped", t, "inside an operation");
    check_requests(t);
    check_priority(t);
}

static void check_thread(const struct thread *t, const struct audit_object *o)
{
    const struct task *task = t->task;
    bool listed = false;

    thread_rights(t);
    check_state(t, o);
    if (!t->kernel) {
        audit_object(AUDIT_TASK, task, t)->refs++;
        AUDIT(t->space == task->space && t->pmap == task->map->pmap, "thread-task", t, "not with task %p",
              (const void *)task);
        listed = audit_on_list(&task->threads, &t->task_link);
        AUDIT(listed == (t->state != THREAD_DEAD), "thread-task", t, "state %u, in the list of its task: %d",
              t->state, listed);
        AUDIT((t->self_port != NULL) == listed, "thread-port", t, "state %u, port %p", t->state,
              (void *)t->self_port);
    }
    AUDIT(o->refs + listed + t->kernel == t->refs, "thread-refs", t,
          "state %u: %" PRIu64 " references, counted %" PRIu64, t->state, o->refs + listed + t->kernel,
          t->refs);
}

/* --- tasks --- */

static bool is_reaped(const struct task *task)
{
    return !task->active && task->thread_count == 0 && !audit_on_list(&reaper.queue, &task->link);
}

static void check_task(struct task *task)
{
    uint32_t count = 0;

    AUDIT_LIST(node, &task->threads)
    {
        const struct thread *t = CONTAINER_OF(node, struct thread, task_link);
        (void)audit_object(AUDIT_THREAD, t, task);
        AUDIT(t->task == task, "thread-task", t, "in the list of task %p", (void *)task);
        AUDIT(t->kernel_holds == (task->suspend_count > 0), "task-suspend", t,
              "%u holds, its task is suspended %u times", t->kernel_holds, task->suspend_count);
        count++;
    }
    AUDIT(count == task->thread_count, "task-threads", task, "%u threads, counted %u", count,
          task->thread_count);
    AUDIT(task->active == ipc_port_alive(task->self_port) && task->active == task->space->active,
          "task-active", task, "active %d, port at place %u, space active %d", task->active,
          task->self_port->place, task->space->active);
    for (unsigned i = 0; i < EXC_TYPES_COUNT; i++)
        audit_right(task->exception_port[i], AUDIT_SEND, task);
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++)
        audit_right(task->registered_port[i], AUDIT_SEND, task);
    audit_right(task->bootstrap_port, AUDIT_SEND, task);
    if (task->active)
        audit_right(task->self_port, AUDIT_RECEIVE, task);
    audit_port_ref(task->self_port, task);
    audit_own(AUDIT_SPACE, task->space, "task");
    audit_own(AUDIT_MAP, task->map, "task");
    AUDIT(task->space->refs == 1, "space-refs", task->space, "%" PRIu64, task->space->refs);
    AUDIT(task->map->refs == 1, "map-refs", task->map, "%" PRIu64, task->map->refs);
}

void audit_threads(void)
{
    AUDIT_EACH(o, AUDIT_TASK)
    check_task((void *)o->address);
    AUDIT_EACH(o, AUDIT_THREAD)
    {
        check_thread((const void *)o->address, o);
        o->owner = "references";
    }
    AUDIT_EACH(o, AUDIT_TASK)
    {
        const struct task *task = (const void *)o->address;
        uint64_t refs = o->refs + !is_reaped(task);
        AUDIT(refs == task->refs, "task-refs", task, "%s: %" PRIu64 " references, counted %" PRIu64,
              task->name, refs, task->refs);
        o->owner = "references";
    }
}
