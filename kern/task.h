/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: an address space, a port name space, and the threads that use them. */
#ifndef KERN_TASK_H
#define KERN_TASK_H

#include <hal/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <kern/token.h>
#include <mach/exception_types.h>
#include <mach/kern_return.h>
#include <mach/mach_types.h>

struct ipc_entry;
struct ipc_port;
struct ipc_space;
struct ledger;
struct ledger_account;
struct thread;
struct vm_map;

struct task {
    spinlock_t lock;              /* rank LOCK_RANK_TASK */
    uint64_t refs;                /* kern/ref.h: threads, lookups, and one until the reaper is done */
    bool active GUARDED_BY(lock); /* false once termination began */
    struct list threads GUARDED_BY(lock);
    uint32_t thread_count GUARDED_BY(lock);
    uint32_t suspend_count GUARDED_BY(lock);
    uint32_t priority GUARDED_BY(lock); /* base priority of new threads */

    struct task_token token; /* who it is in trailers (kern/token.h) */

    struct vm_map *map;      /* constant; freed with the task */
    struct ipc_space *space; /* constant; freed with the task */
    struct ledger *ledger;   /* constant; the task has a part of both accounts (kern/ledger.h) */

    struct ipc_port *self_port; /* constant: kernel object port, a reference; dead once termination began */
    const struct ipc_entry *self_entry; /* atomic: what denoted it last in the own space (ipc/port_trap.c) */
    struct ipc_port *bootstrap_port GUARDED_BY(lock);                          /* send right or NULL */
    struct ipc_port *registered_port[TASK_PORT_REGISTER_MAX] GUARDED_BY(lock); /* send rights or NULL */
    struct ipc_port *exception_port[EXC_TYPES_COUNT] GUARDED_BY(lock);
    int exception_behavior[EXC_TYPES_COUNT] GUARDED_BY(lock);
    int exception_flavor[EXC_TYPES_COUNT] GUARDED_BY(lock);

    struct list link;                      /* the reaper's queue */
    hal_ticks_t run_time GUARDED_BY(lock); /* of dead threads */
    int policy GUARDED_BY(lock);           /* POLICY_* of new threads */
    char name[32];
};

#define TASK_SUSPEND_COUNT_MAX 127u

typedef struct task *task_t;

/*
 * A new task without threads. inherit: its memory is made from parent's by inheritance, else it is empty.  Its ledger is below
 * the parent's.
 * Returns: KERN_SUCCESS, *out with one reference for the caller; KERN_RESOURCE_SHORTAGE: nothing.
 * Special and exception ports are copied from parent (NULL: none).
 */
HAL_NODISCARD kern_return_t task_create_from(struct task *parent, bool inherit, struct task **out);

void task_ref(struct task *task);
void task_unref(struct task *task);

/*
 * Begin termination: threads are told to end; names and memory are reclaimed by the reaper in bounded steps.
 * Context: no lock; caller has a reference. Returns KERN_SUCCESS; KERN_TERMINATED it had begun already.
 */
kern_return_t task_terminate_request(struct task *task);

/*
 * Keep all threads from user mode, until as many calls of task_release().  On return no other one executes a
 * user instruction.
 * Context: no lock; caller has a reference. Returns KERN_SUCCESS; KERN_FAILURE count at its limit or zero
 * already; KERN_TERMINATED: unchanged.
 */
kern_return_t task_hold(struct task *task);
kern_return_t task_release(struct task *task);

/* Who pays for what is made for the current thread. Context: a thread of a task. */
struct ledger_account *task_payer(void);

/* A send right for the port of the task, or of a thread; NULL: it is dying. Context: no lock; caller has a
 * reference. */
struct ipc_port *task_make_port(struct task *task);
struct ipc_port *thread_make_port(struct thread *t);

/* What the reaper does with a terminated task without threads: a bounded step. Returns true when all is
 * reclaimed. */
bool task_reclaim_step(struct task *task);

/* Boot: caches of the module. */
void task_init_module(void);

#endif
