/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Superpages: memory that is made and mapped a block at a time (PMAP_BLOCK_SIZE bytes), where its owner asked for that
 * (VM_FLAGS_SUPERPAGE_SIZE_2MB).
 *
 * A block is a matter of page tables alone.  Its pages are contiguous, but each is a page of its own in the tree of the object: shared,
 * copied, replaced and freed as any other.  What changes the mapping of a part splits it (vm/pmap.c), and it stays split until it is
 * unmapped.  The first fault in a block where the object has nothing yet makes all its pages, if memory has such a block and the
 * ledger allows it; else it makes one page, as anywhere.
 */
#include <hal/hal.h>
#include <kern/ledger.h>
#include <mach/vm_param.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_stat.h>

#define BLOCK_PAGES ((uint64_t)1 << PMAP_BLOCK_ORDER)

_Static_assert(VM_SUPERPAGE_SIZE == PMAP_BLOCK_SIZE, "the flag names the size of a block");

/* --- allocation ----------------------------------------------------------------------------------------- */

kern_return_t vm_map_allocate_superpages(struct vm_map *map, hal_va_t *address, uint64_t size, bool anywhere)
{
    const struct vm_map_remap how = {.anywhere = anywhere, .mask = PMAP_BLOCK_SIZE - 1};
    struct list entries;

    if (size % PMAP_BLOCK_SIZE != 0 || (!anywhere && *address % PMAP_BLOCK_SIZE != 0))
        return KERN_INVALID_ARGUMENT;
    if (size == 0) {
        *address = 0;
        return KERN_SUCCESS;
    }
    struct vm_map_entry *entry = vm_map_entry_alloc(map->payer);
    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    entry->start = 0;
    entry->end = size;
    entry->offset = 0;
    entry->protection = VM_PROT_DEFAULT;
    entry->max_protection = VM_PROT_ALL;
    entry->inheritance = VM_INHERIT_DEFAULT;
    entry->superpages = true;
    list_init(&entries);
    list_insert_tail(&entries, &entry->link);
    kern_return_t kr = vm_map_put(map, address, size, &how, &entries);
    vm_map_entries_free(&entries);
    return kr;
}

/* --- faults --------------------------------------------------------------------------------------------- */

/* The pages of a block, zero, charged to `payer`; the first of them, or NULL. */
static struct vm_page *block_create(struct ledger_account *payer)
{
    /* not from what is kept back for page-out: then pages are made one by one, and may have to wait */
    if (vm_page_spare_count() < BLOCK_PAGES || !ledger_charge(payer, PMAP_BLOCK_SIZE))
        return NULL;
    char *block = vm_page_alloc_zero(PMAP_BLOCK_ORDER);
    if (block == NULL) {
        ledger_uncharge(payer, PMAP_BLOCK_SIZE);
        return NULL;
    }
    vm_page_split(block, PMAP_BLOCK_ORDER);
    for (size_t at = 0; at < PMAP_BLOCK_SIZE; at += PAGE_SIZE)
        (void)vm_page_adopt(block + at, payer);
    vm_stat_add(VM_STAT_ZERO_FILL, (int64_t)BLOCK_PAGES);
    return vm_page_of(block);
}

static hal_va_t block_start(hal_va_t va)
{
    return va - va % PMAP_BLOCK_SIZE;
}

/* The number of the page at `va`, in the object of `entry`. */
static uint64_t block_index(const struct vm_map_entry *entry, hal_va_t va)
{
    return (entry->offset + (va - entry->start)) >> PAGE_SHIFT;
}

/* A block is in one entry with all of it, and in its object with nothing. Pages to be executed are made coherent one by one. */
bool vm_superpage_fits(const struct vm_map_entry *entry, struct vm_object *object, hal_va_t address)
{
    const hal_va_t va = block_start(address);

    if (!entry->superpages || (hal_info.leaf_levels >> 1 & 1) == 0 || object->kind != VM_OBJECT_ANONYMOUS ||
        va < entry->start || va + PMAP_BLOCK_SIZE > entry->end || entry->protection == VM_PROT_NONE ||
        (entry->protection & VM_PROT_EXECUTE) != 0)
        return false;
    const uint64_t first = block_index(entry, va);
    uint64_t next = first;
    return vm_radix_next(&object->pages, &next) == NULL || next >= first + BLOCK_PAGES;
}

/* Give the object of `entry` the pages from `page` on for the block at `va`, and map it. Returns how many it took: all but without
 * memory. */
static uint64_t block_insert(struct vm_map_entry *entry, struct vm_object *object, hal_va_t va,
                             struct vm_page *page) REQUIRES(object->lock)
{
    const bool writable = (entry->protection & VM_PROT_WRITE) != 0;
    const uint64_t first = block_index(entry, va);
    struct vm_page *none;

    for (uint64_t i = 0; i < BLOCK_PAGES; i++)
        if (!vm_radix_insert(&object->pages, first + i, page + i, writable, &none))
            return i;
    entry->mapped = true;
    /* without memory for a table its pages are mapped one by one, by faults */
    (void)pmap_enter_block(entry->map->pmap, va, hal_ptr_to_pa(vm_page_address(page)), entry->protection);
    return BLOCK_PAGES;
}

/* The fault was looked at before, and what it found may have changed meanwhile. */
void vm_superpage_fill(struct vm_map *map, hal_va_t address, struct ledger_account *payer)
{
    struct vm_page *page = block_create(payer);
    uint64_t used = 0;

    if (page == NULL)
        return;
    spin_lock(&map->lock);
    struct vm_map_entry *entry = vm_map_lookup(map, address);
    struct vm_object *object = entry != NULL ? entry->object : NULL;
    vm_map_to_reader(map);
    if (object != NULL) {
        spin_lock(&object->lock);
        if (vm_superpage_fits(entry, object, address))
            used = block_insert(entry, object, block_start(address), page);
        spin_unlock(&object->lock);
    }
    vm_map_reader_end(map);
    for (; used < BLOCK_PAGES; used++)
        vm_page_unref(page + used);
}
