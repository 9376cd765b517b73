/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver for virtio block devices: a server of block.defs, under the name "portolan.disk".
 *
 * One thread.  A request gets a slot of the device's queue and is answered when the device interrupts; while no slot is free,
 * requests wait in the queue of the port, and the kernel keeps those that do not fit there from being sent.
 */
#include "block_reply.h"
#include "block_server.h"
#include "disk.h"
#include "memory.h"

#include <libmach/block.h>
#include <libmach/program.h>
#include <libmach/service.h>
#include <mach/mach.h>
#include <mach/program.h>
#include <stdio.h>
#include <string.h>

#define SERVICE "portolan.disk"
#define REPLY_IDS 100 /* from a request's id to its reply's */

enum { ID_READ = 2601, ID_WRITE = 2602, ID_FLUSH = 2603 };

/* Who waits for what is in a slot. */
static struct client {
    mach_port_t reply; /* send-once right */
    mach_msg_id_t id;  /* of the request */
    natural_t size;    /* bytes to be read */
} client[QUEUE_SLOTS];

static struct disk disk;
static mach_port_t service_port, interrupt_port;

/* --- answers -------------------------------------------------------------------------------------------- */

static void reply_result(mach_port_t to, mach_msg_id_t id, kern_return_t result)
{
    mig_reply_error_t reply = {
        .Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
                 .msgh_size = sizeof(reply),
                 .msgh_remote_port = to,
                 .msgh_id = id + REPLY_IDS},
        .NDR = NDR_record,
        .RetCode = result,
    };

    if (mach_msg(&reply.Head, MACH_SEND_MSG, sizeof(reply), 0, MACH_PORT_NULL, MACH_MSG_TIMEOUT_NONE,
                 MACH_PORT_NULL) != MACH_MSG_SUCCESS)
        mach_msg_destroy(&reply.Head); /* the client is gone */
}

/* The data moves to the client, in memory that is new here. */
static void reply_data(mach_port_t to, const uint8_t *data, natural_t size)
{
    mach_vm_address_t copy;

    if (mach_vm_allocate(mach_task_self(), &copy, size, VM_FLAGS_ANYWHERE) != KERN_SUCCESS) {
        reply_result(to, ID_READ, KERN_RESOURCE_SHORTAGE);
        return;
    }
    memcpy((void *)copy, data, size);
    if (block_read_reply(to, copy, size) == KERN_SUCCESS)
        return;
    (void)mach_vm_deallocate(mach_task_self(), copy, size);
    (void)mach_port_deallocate(mach_task_self(), to);
}

