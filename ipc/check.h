/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is checked of a message that a user wrote, before anything is done with it: its size, the bits of its
 * header, the place and the kinds of its descriptors.  Which rights the names stand for is not known here.
 */
#ifndef IPC_CHECK_H
#define IPC_CHECK_H

#include <hal/types.h>
#include <mach/message.h>

#define IPC_KMSG_SIZE_MAX 65536u /* bytes of a message, trailer not counted */
#define IPC_KMSG_DESCRIPTORS_MAX 1024u

/*@ predicate send_disposition(integer type) = MACH_MSG_TYPE_MOVE_SEND <= type <= MACH_MSG_TYPE_MAKE_SEND_ONCE;
    predicate any_disposition(integer type) = MACH_MSG_TYPE_MOVE_RECEIVE <= type <= MACH_MSG_TYPE_MAKE_SEND_ONCE;

    // msgh_bits: 5 bits each for remote, local and voucher, the complex bit, and nothing else
    predicate bits_unknown(integer bits) = (bits & 0x7fe0e0e0) != 0;
    predicate reply_good(integer type, integer name) =
      type == 0 ? name == MACH_PORT_NULL : send_disposition(type);
    predicate port_named(integer name) = name != MACH_PORT_NULL && name != MACH_PORT_DEAD;

    // descriptors that a complex message of `size` bytes has room for
    logic integer descriptor_room(integer size) = (size - sizeof(mach_msg_base_t)) / sizeof(mach_msg_port_descriptor_t);
    predicate complex(integer bits) = (bits & MACH_MSGH_BITS_COMPLEX) != 0;
    predicate descriptors_fit(integer size, integer count) =
      size >= sizeof(mach_msg_base_t) && count <= descriptor_room(size);
    predicate descriptor_good(mach_msg_port_descriptor_t *d) =
      d->type == MACH_MSG_PORT_DESCRIPTOR && any_disposition(d->disposition);
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

/* Are these `count` descriptors of a kind that the kernel knows? */
/*@ requires \valid_read(descriptor + (0 .. count - 1));
    assigns \nothing;
    ensures known: \result <==> \forall integer i; 0 <= i < count ==> descriptor_good(&descriptor[i]);
*/
static inline bool ipc_check_descriptors(const mach_msg_port_descriptor_t *descriptor, uint32_t count)
{
    /*@ loop invariant progress: 0 <= i <= count;
        loop invariant known: \forall integer k; 0 <= k < i ==> descriptor_good(&descriptor[k]);
        loop assigns i;
        loop variant count - i;
    */
    for (uint32_t i = 0; i < count; i++)
        if (descriptor[i].type != MACH_MSG_PORT_DESCRIPTOR ||
            !MACH_MSG_TYPE_PORT_ANY(descriptor[i].disposition))
            return false;
    return true;
}

/*
 * The body of a message of `size` bytes with these msgh_bits; *count: its descriptors.  What is behind `size`
 * is not read.  MACH_MSG_SUCCESS; MACH_SEND_MSG_TOO_SMALL they do not fit; MACH_SEND_TOO_LARGE they are too many;
 * MACH_SEND_INVALID_TYPE one is of another kind.
 */
/*@ requires \valid(count) && \separated(count, body, descriptor + (0 .. descriptor_room(size) - 1));
    requires complex(bits) && size >= sizeof(mach_msg_base_t) ==>
      \valid_read(body) && \valid_read(descriptor + (0 .. descriptor_room(size) - 1));
    assigns *count;
    behavior simple:
      assumes !complex(bits);
      ensures \result == MACH_MSG_SUCCESS && *count == 0;
    behavior small:
      assumes complex(bits) && !descriptors_fit(size, body->msgh_descriptor_count);
      ensures \result == MACH_SEND_MSG_TOO_SMALL && *count == 0;
    behavior large:
      assumes complex(bits) && descriptors_fit(size, body->msgh_descriptor_count);
      assumes body->msgh_descriptor_count > IPC_KMSG_DESCRIPTORS_MAX;
      ensures \result == MACH_SEND_TOO_LARGE && *count == 0;
    behavior kind:
      assumes complex(bits) && descriptors_fit(size, body->msgh_descriptor_count);
      assumes body->msgh_descriptor_count <= IPC_KMSG_DESCRIPTORS_MAX;
      assumes \exists integer i; 0 <= i < body->msgh_descriptor_count && !descriptor_good(&descriptor[i]);
      ensures \result == MACH_SEND_INVALID_TYPE && *count == 0;
    behavior good:
      assumes complex(bits) && descriptors_fit(size, body->msgh_descriptor_count);
      assumes body->msgh_descriptor_count <= IPC_KMSG_DESCRIPTORS_MAX;
      assumes \forall integer i; 0 <= i < body->msgh_descriptor_count ==> descriptor_good(&descriptor[i]);
      ensures \result == MACH_MSG_SUCCESS && *count == body->msgh_descriptor_count;
    complete behaviors;
    disjoint behaviors;
*/
static inline mach_msg_return_t ipc_check_body(mach_msg_bits_t bits, mach_msg_size_t size,
                                               const mach_msg_body_t *body,
                                               const mach_msg_port_descriptor_t *descriptor, uint32_t *count)
{
    *count = 0;
    if (!MACH_MSGH_BITS_IS_COMPLEX(bits))
        return MACH_MSG_SUCCESS;
    if (size < sizeof(mach_msg_base_t))
        return MACH_SEND_MSG_TOO_SMALL;
    uint32_t n = body->msgh_descriptor_count;
    if (n > (size - sizeof(mach_msg_base_t)) / sizeof(mach_msg_port_descriptor_t))
        return MACH_SEND_MSG_TOO_SMALL;
    if (n > IPC_KMSG_DESCRIPTORS_MAX)
        return MACH_SEND_TOO_LARGE;
    if (!ipc_check_descriptors(descriptor, n))
        return MACH_SEND_INVALID_TYPE;
    *count = n;
    return MACH_MSG_SUCCESS;
}

#endif
