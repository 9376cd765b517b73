/* SPDX-License-Identifier: BSD-2-Clause */
/* Preemption, priorities, and vector registers across thread switches. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>

#define SELF mach_task_self()
#define LOOPERS 8
#define HOLDERS 4
#define ROUNDS 3000000u /* some quanta */

static volatile uint64_t loops[LOOPERS];

static void loop_forever(void *argument)
{
    volatile uint64_t *count = argument;

    for (;;)
        *count = *count + 1;
}

static void test_endless_loops(void)
{
    thread_act_t thread[LOOPERS];
    bool all = true;

    for (int i = 0; i < LOOPERS; i++)
        REQUIRE_OK(mach_thread_start(loop_forever, (void *)&loops[i], &thread[i]));
    test_sleep(10);
    CHECK(true, "endless loops don't stop others");
    for (unsigned ms = 0; ms < TEST_SOON_MS; ms += 10) {
        all = true;
        for (int i = 0; i < LOOPERS; i++)
            all &= loops[i] > 0;
        if (all)
            break;
        test_sleep(10);
    }
    CHECK(all, "nor each other");
    for (int i = 0; i < LOOPERS; i++) {
        REQUIRE_OK(thread_terminate(thread[i]));
        REQUIRE(test_child_wait(thread[i]));
    }
    CHECK(true, "they can be ended");
}

static void child_loops(void)
{
    for (;;)
        continue;
}

static void test_looping_task(void)
{
    task_t task = test_child(child_loops, NULL, 0);

    test_sleep(20);
    REQUIRE_OK(task_terminate(task));
    CHECK(test_child_wait(task), "a task that loops can be ended");
}

static volatile uint64_t held[HOLDERS];
static volatile int held_done[HOLDERS];

static void hold(void *argument)
{
    uintptr_t i = (uintptr_t)argument;

    held[i] = machine_vector_hold(UINT64_C(0x1010101010101010) * (i + 1), ROUNDS);
    held_done[i] = 1;
}

static volatile uint64_t traces;
static volatile int traces_done;

static void look_for_traces(void *unused)
{
    (void)unused;
    traces = machine_vector_traces();
    traces_done = 1;
}

static void test_vectors(void)
{
    bool all = true;

    for (uintptr_t i = 0; i < HOLDERS; i++)
        REQUIRE_OK(mach_thread_start(hold, (void *)i, NULL));
    test_sleep(2);
    REQUIRE_OK(mach_thread_start(look_for_traces, NULL, NULL));
    for (int i = 0; i < HOLDERS; i++)
        all &= test_wait(&held_done[i], 6 * TEST_SOON_MS);
    REQUIRE(all && test_wait(&traces_done, TEST_SOON_MS));
    for (int i = 0; i < HOLDERS; i++)
        all &= held[i] == machine_vectors;
    CHECK(all, "each thread keeps its vector registers");
    CHECK_EQUAL(traces, 0, "a new thread finds no trace of others in its own");
}

static volatile int hinted;

static void note_hint(void *unused)
{
    (void)unused;
    hinted = 1;
}

static void test_handoff(void)
{
    thread_act_t t;

    REQUIRE_OK(mach_thread_prepare(note_hint, NULL, &t));
    CHECK_RESULT(thread_switch(t, SWITCH_OPTION_NONE, 0), KERN_SUCCESS,
                 "a hint to run a suspended thread is harmless");
    REQUIRE_OK(thread_resume(t));
    for (unsigned ms = 0; ms < TEST_SOON_MS && hinted == 0; ms++)
        (void)thread_switch(t, SWITCH_OPTION_NONE, 0);
    CHECK_EQUAL(hinted, 1, "a hint to run a thread lets it run");
    REQUIRE(test_child_wait(t));
    CHECK_RESULT(thread_switch(SELF, SWITCH_OPTION_NONE, 0), KERN_INVALID_ARGUMENT, "a task is no thread");
}

int main(void)
{
    test_begin("preempt");
    test_endless_loops();
    test_looping_task();
    test_vectors();
    test_handoff();
    return test_end();
}
