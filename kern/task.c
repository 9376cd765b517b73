/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks.  task->lock protects the list of threads and the special ports, of the task and of its threads.  It
 * is taken before a thread's lock, so what concerns all threads (suspension, termination) is done in one pass
 * under it: a thread that enters the list finds the task active and counts the task's suspension, one that
 * left it is at its end.
 *
 * Termination: the last thread of an inactive task, or the request itself if there is none, hands the task to
 * the reaper.
 */
#include <hal/hal.h>
#include <ipc/entry.h>
#include <ipc/kobject.h>
#include <ipc/port.h>
#include <ipc/space.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/reaper.h>
#include <kern/ref.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/thread_i.h>
#include <mach/policy.h>
#include <sched/sched.h>
#include <vm/vm_map.h>

static struct cache task_cache;

void task_init_module(void)
{
    cache_init(&task_cache, "task", sizeof(struct task), 64);
}

/* --- creation and references --- */

static void task_inherit(struct task *task, struct task *parent) NO_THREAD_SAFETY_ANALYSIS
{
    spin_lock(&parent->lock);
    task->priority = parent->priority;
    task->policy = parent->policy;
    task_token_inherit(task, parent);
    task->bootstrap_port = ipc_port_copy_send(parent->bootstrap_port);
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++)
        task->registered_port[i] = ipc_port_copy_send(parent->registered_port[i]);
    for (unsigned i = 0; i < EXC_TYPES_COUNT; i++) {
        task->exception_port[i] = ipc_port_copy_send(parent->exception_port[i]);
        task->exception_behavior[i] = parent->exception_behavior[i];
        task->exception_flavor[i] = parent->exception_flavor[i];
    }
    string_copy(task->name, parent->name, sizeof(task->name));
    spin_unlock(&parent->lock);
}

