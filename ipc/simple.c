/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Simple messages that are queued.
 *
 * Sending one the short way: one without rights in its body, by a send right, or by the send-once right that was
 * minted for this thread; with a reply right to the port that the thread receives from, or none.  These are calls and answers
 * whose partner is not there yet, and messages that are not answered at all.  One piece of memory in the body is as good
 * as none: it belongs to the message alone.
 *
 * The general path takes the rights out of the space, under its lock, and then queues the message.  Here both is one step under the
 * port's lock.  It is safe for the reasons of ipc/ipc_fast.h: the entry is found without the space's lock, the port is locked by one
 * exchange on a word that may be exchanged whatever the entry points to, and then the entry is looked at again; it can't
 * lose the right while the port is locked.  The reply right is the one that the thread holds on loan.
 *
 * Receiving one that waits already is the same from the other side: the entry of the receive right is found without
 * the lock, looked at again under that of the port, and the message leaves the queue there. What has to be told to
 * somebody (no more senders, room in the queue) is for the general path.
 */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/kmsg.h>
#include <ipc/mqueue.h>
#include <ipc/msg.h>
#include <ipc/ool.h>
#include <kern/task.h>
#include <kern/trap.h>
#include <vm/vm_map.h>
#include <vm/vm_map_copy.h>

#define CALL_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define ONE_WAY_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0)
#define MADE_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0)
#define ANSWER_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0)

/* Each kind of right is compiled by itself: it is a constant there. */
#define SPECIALISED static inline __attribute__((always_inline))

/* The destination of a message. */
struct destination {
    mach_port_name_t name;
    struct ipc_entry *entry;
    bool once; /* a send-once right, else a send right */
    bool make; /* made from the receive right, else copied */
};

/* Does the entry still give the right? */
SPECIALISED bool entry_holds(const struct destination *to)
{
    const struct ipc_entry *entry = to->entry;

    if (to->once)
        return ~entry->key == to->name && entry->bits == MACH_PORT_TYPE_SEND_ONCE && entry->request == NULL;
    if (to->make)
        return ~entry->key == to->name && (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0;
    return entry->key == to->name || (~entry->key == to->name && entry->bits == MACH_PORT_TYPE_SEND_RECEIVE);
}

/* Its port, locked, if a message can be given to it now; else NULL. */
SPECIALISED struct ipc_port *lock_destination(const struct destination *to) NO_THREAD_SAFETY_ANALYSIS
{
    struct ipc_port *port = __atomic_load_n(&to->entry->object, __ATOMIC_RELAXED);
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);

    if (rx == IPC_PORT_RX_LOCKED)
        return NULL;
    if (rx == IPC_PORT_RX_KERNEL || !entry_holds(to) || to->entry->object != port || !ipc_port_alive(port) ||
        (!to->once && !ipc_port_has_room(port))) {
        __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
        return NULL;
    }
    lock_rank_enter(port, LOCK_RANK_PORT, false, __FILE__, __LINE__);
    port->fast = NULL;
    if ((rx & 1) == 0)
        port->fast = ipc_rx_waiter(rx);
    return port;
}

/* The message gets its right to the port. Context: port locked. */
SPECIALISED void take_right(const struct destination *to, struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    kmsg->remote = port;
    if (to->once) {
        to->entry->bits = 0; /* the right moves; the name steps to its next generation */
        to->entry->generation--;
    } else {
        ipc_port_send_add(port, to->make);
        ipc_port_ref(port);
    }
}

/* The message gets the send-once right that self has on loan, and takes its kernel form. */
SPECIALISED void take_header(struct thread *self, struct ipc_kmsg *kmsg, bool replies, bool once)
{
    if (replies) {
        kmsg->local = self->rcv_port;
        self->rcv_loan--;
    }
    kmsg->head.msgh_bits = MACH_MSGH_BITS(once ? MACH_MSG_TYPE_PORT_SEND_ONCE : MACH_MSG_TYPE_PORT_SEND,
                                          replies ? MACH_MSG_TYPE_PORT_SEND_ONCE : 0);
    task_token_read(&self->task->token, &ipc_kmsg_trailer(kmsg)->msgh_sender);
    kmsg->from_user = true;
}

/* The memory in the body of a message. */
struct memory {
    bool any;
    struct vm_map_copy *copy;
};

