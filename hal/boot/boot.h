/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the back ends share while they boot: a record of RAM, a page allocator for page tables, and a builder of the
 * kernel's page tables over the PTE codec.  One CPU, interrupts masked, no locks.  Nothing here is called after
 * kern_boot().
 *
 * Order of use: boot_mem_add() for all RAM; boot_mem_reserve() for what is in use (kernel image, archive,
 * firmware, device tree); boot_page_alloc()/boot_map*() to build the tables; boot_mem_finish() fills
 * hal_info.mem[].
 */
#ifndef HAL_BOOT_H
#define HAL_BOOT_H

#include <hal/info.h>
#include <hal/pte.h>
#include <hal/types.h>

/* Record RAM / take a range out of RAM. Any alignment: RAM shrinks to whole pages, reservations grow. size 0: nothing.
 * Too many ranges: the excess RAM is left unused and a line says so. */
void boot_mem_add(hal_pa_t base, uint64_t size);
void boot_mem_reserve(hal_pa_t base, uint64_t size);

/* Take whole pages out of RAM for good: neither free nor in the direct map (memory that firmware forbids to touch, or
 * that the direct map does not reach). */
void boot_mem_remove(hal_pa_t base, uint64_t size);

/* Is all of [base, base + size) RAM (used or not)? */
bool boot_mem_contains(hal_pa_t base, uint64_t size);

/* Pages come from below `limit` (what the first page tables reach). Default: 4 GiB. */
void boot_mem_set_alloc_limit(hal_pa_t limit);

/* A zeroed page, reachable at hal_pa_to_ptr(). Never fails: without memory it reports that and halts. */
hal_pa_t boot_page_alloc(void);

/* Write the free ranges, mem_limit and what of taken[] is RAM into hal_info. */
void boot_mem_finish(void);

/*
 * Map [va, va + size) of kernel space to pa in the tree at `root`, with the largest leaves that hal_info.leaf_levels,
 * alignment and size allow. va, pa, size page aligned. A page that is mapped already is a programming error: panics.
 */
void boot_map(hal_pa_t root, uint64_t va, hal_pa_t pa, uint64_t size, unsigned attr);

#define BOOT_ATTR_RODATA (HAL_ATTR_R | HAL_ATTR_GLOBAL | HAL_ATTR_ACCESSED)
#define BOOT_ATTR_TEXT (BOOT_ATTR_RODATA | HAL_ATTR_X)
#define BOOT_ATTR_DATA (BOOT_ATTR_RODATA | HAL_ATTR_W | HAL_ATTR_DIRTY)

/* Page-aligned addresses in the kernel's image, where it is linked. */
struct boot_image {
    const char *text, *rodata, *data, *end;
};

/* Map the image, whose text begins at `pa`: nothing in it is both writable and executable. */
void boot_map_image(hal_pa_t root, hal_pa_t pa, const struct boot_image *image);

/* Map [base, base + size) to fresh pages for data. */
void boot_map_pages(hal_pa_t root, uint64_t base, uint64_t size);

/* Map all RAM given to boot_mem_add() at HAL_DIRECT_BASE, writable, never executable; the pages of
 * [image_base, image_ro_end) (kernel text and read-only data) read-only. */
void boot_map_direct(hal_pa_t root, hal_pa_t image_base, hal_pa_t image_ro_end);

/* Map device registers at the next free place of the device window (HAL_DEVICE_BASE, arch/layout.h); the same
 * page asked for twice gives the same address. Returns the address of `pa` itself. */
volatile void *boot_map_device(hal_pa_t root, hal_pa_t pa, uint64_t size);

/* Text of the boot phase (hal_console_putc below). fmt: %s %u %x (uint64_t) only. */
void boot_print(const char *fmt, ...);
HAL_NORETURN void boot_panic(const char *fmt, ...);

#endif
