/* SPDX-License-Identifier: BSD-2-Clause */
/* A program of cases that runs on the host and prints TAP. */
#ifndef HOST_TEST_H
#define HOST_TEST_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_SECONDS 120 /* a case that loops for ever ends the program */

struct host_case {
    const char *name;
    void (*run)(void);
};

static bool host_failed;

static inline bool host_check(bool good, const char *text, int line)
{
    if (!good && !host_failed)
        printf("# line %d: %s\n", line, text);
    host_failed = host_failed || !good;
    return good;
}

/* Notes a failure of the case, and goes on. */
#define CHECK(condition) host_check((condition), #condition, __LINE__)

/* A pseudo-random number below `limit`, the same sequence in every run. */
static inline uint32_t host_random(uint32_t limit)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % limit;
}

static inline int host_run(const struct host_case *table, unsigned count)
{
    int status = 0;

    printf("1..%u\n", count);
    for (unsigned i = 0; i < count; i++) {
        host_failed = false;
        (void)alarm(HOST_SECONDS);
        table[i].run();
        printf("%sok %u - %s\n", host_failed ? "not " : "", i + 1, table[i].name);
        (void)fflush(stdout);
        status |= host_failed;
    }
    return status;
}

#endif
