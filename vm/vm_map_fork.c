/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address maps: the map of a child.
 *
 * The parent is gone through range by range, and is not locked in between: what its other threads change
 * meanwhile, the child sees or not, as if they had done it before or after.
 */
#include <hal/hal.h>
#include <mach/vm_param.h>
#include <vm/vm_map_i.h>

/* Memory that devices use can't be copied: a child that would get a copy gets nothing. */
static bool fork_inherits(const struct vm_map_entry *entry)
{
    return entry->inheritance == VM_INHERIT_SHARE ||
           (entry->inheritance == VM_INHERIT_COPY &&
            (entry->object == NULL || !vm_object_is_physical(entry->object)));
}

/*
 * Fill `entry` with what the child inherits of the first range of the parent at or above `from`.
 * Returns: KERN_SUCCESS; KERN_NOT_FOUND there is none; as vm_map_fork().
 */
static kern_return_t fork_pick(struct vm_map *parent, hal_va_t from, struct vm_map_entry *entry)
{
    kern_return_t kr = KERN_NOT_FOUND;

    vm_map_lock(parent);
    struct vm_map_entry *source = vm_map_tree_find(parent, from);
    while (source != NULL && !fork_inherits(source))
        source = vm_map_tree_next(parent, source);
    if (source != NULL) {
        hal_va_t start = source->start > from ? source->start : from;
        kr = vm_map_entry_derive(source, start, source->end, source->inheritance == VM_INHERIT_SHARE, entry);
    }
    spin_unlock(&parent->lock);
    return kr;
}

/* Make the child's copy of the parent's next range. *from becomes its end. Returns as fork_pick(). */
static kern_return_t fork_next(struct vm_map *parent, struct vm_map *child, hal_va_t *from)
{
    struct vm_map_entry *entry = vm_map_entry_alloc(child->payer);

    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    entry->map = child;
    kern_return_t kr = fork_pick(parent, *from, entry);
    if (kr != KERN_SUCCESS) {
        vm_map_entry_free(entry);
        return kr;
    }
    *from = entry->end;
    vm_map_lock(child);
    vm_map_tree_insert(child, entry, NULL);   /* the highest so far */
    vm_map_merge(child, entry->start, *from); /* a copy of nothing touched is like fresh memory */
    spin_unlock(&child->lock);
    return KERN_SUCCESS;
}

kern_return_t vm_map_fork(struct vm_map *parent, struct ledger_account *payer, struct vm_map **child)
{
    kern_return_t kr;
    hal_va_t from = 0;

    *child = vm_map_create(payer);
    if (*child == NULL)
        return KERN_RESOURCE_SHORTAGE;
    do
        kr = fork_next(parent, *child, &from);
    while (kr == KERN_SUCCESS);
    if (kr == KERN_NOT_FOUND)
        return KERN_SUCCESS;
    vm_map_unref(*child);
    return kr;
}
