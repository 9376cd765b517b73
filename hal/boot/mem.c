/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAM while booting: what there is, what is in use, and pages for page tables.  A page is allocated by
 * reserving the highest free one below the limit: it joins its neighbour, so allocation needs no list of its own.
 */
#include <hal/boot/boot.h>
#include <hal/boot/mem.h>
#include <hal/boot/range.h>
#include <hal/pt.h>

#define PA_LIMIT (1ull << 48) /* what a page-table entry can hold on every ISA */
#define PAGE_MASK (HAL_PAGE_SIZE - 1ull)

static struct boot_range_set ram;
static struct boot_range_set used;
static uint64_t alloc_limit = 1ull << 32;

/* base + size, or the end of physical memory. */
static uint64_t range_end(hal_pa_t base, uint64_t size)
{
    if (base.addr >= PA_LIMIT)
        return PA_LIMIT;
    return size < PA_LIMIT - base.addr ? base.addr + size : PA_LIMIT;
}

static uint64_t page_up(uint64_t address)
{
    return (address + PAGE_MASK) & ~PAGE_MASK;
}

void boot_mem_add(hal_pa_t base, uint64_t size)
{
    uint64_t end = range_end(base, size) & ~PAGE_MASK;

    if (base.addr < end && !boot_range_add(&ram, page_up(base.addr), end))
        boot_print("boot: too many memory ranges: %x at %x stays unused\n", size, base.addr);
}

void boot_mem_reserve(hal_pa_t base, uint64_t size)
{
    if (!boot_range_add(&used, base.addr & ~PAGE_MASK, page_up(range_end(base, size))))
        boot_panic("too many reserved memory ranges");
}

void boot_mem_take(uint64_t base, uint64_t size)
{
    if (hal_info.taken_count == HAL_TAKEN_RANGES_MAX)
        boot_panic("too many ranges of memory and devices");
    hal_info.taken[hal_info.taken_count++] = (struct hal_mem_range){HAL_PA(base), size};
}

void boot_mem_remove(hal_pa_t base, uint64_t size)
{
    uint64_t start = base.addr & ~PAGE_MASK, end = page_up(range_end(base, size));

    if (!boot_range_remove(&ram, start, end))
        boot_panic("too many holes in memory");
    if (start < end)
        boot_mem_take(start, end - start);
}

bool boot_mem_contains(hal_pa_t base, uint64_t size)
{
    for (uint32_t i = 0; i < ram.count; i++) {
        const struct boot_range *r = &ram.range[i];
        if (base.addr >= r->base && base.addr < r->end && size <= r->end - base.addr)
            return true;
    }
    return false;
}

void boot_mem_set_alloc_limit(hal_pa_t limit)
{
    alloc_limit = limit.addr & ~PAGE_MASK;
}

/* The end of the highest free page of `r` that lies below the allocation limit; r->base if there is none. */
static uint64_t free_end(const struct boot_range *r)
{
    uint64_t end = r->end < alloc_limit ? r->end : alloc_limit;

    for (uint32_t i = used.count; i-- > 0 && end > r->base;) {
        if (used.range[i].base >= end)
            continue;
        if (used.range[i].end < end)
            break;
        end = used.range[i].base;
    }
    return end > r->base ? end : r->base;
}

hal_pa_t boot_page_alloc(void)
{
    for (uint32_t i = ram.count; i-- > 0;) {
        uint64_t end = free_end(&ram.range[i]);
        if (end == ram.range[i].base)
            continue;
        hal_pa_t page = HAL_PA(end - HAL_PAGE_SIZE);
        boot_mem_reserve(page, HAL_PAGE_SIZE);
        uint64_t *word = hal_pa_to_ptr(page);
        for (uint32_t w = 0; w < HAL_PAGE_SIZE / sizeof *word; w++)
            word[w] = 0;
        return page;
    }
    boot_panic("no memory for page tables below %x", alloc_limit);
}

bool boot_mem_ram(uint32_t index, struct boot_range *range)
{
    if (index >= ram.count)
        return false;
    *range = ram.range[index];
    return true;
}

void boot_mem_finish(void)
{
    struct boot_range_set unused = ram;
    uint64_t lost = 0;

    hal_info.mem_limit = HAL_PA(ram.count > 0 ? ram.range[ram.count - 1].end : 0);
    for (uint32_t i = 0; i < ram.count; i++)
        boot_mem_take(ram.range[i].base, ram.range[i].end - ram.range[i].base);
    for (uint32_t i = 0; i < used.count; i++) {
        if (!boot_range_remove(&unused, used.range[i].base, used.range[i].end))
            boot_panic("too many holes in memory");
    }
    hal_info.mem_count = 0;
    for (uint32_t i = 0; i < unused.count; i++) {
        uint64_t size = unused.range[i].end - unused.range[i].base;
        if (hal_info.mem_count == HAL_MEM_RANGES_MAX) {
            lost += size;
            continue;
        }
        hal_info.mem[hal_info.mem_count++] = (struct hal_mem_range){HAL_PA(unused.range[i].base), size};
    }
    if (lost > 0)
        boot_print("boot: too many memory ranges: %x bytes stay unused\n", lost);
    if (hal_info.mem_count == 0)
        boot_panic("no free memory");
}