static void request_done(unsigned slot, bool good)
{
    const struct client c = client[slot];

    if (good && c.id == ID_READ)
        reply_data(c.reply, queue_data(&disk.queue, slot), c.size);
    else
        reply_result(c.reply, c.id, good ? KERN_SUCCESS : KERN_FAILURE);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static kern_return_t request_check(uint64_t offset, natural_t size)
{
    if (disk.broken)
        return KERN_FAILURE;
    return block_check(disk.size, offset, size);
}

/* There is a slot: else no request is received. */
static unsigned request_slot(mach_port_t reply, mach_msg_id_t id, natural_t size)
{
    const unsigned slot = queue_slot(&disk.queue);

    client[slot] = (struct client){.reply = reply, .id = id, .size = size};
    return slot;
}

kern_return_t do_block_info(mach_port_t device, mach_vm_size_t *size, natural_t *flags)
{
    (void)device;
    *size = disk.size;
    *flags = disk.read_only ? BLOCK_READ_ONLY : 0;
    return KERN_SUCCESS;
}

kern_return_t do_block_read(mach_port_t device, mach_port_t reply, uint64_t offset, natural_t size,
                            vm_offset_t *data, mach_msg_type_number_t *dataCnt)
{
    const kern_return_t kr = request_check(offset, size);

    (void)device, (void)data, (void)dataCnt;
    if (kr != KERN_SUCCESS)
        return kr;
    disk_put(&disk, request_slot(reply, ID_READ, size), QUEUE_READ, offset, size);
    return MIG_NO_REPLY;
}

kern_return_t do_block_write(mach_port_t device, mach_port_t reply, uint64_t offset, vm_offset_t data,
                             mach_msg_type_number_t dataCnt)
{
    kern_return_t kr = request_check(offset, dataCnt);

    (void)device;
    if (kr == KERN_SUCCESS && disk.read_only)
        kr = KERN_PROTECTION_FAILURE;
    if (kr != KERN_SUCCESS)
        return kr;
    const unsigned slot = request_slot(reply, ID_WRITE, dataCnt);
    memcpy(queue_data(&disk.queue, slot), (const void *)data, dataCnt);
    (void)mach_vm_deallocate(mach_task_self(), data, dataCnt);
    disk_put(&disk, slot, QUEUE_WRITE, offset, dataCnt);
    return MIG_NO_REPLY;
}

kern_return_t do_block_flush(mach_port_t device, mach_port_t reply)
{
    (void)device;
    if (disk.broken)
        return KERN_FAILURE;
    if (!disk.flushes)
        return KERN_SUCCESS; /* what was written is there */
    disk_put(&disk, request_slot(reply, ID_FLUSH, 0), QUEUE_FLUSH, 0, 0);
    return MIG_NO_REPLY;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

/* The device has interrupted, or we have just begun: serve it, then ask for the next interrupt. */
static kern_return_t serve_device(void)
{
    disk_serve(&disk, request_done);
    return device_interrupt_request(disk.transport.interrupt, interrupt_port);
}

static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *reply)
{
    if (request->msgh_local_port != interrupt_port)
        return block_server(request, reply);
    if (request->msgh_id == MACH_NOTIFY_INTERRUPT)
        (void)serve_device();
    mach_msg_destroy(request);
    *(mig_reply_error_t *)reply = (mig_reply_error_t){.RetCode = MIG_NO_REPLY};
    return TRUE;
}

static mach_msg_return_t serve(mach_port_t both)
{
    mach_msg_return_t result;

    do {
        const bool full = queue_slot(&disk.queue) == QUEUE_SLOTS;
        result = mach_msg_server_once(demux, block_subsystem.maxsize, full ? interrupt_port : both,
                                      MACH_MSG_OPTION_NONE);
    } while (result == MACH_MSG_SUCCESS);
    return result;
}

static bool find(device_master_t master)
{
    mach_port_t memory;
    mach_vm_size_t size;
    uint64_t address;
    int kind;

    if (device_tables(master, &kind, &address, &size, &memory) != KERN_SUCCESS)
        return false;
    if (kind == DEVICE_TABLES_ACPI)
        return transport_pci_find(master, address, &disk.transport);
    if (kind != DEVICE_TABLES_FDT)
        return false;
    const uint64_t skip = address % PAGE_SIZE;
    const uint8_t *tree = memory_entry_map(memory, round_page(skip + size), VM_PROT_READ);
    return tree != NULL && transport_mmio_find(master, tree + skip, size, &disk.transport);
}

static kern_return_t ports_make(mach_port_t *both)
{
    const task_t self = mach_task_self();

    kern_return_t kr = mach_port_allocate(self, MACH_PORT_RIGHT_PORT_SET, both);
    if (kr == KERN_SUCCESS)
        kr = mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &interrupt_port);
    if (kr == KERN_SUCCESS)
        kr = mach_port_move_member(self, interrupt_port, *both);
    if (kr == KERN_SUCCESS)
        kr = service_create(SERVICE, &service_port);
    return kr == KERN_SUCCESS ? mach_port_move_member(self, service_port, *both) : kr;
}

/* Returns NULL, or what is wrong. */
static const char *start(mach_port_t *both)
{
    device_master_t master;

    if (program_device_master(bootstrap_port, &master) != KERN_SUCCESS)
        return "it was not started as a driver";
    if (!find(master))
        return "there is no device";
    const char *wrong = disk_start(&disk, master);
    if (wrong == NULL && (ports_make(both) != KERN_SUCCESS || serve_device() != KERN_SUCCESS))
        wrong = "there is no memory";
    return wrong;
}

int main(int argc, char *argv[])
{
    mach_port_t both;
    const char *wrong = start(&both);

    (void)argc, (void)argv;
    printf("virtio_blk: %s\n", wrong != NULL ? wrong : mach_error_string(serve(both)));
    return 1;
}
