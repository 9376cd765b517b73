/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block device of memory: a server of block.defs, under the name "portolan.ramdisk".  What is read is not copied: the client shares
 * the pages with the disk until one of them writes.
 */
#include "block_server.h"

#include <libmach/block.h>
#include <libmach/service.h>
#include <mach/mach.h>
#include <stdio.h>
#include <string.h>

#define SERVICE "portolan.ramdisk"
#define SIZE ((mach_vm_size_t)4 << 20)

static mach_vm_address_t memory;

kern_return_t do_block_info(mach_port_t device, mach_vm_size_t *size, natural_t *flags)
{
    (void)device;
    *size = SIZE;
    *flags = 0;
    return KERN_SUCCESS;
}

kern_return_t do_block_read(mach_port_t device, mach_port_t reply, uint64_t offset, natural_t size,
                            vm_offset_t *data, mach_msg_type_number_t *dataCnt)
{
    (void)device, (void)reply;
    *data = memory + offset;
    *dataCnt = size;
    return block_check(SIZE, offset, size);
}

kern_return_t do_block_write(mach_port_t device, mach_port_t reply, uint64_t offset, vm_offset_t data,
                             mach_msg_type_number_t dataCnt)
{
    kern_return_t kr = block_check(SIZE, offset, dataCnt);

    (void)device, (void)reply;
    if (kr != KERN_SUCCESS)
        return kr;
    memcpy((void *)(memory + offset), (const void *)data, dataCnt);
    return mach_vm_deallocate(mach_task_self(), data, dataCnt);
}

kern_return_t do_block_flush(mach_port_t device, mach_port_t reply)
{
    (void)device, (void)reply;
    return KERN_SUCCESS; /* nothing of it outlives a loss of power */
}

int main(int argc, char *argv[])
{
    mach_port_t service;

    (void)argc, (void)argv;
    kern_return_t kr = mach_vm_allocate(mach_task_self(), &memory, SIZE, VM_FLAGS_ANYWHERE);
    if (kr == KERN_SUCCESS)
        kr = service_create(SERVICE, &service);
    if (kr == KERN_SUCCESS)
        kr = mach_msg_server(block_server, block_subsystem.maxsize, service, MACH_MSG_OPTION_NONE);
    printf("ramdisk: %s\n", mach_error_string(kr));
    return 1;
}
