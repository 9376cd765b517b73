/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights in messages: from the sender's names to the ports, and from the ports to the receiver's names.
 * Nothing is taken before everything was checked.
 */
#include <ipc/check.h>
#include <ipc/kmsg.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/panic.h>

#define TAKES_INLINE 10u /* header and eight descriptors */
#define TAKE_REMOTE 0u
#define TAKE_LOCAL 1u
#define TAKE_BODY 2u

/* --- in --- */

static mach_msg_return_t take_error(uint32_t failed)
{
    switch (failed) {
    case TAKE_REMOTE:
        return MACH_SEND_INVALID_DEST;
    case TAKE_LOCAL:
        return MACH_SEND_INVALID_REPLY;
    default:
        return MACH_SEND_INVALID_RIGHT;
    }
}

static void takes_fill(struct ipc_kmsg *kmsg, struct ipc_right_take *takes, uint32_t count)
{
    const mach_msg_header_t *head = &kmsg->head;
    mach_msg_type_name_t local = MACH_MSGH_BITS_LOCAL(head->msgh_bits);

    takes[TAKE_REMOTE] = (struct ipc_right_take){
        .name = head->msgh_remote_port, .disposition = MACH_MSGH_BITS_REMOTE(head->msgh_bits), .alive = true};
    takes[TAKE_LOCAL] = (struct ipc_right_take){.name = head->msgh_local_port,
                                                .disposition = local != 0 ? local : MACH_MSG_TYPE_COPY_SEND};
    for (uint32_t i = 0; i < count; i++) {
        const mach_msg_port_descriptor_t *d = &kmsg->descriptor[i];
        takes[TAKE_BODY + i] = (struct ipc_right_take){.name = d->name, .disposition = d->disposition};
    }
}

/* The rights are out of the space: put them into the message. */
static void takes_store(struct ipc_kmsg *kmsg, const struct ipc_right_take *takes, uint32_t count)
{
    mach_msg_header_t *head = &kmsg->head;
    mach_msg_type_name_t local = 0;

    kmsg->remote = takes[TAKE_REMOTE].port;
    kmsg->local = takes[TAKE_LOCAL].port;
    if (kmsg->local != NULL)
        local = ipc_right_result(takes[TAKE_LOCAL].disposition);
    head->msgh_bits = (head->msgh_bits & MACH_MSGH_BITS_COMPLEX) |
                      MACH_MSGH_BITS(ipc_right_result(takes[TAKE_REMOTE].disposition), local);
    for (uint32_t i = 0; i < count; i++) {
        kmsg->port[i] = takes[TAKE_BODY + i].port;
        kmsg->descriptor[i].disposition = ipc_right_result(takes[TAKE_BODY + i].disposition) & 0xffu;
    }
}

mach_msg_return_t ipc_kmsg_copyin(struct ipc_space *space, struct ipc_kmsg *kmsg)
{
    struct ipc_right_take few[TAKES_INLINE];
    struct ipc_right_take *takes = few;
    uint32_t count;
    uint32_t failed = TAKE_REMOTE;

    mach_msg_return_t mr = ipc_check_header(&kmsg->head);
    if (mr == MACH_MSG_SUCCESS)
        mr =
            ipc_check_body(kmsg->head.msgh_bits, kmsg->head.msgh_size, &kmsg->body, kmsg->descriptor, &count);
    if (mr != MACH_MSG_SUCCESS)
        return mr;
    if (count > 0 && ipc_kmsg_alloc_ports(kmsg, count) != KERN_SUCCESS)
        return MACH_SEND_NO_BUFFER;
    uint32_t total = TAKE_BODY + count;
    if (total > TAKES_INLINE && (takes = kmem_alloc(total * sizeof(*takes))) == NULL)
        return MACH_SEND_NO_BUFFER;
    takes_fill(kmsg, takes, count);
    if (ipc_right_take(space, takes, total, &failed) == KERN_SUCCESS)
        takes_store(kmsg, takes, count);
    else
        mr = take_error(failed);
    if (takes != few)
        kmem_free(takes, total * sizeof(*takes));
    return mr;
}

