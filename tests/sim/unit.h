/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of unit tests, in TAP. */
#ifndef TESTS_SIM_UNIT_H
#define TESTS_SIM_UNIT_H

#include <sim/sim.h>

/* One result. */
void unit_result(bool good, const char *name);

/* Boot; a result: does the run end so, with a message that contains `text`? */
void unit_boot(const struct sim_config *config, enum sim_end end, const char *text, const char *name);

/*
 * Boot; call `test` in the kernel, at a moment when no CPU is inside.  A result: does the run end so?  A test that comes to its end, ends
 * the run as SIM_FAILED with UNIT_DONE.
 */
#define UNIT_DONE "all of the test was done"
void unit_in_kernel(struct sim_config config, void (*test)(void), enum sim_end end, const char *text,
                    const char *name);

/* The plan. Returns the exit status of the program. */
int unit_end(void);

#define UNIT_CHECK(condition) unit_result((condition), #condition)

#endif