/* The body takes its kernel form. */
SPECIALISED void take_body(struct ipc_kmsg *kmsg, const struct memory *memory)
{
    if (!memory->any)
        return;
    kmsg->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    kmsg->port_count = 1;
    kmsg->port[0] = NULL;
    ipc_kmsg_descriptors(kmsg)->out_of_line.address = (uintptr_t)memory->copy;
}

SPECIALISED bool send(struct thread *self, struct ipc_kmsg *kmsg, struct destination to, bool replies,
                      const struct memory *memory, struct thread **receiver)
{
    if (to.entry == NULL || !entry_holds(&to))
        return false;
    struct ipc_port *port = lock_destination(&to);
    if (port == NULL)
        return false;
    take_right(&to, port, kmsg);
    take_header(self, kmsg, replies, to.once);
    take_body(kmsg, memory);
    *receiver = ipc_mqueue_put(port, kmsg);
    if (__builtin_expect(*receiver == NULL, 1))
        ipc_port_unlock_rights(port, IPC_PORT_RX_COMPLEX); /* what a port with a message has there */
    else
        ipc_port_unlock(port);
    return true;
}

/* `bits`: those of the header, as of a message without body. */
SPECIALISED bool send_simple(struct thread *self, struct ipc_kmsg *kmsg, mach_msg_bits_t bits,
                             const struct memory *memory, struct thread **receiver)
{
    const mach_msg_header_t *head = &kmsg->head;
    struct destination to = {.name = head->msgh_remote_port};
    bool replies = bits == CALL_BITS;

    if (replies ? head->msgh_local_port != self->rcv_name || self->rcv_loan == 0
                : head->msgh_local_port != MACH_PORT_NULL)
        return false;
    if (bits == ANSWER_BITS) {
        to.entry = self->reply_entry;
        to.once = true;
        return send(self, kmsg, to, false, memory, receiver);
    }
    to.make = memory->any && bits == MADE_BITS;
    if (!replies && !to.make && bits != ONE_WAY_BITS)
        return false;
    to.entry = ipc_entry_peek(self->space, to.name);
    return send(self, kmsg, to, replies, memory, receiver);
}

static const struct memory no_memory = {.any = false};

bool ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver)
{
    return send_simple(self, kmsg, kmsg->head.msgh_bits, &no_memory, receiver);
}

/* Has the body memory, one piece, and nothing else? */
static inline bool has_memory(const struct ipc_kmsg *kmsg, const mach_msg_ool_descriptor_t *d)
{
    return kmsg->head.msgh_size >= sizeof(mach_msg_base_t) + sizeof(*d) &&
           kmsg->body.msgh_descriptor_count == 1 && d->type == MACH_MSG_OOL_DESCRIPTOR &&
           ipc_check_copy(d->copy);
}

/* Is it a send right to a port of the kernel? A guess. */
static inline bool is_kernels(const struct thread *self, mach_port_name_t name)
{
    const struct ipc_entry *entry = ipc_entry_peek(self->space, name);

    if (entry == NULL || entry->key != name)
        return false;
    const struct ipc_port *port = entry->object;
    return __atomic_load_n(&port->rx, __ATOMIC_RELAXED) == IPC_PORT_RX_KERNEL;
}

/* The memory is copied before the port is locked, and removed from the sender when the message is gone, if that is asked. */
bool ipc_simple_send_memory(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver)
{
    const mach_msg_ool_descriptor_t d = ipc_kmsg_descriptors(kmsg)->out_of_line;
    struct memory memory = {.any = true};

    if (!has_memory(kmsg, &d) || is_kernels(self, kmsg->head.msgh_remote_port) ||
        ipc_ool_read(self->task->map, &d, &memory.copy) != MACH_MSG_SUCCESS)
        return false;
    if (!send_simple(self, kmsg, kmsg->head.msgh_bits & ~MACH_MSGH_BITS_COMPLEX, &memory, receiver)) {
        vm_map_copy_discard(memory.copy);
        return false;
    }
    if (d.deallocate)
        (void)vm_map_deallocate(self->task->map, d.address, d.size);
    return true;
}

SPECIALISED bool send_only(struct thread *self, struct thread **receiver)
{
    const hal_va_t address = hal_uctx_arg(&self->uctx, 0);
    const uint32_t size = (uint32_t)hal_uctx_arg(&self->uctx, 2);

    if (size < sizeof(mach_msg_header_t) || size > IPC_KMSG_SMALL_MAX || size % 4 != 0 ||
        !is_user_range(address, size))
        return false;
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc_small(&self->task->ledger->messages);
    if (kmsg == NULL)
        return false;
    enum hal_status read = hal_copyin(&kmsg->head, address, size);
    kmsg->head.msgh_size = size;
    if (read != HAL_OK || !send_simple(self, kmsg, kmsg->head.msgh_bits, &no_memory, receiver)) {
        ipc_kmsg_free(kmsg);
        return false;
    }
    hal_uctx_set_result(&self->uctx, MACH_MSG_SUCCESS);
    return true;
}

