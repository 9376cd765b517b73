/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers to the kernel: to a thread that raised an exception, by the send-once right that came with the message about it.
 *
 * The right is in the answering thread's reserved entry, as that of any request which was received last.  It is found there without the
 * space's lock, and used up under the lock of its port, as on the fast path (ipc/ipc_fast.h).  The bytes of the answer are in
 * the CPU's buffer; there is no message object.
 */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/kernel_rpc.h>
#include <ipc/kobject.h>
#include <ipc/msg.h>
#include <ipc/port.h>
#include <kern/exception.h>
#include <kern/task.h>

/* Context: port locked; or a hint. */
static bool entry_answers(const struct ipc_entry *entry, const struct ipc_port *port)
{
    return entry->bits == MACH_PORT_TYPE_SEND_ONCE && entry->object == port &&
           ipc_port_kotype(port) == IPC_KOTYPE_EXCEPTION_REPLY;
}

bool ipc_kernel_waits_for_answer(const struct ipc_entry *entry)
{
    const struct ipc_object *object = entry->object;

    return __atomic_load_n(&object->rx, __ATOMIC_RELAXED) == IPC_PORT_RX_KERNEL &&
           entry_answers(entry, entry->object);
}

/* Use up the right to answer. Returns: its port, with the right's reference, or NULL: nothing changed. */
static struct ipc_port *right_use(struct thread *self, mach_port_name_t name)
{
    struct ipc_entry *entry = self->reply_entry;
    struct ipc_port *port = entry->object;

    if (!ipc_kernel_waits_for_answer(entry))
        return NULL;
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    bool found = rx == IPC_PORT_RX_KERNEL && ~entry->key == name && entry_answers(entry, port);
    if (found) {
        entry->bits = 0;
        entry->generation--;
        ipc_port_send_once_drop(port);
    }
    if (rx != IPC_PORT_RX_LOCKED)
        __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return found ? port : NULL;
}

bool ipc_kernel_answer(struct thread *self, mach_msg_header_t *head)
{
    struct mig_kernel_message reply = {.head = head, .port = NULL};
    struct ipc_port *port = right_use(self, head->msgh_remote_port);

    if (port == NULL)
        return false;
    __atomic_store_n(&self->priority, __atomic_load_n(&self->own_priority, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
    struct thread *receiver = exception_answer(port, &reply);
    ipc_port_unref(port);
    self->op.ipc.registers = false;
    ipc_receive_decode(self);
    ipc_msg_receive(self, receiver);
    return true;
}
