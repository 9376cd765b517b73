/* SPDX-License-Identifier: BSD-2-Clause */
#include "property_counts.h"

#include "audit.h"
#include "user.h"

#define PATIENCE 60u /* rounds of 1 ms until what the reaper has to free must be free */

static struct {
    struct audit_counts before;
    enum { IDLE, COUNT, COMPARE, EQUAL, DIFFERENT } state;
    char difference[160];
} c;

static unsigned state(void)
{
    return __atomic_load_n(&c.state, __ATOMIC_ACQUIRE);
}

static void state_set(unsigned next)
{
    __atomic_store_n(&c.state, next, __ATOMIC_RELEASE);
}

/* The quiet hook: audits, and counts if that is asked for. Ends the run if something is wrong. */
static void quiet(void *user)
{
    struct audit_finding finding;
    struct audit_counts now;

    (void)user;
    if (!audit_kernel(&finding))
        sim_fail("audit: %.31s: %.220s", finding.check, finding.text);
    if (state() == COUNT) {
        audit_count(&c.before);
        state_set(IDLE);
    } else if (state() == COMPARE) {
        audit_count(&now);
        state_set(audit_counts_equal(&c.before, &now, c.difference, sizeof(c.difference)) ? EQUAL
                                                                                          : DIFFERENT);
    }
}

/* Have the quiet hook do it: it comes every so many exits from the kernel. */
static unsigned ask(unsigned what)
{
    state_set(what);
    while (state() == what)
        user_yield();
    return state();
}

void property_counts_watch(struct sim_config *config, uint64_t every)
{
    config->quiet = quiet;
    config->quiet_every = every;
    state_set(IDLE);
}

void property_counts_begin(void)
{
    /* what the program needs for itself, and touches later, is nobody's leak */
    (void)mach_task_self();
    (void)mig_get_reply_port();
    for (uint64_t at = 0; at < USER_WINDOW_SIZE; at += PAGE_SIZE)
        sim_store8(user_window() + at, 0);
    (void)ask(COUNT);
}

void property_counts_end(void)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (ask(COMPARE) == EQUAL)
            return;
        user_sleep(1);
    }
    sim_fail("kernel memory is not back: %s", c.difference);
}
