/* SPDX-License-Identifier: BSD-2-Clause */
/* Message queues. */
#include <ipc/mqueue.h>
#include <ipc/msg.h>
#include <ipc/notify.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <kern/panic.h>
#include <kern/thread.h>

static spinlock_t transit_lock; /* destination of every port in transit */

void ipc_mqueue_init_module(void)
{
    spin_init(&transit_lock, LOCK_RANK_TRANSIT);
}

void ipc_receiver_fail(struct thread *t, mach_msg_return_t result)
{
    if (t->wait == THREAD_WAIT_SEND)
        return;
    t->op.ipc.kmsg = NULL;
    t->op.ipc.result = (uint32_t)result;
    t->continuation = ipc_receive_continuation(t);
}

void ipc_waiters_claim(struct list *queue, struct list *claimed)
{
    struct list *node;

    while ((node = list_pop(queue)) != NULL) {
        CONTAINER_OF(node, struct thread, wait_link)->wait_object = NULL;
        list_insert_tail(claimed, node);
    }
}

void ipc_waiters_fail(struct list *claimed, mach_msg_return_t result)
{
    struct list *node;

    while ((node = list_pop(claimed)) != NULL) {
        struct thread *t = CONTAINER_OF(node, struct thread, wait_link);
        ipc_receiver_fail(t, result);
        thread_wakeup(t, THREAD_OBJECT_DEAD);
    }
}

/* Can `t` take the message in the form in which it waits? A buffer without MACH_RCV_LARGE takes all, and fails later. */
static bool receiver_accepts(const struct thread *t, const struct ipc_kmsg *kmsg)
{
    if (t->op.ipc.registers)
        return ipc_rpc_fits(kmsg);
    return (t->op.ipc.option & MACH_RCV_LARGE) == 0 ||
           ipc_receive_size(kmsg, t->op.ipc.option) <= t->op.ipc.size;
}

/*
 * The message leaves the port for thread t: its right to the port is used up, the port's reference becomes the thread's.
 * A no-senders notification that falls due is left in t for ipc_mqueue_after_take(). Context: port locked.
 */
static void message_leave(struct ipc_port *port, struct ipc_kmsg *kmsg, struct thread *t)
{
    t->op.ipc.kmsg = kmsg;
    t->op.ipc.port = port;
    t->op.ipc.name = port->name;
    t->op.ipc.label = port->context;
    t->op.ipc.seqno = port->seqno++;
    t->op.ipc.no_senders = NULL;
    t->op.ipc.room = false;
    if (MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) == MACH_MSG_TYPE_PORT_SEND)
        t->op.ipc.no_senders = ipc_port_drop_send_locked(port, &t->op.ipc.mscount);
    else
        ipc_port_send_once_use(port, t);
    kmsg->remote = NULL;
}

void ipc_mqueue_tell(struct thread *self)
{
    struct ipc_kmsg *message = self->op.ipc.no_senders;

    if (message != NULL) {
        self->op.ipc.no_senders = NULL;
        ipc_notify_no_senders(message, self->op.ipc.mscount);
    }
    if (self->op.ipc.room)
        ipc_request_tell_possible(self->op.ipc.port);
}

static struct thread *claim_receiver(struct ipc_port *port)
{
    struct thread *t = port->fast;
    if (t != NULL) {
        port->fast = NULL;
        ipc_receive_decode(t);
        return t;
    }
    struct list *node = list_pop(&port->receivers);
    if (node != NULL)
        return CONTAINER_OF(node, struct thread, wait_link);
    return port->in_set ? ipc_pset_claim_receiver(port) : NULL;
}

/*
 * An answer to a call in registers, whose thread waits in the port's rx, needs nothing of that thread's space, nor its memory: it goes to
 * the registers at once, and the thread goes on in user mode when it runs.  Returns: that thread; NULL: it is not of that kind.
 * Context: port locked.
 */
