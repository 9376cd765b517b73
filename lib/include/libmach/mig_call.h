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
 * The call of mig_call_registers() did not bring what usually comes: an answer of another kind or size (*m), or an error.  Goes
 * on in memory where the kernel says so, and does what else mig_call() does.
 */
mach_msg_return_t mig_call_unusual(mach_msg_header_t *head, mach_msg_size_t reply_size,
                                   const struct mach_rpc *m, mach_msg_return_t result);

/* The header in registers of a message of `size` bytes. */
static inline __attribute__((always_inline)) uint64_t mig_rpc_header(mach_msg_id_t id, mach_msg_size_t size)
{
    const uint64_t body = size - sizeof(mach_msg_header_t);

    return MACH_RPC_HEADER(id, (body + 7) / 8) | (body % 8 != 0 ? MACH_RPC_HALF : 0);
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
    const mach_msg_size_t usual = reply_size - (mach_msg_size_t)sizeof(mach_msg_trailer_t);
    const uint64_t usual_header = mig_rpc_header(head->msgh_id + 100, usual);
    mach_port_t reply_port = mach_thread_block_self()->reply_port;
    char *body = (char *)(head + 1);

    if (__builtin_expect(reply_port == MACH_PORT_NULL, 0) &&
        (reply_port = mig_get_reply_port()) == MACH_PORT_NULL)
        return KERN_RESOURCE_SHORTAGE;
    struct mach_rpc m = {
        .remote = head->msgh_remote_port, .local = reply_port, .header = mig_rpc_header(head->msgh_id, size)};

    __builtin_memcpy(m.word, body, size - sizeof(*head));
    const uint64_t result = mach_rpc_trap(MACH_TRAP_RPC_CALL, &m, 0);
    if (__builtin_expect(result != MACH_MSG_SUCCESS || m.header != usual_header || m.remote != MACH_PORT_NULL,
                         0)) {
        const struct mach_rpc odd = m; /* so that m itself can stay in registers */
        return mig_call_unusual(head, reply_size, &odd, (mach_msg_return_t)result);
    }
    *head = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE),
        .msgh_size = usual,
        .msgh_local_port = reply_port,
        .msgh_id = (mach_msg_id_t)(uint32_t)usual_header,
    };
    __builtin_memcpy(body, m.word, reply_size - sizeof(mach_msg_trailer_t) - sizeof(*head));
    return MACH_MSG_SUCCESS;
}

#endif
