/* SPDX-License-Identifier: BSD-2-Clause */
/* The host and its time, and threads that wait, for tests. */
#include "test.h"

#include <libmach/thread.h>
#include <mach/thread_switch.h>

#define WAITING_MS 60000u

mach_port_t test_host(void)
{
    static mach_port_t host;
    static unsigned generation;

    if (host == MACH_PORT_NULL || generation != test_generation)
        host = mach_host_self();
    generation = test_generation;
    return host;
}

uint64_t test_now(void)
{
    time_value64_t now;

    REQUIRE_OK(host_get_uptime64(test_host(), &now));
    return (uint64_t)now.seconds * NSEC_PER_SEC + (uint64_t)now.nanoseconds;
}

void test_sleep(unsigned ms)
{
    (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, ms);
}

bool test_wait(const volatile int *flag, unsigned ms)
{
    const uint64_t deadline = test_now() + ms * NSEC_PER_MSEC;

    while (*flag == 0 && test_now() < deadline)
        test_sleep(1);
    return *flag != 0;
}

void test_until_waiting(thread_act_t thread)
{
    const uint64_t deadline = test_now() + WAITING_MS * NSEC_PER_MSEC;
    struct thread_basic_info info = {.run_state = TH_STATE_RUNNING};

    while (info.run_state != TH_STATE_WAITING) {
        mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

        if (thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count) != KERN_SUCCESS)
            return;
        REQUIRE(test_now() < deadline);
        test_sleep(1);
    }
}

thread_act_t test_waiting_thread(void (*function)(void *argument), void *argument)
{
    thread_act_t thread;

    REQUIRE_OK(mach_thread_start(function, argument, &thread));
    test_until_waiting(thread);
    return thread;
}

void test_waiting_start(void (*function)(void *argument), void *argument)
{
    REQUIRE_OK(mach_port_deallocate(mach_task_self(), test_waiting_thread(function, argument)));
}
