/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: task.defs. */
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()

static uint8_t page[4096] __attribute__((aligned(4096)));

static mach_msg_return_t tell(int id)
{
    return test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, id, 0);
}

static void child_tells(void)
{
    (void)tell(page[0]);
    page[0] = 99; /* in the child's copy */
}

static void child_counts(void)
{
    for (;;) {
        (void)tell(1);
        test_sleep(5);
    }
}

static void test_create(void)
{
    task_t task;
    struct task_basic_info info;
    mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;

    CHECK_RESULT(task_create(SELF, FALSE, &task), KERN_SUCCESS, "a task can be created");
    CHECK(task != SELF && test_type(task) == MACH_PORT_TYPE_SEND, "its port comes as a send right");
    CHECK_RESULT(task_info(task, TASK_BASIC_INFO, (task_info_t)&info, &count), KERN_SUCCESS,
                 "it tells of itself");
    CHECK_EQUAL(info.virtual_size, 0, "it has no memory");
    CHECK_EQUAL(info.suspend_count, 0, "it is not suspended");
    CHECK_RESULT(task_info(task, 9999, (task_info_t)&info, &count), KERN_INVALID_ARGUMENT,
                 "an unknown flavor is refused");
    count = 1;
    CHECK_RESULT(task_info(task, TASK_BASIC_INFO, (task_info_t)&info, &count), KERN_INVALID_ARGUMENT,
                 "too little room is refused");
    CHECK_RESULT(task_terminate(task), KERN_SUCCESS, "it can be terminated");
    CHECK(test_child_wait(task), "then its port is dead");
    CHECK_RESULT(task_terminate(MACH_PORT_NULL), MACH_SEND_INVALID_DEST, "no task, no termination");
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MAKE_SEND};
    task = test_child(child_tells, &right, 1);
    CHECK(test_receive_id(p, 0), "a task with inherited memory runs our code");
    CHECK(test_child_wait(task), "and ends itself");
    CHECK_EQUAL(page[0], 0, "its memory was a copy");
    test_port_destroy(p);
}

static void drain(mach_port_t p)
{
    struct test_message m;

    while (test_receive(p, &m, sizeof(m), 0) == MACH_MSG_SUCCESS)
        continue;
}

static void test_suspend(void)
{
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MAKE_SEND};
    task_t task = test_child(child_counts, &right, 1);

    REQUIRE(test_receive_id(p, 1));
    CHECK_RESULT(task_suspend(task), KERN_SUCCESS, "a task can be suspended");
    test_sleep(TEST_NEVER_MS);
    drain(p);
    CHECK_RESULT(test_receive_nothing(p), MACH_RCV_TIMED_OUT, "then it does not run");
    CHECK_RESULT(task_suspend(task), KERN_SUCCESS, "twice");
    CHECK_RESULT(task_resume(task), KERN_SUCCESS, "resumed once");
    drain(p);
    CHECK_RESULT(test_receive_nothing(p), MACH_RCV_TIMED_OUT, "it still does not run");
    CHECK_RESULT(task_resume(task), KERN_SUCCESS, "resumed twice");
    CHECK(test_receive_id(p, 1), "it runs");
    CHECK_RESULT(task_resume(task), KERN_FAILURE, "a task that is not suspended can't be resumed");
    REQUIRE_OK(task_suspend(task));
    CHECK_RESULT(task_terminate(task), KERN_SUCCESS, "a suspended task can be terminated");
    CHECK(test_child_wait(task), "and dies");
    test_port_destroy(p);
}

static void test_special_ports(void)
{
    mach_port_t p = test_port_send();
    mach_port_t got, old;
    task_t task;

    REQUIRE_OK(task_get_special_port(SELF, TASK_KERNEL_PORT, &got));
    CHECK_EQUAL(got, SELF, "a task's kernel port is the task");
    REQUIRE_OK(mach_port_deallocate(SELF, got));
    REQUIRE_OK(task_get_bootstrap_port(SELF, &old));
    CHECK_EQUAL(old, bootstrap_port, "the bootstrap port is what the library found");
    CHECK_RESULT(task_set_bootstrap_port(SELF, p), KERN_SUCCESS, "it can be replaced");
    REQUIRE_OK(task_get_bootstrap_port(SELF, &got));
    CHECK_EQUAL(got, p, "and read back");
    REQUIRE_OK(mach_port_deallocate(SELF, got));
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    REQUIRE_OK(task_get_bootstrap_port(task, &got));
    CHECK_EQUAL(got, p, "a child inherits it");
    REQUIRE_OK(mach_port_deallocate(SELF, got));
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
    REQUIRE_OK(task_set_bootstrap_port(SELF, old));
    REQUIRE_OK(mach_port_deallocate(SELF, old));
    CHECK_RESULT(task_get_special_port(SELF, 99, &got), KERN_INVALID_ARGUMENT,
                 "an unknown special port is refused");
    test_port_destroy(p);
}