/* An empty map, or what a child of `parent` inherits. Returns as vm_map_fork(). */
static kern_return_t map_create(const struct task *parent, struct ledger_account *payer, struct vm_map **map)
{
    if (parent != NULL)
        return vm_map_fork(parent->map, payer, map);
    *map = vm_map_create(payer);
    return *map != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

/* Ledger, map, space and port of a new task. On failure what was made is given back. */
static kern_return_t task_equip(struct task *task, struct task *parent,
                                bool inherit) NO_THREAD_SAFETY_ANALYSIS
{
    struct ledger_account *payer;
    kern_return_t kr;

    task->ledger = ledger_create(parent != NULL ? parent->ledger : &ledger_kernel, sizeof(*task));
    if (task->ledger == NULL)
        return KERN_RESOURCE_SHORTAGE;
    payer = &task->ledger->memory;
    kr = map_create(inherit ? parent : NULL, payer, &task->map);
    if (kr != KERN_SUCCESS)
        goto no_map;
    kr = KERN_RESOURCE_SHORTAGE;
    task->space = ipc_space_create(task->ledger);
    if (task->space == NULL)
        goto no_space;
    task->self_port = ipc_kobject_create(IPC_KOTYPE_TASK, task, payer);
    if (task->self_port == NULL)
        goto no_port;
    ipc_port_ref(task->self_port); /* beside the receive right's */
    task->self_entry = &ipc_entry_none;
    return KERN_SUCCESS;

no_port:
    ipc_space_unref(task->space);
no_space:
    vm_map_unref(task->map);
no_map:
    ledger_release(task->ledger, sizeof(*task));
    return kr;
}

kern_return_t task_create_from(struct task *parent, bool inherit, struct task **out) NO_THREAD_SAFETY_ANALYSIS
{
    struct task *task = cache_alloc_zero(&task_cache);

    if (task == NULL)
        return KERN_RESOURCE_SHORTAGE;
    spin_init(&task->lock, LOCK_RANK_TASK);
    list_init(&task->threads);
    list_init(&task->link);
    task->refs = 2; /* the caller's and the living task's */
    task->active = true;
    task->priority = SCHED_PRIORITY_DEFAULT;
    task->policy = POLICY_TIMESHARE;
    kern_return_t kr = task_equip(task, parent, inherit);
    if (kr != KERN_SUCCESS) {
        cache_free(&task_cache, task);
        return kr;
    }
    if (parent != NULL)
        task_inherit(task, parent);
    *out = task;
    return KERN_SUCCESS;
}

void task_ref(struct task *task)
{
    ref_get(&task->refs);
}

void task_unref(struct task *task)
{
    if (!ref_put(&task->refs))
        return;
    ipc_port_unref(task->self_port);
    vm_map_unref(task->map);
    ipc_space_unref(task->space);
    ledger_release(task->ledger, sizeof(*task));
    cache_free(&task_cache, task);
}

struct ledger_account *task_payer(void)
{
    return &thread_current()->task->ledger->memory;
}

struct ipc_port *task_make_port(struct task *task)
{
    spin_lock(&task->lock);
    struct ipc_port *right = task->active ? ipc_port_make_send(task->self_port) : NULL;
    spin_unlock(&task->lock);
    return right;
}

struct ipc_port *thread_make_port(struct thread *t)
{
    spin_lock(&t->task->lock);
    struct ipc_port *right = ipc_port_make_send(t->self_port);
    spin_unlock(&t->task->lock);
    return right;
}

/* --- threads --- */

kern_return_t task_thread_enter(struct task *task, struct thread *t)
{
    kern_return_t kr = KERN_SUCCESS;

    spin_lock(&task->lock);
    if (!task->active) {
        kr = KERN_TERMINATED;
    } else if (task->thread_count >= __atomic_load_n(&task->ledger->threads_max, __ATOMIC_RELAXED)) {
        kr = KERN_RESOURCE_SHORTAGE;
    } else {
        task->thread_count++;
        list_insert_tail(&task->threads, &t->task_link);
        task_ref(task);
        thread_ref(t);
        t->base_priority = task->priority;
        t->own_priority = task->priority;
        t->priority = task->priority;
        t->policy = task->policy;
        if (task->suspend_count > 0)
            (void)thread_kernel_hold(t);
    }
    spin_unlock(&task->lock);
    return kr;
}

void task_thread_leave(struct task *task, struct thread *t)
{
    spin_lock(&task->lock);
    list_remove(&t->task_link);
    task->run_time += t->run_time;
    bool last = --task->thread_count == 0 && !task->active;
    spin_unlock(&task->lock);
    if (last)
        reaper_enter(task);
}

kern_return_t task_hold(struct task *task)
{
    kern_return_t kr = KERN_SUCCESS;
    cpu_mask_t running = 0;

    spin_lock(&task->lock);
    if (!task->active) {
        kr = KERN_TERMINATED;
    } else if (task->suspend_count == TASK_SUSPEND_COUNT_MAX) {
        kr = KERN_FAILURE;
    } else if (task->suspend_count++ == 0) {
        LIST_FOR_EACH(node, &task->threads)
        running |= thread_kernel_hold(CONTAINER_OF(node, struct thread, task_link));
    }
    spin_unlock(&task->lock);
    smp_enter_kernel(running);
    return kr;
}

kern_return_t task_release(struct task *task)
{
    kern_return_t kr = KERN_SUCCESS;

    spin_lock(&task->lock);
    if (!task->active) {
        kr = KERN_TERMINATED;
    } else if (task->suspend_count == 0) {
        kr = KERN_FAILURE;
    } else if (--task->suspend_count == 0) {
        LIST_FOR_EACH(node, &task->threads)
        thread_kernel_release(CONTAINER_OF(node, struct thread, task_link));
    }
    spin_unlock(&task->lock);
    return kr;
}

/* --- the end --- */

kern_return_t task_terminate_request(struct task *task)
{
    spin_lock(&task->lock);
    if (!task->active) {
        spin_unlock(&task->lock);
        return KERN_TERMINATED;
    }
    task->active = false;
    /* before the last thread can hand the task to the reaper */
    ipc_space_deactivate(task->space);
    bool empty = task->thread_count == 0;
    LIST_FOR_EACH(node, &task->threads)
    thread_terminate_request(CONTAINER_OF(node, struct thread, task_link));
    spin_unlock(&task->lock);
    ipc_kobject_destroy(task->self_port);
    if (empty)
        reaper_enter(task);
    return KERN_SUCCESS;
}

/* Nobody else looks at the special ports of a task that is inactive and without threads, but who holds a
 * reference. */
static void special_ports_release(struct task *task)
{
    struct ipc_port *port[EXC_TYPES_COUNT + 1];
    struct ipc_port *registered[TASK_PORT_REGISTER_MAX];

    spin_lock(&task->lock);
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++) {
        registered[i] = task->registered_port[i];
        task->registered_port[i] = NULL;
    }
    for (unsigned i = 0; i < EXC_TYPES_COUNT; i++) {
        port[i] = task->exception_port[i];
        task->exception_port[i] = NULL;
    }
    port[EXC_TYPES_COUNT] = task->bootstrap_port;
    task->bootstrap_port = NULL;
    spin_unlock(&task->lock);
    for (unsigned i = 0; i <= EXC_TYPES_COUNT; i++)
        ipc_port_release_send(port[i]);
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++)
        ipc_port_release_send(registered[i]);
}

bool task_reclaim_step(struct task *task)
{
    if (!ipc_space_clear_step(task->space) || !vm_map_clear_step(task->map))
        return false;
    special_ports_release(task);
    return true;
}
