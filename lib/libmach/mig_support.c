/* SPDX-License-Identifier: BSD-2-Clause */
/* What the code that MIG generates needs: a reply port for each thread, memory, and strings. */
#include <libmach/mig_call.h>
#include <libmach/rpc.h>
#include <mach/mach.h>
#include <mach/mig.h>
#include <string.h>

mach_port_t mig_get_reply_port(void)
{
    struct mach_thread_block *self = mach_thread_block_self();

    if (self->reply_port == MACH_PORT_NULL)
        self->reply_port = mach_reply_port();
    return self->reply_port;
}

void mig_dealloc_reply_port(mach_port_t reply_port)
{
    struct mach_thread_block *self = mach_thread_block_self();

    /* Forget it first: the call that destroys it gets itself another one. */
    if (self->reply_port == reply_port)
        self->reply_port = MACH_PORT_NULL;
    /* If that call fails, too, the kernel is out of memory: a port is lost, but there is an end. */
    if (reply_port == MACH_PORT_NULL || self->destroys_reply_port)
        return;
    self->destroys_reply_port = TRUE;
    (void)mach_port_mod_refs(mach_task_self(), reply_port, MACH_PORT_RIGHT_RECEIVE, -1);
    self->destroys_reply_port = FALSE;
}

/* Write what came in registers to the caller's message, which has room for what registers hold. */
static void store_reply(mach_msg_header_t *head, mach_msg_size_t reply_size, const struct mach_rpc *m)
{
    const mach_msg_size_t room = reply_size - (mach_msg_size_t)sizeof(mach_msg_trailer_t);
    const mach_msg_size_t size = MACH_RPC_SIZE(m->header);

    *head = (mach_msg_header_t){
        .msgh_bits = mach_rpc_bits(m),
        .msgh_size = size,
        .msgh_remote_port = m->remote,
        .msgh_local_port = m->local,
        .msgh_id = MACH_RPC_ID(m->header),
    };
    memcpy(head + 1, m->word, (size < room ? size : room) - sizeof(*head));
}

mach_msg_return_t mig_call_unusual(mach_msg_header_t *head, mach_msg_size_t reply_size,
                                   const struct mach_rpc *m, mach_msg_return_t result)
{
    const mach_port_t reply_port = m->local;

    if (result == MACH_MSG_SUCCESS) {
        store_reply(head, reply_size, m);
        return result;
    }
    head->msgh_local_port = reply_port;
    head->msgh_voucher_port = MACH_PORT_NULL;
    if (result == MACH_SEND_INTERRUPTED) /* nothing was sent */
        result = mach_msg(head, MACH_SEND_MSG | MACH_RCV_MSG, head->msgh_size, reply_size, reply_port,
                          MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
    else if (result == MACH_RCV_INTERRUPTED ||
             result == MACH_RCV_TOO_LARGE) /* it is still to come, or waits */
        result =
            mach_msg(head, MACH_RCV_MSG, 0, reply_size, reply_port, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
    mig_end_call(reply_port, result);
    return result;
}

void mig_put_reply_port(mach_port_t reply_port)
{
    (void)reply_port; /* the thread keeps it for its next call */
}

void mig_deallocate(vm_address_t address, vm_size_t size)
{
    (void)mach_vm_deallocate(mach_task_self(), address, size);
}

mach_msg_size_t mig_strncpy(char *dest, const char *src, mach_msg_size_t len)
{
    mach_msg_size_t i = 0;

    if (len == 0)
        return 0;
    for (; i + 1 < len && src[i] != '\0'; i++)
        dest[i] = src[i];
    dest[i] = '\0';
    return i + 1;
}
