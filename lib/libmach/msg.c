/* SPDX-License-Identifier: BSD-2-Clause */
/* mach_msg() over its trap, and what becomes of messages that nobody wants. */
#include <libmach/rpc.h>
#include <libmach/traps.h>
#include <mach/mach.h>
#include <stddef.h>

#define BOTH (MACH_SEND_MSG | MACH_RCV_MSG)
#define BOTH_TIMED (BOTH | MACH_RCV_TIMEOUT)
#define CALL_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define ANSWER_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0)
#define RPC_SIZE_MAX (sizeof(mach_msg_header_t) + MACH_RPC_WORDS * sizeof(uint64_t))
#define LARGE_RUN 64 /* receives in memory after a message that did not fit registers */

mach_msg_return_t mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                mach_msg_size_t rcv_size, mach_port_name_t rcv_name,
                                mach_msg_timeout_t timeout, mach_msg_size_t scatter_size)
{
    struct mach_msg_call c = {msg, option, send_size, rcv_size, rcv_name, timeout, scatter_size};

    return (mach_msg_return_t)mach_msg_trap_of(&c);
}

/*
 * The trap came back with `result`, perhaps from an interrupted wait (thread_abort()).  Unless the caller asked for that, the wait
 * goes on: a send that was interrupted is sent again; after an interrupted receive the send half has been
 * done.
 */
static __attribute__((noinline)) mach_msg_return_t msg_again(mach_msg_return_t result,
                                                             struct mach_msg_call *c)
{
    while (result == MACH_SEND_INTERRUPTED && (c->option & MACH_SEND_INTERRUPT) == 0)
        result = (mach_msg_return_t)mach_msg_trap_of(c);
    while (result == MACH_RCV_INTERRUPTED && (c->option & MACH_RCV_INTERRUPT) == 0) {
        c->option &= ~MACH_SEND_MSG;
        result = (mach_msg_return_t)mach_msg_trap_of(c);
    }
    return result;
}

/* The ways of mach_msg() have its arguments, used or not, and in the same places, so that one goes on in another by a jump. */
#define WAY static __attribute__((noinline, used)) mach_msg_return_t

/* Any options. */
WAY msg_by_memory(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                  mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    struct mach_msg_call c = {msg, option, send_size, rcv_size, rcv_name, timeout, 0};
    mach_msg_return_t result = (mach_msg_return_t)mach_msg_trap_of(&c);

    if (__builtin_expect(result == MACH_MSG_SUCCESS, 1))
        return result;
    return msg_again(result, &c);
}

/* What an RPC needs if its trap fails: in memory for that time, not in registers that somebody would have to save. */
struct kept {
    mach_msg_header_t *msg;
    mach_msg_size_t send_size, rcv_size;
    mach_port_name_t rcv_name;
};
#define KEEP(value) __asm__ volatile("" : "+m"(value))

/* An RPC came back with `result`, which is not success. timeout: of one with MACH_RCV_TIMEOUT, else 0 */
WAY rpc_again(mach_msg_header_t *msg, mach_msg_return_t result, mach_msg_size_t send_size,
              mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    struct mach_msg_call c = {msg, timeout != 0 ? BOTH_TIMED : BOTH, send_size, rcv_size, rcv_name, timeout,
                              0};

    return msg_again(result, &c);
}

/* option: BOTH */
WAY rpc_by_memory(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                  mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    struct kept kept = {msg, send_size, rcv_size, rcv_name};

    (void)timeout;
    KEEP(kept);
    mach_msg_return_t result =
        (mach_msg_return_t)mach_msg_trap_plain(msg, option, send_size, rcv_size, rcv_name);
    if (__builtin_expect(result == MACH_MSG_SUCCESS, 1))
        return MACH_MSG_SUCCESS;
    __attribute__((musttail)) return rpc_again(kept.msg, result, kept.send_size, kept.rcv_size, kept.rcv_name,
                                               0);
}

/*
 * An RPC of a small simple message goes through registers, where the kernel has its shortest way; it means
 * the same.  A message that does not fit is received in memory afterwards, and so are the next ones: they are
 * probably like it.
 */
static int large_run; /* how many; a hint, so races don't matter */

/* Can registers carry a message of this size, and what may come? */
static inline boolean_t fits_registers(mach_msg_size_t send_size, mach_msg_size_t rcv_size)
{
    return send_size >= sizeof(mach_msg_header_t) && send_size <= RPC_SIZE_MAX && send_size % 8 == 0 &&
           rcv_size >= RPC_SIZE_MAX + sizeof(mach_msg_trailer_t);
}

/* Is it a call, with the answer to come to where it receives, or an answer? */
static inline boolean_t is_rpc(const mach_msg_header_t *msg, mach_port_name_t rcv_name)
{
    return msg->msgh_bits == CALL_BITS
               ? msg->msgh_local_port == rcv_name
               : msg->msgh_bits == ANSWER_BITS && msg->msgh_local_port == MACH_PORT_NULL;
}

/* A word of a message in memory, which is aligned to 4 bytes. */
typedef uint64_t __attribute__((may_alias, aligned(4))) body_word_t;

