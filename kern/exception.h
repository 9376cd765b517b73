/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions.  What a thread can't go on with becomes a message to the first handler that there is: the
 * exception port of the thread, of its task, then of the host.  The thread waits for the answer.  Success lets it go on
 * (with new registers, where the behaviour says so); failure, or a handler that dies, makes the next one
 * try.  A task whose exception nobody handles ends.
 */
#ifndef KERN_EXCEPTION_H
#define KERN_EXCEPTION_H

#include <hal/types.h>
#include <kern/task.h>
#include <mach/mach_types.h>

struct ipc_port;
struct mig_kernel_message;
struct thread;

/* The current thread raises EXC_*; its user context is complete. Context: upcall level, no lock. Blocks. */
void exception_raise(struct thread *self, int exception, int64_t code, int64_t subcode);

/*
 * A message came to a port of kind IPC_KOTYPE_EXCEPTION_REPLY, at which a thread expects the answer: the
 * answer, or (NULL) the news that there will be none. `reply` stays the caller's. Context: no lock.
 */
void exception_reply(struct ipc_port *port, struct mig_kernel_message *reply);
/* The same; returns the thread if it may go on, claimed, and so to be woken or handed over to. */
struct thread *exception_answer(struct ipc_port *port, struct mig_kernel_message *reply);

/*
 * The current thread violated the guard of the receive right `name`.  On its way out of the kernel it raises EXC_GUARD, which, unlike
 * others, may find no handler: the thread goes on, and what it tried fails anyway.  flavor: kGUARD_EXC_*.
 * Context: any lock may be held.
 */
void exception_guard(uint32_t flavor, mach_port_name_t name, mach_port_context_t guard);
/* Raise it. Context: as exception_raise(). */
void exception_guard_raise(struct thread *self);

/* The thread ends. Context: it is current, no lock. */
void exception_forget(struct thread *self);

/* The settings of a thread, of a task or of the host, by kind of exception, and the lock over them. */
struct exception_table {
    spinlock_t *lock;
    struct ipc_port **port; /* send rights or NULL */
    int *behavior;
    int *flavor;
};

/* Those of `thread` (task is its task); thread NULL: of `task`; both NULL: of the host. */
struct exception_table exception_table(struct task *task, struct thread *thread);

/* What is told of a table: handlers that differ, each with the kinds of exception that it takes. */
struct exception_list {
    uint32_t count;
    exception_mask_t *mask; /* arrays of EXC_TYPES_COUNT elements at least */
    struct ipc_port **port; /* a send right each, NULL, or IPC_PORT_DEAD */
    int *behavior;
    int *flavor;
};

/*
 * Set the exception ports that `mask` names, of the table of task and thread (as above), to `port` (NULL: none), each with a send
 * right of its own; consumes a send right on success.  old: takes what was there, or NULL.
 * Context: no lock; the caller has references.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT mask, behaviour or flavor; KERN_TERMINATED: nothing changed.
 */
kern_return_t exception_ports_set(struct task *task, struct thread *thread, exception_mask_t mask,
                                  struct ipc_port *port, int behavior, int flavor,
                                  struct exception_list *old);

/* Tell them. Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT mask; KERN_TERMINATED: nothing was told. Context: as above. */
kern_return_t exception_ports_get(struct task *task, struct thread *thread, exception_mask_t mask,
                                  struct exception_list *list);

#endif
