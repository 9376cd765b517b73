/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is checked of a message that a user wrote, before anything is done with it: its size, the bits of its
 * header, the place, the kinds and the counts of its descriptors.  Which rights the names stand for is not known here.
 */
#ifndef IPC_CHECK_H
#define IPC_CHECK_H

#include <hal/types.h>
#include <ipc/descriptor.h>
#include <mach/message.h>

#define IPC_KMSG_SIZE_MAX 65536u /* bytes of a message, trailer not counted */
#define IPC_KMSG_DESCRIPTORS_MAX 1024u
#define IPC_KMSG_RIGHTS_MAX 1024u /* in the body, arrays out of line included: taken under one lock */

/*@ predicate send_disposition(integer type) = MACH_MSG_TYPE_MOVE_SEND <= type <= MACH_MSG_TYPE_MAKE_SEND_ONCE;
    predicate any_disposition(integer type) = MACH_MSG_TYPE_MOVE_RECEIVE <= type <= MACH_MSG_TYPE_MAKE_SEND_ONCE;

    // msgh_bits: 5 bits each for remote, local and voucher, the complex bit, and nothing else
    predicate bits_unknown(integer bits) = (bits & 0x7fe0e0e0) != 0;
    predicate reply_good(integer type, integer name) =
      type == 0 ? name == MACH_PORT_NULL : send_disposition(type);
    predicate port_named(integer name) = name != MACH_PORT_NULL && name != MACH_PORT_DEAD;

    predicate copy_good(integer copy) = copy == MACH_MSG_PHYSICAL_COPY || copy == MACH_MSG_VIRTUAL_COPY;
    predicate array_good(integer type, integer copy) = any_disposition(type) && copy_good(copy);
*/

/* A message of `size` bytes: MACH_MSG_SUCCESS, MACH_SEND_MSG_TOO_SMALL (no header, or no multiple of 4),
 * MACH_SEND_TOO_LARGE. */
/*@ assigns \nothing;
    behavior small:
      assumes size < sizeof(mach_msg_header_t) || size % 4 != 0;
      ensures \result == MACH_SEND_MSG_TOO_SMALL;
    behavior large:
      assumes size > IPC_KMSG_SIZE_MAX && size % 4 == 0;
      ensures \result == MACH_SEND_TOO_LARGE;
    behavior good:
      assumes sizeof(mach_msg_header_t) <= size <= IPC_KMSG_SIZE_MAX && size % 4 == 0;
      ensures \result == MACH_MSG_SUCCESS;
    complete behaviors;
    disjoint behaviors;
*/
static inline mach_msg_return_t ipc_check_size(uint64_t size)
{
    if (size < sizeof(mach_msg_header_t) || size % 4 != 0)
        return MACH_SEND_MSG_TOO_SMALL;
    return size > IPC_KMSG_SIZE_MAX ? MACH_SEND_TOO_LARGE : MACH_MSG_SUCCESS;
}

/* Does a local port with this disposition give a reply right, or is there neither? */
/*@ assigns \nothing;
    ensures reply: \result <==> reply_good(type, name);
*/
static inline bool ipc_check_reply(mach_msg_type_name_t type, mach_port_name_t name)
{
    return type == 0 ? name == MACH_PORT_NULL : MACH_MSG_TYPE_PORT_ANY_SEND(type);
}

/* MACH_MSG_SUCCESS; MACH_SEND_INVALID_HEADER unknown bits, or dispositions that do not send to the remote port
 * or do not make the local port a reply right; MACH_SEND_INVALID_VOUCHER there is one; MACH_SEND_INVALID_DEST no
 * remote port. */
