/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HAL conformance suite on the simulated machine.
 *
 *   hal-test [OPTION...]                     on every configuration that the options ask for (tests/sim/driver.h)
 *   hal-test --console CPUS SEED CMDLINE     one boot, and what its console says
 */
#include <sim/driver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSOLE_ARGUMENTS 5
#define LETTERS 26
#define STEP_NS 100 /* cases wait for milliseconds, by turns of hal_cpu_pause() */
#define INPUT_SIZE (400 * LETTERS)

static char input[INPUT_SIZE + 1]; /* the alphabet, over and over */
static const char archive[] = "070701";

static void configure(struct sim_config *config)
{
    for (unsigned i = 0; i < INPUT_SIZE; i++)
        input[i] = (char)('a' + i % LETTERS);
    config->input = input;
    config->archive = archive;
    config->archive_size = sizeof archive;
    config->steps_max = UINT64_MAX;
    config->step_ns = STEP_NS;
    config->spurious_irq = 0; /* the contract allows them; cases count what they see */
    config->spurious_fault = 0;
    if (config->cmdline == NULL)
        config->cmdline = "hal-test";
}

static void configure_restart(struct sim_config *config)
{
    config->cmdline = "reboot hal-test";
    configure(config);
}

/* Say on standard error which results are no success. Returns whether there is one. */
static bool say_failures(const char *console)
{
    static const char failure[] = "not ok ";
    bool found = false;

    for (const char *line = console; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, failure, sizeof failure - 1) != 0)
            continue;
        found = true;
        do
            fprintf(stderr, "%.*s\n", (int)strcspn(line, "\n"), line);
        while ((line = strchr(line, '\n') + 1)[0] == '#');
        line--;
    }
    return found;
}

static bool check_end(const struct sim_result *result, enum sim_end end)
{
    bool failures = say_failures(result->console);

    return result->end == end && !failures && strstr(result->console, "\nportolan: halted\n") != NULL;
}

static bool check(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    return check_end(result, SIM_POWEROFF);
}

static bool check_restart(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    return check_end(result, SIM_REBOOT);
}

static const struct driver_scenario table[] = {
    {.name = "suite", .configure = configure, .check = check},
    {.name = "restart", .configure = configure_restart, .check = check_restart},
};

/* Silent about an end that was asked for: the console's last line is the boot's. */
static int console(char **argv)
{
    uint32_t cpus = (uint32_t)strtoul(argv[2], NULL, 0);
    uint64_t seed = strtoull(argv[3], NULL, 0);
    struct sim_config config = seed == 0 ? sim_config_default() : sim_config_random(seed, cpus);

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* who waits for lines sees that it lives */
    config.cpus = cpus;
    config.cmdline = argv[4];
    config.echo = true;
    configure(&config);
    struct sim_result result = sim_run(&config);
    if (result.end == (strstr(argv[4], "reboot") != NULL ? SIM_REBOOT : SIM_POWEROFF))
        return 0;
    printf("%s: %s\n", sim_end_name(result.end), result.message);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == CONSOLE_ARGUMENTS && strcmp(argv[1], "--console") == 0)
        return console(argv);
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
