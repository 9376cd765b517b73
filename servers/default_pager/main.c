/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default pager: keeps anonymous memory that the kernel takes out on a block device, that of "portolan.disk" or else that of
 * "portolan.ramdisk".  Started as a driver (drivers=virtio_blk,default_pager), so that its own memory stays, and it gets pages when others
 * do not.
 *
 * One thread, one request at a time: what the kernel gives back is on the device before the next message is looked at, so a page that is
 * asked for afterwards is there.  It takes the whole device; nothing of it is kept.
 */
#include "blocks.h"

#include <libmach/program.h>
#include <libmach/service.h>
#include <mach/block.h>
#include <mach/host_priv.h>
#include <mach/mach.h>
#include <mach/memory_object_control.h>
#include <mach/memory_object_default_server.h>
#include <mach/memory_object_server.h>
#include <mach/program.h>
#include <stdio.h>

#define SELF mach_task_self()
#define SERVICE "portolan.default_pager"
#define TRY_MS 100u
#define TRIES 100u
#define MESSAGE_MAX 512u

static mach_port_t device;
static mach_port_t object_port; /* of the one object that the kernel has made here */
static mach_port_t port_set;

/* Messages bring a right to the object's control port each; the first one is kept. */
static void control_release(memory_object_control_t control)
{
    (void)mach_port_deallocate(SELF, control);
}

/* --- what the kernel says ------------------------------------------------------------------------------- */

kern_return_t memory_object_create(memory_object_t default_pager, mach_port_t object,
                                   memory_object_offset_t size, memory_object_control_t control,
                                   memory_object_name_t name, vm_size_t page_size)
{
    (void)default_pager, (void)size, (void)name, (void)page_size;
    object_port = object;
    kern_return_t kr = mach_port_move_member(SELF, object, port_set);
    if (kr == KERN_SUCCESS)
        kr = memory_object_ready(control, FALSE, MEMORY_OBJECT_COPY_DELAY);
    return kr;
}

/* Write the pages from `page` on, as far as they get blocks side by side. Returns how many. */
static uint32_t write_run(uint64_t page, vm_offset_t data, uint32_t count)
{
    uint32_t first;
    const uint32_t run = blocks_take(page, count, &first);

    if (run == 0)
        return 0; /* the kernel never gives more than there is room for */
    const kern_return_t kr =
        block_write(device, first * (uint64_t)PAGE_SIZE, data, run * (natural_t)PAGE_SIZE);
    if (kr == KERN_SUCCESS)
        return run;
    printf("default_pager: %u pages are not written: %s\n", run, mach_error_string(kr));
    for (uint32_t i = 0; i < run; i++)
        blocks_spoil(first + i);
    return run;
}

kern_return_t memory_object_data_return(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_offset_t data,
                                        mach_msg_type_number_t size, boolean_t dirty, boolean_t kernel_copy)
{
    const uint32_t pages = size / (uint32_t)PAGE_SIZE;
    uint32_t run;

    (void)object, (void)dirty, (void)kernel_copy;
    for (uint32_t i = 0; i < pages; i += run) {
        run = write_run(offset / PAGE_SIZE + i, data + i * PAGE_SIZE, pages - i);
        if (run == 0)
            break;
    }
    control_release(control);
    return mach_vm_deallocate(SELF, data, size);
}

/* Supply one page. Returns false: it can't be had. */
static bool supply(memory_object_control_t control, uint64_t page)
{
    mach_msg_type_number_t count;
    vm_offset_t data;
    bool good;
    const uint32_t block = blocks_find(page, &good);

    if (!good || block_read(device, block * (uint64_t)PAGE_SIZE, PAGE_SIZE, &data, &count) != KERN_SUCCESS)
        return false;
    if (memory_object_data_supply(control, page * PAGE_SIZE, data, count, TRUE, VM_PROT_NONE, FALSE,
                                  MACH_PORT_NULL) == KERN_SUCCESS)
        return true;
    (void)mach_vm_deallocate(SELF, data, count);
    return false;
}

kern_return_t memory_object_data_request(memory_object_t object, memory_object_control_t control,
                                         memory_object_offset_t offset, vm_size_t length, vm_prot_t access)
{
    (void)object, (void)access;
    for (uint64_t i = 0; i < length / PAGE_SIZE; i++) {
        if (!supply(control, offset / PAGE_SIZE + i))
            (void)memory_object_data_error(control, offset + i * PAGE_SIZE, PAGE_SIZE, KERN_FAILURE);
    }
    control_release(control);
    return KERN_SUCCESS;
}

kern_return_t memory_object_data_terminate(memory_object_t object, memory_object_control_t control,
                                           memory_object_offset_t offset, vm_size_t length)
{
    (void)object;
    for (uint64_t i = 0; i < length / PAGE_SIZE; i++)
        blocks_free(offset / PAGE_SIZE + i);
    control_release(control);
    return KERN_SUCCESS;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *reply)
{
    if (request->msgh_local_port == object_port && memory_object_server(request, reply))
        return TRUE;
    return memory_object_default_server(request, reply);
}

/* The device that is there first. */
static kern_return_t device_find(void)
{
    kern_return_t kr = KERN_FAILURE;

    for (unsigned i = 0; i < TRIES && kr != KERN_SUCCESS; i++) {
        kr = service_find("portolan.disk", TRY_MS, &device);
        if (kr != KERN_SUCCESS)
            kr = service_find("portolan.ramdisk", 1, &device);
    }
    return kr;
}

static kern_return_t ports_make(mach_port_t *manager)
{
    kern_return_t kr = mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &port_set);
    if (kr == KERN_SUCCESS)
        kr = mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, manager);
    if (kr == KERN_SUCCESS)
        kr = mach_port_insert_right(SELF, *manager, *manager, MACH_MSG_TYPE_MAKE_SEND);
    return kr == KERN_SUCCESS ? mach_port_move_member(SELF, *manager, port_set) : kr;
}

/* Returns NULL, or what is wrong. */
static const char *start(void)
{
    mach_port_t host_priv, manager, previous, service;
    mach_vm_size_t size;
    natural_t flags;

    if (program_host_priv(bootstrap_port, &host_priv) != KERN_SUCCESS)
        return "it was not started as a driver";
    if (device_find() != KERN_SUCCESS || block_info(device, &size, &flags) != KERN_SUCCESS)
        return "there is no block device";
    const uint64_t blocks = size / PAGE_SIZE < UINT32_MAX ? size / PAGE_SIZE : UINT32_MAX - 1;
    if ((flags & BLOCK_READ_ONLY) != 0 || blocks == 0)
        return "the block device can't be written";
    if (!blocks_init((uint32_t)blocks) || ports_make(&manager) != KERN_SUCCESS)
        return "there is no memory";
    previous = manager;
    if (host_default_memory_manager(host_priv, &previous, blocks * PAGE_SIZE) != KERN_SUCCESS)
        return "the kernel refuses it";
    if (service_create(SERVICE, &service) !=
        KERN_SUCCESS) /* it says that there is a default pager, and serves nothing */
        return "its name is taken";
    return NULL;
}

int main(int argc, char *argv[])
{
    const char *wrong = start();

    (void)argc, (void)argv;
    if (wrong == NULL)
        wrong = mach_error_string(mach_msg_server(demux, MESSAGE_MAX, port_set, MACH_MSG_OPTION_NONE));
    printf("default_pager: %s\n", wrong);
    return 1;
}
