/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a port to its name. A port knows the name of its receive right; for those who have send rights alone there is
 * a hash table inside each space, of their entries, chained by index. Linear hashing (Litwin 1980): an insert splits
 * at most one bucket, so its cost does not depend on the size.
 */
#include <ipc/entry.h>
#include <ipc/hash.h>
#include <ipc/space.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <vm/vm_page.h>

#define PAGES_MIN 4u

kern_return_t ipc_hash_init(struct ipc_space *space)
{
    if (!ipc_space_charge(space, HAL_PAGE_SIZE))
        return KERN_RESOURCE_SHORTAGE;
    space->bucket = kmem_alloc(PAGES_MIN * sizeof(*space->bucket));
    if (space->bucket == NULL)
        return KERN_RESOURCE_SHORTAGE;
    space->bucket[0] = vm_page_alloc_zero(0);
    if (space->bucket[0] == NULL) {
        kmem_free(space->bucket, PAGES_MIN * sizeof(*space->bucket));
        return KERN_RESOURCE_SHORTAGE;
    }
    space->recent = &ipc_entry_none;
    space->bucket_pages = PAGES_MIN;
    space->bucket_count = IPC_HASH_PAGE;
    space->hash_mask = IPC_HASH_PAGE - 1;
    return KERN_SUCCESS;
}

void ipc_hash_free(struct ipc_space *space)
{
    for (uint32_t page = 0; page * IPC_HASH_PAGE < space->bucket_count; page++)
        vm_page_free(space->bucket[page], 0);
    kmem_free(space->bucket, space->bucket_pages * sizeof(*space->bucket));
}

/* Room for the heads of one more page of buckets; false: not now, chains get longer instead. */
static bool bucket_page_add(struct ipc_space *space)
{
    uint32_t page = space->bucket_count / IPC_HASH_PAGE;

    if (page == space->bucket_pages) {
        uint32_t **bucket = kmem_alloc(2 * page * sizeof(*bucket));
        if (bucket == NULL)
            return false;
        memcpy(bucket, space->bucket, page * sizeof(*bucket));
        kmem_free(space->bucket, page * sizeof(*bucket));
        space->bucket = bucket;
        space->bucket_pages = 2 * page;
    }
    if (!ipc_space_charge(space, HAL_PAGE_SIZE))
        return false;
    space->bucket[page] = vm_page_alloc_zero(0);
    if (space->bucket[page] == NULL)
        ipc_space_uncharge(space, HAL_PAGE_SIZE);
    return space->bucket[page] != NULL;
}

/* There are as many entries as buckets: one bucket more. */
static void split(struct ipc_space *space)
{
    if (space->bucket_count % IPC_HASH_PAGE == 0 && !bucket_page_add(space))
        return;
    if (space->bucket_count > space->hash_mask)
        space->hash_mask = space->hash_mask * 2 + 1;
    uint32_t target = space->bucket_count++;
    uint32_t *from = ipc_hash_bucket(space, target & (space->hash_mask >> 1));
    uint32_t *to = ipc_hash_bucket(space, target);
    uint32_t index = *from;

    *from = 0;
    while (index != 0) {
        struct ipc_entry *entry = ipc_entry_by_index(space, index);
        uint32_t next = entry->next;
        uint32_t *head = (ipc_hash_of(entry->object) & space->hash_mask) == target ? to : from;
        entry->next = *head;
        *head = index;
        index = next;
    }
}

struct ipc_entry *ipc_entry_of_port(struct ipc_space *space, const struct ipc_port *port)
{
    struct ipc_entry *receive = ipc_entry_receives(space, port);

    return receive != NULL ? receive : ipc_hash_find(space, port);
}

void ipc_hash_settle(struct ipc_space *space)
{
    struct ipc_entry *entry = space->recent;

    if (entry->bits == 0) {
        ipc_entry_vacant_free(space);
        return;
    }
    uint32_t *head = ipc_hash_head(space, entry->object);
    space->recent = &ipc_entry_none;
    entry->next = *head;
    *head = IPC_NAME_INDEX(ipc_entry_name(entry));
    if (++space->hash_used > space->bucket_count)
        split(space);
}

void ipc_hash_unlink(struct ipc_space *space, struct ipc_entry *entry)
{
    const uint32_t index = IPC_NAME_INDEX(ipc_entry_name(entry));
    uint32_t *link = ipc_hash_head(space, entry->object);

    while (*link != index) {
        KASSERT(*link != 0);
        link = &ipc_entry_by_index(space, *link)->next;
    }
    *link = entry->next;
    entry->next = 0;
    space->hash_used--;
}