/* Write what came in registers to memory. name: of the port, where it is not the one that was named. */
static inline void store_received(mach_msg_header_t *msg, const struct mach_rpc *m, mach_port_name_t name)
{
    body_word_t *body = (body_word_t *)(void *)(msg + 1);
    uint64_t words = m->header >> 32;
    mach_msg_size_t size = (mach_msg_size_t)(sizeof(*msg) + words * sizeof(uint64_t));

    msg->msgh_bits = mach_rpc_usual_bits(m);
    if (__builtin_expect(words > MACH_RPC_WORDS, 0)) { /* and more than a number of words */
        msg->msgh_bits = mach_rpc_bits(m);
        words = MACH_RPC_COUNT(m->header);
        size = MACH_RPC_SIZE(m->header);
    }
    msg->msgh_size = size;
    msg->msgh_remote_port = m->remote;
    msg->msgh_local_port = m->local;
    if (__builtin_expect(name != MACH_PORT_NULL, 0))
        msg->msgh_local_port = name;
    msg->msgh_voucher_port = MACH_PORT_NULL;
    msg->msgh_id = MACH_RPC_ID(m->header);
#pragma unroll /* so that the words stay in registers */
    for (unsigned i = 0; i < MACH_RPC_WORDS; i++) {
        if (i >= words)
            break;
        body[i] = m->word[i];
    }
    mach_msg_trailer_t *trailer = (mach_msg_trailer_t *)(void *)((char *)msg + size);
    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = sizeof(*trailer);
}

/* Behind a message that did not fit: it is still to come, in memory. */
WAY registers_again(mach_msg_header_t *msg, mach_msg_return_t result, mach_msg_size_t send_size,
                    mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    if (result == MACH_RCV_TOO_LARGE) {
        large_run = LARGE_RUN;
        result = MACH_RCV_INTERRUPTED;
    }
    __attribute__((musttail)) return rpc_again(msg, result, send_size, rcv_size, rcv_name, timeout);
}

/*
 * Compiled without a flag (0); MACH_RPC_TIMED: with the timeout `more`; MACH_RPC_APART: it receives from `more`, and the answer to this
 * call comes to another port.  Returns: the trap's result; after a success the message is in kept->msg.
 */
static inline __attribute__((always_inline)) mach_msg_return_t registers_run(struct kept *kept,
                                                                             const uint64_t flag,
                                                                             uint32_t more)
{
    const boolean_t apart = flag == MACH_RPC_APART;
    mach_msg_header_t *msg = kept->msg;
    const body_word_t *body = (const body_word_t *)(const void *)(msg + 1);
    const unsigned bytes = kept->send_size - (unsigned)sizeof(*msg);
    const boolean_t call = apart || msg->msgh_bits == CALL_BITS;
    struct mach_rpc m = {.remote = msg->msgh_remote_port,
                         .local = apart ? msg->msgh_local_port : kept->rcv_name,
                         .header = MACH_RPC_HEADER(msg->msgh_id, bytes / sizeof(uint64_t)) | flag};

#pragma unroll
    for (unsigned i = 0; i < MACH_RPC_WORDS; i++) {
        if (i * sizeof(uint64_t) >= bytes)
            break;
        m.word[i] = body[i];
    }
    KEEP(*kept);
    uint64_t result = call ? mach_rpc_trap(MACH_TRAP_RPC_CALL, &m, more)
                           : mach_rpc_trap(MACH_TRAP_RPC_REPLY_WAIT, &m, more);
    mach_msg_return_t code = (mach_msg_return_t)result;
    if (__builtin_expect(code == MACH_MSG_SUCCESS, 1)) {
        m.local = kept->rcv_name;
        store_received(kept->msg, &m, (mach_port_name_t)(result >> 32));
    }
    return code;
}

WAY msg_by_registers(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                     mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    struct kept kept = {msg, send_size, rcv_size, rcv_name};

    (void)option, (void)timeout;
    const mach_msg_return_t result = registers_run(&kept, 0, 0);
    if (__builtin_expect(result == MACH_MSG_SUCCESS, 1))
        return MACH_MSG_SUCCESS;
    __attribute__((musttail)) return registers_again(kept.msg, result, kept.send_size, kept.rcv_size,
                                                     kept.rcv_name, 0);
}

WAY msg_apart(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
              mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    struct kept kept = {msg, send_size, rcv_size, rcv_name};

    (void)option, (void)timeout;
    const mach_msg_return_t result = registers_run(&kept, MACH_RPC_APART, rcv_name);
    if (__builtin_expect(result == MACH_MSG_SUCCESS, 1))
        return MACH_MSG_SUCCESS;
    __attribute__((musttail)) return registers_again(kept.msg, result, kept.send_size, kept.rcv_size,
                                                     kept.rcv_name, 0);
}

