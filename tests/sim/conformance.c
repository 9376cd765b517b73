/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance programs on the simulated machine: boots the archive of a riscv64 build, whose programs are then
 * interpreted, and prints the machine's console.
 *
 *   conformance ARCHIVE [--cpus N] [--seed S] [--cmdline TEXT] [--statistics]
 *
 * Seed 0 is the machine with all defaults; any other varies it (sim_config_random()).  Exit status 0: the machine was
 * switched off; what the programs said is for the caller to judge.
 */
#include <errno.h>
#include <sim/sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY (UINT64_C(128) << 20)

struct options {
    const char *archive;
    const char *cmdline;
    uint32_t cpus;
    uint64_t seed;
    bool statistics;
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "conformance: %s: %s\n", what, why);
    exit(2);
}

static void *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");

    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die(name, strerror(errno));
    *size = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*size);
    if (data == NULL || fread(data, 1, *size, file) != *size)
        die(name, "can't be read");
    fclose(file);
    return data;
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (*text == '\0' || *end != '\0')
        die(text, "not a number");
    return value;
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.cmdline = "conformance=all", .cpus = 1};

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            options.archive = argv[i];
        else if (strcmp(argv[i], "--statistics") == 0)
            options.statistics = true;
        else if (i + 1 == argc)
            die(argv[i], "needs a value");
        else if (strcmp(argv[i], "--cpus") == 0)
            options.cpus = (uint32_t)number(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = number(argv[++i]);
        else if (strcmp(argv[i], "--cmdline") == 0)
            options.cmdline = argv[++i];
        else
            die(argv[i], "unknown option");
    }
    if (options.archive == NULL)
        die("usage", "conformance ARCHIVE [--cpus N] [--seed S] [--cmdline TEXT] [--statistics]");
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct sim_config config =
        options.seed == 0 ? sim_config_default() : sim_config_random(options.seed, options.cpus);
    size_t size;

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* who waits for lines sees that it lives */
    config.cpus = options.cpus;
    config.archive = read_file(options.archive, &size);
    config.archive_size = size;
    config.cmdline = options.cmdline;
    config.memory = MEMORY;
    config.steps_max = UINT64_MAX;
    config.echo = true;
    struct sim_result result = sim_run(&config);
    fflush(stdout);
    if (result.end != SIM_POWEROFF)
        fprintf(stderr, "%s: %s: %s\n", argv[0], sim_end_name(result.end), result.message);
    if (options.statistics)
        fprintf(stderr, "%llu steps, %llu kernel exits, %llu switches, %.1f s simulated, hash %016llx\n",
                (unsigned long long)result.steps, (unsigned long long)result.exits,
                (unsigned long long)result.switches, (double)result.time_ns / 1e9,
                (unsigned long long)result.hash);
    return result.end != SIM_POWEROFF;
}
