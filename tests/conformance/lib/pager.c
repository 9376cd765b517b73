/* SPDX-License-Identifier: BSD-2-Clause */
#include "pager.h"

#include "ports.h"
#include "test.h"

#include <libmach/thread.h>
#include <mach/exc_server.h>
#include <mach/memory_object_server.h>

#define MESSAGE_MAX 512u
#define ID_RETURNED 1

/* --- messages of the kernel --- */

static struct pager_message last;

kern_return_t memory_object_init(memory_object_t object, memory_object_control_t control,
                                 memory_object_name_t name, vm_size_t page_size)
{
    (void)object;
    last.control = control;
    last.name = name;
    last.length = page_size;
    return KERN_SUCCESS;
}

kern_return_t memory_object_terminate(memory_object_t object, mach_port_t control, mach_port_t name)
{
    (void)object;
    last.control = control;
    last.name = name;
    return KERN_SUCCESS;
}

kern_return_t memory_object_copy(memory_object_t object, memory_object_control_t control,
                                 memory_object_offset_t offset, vm_size_t length, mach_port_t copy)
{
    (void)object;
    last.control = control;
    last.offset = offset;
    last.length = length;
    last.name = copy;
    return KERN_SUCCESS;
}

kern_return_t memory_object_data_request(memory_object_t object, memory_object_control_t control,
                                         memory_object_offset_t offset, vm_size_t length, vm_prot_t access)
{
    (void)object;
    last.control = control;
    last.offset = offset;
    last.length = length;
    last.access = access;
    return KERN_SUCCESS;
}

kern_return_t memory_object_data_unlock(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_size_t length, vm_prot_t access)
{
    return memory_object_data_request(object, control, offset, length, access);
}

kern_return_t memory_object_data_return(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_offset_t data,
                                        mach_msg_type_number_t size, boolean_t dirty, boolean_t kernel_copy)
{
    (void)object;
    last.control = control;
    last.offset = offset;
    last.length = size;
    last.word = *(const uint32_t *)data;
    last.dirty = dirty;
    last.kept = kernel_copy;
    test_deallocate(data, size);
    return KERN_SUCCESS;
}

kern_return_t memory_object_synchronize(memory_object_t object, memory_object_control_t control,
                                        memory_object_offset_t offset, vm_size_t length, vm_sync_t flags)
{
    return memory_object_data_request(object, control, offset, length, (vm_prot_t)flags);
}

kern_return_t memory_object_lock_completed(mach_port_t object, memory_object_control_t control,
                                           memory_object_offset_t offset, vm_size_t length)
{
    (void)object;
    last.control = control;
    last.offset = offset;
    last.length = length;
    return KERN_SUCCESS;
}

kern_return_t memory_object_change_completed(mach_port_t object, memory_object_control_t control,
                                             boolean_t may_cache, memory_object_copy_strategy_t strategy)
{
    (void)object;
    last.control = control;
    last.kept = may_cache;
    last.result = strategy;
    return KERN_SUCCESS;
}

kern_return_t memory_object_supply_completed(mach_port_t object, memory_object_control_t control,
                                             memory_object_offset_t offset, vm_size_t length,
                                             kern_return_t result, memory_object_offset_t error_offset)
{
    (void)object;
    (void)length;
    last.control = control;
    last.offset = result == KERN_SUCCESS ? offset : error_offset;
    last.result = result;
    return KERN_SUCCESS;
}

struct pager_message pager_receive(mach_port_t object, unsigned ms)
{
    union {
        mach_msg_header_t header;
        uint8_t room[MESSAGE_MAX];
    } request;
    mig_reply_error_t reply;

    last = (struct pager_message){.id = 0};
    if (test_receive(object, &request, sizeof(request), ms) != MACH_MSG_SUCCESS)
        return last;
    REQUIRE(memory_object_server(&request.header, &reply.Head));
    last.id = request.header.msgh_id;
    return last;
}

struct pager_message pager_expect(mach_port_t object, mach_msg_id_t id)
{
    struct pager_message m = pager_receive(object, TEST_SOON_MS);

