/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of a task: who takes too much of something gets the error, keeps what it has, and harms nobody else.  Each flood
 * runs in a child whose limit of memory is low, so that it is over soon; what holds for that holds for the limits that tasks have
 * by themselves (abuse_exhaustion.c).
 */
#include "lib/guard.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PARENT TEST_CHILD_PORT(0)
#define GO TEST_CHILD_PORT(1)
#define ROOM (UINT64_C(2) << 20) /* bytes that a flood may take */
#define MANY 66000u              /* messages: more than 16 bits count */
#define MESSAGE 300u             /* bytes that a small message takes at most */
#define NEVER (1u << 20)

static struct task_limits_info limits_of(task_t task)
{
    struct task_limits_info info;
    mach_msg_type_number_t count = TASK_LIMITS_INFO_COUNT;

    REQUIRE_OK(task_info(task, TASK_LIMITS_INFO, (task_info_t)&info, &count));
    REQUIRE(count == TASK_LIMITS_INFO_COUNT);
    return info;
}

/* What the task has of memory, and ROOM: not more from now on. */
static void limit_memory(void)
{
    struct task_limits_info info = limits_of(SELF);

    REQUIRE_OK(task_set_limit(SELF, LIMIT_MEMORY, info.memory + info.memory_below + ROOM));
}

/* --- floods: each takes one thing more, and returns KERN_SUCCESS, or why it can't --- */

static mach_port_t some_port;

static kern_return_t flood_ports(unsigned i)
{
    mach_port_t name;

    (void)i;
    return mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name);
}

static kern_return_t flood_sets(unsigned i)
{
    mach_port_t name;

    (void)i;
    return mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &name);
}

static kern_return_t flood_dead_names(unsigned i)
{
    mach_port_t name;

    (void)i;
    return mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &name);
}

/* Every port is a member of every set. */
static kern_return_t flood_members(unsigned i)
{
    static mach_port_t set[64];
    static mach_port_t port;
    kern_return_t kr = KERN_SUCCESS;

    if (i < 64)
        return mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set[i]);
    if (i % 64 == 0)
        kr = mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &port);
    return kr == KERN_SUCCESS ? mach_port_insert_member(SELF, port, set[i % 64]) : kr;
}

static kern_return_t flood_requests(unsigned i)
{
    mach_port_t name, previous;
    kern_return_t kr = mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name);

    (void)i;
    if (kr != KERN_SUCCESS)
        return kr;
    return mach_port_request_notification(SELF, name, MACH_NOTIFY_DEAD_NAME, 0, some_port,
                                          MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
}

/* Neighbours that are not alike stay entries of their own. */
static kern_return_t flood_ranges(unsigned i)
{
    mach_vm_address_t at = 0;
    kern_return_t kr = mach_vm_allocate(SELF, &at, PAGE_SIZE, VM_FLAGS_ANYWHERE);

    if (kr == KERN_SUCCESS && i % 2 != 0)
        kr = mach_vm_protect(SELF, at, PAGE_SIZE, FALSE, VM_PROT_READ);
    return kr;
}

/* The kernel writes a page for us: without an exception. */
static kern_return_t flood_pages(unsigned i)
{
    static mach_vm_address_t base;
    uint8_t byte = 1;

    if (i == 0)
        return mach_vm_allocate(SELF, &base, (mach_vm_size_t)NEVER * PAGE_SIZE, VM_FLAGS_ANYWHERE);
    return mach_vm_write_inband(SELF, base + (mach_vm_address_t)i * PAGE_SIZE, &byte, 1);
}

