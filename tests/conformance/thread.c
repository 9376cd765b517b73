/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: thread_act.defs. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/rpc.h>
#include <libmach/thread.h>
#include <libmach/traps.h>
#include <string.h>

#define SELF mach_task_self()

static volatile int started;
static volatile uint64_t counter;
static volatile mach_msg_return_t wait_result;
static volatile int wait_done;
static mach_port_t port;

static void note_start(void *argument)
{
    started = (int)(uintptr_t)argument;
}

static void count(void *unused)
{
    (void)unused;
    for (;;)
        counter++;
}

static void wait_in_receive(void *unused)
{
    struct test_message m;

    (void)unused;
    started = 1;
    wait_result = mach_msg_trap(&m.header, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL);
    wait_done = 1;
}

static void wait_in_registers(void *unused)
{
    struct mach_rpc m = {.local = port};

    (void)unused;
    started = 1;
    wait_result = mach_rpc_reply_wait(&m);
    wait_done = 1;
}

static void wait_in_sleep(void *unused)
{
    (void)unused;
    started = 1;
    wait_result = thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 100 * TEST_SOON_MS);
    wait_done = 1;
}

static bool counts(void)
{
    uint64_t before = counter;

    for (unsigned ms = 0; ms < TEST_SOON_MS && counter == before; ms++)
        test_sleep(1);
    return counter != before;
}

static bool stands_still(void)
{
    uint64_t before = counter;

    test_sleep(TEST_NEVER_MS);
    return counter == before;
}

static void test_create(void)
{
    thread_act_t t;

    started = 0;
    CHECK_RESULT(thread_create(SELF, &t), KERN_SUCCESS, "a thread can be created");
    CHECK_EQUAL(test_type(t), MACH_PORT_TYPE_SEND, "its port comes as a send right");
    CHECK_RESULT(thread_terminate(t), KERN_SUCCESS, "it can be terminated before it ran");
    CHECK(test_child_wait(t), "then its port is dead");
    REQUIRE_OK(mach_thread_prepare(note_start, (void *)7, &t));
    test_sleep(TEST_NEVER_MS);
    CHECK_EQUAL(started, 0, "a new thread does not run");
    CHECK_RESULT(thread_resume(t), KERN_SUCCESS, "until it is resumed");
    CHECK(test_wait(&started, TEST_SOON_MS), "then it runs");
    CHECK_EQUAL(started, 7, "with its argument");
    CHECK(test_child_wait(t), "and ends");
}

static void test_suspend(void)
{
    thread_act_t t;

    REQUIRE_OK(mach_thread_start(count, NULL, &t));
    CHECK(counts(), "a thread runs");
    CHECK_RESULT(thread_suspend(t), KERN_SUCCESS, "it can be suspended while it runs");
    CHECK(stands_still(), "then it does not run");
    CHECK_RESULT(thread_suspend(t), KERN_SUCCESS, "a second time");
    CHECK_RESULT(thread_resume(t), KERN_SUCCESS, "resumed once");
    CHECK(stands_still(), "it still does not run");
    CHECK_RESULT(thread_resume(t), KERN_SUCCESS, "resumed twice");
    CHECK(counts(), "it runs");
    CHECK_RESULT(thread_resume(t), KERN_FAILURE, "a thread that is not suspended can't be resumed");
    CHECK_RESULT(thread_terminate(t), KERN_SUCCESS, "it can be terminated while it runs");
    CHECK(test_child_wait(t), "then its port is dead");
    CHECK(stands_still(), "and it does not run any more");
}

static void test_state(void)
{
    thread_act_t t;
    thread_state_data_t state, back;
    mach_msg_type_number_t words = THREAD_STATE_MAX, back_words = THREAD_STATE_MAX;
    vm_address_t pc = 0, sp = 0;

    REQUIRE_OK(mach_thread_prepare(count, NULL, &t));
    CHECK_RESULT(thread_get_state(t, THREAD_STATE_FLAVOR_GENERAL, state, &words), KERN_SUCCESS,
                 "the registers of a thread can be read");
    mach_thread_state_where(state, &pc, &sp);
    CHECK(pc != 0 && sp != 0, "they are what it was started with");
    CHECK_RESULT(thread_set_state(t, THREAD_STATE_FLAVOR_GENERAL, state, words), KERN_SUCCESS,
                 "they can be written");
    REQUIRE_OK(thread_get_state(t, THREAD_STATE_FLAVOR_GENERAL, back, &back_words));
    CHECK(words == back_words && memcmp(state, back, words * sizeof(state[0])) == 0,
          "and read back unchanged");
    CHECK_RESULT(thread_set_state(t, 9999, state, words), KERN_INVALID_ARGUMENT,
                 "an unknown flavor is refused");
    CHECK_RESULT(thread_set_state(t, THREAD_STATE_FLAVOR_GENERAL, state, words - 1), KERN_INVALID_ARGUMENT,
                 "too few registers are refused");
    natural_t hostile_words;
    mach_thread_state_init(state, &hostile_words, ~UINT64_C(0) << 47, ~UINT64_C(0) << 47, 0);
    CHECK_RESULT(thread_set_state(t, THREAD_STATE_FLAVOR_GENERAL, state, hostile_words),
                 KERN_INVALID_ARGUMENT, "a program counter in the kernel is refused");
    back_words = THREAD_STATE_MAX;
    REQUIRE_OK(thread_get_state(t, THREAD_STATE_FLAVOR_GENERAL, state, &back_words));
    CHECK(memcmp(state, back, words * sizeof(state[0])) == 0, "and changes nothing");
    words = 1;
    CHECK_RESULT(thread_get_state(t, THREAD_STATE_FLAVOR_GENERAL, state, &words), KERN_INVALID_ARGUMENT,
                 "too little room is refused");
    REQUIRE_OK(thread_resume(t));
    CHECK(counts(), "the thread runs with what was written");
    REQUIRE_OK(thread_terminate(t));
    REQUIRE(test_child_wait(t));
}

