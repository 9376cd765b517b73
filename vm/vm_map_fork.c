/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address maps: the map of a child.
 *
 * The parent is looked at range by range, and is not locked while pages are copied: what its other threads
 * change meanwhile, the child sees or not, as if they had done it before or after.
 */
#include <hal/hal.h>
#include <mach/vm_param.h>
#include <vm/vm_map_i.h>

/*
 * Fill `entry` with the first range of the parent at or above `from` that a child inherits, and a reference
 * to its object.
 * Returns: KERN_SUCCESS; KERN_NOT_FOUND there is none; KERN_RESOURCE_SHORTAGE.
 */
static kern_return_t fork_pick(struct vm_map *parent, hal_va_t from, struct vm_map_entry *entry)
{
    kern_return_t kr = KERN_NOT_FOUND;

    spin_lock(&parent->lock);
    struct vm_map_entry *source = vm_map_tree_find(parent, from);
    while (source != NULL && source->inheritance == VM_INHERIT_NONE)
        source = vm_map_tree_next(parent, source);
    if (source != NULL) {
        kr = KERN_SUCCESS;
        if (source->inheritance == VM_INHERIT_SHARE && source->object == NULL) {
            source->offset = 0;
            source->object = vm_object_create();
            if (source->object == NULL)
                kr = KERN_RESOURCE_SHORTAGE;
        }
        if (source->object != NULL)
            vm_object_ref(source->object);
        if (source->object != NULL && source->inheritance == VM_INHERIT_SHARE)
            vm_object_share(source->object);
        *entry = *source;
        if (entry->start < from) { /* the parent merged it with what was copied already */
            entry->offset += from - entry->start;
            entry->start = from;
        }
    }
    spin_unlock(&parent->lock);
    return kr;
}

/* Give the child's entry an object of its own with the pages of the parent's. */
static kern_return_t fork_copy_object(struct vm_map_entry *entry)
{
    struct vm_object *source = entry->object;
    uint64_t first = entry->offset >> PAGE_SHIFT;
    uint64_t end = first + ((entry->end - entry->start) >> PAGE_SHIFT);
    kern_return_t kr = KERN_SUCCESS;

    entry->object = NULL;
    entry->offset = 0;
    if (vm_object_next(source, first) < end)
        kr = vm_object_copy(source, first, end, &entry->object);
    vm_object_unref(source);
    return kr;
}

/* Make the child's copy of the parent's next range. *from becomes its end. Returns as fork_pick(). */
static kern_return_t fork_next(struct vm_map *parent, struct vm_map *child, hal_va_t *from)
{
    struct vm_map_entry *entry = vm_map_entry_alloc();

    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kern_return_t kr = fork_pick(parent, *from, entry);
    if (kr == KERN_SUCCESS && entry->object != NULL && entry->inheritance == VM_INHERIT_COPY)
        kr = fork_copy_object(entry);
    if (kr != KERN_SUCCESS) {
        vm_map_entry_free(entry);
        return kr;
    }
    *from = entry->end;
    spin_lock(&child->lock);
    vm_map_tree_insert(child, entry);
    vm_map_merge(child, entry->start, *from); /* a copy of nothing touched is like fresh memory */
    spin_unlock(&child->lock);
    return KERN_SUCCESS;
}

struct vm_map *vm_map_fork(struct vm_map *parent)
{
    struct vm_map *child = vm_map_create();
    kern_return_t kr;
    hal_va_t from = 0;

    if (child == NULL)
        return NULL;
    do
        kr = fork_next(parent, child, &from);
    while (kr == KERN_SUCCESS);
    if (kr == KERN_NOT_FOUND)
        return child;
    vm_map_unref(child);
    return NULL;
}