/* Pages, and then a copy of them that is written: as long as it is only read it takes none. */
static kern_return_t flood_copies(unsigned i)
{
    const unsigned pages = ROOM / PAGE_SIZE / 4 * 3;
    static mach_vm_address_t base;
    static vm_offset_t copy;
    mach_msg_type_number_t size;
    uint8_t byte = 1;

    if (i == 0)
        return mach_vm_allocate(SELF, &base, (mach_vm_size_t)pages * PAGE_SIZE, VM_FLAGS_ANYWHERE);
    if (i <= pages)
        return mach_vm_write_inband(SELF, base + (i - 1) * PAGE_SIZE, &byte, 1);
    if (i == pages + 1)
        return mach_vm_read(SELF, base, (mach_vm_size_t)pages * PAGE_SIZE, &copy, &size);
    if (i > 2 * pages + 1)
        return KERN_FAILURE;
    return mach_vm_write_inband(SELF, copy + (i - pages - 2) * PAGE_SIZE, &byte, 1);
}

/* A page table for each page. */
static kern_return_t flood_tables(unsigned i)
{
    static mach_vm_address_t base;
    const mach_vm_size_t far = (mach_vm_size_t)2 << 20;
    mach_vm_size_t size;

    if (i == 0)
        return mach_vm_allocate(SELF, &base, far * 4096, VM_FLAGS_ANYWHERE);
    if (i == 4096)
        return KERN_FAILURE;
    return mach_vm_read_overwrite(SELF, base, 1, base + far * i, &size);
}

static kern_return_t flood_threads(unsigned i)
{
    thread_act_t thread;

    (void)i;
    return thread_create(SELF, &thread);
}

/* Tasks without threads end when they are told to. */
static task_t tasks[4096];

static kern_return_t flood_tasks(unsigned i)
{
    return i < 4096 ? task_create(SELF, FALSE, &tasks[i]) : KERN_FAILURE;
}

/* Over a send-once right a message is queued whatever the length of the queue. */
static kern_return_t flood_messages(unsigned i)
{
    return test_send(some_port, MACH_MSG_TYPE_MAKE_SEND_ONCE, (mach_msg_id_t)i, 0);
}

