/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps: attributes of ranges, and pages that are given up. */
#include <hal/hal.h>
#include <mach/vm_behavior.h>
#include <mach/vm_sync.h>
#include <vm/memory_object.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_range.h>

kern_return_t vm_map_check_range(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t prot)
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

kern_return_t vm_map_change_range(struct vm_map *map, hal_va_t start, hal_va_t end,
                                  const struct vm_map_change *change)
{
    struct vm_map_spare spare;

    if (!vm_map_spare_alloc(map, start, end, &spare))
        return KERN_RESOURCE_SHORTAGE;
    vm_map_split(map, start, &spare);
    vm_map_split(map, end, &spare);
    for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
         entry = vm_map_tree_next(map, entry))
        change->apply(map, entry, change);
    vm_map_merge(map, start, end);
    return KERN_SUCCESS;
}

/* The mappings of the entry only lose rights here; those that were added come by faults.  flag: the maximum, too. */
static void apply_protection(struct vm_map *map, struct vm_map_entry *entry,
                             const struct vm_map_change *change)
{
    if (change->flag) {
        entry->max_protection = (uint8_t)change->value;
        entry->protection &= (uint8_t)change->value;
    } else {
        entry->protection = (uint8_t)change->value;
    }
    if (entry->mapped)
        pmap_protect(map->pmap, entry->start, entry->end, entry->protection);
}

kern_return_t vm_map_protect(struct vm_map *map, hal_va_t address, uint64_t size, bool set_maximum,
                             vm_prot_t prot)
{
    const vm_prot_t write_execute = VM_PROT_WRITE | VM_PROT_EXECUTE;
    const struct vm_map_change change = {.apply = apply_protection, .value = prot, .flag = set_maximum};
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

    vm_map_lock(map);
    kern_return_t kr = vm_map_check_range(map, start, end, prot);
    if (kr == KERN_SUCCESS)
        kr = vm_map_change_range(map, start, end, &change);
    spin_unlock(&map->lock);
    return kr;
}

static void apply_inheritance(struct vm_map *map, struct vm_map_entry *entry,
                              const struct vm_map_change *change)
{
    (void)map;
    entry->inheritance = (uint8_t)change->value;
}

kern_return_t vm_map_inherit(struct vm_map *map, hal_va_t address, uint64_t size, vm_inherit_t inheritance)
{
    const struct vm_map_change change = {.apply = apply_inheritance, .value = (int)inheritance};
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

    vm_map_lock(map);
    kern_return_t kr = vm_map_change_range(map, start, end, &change);
    spin_unlock(&map->lock);
    return kr;
}

/* Make what is in [low, high), a part of `entry`, what is fetched. */
static void entry_sync(const struct vm_map_entry *entry, hal_va_t low, hal_va_t high)
{
    struct vm_object *object = entry->object;
    const uint64_t offset = entry->offset + (low - entry->start);
    const uint64_t end = (offset + (high - low)) >> PAGE_SHIFT;
    const struct vm_page *page;

    if (vm_object_is_physical(object)) {
        hal_icache_sync(hal_pa_to_ptr(HAL_PA(object->base.addr + offset)), high - low);
        return;
    }
    spin_lock(&object->lock);
    for (uint64_t i = offset >> PAGE_SHIFT; (page = vm_radix_next(&object->pages, &i)) != NULL && i < end;
         i++)
        hal_icache_sync(vm_page_address(page), PAGE_SIZE);
    spin_unlock(&object->lock);
}

kern_return_t vm_map_caches(struct vm_map *map, hal_va_t address, uint64_t size, enum vm_map_caches what,
                            bool *cached)
{
    hal_va_t start;
    hal_va_t end;

    *cached = true;
    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (end - start > VM_MAP_CACHES_MAX)
        return KERN_INVALID_ARGUMENT;
    spin_lock(&map->lock);
    kern_return_t kr = vm_map_check_range(map, start, end, VM_PROT_NONE);
    const struct vm_map_entry *entry;
    for (hal_va_t va = start; kr == KERN_SUCCESS && va < end; va = entry->end) {
        entry = vm_map_lookup(map, va);
        const bool device = entry->object != NULL && entry->object->kind == VM_OBJECT_DEVICE;
        *cached = *cached && !device;
        if (what == VM_MAP_CACHES_SYNC && entry->object != NULL && !device)
            entry_sync(entry, va, entry->end < end ? entry->end : end);
    }
    spin_unlock(&map->lock);
    return kr;
}

static void apply_behavior(struct vm_map *map, struct vm_map_entry *entry, const struct vm_map_change *change)
{
    (void)map;
    entry->behavior = (uint8_t)change->value;
}

/* Give up the pages of [start, end), which is allocated, that nobody shares and nobody wired. */
static void map_discard(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
         entry = vm_map_tree_next(map, entry)) {
        if (entry->object == NULL || entry->object->kind != VM_OBJECT_ANONYMOUS || entry->wired > 0 ||
            vm_object_is_shared(entry->object))
            continue;
        const hal_va_t low = entry->start > start ? entry->start : start;
        const hal_va_t high = entry->end < end ? entry->end : end;
        const uint64_t first = entry->offset + (low - entry->start);
        if (entry->mapped)
            pmap_remove(map->pmap, low, high);
        vm_object_remove(entry->object, first >> PAGE_SHIFT, (first + (high - low)) >> PAGE_SHIFT);
    }
}

kern_return_t vm_map_behavior_set(struct vm_map *map, hal_va_t address, uint64_t size, vm_behavior_t behavior)
{
    const struct vm_map_change change = {.apply = apply_behavior, .value = behavior};
    hal_va_t start;
    hal_va_t end;

    if ((behavior < VM_BEHAVIOR_DEFAULT || behavior > VM_BEHAVIOR_RSEQNTL) && behavior != VM_BEHAVIOR_FREE)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;

    vm_map_lock(map);
    kern_return_t kr = vm_map_check_range(map, start, end, VM_PROT_NONE);
    if (kr == KERN_SUCCESS && behavior == VM_BEHAVIOR_FREE)
        map_discard(map, start, end);
    else if (kr == KERN_SUCCESS)
        kr = vm_map_change_range(map, start, end, &change);
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_sync(struct vm_map *map, hal_va_t address, uint64_t size, vm_sync_t flags)
{
    const vm_sync_t known = VM_SYNC_ASYNCHRONOUS | VM_SYNC_SYNCHRONOUS | VM_SYNC_INVALIDATE |
                            VM_SYNC_KILLPAGES | VM_SYNC_DEACTIVATE | VM_SYNC_CONTIGUOUS;
    const vm_sync_t both = VM_SYNC_ASYNCHRONOUS | VM_SYNC_SYNCHRONOUS;
    const vm_sync_t write_back = both | VM_SYNC_INVALIDATE;
    kern_return_t kr = KERN_SUCCESS;
    hal_va_t start;
    hal_va_t end;

    if ((flags & ~known) != 0 || (flags & both) == both || !vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;

    vm_map_lock(map);
    if ((flags & VM_SYNC_CONTIGUOUS) != 0)
        kr = vm_map_check_range(map, start, end, VM_PROT_NONE);
    if (kr == KERN_SUCCESS && (flags & VM_SYNC_KILLPAGES) != 0)
        map_discard(map, start, end);
    spin_unlock(&map->lock);
    if (kr == KERN_SUCCESS && (flags & write_back) != 0)
        kr = memory_object_sync(map, start, end, flags);
    return kr;
}
