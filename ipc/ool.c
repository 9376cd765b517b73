/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is out of line: its memory.  What becomes of the rights is in ipc/copy.c.
 *
 * Names are half as large as pointers, so an array of ports first holds the names that were read, and in the end those to be
 * written.
 */
#include <ipc/ool.h>
#include <ipc/port.h>
#include <kern/cache.h>
#include <kern/task.h>
#include <vm/vm_map.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_object.h>

mach_msg_return_t ipc_ool_read(struct vm_map *map, const mach_msg_ool_descriptor_t *d,
                               struct vm_map_copy **copy)
{
    switch (vm_map_copyin(map, d->address, d->size, task_payer(), copy)) {
    case KERN_SUCCESS:
        return MACH_MSG_SUCCESS;
    case KERN_RESOURCE_SHORTAGE:
        return MACH_SEND_NO_BUFFER;
    default:
        return MACH_SEND_INVALID_MEMORY;
    }
}

mach_msg_return_t ipc_ool_write(struct vm_map *map, mach_msg_ool_descriptor_t *d)
{
    struct vm_map_copy *copy = ipc_ool_copy(d);
    hal_va_t address;
    mach_msg_return_t shortage = 0;

    if (vm_map_copyout(map, copy, &address) != KERN_SUCCESS) {
        vm_map_copy_discard(copy);
        d->size = 0;
        shortage = MACH_MSG_VM_SPACE;
    }
    d->address = address;
    return shortage;
}

static mach_msg_return_t overwrite_error(kern_return_t kr)
{
    if (kr == KERN_SUCCESS)
        return 0;
    if (kr == KERN_PAGE_WAIT)
        return IPC_OOL_WAIT;
    return kr == KERN_RESOURCE_SHORTAGE ? MACH_MSG_VM_KERNEL : MACH_MSG_VM_SPACE;
}

mach_msg_return_t ipc_ool_overwrite(struct vm_map *map, mach_msg_ool_descriptor_t *d, hal_va_t address,
                                    uint64_t *done)
{
    struct vm_map_copy *copy = ipc_ool_copy(d);
    mach_msg_return_t why = overwrite_error(vm_map_copy_overwrite(map, copy, address, UINT64_MAX, done));

    if (why == IPC_OOL_WAIT)
        return why;
    vm_map_copy_discard(copy);
    d->address = why == 0 ? address : 0;
    if (why != 0)
        d->size = 0;
    return why;
}

_Static_assert(sizeof(mach_port_name_t) <= sizeof(struct ipc_port *), "names fit where ports do");

mach_msg_return_t ipc_ool_ports_read(struct vm_map *map, const mach_msg_ool_ports_descriptor_t *d,
                                     mach_port_name_t **names)
{
    *names = NULL;
    if (d->count == 0)
        return MACH_MSG_SUCCESS;
    mach_port_name_t *read = kmem_alloc(d->count * sizeof(struct ipc_port *));
    if (read == NULL)
        return MACH_SEND_NO_BUFFER;
    if (vm_copyin(map, read, d->address, d->count * sizeof(*read)) != KERN_SUCCESS) {
        kmem_free(read, d->count * sizeof(struct ipc_port *));
        return MACH_SEND_INVALID_MEMORY;
    }
    *names = read;
    return MACH_MSG_SUCCESS;
}

mach_msg_return_t ipc_ool_ports_write(struct vm_map *map, mach_msg_ool_ports_descriptor_t *d)
{
    uint64_t size = d->count * sizeof(mach_port_name_t);
    hal_va_t address = 0;

    if (size == 0)
        return 0;
    kern_return_t kr = vm_map_allocate(map, &address, size, true);
    if (kr != KERN_SUCCESS)
        return kr == KERN_NO_SPACE ? MACH_MSG_VM_SPACE : MACH_MSG_VM_KERNEL;
    if (vm_copyout(map, address, ipc_ool_ports(d), size) != KERN_SUCCESS) {
        /* if there is not even memory to split a range, these pages stay the task's */
        (void)vm_map_deallocate(map, address, size);
        return MACH_MSG_VM_KERNEL;
    }
    ipc_ool_ports_free(d);
    d->address = address;
    return 0;
}

mach_msg_return_t ipc_ool_ports_overwrite(struct vm_map *map, mach_msg_ool_ports_descriptor_t *d,
                                          hal_va_t address)
{
    mach_msg_return_t why =
        overwrite_error(vm_copyout(map, address, ipc_ool_ports(d), d->count * sizeof(mach_port_name_t)));

    if (why != 0)
        return why;
    ipc_ool_ports_free(d);
    d->address = address;
    return 0;
}

void ipc_ool_ports_free(mach_msg_ool_ports_descriptor_t *d)
{
    if (ipc_ool_ports(d) != NULL)
        kmem_free(ipc_ool_ports(d), d->count * sizeof(struct ipc_port *));
    d->address = 0;
}
