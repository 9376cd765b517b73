/* SPDX-License-Identifier: BSD-2-Clause */
/* Scatter lists: what the receiver's buffer says before the message is written there. */
#include <ipc/descriptor.h>
#include <ipc/scatter.h>
#include <vm/vm_map.h>

_Static_assert(offsetof(mach_msg_ool_descriptor_t, size) ==
                       offsetof(mach_msg_ool_ports_descriptor_t, count) &&
                   offsetof(mach_msg_ool_descriptor_t, size) == 12,
               "sizes and counts have the same place");

static bool scatter_read(struct ipc_scatter *s, void *to, hal_va_t from, uint32_t size)
{
    if (vm_copyin(s->map, to, from, size) == KERN_SUCCESS)
        return true;
    s->failed = true;
    return false;
}

void ipc_scatter_begin(struct ipc_scatter *scatter, struct vm_map *map, hal_va_t buffer, uint32_t size)
{
    mach_msg_base_t base;

    *scatter = (struct ipc_scatter){.map = map};
    if (size < sizeof(base) || !scatter_read(scatter, &base, buffer, sizeof(base)))
        return;
    scatter->next = buffer + sizeof(base);
    scatter->room = size - (uint32_t)sizeof(base);
    scatter->left = base.body.msgh_descriptor_count;
}

/* The next descriptor that is none of a port. Returns false: the list is at its end, or can't be read further. */
static bool scatter_next(struct ipc_scatter *s, mach_msg_descriptor_t *d)
{
    while (s->left > 0 && s->room >= sizeof(d->type)) {
        if (!scatter_read(s, d, s->next, sizeof(d->type)))
            break;
        uint32_t size = ipc_descriptor_size(d);
        if (size > s->room || !scatter_read(s, d, s->next, size))
            break;
        s->next += size;
        s->room -= size;
        s->left--;
        if (d->type.type != MACH_MSG_PORT_DESCRIPTOR)
            return true;
    }
    s->left = 0;
    return false;
}

/* Does what the receiver gave fit the piece? */
static mach_msg_return_t pair_check(const mach_msg_descriptor_t *given, const mach_msg_descriptor_t *piece)
{
    if (given->type.type != piece->type.type)
        return MACH_RCV_INVALID_TYPE;
    if (given->out_of_line.copy == MACH_MSG_ALLOCATE)
        return MACH_MSG_SUCCESS;
    if (given->out_of_line.copy != MACH_MSG_OVERWRITE)
        return MACH_RCV_INVALID_TYPE;
    return given->out_of_line.size < piece->out_of_line.size ? MACH_RCV_SCATTER_SMALL : MACH_MSG_SUCCESS;
}

mach_msg_return_t ipc_scatter_check(struct ipc_scatter *scatter, struct ipc_kmsg *kmsg)
{
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(kmsg);
    mach_msg_return_t mr = MACH_MSG_SUCCESS;
    mach_msg_descriptor_t given;

    for (uint32_t i = 0; i < kmsg->port_count && mr == MACH_MSG_SUCCESS; i++, d = ipc_descriptor_next(d)) {
        if (d->type.type == MACH_MSG_PORT_DESCRIPTOR)
            continue;
        if (!scatter_next(scatter, &given))
            break;
        mr = pair_check(&given, d);
    }
    return mr;
}

bool ipc_scatter_place(struct ipc_scatter *scatter, const mach_msg_descriptor_t *d, hal_va_t *address)
{
    mach_msg_descriptor_t given;

    if (!scatter_next(scatter, &given) || pair_check(&given, d) != MACH_MSG_SUCCESS)
        return false;
    *address = given.out_of_line.address;
    return given.out_of_line.copy == MACH_MSG_OVERWRITE && d->out_of_line.size <= IPC_OVERWRITE_MAX;
}