struct uctx *ipc_simple_send_only(struct thread *self)
{
    struct thread *receiver;

    if (!send_only(self, &receiver))
        return ipc_direct_general(self);
    if (receiver != NULL)
        thread_wakeup(receiver, THREAD_AWAKENED);
    return trap_exit_running(self);
}

/* --- receiving --- */

/* The thread that receives, and the arguments of its trap. */
struct receive {
    struct thread *self;
    mach_port_name_t name;
    uint32_t option;
    uint32_t size;
};

/* Does the entry give the right to receive? */
static inline bool entry_receives(const struct ipc_entry *entry, mach_port_name_t name)
{
    return ~entry->key == name && (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0;
}

/* The first message, if self can have it, and nobody has to be told. Context: port locked. */
SPECIALISED struct ipc_kmsg *first_message(const struct receive *r, const struct ipc_port *port)
{
    struct list *node = list_first(&port->messages);

    if (node == NULL || !list_empty(&port->senders) || !list_empty(&port->requests))
        return NULL;
    struct ipc_kmsg *kmsg = CONTAINER_OF(node, struct ipc_kmsg, link);
    bool last = port->no_senders != NULL && port->srights == 1 &&
                MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) == MACH_MSG_TYPE_PORT_SEND;
    bool named = kmsg->local == NULL || r->self->reply_entry->bits == 0;
    return !last && named && ipc_receive_size(kmsg, r->option) <= r->size ? kmsg : NULL;
}

/* It leaves the queue, and its right is used up. Context: port locked. */
SPECIALISED void take_message(struct thread *self, struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    list_remove(&kmsg->link);
    port->msgcount--;
    if (MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) == MACH_MSG_TYPE_PORT_SEND)
        (void)ipc_port_send_drop(port);
    else
        ipc_port_send_once_use(port, self);
    kmsg->remote = NULL;
}

SPECIALISED bool receive(const struct receive *r) NO_THREAD_SAFETY_ANALYSIS
{
    struct thread *self = r->self;
    const struct ipc_entry *entry = ipc_entry_peek(self->space, r->name);

    if (entry == NULL || !entry_receives(entry, r->name))
        return false;
    if (self->rcv_rx != NULL && self->rcv_name != r->name && !self->rcv_for_calls)
        return false; /* it has to forget another port first, so that it can remember one where it calls the kernel */
    struct ipc_port *port = entry->object;
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    struct ipc_kmsg *kmsg = NULL;
    if (rx == IPC_PORT_RX_COMPLEX && entry_receives(entry, r->name) && entry->object == port)
        kmsg = first_message(r, port);
    if (kmsg == NULL) {
        if (rx != IPC_PORT_RX_LOCKED)
            __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
        return false;
    }
    lock_rank_enter(port, LOCK_RANK_PORT, false, __FILE__, __LINE__);
    port->fast = NULL;
    uint64_t label = port->context;
    uint32_t seqno = port->seqno++;
    take_message(self, port, kmsg);
    if (port->msgcount != 0)
        ipc_port_unlock_rights(port, IPC_PORT_RX_COMPLEX);
    else if (port->not_idle == 0 && list_empty(&port->receivers)) /* nor are there senders that wait */
        ipc_port_unlock_rights(port, port->idle);
    else
        ipc_port_unlock(port);
    ipc_port_unref(port);
    ipc_msg_write(self, kmsg, r->name, label, seqno);
    return true;
}

SPECIALISED bool receive_by_trap(struct thread *self)
{
    const struct receive r = {.self = self,
                              .name = (mach_port_name_t)hal_uctx_arg(&self->uctx, 4),
                              .option = (uint32_t)hal_uctx_arg(&self->uctx, 1),
                              .size = (uint32_t)hal_uctx_arg(&self->uctx, 3)};

    return receive(&r);
}

bool ipc_simple_receive(struct thread *self)
{
    return receive_by_trap(self);
}

struct uctx *ipc_simple_receive_only(struct thread *self)
{
    return receive_by_trap(self) ? trap_exit(self) : ipc_direct_general(self);
}
