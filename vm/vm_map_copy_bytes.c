/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of parts of pages whose pager makes the copies (MEMORY_OBJECT_COPY_CALL).
 *
 * Of such a page the copy needs a part, and that at once: a memory object of which nothing has come yet is of no use.  So the bytes are read as
 * the kernel reads any user's memory.
 */
#include <hal/hal.h>
#include <mach/vm_param.h>
#include <vm/memory_object.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_range.h>

bool vm_map_copies_by_call(struct vm_map *map, hal_va_t start, hal_va_t end)
{
    bool found = false;

    spin_lock(&map->lock);
    for (struct vm_map_entry *entry = vm_map_tree_find(map, start);
         entry != NULL && entry->start < end && !found; entry = vm_map_tree_next(map, entry)) {
        const struct vm_object *object = entry->object;
        found = object != NULL && object->pager != NULL &&
                memory_object_strategy(object->pager) == MEMORY_OBJECT_COPY_CALL;
    }
    spin_unlock(&map->lock);
    return found;
}

/* A page with the bytes [va, va + n) where they are in theirs, and zeros around them; NULL: *why. */
static struct vm_page *page_read(struct vm_map *map, hal_va_t va, size_t n, struct ledger_account *payer,
                                 kern_return_t *why)
{
    struct vm_page *page = vm_object_alloc_page(payer, true);

    *why = page != NULL ? vm_map_read(map, (char *)vm_page_address(page) + va % PAGE_SIZE, va, n)
                        : KERN_RESOURCE_SHORTAGE;
    if (*why == KERN_SUCCESS)
        return page;
    if (page != NULL)
        vm_page_unref(page);
    return NULL;
}

kern_return_t vm_map_copy_bytes(struct vm_map_copy *copy, struct vm_map *map, hal_va_t address, uint64_t size,
                                struct ledger_account *payer)
{
    const uint64_t offset = address % PAGE_SIZE;
    struct vm_map_entry *entry = vm_map_copy_entry(offset + size, payer);
    kern_return_t kr = KERN_SUCCESS;

    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    list_insert_tail(&copy->entries, &entry->link);
    copy->offset = offset;
    copy->size = size;
    for (uint64_t done = 0, part; done < size && kr == KERN_SUCCESS; done += part) {
        part = vm_range_page_part(address + done, size - done);
        struct vm_page *page = page_read(map, address + done, part, payer, &kr);
        if (page != NULL && !vm_object_give(entry->object, (offset + done) >> PAGE_SHIFT, page))
            kr = KERN_RESOURCE_SHORTAGE;
    }
    if (kr != KERN_SUCCESS)
        vm_map_copy_free(copy);
    return kr;
}