static struct thread *answer_registers(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    struct thread *t = port->fast;

    if (t == NULL || !t->op.ipc.registers || !ipc_rpc_fits(kmsg) ||
        kmsg->head.msgh_bits != MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, 0))
        return NULL;
    port->fast = NULL;
    port->seqno++;
    ipc_port_send_once_use(port, t);
    ipc_kmsg_head_out(&kmsg->head, MACH_PORT_NULL, port->name);
    ipc_rpc_write(t, &kmsg->head, port->context, MACH_MSG_SUCCESS);
    kmsg->remote = NULL;
    ipc_kmsg_free(kmsg);
    ipc_port_unref(port); /* the message's; there is that of the receive right */
    return t;
}

/* Give kmsg to a waiting receiver. Those that can't take it are sent back to make room. Context: port locked. */
static struct thread *deliver(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    struct thread *t = answer_registers(port, kmsg);

    if (t != NULL)
        return t;
    while ((t = claim_receiver(port)) != NULL) {
        if (receiver_accepts(t, kmsg)) {
            t->continuation = ipc_receive_continuation(t);
            message_leave(port, kmsg, t);
            return t;
        }
        ipc_receiver_fail(t, MACH_RCV_TOO_LARGE);
        t->op.ipc.size = kmsg->head.msgh_size;
        t->op.ipc.large = port->name;
        thread_wakeup(t, THREAD_AWAKENED);
    }
    return NULL;
}

static void enqueue(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    ipc_mqueue_append(port, kmsg);
    /* deliver() found nobody in the sets, but who begins to wait there does not need the port's lock for it */
    if (port->in_set)
        ipc_mqueue_feed_sets(port);
}

struct thread *ipc_mqueue_put_awaited(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    struct thread *receiver = deliver(port, kmsg);

    if (receiver == NULL)
        enqueue(port, kmsg);
    return receiver;
}

enum ipc_send ipc_mqueue_send(struct ipc_kmsg *kmsg, bool force, struct thread *waiter,
                              void (*resume)(struct thread *), struct thread **receiver)
{
    struct ipc_port *port = kmsg->remote;
    enum ipc_send result = IPC_SEND_QUEUED;

    if (MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) == MACH_MSG_TYPE_PORT_SEND_ONCE)
        force = true; /* a send-once right is a reserved place */
    ipc_port_lock(port);
    if (!ipc_port_alive(port)) {
        result = IPC_SEND_DEAD;
    } else if ((*receiver = deliver(port, kmsg)) != NULL) {
        result = IPC_SEND_DELIVERED;
    } else if (force || (port->msgcount < port->qlimit && list_empty(&port->senders))) {
        enqueue(port, kmsg);
    } else if (waiter != NULL) {
        result = IPC_SEND_WAITING;
        waiter->op.ipc.kmsg = kmsg;
        list_insert_tail(&port->senders, &waiter->wait_link);
        if (port->in_set)
            ipc_pset_mark_ready(port);
        thread_block(waiter, THREAD_WAIT_SEND, port, resume);
    } else {
        result = IPC_SEND_FULL;
    }
    ipc_port_unlock(port);
    return result;
}

/* The message of the sender that waits longest is queued, whatever the limit. Returns false: none waits. */
static bool admit_first(struct ipc_port *port)
{
    struct list *node = list_pop(&port->senders);
    if (node == NULL)
        return false;
    struct thread *sender = CONTAINER_OF(node, struct thread, wait_link);
    struct ipc_kmsg *kmsg = sender->op.ipc.kmsg;
    sender->op.ipc.kmsg = NULL;
    enqueue(port, kmsg);
    thread_wakeup(sender, THREAD_AWAKENED);
    return true;
}

void ipc_mqueue_admit(struct ipc_port *port)
{
    while (port->msgcount < port->qlimit && admit_first(port))
        continue;
}

