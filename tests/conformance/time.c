/* SPDX-License-Identifier: BSD-2-Clause */
/* Time: uptime, sleeping, timeouts. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>
#include <mach/thread_switch.h>

static void test_uptime(void)
{
    uint64_t last = test_now();
    bool monotonic = true;

    for (int i = 0; i < 1000; i++) {
        uint64_t now = test_now();
        monotonic &= now >= last;
        last = now;
    }
    CHECK(monotonic, "the uptime never goes back");
    uint64_t start = test_now();
    while (test_now() == start)
        continue;
    CHECK(test_now() > start, "it goes on");
}

static void test_sleeping(void)
{
    const unsigned ms[] = {1, 10, 50};
    bool early = false;

    for (unsigned i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        uint64_t start = test_now();
        REQUIRE_OK(thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, ms[i]));
        early |= test_now() - start < ms[i] * NSEC_PER_MSEC;
    }
    CHECK(!early, "a sleep is never too short");
    uint64_t start = test_now();
    for (int i = 0; i < 20; i++)
        REQUIRE_OK(thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 1));
    CHECK(test_now() - start >= 20 * NSEC_PER_MSEC, "nor are many short ones together");
    CHECK_RESULT(thread_switch(MACH_PORT_NULL, 99, 0), KERN_INVALID_ARGUMENT, "an unknown option is refused");
    CHECK_RESULT(thread_switch(MACH_PORT_NULL, SWITCH_OPTION_NONE, 0), KERN_SUCCESS,
                 "yielding alone comes back");
    CHECK_RESULT(thread_switch(MACH_PORT_NULL, SWITCH_OPTION_DEPRESS, 1), KERN_SUCCESS, "so does depressing");
}

static void test_timeouts(void)
{
    mach_port_t p = test_port_send();
    struct test_message m;
    bool early = false;

    for (unsigned ms = 1; ms < 40; ms *= 3) {
        uint64_t start = test_now();
        REQUIRE(test_receive(p, &m, sizeof(m), ms) == MACH_RCV_TIMED_OUT);
        early |= test_now() - start < ms * NSEC_PER_MSEC;
    }
    CHECK(!early, "a receive never times out too early");
    while (test_send(p, MACH_MSG_TYPE_COPY_SEND, 0, 0) == MACH_MSG_SUCCESS)
        continue;
    m.header = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), sizeof(m.header), p, 0, 0, 1};
    uint64_t start = test_now();
    CHECK_RESULT(mach_msg(&m.header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(m.header), 0, MACH_PORT_NULL,
                          20, MACH_PORT_NULL),
                 MACH_SEND_TIMED_OUT, "a send to a full queue times out");
    CHECK(test_now() - start >= 20 * NSEC_PER_MSEC, "not too early");
    test_port_destroy(p);
}

#define ID_NOW 1
#define ID_LATER 2 /* is answered after LATER_MS */
#define ID_STOP 3
#define LATER_MS 40u

/* Answers in one system call with the wait for the next request, as a server does. */
static void serve(void *port)
{
    struct test_message m;
    const mach_port_t from = (mach_port_t)(uintptr_t)port;

    mach_msg_return_t result = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), from, 0, MACH_PORT_NULL);
    while (result == MACH_MSG_SUCCESS && m.header.msgh_id != ID_STOP) {
        if (m.header.msgh_id == ID_LATER)
            test_sleep(LATER_MS);
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        m.header.msgh_local_port = MACH_PORT_NULL;
        result = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, m.header.msgh_size, sizeof(m), from, 0,
                          MACH_PORT_NULL);
    }
    mach_msg_destroy(&m.header);
}

static mach_msg_return_t call(mach_port_t to, mach_port_t reply, int id, mach_msg_option_t option,
                              mach_msg_timeout_t ms)
{
    struct test_message m = {.header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                        sizeof(m.header), to, reply, MACH_PORT_NULL, id}};

    return mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG | option, sizeof(m.header), sizeof(m), reply, ms,
                    MACH_PORT_NULL);
}

/* The time of a wait that ended in time means nothing to the next one. */
static void test_answered_in_time(void)
{
    const mach_port_t service = test_port_send(), reply = test_port();
    struct test_message m;
    thread_act_t thread;

    REQUIRE_OK(mach_thread_start(serve, (void *)(uintptr_t)service, &thread));
    CHECK_RESULT(call(service, reply, ID_NOW, MACH_RCV_TIMEOUT, LATER_MS / 2), MACH_MSG_SUCCESS,
                 "a call is answered in time");
    CHECK_RESULT(call(service, reply, ID_LATER, 0, 0), MACH_MSG_SUCCESS,
                 "a call without a timeout waits beyond that time");
    REQUIRE_OK(call(service, reply, ID_NOW, MACH_RCV_TIMEOUT, LATER_MS / 2));
    uint64_t start = test_now();
    CHECK_RESULT(test_receive(reply, &m, sizeof(m), LATER_MS), MACH_RCV_TIMED_OUT,
                 "a receive with a later one times out");
    CHECK(test_now() - start >= LATER_MS * NSEC_PER_MSEC, "not too early");
    REQUIRE_OK(call(service, reply, ID_NOW, MACH_RCV_TIMEOUT, TEST_SOON_MS));
    start = test_now();
    CHECK_RESULT(call(service, reply, ID_LATER, MACH_RCV_TIMEOUT, LATER_MS / 2), MACH_RCV_TIMED_OUT,
                 "a call with an earlier one times out");
    CHECK(test_now() - start < TEST_SOON_MS * NSEC_PER_MSEC, "then, not at the later one");
    REQUIRE_OK(test_receive(reply, &m, sizeof(m), TEST_SOON_MS));
    REQUIRE_OK(test_send(service, MACH_MSG_TYPE_COPY_SEND, ID_STOP, 0));
    REQUIRE(test_child_wait(thread));
    test_port_destroy(service);
    test_port_destroy(reply);
}

static void test_host_time(void)
{
    mach_port_t host = mach_host_self();
    time_value64_t uptime;
    vm_size_t page = 0;

    REQUIRE_OK(host_get_uptime64(host, &uptime));
    CHECK(uptime.nanoseconds >= 0 && uptime.nanoseconds < TIME_NANOS_MAX,
          "nanoseconds are less than a second");
    CHECK_RESULT(host_page_size(host, &page), KERN_SUCCESS, "the host tells its page size");
    CHECK_EQUAL(page, PAGE_SIZE, "which is that of the headers");
    CHECK_RESULT(host_get_uptime64(mach_task_self(), &uptime), KERN_INVALID_HOST, "a task is no host");
    CHECK_RESULT(host_reboot(host, HOST_REBOOT_HALT), KERN_INVALID_HOST,
                 "nor is the host port the privileged one");
    REQUIRE_OK(mach_port_deallocate(mach_task_self(), host));
}

int main(void)
{
    test_begin("time");
    test_uptime();
    test_sleeping();
    test_timeouts();
    test_answered_in_time();
    test_host_time();
    return test_end();
}
