/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of the kernel's services that no program can cause at will: want of memory, a table of names that is full, a task or thread
 * that ended while it was called.  The routines are called directly, at a moment when no CPU is in the kernel.
 */
#include "unit.h"

#include <ipc/kmsg.h>
#include <ipc/port.h>
#include <ipc/right.h>
#include <ipc/space.h>
#include <kern/host.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/host_priv_server.h>
#include <mach/host_security_server.h>
#include <mach/mach_host_server.h>
#include <mach/mach_port_server.h>
#include <mach/mach_vm_server.h>
#include <mach/notify.h>
#include <mach/portolan_server.h>
#include <mach/processor_info.h>
#include <mach/task_server.h>
#include <mach/thread_act_server.h>
#include <mach_debug/ipc_info.h>
#include <vm/vm_map_copy.h>

#define FREE_NAME (77u << 8)
#define MEMORY (UINT64_C(64) << 20)

/* The first request for memory that the call makes fails, if there is to be want of memory. */
#define EXPECT(call, code)                                                                                   \
    do {                                                                                                     \
        sim_failures_arm();                                                                                  \
        kern_return_t expect_kr = (call);                                                                    \
        sim_failures_disarm();                                                                               \
        if (expect_kr != (code))                                                                             \
            sim_fail("%s:%d: %s: %d", __FILE__, __LINE__, #call, expect_kr);                                 \
    } while (0)

static struct task *task;
static mach_port_name_t name, set;

static struct ipc_port *out_port;
static struct ipc_port **out_ports;
static mach_msg_type_number_t count, more;

/* A task with a receive right and a set. */
static void begin(void)
{
    SIM_CHECK(task_create_from(thread_current()->task, false, &task) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(task->space, MACH_PORT_RIGHT_RECEIVE, &name) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(task->space, MACH_PORT_RIGHT_PORT_SET, &set) == KERN_SUCCESS);
}

static struct ipc_port *send_once(void)
{
    struct ipc_port *port = NULL;
    mach_msg_type_name_t type;

    SIM_CHECK(mach_port_extract_right(task->space, name, MACH_MSG_TYPE_MAKE_SEND_ONCE, &port, &type) ==
              KERN_SUCCESS);
    return port;
}

/* ---- Want of memory ---- */

static void shortage_of_names(void)
{
    const mach_port_name_t far = 9000u << 8; /* where there is no table yet */
    struct ipc_port *right;
    ipc_info_space_t info;
    ipc_info_name_array_t table;
    ipc_info_tree_name_array_t tree;
    mach_port_name_array_t names;
    mach_port_type_array_t types;

    begin();
    right = send_once();
    EXPECT(mach_port_names(task->space, &names, &count, &types, &more), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_space_info(task->space, &info, &table, &count, &tree, &more), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_allocate(task->space, MACH_PORT_RIGHT_RECEIVE, &name), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_allocate(task->space, MACH_PORT_RIGHT_PORT_SET, &name), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_construct(task->space, (uint64_t[3]){0}, 0, &name), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_allocate_name(task->space, MACH_PORT_RIGHT_RECEIVE, far), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_allocate_name(task->space, MACH_PORT_RIGHT_DEAD_NAME, far), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_rename(task->space, set, far), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_insert_right(task->space, far, right, MACH_MSG_TYPE_PORT_SEND_ONCE),
           KERN_RESOURCE_SHORTAGE);
}

static void shortage_of_members(void)
{
    mach_port_name_array_t members;
    mach_port_name_t other;

    begin();
    EXPECT(mach_port_insert_member(task->space, name, set), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_move_member(task->space, name, set), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_port_extract_member(task->space, name, set), KERN_NOT_IN_SET);
    SIM_CHECK(mach_port_insert_member(task->space, name, set) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(task->space, MACH_PORT_RIGHT_PORT_SET, &other) == KERN_SUCCESS);
    EXPECT(mach_port_move_member(task->space, name, other), KERN_RESOURCE_SHORTAGE);
    SIM_CHECK(mach_port_insert_member(task->space, name, set) == KERN_ALREADY_IN_SET); /* where it was */
    EXPECT(mach_port_get_set_status(task->space, set, &members, &count), KERN_RESOURCE_SHORTAGE);
    /* limit: memory for a notification */
    EXPECT(
        mach_port_request_notification(task->space, name, MACH_NOTIFY_DEAD_NAME, 0, send_once(), &out_port),
        KERN_RESOURCE_SHORTAGE);
}

/* What is given back to a pager needs a message, even if it turns out that there is nothing. */
static void shortage_of_pages(void)
{
    struct ipc_port *pager = NULL;
    mach_msg_type_name_t type;
    mach_vm_address_t at = 0;

    begin();
    SIM_CHECK(mach_port_extract_right(task->space, name, MACH_MSG_TYPE_MAKE_SEND, &pager, &type) ==
              KERN_SUCCESS);
    SIM_CHECK(mach_vm_map(task->map, &at, HAL_PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, pager, 0, FALSE,
                          VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_NONE) == KERN_SUCCESS);
    EXPECT(mach_vm_msync(task->map, at, HAL_PAGE_SIZE, VM_SYNC_ASYNCHRONOUS), KERN_RESOURCE_SHORTAGE);
}

static void shortage_of_objects(void)
{
    processor_info_array_t list;
    natural_t state = 0, number;
    struct thread *thread;
    struct task *child;

    begin();
    EXPECT(task_create(task, FALSE, &child), KERN_RESOURCE_SHORTAGE);
    EXPECT(task_create(task, TRUE, &child), KERN_RESOURCE_SHORTAGE);
    EXPECT(thread_create(task, &thread), KERN_RESOURCE_SHORTAGE);
    EXPECT(thread_create_running(task, THREAD_STATE_FLAVOR_GENERAL, &state, 1, &thread),
           KERN_RESOURCE_SHORTAGE);
    SIM_CHECK(thread_create(task, &thread) == KERN_SUCCESS);
    EXPECT(task_threads(task, &out_ports, &count), KERN_RESOURCE_SHORTAGE);
    EXPECT(mach_ports_lookup(task, &out_ports, &count), KERN_RESOURCE_SHORTAGE);
    EXPECT(host_processor_info(&host_self, PROCESSOR_BASIC_INFO, &number, &list, &count),
           KERN_RESOURCE_SHORTAGE);
}

/* ---- A full table ---- */

/* As if every other index was in use. */
static void full_space(void)
{
    mach_port_name_t fresh;

    begin();
    spin_lock(&task->space->lock);
    uint32_t used = task->space->used;
    task->space->used = IPC_SPACE_NAMES_MAX;
    spin_unlock(&task->space->lock);
    EXPECT(mach_port_allocate(task->space, MACH_PORT_RIGHT_RECEIVE, &fresh), KERN_NO_SPACE);
    EXPECT(mach_port_allocate(task->space, MACH_PORT_RIGHT_PORT_SET, &fresh), KERN_NO_SPACE);
    EXPECT(mach_port_construct(task->space, (uint64_t[3]){0}, 0, &fresh), KERN_NO_SPACE);
    EXPECT(mach_port_allocate_name(task->space, MACH_PORT_RIGHT_RECEIVE, FREE_NAME), KERN_NO_SPACE);
    EXPECT(mach_port_allocate_name(task->space, MACH_PORT_RIGHT_DEAD_NAME, FREE_NAME), KERN_NO_SPACE);
    EXPECT(mach_port_rename(task->space, name, FREE_NAME), KERN_NO_SPACE);
    EXPECT(mach_port_insert_right(task->space, FREE_NAME, send_once(), MACH_MSG_TYPE_PORT_SEND_ONCE),
           KERN_NO_SPACE);
    spin_lock(&task->space->lock);
    task->space->used = used;
    spin_unlock(&task->space->lock);
    EXPECT(mach_port_allocate(task->space, MACH_PORT_RIGHT_RECEIVE, &fresh), KERN_SUCCESS);
}

/* ---- Messages ---- */

/* A message with a reply right and one right in the body, both to `name`, as the kernel has it. */
static struct ipc_kmsg *message_with_rights(void)
{
    struct ipc_kmsg *kmsg =
        ipc_kmsg_alloc_unpaid(sizeof(mach_msg_base_t) + sizeof(mach_msg_port_descriptor_t));

    SIM_CHECK(kmsg != NULL && ipc_kmsg_alloc_ports(kmsg, 1) == KERN_SUCCESS);
    kmsg->head = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE) | MACH_MSGH_BITS_COMPLEX,
        .msgh_size = sizeof(mach_msg_base_t) + sizeof(mach_msg_port_descriptor_t)};
    kmsg->body.msgh_descriptor_count = 1;
    ipc_kmsg_descriptors(kmsg)->port = (mach_msg_port_descriptor_t){
        .disposition = MACH_MSG_TYPE_PORT_SEND_ONCE, .type = MACH_MSG_PORT_DESCRIPTOR};
    kmsg->local = send_once();
    kmsg->port[0] = send_once();
    return kmsg;
}

