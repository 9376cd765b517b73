/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory: faults, and the life of a page. */
#include "bench.h"

#define SELF mach_task_self()
#define PAGES 512u

static inline void touch(mach_vm_address_t address)
{
    *(volatile uint8_t *)address = 1;
}

static uint64_t fault_zero_fill(unsigned loops)
{
    mach_vm_address_t base = 0, at;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, (loops + 1) * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    touch(base); /* the page tables are there */
    at = base;
    uint64_t ticks = BENCH_LOOP(loops, touch(at += PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, base, (loops + 1) * PAGE_SIZE));
    return ticks;
}

static void page_life(void)
{
    mach_vm_address_t address = 0;

    REQUIRE_OK(mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_ANYWHERE));
    touch(address);
    REQUIRE_OK(mach_vm_deallocate(SELF, address, PAGE_SIZE));
}

static uint64_t vm_page_life(unsigned loops)
{
    return BENCH_LOOP(loops, page_life());
}

void bench_memory(void)
{
    bench_run("fault_zero_fill", fault_zero_fill, PAGES);
    bench_run("vm_allocate_touch_deallocate", vm_page_life, BENCH_LOOPS / 10);
}