    REQUIRE(m.id == id);
    return m;
}

/* --- objects --- */

mach_vm_address_t pager_map(task_t task, mach_port_t object, memory_object_offset_t offset, unsigned pages,
                            boolean_t copy)
{
    mach_vm_address_t address = 0;

    REQUIRE_OK(mach_vm_map(task, &address, pages * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, object, offset, copy,
                           VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_SHARE));
    return address;
}

mach_port_t pager_object(unsigned pages, mach_vm_address_t *address)
{
    mach_port_t object = test_port_send();

    *address = pager_map(mach_task_self(), object, 0, pages, FALSE);
    return object;
}

memory_object_control_t pager_begin(mach_port_t object, memory_object_copy_strategy_t strategy)
{
    struct pager_message m = pager_expect(object, PAGER_INIT);

    REQUIRE_OK(memory_object_ready(m.control, FALSE, strategy));
    return m.control;
}

static bool ended(mach_port_t object, bool returns)
{
    struct pager_message m;

    do
        m = pager_receive(object, TEST_SOON_MS);
    while (returns && m.id == PAGER_DATA_RETURN);
    if (m.id != PAGER_TERMINATE)
        return false;
    test_port_destroy(m.control);
    test_port_destroy(m.name);
    return true;
}

bool pager_ended(mach_port_t object)
{
    return ended(object, false);
}

bool pager_finished(mach_port_t object)
{
    return ended(object, true);
}

void pager_supply(memory_object_control_t control, memory_object_offset_t offset, uint32_t word)
{
    mach_vm_address_t data = test_allocate(PAGE_SIZE);

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(word); i++)
        ((uint32_t *)data)[i] = word;
    REQUIRE_OK(memory_object_data_supply(control, offset, data, PAGE_SIZE, TRUE, VM_PROT_NONE, FALSE,
                                         MACH_PORT_NULL));
}

/* --- threads that use them --- */

static void access_run(void *argument)
{
    struct pager_access *access = argument;

    if (access->call != NULL)
        access->result = access->call(access);
    else if (access->write)
        *access->address = access->word;
    else
        access->word = *access->address;
    (void)test_send(access->port, MACH_MSG_TYPE_MAKE_SEND, ID_RETURNED, 0);
    mach_thread_exit();
}

void pager_access_start(struct pager_access *access, mach_vm_address_t address, bool write, uint32_t word)
{
    pager_access_prepare(access, address, write, word);
    REQUIRE_OK(thread_resume(access->thread));
}

void pager_access_prepare(struct pager_access *access, mach_vm_address_t address, bool write, uint32_t word)
{
    *access = (struct pager_access){.address = (volatile uint32_t *)address, .word = word, .write = write};
    access->port = test_port_send();
    REQUIRE_OK(mach_thread_prepare(access_run, access, &access->thread));
    REQUIRE_OK(thread_set_exception_ports(access->thread, EXC_MASK_ALL, access->port, EXCEPTION_DEFAULT,
                                          THREAD_STATE_NONE));
}

void pager_call_start(struct pager_access *access, kern_return_t (*call)(struct pager_access *),
                      mach_vm_address_t address)
{
    pager_access_prepare(access, address, false, 0);
    access->call = call;
    REQUIRE_OK(thread_resume(access->thread));
}

kern_return_t pager_access_end(struct pager_access *access, unsigned ms)
{
    union {
        mach_msg_header_t header;
        __Request__exception_raise_t raise;
        uint8_t room[MESSAGE_MAX];
    } m;

    if (test_receive(access->port, &m, sizeof(m), ms) != MACH_MSG_SUCCESS)
        return KERN_OPERATION_TIMED_OUT;
    (void)thread_terminate(access->thread);
    REQUIRE(test_child_wait(access->thread));
    kern_return_t result = m.header.msgh_id == ID_RETURNED ? access->result : m.raise.code[0];
    mach_msg_destroy(&m.header);
    test_port_destroy(access->port);
    (void)mach_thread_reap();
    return result;
}