static kern_return_t flood_memory_in_messages(unsigned i)
{
    static uint8_t memory[4 * PAGE_SIZE];
    uint8_t byte = 1;
    struct {
        mach_msg_base_t base;
        mach_msg_ool_descriptor_t ool;
    } m = {
        .base.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND_ONCE, 0) | MACH_MSGH_BITS_COMPLEX,
                        .msgh_size = sizeof(m),
                        .msgh_remote_port = some_port},
        .base.body.msgh_descriptor_count = 1,
        .ool = {.type = MACH_MSG_OOL_DESCRIPTOR, .address = memory + i % 100, .size = 3 * PAGE_SIZE},
    };

    /* by the kernel: the page for it may be what is one too many */
    if (mach_vm_write_inband(SELF, (mach_vm_address_t)(uintptr_t)&memory[i % 4 * PAGE_SIZE], &byte, 1) !=
        KERN_SUCCESS)
        return MACH_SEND_NO_BUFFER;
    return mach_msg(&m.base.header, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static kern_return_t flood_rights_in_messages(unsigned i)
{
    static mach_port_t names[512];
    struct {
        mach_msg_base_t base;
        mach_msg_ool_ports_descriptor_t ool;
    } m = {
        .base.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND_ONCE, 0) | MACH_MSGH_BITS_COMPLEX,
                        .msgh_size = sizeof(m),
                        .msgh_remote_port = some_port},
        .base.body.msgh_descriptor_count = 1,
        .ool = {.type = MACH_MSG_OOL_PORTS_DESCRIPTOR,
                .address = names,
                .count = 512,
                .disposition = MACH_MSG_TYPE_COPY_SEND},
    };

    (void)i;
    return mach_msg(&m.base.header, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

/* Answers of the kernel that nobody receives. */
static kern_return_t flood_answers(unsigned i)
{
    struct {
        mach_msg_header_t head;
    } m = {.head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                    .msgh_size = sizeof(m),
                    .msgh_remote_port = SELF,
                    .msgh_local_port = some_port,
                    .msgh_id = 3402 /* task_threads: with an array */}};

    (void)i;
    return mach_msg(&m.head, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

/* --- a flood and its end --- */

static kern_return_t (*flood)(unsigned);
static kern_return_t expected;

/* Until it fails; then tell the parent, which takes some memory: the flood gives back what it kept for that. */
static void child_floods(void)
{
    mach_vm_address_t spare = 0;
    unsigned i = 0;
    kern_return_t kr;

    REQUIRE_OK(mach_vm_allocate(SELF, &spare, 16 * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    for (unsigned page = 0; page < 16; page++)
        *(volatile uint8_t *)(spare + page * PAGE_SIZE) = 1;
    /* a range by itself, so that nothing must be split to give it back */
    REQUIRE_OK(mach_vm_inherit(SELF, spare, 16 * PAGE_SIZE, VM_INHERIT_NONE));
    some_port = test_port_send();
    struct task_limits_info before = limits_of(SELF);
    limit_memory();
    do
        kr = flood(i++);
    while (kr == KERN_SUCCESS && i < NEVER);
    REQUIRE_OK(mach_vm_deallocate(SELF, spare, 16 * PAGE_SIZE));
    struct task_limits_info info = limits_of(SELF);
    bool inside = info.memory + info.memory_below <= info.memory_limit &&
                  info.memory + info.memory_below + ROOM / 2 > before.memory + before.memory_below;
    /* what was made may find no memory for its name */
    bool refused = kr == expected || kr == (MACH_RCV_BODY_ERROR | MACH_MSG_IPC_KERNEL);
    int result = refused && i > 8 && inside ? 1 : 2000 + kr;
    REQUIRE_OK(test_send(PARENT, MACH_MSG_TYPE_COPY_SEND, result, 0));
    struct test_message m;
    (void)test_receive(GO, &m, sizeof(m), 2 * TEST_SOON_MS);
    for (i = 0; i < 4096 && tasks[i] != MACH_PORT_NULL; i++)
        (void)task_terminate(tasks[i]);
}

/* This task goes on: it makes ports, memory, a thread, and talks. */
static bool others_go_on(void)
{
    mach_port_t port = test_port_send();
    mach_vm_address_t memory = 0;
    thread_act_t thread;
    bool good =
        test_send(port, MACH_MSG_TYPE_COPY_SEND, 7, 4) == MACH_MSG_SUCCESS && test_receive_id(port, 7);

    good = good && mach_vm_allocate(SELF, &memory, 64 * PAGE_SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS;
    for (unsigned i = 0; good && i < 64; i++)
        *(volatile uint8_t *)(memory + i * PAGE_SIZE) = 1;
    good = good && mach_vm_deallocate(SELF, memory, 64 * PAGE_SIZE) == KERN_SUCCESS;
    good = good && thread_create(SELF, &thread) == KERN_SUCCESS && thread_terminate(thread) == KERN_SUCCESS &&
           mach_port_deallocate(SELF, thread) == KERN_SUCCESS;
    test_port_destroy(port);
    return good;
}

static void check_flood(kern_return_t (*function)(unsigned), kern_return_t error, const char *text)
{
    mach_port_t port = test_port();
    mach_port_t go = test_port_send();
    const struct test_right rights[] = {{port, MACH_MSG_TYPE_MAKE_SEND}, {go, MACH_MSG_TYPE_MOVE_RECEIVE}};
    struct test_message m;

    flood = function;
    expected = error;
    task_t task = test_child(child_floods, rights, 2);
    bool told = test_receive(port, &m, sizeof(m), 2 * TEST_SOON_MS) == MACH_MSG_SUCCESS;
    CHECK_EQUAL(told ? m.header.msgh_id : 0, 1, text);
    CHECK(others_go_on(), "and another task goes on");
    REQUIRE_OK(test_send(go, MACH_MSG_TYPE_MOVE_SEND, 0, 0));
    REQUIRE(test_child_wait(task));
    test_port_destroy(port);
}

static void test_floods(void)
{
    const kern_return_t shortage = KERN_RESOURCE_SHORTAGE;

    check_flood(flood_ports, shortage, "ports");
    check_flood(flood_sets, shortage, "port sets");
    check_flood(flood_dead_names, shortage, "dead names");
    check_flood(flood_members, shortage, "memberships");
    check_flood(flood_requests, shortage, "requests for notifications");
    check_flood(flood_ranges, shortage, "ranges of memory");
    /* limit: memory: pages */
    check_flood(flood_pages, shortage, "pages");
    /* limit: first write to a page shared with a copy */
    check_flood(flood_copies, shortage, "copies that are written");
    check_flood(flood_tables, shortage, "page tables");
    check_flood(flood_threads, shortage, "threads");
    /* limit: tasks */
    check_flood(flood_tasks, shortage, "tasks");
    check_flood(flood_messages, MACH_SEND_NO_BUFFER, "messages to itself");
    check_flood(flood_memory_in_messages, MACH_SEND_NO_BUFFER, "memory in messages");
    check_flood(flood_rights_in_messages, MACH_SEND_NO_BUFFER, "arrays of rights in messages");
    check_flood(flood_answers, MACH_SEND_NO_BUFFER, "answers of the kernel");
}

/* --- the limits themselves --- */

static void test_names(void)
{
    mach_port_t name[4], previous = limits_of(SELF).names;
    struct task_limits_info info = limits_of(SELF);

    CHECK(info.names > 0 && info.names_limit == (1u << 20), "names are told, and their limit");
    CHECK_RESULT(task_set_limit(SELF, LIMIT_NAMES, previous + 3), KERN_SUCCESS, "a limit is lowered");
    for (unsigned i = 0; i < 3; i++)
        REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name[i]));
    /* limit: names */
    CHECK_RESULT(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name[3]), KERN_NO_SPACE,
                 "there are no more names than that");
    CHECK_EQUAL(limits_of(SELF).names, previous + 3, "all of them are counted");
    test_port_destroy(name[0]);
    CHECK_RESULT(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name[0]), KERN_SUCCESS,
                 "one that is given back can be had again");
    for (unsigned i = 0; i < 3; i++)
        test_port_destroy(name[i]);
}

static void test_threads(void)
{
    thread_act_t thread[3];

    REQUIRE_OK(task_set_limit(SELF, LIMIT_THREADS, limits_of(SELF).threads + 2));
    for (unsigned i = 0; i < 2; i++)
        REQUIRE_OK(thread_create(SELF, &thread[i]));
    /* limit: threads */
    CHECK_RESULT(thread_create(SELF, &thread[2]), KERN_RESOURCE_SHORTAGE,
                 "there are no more threads than that");
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_OK(thread_terminate(thread[i]));
        REQUIRE_OK(mach_port_deallocate(SELF, thread[i]));
    }
}

