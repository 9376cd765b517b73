/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions.  What a thread can't go on with becomes a message to the first handler that there is: the
 * exception port of the thread, then of its task.  The thread waits for the answer.  Success lets it go on
 * (with new registers, where the behaviour says so); failure, or a handler that dies, makes the next one
 * try.  A task whose exception nobody handles ends.
 */
#ifndef KERN_EXCEPTION_H
#define KERN_EXCEPTION_H

#include <hal/types.h>
#include <kern/task.h>
#include <mach/mach_types.h>

struct ipc_kmsg;
struct ipc_port;
struct thread;

/* The current thread raises EXC_*; its user context is complete. Context: upcall level, no lock. Blocks. */
void exception_raise(struct thread *self, int exception, int64_t code, int64_t subcode);

/*
 * A message came to a port of kind IPC_KOTYPE_EXCEPTION_REPLY, at which a thread expects the answer: the
 * answer, or (NULL) the news that there will be none. `reply` stays the caller's. Context: no lock.
 */
void exception_reply(struct ipc_port *port, struct ipc_kmsg *reply);

/*
 * Set the exception ports that `mask` names, of `thread` or (NULL) of `task`, to `port` (NULL: none), each
 * with a send right of its own; consumes a send right on success. thread's task is `task`.
 * Context: no lock; the caller has references.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT mask, behaviour or flavor; KERN_TERMINATED: nothing changed.
 */
kern_return_t exception_ports_set(struct task *task, struct thread *thread, exception_mask_t mask,
                                  struct ipc_port *port, int behavior, int flavor);

#endif
