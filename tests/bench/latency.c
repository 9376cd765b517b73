/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel's operations cost on one CPU, with little in its tables. */
#include "bench.h"

#include <libmach/traps.h>

static uint64_t null_trap(unsigned loops)
{
    return BENCH_LOOP(loops, (void)mach_null());
}

int main(void)
{
    (void)bench_run("null_trap", null_trap, BENCH_LOOPS);
    bench_rpc();
    bench_options();
    bench_memory();
    bench_pager();
    bench_objects();
    bench_interrupts();
    return 0;
}
