/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message queues: how a message gets from a sender to a receiver.
 *
 * A receiver that waits gets the message itself (op.ipc.kmsg) and is taken off its queue: it finishes the
 * receive in its continuation.  A sender that must wait leaves its message with its thread; whoever makes room queues it in
 * the sender's place, so senders are served in order.
 */
#ifndef IPC_MQUEUE_H
#define IPC_MQUEUE_H

#include <ipc/kmsg.h>
#include <ipc/port.h>
#include <kern/thread.h>

struct ipc_pset;

enum ipc_send {
    IPC_SEND_QUEUED,    /* in the queue */
    IPC_SEND_DELIVERED, /* *receiver was claimed and has it: wake it or hand over to it */
    IPC_SEND_FULL,      /* no room, and force was not set: kmsg is still the caller's */
    IPC_SEND_WAITING,   /* no room: the caller (current thread) waits now; do not touch it */
    IPC_SEND_DEAD,      /* the port is dead: kmsg is still the caller's */
};

/*
 * Send kmsg to kmsg->remote.  force: whatever the limit.  waiter: the current thread if it may wait for room, else NULL; its
 * continuation is then `resume`, and wait_result tells: AWAKENED sent, else op.ipc.kmsg is still its own.
 * Context: no lock.
 */
HAL_NODISCARD enum ipc_send ipc_mqueue_send(struct ipc_kmsg *kmsg, bool force, struct thread *waiter,
                                            void (*resume)(struct thread *), struct thread **receiver);

/*
 * Give kmsg to a receiver that waits, or queue it whatever the limit; its right to the port is counted.
 * Returns: the receiver, claimed, which has it now, or NULL.  Context: port locked and alive.
 */
HAL_NODISCARD struct thread *ipc_mqueue_put_awaited(struct ipc_port *port, struct ipc_kmsg *kmsg);

static inline void ipc_mqueue_append(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    list_insert_tail(&port->messages, &kmsg->link);
    port->msgcount++;
}

HAL_NODISCARD static inline __attribute__((always_inline)) struct thread *ipc_mqueue_put(
    struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    if (__builtin_expect(port->fast != NULL || !list_empty(&port->receivers) || port->in_set, 0))
        return ipc_mqueue_put_awaited(port, kmsg);
    ipc_mqueue_append(port, kmsg);
    return NULL;
}

/* Result of taking a message. */
enum ipc_take {
    IPC_TAKE_MESSAGE, /* self->op.ipc.kmsg, .port (a reference), .name, .label and .seqno are set */
    IPC_TAKE_EMPTY,
    IPC_TAKE_TOO_LARGE, /* the first message stays; self->op.ipc.size is its size, .large its port */
    IPC_TAKE_NO_MEMORY, /* there is one, but no memory for it yet */
};

/*
 * Take the first message, if self can receive it (op.ipc: option, size, registers).  Call ipc_mqueue_after_take() once
 * the port is unlocked.
 * Context: port locked; it stays locked.
 */
HAL_NODISCARD enum ipc_take ipc_mqueue_take(struct ipc_port *port, struct thread *self);

/*
 * The send-once right is used up by which a message came that t takes.  If t receives from the port with none on loan, that is the one: so
 * its next call finds it, by whichever way the last answer came.  Context: port locked; t is current, or claimed.
 */
static inline void ipc_port_send_once_use(struct ipc_port *port, struct thread *t)
{
    if (port->cacher == t && t->rcv_loan == 0) {
        t->rcv_loan = 1;
        ipc_port_ref(port);
    } else {
        ipc_port_send_once_drop(port);
    }
}

/* Send what fell due while a message of self was taken; drops the reference to the port. Context: no lock. */
void ipc_mqueue_tell(struct thread *self);
static inline void ipc_mqueue_after_take(struct thread *self)
{
    if (__builtin_expect(self->op.ipc.no_senders != NULL || self->op.ipc.room, 0))
        ipc_mqueue_tell(self);
    ipc_port_unref(self->op.ipc.port);
    self->op.ipc.port = NULL;
}

/* A send-once right of the port, which this consumes, was not used, and there is no memory to say so: it is said to who receives
 * next and has it. Context: no lock. */
void ipc_mqueue_owe(struct ipc_port *port);

/* Is there one to be taken: in the queue, or with a sender that waits? Context: port locked. */
static inline bool ipc_mqueue_has_messages(const struct ipc_port *port)
{
    return port->msgcount > 0 || !list_empty(&port->senders);
}

/* There is room: the messages of senders that wait are queued, the senders woken. Context: port locked. */
void ipc_mqueue_admit(struct ipc_port *port);

/* The port has messages, and is in sets: whoever waits on one of them looks again. Context: port locked. */
void ipc_mqueue_feed_sets(struct ipc_port *port);

/*
 * Claim all threads of a wait queue at once: they move to the list `claimed`, and name no object to wait for any more, so that
 * nobody else finds them there. Context: the lock of the queue's object held.
 */
void ipc_waiters_claim(struct list *queue, struct list *claimed);

/* A claimed thread that waits to receive fails with `result` (MACH_RCV_*) when it runs; nothing for one that waits to send. */
void ipc_receiver_fail(struct thread *t, mach_msg_return_t result);

/* Wake claimed threads: those that wait to receive fail with `result`. Context: no lock. */
void ipc_waiters_fail(struct list *claimed, mach_msg_return_t result);

/* Bytes that self must offer to receive kmsg: message and the trailer it asked for. */
static inline uint32_t ipc_receive_size(const struct ipc_kmsg *kmsg, uint32_t option)
{
    return kmsg->head.msgh_size + (uint32_t)REQUESTED_TRAILER_SIZE(option);
}

/*
 * --- receive rights in transit ---
 * Before a message that carries receive rights is queued: note its destination; false: it would make a cycle of
 * ports that only messages in each other hold. Context: no lock.
 */
HAL_NODISCARD bool ipc_transit_begin(struct ipc_kmsg *kmsg);
/* The receive right arrived (or dies): its destination is forgotten. Context: no lock. */
void ipc_transit_end(struct ipc_port *port);

void ipc_mqueue_init_module(void);

#endif