static void test_messages(void)
{
    mach_port_t port = test_port_send();
    struct test_message m;
    unsigned sent = 0;

    /* limit: bytes of messages */
    REQUIRE_OK(task_set_limit(SELF, LIMIT_MESSAGES, (uint64_t)MANY * MESSAGE));
    while (sent < MANY &&
           test_send(port, MACH_MSG_TYPE_MAKE_SEND_ONCE, (mach_msg_id_t)sent, 0) == MACH_MSG_SUCCESS)
        sent++;
    CHECK_EQUAL(sent, MANY, "many messages over send-once rights");
    CHECK_EQUAL(test_status(port).mps_msgcount, MANY, "all of them are counted");
    CHECK_EQUAL(limits_of(SELF).messages >= MANY * sizeof(mach_msg_header_t), 1, "and their bytes");
    CHECK(test_receive(port, &m, sizeof(m), 0) == MACH_MSG_SUCCESS && m.header.msgh_id == 0,
          "the first comes first");
    REQUIRE_OK(task_set_limit(SELF, LIMIT_MESSAGES, limits_of(SELF).messages));
    mach_msg_return_t mr = MACH_MSG_SUCCESS;
    for (sent = 0; sent < 1000 && mr == MACH_MSG_SUCCESS; sent++)
        mr = test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, TEST_WORDS);
    CHECK_RESULT(mr, MACH_SEND_NO_BUFFER, "at the limit no message is sent");
    CHECK_EQUAL(test_refs(port, MACH_PORT_RIGHT_SEND), 1, "and the right is as it was");
    test_port_destroy(port);
    CHECK(limits_of(SELF).messages < MANY, "a port that is destroyed gives back what waited there");
}

