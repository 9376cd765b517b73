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

/* Bytes of a descriptor of a kind; for one that is not known, those of the smallest. */
/*@ assigns \nothing;
    ensures out_of_line: kind == MACH_MSG_OOL_DESCRIPTOR || kind == MACH_MSG_OOL_PORTS_DESCRIPTOR ==> \result == 16;
    ensures other: kind != MACH_MSG_OOL_DESCRIPTOR && kind != MACH_MSG_OOL_PORTS_DESCRIPTOR ==> \result == 12;
*/
static inline uint32_t ipc_descriptor_kind_size(mach_msg_descriptor_type_t kind)
{
    switch (kind) {
    case MACH_MSG_OOL_DESCRIPTOR:
        return sizeof(mach_msg_ool_descriptor_t);
    case MACH_MSG_OOL_PORTS_DESCRIPTOR:
        return sizeof(mach_msg_ool_ports_descriptor_t);
    default:
        return sizeof(mach_msg_port_descriptor_t);
    }
}

static inline uint32_t ipc_descriptor_size(const mach_msg_descriptor_t *d)
{
    return ipc_descriptor_kind_size(d->type.type);
}

static inline mach_msg_descriptor_t *ipc_descriptor_next(mach_msg_descriptor_t *d)
{
    return (mach_msg_descriptor_t *)(void *)((char *)d + ipc_descriptor_size(d));
}

#endif