/* Rights for which there is no name are released, and their names are null. */
static void check_nameless(struct ipc_kmsg *kmsg)
{
    SIM_CHECK(kmsg->head.msgh_remote_port == MACH_PORT_NULL);
    SIM_CHECK(ipc_kmsg_descriptors(kmsg)->port.name == MACH_PORT_NULL);
    ipc_kmsg_free(kmsg);
}

static void full_space_receive(void)
{
    begin();
    struct ipc_kmsg *kmsg = message_with_rights();
    task->space->used = IPC_SPACE_NAMES_MAX;
    EXPECT(ipc_kmsg_copyout(task, kmsg, name, NULL), MACH_RCV_HEADER_ERROR | MACH_MSG_IPC_SPACE);
    check_nameless(kmsg);
    task->space->used = 2;
    kmsg = message_with_rights();
    ipc_right_destroy(kmsg->local, MACH_MSG_TYPE_PORT_SEND_ONCE);
    kmsg->local = NULL;
    task->space->used = IPC_SPACE_NAMES_MAX;
    EXPECT(ipc_kmsg_copyout(task, kmsg, name, NULL), MACH_RCV_BODY_ERROR | MACH_MSG_IPC_SPACE);
    check_nameless(kmsg);
}

/* More descriptors than a message has room for by itself. */
/* The list of names is one block while it is made: more than 4 MiB there are not. */
static void long_list(void)
{
    const uint32_t names_max = (4u << 20) / sizeof(ipc_info_name_t);
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    mach_port_name_t dead;

    begin();
    task->ledger->names_max = IPC_SPACE_NAMES_MAX;
    for (uint32_t i = ipc_space_names(task->space); i < names_max; i++)
        SIM_CHECK(mach_port_allocate(task->space, MACH_PORT_RIGHT_DEAD_NAME, &dead) == KERN_SUCCESS);
    SIM_CHECK(mach_port_names(task->space, &names, &count, &types, &more) == KERN_SUCCESS &&
              count == names_max && more == names_max);
    vm_map_copy_discard((struct vm_map_copy *)(void *)names);
    vm_map_copy_discard((struct vm_map_copy *)(void *)types);
    SIM_CHECK(mach_port_allocate(task->space, MACH_PORT_RIGHT_DEAD_NAME, &dead) == KERN_SUCCESS);
    /* limit: names that mach_port_names, mach_port_space_info list */
    EXPECT(mach_port_names(task->space, &names, &count, &types, &more), KERN_RESOURCE_SHORTAGE);
}

