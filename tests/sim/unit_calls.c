/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's services with arguments that they must refuse: an object of another kind, a value out of range, a name that
 * there is not, room that is too small.  Each call is checked for its error code.
 */
#include "driver.h"
#include "unit_user.h"

#include <mach/kernel_memory_info.h>
#include <mach/rpc.h>
#include <string.h>

#define MANY 512u

static natural_t words[MANY];
static mach_msg_type_number_t count, more_count;

static void begin(uint64_t arg)
{
    unit_begin(arg);
    count = more_count = MANY;
}

/* ---- Objects of another kind ---- */

static void other_kind_task(uint64_t arg)
{
    mach_port_t out;
    integer_t *base = (integer_t *)words;

    begin(arg);
    EXPECT(task_create(own.host, false, &out), KERN_INVALID_ARGUMENT);
    EXPECT(task_terminate(own.host), KERN_INVALID_ARGUMENT);
    EXPECT(task_suspend(own.host), KERN_INVALID_ARGUMENT);
    EXPECT(task_resume(own.host), KERN_INVALID_ARGUMENT);
    EXPECT(thread_create(own.host, &out), KERN_INVALID_ARGUMENT);
    EXPECT(thread_create_running(own.thread, THREAD_STATE_FLAVOR_GENERAL, words, 1, &out),
           KERN_INVALID_ARGUMENT);
    EXPECT(task_get_special_port(own.thread, TASK_HOST_PORT, &out), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_special_port(own.thread, TASK_BOOTSTRAP_PORT, own.port), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(own.thread, EXC_MASK_VALID, own.port, EXCEPTION_DEFAULT, 0),
           KERN_INVALID_ARGUMENT);
    EXPECT(task_info(own.thread, TASK_BASIC_INFO, base, &count), KERN_INVALID_ARGUMENT);
    EXPECT(task_policy(own.thread, POLICY_FIFO, base, 1, false, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_priority(own.thread, 1, false), KERN_INVALID_ARGUMENT);
    user_power_off(own.host_priv);
}

static void other_kind_thread(uint64_t arg)
{
    mach_port_t out;
    integer_t *base = (integer_t *)words;

    begin(arg);
    EXPECT(thread_terminate(own.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_get_state(own.task, THREAD_STATE_FLAVOR_GENERAL, words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_state(own.task, THREAD_STATE_FLAVOR_GENERAL, words, 1), KERN_INVALID_ARGUMENT);
    EXPECT(thread_suspend(own.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_resume(own.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_abort(own.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_abort_safely(own.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_depress_abort(own.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_get_special_port(own.task, THREAD_KERNEL_PORT, &out), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_special_port(own.task, THREAD_KERNEL_PORT, own.port), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_exception_ports(own.task, EXC_MASK_VALID, own.port, EXCEPTION_DEFAULT, 0),
           KERN_INVALID_ARGUMENT);
    EXPECT(thread_info(own.task, THREAD_BASIC_INFO, base, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_policy(own.task, POLICY_FIFO, base, 1, false), KERN_INVALID_ARGUMENT);
    EXPECT(thread_priority(own.task, 1, false), KERN_INVALID_ARGUMENT);
    user_power_off(own.host_priv);
}

static void other_kind_host(uint64_t arg)
{
    static kernel_memory_cache_info_t caches[48];
    kernel_memory_pages_info_t pages;
    kernel_version_t version;
    time_value64_t time;
    vm_size_t size;
    natural_t processors;
    processor_info_array_t list;

    begin(arg);
    EXPECT(host_info(own.task, HOST_BASIC_INFO, (host_info_t)words, &count), KERN_INVALID_HOST);
    EXPECT(host_kernel_version(own.task, version), KERN_INVALID_HOST);
    EXPECT(host_page_size(own.task, &size), KERN_INVALID_HOST);
    EXPECT(host_statistics64(own.task, HOST_VM_INFO64, (host_info64_t)words, &count), KERN_INVALID_HOST);
    EXPECT(host_reboot(own.host, 0), KERN_INVALID_HOST); /* not the privileged port */
    EXPECT(host_get_uptime64(own.task, &time), KERN_INVALID_HOST);
    count = 48;
    EXPECT(host_kernel_memory_info(own.task, caches, &count, &pages), KERN_INVALID_HOST);
    EXPECT(host_processor_info(own.task, PROCESSOR_BASIC_INFO, &processors, &list, &count),
           KERN_INVALID_HOST);
    user_power_off(own.host_priv);
}

static void other_kind_space(uint64_t arg)
{
    natural_t out, address;
    mach_port_t port;
    mach_port_context_t context;
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    ipc_info_space_t info;
    ipc_info_name_array_t table;
    ipc_info_tree_name_array_t tree;
    mach_vm_address_t wide;
    mach_msg_id_t id;
    char trailer[MAX_TRAILER_SIZE];

    begin(arg);
    EXPECT(mach_port_type(own.host, own.port, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_rename(own.host, own.port, NOBODY), KERN_INVALID_TASK);
    EXPECT(mach_port_allocate_name(own.host, MACH_PORT_RIGHT_RECEIVE, NOBODY), KERN_INVALID_TASK);
    EXPECT(mach_port_allocate(own.host, MACH_PORT_RIGHT_RECEIVE, &port), KERN_INVALID_TASK);
    EXPECT(mach_port_destroy(own.host, own.port), KERN_INVALID_TASK);
    EXPECT(mach_port_deallocate(own.host, own.port), KERN_INVALID_TASK);
    EXPECT(mach_port_get_refs(own.host, own.port, MACH_PORT_RIGHT_SEND, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_mod_refs(own.host, own.port, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_set_mscount(own.host, own.port, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_move_member(own.host, own.port, own.set), KERN_INVALID_TASK);
    EXPECT(mach_port_request_notification(own.host, own.port, MACH_NOTIFY_NO_SENDERS, 0, own.port,
                                          MACH_MSG_TYPE_MAKE_SEND_ONCE, &port),
           KERN_INVALID_TASK);
    EXPECT(mach_port_insert_right(own.host, NOBODY, own.port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_TASK);
    EXPECT(mach_port_extract_right(own.host, own.port, MACH_MSG_TYPE_MAKE_SEND, &port, &out),
           KERN_INVALID_TASK);
    EXPECT(mach_port_set_seqno(own.host, own.port, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_get_attributes(own.host, own.port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)words,
                                    &count),
           KERN_INVALID_TASK);
    EXPECT(mach_port_set_attributes(own.host, own.port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)words, 1),
           KERN_INVALID_TASK);
    EXPECT(mach_port_get_srights(own.host, own.port, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_kernel_object(own.host, own.port, &out, &address), KERN_INVALID_TASK);
    EXPECT(mach_port_insert_member(own.host, own.port, own.set), KERN_INVALID_TASK);
    EXPECT(mach_port_extract_member(own.host, own.port, own.set), KERN_INVALID_TASK);
    EXPECT(mach_port_get_context(own.host, own.port, &context), KERN_INVALID_TASK);
    EXPECT(mach_port_set_context(own.host, own.port, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_construct(own.host, &(mach_port_options_t){0}, 0, &port), KERN_INVALID_TASK);
    EXPECT(mach_port_destruct(own.host, own.port, 0, 0), KERN_INVALID_TASK);
    EXPECT(mach_port_guard(own.host, own.port, 1, false), KERN_INVALID_TASK);
    EXPECT(mach_port_unguard(own.host, own.port, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_swap_guard(own.host, own.port, 1, 2), KERN_INVALID_TASK);
    EXPECT(mach_port_peek(own.host, own.port, 0, &out, &count, &id, trailer, &more_count), KERN_INVALID_TASK);
    EXPECT(mach_port_names(own.host, &names, &count, &types, &more_count), KERN_INVALID_TASK);
    EXPECT(mach_port_get_set_status(own.host, own.set, &names, &count), KERN_INVALID_TASK);
    EXPECT(mach_port_space_info(own.host, &info, &table, &count, &tree, &more_count), KERN_INVALID_TASK);
    EXPECT(mach_port_dnrequest_info(own.host, own.port, &out, &address), KERN_INVALID_TASK);
    EXPECT(mach_port_kobject(own.host, own.port, &out, &wide), KERN_INVALID_TASK);
    user_power_off(own.host_priv);
}

static void other_kind_map(uint64_t arg)
{
    mach_vm_address_t va = 0x10000;
    mach_vm_size_t size;
    mach_port_t port;
    static uint8_t data[VM_INBAND_MAX];

    begin(arg);
    EXPECT(mach_vm_allocate(own.host, &va, 4096, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_deallocate(own.host, va, 4096), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_protect(own.host, va, 4096, false, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_inherit(own.host, va, 4096, VM_INHERIT_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_read_overwrite(own.host, va, 8, va, &size), KERN_INVALID_ARGUMENT);
    EXPECT(
        mach_vm_region(own.host, &va, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)words, &count, &port),
        KERN_INVALID_ARGUMENT);
    count = VM_INBAND_MAX;
    EXPECT(mach_vm_read_inband(own.host, va, 8, data, &count), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_write_inband(own.host, va, data, 8), KERN_INVALID_ARGUMENT);
    user_power_off(own.host_priv);
}

/* ---- Values ---- */

static void values_task(uint64_t arg)
{
    mach_port_t out;
    integer_t base[2] = {10, 10};

    begin(arg);
    EXPECT(task_get_special_port(own.task, 77, &out), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_special_port(own.task, TASK_KERNEL_PORT, own.port), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(own.task, EXC_MASK_VALID, own.port, 77, 0), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(own.task, EXC_MASK_VALID, own.port, EXCEPTION_STATE, 77),
           KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(own.task, ~0u, own.port, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT);
    EXPECT(task_info(own.task, 77, base, &count), KERN_INVALID_ARGUMENT);
    count = 1;
    EXPECT(task_info(own.task, TASK_BASIC_INFO, base, &count), KERN_INVALID_ARGUMENT);

    EXPECT(task_policy(own.task, 77, base, 1, false, false), KERN_INVALID_POLICY);
    EXPECT(task_policy(own.task, POLICY_RR, base, 1, false, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_policy(own.task, POLICY_FIFO, base, 2, false, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_policy(own.task, POLICY_RR, base, 2, false, true), KERN_SUCCESS);
    EXPECT(task_priority(own.task, -1, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_priority(own.task, 32, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_priority(own.task, 31, false), KERN_POLICY_LIMIT);
    EXPECT(task_priority(own.task, 12, true), KERN_SUCCESS);
    user_power_off(own.host_priv);
}

static void policy(policy_t p, integer_t priority, integer_t quantum, kern_return_t code)
{
    integer_t base[2] = {priority, quantum};

    EXPECT(thread_policy(own.thread, p, base, p == POLICY_RR ? 2 : 1, false), code);
}

/* Each policy has its flavor of information, and no other. */
static void expect_policy(thread_flavor_t flavor)
{
    static const thread_flavor_t flavors[] = {THREAD_SCHED_TIMESHARE_INFO, THREAD_SCHED_RR_INFO,
                                              THREAD_SCHED_FIFO_INFO};

    for (unsigned i = 0; i < 3; i++) {
        count = MANY;
        EXPECT(thread_info(own.thread, flavors[i], (thread_info_t)words, &count),
               flavors[i] == flavor ? KERN_SUCCESS : KERN_INVALID_ARGUMENT);
    }
}

static void values_thread(uint64_t arg)
{
    mach_port_t out;

    begin(arg);
    EXPECT(thread_get_special_port(own.thread, 77, &out), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_special_port(own.thread, 77, own.port), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_special_port(own.thread, THREAD_KERNEL_PORT, own.port), KERN_NOT_SUPPORTED);
    EXPECT(thread_info(own.thread, 77, (thread_info_t)words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_get_state(own.thread, THREAD_STATE_FLAVOR_GENERAL, words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_state(own.thread, THREAD_STATE_FLAVOR_GENERAL, words, 1), KERN_INVALID_ARGUMENT);
    EXPECT(thread_depress_abort(own.thread), KERN_NOT_DEPRESSED);

    expect_policy(THREAD_SCHED_TIMESHARE_INFO);
    policy(POLICY_RR, 10, 10, KERN_SUCCESS);
    expect_policy(THREAD_SCHED_RR_INFO);
    policy(POLICY_FIFO, 10, 0, KERN_SUCCESS);
    expect_policy(THREAD_SCHED_FIFO_INFO);
    policy(POLICY_TIMESHARE, 10, 0, KERN_SUCCESS);
    policy(POLICY_RR, -1, 10, KERN_INVALID_ARGUMENT);
    policy(POLICY_RR, 32, 10, KERN_INVALID_ARGUMENT);
    policy(POLICY_RR, 10, 0, KERN_INVALID_ARGUMENT);
    policy(POLICY_RR, 10, 1001, KERN_INVALID_ARGUMENT);
    policy(77, 10, 10, KERN_INVALID_POLICY);
    policy(POLICY_FIFO, 31, 0, KERN_POLICY_LIMIT);
    EXPECT(thread_priority(own.thread, -1, false), KERN_INVALID_ARGUMENT);
    EXPECT(thread_priority(own.thread, 32, false), KERN_INVALID_ARGUMENT);

    count = 1;
    EXPECT(thread_info(own.thread, THREAD_BASIC_INFO, (thread_info_t)words, &count), KERN_INVALID_ARGUMENT);
    user_power_off(own.host_priv);
}

/* Suspend counts end somewhere. */
static void suspend_counts(uint64_t arg)
{
    mach_port_t task, thread;
    kern_return_t kr = KERN_SUCCESS;
    unsigned n = 0;

    begin(arg);
    EXPECT(task_create(own.task, false, &task), KERN_SUCCESS);
    EXPECT(thread_create(task, &thread), KERN_SUCCESS);
    while (n < 100000 && (kr = task_suspend(task)) == KERN_SUCCESS)
        n++;
    EXPECT(kr, KERN_FAILURE);
    for (n = 0; n < 100000 && (kr = thread_suspend(thread)) == KERN_SUCCESS; n++)
        ;
    EXPECT(kr, KERN_FAILURE);
    EXPECT(task_terminate(task), KERN_SUCCESS);
    user_power_off(own.host_priv);
}

static void values_host(uint64_t arg)
{
    static kernel_memory_cache_info_t caches[48];
    kernel_memory_pages_info_t pages;
    natural_t processors;
    processor_info_array_t list;

    begin(arg);
    EXPECT(host_info(own.host, 77, (host_info_t)words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(host_statistics64(own.host, 77, (host_info64_t)words, &count), KERN_INVALID_ARGUMENT);
    count = 1;
    EXPECT(host_statistics64(own.host, HOST_VM_INFO64, (host_info64_t)words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(host_reboot(own.host_priv, 77), KERN_INVALID_ARGUMENT);
    EXPECT(host_processor_info(own.host, 77, &processors, &list, &count), KERN_INVALID_ARGUMENT);
    count = 2;
    EXPECT(host_kernel_memory_info(own.host, caches, &count, &pages), KERN_SUCCESS);
    SIM_CHECK(count == 2 && pages.total > pages.free);
    for (;;)
        (void)host_reboot(own.host_priv, 0);
}

static void values_names(uint64_t arg)
{
    natural_t out, address;
    mach_port_t port;

    begin(arg);
    EXPECT(mach_port_get_refs(own.task, own.port, 77, &out), KERN_INVALID_VALUE);
    EXPECT(mach_port_get_refs(own.task, NOBODY, MACH_PORT_RIGHT_SEND, &out), KERN_INVALID_NAME);
    EXPECT(mach_port_mod_refs(own.task, own.port, 77, 1), KERN_INVALID_VALUE);
    EXPECT(mach_port_mod_refs(own.task, own.port, MACH_PORT_RIGHT_RECEIVE, 1), KERN_INVALID_VALUE);
    EXPECT(mach_port_mod_refs(own.task, own.port, MACH_PORT_RIGHT_SEND, -2), KERN_INVALID_VALUE);
    EXPECT(mach_port_mod_refs(own.task, own.port, MACH_PORT_RIGHT_SEND, 65534), KERN_SUCCESS);
    EXPECT(mach_port_mod_refs(own.task, own.port, MACH_PORT_RIGHT_SEND, 1), KERN_UREFS_OVERFLOW);
    EXPECT(mach_port_insert_right(own.task, own.port, own.port, MACH_MSG_TYPE_MAKE_SEND),
           KERN_UREFS_OVERFLOW);
    EXPECT(mach_port_insert_right(own.task, own.dead, own.port, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS);
    EXPECT(mach_port_allocate(own.task, 77, &port), KERN_INVALID_VALUE);
    EXPECT(mach_port_allocate_name(own.task, MACH_PORT_RIGHT_RECEIVE, 0xff), KERN_INVALID_VALUE);
    EXPECT(mach_port_allocate_name(own.task, MACH_PORT_RIGHT_RECEIVE, 0xfffffeff), KERN_INVALID_VALUE);
    EXPECT(mach_port_allocate_name(own.task, MACH_PORT_RIGHT_RECEIVE, MACH_PORT_DEAD), KERN_INVALID_VALUE);
    EXPECT(mach_port_rename(own.task, own.dead, MACH_PORT_NULL), KERN_INVALID_VALUE);
    EXPECT(mach_port_rename(own.task, NOBODY, NOBODY + 256), KERN_INVALID_NAME);
    EXPECT(mach_port_rename(own.task, own.dead, own.port), KERN_NAME_EXISTS);
    EXPECT(mach_port_rename(own.task, own.dead, 0xff), KERN_INVALID_VALUE);

    EXPECT(mach_port_kernel_object(own.task, NOBODY, &out, &address), KERN_INVALID_NAME);
    EXPECT(mach_port_kernel_object(own.task, own.dead, &out, &address), KERN_INVALID_RIGHT);
    EXPECT(mach_port_set_mscount(own.task, NOBODY, 1), KERN_INVALID_NAME);
    EXPECT(mach_port_get_srights(own.task, own.dead, &out), KERN_INVALID_RIGHT);
    user_power_off(own.host_priv);
}

static void values_attributes(uint64_t arg)
{
    mach_port_info_t info = (mach_port_info_t)words;
    mach_port_limits_t limits = {.mpl_qlimit = 3};

    begin(arg);
    EXPECT(mach_port_get_attributes(own.task, own.port, 77, info, &count), KERN_INVALID_ARGUMENT);
    count = 0;
    EXPECT(mach_port_get_attributes(own.task, own.port, MACH_PORT_LIMITS_INFO, info, &count), KERN_FAILURE);
    count = MANY;
    EXPECT(mach_port_get_attributes(own.task, own.dead, MACH_PORT_LIMITS_INFO, info, &count),
           KERN_INVALID_RIGHT);
    EXPECT(mach_port_set_attributes(own.task, own.port, 77, info, 1), KERN_INVALID_ARGUMENT);
    EXPECT(mach_port_set_attributes(own.task, own.port, MACH_PORT_LIMITS_INFO, info, 2), KERN_FAILURE);
    EXPECT(mach_port_set_attributes(own.task, own.port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, 1),
           KERN_SUCCESS);
    EXPECT(mach_port_get_attributes(own.task, own.port, MACH_PORT_LIMITS_INFO, info, &count), KERN_SUCCESS);
    SIM_CHECK(count == 1 && words[0] == 3);
    user_power_off(own.host_priv);
}

static void values_sets(uint64_t arg)
{
    mach_port_name_array_t names;

    begin(arg);
    EXPECT(mach_port_insert_member(own.task, own.port, NOBODY), KERN_INVALID_NAME);
    EXPECT(mach_port_insert_member(own.task, NOBODY, own.set), KERN_INVALID_NAME);
    EXPECT(mach_port_insert_member(own.task, own.port, own.other), KERN_INVALID_RIGHT);
    EXPECT(mach_port_insert_member(own.task, own.dead, own.set), KERN_INVALID_RIGHT);
    EXPECT(mach_port_extract_member(own.task, own.port, own.set), KERN_NOT_IN_SET);
    EXPECT(mach_port_move_member(own.task, own.port, NOBODY), KERN_INVALID_NAME);
    EXPECT(mach_port_move_member(own.task, own.port, MACH_PORT_NULL), KERN_NOT_IN_SET);
    EXPECT(mach_port_move_member(own.task, own.port, own.set), KERN_SUCCESS);
    EXPECT(mach_port_insert_member(own.task, own.port, own.set), KERN_ALREADY_IN_SET);
    EXPECT(mach_port_insert_member(own.task, own.other, own.set), KERN_SUCCESS);
    EXPECT(user_set_members(own.task, own.set, words, MANY, &count), KERN_SUCCESS);
    SIM_CHECK(count == 2 && words[0] == own.port && words[1] == own.other);
    EXPECT(mach_port_get_set_status(own.task, NOBODY, &names, &count), KERN_INVALID_NAME);
    EXPECT(mach_port_get_set_status(own.task, own.port, &names, &count), KERN_INVALID_RIGHT);
    user_power_off(own.host_priv);
}

static kern_return_t request(mach_port_name_t name, mach_msg_id_t id, mach_port_mscount_t sync,
                             mach_port_t notify)
{
    mach_port_t previous;

    return mach_port_request_notification(own.task, name, id, sync, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                          &previous);
}

static void values_requests(uint64_t arg)
{
    begin(arg);
    EXPECT(request(own.port, 77, 0, own.other), KERN_INVALID_VALUE);
    EXPECT(request(NOBODY, MACH_NOTIFY_DEAD_NAME, 0, own.other), KERN_INVALID_NAME);
    EXPECT(request(own.set, MACH_NOTIFY_DEAD_NAME, 0, own.other), KERN_INVALID_RIGHT);
    EXPECT(request(own.dead, MACH_NOTIFY_DEAD_NAME, 0, own.other), KERN_INVALID_ARGUMENT);
    EXPECT(request(own.dead, MACH_NOTIFY_DEAD_NAME, 1, own.other), KERN_SUCCESS);
    EXPECT(request(own.dead, MACH_NOTIFY_DEAD_NAME, 1, MACH_PORT_NULL), KERN_INVALID_ARGUMENT);
    EXPECT(request(own.dead, MACH_NOTIFY_NO_SENDERS, 0, own.other), KERN_INVALID_RIGHT);
    EXPECT(request(NOBODY, MACH_NOTIFY_PORT_DESTROYED, 0, own.other), KERN_INVALID_NAME);
    EXPECT(request(own.port, MACH_NOTIFY_PORT_DESTROYED, 1, own.other), KERN_INVALID_VALUE);
    user_power_off(own.host_priv);
}

static void values_memory(uint64_t arg)
{
    mach_vm_address_t va = 0, at;
    mach_vm_size_t size;
    mach_port_t port;
    static uint8_t data[VM_INBAND_MAX];

    begin(arg);
    EXPECT(mach_vm_allocate(own.task, &va, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(mach_vm_allocate(own.task, &va, 4096, 0x77770000), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_allocate(own.task, &va, UINT64_MAX, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_allocate(own.task, &va, UINT64_C(1) << 60, VM_FLAGS_ANYWHERE), KERN_NO_SPACE);
    at = UINT64_C(1) << 60;
    EXPECT(mach_vm_allocate(own.task, &at, 4096, VM_FLAGS_ANYWHERE), KERN_NO_SPACE);
    at = UINT64_C(1) << 60;
    EXPECT(mach_vm_allocate(own.task, &at, 4096, 0), KERN_INVALID_ADDRESS);
    at = 0;
    EXPECT(mach_vm_allocate(own.task, &at, 4096, 0), KERN_INVALID_ADDRESS);
    va = 0;
    EXPECT(mach_vm_allocate(own.task, &va, 8192, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(mach_vm_allocate(own.task, &va, 4096, 0), KERN_NO_SPACE);
    EXPECT(mach_vm_protect(own.task, va, 0, false, VM_PROT_READ), KERN_SUCCESS);
    EXPECT(mach_vm_protect(own.task, va, UINT64_MAX, false, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_protect(own.task, va, 4096, false, 0x77), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_inherit(own.task, va, 0, VM_INHERIT_NONE), KERN_SUCCESS);
    EXPECT(mach_vm_inherit(own.task, va, 4096, 77), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_deallocate(own.task, va, 0), KERN_SUCCESS);
    EXPECT(mach_vm_deallocate(own.task, va, UINT64_MAX), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_read_overwrite(own.task, va, 8, 0, &size), KERN_INVALID_ADDRESS);
    EXPECT(mach_vm_read_overwrite(own.task, 0, 8, va, &size), KERN_INVALID_ADDRESS);
    at = va;
    EXPECT(mach_vm_region(own.task, &at, &size, 77, (vm_region_info_t)words, &count, &port),
           KERN_INVALID_ARGUMENT);
    count = 1;
    EXPECT(
        mach_vm_region(own.task, &at, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)words, &count, &port),
        KERN_INVALID_ARGUMENT);
    count = VM_INBAND_MAX;
    EXPECT(mach_vm_read_inband(own.task, va, VM_INBAND_MAX + 1, data, &count), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_write_inband(own.task, 0, data, 8), KERN_INVALID_ADDRESS);
    user_power_off(own.host_priv);
}

/* ---- Traps ---- */

static kern_return_t print(uint64_t va)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PRINT, va, 0, 0, 0, 0, 0, 0);
}

static kern_return_t thread_switch_to(mach_port_t thread, int option)
{
    return (kern_return_t)sim_trap(MACH_TRAP_THREAD_SWITCH, thread, (uint64_t)option, 0, 0, 0, 0, 0);
}

static void values_traps(uint64_t arg)
{
    mach_vm_address_t va = 0;
    static char text[3 * 4096];

    begin(arg);
    EXPECT(mach_vm_allocate(own.task, &va, sizeof text, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(print(0), KERN_INVALID_ADDRESS);
    EXPECT(print(va), KERN_SUCCESS);
    memset(text, 'x', sizeof text);
    sim_store(va, text, sizeof text);
    /* limit: mach_print */
    EXPECT(print(va), KERN_INVALID_ARGUMENT); /* too long */
    memset(text + 300, '\n', 10);
    memset(text + 700, '\0', 1);
    sim_store(va, text, sizeof text);
    EXPECT(print(va), KERN_SUCCESS); /* in pieces: within a line, at its end */
    EXPECT(print(va + sizeof text - 10), KERN_INVALID_ADDRESS);

    EXPECT(thread_switch_to(MACH_PORT_NULL, 77), KERN_INVALID_ARGUMENT);
    EXPECT(thread_switch_to(NOBODY, SWITCH_OPTION_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(thread_switch_to(own.task, SWITCH_OPTION_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(thread_switch_to(own.thread, SWITCH_OPTION_NONE), KERN_SUCCESS);
    user_power_off(own.host_priv);
}

static bool restarted(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    return result->end == SIM_REBOOT;
}

static const struct driver_scenario table[] = {
    {.name = "other-kind-task", .program = other_kind_task},
    {.name = "other-kind-thread", .program = other_kind_thread},
    {.name = "other-kind-host", .program = other_kind_host},
    {.name = "other-kind-space", .program = other_kind_space},
    {.name = "other-kind-map", .program = other_kind_map},
    {.name = "values-task", .program = values_task},
    {.name = "values-thread", .program = values_thread},
    {.name = "values-host", .program = values_host, .check = restarted},
    {.name = "values-names", .program = values_names},
    {.name = "values-attributes", .program = values_attributes},
    {.name = "values-sets", .program = values_sets},
    {.name = "values-requests", .program = values_requests},
    {.name = "values-memory", .program = values_memory},
    {.name = "values-traps", .program = values_traps},
    {.name = "suspend-counts", .program = suspend_counts},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
