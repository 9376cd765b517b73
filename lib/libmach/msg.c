/* SPDX-License-Identifier: BSD-2-Clause */
/* mach_msg() over its trap, and what becomes of messages that nobody wants. */
#include <libmach/traps.h>
#include <mach/mach.h>
#include <stddef.h>

/*
 * The trap comes back from an interrupted wait (thread_abort()).  Unless the caller asked for that, the wait goes on: a
 * send that was interrupted is sent again; after an interrupted receive the send half has been done.
 */
mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify)
{
    mach_msg_return_t result = mach_msg_trap(msg, option, send_size, rcv_size, rcv_name, timeout, notify);

    while (result == MACH_SEND_INTERRUPTED && (option & MACH_SEND_INTERRUPT) == 0)
        result = mach_msg_trap(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
    while (result == MACH_RCV_INTERRUPTED && (option & MACH_RCV_INTERRUPT) == 0)
        result = mach_msg_trap(msg, option & ~MACH_SEND_MSG, 0, rcv_size, rcv_name, timeout, notify);
    return result;
}

mach_msg_return_t mach_msg_overwrite(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                     mach_msg_size_t rcv_size, mach_port_name_t rcv_name,
                                     mach_msg_timeout_t timeout, mach_port_name_t notify,
                                     mach_msg_header_t *rcv_msg, mach_msg_size_t rcv_scatter_size)
{
    const mach_msg_option_t both = MACH_SEND_MSG | MACH_RCV_MSG;

    if (rcv_scatter_size != 0)
        return MACH_RCV_SCATTER_SMALL; /* no scatter list is large enough for memory that can't be received */
    if ((option & both) == both && rcv_msg != NULL) {
        mach_msg_return_t result = mach_msg(msg, option & ~MACH_RCV_MSG, send_size, 0, MACH_PORT_NULL, timeout, notify);
        if (result != MACH_MSG_SUCCESS)
            return result;
        option &= ~MACH_SEND_MSG;
        send_size = 0;
    }
    if ((option & both) == MACH_RCV_MSG && rcv_msg != NULL)
        msg = rcv_msg;
    return mach_msg(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
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
        (void)mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)d->out_of_line.address, d->out_of_line.size);
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
