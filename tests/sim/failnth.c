/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs each scenario with the n-th request for memory failing, for every n, and then with the n-th copy from or to user
 * memory: nothing panics, the audit finds nothing, every call answers what it may answer, and nothing leaks.
 *
 *   failnth [--alloc N | --copy N] [--stride N] [--cpus N] [--seed N] [--echo] [--trace] [NAME...]
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "scenario_run.h"

static struct {
    const char *program;
    uint64_t stride; /* of the points that are tried */
    struct scenario_options run;
} options = {.stride = 1, .run = {.cpus = 1, .audit_every = 256, .failing = true}};

static uint64_t runs, points;

static bool run_one(const struct scenario *s, uint64_t alloc, uint64_t copy, struct sim_result *result)
{
    struct scenario_options o = options.run;

    o.fail_alloc = alloc;
    o.fail_copy = copy;
    *result = scenario_run(s, &o);
    runs++;
    if (result->end == SIM_POWEROFF)
        return true;
    (void)fflush(stdout);
    (void)fprintf(stderr, "# %s: %s\n# to repeat: %s --%s %lu --seed %lu --cpus %u %s\n",
                  sim_end_name(result->end), result->message, options.program, copy != 0 ? "copy" : "alloc",
                  (unsigned long)(copy != 0 ? copy : alloc), (unsigned long)o.seed, o.cpus, s->name);
    return false;
}

/* Every point of the scenario, up to the n that is not reached any more. */
static bool run_points(const struct scenario *s, bool copies, uint64_t *tried)
{
    struct sim_result result;
    uint64_t reached = 1;

    *tried = 0;
    for (uint64_t n = 1; n <= reached; n += options.stride) {
        if (!run_one(s, copies ? 0 : n, copies ? n : 0, &result))
            return false;
        reached = copies ? result.copy_points : result.alloc_points;
        (*tried)++;
    }
    points += *tried;
    return true;
}

static bool run_scenario(const struct scenario *s, unsigned number)
{
    uint64_t allocs = 0, copies = 0;
    struct sim_result result;
    bool good;

    if (options.run.fail_alloc != 0 || options.run.fail_copy != 0)
        good = run_one(s, options.run.fail_alloc, options.run.fail_copy, &result);
    else
        good = run_points(s, false, &allocs) && run_points(s, true, &copies);
    printf("%sok %u - %s: %lu requests for memory, %lu copies\n", good ? "" : "not ", number, s->name,
           (unsigned long)allocs, (unsigned long)copies);
    (void)fflush(stdout);
    return good;
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"alloc", required_argument, NULL, 'a'},  {"copy", required_argument, NULL, 'o'},
        {"stride", required_argument, NULL, 'n'}, {"cpus", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},   {"echo", no_argument, NULL, 'e'},
        {"trace", no_argument, NULL, 't'},        {NULL, 0, NULL, 0},
    };
    int option;

    options.program = argv[0];
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'a')
            options.run.fail_alloc = strtoull(optarg, NULL, 0);
        else if (option == 'o')
            options.run.fail_copy = strtoull(optarg, NULL, 0);
        else if (option == 'n' && strtoull(optarg, NULL, 0) > 0)
            options.stride = strtoull(optarg, NULL, 0);
        else if (option == 'c')
            options.run.cpus = (uint32_t)strtoul(optarg, NULL, 0);
        else if (option == 's')
            options.run.seed = strtoull(optarg, NULL, 0);
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
        if (selected(s->name, argc, argv))
            all_good = run_scenario(s, ++number) && all_good;
    }
    printf("# %lu points in %lu runs\n1..%u\n", (unsigned long)points, (unsigned long)runs, number);
    return all_good ? 0 : 1;
}