static void shortage_of_messages(void)
{
    const uint32_t many = 20;
    const uint32_t size = sizeof(mach_msg_base_t) + many * sizeof(mach_msg_port_descriptor_t);

    begin();
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc_unpaid(size);
    mach_msg_port_descriptor_t *d = (void *)ipc_kmsg_descriptors(kmsg);
    kmsg->head = (mach_msg_header_t){.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND_ONCE, 0) |
                                                  MACH_MSGH_BITS_COMPLEX,
                                     .msgh_size = size,
                                     .msgh_remote_port = name};
    kmsg->body.msgh_descriptor_count = many;
    for (uint32_t i = 0; i < many; i++)
        d[i] = (mach_msg_port_descriptor_t){.disposition = MACH_MSG_TYPE_COPY_SEND,
                                            .type = MACH_MSG_PORT_DESCRIPTOR};
    /* limit: kernel memory for a message */
    EXPECT(ipc_kmsg_copyin(task, kmsg), MACH_SEND_NO_BUFFER);
    ipc_kmsg_free(kmsg);
}

/* ---- Objects that ended ---- */

static exception_mask_t masks[EXC_TYPES_COUNT];
static struct ipc_port *handlers[EXC_TYPES_COUNT];
static exception_behavior_t behaviors[EXC_TYPES_COUNT];
static thread_state_flavor_t flavors[EXC_TYPES_COUNT];
#define OLD masks, &count, handlers, behaviors, flavors

