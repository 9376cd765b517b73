/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wired memory.
 *
 * The pages are made without locks, as for faults, and then looked for under the lock of the map: if all are there, and for writing
 * the object's own, the entries are marked, and from then on nothing takes them away.  If another thread was quicker, it is
 * tried again.
 */
#include <hal/hal.h>
#include <kern/ledger.h>
#include <mach/vm_param.h>
#include <vm/vm_map_i.h>
#include <vm/vm_pageout.h>
#include <vm/vm_range.h>

#define WIRE_MAX (UINT64_C(1) << 20) /* bytes a call: interrupts are off meanwhile */
#define WIRE_TRIES 4u                /* only another thread of the task makes a second one necessary */

/* Is all of [start, end) allocated? Can it be wired for `access`, or, if that is VM_PROT_NONE, unwired? */
static kern_return_t wire_check(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t access)
    REQUIRES(map->lock)
{
    const struct vm_map_entry *entry;
    kern_return_t kr = KERN_SUCCESS;

    for (hal_va_t va = start; va < end; va = entry->end) {
        entry = vm_map_lookup(map, va);
        if (entry == NULL)
            return KERN_INVALID_ADDRESS;
        if (access == VM_PROT_NONE && entry->wired == 0)
            kr = KERN_INVALID_ARGUMENT;
        else if ((access & ~entry->protection) != 0)
            kr = KERN_PROTECTION_FAILURE;
        else if (access != VM_PROT_NONE && entry->wired == UINT16_MAX)
            kr = KERN_FAILURE;
    }
    return kr;
}

/* Has the map pages for `access` in all of [start, end), which is allocated? */
static bool wire_is_there(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t access)
    REQUIRES(map->lock)
{
    bool there = true;
    bool own = true;

    for (hal_va_t va = start; va < end && there; va += PAGE_SIZE) {
        const struct vm_map_entry *entry = vm_map_lookup(map, va);
        struct vm_object *object = entry->object;
        there = object != NULL &&
                vm_object_has_page(object, (entry->offset + (va - entry->start)) >> PAGE_SHIFT, &own);
        there = there && (own || (access & VM_PROT_WRITE) == 0);
    }
    return there;
}

static void apply_wired(struct vm_map *map, struct vm_map_entry *entry, const struct vm_map_change *change)
    REQUIRES(map->lock)
{
    const uint64_t size = entry->end - entry->start;

    map->wired -= entry->wired > 0 ? size : 0;
    vm_object_wire(entry, change->value);
    map->wired += entry->wired > 0 ? size : 0;
}

/* May what of [start, end), which is allocated, is not wired yet be so? Half of what a task may have is left for what can go. */
static bool wire_is_allowed(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    const struct vm_map_entry *entry;
    struct ledger_state memory;
    uint64_t wired = map->wired;

    for (hal_va_t va = start; va < end; va = entry->end) {
        entry = vm_map_lookup(map, va);
        if (entry->wired == 0)
            wired += (entry->end < end ? entry->end : end) - va;
    }
    ledger_account_state(map->payer, &memory);
    return wired <= memory.limit / 2;
}

/* Wire [start, end) once more, if its pages are there. Returns as vm_map_wire(); *there: they are. */
static kern_return_t wire_try(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t access, bool *there)
{
    const struct vm_map_change change = {.apply = apply_wired, .value = 1};

    *there = false;
    vm_map_lock(map);
    kern_return_t kr = wire_check(map, start, end, access);
    if (kr == KERN_SUCCESS && !wire_is_allowed(map, start, end))
        kr = KERN_RESOURCE_SHORTAGE;
    if (kr == KERN_SUCCESS)
        *there = wire_is_there(map, start, end, access);
    if (*there)
        kr = vm_map_change_range(map, start, end, &change);
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_wire(struct vm_map *map, hal_va_t address, uint64_t size, vm_prot_t access)
{
    kern_return_t kr = KERN_SUCCESS;
    bool there = false;
    hal_va_t start;
    hal_va_t end;

    if ((access & ~VM_PROT_ALL) != 0 || !vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (end - start > WIRE_MAX)
        return KERN_INVALID_ARGUMENT;
    for (unsigned i = 0; i < WIRE_TRIES; i++) {
        kr = wire_try(map, start, end, access, &there);
        if (kr != KERN_SUCCESS || there)
            return kr;
        for (hal_va_t va = start; va < end && kr == KERN_SUCCESS; va += PAGE_SIZE)
            kr = vm_fault(map, va, access);
        if (kr ==
            KERN_PAGE_WAIT) /* all of this comes again when the page is there, and wants those before it, too */
            vm_pageout_spare(map);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    return KERN_RESOURCE_SHORTAGE;
}

kern_return_t vm_map_unwire(struct vm_map *map, hal_va_t address, uint64_t size)
{
    const struct vm_map_change change = {.apply = apply_wired, .value = -1};
    hal_va_t start;
    hal_va_t end;

    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    vm_map_lock(map);
    kern_return_t kr = wire_check(map, start, end, VM_PROT_NONE);
    if (kr == KERN_SUCCESS)
        kr = vm_map_change_range(map, start, end, &change);
    spin_unlock(&map->lock);
    return kr;
}
