/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>
#include <string.h>

static unsigned tests, failures;

void unit_result(bool good, const char *name)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++tests, name);
    failures += !good;
}

void unit_boot(const struct sim_config *config, enum sim_end end, const char *text, const char *name)
{
    struct sim_result result = sim_run(config);
    bool good = result.end == end && strstr(result.message, text) != NULL;

    if (!good)
        printf("# ended with: %s: %s\n", sim_end_name(result.end), result.message);
    unit_result(good, name);
}

static void idle_program(uint64_t arg)
{
    (void)arg;
    for (;;)
        sim_step();
}

static void quiet(void *user)
{
    void (*const *test)(void) = user;

    (*test)();
    sim_fail(UNIT_DONE);
}

void unit_in_kernel(struct sim_config config, void (*test)(void), enum sim_end end, const char *text,
                    const char *name)
{
    config.program = idle_program;
    config.quiet = quiet;
    config.quiet_every = 1;
    config.user = (void *)&test;
    unit_boot(&config, end, text, name);
}

int unit_end(void)
{
    printf("1..%u\n", tests);
    return failures != 0;
}