/*@ requires \valid_read(head);
    assigns \nothing;
    behavior bits:
      assumes bits_unknown(head->msgh_bits);
      ensures \result == MACH_SEND_INVALID_HEADER;
    behavior voucher:
      assumes !bits_unknown(head->msgh_bits) && MACH_MSGH_BITS_VOUCHER(head->msgh_bits) != 0;
      ensures \result == MACH_SEND_INVALID_VOUCHER;
    behavior ports:
      assumes !bits_unknown(head->msgh_bits) && MACH_MSGH_BITS_VOUCHER(head->msgh_bits) == 0;
      assumes !send_disposition(MACH_MSGH_BITS_REMOTE(head->msgh_bits)) || !reply_good(MACH_MSGH_BITS_LOCAL(head->msgh_bits), head->msgh_local_port);
      ensures \result == MACH_SEND_INVALID_HEADER;
    behavior destination:
      assumes !bits_unknown(head->msgh_bits) && MACH_MSGH_BITS_VOUCHER(head->msgh_bits) == 0;
      assumes send_disposition(MACH_MSGH_BITS_REMOTE(head->msgh_bits)) && reply_good(MACH_MSGH_BITS_LOCAL(head->msgh_bits), head->msgh_local_port);
      assumes !port_named(head->msgh_remote_port);
      ensures \result == MACH_SEND_INVALID_DEST;
    behavior good:
      assumes !bits_unknown(head->msgh_bits) && MACH_MSGH_BITS_VOUCHER(head->msgh_bits) == 0;
      assumes send_disposition(MACH_MSGH_BITS_REMOTE(head->msgh_bits)) && reply_good(MACH_MSGH_BITS_LOCAL(head->msgh_bits), head->msgh_local_port);
      assumes port_named(head->msgh_remote_port);
      ensures \result == MACH_MSG_SUCCESS;
    complete behaviors;
    disjoint behaviors;
*/
static inline mach_msg_return_t ipc_check_header(const mach_msg_header_t *head)
{
    mach_msg_bits_t bits = head->msgh_bits;

    if (bits & ~MACH_MSGH_BITS_USER)
        return MACH_SEND_INVALID_HEADER;
    if (MACH_MSGH_BITS_VOUCHER(bits) != 0)
        return MACH_SEND_INVALID_VOUCHER;
    if (!MACH_MSG_TYPE_PORT_ANY_SEND(MACH_MSGH_BITS_REMOTE(bits)))
        return MACH_SEND_INVALID_HEADER;
    if (!ipc_check_reply(MACH_MSGH_BITS_LOCAL(bits), head->msgh_local_port))
        return MACH_SEND_INVALID_HEADER;
    if (!MACH_PORT_VALID(head->msgh_remote_port))
        return MACH_SEND_INVALID_DEST;
    return MACH_MSG_SUCCESS;
}

/* What the body of a message holds. */
struct ipc_check_count {
    uint32_t descriptors;
    uint32_t rights; /* named by descriptors, and by arrays out of line */
};

/* Is that a way to send what is out of line?  Both are the same: copied when one of both sides writes. */
/*@ assigns \nothing;
    ensures way: \result <==> copy_good(copy);
*/
static inline bool ipc_check_copy(mach_msg_copy_options_t copy)
{
    return copy == MACH_MSG_PHYSICAL_COPY || copy == MACH_MSG_VIRTUAL_COPY;
}

/*
 * `count` rights of one disposition in a descriptor, besides *rights before it.  array: out of line, copied as `copy` says.
 * MACH_MSG_SUCCESS, *rights higher; MACH_SEND_INVALID_TYPE unknown disposition or way to copy; MACH_SEND_TOO_LARGE more than
 * IPC_KMSG_RIGHTS_MAX.
 */
/*@ requires \valid(rights) && *rights <= IPC_KMSG_RIGHTS_MAX;
    assigns *rights;
    behavior kind:
      assumes !array_good(type, copy);
      ensures \result == MACH_SEND_INVALID_TYPE && *rights == \old(*rights);
    behavior large:
      assumes array_good(type, copy) && *rights + count > IPC_KMSG_RIGHTS_MAX;
      ensures \result == MACH_SEND_TOO_LARGE && *rights == \old(*rights);
    behavior good:
      assumes array_good(type, copy) && *rights + count <= IPC_KMSG_RIGHTS_MAX;
      ensures \result == MACH_MSG_SUCCESS && *rights == \old(*rights) + count;
    complete behaviors;
    disjoint behaviors;
*/
static inline mach_msg_return_t ipc_check_rights(mach_msg_type_name_t type, mach_msg_copy_options_t copy,
                                                 uint32_t count, uint32_t *rights)
{
    if (!MACH_MSG_TYPE_PORT_ANY(type) || !ipc_check_copy(copy))
        return MACH_SEND_INVALID_TYPE;
    if (count > IPC_KMSG_RIGHTS_MAX - *rights)
        return MACH_SEND_TOO_LARGE;
    *rights += count;
    return MACH_MSG_SUCCESS;
}

