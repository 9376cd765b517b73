/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending and receiving by threads, in both forms: what ipc/msg.c and ipc/rpc.c share. */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include <ipc/ipc.h>
#include <ipc/kmsg.h>
#include <ipc/mqueue.h>
#include <kern/thread.h>
#include <mach/rpc.h>

#define IPC_MSG_TRAILER_ELEMENTS 0x0f000000u /* of a receive's option: more than a plain trailer */

/* Beside the address of a thread that waits by MACH_TRAP_MSG, in rx (ipc/port.h). */
static inline uint64_t ipc_msg_rx_form(const struct thread *t)
{
    const bool plain = ((uint32_t)hal_uctx_arg(&t->uctx, 1) & IPC_MSG_TRAILER_ELEMENTS) == 0 &&
                       hal_uctx_arg(&t->uctx, 0) <= hal_info.user_limit - IPC_DIRECT_BUFFER_SIZE;

    return plain ? IPC_PORT_RX_FORM : IPC_PORT_RX_BUFFER;
}

/* How a send went. */
enum ipc_sent {
    IPC_SENT,      /* done; *receiver, if not NULL, was claimed and must be woken or handed over to */
    IPC_SENT_FULL, /* no room and no waiting allowed: kmsg is still the caller's */
    IPC_SENT_WAITING, /* self waits now, for room or for a page that the kernel needs to serve it; do not touch it */
};

/*
 * Send kmsg (kernel form): serve it if the destination is a kernel object, else queue or deliver it.
 * waiter, resume: as in ipc_mqueue_send().
 * Context: self is current, no lock.
 */
HAL_NODISCARD enum ipc_sent ipc_msg_dispatch(struct ipc_kmsg *kmsg, struct thread *waiter,
                                             thread_continuation_t resume, struct thread **receiver);

/*
 * Send a message as its sender wrote it, if it is simple and can be queued or delivered at once (ipc/simple.c).
 * Returns: true: sent; *receiver, if not NULL, was claimed and must be woken or handed over to; false: nothing changed.
 * Context: self is current, no lock.
 */
HAL_NODISCARD bool ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
/* The same of a complex message, if one piece of memory is all that is in its body. */
HAL_NODISCARD bool ipc_simple_send_memory(struct thread *self, struct ipc_kmsg *kmsg,
                                          struct thread **receiver);

/*
 * MACH_TRAP_MSG of self, which only sends, without options / only receives, with good options, but no scatter list: a simple
 * message that can be queued or delivered at once / that waits already in the queue of a port.
 * *_only: all else goes the general way.  Returns: the context to resume.
 * receive: Returns: true: the trap has its result; false: nothing changed.
 * Context: self is current, no lock.
 */
struct uctx *ipc_simple_send_only(struct thread *self);
struct uctx *ipc_simple_receive_only(struct thread *self);
HAL_NODISCARD bool ipc_simple_receive(struct thread *self);

/*
 * Receive by self->op.ipc (rcv_name, option, size, timeout_ms, registers, buffer): takes a message, fails, or blocks.
 * `receiver` (claimed, or NULL) is woken, or given this CPU if self blocks.
 * Context: self is current, no lock.  On return self may not be touched.
 */
void ipc_msg_receive(struct thread *self, struct thread *receiver);

/* self has taken the message in op.ipc (kmsg, port, seqno): write it to the user's buffer; sets the trap's result. */
void ipc_msg_finish(struct thread *self);

/* Write kmsg, which came to the port `name` with this label and number, to the buffer that the arguments of self's trap say; sets the
 * trap's result. Consumes kmsg. */
void ipc_msg_write(struct thread *self, struct ipc_kmsg *kmsg, mach_port_name_t name, uint64_t label,
                   uint32_t seqno);

/* The same for `size` bytes that are as the user is to have them, but a pager has the page of the buffer: self waits for it. result: of the
 * receive, if all goes well. */
void ipc_msg_write_later(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size, mach_msg_return_t result);

/* The same without a wait: it is tried when self, which is current, goes on by thread_exit_to_user(). */
void ipc_msg_write_again(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size, mach_msg_return_t result);

/* A receive ended without a message: sets the trap's result from wait_result and op.ipc.result, or starts over. */
void ipc_msg_receive_failed(struct thread *self);
/* Was the receiver woken to look at its port or set again? */
bool ipc_receive_again(const struct thread *self);

/* Write a message that fits, in the form that a user sees, to the registers of t, with the label of the port that it came to and the result
 * of t's trap. Context: t is current, or waits and is in the caller's hand. */
void ipc_rpc_write(struct thread *t, const mach_msg_header_t *head, uint64_t label, uint64_t result);

/* The same for the register form (ipc/rpc.c). */
void ipc_rpc_finish(struct thread *self);
static inline bool ipc_rpc_fits(const struct ipc_kmsg *kmsg)
{
    return !MACH_MSGH_BITS_IS_COMPLEX(kmsg->head.msgh_bits) &&
           kmsg->head.msgh_size <= sizeof(mach_msg_header_t) + HAL_RPC_WORDS * sizeof(uint64_t);
}

/* Words and id of a message that fits, as its header in registers tells them (mach/rpc.h). */
static inline uint64_t ipc_rpc_header(const mach_msg_header_t *head)
{
    uint64_t halves = (head->msgh_size - (uint32_t)sizeof(*head)) / sizeof(uint32_t);

    return (halves + 1) / 2 << 32 | halves % 2 * MACH_RPC_HALF | (uint32_t)head->msgh_id;
}

/* Bytes of the message that the header of a trap announces; 0: there is none of that size. */
static inline uint32_t ipc_rpc_size(uint64_t header)
{
    uint64_t words = (header & ~(MACH_RPC_HALF | MACH_RPC_TIMED)) >> 32;
    uint64_t halves = 2 * words - header / MACH_RPC_HALF % 2; /* half a word less than none is very many */

    if (halves > 2 * HAL_RPC_WORDS)
        return 0;
    return (uint32_t)(sizeof(mach_msg_header_t) + halves * sizeof(uint32_t));
}

/* Set op.ipc (rcv_name, option, timeout_ms) from the registers of self's trap. */
void ipc_rpc_receive_options(struct thread *self);
/*
 * self waited for a page that the kernel needs to serve its request.  Returns: what is to be sent now, that request again or (the
 * wait was aborted) the kernel's reply; or NULL: none is due.
 */
struct ipc_kmsg *ipc_msg_serve_again(struct thread *self);
/* Continuations of that wait. */
void ipc_msg_serve_continue(struct thread *self);
void ipc_rpc_serve_continue(struct thread *self);

/* Continuations of a wait for a message. */
void ipc_msg_receive_continue(struct thread *self);
void ipc_rpc_receive_continue(struct thread *self);

static inline thread_continuation_t ipc_receive_continuation(const struct thread *t)
{
    return t->op.ipc.registers ? ipc_rpc_receive_continue : ipc_msg_receive_continue;
}

/* Set op.ipc of a thread that waits in the rx of a port or set from the arguments of its trap: the short paths leave them there. */
void ipc_receive_decode(struct thread *t);

/* `t` waited in the rx of `object` (a port or set) and does so as an ordinary waiter from now on. Context: object locked. */
void ipc_waiter_to_list(struct thread *t, struct list *receivers, enum thread_wait wait, void *object);

#endif
