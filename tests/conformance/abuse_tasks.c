/* SPDX-License-Identifier: BSD-2-Clause */
/* Abuse: ending tasks and threads at the worst of moments. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/rpc.h>
#include <libmach/thread.h>
#include <stdlib.h>

#define SELF mach_task_self()
#define VICTIMS 24u
#define HARASSMENTS 300u

static mach_port_t storm_port;

static void tell(int id)
{
    (void)test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, id, 0);
}

static void serve(void *unused)
{
    struct mach_rpc m = {.local = storm_port};

    (void)unused;
    while (mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS)
        m.local = storm_port;
}

static void call_for_ever(void *unused)
{
    const mach_port_t reply = mach_reply_port();

    (void)unused;
    for (;;) {
        struct mach_rpc m = {.remote = storm_port, .local = reply, .header = MACH_RPC_HEADER(1, 6)};
        (void)mach_rpc_call(&m);
    }
}

/* --- tasks that are ended while they are busy --- */

static void raise_own(void *unused)
{
    (void)unused;
    machine_bad_instruction();
}

static void note_nothing(void *unused)
{
    (void)unused;
}

static void child_calls(void)
{
    storm_port = test_port_send();
    for (int i = 0; i < 2; i++) {
        (void)mach_thread_start(serve, NULL, NULL);
        (void)mach_thread_start(call_for_ever, NULL, NULL);
    }
    call_for_ever(NULL);
}

