/* SPDX-License-Identifier: BSD-2-Clause */
/* How an operation is measured: bench.h. */
#include "bench.h"

#define BATCHES 5u

static uint64_t empty_loop(unsigned loops)
{
    return BENCH_LOOP(loops, (void)0);
}

static void sort(uint64_t *value, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        for (unsigned j = i; j > 0 && value[j - 1] > value[j]; j--) {
            uint64_t t = value[j];
            value[j] = value[j - 1];
            value[j - 1] = t;
        }
    }
}

void bench_report(const char *key, uint64_t value, const char *unit)
{
    printf("bench: %s %lu %s\n", key, value, unit);
}

uint64_t bench_run(const char *key, bench_function_t function, unsigned loops)
{
    uint64_t cost[BATCHES];

    (void)function(loops / 10 + 1); /* first uses */
    for (unsigned i = 0; i < BATCHES; i++) {
        uint64_t ticks = function(loops);
        uint64_t empty = empty_loop(loops);
        cost[i] = (ticks > empty ? ticks - empty : 0) / loops;
    }
    sort(cost, BATCHES);
    bench_report(key, cost[BATCHES / 2], "instructions");
    printf("bench-range: %s %lu %lu\n", key, cost[0], cost[BATCHES - 1]);
    return cost[BATCHES / 2];
}
