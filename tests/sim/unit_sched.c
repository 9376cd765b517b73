/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scheduler promises: no ready thread starves. */
#include "driver.h"
#include "user.h"

#include <string.h>

#define PRIORITY_MAIN 20
#define PRIORITY_HIGH 12 /* of the thread that is in the way */
#define PRIORITY_LOW 10
#define STEP_NS 100u /* a round takes about half a quantum */
#define PERIODS 32u
#define PERIOD_STEPS 400u
#define PATIENCE_MS 250 /* each of the two lower levels has its turn every SCHED_BOOST_MS */

static struct {
    uint64_t pause; /* steps between two rounds */
    uint64_t rounds;
    uint64_t turns; /* of the peer */
} shared;

/*
 * Never blocks, and ends threads one after the other.  A thread that ends is more urgent: it preempts this one, and it is
 * then that the quantum ends if `pause` is just right.
 */
static void churner(uint64_t arg)
{
    (void)arg;
    for (;;) {
        mach_port_t thread;
        SIM_CHECK(thread_create(mach_task_self(), &thread) == KERN_SUCCESS);
        SIM_CHECK(thread_terminate(thread) == KERN_SUCCESS);
        SIM_CHECK(mach_port_deallocate(mach_task_self(), thread) == KERN_SUCCESS);
        for (uint64_t i = 0; i < shared.pause; i++)
            sim_step();
        shared.rounds++;
    }
}

static void peer(uint64_t arg)
{
    (void)arg;
    for (;;) {
        shared.turns++;
        sim_step();
    }
}

static mach_port_t start(sim_program_t program, int priority)
{
    mach_port_t thread;

    SIM_CHECK(user_thread_start(mach_task_self(), program, 0, &thread) == KERN_SUCCESS);
    SIM_CHECK(thread_priority(thread, priority, false) == KERN_SUCCESS);
    return thread;
}

/* A thread of `priority` gets the CPU soon, whatever the rhythm of the other one. */
static void expect_turns(uint64_t arg, int priority)
{
    mach_port_t host_priv = user_start(arg), thread;

    memset(&shared, 0, sizeof shared);
    SIM_CHECK(thread_priority(mach_thread_self(), PRIORITY_MAIN, false) == KERN_SUCCESS);
    (void)start(churner, PRIORITY_HIGH);
    user_sleep(1);
    thread = start(peer, priority);
    for (unsigned i = 0; i < PERIODS; i++) {
        uint64_t rounds = shared.rounds, turns = shared.turns;
        shared.pause = i * PERIOD_STEPS;
        user_sleep(PATIENCE_MS);
        SIM_CHECK(shared.rounds > rounds);
        if (shared.turns == turns)
            sim_fail("no turn in %u ms, with a pause of %lu steps", PATIENCE_MS, (unsigned long)shared.pause);
    }
    SIM_CHECK(mach_port_deallocate(mach_task_self(), thread) == KERN_SUCCESS);
    user_power_off(host_priv);
}

static void same_level(uint64_t arg)
{
    expect_turns(arg, PRIORITY_HIGH);
}

static void lower_level(uint64_t arg)
{
    expect_turns(arg, PRIORITY_LOW);
}

/* One CPU, and no chance: it would break the rhythm. */
static void strict(struct sim_config *config)
{
    struct sim_config plain = sim_config_default();

    plain.step_ns = STEP_NS;
    plain.program = config->program;
    plain.echo = config->echo;
    plain.trace = config->trace;
    *config = plain;
}

static const struct driver_scenario table[] = {
    {.name = "same-level", .program = same_level, .configure = strict},
    {.name = "lower-level", .program = lower_level, .configure = strict},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
