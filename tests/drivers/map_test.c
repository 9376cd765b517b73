/* SPDX-License-Identifier: BSD-2-Clause */
/* hal/boot/mem.c and map.c: RAM, pages and page tables while booting, with the simulator's entries of page tables. */
#include <hal/boot/boot.h>
#include <hal/boot/mem.h>
#include <hal/pt.h>
#include <hal/pte.h>
#include <setjmp.h>
#include <sys/mman.h>

#include "host_test.h"

#define RAM_BASE 0x200000u
#define RAM_SIZE 0x800000u
#define RAM_END (RAM_BASE + RAM_SIZE)
#define LARGE 0x200000u /* bytes of a leaf of level 1 */
#define ATTR (HAL_ATTR_R | HAL_ATTR_W | HAL_ATTR_GLOBAL | HAL_ATTR_ACCESSED | HAL_ATTR_DIRTY)

struct hal_info hal_info = {.pt_levels = 4, .leaf_levels = 7};

static jmp_buf panicked;

void boot_print(const char *fmt, ...)
{
    (void)fmt;
}

void boot_panic(const char *fmt, ...)
{
    (void)fmt;
    longjmp(panicked, 1);
}

#define PANICS(call) (setjmp(panicked) != 0 || ((call), false))

/* The leaf that maps `va` and its level; 0: none. */
static hal_pte_t leaf_of(hal_pa_t root, uint64_t va, unsigned *level)
{
    for (unsigned l = hal_info.pt_levels - 1;; l--) {
        const hal_pte_t *table = hal_pa_to_ptr(root);
        hal_pte_t entry = table[va >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT * l) & (HAL_PT_ENTRIES - 1)];
        *level = l;
        switch (hal_pte_kind(entry, l)) {
        case HAL_PTE_HOLE:
            return 0;
        case HAL_PTE_LEAF:
            return entry;
        case HAL_PTE_TABLE:
            root = hal_pte_addr(entry, l);
        }
    }
}

static bool maps(hal_pa_t root, uint64_t va, uint64_t pa, unsigned level)
{
    unsigned found;
    hal_pte_t leaf = leaf_of(root, va, &found);

    return leaf != 0 && found == level && hal_pte_addr(leaf, level).addr == pa;
}

static bool unmapped(hal_pa_t root, uint64_t va)
{
    unsigned level;

    return leaf_of(root, va, &level) == 0;
}

static hal_pa_t root;

static void pages(void)
{
    boot_mem_add(HAL_PA(RAM_BASE + 1), RAM_SIZE); /* whole pages of it */
    boot_mem_add(HAL_PA(RAM_BASE), 0);
    CHECK(!boot_mem_contains(HAL_PA(RAM_BASE), 1) &&
          boot_mem_contains(HAL_PA(RAM_BASE + 0x1000), RAM_SIZE - 0x1000));
    CHECK(!boot_mem_contains(HAL_PA(RAM_END - 1), 2) && boot_mem_contains(HAL_PA(RAM_END - 1), 1));
    boot_mem_reserve(HAL_PA(RAM_END - 0x2001), 2); /* two pages of which it is a byte each */
    root = boot_page_alloc();
    CHECK(root.addr == RAM_END - 0x1000);
    CHECK(boot_page_alloc().addr == RAM_END - 0x4000);
    boot_mem_set_alloc_limit(HAL_PA(RAM_BASE + 0x400fff));
    CHECK(boot_page_alloc().addr == RAM_BASE + 0x3ff000);
    const uint8_t *zero = hal_pa_to_ptr(HAL_PA(RAM_BASE + 0x3ff000));
    for (uint32_t i = 0; i < HAL_PAGE_SIZE; i++)
        CHECK(zero[i] == 0);
    boot_mem_set_alloc_limit(HAL_PA(RAM_BASE + 0x1000));
    CHECK(PANICS(boot_page_alloc()));
    boot_mem_set_alloc_limit(HAL_PA(RAM_END));
}

