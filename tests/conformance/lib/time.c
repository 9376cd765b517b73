/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, for tests. */
#include "test.h"

#include <mach/thread_switch.h>

uint64_t test_now(void)
{
    static mach_port_t host;
    time_value64_t now;

    if (host == MACH_PORT_NULL)
        host = mach_host_self();
    REQUIRE_OK(host_get_uptime64(host, &now));
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
