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

int unit_end(void)
{
    printf("1..%u\n", tests);
    return failures != 0;
}
