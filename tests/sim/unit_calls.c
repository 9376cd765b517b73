/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's services with arguments that they must refuse: an object of another kind, a value out of range, a name that
 * there is not, room that is too small.  Each call is checked for its error code.
 */
#include "driver.h"
#include "user.h"

#include <mach/kernel_memory_info.h>
#include <mach/rpc.h>
#include <string.h>

#define EXPECT(call, code)                                                                                   \
    do {                                                                                                     \
        kern_return_t expect_kr = (call);                                                                    \
        if (expect_kr != (code))                                                                             \
            sim_fail("%s:%d: %s: %d", __FILE__, __LINE__, #call, expect_kr);                                 \
    } while (0)

#define NOBODY 0x7fff00u /* a name that there is not */
#define MANY 512u

/* What the tests of a program share. */
static struct {
    mach_port_t host_priv, task, thread, host;
    mach_port_t port;  /* receive right and a send right */
    mach_port_t other; /* the same */
    mach_port_t set;
    mach_port_t dead; /* dead name */
} t;

static natural_t words[MANY];
static mach_msg_type_number_t count, more_count;

static mach_port_t new_port(void)
{
    mach_port_t port;

    EXPECT(mach_port_allocate(t.task, MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    EXPECT(mach_port_insert_right(t.task, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    return port;
}

static void begin(uint64_t arg)
{
    t.host_priv = user_start(arg);
    t.task = mach_task_self();
    t.thread = mach_thread_self();
    t.host = mach_host_self();
    t.port = new_port();
    t.other = new_port();
    EXPECT(mach_port_allocate(t.task, MACH_PORT_RIGHT_PORT_SET, &t.set), KERN_SUCCESS);
    EXPECT(mach_port_allocate(t.task, MACH_PORT_RIGHT_DEAD_NAME, &t.dead), KERN_SUCCESS);
    count = more_count = MANY;
}

/* ---- Objects of another kind ---- */

static void other_kind_task(uint64_t arg)
{
    mach_port_t out;
    integer_t *base = (integer_t *)words;

    begin(arg);
    EXPECT(task_create(t.host, false, &out), KERN_INVALID_ARGUMENT);
    EXPECT(task_terminate(t.host), KERN_INVALID_ARGUMENT);
    EXPECT(task_suspend(t.host), KERN_INVALID_ARGUMENT);
    EXPECT(task_resume(t.host), KERN_INVALID_ARGUMENT);
    EXPECT(thread_create(t.host, &out), KERN_INVALID_ARGUMENT);
    EXPECT(thread_create_running(t.thread, THREAD_STATE_FLAVOR_GENERAL, words, 1, &out),
           KERN_INVALID_ARGUMENT);
    EXPECT(task_get_special_port(t.thread, TASK_HOST_PORT, &out), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_special_port(t.thread, TASK_BOOTSTRAP_PORT, t.port), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(t.thread, EXC_MASK_VALID, t.port, EXCEPTION_DEFAULT, 0),
           KERN_INVALID_ARGUMENT);
    EXPECT(task_info(t.thread, TASK_BASIC_INFO, base, &count), KERN_INVALID_ARGUMENT);
    EXPECT(task_policy(t.thread, POLICY_FIFO, base, 1, false, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_priority(t.thread, 1, false), KERN_INVALID_ARGUMENT);
    user_power_off(t.host_priv);
}

static void other_kind_thread(uint64_t arg)
{
    mach_port_t out;
    integer_t *base = (integer_t *)words;

    begin(arg);
    EXPECT(thread_terminate(t.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_get_state(t.task, THREAD_STATE_FLAVOR_GENERAL, words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_state(t.task, THREAD_STATE_FLAVOR_GENERAL, words, 1), KERN_INVALID_ARGUMENT);
    EXPECT(thread_suspend(t.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_resume(t.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_abort(t.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_abort_safely(t.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_depress_abort(t.task), KERN_INVALID_ARGUMENT);
    EXPECT(thread_get_special_port(t.task, THREAD_KERNEL_PORT, &out), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_special_port(t.task, THREAD_KERNEL_PORT, t.port), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_exception_ports(t.task, EXC_MASK_VALID, t.port, EXCEPTION_DEFAULT, 0),
           KERN_INVALID_ARGUMENT);
    EXPECT(thread_info(t.task, THREAD_BASIC_INFO, base, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_policy(t.task, POLICY_FIFO, base, 1, false), KERN_INVALID_ARGUMENT);
    EXPECT(thread_priority(t.task, 1, false), KERN_INVALID_ARGUMENT);
    user_power_off(t.host_priv);
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
    EXPECT(host_info(t.task, HOST_BASIC_INFO, (host_info_t)words, &count), KERN_INVALID_HOST);
    EXPECT(host_kernel_version(t.task, version), KERN_INVALID_HOST);
    EXPECT(host_page_size(t.task, &size), KERN_INVALID_HOST);
    EXPECT(host_statistics64(t.task, HOST_VM_INFO64, (host_info64_t)words, &count), KERN_INVALID_HOST);
    EXPECT(host_reboot(t.host, 0), KERN_INVALID_HOST); /* not the privileged port */
    EXPECT(host_get_uptime64(t.task, &time), KERN_INVALID_HOST);
    count = 48;
    EXPECT(host_kernel_memory_info(t.task, caches, &count, &pages), KERN_INVALID_HOST);
    EXPECT(host_processor_info(t.task, PROCESSOR_BASIC_INFO, &processors, &list, &count), KERN_INVALID_HOST);
    user_power_off(t.host_priv);
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

    begin(arg);
    EXPECT(mach_port_type(t.host, t.port, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_rename(t.host, t.port, NOBODY), KERN_INVALID_TASK);
    EXPECT(mach_port_allocate_name(t.host, MACH_PORT_RIGHT_RECEIVE, NOBODY), KERN_INVALID_TASK);
    EXPECT(mach_port_allocate(t.host, MACH_PORT_RIGHT_RECEIVE, &port), KERN_INVALID_TASK);
    EXPECT(mach_port_destroy(t.host, t.port), KERN_INVALID_TASK);
    EXPECT(mach_port_deallocate(t.host, t.port), KERN_INVALID_TASK);
    EXPECT(mach_port_get_refs(t.host, t.port, MACH_PORT_RIGHT_SEND, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_mod_refs(t.host, t.port, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_set_mscount(t.host, t.port, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_move_member(t.host, t.port, t.set), KERN_INVALID_TASK);
    EXPECT(mach_port_request_notification(t.host, t.port, MACH_NOTIFY_NO_SENDERS, 0, t.port,
                                          MACH_MSG_TYPE_MAKE_SEND_ONCE, &port),
           KERN_INVALID_TASK);
    EXPECT(mach_port_insert_right(t.host, NOBODY, t.port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_TASK);
    EXPECT(mach_port_extract_right(t.host, t.port, MACH_MSG_TYPE_MAKE_SEND, &port, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_set_seqno(t.host, t.port, 1), KERN_INVALID_TASK);
    EXPECT(
        mach_port_get_attributes(t.host, t.port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)words, &count),
        KERN_INVALID_TASK);
    EXPECT(mach_port_set_attributes(t.host, t.port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)words, 1),
           KERN_INVALID_TASK);
    EXPECT(mach_port_get_srights(t.host, t.port, &out), KERN_INVALID_TASK);
    EXPECT(mach_port_kernel_object(t.host, t.port, &out, &address), KERN_INVALID_TASK);
    EXPECT(mach_port_insert_member(t.host, t.port, t.set), KERN_INVALID_TASK);
    EXPECT(mach_port_extract_member(t.host, t.port, t.set), KERN_INVALID_TASK);
    EXPECT(mach_port_get_context(t.host, t.port, &context), KERN_INVALID_TASK);
    EXPECT(mach_port_set_context(t.host, t.port, 1), KERN_INVALID_TASK);
    EXPECT(mach_port_names(t.host, &names, &count, &types, &more_count), KERN_INVALID_TASK);
    EXPECT(mach_port_get_set_status(t.host, t.set, &names, &count), KERN_INVALID_TASK);
    EXPECT(mach_port_space_info(t.host, &info, &table, &count, &tree, &more_count), KERN_INVALID_TASK);
    EXPECT(mach_port_dnrequest_info(t.host, t.port, &out, &address), KERN_INVALID_TASK);
    EXPECT(mach_port_kobject(t.host, t.port, &out, &wide), KERN_INVALID_TASK);
    user_power_off(t.host_priv);
}

static void other_kind_map(uint64_t arg)
{
    mach_vm_address_t va = 0x10000;
    mach_vm_size_t size;
    mach_port_t port;
    static uint8_t data[VM_INBAND_MAX];

    begin(arg);
    EXPECT(mach_vm_allocate(t.host, &va, 4096, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_deallocate(t.host, va, 4096), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_protect(t.host, va, 4096, false, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_inherit(t.host, va, 4096, VM_INHERIT_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_read_overwrite(t.host, va, 8, va, &size), KERN_INVALID_ARGUMENT);
    EXPECT(
        mach_vm_region(t.host, &va, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)words, &count, &port),
        KERN_INVALID_ARGUMENT);
    count = VM_INBAND_MAX;
    EXPECT(mach_vm_read_inband(t.host, va, 8, data, &count), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_write_inband(t.host, va, data, 8), KERN_INVALID_ARGUMENT);
    user_power_off(t.host_priv);
}

/* ---- Values ---- */

static void values_task(uint64_t arg)
{
    mach_port_t out;
    integer_t base[2] = {10, 10};

    begin(arg);
    EXPECT(task_get_special_port(t.task, 77, &out), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_special_port(t.task, TASK_KERNEL_PORT, t.port), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(t.task, EXC_MASK_VALID, t.port, 77, 0), KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(t.task, EXC_MASK_VALID, t.port, EXCEPTION_STATE, 77),
           KERN_INVALID_ARGUMENT);
    EXPECT(task_set_exception_ports(t.task, ~0u, t.port, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT);
    EXPECT(task_info(t.task, 77, base, &count), KERN_INVALID_ARGUMENT);
    count = 1;
    EXPECT(task_info(t.task, TASK_BASIC_INFO, base, &count), KERN_INVALID_ARGUMENT);

    EXPECT(task_policy(t.task, 77, base, 1, false, false), KERN_INVALID_POLICY);
    EXPECT(task_policy(t.task, POLICY_RR, base, 1, false, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_policy(t.task, POLICY_FIFO, base, 2, false, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_policy(t.task, POLICY_RR, base, 2, false, true), KERN_SUCCESS);
    EXPECT(task_priority(t.task, -1, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_priority(t.task, 32, false), KERN_INVALID_ARGUMENT);
    EXPECT(task_priority(t.task, 31, false), KERN_POLICY_LIMIT);
    EXPECT(task_priority(t.task, 12, true), KERN_SUCCESS);
    user_power_off(t.host_priv);
}

static void policy(policy_t p, integer_t priority, integer_t quantum, kern_return_t code)
{
    integer_t base[2] = {priority, quantum};

    EXPECT(thread_policy(t.thread, p, base, p == POLICY_RR ? 2 : 1, false), code);
}

/* Each policy has its flavor of information, and no other. */
static void expect_policy(thread_flavor_t flavor)
{
    static const thread_flavor_t flavors[] = {THREAD_SCHED_TIMESHARE_INFO, THREAD_SCHED_RR_INFO,
                                              THREAD_SCHED_FIFO_INFO};

    for (unsigned i = 0; i < 3; i++) {
        count = MANY;
        EXPECT(thread_info(t.thread, flavors[i], (thread_info_t)words, &count),
               flavors[i] == flavor ? KERN_SUCCESS : KERN_INVALID_ARGUMENT);
    }
}

static void values_thread(uint64_t arg)
{
    mach_port_t out;

    begin(arg);
    EXPECT(thread_get_special_port(t.thread, 77, &out), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_special_port(t.thread, 77, t.port), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_special_port(t.thread, THREAD_KERNEL_PORT, t.port), KERN_NOT_SUPPORTED);
    EXPECT(thread_info(t.thread, 77, (thread_info_t)words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_get_state(t.thread, THREAD_STATE_FLAVOR_GENERAL, words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(thread_set_state(t.thread, THREAD_STATE_FLAVOR_GENERAL, words, 1), KERN_INVALID_ARGUMENT);
    EXPECT(thread_depress_abort(t.thread), KERN_NOT_DEPRESSED);

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
    EXPECT(thread_priority(t.thread, -1, false), KERN_INVALID_ARGUMENT);
    EXPECT(thread_priority(t.thread, 32, false), KERN_INVALID_ARGUMENT);

    count = 1;
    EXPECT(thread_info(t.thread, THREAD_BASIC_INFO, (thread_info_t)words, &count), KERN_INVALID_ARGUMENT);
    user_power_off(t.host_priv);
}

/* Suspend counts end somewhere. */
static void suspend_counts(uint64_t arg)
{
    mach_port_t task, thread;
    kern_return_t kr = KERN_SUCCESS;
    unsigned n = 0;

    begin(arg);
    EXPECT(task_create(t.task, false, &task), KERN_SUCCESS);
    EXPECT(thread_create(task, &thread), KERN_SUCCESS);
    while (n < 100000 && (kr = task_suspend(task)) == KERN_SUCCESS)
        n++;
    EXPECT(kr, KERN_FAILURE);
    for (n = 0; n < 100000 && (kr = thread_suspend(thread)) == KERN_SUCCESS; n++)
        ;
    EXPECT(kr, KERN_FAILURE);
    EXPECT(task_terminate(task), KERN_SUCCESS);
    user_power_off(t.host_priv);
}

static void values_host(uint64_t arg)
{
    static kernel_memory_cache_info_t caches[48];
    kernel_memory_pages_info_t pages;
    natural_t processors;
    processor_info_array_t list;

    begin(arg);
    EXPECT(host_info(t.host, 77, (host_info_t)words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(host_statistics64(t.host, 77, (host_info64_t)words, &count), KERN_INVALID_ARGUMENT);
    count = 1;
    EXPECT(host_statistics64(t.host, HOST_VM_INFO64, (host_info64_t)words, &count), KERN_INVALID_ARGUMENT);
    EXPECT(host_reboot(t.host_priv, 77), KERN_INVALID_ARGUMENT);
    EXPECT(host_processor_info(t.host, 77, &processors, &list, &count), KERN_INVALID_ARGUMENT);
    count = 2;
    EXPECT(host_kernel_memory_info(t.host, caches, &count, &pages), KERN_SUCCESS);
    SIM_CHECK(count == 2 && pages.total > pages.free);
    for (;;)
        (void)host_reboot(t.host_priv, 0);
}

static void values_names(uint64_t arg)
{
    natural_t out, address;
    mach_port_t port;

    begin(arg);
    EXPECT(mach_port_get_refs(t.task, t.port, 77, &out), KERN_INVALID_VALUE);
    EXPECT(mach_port_get_refs(t.task, NOBODY, MACH_PORT_RIGHT_SEND, &out), KERN_INVALID_NAME);
    EXPECT(mach_port_mod_refs(t.task, t.port, 77, 1), KERN_INVALID_VALUE);
    EXPECT(mach_port_mod_refs(t.task, t.port, MACH_PORT_RIGHT_RECEIVE, 1), KERN_INVALID_VALUE);
    EXPECT(mach_port_mod_refs(t.task, t.port, MACH_PORT_RIGHT_SEND, -2), KERN_INVALID_VALUE);
    EXPECT(mach_port_mod_refs(t.task, t.port, MACH_PORT_RIGHT_SEND, 65534), KERN_SUCCESS);
    EXPECT(mach_port_mod_refs(t.task, t.port, MACH_PORT_RIGHT_SEND, 1), KERN_UREFS_OVERFLOW);
    EXPECT(mach_port_insert_right(t.task, t.port, t.port, MACH_MSG_TYPE_MAKE_SEND), KERN_UREFS_OVERFLOW);
    EXPECT(mach_port_insert_right(t.task, t.dead, t.port, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS);
    EXPECT(mach_port_allocate(t.task, 77, &port), KERN_INVALID_VALUE);
    EXPECT(mach_port_allocate_name(t.task, MACH_PORT_RIGHT_RECEIVE, 0xff), KERN_INVALID_VALUE);
    EXPECT(mach_port_allocate_name(t.task, MACH_PORT_RIGHT_RECEIVE, 0xfffffeff), KERN_INVALID_VALUE);
    EXPECT(mach_port_allocate_name(t.task, MACH_PORT_RIGHT_RECEIVE, MACH_PORT_DEAD), KERN_INVALID_VALUE);
    EXPECT(mach_port_rename(t.task, t.dead, MACH_PORT_NULL), KERN_INVALID_VALUE);
    EXPECT(mach_port_rename(t.task, NOBODY, NOBODY + 256), KERN_INVALID_NAME);
    EXPECT(mach_port_rename(t.task, t.dead, t.port), KERN_NAME_EXISTS);
    EXPECT(mach_port_rename(t.task, t.dead, 0xff), KERN_INVALID_VALUE);

    EXPECT(mach_port_kernel_object(t.task, NOBODY, &out, &address), KERN_INVALID_NAME);
    EXPECT(mach_port_kernel_object(t.task, t.dead, &out, &address), KERN_INVALID_RIGHT);
    EXPECT(mach_port_set_mscount(t.task, NOBODY, 1), KERN_INVALID_NAME);
    EXPECT(mach_port_get_srights(t.task, t.dead, &out), KERN_INVALID_RIGHT);
    user_power_off(t.host_priv);
}

static void values_attributes(uint64_t arg)
{
    mach_port_info_t info = (mach_port_info_t)words;
    mach_port_limits_t limits = {.mpl_qlimit = 3};

    begin(arg);
    EXPECT(mach_port_get_attributes(t.task, t.port, 77, info, &count), KERN_INVALID_ARGUMENT);
    count = 0;
    EXPECT(mach_port_get_attributes(t.task, t.port, MACH_PORT_LIMITS_INFO, info, &count), KERN_FAILURE);
    count = MANY;
    EXPECT(mach_port_get_attributes(t.task, t.dead, MACH_PORT_LIMITS_INFO, info, &count), KERN_INVALID_RIGHT);
    EXPECT(mach_port_set_attributes(t.task, t.port, 77, info, 1), KERN_INVALID_ARGUMENT);
    EXPECT(mach_port_set_attributes(t.task, t.port, MACH_PORT_LIMITS_INFO, info, 2), KERN_FAILURE);
    EXPECT(mach_port_set_attributes(t.task, t.port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, 1),
           KERN_SUCCESS);
    EXPECT(mach_port_get_attributes(t.task, t.port, MACH_PORT_LIMITS_INFO, info, &count), KERN_SUCCESS);
    SIM_CHECK(count == 1 && words[0] == 3);
    user_power_off(t.host_priv);
}

static void values_sets(uint64_t arg)
{
    mach_port_name_array_t names;

    begin(arg);
    EXPECT(mach_port_insert_member(t.task, t.port, NOBODY), KERN_INVALID_NAME);
    EXPECT(mach_port_insert_member(t.task, NOBODY, t.set), KERN_INVALID_NAME);
    EXPECT(mach_port_insert_member(t.task, t.port, t.other), KERN_INVALID_RIGHT);
    EXPECT(mach_port_insert_member(t.task, t.dead, t.set), KERN_INVALID_RIGHT);
    EXPECT(mach_port_extract_member(t.task, t.port, t.set), KERN_NOT_IN_SET);
    EXPECT(mach_port_move_member(t.task, t.port, NOBODY), KERN_INVALID_NAME);
    EXPECT(mach_port_move_member(t.task, t.port, MACH_PORT_NULL), KERN_NOT_IN_SET);
    EXPECT(mach_port_move_member(t.task, t.port, t.set), KERN_SUCCESS);
    EXPECT(mach_port_insert_member(t.task, t.port, t.set), KERN_ALREADY_IN_SET);
    EXPECT(mach_port_insert_member(t.task, t.other, t.set), KERN_SUCCESS);
    EXPECT(user_set_members(t.task, t.set, words, MANY, &count), KERN_SUCCESS);
    SIM_CHECK(count == 2 && words[0] == t.port && words[1] == t.other);
    EXPECT(mach_port_get_set_status(t.task, NOBODY, &names, &count), KERN_INVALID_NAME);
    EXPECT(mach_port_get_set_status(t.task, t.port, &names, &count), KERN_INVALID_RIGHT);
    user_power_off(t.host_priv);
}

static kern_return_t request(mach_port_name_t name, mach_msg_id_t id, mach_port_mscount_t sync,
                             mach_port_t notify)
{
    mach_port_t previous;

    return mach_port_request_notification(t.task, name, id, sync, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                          &previous);
}

static void values_requests(uint64_t arg)
{
    begin(arg);
    EXPECT(request(t.port, 77, 0, t.other), KERN_INVALID_VALUE);
    EXPECT(request(NOBODY, MACH_NOTIFY_DEAD_NAME, 0, t.other), KERN_INVALID_NAME);
    EXPECT(request(t.set, MACH_NOTIFY_DEAD_NAME, 0, t.other), KERN_INVALID_RIGHT);
    EXPECT(request(t.dead, MACH_NOTIFY_DEAD_NAME, 0, t.other), KERN_INVALID_ARGUMENT);
    EXPECT(request(t.dead, MACH_NOTIFY_DEAD_NAME, 1, t.other), KERN_SUCCESS);
    EXPECT(request(t.dead, MACH_NOTIFY_DEAD_NAME, 1, MACH_PORT_NULL), KERN_INVALID_ARGUMENT);
    EXPECT(request(t.dead, MACH_NOTIFY_NO_SENDERS, 0, t.other), KERN_INVALID_RIGHT);
    EXPECT(request(NOBODY, MACH_NOTIFY_PORT_DESTROYED, 0, t.other), KERN_INVALID_NAME);
    EXPECT(request(t.port, MACH_NOTIFY_PORT_DESTROYED, 1, t.other), KERN_INVALID_VALUE);
    user_power_off(t.host_priv);
}

static void values_memory(uint64_t arg)
{
    mach_vm_address_t va = 0, at;
    mach_vm_size_t size;
    mach_port_t port;
    static uint8_t data[VM_INBAND_MAX];

    begin(arg);
    EXPECT(mach_vm_allocate(t.task, &va, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(mach_vm_allocate(t.task, &va, 4096, 0x77770000), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_allocate(t.task, &va, UINT64_MAX, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_allocate(t.task, &va, UINT64_C(1) << 60, VM_FLAGS_ANYWHERE), KERN_NO_SPACE);
    at = UINT64_C(1) << 60;
    EXPECT(mach_vm_allocate(t.task, &at, 4096, VM_FLAGS_ANYWHERE), KERN_NO_SPACE);
    at = UINT64_C(1) << 60;
    EXPECT(mach_vm_allocate(t.task, &at, 4096, 0), KERN_INVALID_ADDRESS);
    at = 0;
    EXPECT(mach_vm_allocate(t.task, &at, 4096, 0), KERN_INVALID_ADDRESS);
    va = 0;
    EXPECT(mach_vm_allocate(t.task, &va, 8192, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(mach_vm_allocate(t.task, &va, 4096, 0), KERN_NO_SPACE);
    EXPECT(mach_vm_protect(t.task, va, 0, false, VM_PROT_READ), KERN_SUCCESS);
    EXPECT(mach_vm_protect(t.task, va, UINT64_MAX, false, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_protect(t.task, va, 4096, false, 0x77), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_inherit(t.task, va, 0, VM_INHERIT_NONE), KERN_SUCCESS);
    EXPECT(mach_vm_inherit(t.task, va, 4096, 77), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_deallocate(t.task, va, 0), KERN_SUCCESS);
    EXPECT(mach_vm_deallocate(t.task, va, UINT64_MAX), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_read_overwrite(t.task, va, 8, 0, &size), KERN_INVALID_ADDRESS);
    EXPECT(mach_vm_read_overwrite(t.task, 0, 8, va, &size), KERN_INVALID_ADDRESS);
    at = va;
    EXPECT(mach_vm_region(t.task, &at, &size, 77, (vm_region_info_t)words, &count, &port),
           KERN_INVALID_ARGUMENT);
    count = 1;
    EXPECT(
        mach_vm_region(t.task, &at, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)words, &count, &port),
        KERN_INVALID_ARGUMENT);
    count = VM_INBAND_MAX;
    EXPECT(mach_vm_read_inband(t.task, va, VM_INBAND_MAX + 1, data, &count), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_write_inband(t.task, 0, data, 8), KERN_INVALID_ADDRESS);
    user_power_off(t.host_priv);
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
    EXPECT(mach_vm_allocate(t.task, &va, sizeof text, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(print(0), KERN_INVALID_ADDRESS);
    EXPECT(print(va), KERN_SUCCESS);
    memset(text, 'x', sizeof text);
    sim_store(va, text, sizeof text);
    EXPECT(print(va), KERN_INVALID_ARGUMENT); /* too long */
    memset(text + 300, '\n', 10);
    memset(text + 700, '\0', 1);
    sim_store(va, text, sizeof text);
    EXPECT(print(va), KERN_SUCCESS); /* in pieces: within a line, at its end */
    EXPECT(print(va + sizeof text - 10), KERN_INVALID_ADDRESS);

    EXPECT(thread_switch_to(MACH_PORT_NULL, 77), KERN_INVALID_ARGUMENT);
    EXPECT(thread_switch_to(NOBODY, SWITCH_OPTION_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(thread_switch_to(t.task, SWITCH_OPTION_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(thread_switch_to(t.thread, SWITCH_OPTION_NONE), KERN_SUCCESS);
    user_power_off(t.host_priv);
}

/* ---- Objects that end ---- */

#define VICTIMS 30u
#define FEW 16u

static struct {
    mach_port_t task, thread; /* the present victim's; null: none */
    bool stop;
    unsigned ended; /* callers that are done */
} dying;

static void victim(uint64_t arg)
{
    (void)arg;
    for (;;)
        sim_step();
}

/* Ask for everything that a space can do. It may say that there is no such task any more. */
static void use_space(mach_port_t task)
{
    natural_t out, names[FEW], types[FEW];
    mach_msg_type_number_t n;
    mach_port_t port;
    mach_port_context_t context;

    (void)mach_port_type(task, NOBODY, &out);
    (void)mach_port_rename(task, NOBODY, NOBODY + 256);
    (void)mach_port_destroy(task, NOBODY);
    (void)mach_port_get_refs(task, NOBODY, MACH_PORT_RIGHT_SEND, &out);
    (void)mach_port_mod_refs(task, NOBODY, MACH_PORT_RIGHT_SEND, 1);
    (void)mach_port_kernel_object(task, NOBODY, &out, &out);
    (void)mach_port_get_srights(task, NOBODY, &out);
    (void)mach_port_insert_member(task, NOBODY, NOBODY);
    (void)user_set_members(task, NOBODY, names, FEW, &n);
    (void)mach_port_get_context(task, NOBODY, &context);
    (void)user_port_names(task, names, types, FEW, &n);
    (void)mach_port_extract_right(task, NOBODY, MACH_MSG_TYPE_MAKE_SEND, &port, &out);
    (void)mach_port_insert_right(task, NOBODY, t.port, MACH_MSG_TYPE_MAKE_SEND);
    (void)mach_port_request_notification(task, NOBODY, MACH_NOTIFY_DEAD_NAME, 1, t.other,
                                         MACH_MSG_TYPE_MAKE_SEND_ONCE, &port);
}

static void use_task(mach_port_t task)
{
    mach_port_t port;
    mach_vm_address_t va = 0;

    if (task_suspend(task) == KERN_SUCCESS)
        (void)task_resume(task);
    if (thread_create(task, &port) == KERN_SUCCESS)
        (void)mach_port_deallocate(t.task, port);
    if (task_get_special_port(task, TASK_KERNEL_PORT, &port) == KERN_SUCCESS)
        (void)mach_port_deallocate(t.task, port);
    (void)task_set_special_port(task, TASK_BOOTSTRAP_PORT, t.port);
    (void)task_set_exception_ports(task, EXC_MASK_SOFTWARE, t.port, EXCEPTION_DEFAULT, 0);
    (void)mach_vm_allocate(task, &va, 4096, VM_FLAGS_ANYWHERE);
}

static void use_thread(mach_port_t thread)
{
    natural_t state[RISCV64_THREAD_STATE_COUNT];
    mach_msg_type_number_t n = RISCV64_THREAD_STATE_COUNT;
    mach_port_t port;

    if (thread_suspend(thread) == KERN_SUCCESS) {
        if (thread_get_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, &n) == KERN_SUCCESS)
            (void)thread_set_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, n);
        (void)thread_resume(thread);
    }
    (void)thread_abort(thread);
    if (thread_get_special_port(thread, THREAD_KERNEL_PORT, &port) == KERN_SUCCESS)
        (void)mach_port_deallocate(t.task, port);
    (void)thread_set_exception_ports(thread, EXC_MASK_SOFTWARE, t.port, EXCEPTION_DEFAULT, 0);
}

static void caller(uint64_t which)
{
    while (!__atomic_load_n(&dying.stop, __ATOMIC_ACQUIRE)) {
        mach_port_t task = __atomic_load_n(&dying.task, __ATOMIC_ACQUIRE);
        if (task != MACH_PORT_NULL && which == 0)
            use_space(task);
        else if (task != MACH_PORT_NULL && which == 1)
            use_task(task);
        else if (task != MACH_PORT_NULL)
            use_thread(__atomic_load_n(&dying.thread, __ATOMIC_RELAXED));
        user_yield();
    }
    __atomic_fetch_add(&dying.ended, 1, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* Tasks that end while others use them, their names and their threads. */
static void dying_objects(uint64_t arg)
{
    begin(arg);
    memset(&dying, 0, sizeof dying);
    for (uint64_t which = 0; which < 3; which++)
        EXPECT(user_thread_start(t.task, caller, which, NULL), KERN_SUCCESS);
    for (unsigned i = 0; i < VICTIMS; i++) {
        mach_port_t task, thread;
        EXPECT(task_create(t.task, i % 2, &task), KERN_SUCCESS);
        EXPECT(user_thread_start(task, victim, 0, &thread), KERN_SUCCESS);
        __atomic_store_n(&dying.thread, thread, __ATOMIC_RELAXED);
        __atomic_store_n(&dying.task, task, __ATOMIC_RELEASE);
        for (uint64_t steps = sim_random() % 64; steps > 0; steps--)
            user_yield();
        EXPECT(task_terminate(task), KERN_SUCCESS);
        __atomic_store_n(&dying.task, MACH_PORT_NULL, __ATOMIC_RELEASE);
        user_sleep(1);
        EXPECT(mach_port_deallocate(t.task, thread), KERN_SUCCESS);
        EXPECT(mach_port_deallocate(t.task, task), KERN_SUCCESS);
    }
    __atomic_store_n(&dying.stop, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(&dying.ended, __ATOMIC_ACQUIRE) < 3)
        user_yield();
    user_power_off(t.host_priv);
}

/* ---- Answers to exceptions that are none ---- */

enum answer { ANSWER_OTHER_ID, ANSWER_SHORT, ANSWER_BAD_PC, ANSWERS };

union exception_message {
    mach_msg_header_t head;
    uint8_t space[2048];
};

struct state_answer {
    mach_msg_header_t head;
    NDR_record_t ndr;
    kern_return_t code;
    int flavor;
    mach_msg_type_number_t count;
    natural_t state[RISCV64_THREAD_STATE_COUNT];
};

static void victim_breaks(uint64_t arg)
{
    (void)arg;
    sim_exception(EXC_BREAKPOINT, 1, 2);
    sim_fail("a nonsensical answer was taken");
}

static void answer_badly(const mach_msg_header_t *request_head, enum answer how)
{
    struct state_answer a = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
                 .msgh_size = sizeof a,
                 .msgh_remote_port = request_head->msgh_remote_port,
                 .msgh_id = request_head->msgh_id + 100},
        .flavor = THREAD_STATE_FLAVOR_GENERAL,
        .count = RISCV64_THREAD_STATE_COUNT,
    };

    memset(a.state, 0xff, sizeof a.state); /* pc among them */
    if (how == ANSWER_OTHER_ID)
        a.head.msgh_id = 4711;
    if (how == ANSWER_SHORT)
        a.head.msgh_size = sizeof(mach_msg_header_t);
    EXPECT(mach_msg(&a.head, MACH_SEND_MSG, a.head.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
           MACH_MSG_SUCCESS);
}

static void until_dead(mach_port_t task)
{
    natural_t type;

    do {
        user_sleep(1);
        EXPECT(mach_port_type(t.task, task, &type), KERN_SUCCESS);
    } while ((type & MACH_PORT_TYPE_DEAD_NAME) == 0);
}

/* The task whose exception is not handled ends. */
static void bad_answers(uint64_t arg)
{
    static union exception_message m;

    begin(arg);
    for (enum answer how = 0; how < ANSWERS; how++) {
        mach_port_t task, thread;
        EXPECT(task_create(t.task, false, &task), KERN_SUCCESS);
        EXPECT(task_set_exception_ports(task, EXC_MASK_BREAKPOINT, t.port, EXCEPTION_STATE,
                                        THREAD_STATE_FLAVOR_GENERAL),
               KERN_SUCCESS);
        EXPECT(user_thread_start(task, victim_breaks, 0, &thread), KERN_SUCCESS);
        EXPECT(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof m, t.port, 0, MACH_PORT_NULL), MACH_MSG_SUCCESS);
        answer_badly(&m.head, how);
        until_dead(task);
    }
    user_power_off(t.host_priv);
}

/* Send a message to ourselves. Returns: its trailer. */
static mach_msg_max_trailer_t trailer_of_own(void)
{
    struct {
        mach_msg_header_t head;
        mach_msg_max_trailer_t trailer;
    } m = {.head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_remote_port = t.port}};

    EXPECT(mach_msg(&m.head, MACH_SEND_MSG, sizeof m.head, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
           MACH_MSG_SUCCESS);
    EXPECT(mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX), 0, sizeof m,
                    t.port, 0, MACH_PORT_NULL),
           MACH_MSG_SUCCESS);
    return m.trailer;
}

/* Tokens that the holder of the privileged host port gives to a task are in its messages and go to its children. */
static void tokens(uint64_t arg)
{
    const security_token_t security = {{11, 12}};
    const audit_token_t audit = {{21, 22, 23, 24, 25, 26, 27, 28}};
    audit_token_t told = {{0}};
    mach_port_t child;

    begin(arg);
    EXPECT(host_security_set_task_token(t.host, t.task, security, audit), KERN_INVALID_HOST);
    EXPECT(host_security_set_task_token(t.host_priv, t.port, security, audit), KERN_INVALID_TASK);
    SIM_CHECK(trailer_of_own().msgh_sender.val[0] == 0);
    EXPECT(host_security_set_task_token(t.host_priv, t.task, security, audit), KERN_SUCCESS);
    const mach_msg_max_trailer_t trailer = trailer_of_own();
    SIM_CHECK(memcmp(&trailer.msgh_sender, &security, sizeof security) == 0);
    SIM_CHECK(memcmp(&trailer.msgh_audit, &audit, sizeof audit) == 0);
    EXPECT(task_create(t.task, false, &child), KERN_SUCCESS);
    count = TASK_AUDIT_TOKEN_COUNT;
    EXPECT(task_info(child, TASK_AUDIT_TOKEN, (task_info_t)&told, &count), KERN_SUCCESS);
    SIM_CHECK(memcmp(&told, &audit, sizeof audit) == 0);
    EXPECT(task_terminate(child), KERN_SUCCESS);
    user_power_off(t.host_priv);
}

/* An exception that nobody else takes goes to the host's handler; without one the task ends. */
static void host_handler(uint64_t arg)
{
    static union exception_message m;
    exception_mask_t masks[EXC_TYPES_COUNT];
    mach_port_t handlers[EXC_TYPES_COUNT], task;
    int behaviors[EXC_TYPES_COUNT], flavors[EXC_TYPES_COUNT];

    begin(arg);
    EXPECT(host_set_exception_ports(t.host, EXC_MASK_BREAKPOINT, t.port, EXCEPTION_STATE,
                                    THREAD_STATE_FLAVOR_GENERAL),
           KERN_INVALID_HOST);
    EXPECT(host_set_exception_ports(t.host_priv, EXC_MASK_BREAKPOINT, t.port, EXCEPTION_STATE,
                                    THREAD_STATE_FLAVOR_GENERAL),
           KERN_SUCCESS);
    EXPECT(task_create(t.task, false, &task), KERN_SUCCESS);
    EXPECT(user_thread_start(task, victim_breaks, 0, NULL), KERN_SUCCESS);
    EXPECT(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof m, t.port, 0, MACH_PORT_NULL), MACH_MSG_SUCCESS);
    count = EXC_TYPES_COUNT;
    EXPECT(host_swap_exception_ports(t.host_priv, EXC_MASK_BREAKPOINT, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0,
                                     masks, &count, handlers, behaviors, flavors),
           KERN_SUCCESS);
    SIM_CHECK(count == 1 && handlers[0] == t.port && masks[0] == EXC_MASK_BREAKPOINT &&
              behaviors[0] == EXCEPTION_STATE);
    answer_badly(&m.head, ANSWER_OTHER_ID);
    until_dead(task);
    count = EXC_TYPES_COUNT;
    EXPECT(host_get_exception_ports(t.host_priv, EXC_MASK_BREAKPOINT, masks, &count, handlers, behaviors,
                                    flavors),
           KERN_SUCCESS);
    SIM_CHECK(count == 1 && handlers[0] == MACH_PORT_NULL);
    user_power_off(t.host_priv);
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
    {.name = "dying-objects", .program = dying_objects},
    {.name = "bad-answers", .program = bad_answers},
    {.name = "tokens", .program = tokens},
    {.name = "host-handler", .program = host_handler},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
