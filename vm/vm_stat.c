/* SPDX-License-Identifier: BSD-2-Clause */
#include <vm/vm_stat.h>

struct vm_stat_cpu vm_stat_cpu[HAL_CPU_MAX];

uint64_t vm_stat_sum(enum vm_stat stat)
{
    int64_t sum = 0;

    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        sum += __atomic_load_n(&vm_stat_cpu[cpu].value[stat], __ATOMIC_RELAXED);
    return sum > 0 ? (uint64_t)sum : 0;
}
