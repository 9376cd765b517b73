/* SPDX-License-Identifier: BSD-2-Clause */
#include "agree_kernel.h"

#include <kern/thread.h>
#include <sim/sim.h>

uint64_t agree_priority(void)
{
    return sim_cpu_view(sim_cpu_index()).cpu->current->priority;
}
