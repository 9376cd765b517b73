/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the stubs that MIG generates call when a request fits registers, and its reply does, too.  The size of the request is
 * a constant in a stub: what is not needed for it is compiled away, and arguments go straight to the registers of the trap.
 */
#ifndef LIBMACH_MIG_CALL_H
#define LIBMACH_MIG_CALL_H

#include <libmach/rpc.h>
#include <mach/message.h>
#include <mach/mig_errors.h>

#define MIG_REGISTERS_SIZE (sizeof(mach_msg_header_t) + MACH_RPC_WORDS * sizeof(uint64_t))

/*
 * The call of mig_call_registers() did not succeed: go on in memory where the kernel says so; what else mig_call() does
 * after an error.
 */
mach_msg_return_t mig_call_failed(mach_msg_header_t *head, mach_msg_size_t reply_size, mach_port_t reply_port,
                                  mach_msg_return_t why);

/* Words of a message of `size` bytes, the last of which may be half. */
static inline __attribute__((always_inline)) unsigned mig_words(mach_msg_size_t size)
{
    return (unsigned)((size - sizeof(mach_msg_header_t) + sizeof(uint64_t) - 1) / sizeof(uint64_t));
}

/* Is it known at compile time that request and reply fit registers? */
static inline __attribute__((always_inline)) boolean_t mig_fits_registers(const mach_msg_header_t *head,
                                                                          mach_msg_size_t reply_size)
{
    return __builtin_constant_p(head->msgh_size) && head->msgh_size <= MIG_REGISTERS_SIZE &&
           reply_size <= MIG_REGISTERS_SIZE + sizeof(mach_msg_trailer_t) &&
           head->msgh_bits == MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
}

/* As mig_call(), of a request for which mig_fits_registers(). */
static inline __attribute__((always_inline)) mach_msg_return_t mig_call_registers(mach_msg_header_t *head,
                                                                                  mach_msg_size_t reply_size)
{
    const mach_msg_size_t size = head->msgh_size;
    const mach_port_t reply_port = mig_get_reply_port();
    char *body = (char *)(head + 1);
    struct mach_rpc m = {.remote = head->msgh_remote_port, .local = reply_port};

    m.header = MACH_RPC_HEADER(head->msgh_id, mig_words(size)) | (size % 8 != 0 ? MACH_RPC_HALF : 0);
    __builtin_memcpy(m.word, body, size - sizeof(*head));
    const uint64_t result = mach_rpc_trap(MACH_TRAP_RPC_CALL, &m);
    if (__builtin_expect(result != MACH_MSG_SUCCESS, 0))
        return mig_call_failed(head, reply_size, reply_port, (mach_msg_return_t)result);
    head->msgh_bits = mach_rpc_bits(&m);
    head->msgh_size = MACH_RPC_SIZE(m.header);
    head->msgh_remote_port = m.remote;
    head->msgh_local_port = reply_port;
    head->msgh_voucher_port = MACH_PORT_NULL;
    head->msgh_id = MACH_RPC_ID(m.header);
    __builtin_memcpy(body, m.word, reply_size - sizeof(mach_msg_trailer_t) - sizeof(*head));
    return MACH_MSG_SUCCESS;
}

#endif