static void ended_task(void)
{
    const exception_mask_t all = EXC_MASK_VALID;
    security_token_t security = {{0, 0}};
    audit_token_t audit = {{0}};
    struct thread *thread;
    natural_t state = 0;

    begin();
    SIM_CHECK(task_terminate(task) == KERN_SUCCESS);
    EXPECT(task_terminate(task), KERN_TERMINATED);
    EXPECT(task_suspend(task), KERN_TERMINATED);
    EXPECT(task_resume(task), KERN_TERMINATED);
    EXPECT(task_get_special_port(task, TASK_KERNEL_PORT, &out_port), KERN_TERMINATED);
    EXPECT(task_set_special_port(task, TASK_BOOTSTRAP_PORT, NULL), KERN_TERMINATED);
    EXPECT(mach_ports_register(task, NULL, 0), KERN_TERMINATED);
    EXPECT(thread_create(task, &thread), KERN_TERMINATED);
    EXPECT(thread_create_running(task, THREAD_STATE_FLAVOR_GENERAL, &state, 1, &thread), KERN_TERMINATED);
    EXPECT(task_set_exception_ports(task, all, NULL, EXCEPTION_DEFAULT, 0), KERN_TERMINATED);
    EXPECT(task_get_exception_ports(task, all, OLD), KERN_TERMINATED);
    EXPECT(task_swap_exception_ports(task, all, NULL, EXCEPTION_DEFAULT, 0, OLD), KERN_TERMINATED);
    EXPECT(host_security_set_task_token(&host_self, task, security, audit), KERN_TERMINATED);
    EXPECT(host_security_set_task_token(&host_self, NULL, security, audit), KERN_INVALID_TASK);
    EXPECT(mach_port_allocate(task->space, MACH_PORT_RIGHT_RECEIVE, &name), KERN_INVALID_TASK);
}

