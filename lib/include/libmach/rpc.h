/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register form of RPC: a simple message of at most MACH_RPC_WORDS words that never touches memory.  The
 * functions are inlined, so that a caller's arguments go straight to the registers of the trap (mach/rpc.h).
 */
#ifndef LIBMACH_RPC_H
#define LIBMACH_RPC_H

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/rpc.h>
#include <stdint.h>

/* Both directions of a register-form message. */
struct mach_rpc {
    mach_port_name_t remote; /* in: destination, or the reply right to answer; out: reply right, or null */
    mach_port_name_t local;  /* in: port with receive right to receive from */
    uint64_t label;          /* out: context of the port that the message came to */
    uint64_t header;         /* MACH_RPC_HEADER(id, words) */
    uint64_t word[MACH_RPC_WORDS];
};

/* The arguments of MACH_TRAP_MSG. */
struct mach_msg_call {
    mach_msg_header_t *msg;
    mach_msg_option_t option;
    mach_msg_size_t send_size, rcv_size;
    mach_port_name_t rcv_name;
    mach_msg_timeout_t timeout;
    mach_msg_size_t scatter_size;
};

#define MACH_RPC_ID(header) ((int)(uint32_t)(header))

/* uint64_t mach_rpc_trap(unsigned number, struct mach_rpc *m, uint32_t more): `more` is what a flag of the header announces. */
#include <libmach/rpc_trap.h>

/* msgh_bits of a call or an answer that was received. */
static inline mach_msg_bits_t mach_rpc_usual_bits(const struct mach_rpc *m)
{
    return m->remote != MACH_PORT_NULL ? MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND)
                                       : MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE);
}

/* msgh_bits of any message that was received. */
static inline mach_msg_bits_t mach_rpc_bits(const struct mach_rpc *m)
{
    mach_msg_bits_t remote = (mach_msg_bits_t)(m->header >> MACH_RPC_REMOTE_SHIFT) & 0xff;
    mach_msg_bits_t local = (mach_msg_bits_t)(m->header >> MACH_RPC_LOCAL_SHIFT) & 0xff;

    if (__builtin_expect(local != 0, 0))
        return MACH_MSGH_BITS(remote, local);
    return mach_rpc_usual_bits(m);
}

/*
 * Send m to the send right m->remote with a send-once right to m->local as reply right, and receive from
 * m->local.
 * Returns: MACH_MSG_SUCCESS, *m is the message received; MACH_SEND_*: nothing was sent; MACH_RCV_TOO_LARGE:
 * the answer does not fit and waits in the queue of m->local for mach_msg(); other MACH_RCV_*: nothing was
 * received.
 */
static inline kern_return_t mach_rpc_call(struct mach_rpc *m)
{
    return (kern_return_t)mach_rpc_trap(MACH_TRAP_RPC_CALL, m, 0);
}

/* The same, but the receive ends with MACH_RCV_TIMED_OUT after `timeout` milliseconds at the latest. */
static inline kern_return_t mach_rpc_call_timed(struct mach_rpc *m, mach_msg_timeout_t timeout)
{
    m->header |= MACH_RPC_TIMED;
    return (kern_return_t)mach_rpc_trap(MACH_TRAP_RPC_CALL, m, timeout);
}

/* The same, but the receive is from `from`, as a rule a set with the port m->local in it. */
static inline kern_return_t mach_rpc_call_from(struct mach_rpc *m, mach_port_name_t from)
{
    m->header |= MACH_RPC_APART;
    return (kern_return_t)mach_rpc_trap(MACH_TRAP_RPC_CALL, m, from);
}

/*
 * Answer with m over the send-once right m->remote (MACH_PORT_NULL: no answer), and receive from m->local.
 * Returns: as mach_rpc_call().
 */
static inline kern_return_t mach_rpc_reply_wait(struct mach_rpc *m)
{
    return (kern_return_t)mach_rpc_trap(MACH_TRAP_RPC_REPLY_WAIT, m, 0);
}

#endif
