/* SPDX-License-Identifier: BSD-2-Clause */
/* Page-table roots, TLBs, instruction caches. */
#include "machine.h"

#define ROOT_TOP (HAL_PT_ENTRIES - 1)  /* the last 256 GiB are in one entry of a root of Sv48 or Sv57 */
#define ROOT_HALF (HAL_PT_ENTRIES / 2) /* half of a Sv39 root */

void hal_pt_init_root(hal_pa_t root)
{
    HAL_REQUIRE(root.addr % HAL_PAGE_SIZE == 0);

    hal_pte_t *to = hal_pa_to_ptr(root);
    const hal_pte_t *from = hal_pa_to_ptr(arch_machine.root);
    for (uint32_t i = hal_info.pt_levels > 3 ? ROOT_TOP : ROOT_HALF; i < HAL_PT_ENTRIES; i++)
        to[i] = from[i];
}

void hal_pt_publish(hal_va_t va)
{
    __asm__ volatile("sfence.vma %0" ::"r"(va) : "memory");
}

void hal_tlb_flush_page(hal_asid_t asid, hal_va_t va)
{
    __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"((uint64_t)asid) : "memory");
}

void hal_tlb_flush_asid(hal_asid_t asid)
{
    if (asid == HAL_ASID_ALL)
        __asm__ volatile("sfence.vma" ::: "memory");
    else
        __asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)asid) : "memory");
}

/*
 * Each other CPU gets a flag that it looks at before it returns to user mode (trap.S), and an interrupt if it may be in
 * user mode now.  The firmware's remote fence would wait for every hart, idle ones included.
 * Order: the flag is set before `idle` is read; a CPU that leaves idle clears `idle` before it reads the flag.
 */
void hal_icache_sync(const void *p, size_t n)
{
    HAL_REQUIRE(n > 0);

    (void)p; /* fence.i knows no addresses */
    (void)n;
    __asm__ volatile("fence rw, rw\n\tfence.i" ::: "memory");
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        struct hal_cpu *cpu = arch_machine.cpu[i];
        if (cpu == NULL || cpu == arch_cpu_self())
            continue;
        atomic_store(&cpu->icache_stale, 1);
        if (atomic_load(&cpu->idle) == 0)
            hal_ipi_send(i);
    }
}
