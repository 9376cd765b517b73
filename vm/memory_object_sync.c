/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_vm_msync: what was changed goes back to its pagers, and they say when it is safe.
 *
 * The map is not locked while pages are given back or somebody waits, so what it shows is looked up part by part.  A wait leaves the stack,
 * and the call is served again: how far it has come is noted in the thread.
 */
#include <ipc/kobject.h>
#include <kern/thread.h>
#include <mach/memory_object_control_server.h>
#include <mach/memory_object_kernel.h>
#include <vm/memory_object_i.h>

void memory_object_sync_fill(const struct memory_object *pager, const struct page_request *request)
{
    struct mig_kernel_message m = memory_object_fill(request->message, 1);

    memory_object_synchronize_request(&m, ipc_port_make_send(pager->control), request->index << PAGE_SHIFT,
                                      (uint64_t)request->count << PAGE_SHIFT, request->sync);
}

void memory_object_syncs_end(struct memory_object *pager, enum thread_wait_result result)
{
    LIST_FOR_EACH_SAFE(node, &pager->syncs)
    page_request_end(CONTAINER_OF(node, struct page_request, link), result);
}

kern_return_t memory_object_synchronize_completed(memory_object_control_t pager,
                                                  memory_object_offset_t offset, vm_size_t length)
{
    kern_return_t kr = KERN_INVALID_ARGUMENT;
    uint64_t first, end;

    if (!memory_object_range(offset, length, &first, &end))
        return KERN_INVALID_ARGUMENT;
    spin_lock(&pager->object->lock);
    LIST_FOR_EACH_SAFE(node, &pager->syncs)
    {
        struct page_request *request = CONTAINER_OF(node, struct page_request, link);
        /* one that was not sent is for pages that the pager has not seen */
        if (request->message == NULL && request->index == first && request->count == end - first) {
            page_request_end(request, THREAD_AWAKENED);
            kr = KERN_SUCCESS;
        }
    }
    spin_unlock(&pager->object->lock);
    return kr;
}

#define PART_MAX (UINT64_C(1) << 40) /* bytes: a request counts its pages in 32 bits */

/* Pages of an object with a pager that an entry shows. */
struct part {
    struct memory_object *pager; /* a reference */
    uint64_t first;
    uint64_t end;
};

/* The first part of [*at, end) that shows an object with a pager; *at goes behind it. Returns false: there is none. */
static bool part_next(struct vm_map *map, hal_va_t *at, hal_va_t end, struct part *part)
{
    bool found = false;

    spin_lock(&map->lock);
    for (struct vm_map_entry *entry = vm_map_tree_find(map, *at);
         entry != NULL && entry->start < end && !found; entry = vm_map_tree_next(map, entry)) {
        if (entry->object == NULL || entry->object->pager == NULL)
            continue;
        const hal_va_t low = entry->start > *at ? entry->start : *at;
        *at = entry->end < end ? entry->end : end;
        if (*at - low > PART_MAX)
            *at = low + PART_MAX;
        part->pager = entry->object->pager;
        part->first = (entry->offset + (low - entry->start)) >> PAGE_SHIFT;
        part->end = part->first + ((*at - low) >> PAGE_SHIFT);
        memory_object_ref(part->pager);
        found = true;
    }
    spin_unlock(&map->lock);
    return found;
}

static kern_return_t part_return(const struct part *part, bool invalidate)
{
    for (uint64_t index = part->first; index < part->end;) {
        if (!memory_object_return_pages(part->pager, &index, part->end,
                                        invalidate ? VM_PAGE_DIRTY | VM_PAGE_PRECIOUS : VM_PAGE_DIRTY,
                                        invalidate))
            return KERN_RESOURCE_SHORTAGE;
    }
    return KERN_SUCCESS;
}

/* The current thread is to wait until the part is safe, and then to go on at `at`. Uses the reference up. */
static kern_return_t part_wait(const struct part *part, hal_va_t at, vm_sync_t flags)
{
    struct page_request *request =
        page_request_create(part->first, (uint32_t)(part->end - part->first), VM_PROT_NONE,
                            sizeof(__Request__memory_object_synchronize_t));

    if (request == NULL) {
        memory_object_unref(part->pager);
        return KERN_RESOURCE_SHORTAGE;
    }
    request->sync = flags;
    page_request_note(part->pager, request, true);
    thread_current()->page.va = at;
    return KERN_PAGE_WAIT;
}

/* Has the call come back from a wait? Then *at is where it goes on. Returns: how the wait was. */
static kern_return_t resume(struct thread *self, hal_va_t *at)
{
    const kern_return_t result = self->page.result;

    if (!self->page.sync || result == KERN_SUCCESS)
        return KERN_SUCCESS;
    *at = self->page.va;
    memory_object_wait_cancel(self);
    return result == KERN_PAGE_SYNCED ? KERN_SUCCESS : result;
}

static bool pager_is_there(const struct memory_object *pager)
{
    spin_lock(&pager->object->lock);
    bool there = pager->state < MEMORY_OBJECT_FAILED;
    spin_unlock(&pager->object->lock);
    return there;
}

kern_return_t memory_object_sync(struct vm_map *map, hal_va_t start, hal_va_t end, vm_sync_t flags)
{
    hal_va_t at = start;
    kern_return_t kr = resume(thread_current(), &at);
    struct part part;

    while (kr == KERN_SUCCESS && at < end && part_next(map, &at, end, &part)) {
        kr = pager_is_there(part.pager) ? part_return(&part, (flags & VM_SYNC_INVALIDATE) != 0)
                                        : KERN_MEMORY_ERROR;
        if (kr == KERN_SUCCESS && (flags & VM_SYNC_SYNCHRONOUS) != 0)
            return part_wait(&part, at, flags);
        memory_object_unref(part.pager);
    }
    return kr;
}
