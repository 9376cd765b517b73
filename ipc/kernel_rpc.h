/* SPDX-License-Identifier: BSD-2-Clause */
/* RPC to kernel objects without a queue: ipc/kernel_rpc.c. */
#ifndef IPC_KERNEL_RPC_H
#define IPC_KERNEL_RPC_H

#include <hal/hal.h>
#include <ipc/entry.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/memory_object_control_server.h>
#include <mach/message.h>

/*
 * Does `name`, whose place is `entry`, denote the kernel port of self's task?  No lock is needed: a task keeps its port.
 * The object is read before the key.  If the name gets another meaning between the two reads, another thread of the task does that
 * at the same moment, and may have done it a moment later.
 * Context: self is current.
 */
static inline bool ipc_entry_means_task(const struct thread *self, const struct ipc_entry *entry,
                                        mach_port_name_t name)
{
    const void *object = __atomic_load_n(&entry->object, __ATOMIC_ACQUIRE);

    return entry->key == name && object == self->task->self_port;
}

/*
 * Does `name`, whose place is `entry`, mean a send right to a kernel object, as far as one can see without a lock?
 * ipc_kernel_rpc_object() looks again.
 * Context: self is current.
 */
static inline bool ipc_entry_means_object(const struct ipc_entry *entry, mach_port_name_t name)
{
    const struct ipc_object *object = entry->object;

    return entry->key == name && __atomic_load_n(&object->rx, __ATOMIC_RELAXED) == IPC_PORT_RX_KERNEL;
}

/* A simple request that asks for a reply by a send-once right to the port that its sender receives from. */
struct ipc_kernel_request {
    mach_msg_header_t *head;   /* the message; 8-byte aligned; size and id are set */
    mach_port_name_t remote;   /* destination */
    mach_port_name_t rcv_name; /* where self receives */
    bool registers;            /* self's form */
};

/*
 * Serve the request and give self the reply.
 * Returns: true: the trap's result is set, or self waits; false: nothing changed, take the general path.
 * Context: self is current; no lock.
 */
bool ipc_kernel_rpc(struct thread *self, const struct ipc_kernel_request *request);

/* The kernel object that `name`, whose place is `entry`, gives a send right to: a reference; NULL: none. Context: no lock. */
struct ipc_port *ipc_kernel_object_find(const struct ipc_entry *entry, mach_port_name_t name);

/*
 * Serve memory_object_data_supply, as it was read from its sender.
 * Returns: true: done, the message is the caller's, and *waiter a thread to be woken, or NULL; false: take the general path.
 * Context: self, its sender, is current; no lock.
 */
HAL_NODISCARD bool ipc_kernel_supply(const struct thread *self, const mach_msg_header_t *head,
                                     struct thread **waiter);
/* Is a message perhaps that? */
#define IPC_ID_DATA_SUPPLY 2001
static inline bool ipc_kernel_may_supply(const mach_msg_header_t *head, uint32_t size)
{
    return head->msgh_id == IPC_ID_DATA_SUPPLY && size == sizeof(__Request__memory_object_data_supply_t);
}
/*
 * The same for MACH_TRAP_MSG, which receives then: a thread that waited for the page has the CPU next if self waits.
 * Returns: the context to resume; NULL: take the general path.
 */
struct uctx *ipc_direct_supply(struct thread *self, mach_msg_header_t *head, uint32_t size);

/*
 * Give the answer `head` of MACH_TRAP_MSG, an RPC, to the kernel object that waits for it (a thread that raised an exception), by the
 * send-once right in self's reserved entry; then receive.  The thread has the CPU next if self waits.
 * Returns: true: the trap has its result, or self waits; false: nothing changed.  Context: self is current; no lock.
 */
bool ipc_kernel_answer(struct thread *self, mach_msg_header_t *head);
/* Does somebody wait there, as far as one can see without a lock? */
bool ipc_kernel_waits_for_answer(const struct ipc_entry *entry);

/* Boot: memory for the first reply of each CPU. Context: all are in cpu_table; none but this one runs. */
void ipc_kernel_rpc_init(void);

/*
 * The same for the request that is in the registers of MACH_TRAP_RPC_CALL.
 * own: its destination is the port of self's task.  object: it is at `entry`.
 * Returns: the context to resume; NULL: nothing changed, take the general path.
 */
struct uctx *ipc_kernel_rpc_own(struct thread *self);
struct uctx *ipc_kernel_rpc_object(struct thread *self, const struct ipc_entry *entry);

#endif
