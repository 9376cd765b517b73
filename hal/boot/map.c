/* SPDX-License-Identifier: BSD-2-Clause */
/* The builder of the kernel's page tables, the direct map and the device window. */
#include <hal/boot/boot.h>
#include <hal/boot/mem.h>
#include <hal/pt.h>
#include <hal/upcall.h>

#define DEVICE_WINDOW_SIZE (1ull << 30)
#define DEVICE_RANGES_MAX 64u

static struct device_range {
    uint64_t pa; /* whole pages */
    uint64_t size;
    uint64_t va;
} device[DEVICE_RANGES_MAX];

static uint32_t device_count;
static uint64_t device_next = HAL_DEVICE_BASE;

static uint64_t level_size(unsigned level)
{
    HAL_REQUIRE(level < HAL_PT_MAX_LEVELS);

    return 1ull << (HAL_PAGE_SHIFT + HAL_PT_SHIFT * level);
}

/* The largest level at which one leaf can begin the mapping. */
static unsigned leaf_level(uint64_t va, uint64_t pa, uint64_t size)
{
    unsigned level = hal_info.pt_levels - 1;

    while (level > 0) {
        bool aligned = ((va | pa) & (level_size(level) - 1)) == 0;
        if ((hal_info.leaf_levels >> level & 1) != 0 && aligned && size >= level_size(level))
            break;
        level--;
    }
    return level;
}

/* The entry for `va` at `level`, its tables made where they are missing. */
static hal_pte_t *entry_at(hal_pa_t root, uint64_t va, unsigned level)
{
    hal_pa_t table = root;

    for (unsigned l = hal_info.pt_levels - 1;; l--) {
        hal_pte_t *entries = hal_pa_to_ptr(table);
        hal_pte_t *entry = &entries[va / level_size(l) % HAL_PT_ENTRIES];
        if (l == level)
            return entry;
        switch (hal_pte_kind(*entry, l)) {
        case HAL_PTE_HOLE:
            table = boot_page_alloc();
            *entry = hal_pte_table(table, l);
            break;
        case HAL_PTE_TABLE:
            table = hal_pte_addr(*entry, l);
            break;
        case HAL_PTE_LEAF:
            boot_panic("kernel address %x is mapped already", va);
        }
    }
}

void boot_map(hal_pa_t root, uint64_t va, hal_pa_t pa, uint64_t size, unsigned attr)
{
    while (size > 0) {
        unsigned level = leaf_level(va, pa.addr, size);
        hal_pte_t *entry = entry_at(root, va, level);
        if (hal_pte_kind(*entry, level) != HAL_PTE_HOLE)
            boot_panic("kernel address %x is mapped already", va);
        *entry = hal_pte_leaf(pa, attr, level);
        va += level_size(level);
        pa.addr += level_size(level);
        size -= level_size(level);
    }
}

void boot_map_image(hal_pa_t root, hal_pa_t pa, const struct boot_image *image)
{
    const struct {
        const char *start, *end;
        unsigned attr;
    } part[] = {
        {image->text, image->rodata, BOOT_ATTR_TEXT},
        {image->rodata, image->data, BOOT_ATTR_RODATA},
        {image->data, image->end, BOOT_ATTR_DATA},
    };

    for (unsigned i = 0; i < sizeof part / sizeof part[0]; i++)
        boot_map(root, (uint64_t)(uintptr_t)part[i].start,
                 HAL_PA(pa.addr + (uint64_t)(part[i].start - image->text)),
                 (uint64_t)(part[i].end - part[i].start), part[i].attr);
}

void boot_map_pages(hal_pa_t root, uint64_t base, uint64_t size)
{
    for (uint64_t offset = 0; offset < size; offset += HAL_PAGE_SIZE)
        boot_map(root, base + offset, boot_page_alloc(), HAL_PAGE_SIZE, BOOT_ATTR_DATA);
}

static void map_direct_part(hal_pa_t root, uint64_t base, uint64_t end, unsigned attr)
{
    if (base < end)
        boot_map(root, HAL_DIRECT_BASE + base, HAL_PA(base), end - base, attr);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void boot_map_direct(hal_pa_t root, hal_pa_t image_base, hal_pa_t image_ro_end)
{
    struct boot_range r;

    for (uint32_t i = 0; boot_mem_ram(i, &r); i++) {
        uint64_t ro_base = min_u64(max_u64(r.base, image_base.addr), r.end);
        uint64_t ro_end = min_u64(max_u64(r.base, image_ro_end.addr), r.end);
        map_direct_part(root, r.base, ro_base, BOOT_ATTR_DATA);
        map_direct_part(root, ro_base, ro_end, BOOT_ATTR_RODATA);
        map_direct_part(root, ro_end, r.end, BOOT_ATTR_DATA);
    }
}

volatile void *boot_map_device(hal_pa_t root, hal_pa_t pa, uint64_t size)
{
    uint64_t base = pa.addr / HAL_PAGE_SIZE * HAL_PAGE_SIZE;

    if (size == 0 || size > DEVICE_WINDOW_SIZE)
        boot_panic("impossible size %x of the device at %x", size, pa.addr);
    uint64_t length = (pa.addr - base + size + HAL_PAGE_SIZE - 1) / HAL_PAGE_SIZE * HAL_PAGE_SIZE;
    for (uint32_t i = 0; i < device_count; i++) {
        const struct device_range *d = &device[i];
        if (base >= d->pa && base - d->pa < d->size && length <= d->size - (base - d->pa))
            return (volatile void *)(uintptr_t)(d->va + (pa.addr - d->pa));
    }
    if (device_count == DEVICE_RANGES_MAX || length > HAL_DEVICE_BASE + DEVICE_WINDOW_SIZE - device_next)
        boot_panic("no room to map the device at %x", pa.addr);
    struct device_range *d = &device[device_count++];
    *d = (struct device_range){base, length, device_next};
    device_next += length;
    boot_mem_take(base, length);
    boot_map(root, d->va, HAL_PA(base), length, BOOT_ATTR_DATA | HAL_ATTR_DEVICE);
    return (volatile void *)(uintptr_t)(d->va + (pa.addr - base));
}
