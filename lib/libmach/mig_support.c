/* SPDX-License-Identifier: BSD-2-Clause */
/* What the code that MIG generates needs: a reply port for each thread, memory, and strings. */
#include <libmach/mig_call.h>
#include <libmach/rpc.h>
#include <mach/mach.h>
#include <mach/mig.h>

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

mach_msg_return_t mig_call_failed(mach_msg_header_t *head, mach_msg_size_t reply_size, mach_port_t reply_port,
                                  mach_msg_return_t why)
{
    mach_msg_return_t result = why;

    head->msgh_local_port = reply_port;
    head->msgh_voucher_port = MACH_PORT_NULL;
    if (why == MACH_SEND_INTERRUPTED) /* nothing was sent */
        result = mach_msg(head, MACH_SEND_MSG | MACH_RCV_MSG, head->msgh_size, reply_size, reply_port,
                          MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
    else if (why == MACH_RCV_INTERRUPTED ||
             why == MACH_RCV_TOO_LARGE) /* the reply is still to come, or waits */
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
