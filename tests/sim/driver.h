/* SPDX-License-Identifier: BSD-2-Clause */
/* The main program of tests on the simulated machine: a table of scenarios, run on several seeds and numbers of CPUs. */
#ifndef TESTS_SIM_DRIVER_H
#define TESTS_SIM_DRIVER_H

#include <sim/sim.h>

struct driver_scenario {
    const char *name;
    sim_program_t program;

    /* Change what sim_config_random() chose for the seed (seed 0: the defaults); may be NULL. */
    void (*configure)(struct sim_config *config);

    /* Is the result right?  NULL: the machine was powered off.  Says on standard error what is not. */
    bool (*check)(const struct sim_config *config, const struct sim_result *result);

    bool deterministic; /* has no sense where CPUs are host threads */
};

/*
 * Run them as the command line says and print TAP: one test for each scenario and number of CPUs, over all seeds.
 *
 *   [--seed N | --seeds A..B] [--cpus N] [--echo] [--trace] [--list] [NAME...]
 *
 * A run that fails is reported with the command that repeats it. Returns: the exit status.
 */
int driver_main(int argc, char **argv, const struct driver_scenario *table, size_t count);

#endif