/* timeout: not 0 */
WAY msg_timed(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
              mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    struct kept kept = {msg, send_size, rcv_size, rcv_name};
    mach_msg_timeout_t kept_timeout = timeout;

    (void)option;
    KEEP(kept_timeout);
    const mach_msg_return_t result = registers_run(&kept, MACH_RPC_TIMED, timeout);
    if (__builtin_expect(result == MACH_MSG_SUCCESS, 1))
        return MACH_MSG_SUCCESS;
    __attribute__((musttail)) return registers_again(kept.msg, result, kept.send_size, kept.rcv_size,
                                                     kept.rcv_name, kept_timeout);
}

/* The options of an RPC with a timeout. */
static inline mach_msg_return_t rpc_timed(mach_msg_header_t *msg, mach_msg_option_t option,
                                          mach_msg_size_t send_size, mach_msg_size_t rcv_size,
                                          mach_port_name_t rcv_name, mach_msg_timeout_t timeout)
{
    if (timeout != 0 && fits_registers(send_size, rcv_size) && is_rpc(msg, rcv_name)) {
        if (large_run == 0)
            return msg_timed(msg, option, send_size, rcv_size, rcv_name, timeout);
        large_run--;
    }
    return msg_by_memory(msg, option, send_size, rcv_size, rcv_name, timeout);
}

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify)
{
    (void)notify;
    if (__builtin_expect(option != BOTH, 0))
        return option == BOTH_TIMED ? rpc_timed(msg, option, send_size, rcv_size, rcv_name, timeout)
                                    : msg_by_memory(msg, option, send_size, rcv_size, rcv_name, timeout);
    if (fits_registers(send_size, rcv_size)) {
        if (large_run != 0)
            large_run--;
        else if (is_rpc(msg, rcv_name))
            return msg_by_registers(msg, option, send_size, rcv_size, rcv_name, timeout);
        else if (msg->msgh_bits == CALL_BITS)
            return msg_apart(msg, option, send_size, rcv_size, rcv_name, timeout);
    }
    return rpc_by_memory(msg, option, send_size, rcv_size, rcv_name, timeout);
}

mach_msg_return_t mach_msg_overwrite(mach_msg_header_t *msg, mach_msg_option_t option,
                                     mach_msg_size_t send_size, mach_msg_size_t rcv_size,
                                     mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                                     mach_port_name_t notify, mach_msg_header_t *rcv_msg,
                                     mach_msg_size_t rcv_scatter_size)
{
    const mach_msg_option_t both = MACH_SEND_MSG | MACH_RCV_MSG;

    (void)notify;
    if ((option & both) == both && rcv_msg != NULL) {
        mach_msg_return_t result =
            mach_msg(msg, option & ~MACH_RCV_MSG, send_size, 0, MACH_PORT_NULL, timeout, MACH_PORT_NULL);
        if (result != MACH_MSG_SUCCESS)
            return result;
        option &= ~MACH_SEND_MSG;
        send_size = 0;
    }
    if ((option & both) == MACH_RCV_MSG && rcv_msg != NULL)
        msg = rcv_msg;
    struct mach_msg_call c = {msg, option, send_size, rcv_size, rcv_name, timeout, rcv_scatter_size};
    return msg_again((mach_msg_return_t)mach_msg_trap_of(&c), &c);
}

/* Release one right that came as `disposition`. */
static void destroy_right(mach_port_name_t name, mach_msg_type_name_t disposition)
{
    if (!MACH_PORT_VALID(name))
        return;
    if (disposition == MACH_MSG_TYPE_PORT_RECEIVE)
        (void)mach_port_mod_refs(mach_task_self(), name, MACH_PORT_RIGHT_RECEIVE, -1);
    else if (disposition == MACH_MSG_TYPE_PORT_SEND || disposition == MACH_MSG_TYPE_PORT_SEND_ONCE)
        (void)mach_port_deallocate(mach_task_self(), name);
}

static void destroy_ool_ports(const mach_msg_ool_ports_descriptor_t *ports)
{
    const mach_port_name_t *name = ports->address;

    for (mach_msg_size_t i = 0; i < ports->count; i++)
        destroy_right(name[i], ports->disposition);
    (void)mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)ports->address,
                             ports->count * sizeof(mach_port_name_t));
}

/* Returns: the descriptor behind `d`. */
static const void *destroy_descriptor(const mach_msg_descriptor_t *d)
{
    switch (d->type.type) {
    case MACH_MSG_PORT_DESCRIPTOR:
        destroy_right(d->port.name, d->port.disposition);
        return &d->port + 1;
    case MACH_MSG_OOL_PORTS_DESCRIPTOR:
        destroy_ool_ports(&d->ool_ports);
        return &d->ool_ports + 1;
    default:
        (void)mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)d->out_of_line.address,
                                 d->out_of_line.size);
        return &d->out_of_line + 1;
    }
}

void mach_msg_destroy(mach_msg_header_t *msg)
{
    destroy_right(msg->msgh_remote_port, MACH_MSGH_BITS_REMOTE(msg->msgh_bits));
    if (MACH_MSGH_BITS_IS_COMPLEX(msg->msgh_bits)) {
        const mach_msg_base_t *base = (const mach_msg_base_t *)msg;
        const void *d = base + 1;
        for (mach_msg_size_t i = 0; i < base->body.msgh_descriptor_count; i++)
            d = destroy_descriptor(d);
    }
}