/* --- out --- */

/* Name a right. On failure the right is destroyed and *shortage collects why. */
static mach_port_name_t name_right(struct ipc_space *space, struct ipc_port *port, mach_msg_type_name_t type,
                                   mach_msg_return_t *shortage)
{
    mach_port_name_t name = MACH_PORT_NULL;
    kern_return_t kr = ipc_right_copyout(space, port, type, &name);

    if (kr == KERN_SUCCESS)
        return name;
    *shortage |= kr == KERN_RESOURCE_SHORTAGE ? MACH_MSG_IPC_KERNEL : MACH_MSG_IPC_SPACE;
    ipc_right_destroy(port, type);
    return MACH_PORT_NULL;
}

static mach_msg_return_t copyout_body(struct ipc_space *space, struct ipc_kmsg *kmsg)
{
    mach_msg_return_t shortage = 0;

    for (uint32_t i = 0; i < kmsg->port_count; i++) {
        mach_msg_port_descriptor_t *d = &kmsg->descriptor[i];
        d->name = name_right(space, kmsg->port[i], d->disposition, &shortage);
        d->pad1 = 0;
        d->pad2 = 0;
        kmsg->port[i] = NULL;
    }
    return shortage == 0 ? MACH_MSG_SUCCESS : MACH_RCV_BODY_ERROR | shortage;
}

mach_msg_return_t ipc_kmsg_copyout(struct ipc_space *space, struct ipc_kmsg *kmsg,
                                   mach_port_name_t destination)
{
    mach_msg_header_t *head = &kmsg->head;
    mach_msg_type_name_t reply = MACH_MSGH_BITS_LOCAL(head->msgh_bits);
    mach_msg_return_t shortage = 0;

    head->msgh_remote_port = name_right(space, kmsg->local, reply, &shortage);
    head->msgh_local_port = destination;
    head->msgh_voucher_port = MACH_PORT_NULL;
    head->msgh_bits = (head->msgh_bits & MACH_MSGH_BITS_COMPLEX) |
                      MACH_MSGH_BITS(reply, MACH_MSGH_BITS_REMOTE(head->msgh_bits));
    kmsg->local = NULL;
    mach_msg_return_t mr = copyout_body(space, kmsg);
    return shortage == 0 ? mr : MACH_RCV_HEADER_ERROR | shortage;
}

mach_msg_return_t ipc_kmsg_copyout_unsent(struct ipc_space *space, struct ipc_kmsg *kmsg)
{
    mach_msg_header_t *head = &kmsg->head;
    mach_msg_return_t shortage = 0;

    head->msgh_remote_port =
        name_right(space, kmsg->remote, MACH_MSGH_BITS_REMOTE(head->msgh_bits), &shortage);
    head->msgh_local_port = name_right(space, kmsg->local, MACH_MSGH_BITS_LOCAL(head->msgh_bits), &shortage);
    kmsg->remote = NULL;
    kmsg->local = NULL;
    mach_msg_return_t mr = copyout_body(space, kmsg);
    return shortage == 0 ? mr : shortage;
}

static void name_undo(struct ipc_space *space, mach_port_name_t name, mach_msg_type_name_t type)
{
    struct ipc_port *port;

    if (MACH_PORT_VALID(name) && ipc_right_copyin(space, name, type, &port) == KERN_SUCCESS)
        ipc_right_destroy(port, type);
}

void ipc_kmsg_copyout_undo(struct ipc_space *space, struct ipc_kmsg *kmsg)
{
    name_undo(space, kmsg->head.msgh_remote_port, MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits));
    for (uint32_t i = 0; i < kmsg->port_count; i++) {
        const mach_msg_port_descriptor_t *d = &kmsg->descriptor[i];
        name_undo(space, d->name, d->disposition);
    }
}
