/* SPDX-License-Identifier: BSD-2-Clause */
#include <vm/vm_page.h>
#include <vm/vm_stat.h>

struct vm_stat_cpu vm_stat_cpu[HAL_CPU_MAX];

uint64_t vm_stat_sum(enum vm_stat stat)
{
    int64_t sum = 0;

    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        sum += __atomic_load_n(&vm_stat_cpu[cpu].value[stat], __ATOMIC_RELAXED);
    return sum > 0 ? (uint64_t)sum : 0;
}

/* Page counts of the ABI have 32 bits: 16 TiB. */
static natural_t stat_pages(uint64_t pages)
{
    return pages < UINT32_MAX ? (natural_t)pages : UINT32_MAX;
}

void vm_stat_host(struct vm_statistics64 *statistics)
{
    uint64_t total = vm_page_total_count();
    uint64_t free = vm_page_free_count();
    uint64_t object = vm_stat_sum(VM_STAT_OBJECT_PAGES);

    *statistics = (struct vm_statistics64){
        .free_count = stat_pages(free),
        .active_count = stat_pages(object),
        .wire_count = stat_pages(total > free + object ? total - free - object : 0),
        .zero_fill_count = vm_stat_sum(VM_STAT_ZERO_FILL),
        .faults = vm_stat_sum(VM_STAT_FAULTS),
    };
}

void vm_stat_pages(struct kernel_memory_pages_info *pages)
{
    *pages = (struct kernel_memory_pages_info){
        .total = stat_pages(vm_page_total_count()),
        .free = stat_pages(vm_page_free_count()),
        .user = stat_pages(vm_stat_sum(VM_STAT_OBJECT_PAGES)),
        .tables = stat_pages(vm_stat_sum(VM_STAT_TABLE_PAGES)),
    };
}
