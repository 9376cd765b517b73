/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the scenarios on machines that seeds choose, with the audit at work, and compares what is in use at the end with what was
 * before.
 *
 *   scenario_test [--seed N | --seeds A..B] [--cpus N] [--audit N] [--echo] [--trace] [NAME...]
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "scenario_run.h"

static const uint32_t cpu_counts[] = {1, 2, 4};

static struct {
    const char *program;
    uint64_t first, last;
    struct scenario_options run;
} options = {.last = 3, .run = {.audit_every = 64}};

static bool run_one(const struct scenario *s, uint64_t seed, uint32_t cpus)
{
    struct scenario_options o = options.run;

    o.seed = seed;
    o.cpus = cpus;
    struct sim_result result = scenario_run(s, &o);
    if (result.end == SIM_POWEROFF)
        return true;
    (void)fflush(stdout);
    (void)fprintf(stderr, "# %s: %s\n", sim_end_name(result.end), result.message);
    (void)fprintf(stderr, "# to repeat: %s --seed %lu --cpus %u %s\n", options.program, (unsigned long)seed,
                  cpus, s->name);
    return false;
}

static bool run_all(const struct scenario *s)
{
    for (uint64_t seed = options.first; seed <= options.last; seed++) {
        for (size_t i = 0; i < sizeof(cpu_counts) / sizeof(cpu_counts[0]); i++) {
            const uint32_t cpus = options.run.cpus != 0 ? options.run.cpus : cpu_counts[i];
            if (!run_one(s, seed, cpus))
                return false;
            if (options.run.cpus != 0)
                break;
        }
    }
    return true;
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'S'},
        {"cpus", required_argument, NULL, 'c'},
        {"audit", required_argument, NULL, 'a'},
        {"echo", no_argument, NULL, 'e'},
        {"trace", no_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int option;

    options.program = argv[0];
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            options.first = options.last = strtoull(optarg, NULL, 0);
        else if (option == 'S' && sscanf(optarg, "%lu..%lu", &options.first, &options.last) == 2)
            continue;
        else if (option == 'c')
            options.run.cpus = (uint32_t)strtoul(optarg, NULL, 0);
        else if (option == 'a')
            options.run.audit_every = strtoull(optarg, NULL, 0);
        else if (option == 'e')
            options.run.echo = true;
        else if (option == 't')
            options.run.trace = true;
        else
            exit(2);
    }
}

static bool selected(const char *name, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        if (strcmp(name, argv[i]) == 0)
            return true;
    return optind == argc;
}

int main(int argc, char **argv)
{
    const struct scenario *s;
    unsigned number = 0;
    bool all_good = true;

    parse(argc, argv);
    for (size_t i = 0; (s = scenario_get(i)) != NULL; i++) {
        if (!selected(s->name, argc, argv))
            continue;
        bool good = run_all(s);
        printf("%sok %u - %s\n", good ? "" : "not ", ++number, s->name);
        (void)fflush(stdout);
        all_good = all_good && good;
    }
    printf("1..%u\n", number);
    return all_good ? 0 : 1;
}