static void child_dies_with_rights(void)
{
    (void)tell(1);
    for (;;)
        test_sleep(1000);
}

static void test_death(void)
{
    mach_port_t p = test_port_send();
    mach_port_t theirs = test_port_send();
    struct test_right rights[] = {{p, MACH_MSG_TYPE_MAKE_SEND}, {theirs, MACH_MSG_TYPE_MOVE_RECEIVE}};
    task_t task = test_child(child_dies_with_rights, rights, 2);
    mach_port_t extracted;
    mach_msg_type_name_t type;

    REQUIRE(test_receive_id(p, 1));
    CHECK_RESULT(test_send(theirs, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_MSG_SUCCESS,
                 "a port of a child can be sent to");
    REQUIRE_OK(task_terminate(task));
    for (unsigned ms = 0; ms < TEST_SOON_MS && test_type(theirs) != MACH_PORT_TYPE_DEAD_NAME; ms++)
        test_sleep(1);
    CHECK_EQUAL(test_type(theirs), MACH_PORT_TYPE_DEAD_NAME, "its ports die with it");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 1, "rights that it had of ours don't concern us");
    CHECK(test_child_wait(task), "its task port is dead");
    CHECK_RESULT(
        mach_port_extract_right(task, TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, &extracted, &type),
        MACH_SEND_INVALID_DEST, "a dead task has no names");
    test_port_destroy(theirs);
    test_port_destroy(p);
}

/* Is the port in the array? Releases all rights and the memory. */
static bool array_has(mach_port_array_t ports, mach_msg_type_number_t count, mach_port_t port)
{
    bool has = false;

    for (mach_msg_type_number_t i = 0; i < count; i++) {
        has = has || ports[i] == port;
        if (MACH_PORT_VALID(ports[i]))
            REQUIRE_OK(mach_port_deallocate(SELF, ports[i]));
    }
    if (count > 0)
        REQUIRE_OK(mach_vm_deallocate(SELF, (mach_vm_address_t)ports, count * sizeof(*ports)));
    return has;
}

static void test_threads(void)
{
    mach_port_array_t threads = NULL;
    mach_msg_type_number_t count = 99;
    thread_act_t first, second;
    mach_port_t self = mach_thread_self();
    task_t task;

    CHECK_RESULT(task_threads(SELF, &threads, &count), KERN_SUCCESS, "a task can list its threads");
    CHECK(count >= 1 && array_has(threads, count, self), "this one is among them");
    REQUIRE_OK(mach_port_deallocate(SELF, self));
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    CHECK_RESULT(task_threads(task, &threads, &count), KERN_SUCCESS, "so can one that has none");
    CHECK_EQUAL(count, 0, "the list is empty then");
    REQUIRE_OK(thread_create(task, &first));
    REQUIRE_OK(thread_create(task, &second));
    REQUIRE_OK(task_threads(task, &threads, &count));
    CHECK(count == 2 && threads[0] == first && threads[1] == second, "threads are in order of creation");
    (void)array_has(threads, count, first);
    REQUIRE_OK(task_terminate(task));
    test_port_destroy(first);
    test_port_destroy(second);
    test_port_destroy(task);
}

static void test_registered(void)
{
    mach_port_t p = test_port_send(), ports[TASK_PORT_REGISTER_MAX + 1] = {p, MACH_PORT_NULL, p, p};
    mach_port_array_t kept = NULL;
    mach_msg_type_number_t count = 0;
    task_t task;

    CHECK_RESULT(mach_ports_register(SELF, ports, 3), KERN_SUCCESS, "ports can be registered");
    CHECK_RESULT(mach_ports_lookup(SELF, &kept, &count), KERN_SUCCESS, "and looked up");
    CHECK(count == 3 && kept[0] == p && kept[1] == MACH_PORT_NULL && kept[2] == p, "each in its place");
    (void)array_has(kept, count, p);
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    /* limit: ports that mach_ports_register keeps */
    CHECK_RESULT(mach_ports_register(SELF, ports, 4), KERN_INVALID_ARGUMENT, "four are too many");
    CHECK_RESULT(mach_ports_register(SELF, NULL, 0), KERN_SUCCESS, "they can be taken back");
    REQUIRE_OK(mach_ports_lookup(SELF, &kept, &count));
    CHECK(count == 3 && !array_has(kept, count, p), "then there are none");
    REQUIRE_OK(mach_ports_lookup(task, &kept, &count));
    CHECK(array_has(kept, count, p), "a child has what its creator had when it was made");
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
    for (unsigned ms = 0; ms < TEST_SOON_MS && test_status(p).mps_srights; ms++) {
        if (test_refs(p, MACH_PORT_RIGHT_SEND) != 0)
            REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1));
        test_sleep(1);
    }
    CHECK_EQUAL(test_status(p).mps_srights, 0, "and gives it back when it ends");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("task");
    test_create();
    test_suspend();
    test_special_ports();
    test_threads();
    test_registered();
    test_death();
    return test_end();
}
