/* SPDX-License-Identifier: BSD-2-Clause */
/* How soon a thread runs that an interrupt wakes. */
#include "bench.h"

#include <libmach/thread.h>
#include <mach/portolan.h>

#define SELF mach_task_self()
#define LOW_PRIORITY 5
#define WAITS 50u

static volatile uint64_t last_look; /* of the thread that is interrupted */
static volatile int looking_over, looked;

static void look(void *unused)
{
    (void)unused;
    while (!looking_over)
        last_look = counter_read();
    looked = 1;
}

/* From the last instruction of the thread that the timer interrupts to the first of the one that it wakes. */
static uint64_t interrupt_to_thread(unsigned loops)
{
    uint64_t ticks = 0;

    for (unsigned i = 0; i < loops; i++) {
        test_sleep(1);
        ticks += counter_read() - last_look;
    }
    return ticks;
}

void bench_interrupts(void)
{
    thread_act_t thread;

    looking_over = looked = 0;
    REQUIRE_OK(mach_thread_start(look, NULL, &thread));
    REQUIRE_OK(thread_priority(thread, LOW_PRIORITY, FALSE));
    (void)bench_run("interrupt_to_thread", interrupt_to_thread, WAITS);
    looking_over = 1;
    REQUIRE(test_wait(&looked, TEST_SOON_MS));
    REQUIRE_OK(mach_port_deallocate(SELF, thread));
}