/* May `n` descriptors be in `room` bytes? */
/*@ assigns \nothing;
    behavior small:
      assumes n * sizeof(mach_msg_type_descriptor_t) > room;
      ensures \result == MACH_SEND_MSG_TOO_SMALL;
    behavior large:
      assumes n * sizeof(mach_msg_type_descriptor_t) <= room && n > IPC_KMSG_DESCRIPTORS_MAX;
      ensures \result == MACH_SEND_TOO_LARGE;
    behavior good:
      assumes n * sizeof(mach_msg_type_descriptor_t) <= room && n <= IPC_KMSG_DESCRIPTORS_MAX;
      ensures \result == MACH_MSG_SUCCESS;
    complete behaviors;
    disjoint behaviors;
*/
static inline mach_msg_return_t ipc_check_count(uint32_t n, uint32_t room)
{
    if (n > room / sizeof(mach_msg_type_descriptor_t))
        return MACH_SEND_MSG_TOO_SMALL;
    return n > IPC_KMSG_DESCRIPTORS_MAX ? MACH_SEND_TOO_LARGE : MACH_MSG_SUCCESS;
}

/* One descriptor, `room` bytes before the end of the message. */
static inline mach_msg_return_t ipc_check_descriptor(const mach_msg_descriptor_t *d, uint32_t room,
                                                     uint32_t *rights)
{
    if (room < sizeof(mach_msg_type_descriptor_t) || room < ipc_descriptor_size(d))
        return MACH_SEND_MSG_TOO_SMALL;
    switch (d->type.type) {
    case MACH_MSG_PORT_DESCRIPTOR:
        return ipc_check_rights(d->port.disposition, MACH_MSG_PHYSICAL_COPY, 1, rights);
    case MACH_MSG_OOL_DESCRIPTOR:
        return ipc_check_copy(d->out_of_line.copy) ? MACH_MSG_SUCCESS : MACH_SEND_INVALID_TYPE;
    case MACH_MSG_OOL_PORTS_DESCRIPTOR:
        return ipc_check_rights(d->ool_ports.disposition, d->ool_ports.copy, d->ool_ports.count, rights);
    default:
        return MACH_SEND_INVALID_TYPE;
    }
}

/*
 * The body of a message of `size` bytes with these msgh_bits; *count: what it holds.  What is behind `size` is not
 * read.  MACH_MSG_SUCCESS; MACH_SEND_MSG_TOO_SMALL the descriptors do not fit; MACH_SEND_TOO_LARGE they, or the rights
 * that they name, are too many; MACH_SEND_INVALID_TYPE one is of another kind.
 */
static inline mach_msg_return_t ipc_check_body(mach_msg_bits_t bits, mach_msg_size_t size,
                                               const mach_msg_body_t *body, struct ipc_check_count *count)
{
    *count = (struct ipc_check_count){0};
    if (!MACH_MSGH_BITS_IS_COMPLEX(bits))
        return MACH_MSG_SUCCESS;
    if (size < sizeof(mach_msg_base_t))
        return MACH_SEND_MSG_TOO_SMALL;
    uint32_t room = size - (uint32_t)sizeof(mach_msg_base_t);
    uint32_t n = body->msgh_descriptor_count;
    mach_msg_return_t mr = ipc_check_count(n, room);
    if (mr != MACH_MSG_SUCCESS)
        return mr;
    const mach_msg_descriptor_t *d = (const void *)(body + 1);
    for (uint32_t i = 0; i < n; i++) {
        mr = ipc_check_descriptor(d, room, &count->rights);
        if (mr != MACH_MSG_SUCCESS)
            return mr;
        room -= ipc_descriptor_size(d);
        d = (const void *)((const char *)d + ipc_descriptor_size(d));
    }
    count->descriptors = n;
    return MACH_MSG_SUCCESS;
}

#endif