static void leaves(void)
{
    const uint64_t va = 0x40000000;

    boot_map(root, va - 0x1000, HAL_PA(LARGE - 0x1000), LARGE + 0x2000, ATTR);
    CHECK(unmapped(root, va - 0x2000) && unmapped(root, va + LARGE + 0x1000));
    CHECK(maps(root, va - 0x1000, LARGE - 0x1000, 0));
    CHECK(maps(root, va, LARGE, 1));
    CHECK(maps(root, va + LARGE, 2 * LARGE, 0));
    boot_map(root, 0x80000000, HAL_PA(0x40001000), 0x1000, ATTR); /* alike only in part */
    CHECK(maps(root, 0x80000000, 0x40001000, 0));
    boot_map(root, 0xc0000000, HAL_PA(0x40000000), 0x40000000, ATTR);
    CHECK(maps(root, 0xc0000000, 0x40000000, 2));
    CHECK(PANICS(boot_map(root, 0x80000000, HAL_PA(0), 0x1000, ATTR)));
    CHECK(PANICS(boot_map(root, va + 0x1000, HAL_PA(0), 0x1000, ATTR)));
    hal_info.leaf_levels = 1;
    boot_map(root, 0x100000000, HAL_PA(0), LARGE, ATTR);
    CHECK(maps(root, 0x100000000 + LARGE - 0x1000, LARGE - 0x1000, 0));
    hal_info.leaf_levels = 7;
}

static void direct(void)
{
    const hal_pa_t image = HAL_PA(RAM_BASE + 0x2000), end = HAL_PA(RAM_BASE + 0x5000);
    unsigned level;

    boot_map_direct(root, image, end);
    CHECK(unmapped(root, HAL_DIRECT_BASE + RAM_BASE));
    for (uint64_t pa = RAM_BASE + 0x1000; pa < RAM_BASE + 0x7000; pa += 0x1000) {
        hal_pte_t leaf = leaf_of(root, HAL_DIRECT_BASE + pa, &level);
        bool writable = pa < image.addr || pa >= end.addr;
        CHECK(leaf != 0 && level == 0 && ((hal_pte_attr(leaf, 0) & HAL_ATTR_W) != 0) == writable);
    }
    CHECK(maps(root, HAL_DIRECT_BASE + RAM_END - 0x1000, RAM_END - LARGE, 1));
    CHECK(unmapped(root, HAL_DIRECT_BASE + RAM_END));
}

static bool has_attributes(uint64_t va, unsigned attr)
{
    unsigned level;
    hal_pte_t leaf = leaf_of(root, va, &level);

    return leaf != 0 && hal_pte_attr(leaf, level) == attr;
}

static void image(void)
{
    const uint64_t base = 0xffffffff80000000;
    const char *text = (const char *)(uintptr_t)base;
    const struct boot_image parts = {text, text + 0x3000, text + 0x4000, text + 0x6000};

    boot_map_image(root, HAL_PA(0x40007000), &parts);
    for (uint64_t offset = 0; offset < 0x6000; offset += 0x1000)
        CHECK(maps(root, base + offset, 0x40007000 + offset, 0));
    CHECK(unmapped(root, base - 0x1000) && unmapped(root, base + 0x6000));
    CHECK(has_attributes(base + 0x2000, ATTR - HAL_ATTR_W - HAL_ATTR_DIRTY + HAL_ATTR_X));
    CHECK(has_attributes(base + 0x3000, ATTR - HAL_ATTR_W - HAL_ATTR_DIRTY));
    CHECK(has_attributes(base + 0x4000, ATTR) && has_attributes(base + 0x5000, ATTR));
    boot_map_pages(root, base - 0x3000, 0x2000);
    CHECK(has_attributes(base - 0x3000, ATTR) && has_attributes(base - 0x2000, ATTR));
    CHECK(unmapped(root, base - 0x4000) && unmapped(root, base - 0x1000));
}

