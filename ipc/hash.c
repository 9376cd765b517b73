/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a port to its name. A port knows the name of its receive right; for those who have send rights alone there is
 * a hash table inside each space, of their entries, chained by index. Linear hashing (Litwin 1980): an insert splits
 * at most one bucket, so its cost does not depend on the size.
 */
#include <ipc/entry.h>
#include <ipc/space.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <vm/vm_page.h>

#define BUCKETS_PAGE 1024u /* heads in one page */
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
    space->bucket_pages = PAGES_MIN;
    space->bucket_count = BUCKETS_PAGE;
    space->hash_mask = BUCKETS_PAGE - 1;
    return KERN_SUCCESS;
}

void ipc_hash_free(struct ipc_space *space)
{
    for (uint32_t page = 0; page * BUCKETS_PAGE < space->bucket_count; page++)
        vm_page_free(space->bucket[page], 0);
    kmem_free(space->bucket, space->bucket_pages * sizeof(*space->bucket));
}

/* Ports are 64-byte aligned; a multiplication spreads the rest over the high bits. */
static uint32_t port_hash(const void *port)
{
    return (uint32_t)(((uint64_t)(uintptr_t)port >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t *bucket_head(const struct ipc_space *space, uint32_t bucket)
{
    return &space->bucket[bucket / BUCKETS_PAGE][bucket % BUCKETS_PAGE];
}

static uint32_t *port_bucket(const struct ipc_space *space, const void *port)
{
    uint32_t hash = port_hash(port);
    uint32_t bucket = hash & space->hash_mask;

    /* buckets above the split point do not exist yet: their contents are in the lower half */
    if (bucket >= space->bucket_count)
        bucket &= space->hash_mask >> 1;
    return bucket_head(space, bucket);
}

static struct ipc_entry *entry_by_index(const struct ipc_space *space, uint32_t index)
{
    return &space->leaf[index >> IPC_LEAF_SHIFT][index & (IPC_LEAF_ENTRIES - 1)];
}

/* Room for the heads of one more page of buckets; false: not now, chains get longer instead. */
static bool bucket_page_add(struct ipc_space *space)
{
    uint32_t page = space->bucket_count / BUCKETS_PAGE;

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

static void bucket_split(struct ipc_space *space)
{
    if (space->bucket_count % BUCKETS_PAGE == 0 && !bucket_page_add(space))
        return;
    if (space->bucket_count > space->hash_mask)
        space->hash_mask = space->hash_mask * 2 + 1;
    uint32_t target = space->bucket_count++;
    uint32_t *from = bucket_head(space, target & (space->hash_mask >> 1));
    uint32_t *to = bucket_head(space, target);
    uint32_t index = *from;

    *from = 0;
    while (index != 0) {
        struct ipc_entry *entry = entry_by_index(space, index);
        uint32_t next = entry->next;
        uint32_t *head = (port_hash(entry->object) & space->hash_mask) == target ? to : from;
        entry->next = *head;
        *head = index;
        index = next;
    }
}

/*
 * The entry with the receive right.  The port is not locked: it may say that it is here when it has just left, or be half way into
 * another space.  The entry, which is the space's, decides.
 */
static struct ipc_entry *receive_entry(struct ipc_space *space, const struct ipc_port *port)
{
    if (__atomic_load_n(&port->receiver, __ATOMIC_RELAXED) != space)
        return NULL;
    struct ipc_entry *entry =
        ipc_entry_at_index(space, IPC_NAME_INDEX(__atomic_load_n(&port->name, __ATOMIC_RELAXED)));
    return entry != NULL && entry->object == port && (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0 ? entry
                                                                                                 : NULL;
}

struct ipc_entry *ipc_entry_of_port(struct ipc_space *space, const struct ipc_port *port)
{
    struct ipc_entry *receive = receive_entry(space, port);

    if (receive != NULL)
        return receive;
    for (uint32_t index = *port_bucket(space, port); index != 0;) {
        struct ipc_entry *entry = entry_by_index(space, index);
        if (entry->object == port)
            return entry;
        index = entry->next;
    }
    return NULL;
}

void ipc_hash_insert(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name)
{
    if (space->hash_used >= space->bucket_count)
        bucket_split(space);
    uint32_t *head = port_bucket(space, entry->object);
    entry->next = *head;
    *head = IPC_NAME_INDEX(name);
    space->hash_used++;
}

void ipc_hash_remove(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name)
{
    uint32_t *link = port_bucket(space, entry->object);

    while (*link != IPC_NAME_INDEX(name)) {
        KASSERT(*link != 0);
        link = &entry_by_index(space, *link)->next;
    }
    *link = entry->next;
    entry->next = 0;
    space->hash_used--;
}
