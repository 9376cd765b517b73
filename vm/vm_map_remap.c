/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is in two places: of two maps, or of one.
 *
 * What is to be entered is taken from the source first, and then put into the target: two maps are never locked at a
 * time.  In between it belongs to nobody else, as a copy does that is in a message.
 */
#include <hal/hal.h>
#include <mach/vm_param.h>
#include <vm/vm_map_i.h>
#include <vm/vm_range.h>

/* Find or make room for `size` bytes, below *next. Returns as vm_map_put(). */
static kern_return_t remap_place(struct vm_map *map, hal_va_t address, uint64_t size,
                                 const struct vm_map_remap *how, hal_va_t *start, struct vm_map_entry **next)
    REQUIRES(map->lock)
{
    const uint64_t mask = how->mask & ~PAGE_MASK; /* pages are aligned anyway */

    if (how->anywhere) {
        /* room for that much has room at an aligned address */
        if (size > UINT64_MAX - mask)
            return KERN_NO_SPACE;
        kern_return_t kr = vm_map_place(map, address, size + mask, true, start, next);
        *start = (*start + mask) & ~mask;
        return kr;
    }
    if (!how->overwrite)
        return vm_map_place(map, address, size, false, start, next);
    *start = trunc_page(address);
    kern_return_t kr = vm_range_check_user(*start, size);
    if (kr == KERN_SUCCESS && !vm_map_remove_range(map, *start, *start + size))
        kr = KERN_RESOURCE_SHORTAGE;
    *next = vm_map_tree_find(map, *start);
    return kr;
}

/* Set the inheritance of what is entered, and find the protections that all of it has. */
static void remap_attributes(const struct list *entries, struct vm_map_remap *how)
{
    how->protection = VM_PROT_ALL;
    how->max_protection = VM_PROT_ALL;
    LIST_FOR_EACH(node, entries)
    {
        struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        how->protection &= entry->protection;
        how->max_protection &= entry->max_protection;
        entry->inheritance = (uint8_t)how->inheritance;
    }
}

bool vm_map_remap_is_valid(const struct vm_map_remap *how)
{
    return (how->mask & (how->mask + 1)) == 0 && how->inheritance <= VM_INHERIT_LAST_VALID;
}

kern_return_t vm_map_put(struct vm_map *map, hal_va_t *address, uint64_t size, const struct vm_map_remap *how,
                         struct list *entries)
{
    struct vm_map_entry *next = NULL;
    hal_va_t start = 0;

    vm_map_lock(map);
    kern_return_t kr = remap_place(map, *address, size, how, &start, &next);
    if (kr == KERN_SUCCESS)
        vm_map_enter_all(map, start, entries, next);
    spin_unlock(&map->lock);
    if (kr == KERN_SUCCESS)
        *address = start;
    return kr;
}

kern_return_t vm_map_remap(struct vm_map *map, hal_va_t *address, struct vm_map *source,
                           hal_va_t source_address, uint64_t size, struct vm_map_remap *how)
{
    struct list entries;
    hal_va_t from;
    hal_va_t end;

    if (size == 0 || !vm_map_remap_is_valid(how) || !vm_range_round(source_address, size, &from, &end))
        return KERN_INVALID_ARGUMENT;
    list_init(&entries);
    vm_map_lock(source);
    kern_return_t kr =
        vm_map_derive(source, from, end, how->copy ? VM_MAP_COPIED : VM_MAP_SHARED, map->payer, &entries);
    spin_unlock(&source->lock);
    if (kr == KERN_SUCCESS) {
        remap_attributes(&entries, how);
        kr = vm_map_put(map, address, end - from, how, &entries);
    }
    vm_map_entries_free(&entries);
    return kr;
}