void ipc_mqueue_owe(struct ipc_port *port)
{
    struct thread *t;

    ipc_port_lock(port);
    bool alive = ipc_port_alive(port);
    if (alive) {
        port->owed++;
        port->msgcount++;
        if (port->in_set)
            (void)ipc_pset_mark_ready(port);
        while ((t = claim_receiver(port)) != NULL) {
            ipc_receiver_fail(t, MACH_RCV_IN_PROGRESS);
            thread_wakeup(t, THREAD_AWAKENED);
        }
    }
    ipc_port_unlock(port);
    if (!alive)
        ipc_port_drop_send_once(port);
}

/* Behind the last message comes what the port owes; that it does so now. Returns NULL without memory. Context: port locked. */
static struct ipc_kmsg *first_message(struct ipc_port *port)
{
    struct list *node = list_first(&port->messages);

    if (__builtin_expect(node != NULL, 1))
        return CONTAINER_OF(node, struct ipc_kmsg, link);
    struct ipc_kmsg *kmsg = ipc_notify_owed(port);
    if (kmsg != NULL) {
        port->owed--;
        list_insert_tail(&port->messages, &kmsg->link);
    }
    return kmsg;
}

enum ipc_take ipc_mqueue_take(struct ipc_port *port, struct thread *self)
{
    /* with a limit of 0 a message passes from a sender that waits to a receiver that comes */
    if (port->msgcount == 0 && (list_empty(&port->senders) || !admit_first(port)))
        return IPC_TAKE_EMPTY;
    struct ipc_kmsg *kmsg = first_message(port);
    if (kmsg == NULL)
        return IPC_TAKE_NO_MEMORY;
    if (!receiver_accepts(self, kmsg)) {
        self->op.ipc.size = kmsg->head.msgh_size;
        self->op.ipc.large = port->name;
        return IPC_TAKE_TOO_LARGE;
    }
    list_remove(&kmsg->link);
    port->msgcount--;
    message_leave(port, kmsg, self);
    if (!list_empty(&port->senders))
        ipc_mqueue_admit(port);
    if (!list_empty(&port->requests))
        self->op.ipc.room = ipc_request_is_due(port);
    return IPC_TAKE_MESSAGE;
}

void ipc_mqueue_feed_sets(struct ipc_port *port)
{
    struct thread *t;

    if (!ipc_pset_mark_ready(port))
        return;
    while ((t = ipc_pset_claim_receiver(port)) != NULL) {
        ipc_receiver_fail(t, MACH_RCV_IN_PROGRESS);
        thread_wakeup(t, THREAD_AWAKENED);
    }
}

/* --- receive rights in transit --- */

/* Does the chain of destinations that starts at `from` lead to `port`? */
static bool transit_reaches(const struct ipc_port *from, const struct ipc_port *port)
{
    while (from != NULL && from != port)
        from = from->destination;
    return from == port;
}

/* The next receive right in a message, or NULL. */
static struct ipc_port *next_receive(struct ipc_kmsg_walk *walk)
{
    while (ipc_kmsg_walk_next(walk)) {
        if (walk->type == MACH_MSG_TYPE_PORT_RECEIVE && IPC_PORT_VALID(*walk->port))
            return *walk->port;
    }
    return NULL;
}

bool ipc_transit_begin(struct ipc_kmsg *kmsg)
{
    struct ipc_kmsg_walk find = {.kmsg = kmsg};
    struct ipc_kmsg_walk note = {.kmsg = kmsg};
    struct ipc_port *port;
    bool cycle = false;

    spin_lock(&transit_lock);
    while (!cycle && (port = next_receive(&find)) != NULL)
        cycle = transit_reaches(kmsg->remote, port);
    while (!cycle && (port = next_receive(&note)) != NULL) {
        ipc_port_ref(kmsg->remote);
        port->destination = kmsg->remote;
    }
    spin_unlock(&transit_lock);
    return !cycle;
}

void ipc_transit_end(struct ipc_port *port)
{
    /* without the lock: who has the right in hand alone says where it goes, others only read it */
    struct ipc_port *destination = port->destination;

    if (destination == NULL)
        return;
    spin_lock(&transit_lock);
    port->destination = NULL;
    spin_unlock(&transit_lock);
    ipc_port_unref(destination);
}
