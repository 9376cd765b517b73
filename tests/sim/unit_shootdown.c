/* SPDX-License-Identifier: BSD-2-Clause */
/* How often the other CPUs are called when page tables change: once an operation, however many pages it is about. */
#include "unit.h"

#include <hal/hal.h>
#include <kern/ledger.h>
#include <kern/smp.h>
#include <vm/pmap.h>

#define BASE (UINT64_C(16) * PMAP_BLOCK_SIZE)
#define SOME_BLOCK HAL_PA(UINT64_C(4) * PMAP_BLOCK_SIZE) /* nobody reads what is mapped here */
#define CPUS 2u
#define ALL_CPUS ((cpu_mask_t)(1u << CPUS) - 1)
#define READ_WRITE (VM_PROT_READ | VM_PROT_WRITE)

static struct pmap *pmap;
static unsigned calls;

void __wrap_smp_call(cpu_mask_t cpus, void (*function)(void *), void *arg);

/* No CPU has really used this pmap: there is nothing to forget. */
void __wrap_smp_call(cpu_mask_t cpus, void (*function)(void *), void *arg)
{
    (void)function;
    (void)arg;
    SIM_CHECK(cpus == ALL_CPUS);
    calls++;
}

static void enter_pages(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        SIM_CHECK(pmap_enter(pmap, BASE + (hal_va_t)i * HAL_PAGE_SIZE, SOME_BLOCK, READ_WRITE) ==
                  KERN_SUCCESS);
}

static void enter_blocks(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        SIM_CHECK(pmap_enter_block(pmap, BASE + (hal_va_t)i * PMAP_BLOCK_SIZE, SOME_BLOCK, READ_WRITE));
}

/* Calls since the last time. */
static unsigned called(void)
{
    const unsigned count = calls;

    calls = 0;
    return count;
}

static void pages(unsigned count)
{
    const hal_va_t end = BASE + (hal_va_t)count * HAL_PAGE_SIZE;

    enter_pages(count);
    SIM_CHECK(called() == 0);
    pmap_protect(pmap, BASE, end, VM_PROT_READ);
    SIM_CHECK(called() == 1);
    pmap_protect(pmap, BASE, end, VM_PROT_READ); /* they have no more */
    SIM_CHECK(called() == 0);
    pmap_remove(pmap, BASE, end);
    SIM_CHECK(called() == 1 && pmap_resident(pmap) == 0);
    pmap_remove(pmap, BASE, end);
    SIM_CHECK(called() == 0);
}

/* Splitting a block is a change of its own. */
static void blocks(void)
{
    const hal_va_t end = BASE + 3 * (hal_va_t)PMAP_BLOCK_SIZE;

    enter_blocks(3);
    pmap_protect(pmap, BASE, end, VM_PROT_READ);
    SIM_CHECK(called() == 1);
    pmap_remove(pmap, BASE, end);
    SIM_CHECK(called() == 1 && pmap_resident(pmap) == 0);
    enter_blocks(3);
    pmap_remove(pmap, BASE + HAL_PAGE_SIZE, end - HAL_PAGE_SIZE);
    SIM_CHECK(called() == 3 && pmap_resident(pmap) == 2);
    pmap_remove(pmap, BASE, end);
    SIM_CHECK(called() == 1 && pmap_resident(pmap) == 0);
}

static void test_calls(void)
{
    pmap = pmap_create(&ledger_kernel.memory);
    SIM_CHECK(pmap != NULL);
    pmap->cpus = ALL_CPUS;
    pages(1);
    pages(32);
    pages(33);
    pages(HAL_PT_ENTRIES + 100);
    blocks();
    pmap->cpus = 0;
    pmap_destroy(pmap);
}

int main(void)
{
    struct sim_config config = sim_config_default();

    config.cpus = CPUS;
    unit_in_kernel(config, test_calls, SIM_FAILED, UNIT_DONE, "one round of calls for any number of pages");
    return unit_end();
}
