/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Audit while programs run, and at their end: the kernel's memory must be back.  The counts are taken in the quiet hook,
 * where no CPU is inside the kernel; the program waits for it.
 */
#ifndef TESTS_SIM_PROPERTY_COUNTS_H
#define TESTS_SIM_PROPERTY_COUNTS_H

#include <sim/sim.h>

/*
 * Audit on every `every`-th kernel exit, and count if that is asked for; the run ends if something is wrong.
 * Context: before sim_run().
 */
void property_counts_watch(struct sim_config *config, uint64_t every);

/* What is in use now is what must be in use later. Context: the first program. */
void property_counts_begin(void);

/* Wait until no more is in use than at property_counts_begin(); ends the run if that takes too long. Context: as that. */
void property_counts_end(void);

#endif
