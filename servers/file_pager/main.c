/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of the boot archive as memory objects: a server of file.defs, under the name FILE_SERVICE, and their pager.  A page is copied
 * from the archive when somebody needs it; the archive stands for any slow, read-only medium.  What was read stays in memory when the
 * last mapping goes.
 */
#include "files.h"

#include "file_server.h"

#include <libmach/service.h>
#include <mach/file_types.h>
#include <mach/mach.h>
#include <mach/memory_object_server.h>
#include <mach/program.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_MAX 1024u
#define SUPPLY_PAGES 16u /* in one message */

/* --- file.defs --- */

kern_return_t do_file_open(mach_port_t server, file_name_t name, mach_port_t *object, mach_vm_size_t *size)
{
    struct file *file;
    kern_return_t kr = file_get(name, &file);

    (void)server;
    if (kr == KERN_SUCCESS)
        kr = mach_port_insert_right(mach_task_self(), file->object, file->object, MACH_MSG_TYPE_MAKE_SEND);
    if (kr != KERN_SUCCESS)
        return kr;
    *object = file->object;
    *size = file->contents.size;
    return KERN_SUCCESS;
}

kern_return_t do_file_pages_read(mach_port_t server, file_name_t name, natural_t *pages)
{
    const struct file *file = file_named(name);

    (void)server;
    if (file == NULL)
        return KERN_NOT_FOUND;
    *pages = file->pages;
    return KERN_SUCCESS;
}

/* --- memory_object.defs --- */

kern_return_t memory_object_init(memory_object_t object, memory_object_control_t control,
                                 memory_object_name_t name, vm_size_t page_size)
{
    (void)object, (void)page_size;
    (void)mach_port_deallocate(mach_task_self(), name);
    return memory_object_ready(control, TRUE, MEMORY_OBJECT_COPY_DELAY);
}

kern_return_t memory_object_terminate(memory_object_t object, mach_port_t control, mach_port_t name)
{
    (void)object;
    (void)mach_port_destroy(mach_task_self(), control);
    (void)mach_port_destroy(mach_task_self(), name);
    return KERN_SUCCESS;
}

/* What the file has of the pages from `offset` on, in `pages`, and zeros behind it. */
static void read_pages(const struct archive_file *contents, memory_object_offset_t offset, uint8_t *pages,
                       vm_size_t size)
{
    const vm_size_t left = offset < contents->size ? contents->size - offset : 0;
    const vm_size_t part = left < size ? left : size;

    memcpy(pages, contents->data + offset, part);
    memset(pages + part, 0, size - part);
}

/* They can't be written: who maps the file to write to it waits for a right that it does not get. */
static kern_return_t supply(const struct file *file, memory_object_control_t control,
                            memory_object_offset_t offset, vm_size_t size)
{
    static uint8_t pages[SUPPLY_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

    read_pages(&file->contents, offset, pages, size);
    return memory_object_data_supply(control, offset, (vm_offset_t)pages, (mach_msg_type_number_t)size, FALSE,
                                     VM_PROT_WRITE, FALSE, MACH_PORT_NULL);
}

kern_return_t memory_object_data_request(memory_object_t object, memory_object_control_t control,
                                         memory_object_offset_t offset, vm_size_t length, vm_prot_t access)
{
    struct file *file = file_of(object);
    const vm_size_t most = SUPPLY_PAGES * PAGE_SIZE;
    const vm_size_t size = length < most ? length : most;

    (void)access;
    if (file == NULL || offset >= file->contents.size)
        return memory_object_data_error(control, offset, length, KERN_INVALID_ADDRESS);
    file->pages += (natural_t)(size / PAGE_SIZE);
    return supply(file, control, offset, size);
}

kern_return_t memory_object_data_unlock(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_size_t length, vm_prot_t access)
{
    (void)object, (void)access;
    return memory_object_data_error(control, offset, length, KERN_PROTECTION_FAILURE);
}

/* Nothing can be changed, and nothing else is asked for. */
kern_return_t memory_object_data_return(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_offset_t data,
                                        mach_msg_type_number_t size, boolean_t dirty, boolean_t kernel_copy)
{
    (void)object, (void)control, (void)offset, (void)dirty, (void)kernel_copy;
    return mach_vm_deallocate(mach_task_self(), data, size);
}

kern_return_t memory_object_synchronize(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_size_t length, vm_sync_t flags)
{
    (void)object, (void)flags;
    return memory_object_synchronize_completed(control, offset, length);
}

/* --- the server --- */

static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *reply)
{
    return file_server(request, reply) || memory_object_server(request, reply);
}

static kern_return_t map_archive(void)
{
    mach_vm_address_t at = 0;
    mach_port_t archive;
    mach_vm_size_t size;

    kern_return_t kr = program_archive(bootstrap_port, &archive, &size);
    if (kr == KERN_SUCCESS)
        kr = mach_vm_map(mach_task_self(), &at, size, 0, VM_FLAGS_ANYWHERE, archive, 0, FALSE, VM_PROT_READ,
                         VM_PROT_READ, VM_INHERIT_NONE);
    if (kr == KERN_SUCCESS)
        archive_init((const void *)at, size);
    return kr;
}

int main(void)
{
    mach_port_t service, set;

    kern_return_t kr = map_archive();
    if (kr == KERN_SUCCESS)
        kr = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &set);
    if (kr == KERN_SUCCESS)
        kr = service_create(FILE_SERVICE, &service);
    if (kr == KERN_SUCCESS)
        kr = mach_port_move_member(mach_task_self(), service, set);
    if (kr == KERN_SUCCESS) {
        files_init(set);
        kr = mach_msg_server(demux, REQUEST_MAX, set, MACH_MSG_OPTION_NONE);
    }
    printf("file_pager: %s\n", mach_error_string(kr));
    return 1;
}