/* The kernel's addresses are all in the last entry of a root of five levels. */
static void five_levels(void)
{
    hal_pa_t wide = boot_page_alloc();
    hal_pte_t *entry = hal_pa_to_ptr(wide);

    hal_info.pt_levels = 5;
    boot_map(wide, 0xffff800000000000, HAL_PA(0x1000), 0x1000, ATTR);
    boot_map(wide, 0xfffffffffffff000, HAL_PA(0x2000), 0x1000, ATTR);
    CHECK(maps(wide, 0xffff800000000000, 0x1000, 0) && maps(wide, 0xfffffffffffff000, 0x2000, 0));
    for (unsigned i = 0; i < HAL_PT_ENTRIES - 1; i++)
        CHECK(entry[i] == 0);
    hal_info.pt_levels = 4;
}

static void devices(void)
{
    const hal_pa_t uart = HAL_PA(0x10000010), plic = HAL_PA(0xc000000);
    uint64_t at = (uint64_t)(uintptr_t)boot_map_device(root, uart, 0x1000); /* two pages */

    CHECK(at % HAL_PAGE_SIZE == 0x10 && maps(root, at - 0x10, 0x10000000, 0));
    CHECK(maps(root, at - 0x10 + 0x1000, 0x10001000, 0) && unmapped(root, at - 0x10 + 0x2000));
    uint64_t other = (uint64_t)(uintptr_t)boot_map_device(root, plic, 0x3000);
    CHECK(other == at - 0x10 + 0x2000 && maps(root, other, plic.addr, 0));
    /* the same again, all of it or a part: the mapping that there is */
    CHECK((uint64_t)(uintptr_t)boot_map_device(root, uart, 0x1000) == at);
    CHECK((uint64_t)(uintptr_t)boot_map_device(root, plic, 0x3000) == other);
    CHECK((uint64_t)(uintptr_t)boot_map_device(root, HAL_PA(plic.addr + 0x1004), 4) == other + 0x1004);
    /* more than the mapping that there is, before it or behind it */
    uint64_t more = (uint64_t)(uintptr_t)boot_map_device(root, plic, 0x3001);
    CHECK(more == other + 0x3000 && maps(root, more + 0x3000, plic.addr + 0x3000, 0));
    CHECK((uint64_t)(uintptr_t)boot_map_device(root, HAL_PA(plic.addr - 1), 1) == more + 0x4fff);
    CHECK(PANICS((void)boot_map_device(root, uart, 0)));
    CHECK(PANICS((void)boot_map_device(root, uart, (1ull << 30) + 1)));
    CHECK(PANICS((void)boot_map_device(root, HAL_PA(0x20000000), 1ull << 30))); /* no room is left */
}

static void ranges(void)
{
    boot_mem_remove(HAL_PA(RAM_BASE), 0x1800);
    boot_mem_finish();
    CHECK(hal_info.mem_limit.addr == RAM_END && hal_info.mem_count >= 1);
    CHECK(hal_info.mem[0].base.addr == RAM_BASE + 0x2000);
    uint64_t end = 0;
    for (uint32_t i = 0; i < hal_info.mem_count; i++) {
        CHECK(hal_info.mem[i].base.addr >= end && hal_info.mem[i].size > 0);
        end = hal_info.mem[i].base.addr + hal_info.mem[i].size;
    }
    CHECK(end < root.addr); /* behind are a reservation and tables */
}

int main(void)
{
    static const struct host_case table[] = {
        {"pages for tables: the highest that is free, below the limit, zeroed", pages},
        {"leaves: the largest that alignment and size allow", leaves},
        {"direct map: all RAM, the image read-only", direct},
        {"image: text, read-only data and data have their rights", image},
        {"five levels: the last entry of the root leads to all of the kernel", five_levels},
        {"devices: a window, the same registers at the same place", devices},
        {"what is free in the end", ranges},
    };
    void *ram = mmap((void *)(uintptr_t)(HAL_DIRECT_BASE + RAM_BASE), RAM_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (ram == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    memset(ram, 0xa5, RAM_SIZE);
    return host_run(table, sizeof table / sizeof table[0]);
}
