/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation tables of the kernel, TLB and instruction cache.  Kernel and user have roots of their own
 * (TTBR1, TTBR0), so a user root needs nothing of the kernel's.  TLB operations are broadcast by the
 * hardware.
 */
#include <arch/layout.h>
#include <arch/sysreg.h>
#include <hal/boot/boot.h>
#include <hal/boot/mem.h>
#include <hal/pt.h>
#include <hal/pte.h>

#include "arch.h"

#define GIB_SHIFT 30u
#define EARLY_BLOCK_SIZE 0x200000ul

/* kernel.ld: page-aligned bounds of the parts of the image. */
extern const char image_start[], text_end[], rodata_end[], image_end[];

/* entry.S */
extern hal_pte_t early_low_l1[HAL_PT_ENTRIES], early_high_l1[HAL_PT_ENTRIES];

uint64_t arch_image_pa;
bool arch_lpa2;

static uint64_t image_pa(const void *p)
{
    return (uint64_t)(uintptr_t)p - ARCH_IMAGE_BASE + arch_image_pa;
}

/* ---- Early tables ---- */

void arch_early_map(uint64_t pa, uint64_t size)
{
    for (uint64_t gib = pa >> GIB_SHIFT; gib <= (pa + size - 1) >> GIB_SHIFT && gib < HAL_PT_ENTRIES; gib++) {
        /* Blocks that entry.S made are executable and stay: this code runs in them. */
        if (early_low_l1[gib] == 0)
            early_low_l1[gib] = hal_pte_leaf(HAL_PA(gib << GIB_SHIFT), BOOT_ATTR_DATA, 2);
    }
    ARCH_DSB(ishst);
    ARCH_ISB();
}

volatile void *arch_early_map_device(hal_pa_t pa)
{
    static hal_pte_t device_l2[HAL_PT_ENTRIES] __attribute__((aligned(HAL_PAGE_SIZE)));
    uint64_t offset = pa.addr % EARLY_BLOCK_SIZE;

    device_l2[0] = hal_pte_leaf(HAL_PA(pa.addr - offset), BOOT_ATTR_DATA | HAL_ATTR_DEVICE, 1);
    early_high_l1[HAL_DEVICE_BASE >> GIB_SHIFT & (HAL_PT_ENTRIES - 1)] =
        hal_pte_table(HAL_PA(image_pa(device_l2)), 2);
    ARCH_DSB(ishst);
    ARCH_ISB();
    return (volatile void *)(HAL_DEVICE_BASE + offset);
}

/* ---- Final tables ---- */

uint64_t arch_stack_top(uint32_t cpu)
{
    return ARCH_STACK_BASE + cpu * ARCH_STACK_SLOT + ARCH_STACK_OFFSET + ARCH_STACK_SIZE;
}

uint64_t arch_emergency_top(uint32_t cpu)
{
    return ARCH_STACK_BASE + cpu * ARCH_STACK_SLOT + ARCH_EMERGENCY_OFFSET + ARCH_EMERGENCY_SIZE;
}

hal_pa_t arch_tables_build(void)
{
    static const struct boot_image image = {image_start, text_end, rodata_end, image_end};
    struct boot_range ram;

    boot_mem_reserve(HAL_PA(arch_image_pa), (uint64_t)(image_end - image_start));
    for (uint32_t i = 0; boot_mem_ram(i, &ram); i++)
        arch_early_map(ram.base, ram.end - ram.base);
    boot_mem_set_alloc_limit(HAL_PA((uint64_t)HAL_PT_ENTRIES << GIB_SHIFT));

    hal_pa_t root = boot_page_alloc();
    boot_map_image(root, HAL_PA(arch_image_pa), &image);
    boot_map_direct(root, HAL_PA(arch_image_pa), HAL_PA(image_pa(rodata_end)));
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++) {
        boot_map_pages(root, arch_stack_top(cpu) - ARCH_STACK_SIZE, ARCH_STACK_SIZE);
        boot_map_pages(root, arch_emergency_top(cpu) - ARCH_EMERGENCY_SIZE, ARCH_EMERGENCY_SIZE);
    }
    return root;
}

/* ---- User tables, TLB ---- */

void hal_pt_init_root(hal_pa_t root)
{
    HAL_REQUIRE(root.addr % HAL_PAGE_SIZE == 0);
    (void)root;
}

/* What a TLB operation takes: address bits 55:12. */
#define TLBI_VA(va) ((va) >> HAL_PAGE_SHIFT & 0xffffffffffful)
#define TLBI_ASID(asid) ((uint64_t)(asid) << 48)

/* Holes are never cached, but an entry with fewer rights may be: drop it, here only. */
void hal_pt_publish(hal_va_t va)
{
    __asm__ volatile("dsb ishst\n\ttlbi vaae1, %0\n\tdsb nsh\n\tisb" ::"r"(TLBI_VA(va)) : "memory");
}

void hal_tlb_flush_page(hal_asid_t asid, hal_va_t va)
{
    HAL_REQUIRE(asid >> hal_info.asid_bits == 0);
    __asm__ volatile("dsb ishst\n\ttlbi vae1is, %0\n\tdsb ish\n\tisb" ::"r"(TLBI_ASID(asid) | TLBI_VA(va))
                     : "memory");
}

void hal_tlb_flush_asid(hal_asid_t asid)
{
    if (asid == HAL_ASID_ALL)
        __asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
    else
        __asm__ volatile("dsb ishst\n\ttlbi aside1is, %0\n\tdsb ish\n\tisb" ::"r"(TLBI_ASID(asid))
                         : "memory");
}

/* ---- Instruction cache ---- */

#define CTR_DLINE(ctr) (4ul << ((ctr) >> 16 & 0xf)) /* smallest data cache line, bytes */
#define CTR_IDC (1ul << 28)                         /* data needs no cleaning to be fetched */

void hal_icache_sync(const void *p, size_t n)
{
    HAL_REQUIRE(n > 0);
    uint64_t ctr = SYSREG_READ(ctr_el0);
    uint64_t line = CTR_DLINE(ctr);
    uint64_t end = (uint64_t)(uintptr_t)p + n;

    for (uint64_t at = (uint64_t)(uintptr_t)p & ~(line - 1); (ctr & CTR_IDC) == 0 && at < end; at += line)
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    /* Not by address: user code fetches through others than p. Returning to user mode does the rest. */
    __asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
}
