/* SPDX-License-Identifier: BSD-2-Clause */
/* The host and its time, for tests. */
#include "test.h"

#include <mach/thread_switch.h>

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
