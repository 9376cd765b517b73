/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables and the TLB.  Kernel mappings are global and constant after boot; all roots share the tables
 * below the entries of the kernel half.  Instruction caches are coherent, and page-table walks see earlier
 * stores.
 */
#include <arch/layout.h>
#include <arch/x86.h>
#include <hal/hal.h>

#define PCID_MASK ((1ul << X86_PCID_BITS) - 1)
#define ROOT_ENTRY_SIZE (1ul << 39) /* bytes that an entry of a root of four levels spans */
#define ROOT_DIRECT (HAL_PT_ENTRIES / 2)
#define ROOT_LAST (HAL_PT_ENTRIES - 1) /* devices, stacks, image; of five levels, all that is the kernel's */

/* Kinds of INVPCID */
#define INVPCID_PAGE 0ul
#define INVPCID_CONTEXT 1ul
#define INVPCID_ALL_BUT_GLOBAL 3ul

hal_pa_t x86_kernel_root;
uint64_t x86_cr3_keep;

void hal_pt_init_root(hal_pa_t root)
{
    const hal_pte_t *kernel = hal_pa_to_ptr(x86_kernel_root);
    hal_pte_t *entry = hal_pa_to_ptr(root);

    HAL_REQUIRE(root.addr % HAL_PAGE_SIZE == 0);
    if (hal_info.pt_levels == 4) {
        for (uint64_t i = ROOT_DIRECT; i <= ROOT_DIRECT + hal_info.mem_limit.addr / ROOT_ENTRY_SIZE; i++)
            entry[i] = kernel[i];
    }
    entry[ROOT_LAST] = kernel[ROOT_LAST];
}

static void invlpg(hal_va_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static void invpcid(uint64_t kind, hal_asid_t asid, hal_va_t va)
{
    struct {
        uint64_t pcid, va;
    } descriptor = {asid, va};

    __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(kind) : "memory");
}

/* A stale entry that permits less may be cached: forget it, or the next access would fault once. */
void hal_pt_publish(hal_va_t va)
{
    invlpg(va);
}

void hal_tlb_flush_page(hal_asid_t asid, hal_va_t va)
{
    /* Without PCIDs only the active address space can be cached, and asid is 0. */
    if (!x86_features.pcid || (x86_read_cr3() & PCID_MASK) == asid)
        invlpg(va);
    else if (x86_features.invpcid)
        invpcid(INVPCID_PAGE, asid, va);
    else
        hal_tlb_flush_asid(asid);
}

/* Of all PCIDs. */
static void flush_all(void)
{
    if (!x86_features.pcid) {
        x86_write_cr3(x86_read_cr3());
    } else if (x86_features.invpcid) {
        invpcid(INVPCID_ALL_BUT_GLOBAL, 0, 0);
    } else {
        /* Clearing PGE flushes everything. */
        uint64_t cr4 = x86_read_cr4();
        x86_write_cr4(cr4 & ~CR4_PGE);
        x86_write_cr4(cr4);
    }
}

void hal_tlb_flush_asid(hal_asid_t asid)
{
    uint64_t active = x86_read_cr3();

    if (asid == HAL_ASID_ALL) {
        flush_all();
    } else if (!x86_features.pcid) {
        x86_write_cr3(active);
    } else if (x86_features.invpcid) {
        invpcid(INVPCID_CONTEXT, asid, 0);
    } else {
        /* Loading CR3 without the keep bit flushes the PCID loaded. The kernel's root serves under any. */
        x86_write_cr3(x86_kernel_root.addr + asid);
        x86_write_cr3(active | x86_cr3_keep);
    }
}

/* Coherent caches: only the compiler has to be told. IRET, and a CPU's own jump, fetch what is in memory. */
void hal_icache_sync(const void *p, size_t n)
{
    (void)p;
    (void)n;
    __asm__ volatile("" : : : "memory");
}