static void child_allocates(void)
{
    for (;;) {
        mach_vm_address_t address = 0;
        if (mach_vm_allocate(SELF, &address, 8 * PAGE_SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS)
            *(volatile uint8_t *)(address + 4096) = 1;
        (void)mach_vm_deallocate(SELF, address, 4 * PAGE_SIZE);
    }
}

/* Threads, not tasks: a task lives on when the one that made it dies. */
static void child_makes_threads(void)
{
    for (;;) {
        thread_act_t thread;
        if (mach_thread_start(note_nothing, NULL, &thread) != KERN_SUCCESS)
            continue;
        (void)thread_terminate(thread);
        (void)mach_port_deallocate(SELF, thread);
    }
}

static void child_talks(void)
{
    mach_port_t p = test_port_send();
    struct test_message m;

    for (;;) {
        (void)test_send(p, MACH_MSG_TYPE_COPY_SEND, 1, 8);
        (void)test_send_right(p, 2, p, MACH_MSG_TYPE_MAKE_SEND_ONCE);
        (void)test_receive(p, &m, sizeof(m), 0);
    }
}

static void child_raises(void)
{
    mach_port_t handler = test_port_send();

    (void)task_set_exception_ports(SELF, EXC_MASK_ALL, handler, EXCEPTION_DEFAULT, 0);
    for (int i = 0; i < 4; i++)
        (void)mach_thread_start(raise_own, NULL, NULL);
    for (;;)
        test_sleep(1000);
}

static void test_killed_tasks(void)
{
    static void (*const busy[])(void) = {child_calls, child_allocates, child_makes_threads, child_talks,
                                         child_raises};
    bool all = true;

    test_leak_begin();
    for (unsigned i = 0; i < VICTIMS; i++) {
        task_t task = test_child(busy[i % (sizeof(busy) / sizeof(busy[0]))], NULL, 0);
        test_sleep((unsigned)rand() % 4);
        all &= task_terminate(task) == KERN_SUCCESS && test_child_wait(task);
    }
    CHECK(all, "busy tasks can be ended at any moment");
    CHECK_NO_LEAK("and leave nothing behind");
}

static void test_killed_at_once(void)
{
    static task_t task[8];
    bool all = true;

    test_leak_begin();
    for (unsigned i = 0; i < 8; i++)
        task[i] = test_child(child_calls, NULL, 0);
    test_sleep(5);
    for (unsigned i = 0; i < 8; i++)
        all &= task_terminate(task[i]) == KERN_SUCCESS;
    for (unsigned i = 0; i < 8; i++)
        all &= test_child_wait(task[i]);
    CHECK(all, "many tasks can be ended at once");
    CHECK_NO_LEAK("and leave nothing behind");
}

/* --- threads that are harassed by others --- */

static void harass(thread_act_t victim)
{
    switch (rand() % 4) {
    case 0:
        (void)thread_abort(victim);
        break;
    case 1:
        (void)thread_suspend(victim);
        (void)thread_resume(victim);
        break;
    case 2:
        (void)thread_priority(victim, rand() % 16, FALSE);
        break;
    default:
        (void)thread_switch(victim, SWITCH_OPTION_NONE, 0);
    }
}

static void child_harasses(void)
{
    thread_act_t victim[4];

    storm_port = test_port_send();
    for (int i = 0; i < 2; i++) {
        REQUIRE_OK(mach_thread_start(serve, NULL, NULL));
        REQUIRE_OK(mach_thread_start(call_for_ever, NULL, &victim[i]));
        REQUIRE_OK(mach_thread_start(call_for_ever, NULL, &victim[2 + i]));
    }
    for (unsigned i = 0; i < HARASSMENTS; i++)
        harass(victim[(unsigned)rand() % 4]);
    for (int i = 0; i < 4; i++)
        REQUIRE_OK(thread_terminate(victim[i]));
    for (int i = 0; i < 4; i++)
        REQUIRE(test_child_wait(victim[i]));
    tell(1);
}

/* Two threads that end each other, and a task that several threads end. */
static void end_it(void *task)
{
    (void)task_terminate((task_t)(uintptr_t)task);
}

static void child_ends_itself(void)
{
    for (int i = 0; i < 6; i++)
        (void)mach_thread_start(end_it, (void *)(uintptr_t)SELF, NULL);
    for (;;)
        test_sleep(1);
}

static void test_harassed_threads(void)
{
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MAKE_SEND};
    struct test_message m;

    test_leak_begin();
    task_t task = test_child(child_harasses, &right, 1);
    CHECK_RESULT(test_receive(p, &m, sizeof(m), 6 * TEST_SOON_MS), MACH_MSG_SUCCESS,
                 "aborting, suspending and ending threads in calls does no harm");
    (void)task_terminate(task);
    REQUIRE(test_child_wait(task));
    CHECK_NO_LEAK("and leaves nothing behind");
    test_port_destroy(p);

    test_leak_begin();
    task = test_child(child_ends_itself, NULL, 0);
    CHECK(test_child_wait(task), "a task can be ended by many of its threads");
    CHECK_NO_LEAK("and leaves nothing behind");
}

/* A server's client dies while the server works for it, over and over. */
static void child_asks(void)
{
    const mach_port_t reply = mach_reply_port();
    struct mach_rpc m = {.remote = TEST_CHILD_PORT(0), .local = reply, .header = MACH_RPC_HEADER(5, 2)};

    (void)mach_rpc_call(&m);
}

static void test_dying_clients(void)
{
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MAKE_SEND};
    bool all = true;

    test_leak_begin();
    for (int i = 0; i < 10; i++) {
        struct test_message m;
        task_t task = test_child(child_asks, &right, 1);
        all &= test_receive(p, &m, sizeof(m), TEST_SOON_MS) == MACH_MSG_SUCCESS;
        all &= task_terminate(task) == KERN_SUCCESS && test_child_wait(task);
        /* the right to answer is dead now, or dies when it is used */
        if (test_send(m.header.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 6, 0) != MACH_MSG_SUCCESS)
            all &= mach_port_destroy(SELF, m.header.msgh_remote_port) == KERN_SUCCESS;
    }
    CHECK(all, "a server outlives its clients");
    CHECK_NO_LEAK("and nothing of them is left behind");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("abuse_tasks");
    test_killed_tasks();
    test_killed_at_once();
    test_harassed_threads();
    test_dying_clients();
    return test_end();
}
