/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps: attributes of ranges. */
#include <hal/hal.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>
#include <vm/vm_range.h>

/* Is all of [start, end) allocated, and may it have protection `prot`? */
static kern_return_t map_check_protect(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t prot)
    REQUIRES(map->lock)
{
    const struct vm_map_entry *entry;
    bool allowed = true;

    for (hal_va_t va = start; va < end; va = entry->end) {
        entry = vm_map_lookup(map, va);
        if (entry == NULL)
            return KERN_INVALID_ADDRESS;
        if ((prot & ~entry->max_protection) != 0)
            allowed = false;
    }
    return allowed ? KERN_SUCCESS : KERN_PROTECTION_FAILURE;
}

/* The mappings of the entry only lose rights here; those that were added come by faults. */
static void entry_protect(struct vm_map *map, struct vm_map_entry *entry, bool set_maximum, vm_prot_t prot)
    REQUIRES(map->lock)
{
    if (set_maximum) {
        entry->max_protection = (uint8_t)prot;
        entry->protection &= (uint8_t)prot;
    } else {
        entry->protection = (uint8_t)prot;
    }
    if (entry->mapped)
        pmap_protect(map->pmap, entry->start, entry->end, entry->protection);
}

kern_return_t vm_map_protect(struct vm_map *map, hal_va_t address, uint64_t size, bool set_maximum,
                             vm_prot_t prot)
{
    const vm_prot_t write_execute = VM_PROT_WRITE | VM_PROT_EXECUTE;
    struct vm_map_spare spare;
    hal_va_t start;
    hal_va_t end;

    if ((prot & ~VM_PROT_ALL) != 0)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (!set_maximum && (prot & write_execute) == write_execute)
        return KERN_PROTECTION_FAILURE;

    spin_lock(&map->lock);
    kern_return_t kr = map_check_protect(map, start, end, prot);
    if (kr == KERN_SUCCESS && !vm_map_spare_alloc(map, start, end, &spare))
        kr = KERN_RESOURCE_SHORTAGE;
    if (kr == KERN_SUCCESS) {
        vm_map_split(map, start, &spare);
        vm_map_split(map, end, &spare);
        for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
             entry = vm_map_tree_next(map, entry))
            entry_protect(map, entry, set_maximum, prot);
        vm_map_merge(map, start, end);
    }
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_inherit(struct vm_map *map, hal_va_t address, uint64_t size, vm_inherit_t inheritance)
{
    kern_return_t kr = KERN_SUCCESS;
    struct vm_map_spare spare;
    hal_va_t start;
    hal_va_t end;

    if (inheritance > VM_INHERIT_LAST_VALID)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (!vm_range_clamp(&start, &end))
        return KERN_SUCCESS;

    spin_lock(&map->lock);
    if (vm_map_spare_alloc(map, start, end, &spare)) {
        vm_map_split(map, start, &spare);
        vm_map_split(map, end, &spare);
        for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
             entry = vm_map_tree_next(map, entry))
            entry->inheritance = (uint8_t)inheritance;
        vm_map_merge(map, start, end);
    } else {
        kr = KERN_RESOURCE_SHORTAGE;
    }
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_region(struct vm_map *map, hal_va_t address, struct vm_map_region *region)
{
    kern_return_t kr = KERN_INVALID_ADDRESS;

    spin_lock(&map->lock);
    const struct vm_map_entry *entry = vm_map_tree_find(map, address);
    if (entry != NULL) {
        *region = (struct vm_map_region){
            .start = entry->start,
            .size = entry->end - entry->start,
            .offset = entry->offset,
            .protection = entry->protection,
            .max_protection = entry->max_protection,
            .inheritance = entry->inheritance,
            .shared = entry->object != NULL && vm_object_is_shared(entry->object),
            .references = entry->object != NULL ? vm_object_references(entry->object) : 0,
        };
        kr = KERN_SUCCESS;
    }
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_page_query(struct vm_map *map, hal_va_t va, struct vm_map_page *page)
{
    bool own = true;

    spin_lock(&map->lock);
    const struct vm_map_entry *entry = vm_map_lookup(map, va);
    if (entry != NULL)
        *page = (struct vm_map_page){.present = false};
    struct vm_object *object = entry != NULL ? entry->object : NULL;
    if (object != NULL) {
        spin_lock(&object->lock);
        page->present = object->kind != VM_OBJECT_ANONYMOUS ||
                        vm_radix_find(&object->pages, (entry->offset + (va - entry->start)) >> PAGE_SHIFT,
                                      false, &own) != NULL;
        spin_unlock(&object->lock);
        page->copied = page->present && !own;
        page->references = vm_object_references(object);
    }
    spin_unlock(&map->lock);
    return entry != NULL ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

uint64_t vm_map_size(struct vm_map *map)
{
    spin_lock(&map->lock);
    uint64_t size = map->size;
    spin_unlock(&map->lock);
    return size;
}

uint64_t vm_map_resident_size(struct vm_map *map)
{
    return pmap_resident(map->pmap) << PAGE_SHIFT;
}
