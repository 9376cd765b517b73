/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptors in the body of a message, one behind the other.  They have different sizes, but the byte that says of what
 * kind one is has the same place in all of them.
 */
#ifndef IPC_DESCRIPTOR_H
#define IPC_DESCRIPTOR_H

#include <hal/types.h>
#include <mach/message.h>

_Static_assert(sizeof(mach_msg_type_descriptor_t) == sizeof(mach_msg_port_descriptor_t),
               "the smallest descriptor shows its kind");

/* Bytes of a descriptor; for one of no known kind, those of the smallest. */
static inline uint32_t ipc_descriptor_size(const mach_msg_descriptor_t *d)
{
    switch (d->type.type) {
    case MACH_MSG_OOL_DESCRIPTOR:
        return sizeof(d->out_of_line);
    case MACH_MSG_OOL_PORTS_DESCRIPTOR:
        return sizeof(d->ool_ports);
    default:
        return sizeof(d->port);
    }
}

static inline mach_msg_descriptor_t *ipc_descriptor_next(mach_msg_descriptor_t *d)
{
    return (mach_msg_descriptor_t *)(void *)((char *)d + ipc_descriptor_size(d));
}

#endif