static void ended_thread(void)
{
    const exception_mask_t all = EXC_MASK_VALID;
    struct thread *thread;
    natural_t state[4] = {0};

    begin();
    SIM_CHECK(thread_create(task, &thread) == KERN_SUCCESS);
    SIM_CHECK(thread_terminate(thread) == KERN_SUCCESS);
    EXPECT(thread_suspend(thread), KERN_TERMINATED);
    EXPECT(thread_resume(thread), KERN_TERMINATED);
    spin_lock(&task->lock);
    struct ipc_port *self_port = thread->self_port;
    thread->self_port = NULL;
    spin_unlock(&task->lock);
    spin_lock(&thread->lock);
    uint32_t was = thread->state;
    thread->state = THREAD_DEAD;
    spin_unlock(&thread->lock);
    count = 4;
    EXPECT(thread_get_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, &count), KERN_TERMINATED);
    EXPECT(thread_set_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, 4), KERN_TERMINATED);
    EXPECT(thread_get_special_port(thread, THREAD_KERNEL_PORT, &out_port), KERN_TERMINATED);
    EXPECT(thread_set_exception_ports(thread, all, NULL, EXCEPTION_DEFAULT, 0), KERN_TERMINATED);
    EXPECT(thread_get_exception_ports(thread, all, OLD), KERN_TERMINATED);
    EXPECT(thread_swap_exception_ports(thread, all, NULL, EXCEPTION_DEFAULT, 0, OLD), KERN_TERMINATED);
    thread->state = was;
    thread->self_port = self_port;
}

/* Two threads that want each other's registers: this one, which is itself to stop, gives up. */
static void both_stopping(void)
{
    struct thread *self = thread_current();
    struct thread *thread;
    natural_t state[4] = {0};

    begin();
    SIM_CHECK(thread_create(task, &thread) == KERN_SUCCESS);
    thread->state = THREAD_RUNNING;
    uint32_t ast = self->ast;
    self->ast = THREAD_AST_SUSPEND;
    count = 4;
    EXPECT(thread_get_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, &count), KERN_ABORTED);
    EXPECT(thread_set_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, 4), KERN_ABORTED);
    self->ast = ast;
    thread->state = THREAD_STOPPED;
}

/* ---- The privileged host ---- */

static void host_values(void)
{
    const exception_mask_t all = EXC_MASK_VALID;

    EXPECT(host_set_exception_ports(&host_self, ~0u, NULL, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT);
    EXPECT(host_set_exception_ports(&host_self, all, NULL, 99, 0), KERN_INVALID_ARGUMENT);
    EXPECT(host_get_exception_ports(&host_self, ~0u, OLD), KERN_INVALID_ARGUMENT);
    EXPECT(host_swap_exception_ports(&host_self, all, NULL, EXCEPTION_STATE, 99, OLD), KERN_INVALID_ARGUMENT);
    EXPECT(host_reboot(&host_self, 99), KERN_INVALID_ARGUMENT);
    begin();
    EXPECT(host_set_task_limit(&host_self, NULL, LIMIT_NAMES, 1), KERN_INVALID_TASK);
    EXPECT(host_set_task_limit(&host_self, task, 99, 1), KERN_INVALID_ARGUMENT);
    EXPECT(host_set_task_limit(&host_self, task, LIMIT_NAMES, IPC_SPACE_NAMES_MAX + 1),
           KERN_INVALID_ARGUMENT);
}

static void run(void (*test)(void), bool shortage, const char *name_of_test)
{
    struct sim_config config = sim_config_default();

    config.fail_alloc = shortage;
    config.memory = MEMORY;
    unit_in_kernel(config, test, SIM_FAILED, UNIT_DONE, name_of_test);
}

int main(void)
{
    run(shortage_of_names, true, "want of memory: names");
    run(shortage_of_members, true, "want of memory: members and requests");
    run(shortage_of_objects, true, "want of memory: tasks, threads, lists");
    run(shortage_of_pages, true, "want of memory: pages that are given back");
    run(full_space, false, "a full table of names");
    run(full_space_receive, false, "a full table of names: a message");
    run(long_list, false, "a list of names that is too long");
    run(shortage_of_messages, true, "want of memory: a message");
    run(ended_task, false, "a task that ended");
    run(ended_thread, false, "a thread that ended");
    run(both_stopping, false, "two threads that stop each other");
    run(host_values, false, "the privileged host");
    return unit_end();
}
