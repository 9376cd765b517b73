/* SPDX-License-Identifier: BSD-2-Clause */
#include "driver.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS_DEFAULT 20u

static const uint32_t cpu_counts[] = {1, 2, 4};

static struct {
    const char *program;
    uint64_t first, last; /* seeds */
    uint32_t cpus;        /* 0: all of cpu_counts */
    bool echo, trace, list;
} options;

/* What is running: to say how to repeat it, even if a sanitizer ends the process. */
static const char *current_name;
static struct sim_config current;

static void print_replay(void)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "to repeat: %s --seed %lu --cpus %u %s\n", options.program,
                  (unsigned long)current.seed, current.cpus, current_name);
}

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/common_interface_defs.h>

static void on_death(void)
{
    if (current_name != NULL)
        print_replay();
}

static void watch_death(void)
{
    __sanitizer_set_death_callback(on_death);
}
#else
static void watch_death(void)
{
}
#endif

static bool check_off(const struct sim_result *result)
{
    return result->end == SIM_POWEROFF;
}

static bool run_one(const struct driver_scenario *s, uint64_t seed, uint32_t cpus)
{
    current = seed == 0 ? sim_config_default() : sim_config_random(seed, cpus);
    current.cpus = cpus;
    current.program = s->program;
    current.echo = options.echo;
    current.trace = options.trace;
    if (s->configure != NULL)
        s->configure(&current);
    current_name = s->name;
    struct sim_result result = sim_run(&current);
    bool good = s->check != NULL ? s->check(&current, &result) : check_off(&result);
    if (!good) {
        sim_report();
        print_replay();
    }
    current_name = NULL;
    return good;
}

/* All seeds of one scenario on `cpus` CPUs, up to the first that fails. */
static bool run_seeds(const struct driver_scenario *s, uint32_t cpus)
{
    bool good = true;

    for (uint64_t seed = options.first; good && seed <= options.last; seed++)
        good = run_one(s, seed, cpus);
    return good;
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'S'},
        {"cpus", required_argument, NULL, 'c'},
        {"echo", no_argument, NULL, 'e'},
        {"trace", no_argument, NULL, 't'},
        {"list", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int option;

    options.program = argv[0];
    options.last = SEEDS_DEFAULT - 1;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 's':
            options.first = options.last = strtoull(optarg, NULL, 0);
            break;
        case 'S':
            if (sscanf(optarg, "%lu..%lu", &options.first, &options.last) != 2)
                exit(2);
            break;
        case 'c':
            options.cpus = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'e':
            options.echo = true;
            break;
        case 't':
            options.trace = true;
            break;
        case 'l':
            options.list = true;
            break;
        default:
            exit(2);
        }
    }
}

static bool selected(const char *name, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        if (strcmp(name, argv[i]) == 0)
            return true;
    return optind == argc;
}

int driver_main(int argc, char **argv, const struct driver_scenario *table, size_t count)
{
    unsigned number = 0;
    bool all_good = true;

    parse(argc, argv);
    watch_death();
    for (size_t i = 0; i < count; i++) {
        if (!selected(table[i].name, argc, argv) || (table[i].deterministic && !sim_deterministic()))
            continue;
        if (options.list) {
            puts(table[i].name);
            continue;
        }
        for (size_t c = 0; c < sizeof cpu_counts / sizeof cpu_counts[0]; c++) {
            uint32_t cpus = options.cpus != 0 ? options.cpus : cpu_counts[c];
            bool good = run_seeds(&table[i], cpus);
            printf("%sok %u - %s on %u CPU%s, seeds %lu to %lu\n", good ? "" : "not ", ++number,
                   table[i].name, cpus, cpus == 1 ? "" : "s", (unsigned long)options.first,
                   (unsigned long)options.last);
            (void)fflush(stdout);
            all_good = all_good && good;
            if (options.cpus != 0)
                break;
        }
    }
    if (!options.list)
        printf("1..%u\n", number);
    return all_good ? 0 : 1;
}
