/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measuring: an operation is run in batches of N; of the batches' averages, median and range are reported.
 *
 *   bench: KEY VALUE UNIT
 *   bench-range: KEY MIN MAX
 *
 * Under QEMU's -icount the counters tick once per guest instruction, so the figures are exact and the same on
 * every run.  Without it they are time, of a kind.
 */
#ifndef BENCH_H
#define BENCH_H

#include "../conformance/lib/ports.h"
#include "../conformance/lib/test.h"

#include <counter.h>

#define BENCH_LOOPS 10000u /* of a cheap operation, a batch */

/*
 * One batch: run the operation `loops` times.
 * Returns: ticks that all of them took together, set-up not included.
 */
typedef uint64_t (*bench_function_t)(unsigned loops);

/*
 * Measure and report `function`, a loop like that of BENCH_LOOP: the cost of the empty loop is taken off.
 * Returns: the figure.
 */
uint64_t bench_run(const char *key, bench_function_t function, unsigned loops);

/* Report one figure. */
void bench_report(const char *key, uint64_t value, const char *unit);

/* The body of a bench_function_t: ticks of `loops` executions of the statement. */
#define BENCH_LOOP(loops, statement)                                                                         \
    ({                                                                                                       \
        const uint64_t bench_start = counter_read();                                                         \
        for (unsigned bench_i = (loops); bench_i > 0; bench_i--) {                                           \
            __asm__ volatile("" : "+r"(bench_i));                                                            \
            statement;                                                                                       \
        }                                                                                                    \
        counter_read() - bench_start;                                                                        \
    })

/* ---- The groups of `latency` ---- */

void bench_rpc(void);
void bench_options(void);
void bench_memory(void);
void bench_pager(void);
void bench_objects(void);
void bench_interrupts(void);

#endif