static void test_set(void)
{
    struct task_limits_info info = limits_of(SELF);

    CHECK_RESULT(task_set_limit(SELF, LIMIT_MEMORY, info.memory_limit + 1), KERN_POLICY_LIMIT,
                 "a limit of memory is not raised");
    CHECK_RESULT(task_set_limit(SELF, LIMIT_MESSAGES, info.messages_limit + 1), KERN_POLICY_LIMIT,
                 "nor one of messages");
    CHECK_RESULT(task_set_limit(SELF, LIMIT_NAMES, (uint64_t)info.names_limit + 1), KERN_POLICY_LIMIT,
                 "of names");
    CHECK_RESULT(task_set_limit(SELF, LIMIT_THREADS, UINT64_MAX), KERN_POLICY_LIMIT, "of threads");
    CHECK_RESULT(task_set_limit(SELF, 0, 0), KERN_INVALID_ARGUMENT, "there is no limit 0");
    CHECK_RESULT(task_set_limit(SELF, LIMIT_THREADS + 1, 0), KERN_INVALID_ARGUMENT,
                 "nor one behind the last");
    CHECK(host_set_task_limit(test_host(), SELF, LIMIT_MEMORY, 0) != KERN_SUCCESS,
          "the host's port is not the privileged one");
    CHECK_EQUAL(limits_of(SELF).memory_limit, info.memory_limit, "and nothing happened");
}

static void test_inherit(void)
{
    struct task_limits_info info = limits_of(SELF);
    task_t task;

    REQUIRE_OK(task_create(SELF, FALSE, &task));
    struct task_limits_info child = limits_of(task);
    CHECK_EQUAL(child.names_limit, info.names_limit, "a new task has its creator's limit of names");
    CHECK_EQUAL(child.threads_limit, info.threads_limit, "and of threads");
    CHECK_EQUAL(child.memory_limit, info.memory_limit - info.memory_limit / 4,
                "and three quarters of its memory");
    CHECK(child.memory > 0 && limits_of(SELF).memory_below >= info.memory_below + child.memory,
          "what it has counts for its creator, too");
    CHECK_RESULT(task_set_limit(task, LIMIT_MEMORY, 0), KERN_SUCCESS, "its creator can lower that");
    thread_act_t thread;
    CHECK_RESULT(thread_create(task, &thread), KERN_RESOURCE_SHORTAGE, "to less than it has");
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
}

/* Without memory for a message a port counts what it owes. The last test: no page more is to be had. */
static void test_unused(void)
{
    const unsigned rights = 1000;
    mach_port_t port = test_port(), name;
    mach_msg_type_name_t type;
    struct test_message m;
    unsigned told = 0;

    REQUIRE_OK(task_set_limit(SELF, LIMIT_MEMORY, 0));
    for (unsigned i = 0; i < rights; i++) {
        REQUIRE_OK(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &name, &type));
        REQUIRE_OK(mach_port_deallocate(SELF, name));
    }
    CHECK_EQUAL(test_status(port).mps_msgcount, rights, "rights that are not used need no memory to say so");
    while (test_receive(port, &m, sizeof(m), 0) == MACH_MSG_SUCCESS &&
           m.header.msgh_id == MACH_NOTIFY_SEND_ONCE)
        told++;
    CHECK_EQUAL(told, rights, "and each of them is told");
    test_port_destroy(port);
}

int main(void)
{
    test_begin("limits");
    test_leak_begin();
    test_floods();
    CHECK_NO_LEAK("all that was taken is given back");
    test_set();
    test_inherit();
    test_messages();
    test_threads();
    test_names();
    test_unused();
    return test_end();
}
