/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of memory that are written over what a map has.
 *
 * Many whole pages take the place of those that were there: each range of the map gives its attributes to a copy of what
 * is to be there, and is replaced by it.  What other maps share, and what is wired, must be written where it is, and so
 * are single pages, for which that is cheaper, and parts of pages.
 */
#include <hal/hal.h>
#include <mach/vm_param.h>
#include <vm/memory_object.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_range.h>

#define REPLACE_PAGES 4u /* fewer are copied */

/* --- bytes ---------------------------------------------------------------------------------------------- */

/* What the copy has at `at`: its bytes up to the end of the page. The page stays, the object being the copy's own.
 * Returns as vm_object_peek(). */
static kern_return_t entry_bytes(const struct vm_map_entry *entry, uint64_t at, const char **bytes)
{
    static const char zeros[PAGE_SIZE];
    uint64_t offset = entry->offset + (at - entry->start);
    struct vm_page *page = NULL;
    kern_return_t kr = KERN_SUCCESS;
    bool own;

    if (entry->object != NULL)
        kr = vm_object_peek(entry->object, offset >> PAGE_SHIFT, &page, &own);
    if (kr == KERN_SUCCESS)
        *bytes = (page != NULL ? (const char *)vm_page_address(page) : zeros) + (offset & (PAGE_SIZE - 1));
    return kr;
}

/* As vm_map_copy_overwrite(). */
static kern_return_t overwrite_bytes(struct vm_map *map, const struct vm_map_copy *copy, hal_va_t address,
                                     uint64_t most, uint64_t *done)
{
    const uint64_t left = copy->size - *done;
    const uint64_t end = *done + (left < most ? left : most);
    kern_return_t kr = KERN_SUCCESS;
    const char *bytes;

    LIST_FOR_EACH(node, &copy->entries)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        while (*done < end && copy->offset + *done < entry->end && kr == KERN_SUCCESS) {
            const uint64_t at = copy->offset + *done;
            const uint64_t part = vm_range_page_part(at, end - *done);
            kr = entry_bytes(entry, at, &bytes);
            if (kr == KERN_SUCCESS)
                kr = vm_map_write(map, address + *done, bytes, part);
            if (kr == KERN_SUCCESS)
                *done += part;
        }
    }
    if (kr != KERN_SUCCESS || *done == copy->size)
        return kr;
    memory_object_wait_cancel(thread_current());
    return KERN_PAGE_WAIT;
}

/* --- pages ---------------------------------------------------------------------------------------------- */

/* Is it worth while, and are all pages whole? */
static bool copy_has_pages(const struct vm_map_copy *copy, hal_va_t address)
{
    return copy->size >= REPLACE_PAGES * PAGE_SIZE &&
           ((copy->offset | copy->size | address) & PAGE_MASK) == 0;
}

/*
 * May all of [start, end) be written? *shared: others see part of it, or its pages have to stay.
 * Returns as vm_map_copy_overwrite().
 */
static kern_return_t target_check(struct vm_map *map, hal_va_t start, hal_va_t end, bool *shared)
    REQUIRES(map->lock)
{
    const struct vm_map_entry *target;

    *shared = false;
    for (hal_va_t va = start; va < end; va = target->end) {
        target = vm_map_lookup(map, va);
        if (target == NULL)
            return KERN_INVALID_ADDRESS;
        if ((target->protection & VM_PROT_WRITE) == 0)
            return KERN_PROTECTION_FAILURE;
        *shared |= target->wired > 0 || (target->object != NULL && vm_object_is_shared(target->object));
    }
    return KERN_SUCCESS;
}

/* Append to `entries`, which become 0 and up, what is to replace the memory at `address`. Returns false without memory: some. */
static bool overwrite_derive(struct vm_map *map, const struct vm_map_copy *copy, hal_va_t address,
                             struct list *entries) REQUIRES(map->lock)
{
    struct list *node = copy->entries.next;
    uint64_t end;

    for (uint64_t at = 0; at < copy->size; at = end) {
        struct vm_map_entry *source = CONTAINER_OF(node, struct vm_map_entry, link);
        const struct vm_map_entry *target = vm_map_lookup(map, address + at);
        struct vm_map_entry *entry = vm_map_entry_alloc(map->payer);

        if (entry == NULL)
            return false;
        list_insert_tail(entries, &entry->link);
        end = source->end < target->end - address ? source->end : target->end - address;
        if (end > copy->size)
            end = copy->size;
        if (vm_map_entry_derive(source, at, end, false, entry) != KERN_SUCCESS)
            return false;
        entry->protection = target->protection;
        entry->max_protection = target->max_protection;
        entry->inheritance = target->inheritance;
        entry->behavior = target->behavior;
        entry->superpages = target->superpages;
        if (end == source->end)
            node = node->next;
    }
    return true;
}

/* Let copies of the pages take the place of those that are there. Returns as vm_map_copy_overwrite(); *shared: it can't be done. */
static kern_return_t overwrite_pages(struct vm_map *map, const struct vm_map_copy *copy, hal_va_t address,
                                     bool *shared)
{
    const hal_va_t end = address + copy->size;
    struct list entries;

    list_init(&entries);
    vm_map_lock(map);
    kern_return_t kr = target_check(map, address, end, shared);
    if (kr == KERN_SUCCESS && !*shared) {
        if (overwrite_derive(map, copy, address, &entries) && vm_map_remove_range(map, address, end))
            vm_map_enter_all(map, address, &entries, vm_map_tree_find(map, address));
        else
            kr = KERN_RESOURCE_SHORTAGE;
    }
    spin_unlock(&map->lock);
    vm_map_entries_free(&entries);
    return kr;
}

kern_return_t vm_map_copy_overwrite(struct vm_map *map, struct vm_map_copy *copy, hal_va_t address,
                                    uint64_t most, uint64_t *done)
{
    bool shared = true;
    kern_return_t kr = KERN_SUCCESS;

    if (copy == NULL)
        return KERN_SUCCESS;
    if (!HAL_USER_RANGE(address, copy->size))
        return KERN_INVALID_ADDRESS;
    if (*done == 0 && copy_has_pages(copy, address))
        kr = overwrite_pages(map, copy, address, &shared);
    return kr == KERN_SUCCESS && shared ? overwrite_bytes(map, copy, address, most, done) : kr;
}