/* A thread that waits in `function` can be aborted, suspended and terminated there. */
static void check_wait(void (*function)(void *), mach_msg_return_t aborted, const char *what)
{
    thread_act_t t;
    char text[80];

    started = wait_done = 0;
    REQUIRE_OK(mach_thread_start(function, NULL, &t));
    REQUIRE(test_wait(&started, TEST_SOON_MS));
    test_until_waiting(t);
    snprintf(text, sizeof(text), "%s can be aborted", what);
    CHECK_RESULT(thread_abort(t), KERN_SUCCESS, text);
    snprintf(text, sizeof(text), "%s ends then", what);
    CHECK(test_wait(&wait_done, TEST_SOON_MS), text);
    snprintf(text, sizeof(text), "%s tells that it was aborted", what);
    CHECK_RESULT(wait_result, aborted, text);
    REQUIRE(test_child_wait(t));

    started = wait_done = 0;
    REQUIRE_OK(mach_thread_start(function, NULL, &t));
    REQUIRE(test_wait(&started, TEST_SOON_MS));
    test_until_waiting(t);
    REQUIRE_OK(thread_suspend(t));
    REQUIRE_OK(thread_resume(t));
    test_until_waiting(t);
    snprintf(text, sizeof(text), "%s survives suspend and resume", what);
    CHECK(!wait_done, text);
    snprintf(text, sizeof(text), "a thread in %s can be terminated", what);
    REQUIRE_OK(thread_terminate(t));
    CHECK(test_child_wait(t), text);
}

static void test_waits(void)
{
    port = test_port();
    check_wait(wait_in_receive, MACH_RCV_INTERRUPTED, "a receive");
    check_wait(wait_in_registers, MACH_RCV_INTERRUPTED, "a receive in registers");
    check_wait(wait_in_sleep, KERN_SUCCESS, "a sleep");
    test_port_destroy(port);
}

static void test_suspended_receiver(void)
{
    thread_act_t t;

    port = test_port_send();
    started = wait_done = 0;
    REQUIRE_OK(mach_thread_start(wait_in_registers, NULL, &t));
    REQUIRE(test_wait(&started, TEST_SOON_MS));
    test_until_waiting(t);
    REQUIRE_OK(thread_suspend(t));
    CHECK_RESULT(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_MSG_SUCCESS,
                 "a message can be sent to a suspended receiver");
    test_sleep(TEST_NEVER_MS);
    CHECK(!wait_done, "which does not run");
    REQUIRE_OK(thread_resume(t));
    CHECK(test_wait(&wait_done, TEST_SOON_MS), "until it is resumed");
    CHECK_RESULT(wait_result, MACH_MSG_SUCCESS, "and has the message");
    REQUIRE(test_child_wait(t));
    test_port_destroy(port);
}

static void test_info(void)
{
    thread_act_t t;
    struct thread_basic_info info;
    mach_msg_type_number_t words = THREAD_BASIC_INFO_COUNT;

    REQUIRE_OK(mach_thread_prepare(count, NULL, &t));
    CHECK_RESULT(thread_info(t, THREAD_BASIC_INFO, (thread_info_t)&info, &words), KERN_SUCCESS,
                 "a thread tells of itself");
    CHECK_EQUAL(info.suspend_count, 1, "a new thread is suspended once");
    CHECK_EQUAL(info.run_state, TH_STATE_STOPPED, "and stopped");
    CHECK_RESULT(thread_info(t, 9999, (thread_info_t)&info, &words), KERN_INVALID_ARGUMENT,
                 "an unknown flavor is refused");
    CHECK_RESULT(thread_priority(t, 10, FALSE), KERN_SUCCESS, "its priority can be set");
    CHECK_RESULT(thread_priority(t, 1000, FALSE), KERN_INVALID_ARGUMENT, "within limits");
    REQUIRE_OK(thread_terminate(t));
    REQUIRE(test_child_wait(t));
    CHECK_RESULT(thread_terminate(SELF), KERN_INVALID_ARGUMENT, "a task is no thread");
    mach_port_t me = mach_thread_self();
    mach_port_t again;
    REQUIRE_OK(thread_get_special_port(me, THREAD_KERNEL_PORT, &again));
    CHECK_EQUAL(me, again, "a thread's kernel port is the thread");
    REQUIRE_OK(mach_port_mod_refs(SELF, me, MACH_PORT_RIGHT_SEND, -2));
}

int main(void)
{
    test_begin("thread");
    test_create();
    test_suspend();
    test_state();
    test_waits();
    test_suspended_receiver();
    test_info();
    return test_end();
}
