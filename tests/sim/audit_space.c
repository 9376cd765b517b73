/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of name spaces: entries, free list, hash table. */
#include <inttypes.h>
#include <stdlib.h>

#include "audit_i.h"

/* A space that is being looked at. */
struct space_walk {
    const struct ipc_space *space;
    bool *hashed; /* by index: met in the hash table */
    uint32_t used;
    uint32_t rights; /* entries with send or receive rights */
};

static struct ipc_entry *entry_at(const struct ipc_space *space, uint32_t index)
{
    return &space->leaf[index >> IPC_LEAF_SHIFT][index & (IPC_LEAF_ENTRIES - 1)];
}

static void check_tables(const struct ipc_space *space)
{
    uint32_t leaves = space->size >> IPC_LEAF_SHIFT;

    AUDIT(space->size % IPC_LEAF_ENTRIES == 0 && leaves <= space->leaf_capacity, "space-size", space,
          "%u entries, directory of %u", space->size, space->leaf_capacity);
    if (space->leaf != NULL)
        audit_own_memory(space->leaf, space->leaf_capacity * sizeof(*space->leaf), "directory of a space");
    for (uint32_t i = 0; i < leaves; i++) {
        if (space->leaf[i] != empty_leaf)
            audit_own_pages(space->leaf[i], 0, "entries of a space");
    }
    for (const struct ipc_directory *old = space->old; old != NULL; old = old->next) {
        audit_own_memory(old, sizeof(*old), "old directory of a space");
        audit_own_memory(old->leaf, old->capacity * sizeof(*old->leaf), "old directory of a space");
    }
    audit_own_memory(space->bucket, space->bucket_pages * sizeof(*space->bucket), "hash table of a space");
    for (uint32_t page = 0; page * BUCKETS_PAGE < space->bucket_count; page++)
        audit_own_pages(space->bucket[page], 0, "hash table of a space");
}

/* --- hash table --- */

static uint32_t bucket_of(const struct ipc_space *space, const void *port)
{
    uint32_t hash = (uint32_t)(((uint64_t)(uintptr_t)port >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    uint32_t bucket = hash & space->hash_mask;

    return bucket < space->bucket_count ? bucket : bucket & (space->hash_mask >> 1);
}

static void check_bucket(struct space_walk *walk, uint32_t bucket)
{
    const struct ipc_space *space = walk->space;
    uint32_t index = space->bucket[bucket / BUCKETS_PAGE][bucket % BUCKETS_PAGE];

    while (index != 0) {
        AUDIT(index < space->size && !walk->hashed[index], "hash-chain", space,
              "bucket %u: entry %u is met again, or none", bucket, index);
        const struct ipc_entry *entry = entry_at(space, index);
        AUDIT(ipc_entry_is_hashed(entry->bits), "hash-entry", space,
              "entry %u in the hash table has bits 0x%x", index, entry->bits);
        AUDIT(bucket_of(space, entry->object) == bucket, "hash-bucket", space, "entry %u in bucket %u", index,
              bucket);
        walk->hashed[index] = true;
        index = entry->next;
    }
}

static void check_hash(struct space_walk *walk)
{
    const struct ipc_space *space = walk->space;
    uint32_t count = 0;
    const struct ipc_entry *recent = space->recent;

    for (uint32_t bucket = 0; bucket < space->bucket_count; bucket++)
        check_bucket(walk, bucket);
    for (uint32_t index = 0; index < space->size; index++)
        count += walk->hashed[index];
    AUDIT(count == space->hash_used, "hash-count", space, "%u entries in the hash table, counted %u", count,
          space->hash_used);
    if (recent == &ipc_entry_none)
        return;
    uint32_t index = IPC_NAME_INDEX(ipc_entry_name(recent));
    AUDIT(index < space->size && entry_at(space, index) == recent && !walk->hashed[index], "hash-recent",
          space, "the entry that came last, %u, is another, or in the hash table", index);
    walk->hashed[index] = recent->bits != 0; /* else it is vacant */
}

/* --- entries --- */

/* No thread has more than one entry in reserve, and no entry two threads. */
static uint32_t reserved_by(const struct ipc_entry *entry)
{
    uint32_t count = 0;

    AUDIT_EACH(o, AUDIT_THREAD)
    count += ((const struct thread *)(const void *)o->address)->reply_entry == entry;
    return count;
}

static void check_request(const struct ipc_space *space, const struct ipc_entry *entry, mach_port_name_t name)
{
    const struct ipc_port_request *request = entry->request;
    const struct ipc_port *port = entry->object;

    if (request == NULL)
        return;
    AUDIT((entry->bits & MACH_PORT_TYPE_PORT_RIGHTS) != 0, "request-entry", space, "name 0x%x, bits 0x%x",
          name, entry->bits);
    struct audit_object *o = audit_object(AUDIT_REQUEST, request, entry);
    o->refs++;
    if (ipc_port_alive(port) && !request->spent) {
        AUDIT(audit_on_list(&port->requests, &request->link), "request-list", request,
              "of name 0x%x, is not with its port", name);
        AUDIT(request->name == name, "request-name", request, "of name 0x%x says 0x%x", name, request->name);
    }
    if (o->owner == NULL)
        o->owner = "entry of a space";
}

static bool bits_valid(uint32_t bits)
{
    switch (bits) {
    case MACH_PORT_TYPE_SEND:
    case MACH_PORT_TYPE_RECEIVE:
    case MACH_PORT_TYPE_SEND_RECEIVE:
    case MACH_PORT_TYPE_SEND_ONCE:
    case MACH_PORT_TYPE_PORT_SET:
    case MACH_PORT_TYPE_DEAD_NAME:
        return true;
    default:
        return false;
    }
}

static bool urefs_valid(const struct ipc_entry *entry)
{
    switch (entry->bits) {
    case MACH_PORT_TYPE_RECEIVE:
        return entry->urefs == 0;
    case MACH_PORT_TYPE_SEND_ONCE:
    case MACH_PORT_TYPE_PORT_SET:
        return entry->urefs == 1;
    default:
        return entry->urefs >= 1 && entry->urefs <= IPC_UREFS_MAX;
    }
}

static void check_rights(const struct ipc_space *space, const struct ipc_entry *entry, mach_port_name_t name)
{
    const struct ipc_port *port = entry->object;

    (void)audit_object(AUDIT_PORT, port, entry);
    if (entry->bits & MACH_PORT_TYPE_RECEIVE) {
        audit_right(port, AUDIT_RECEIVE, space);
        AUDIT(port->place == IPC_PORT_IN_SPACE && port->receiver == space && port->name == name,
              "receive-place", port,
              "name 0x%x of space %p has the receive right; the port says place %u, name 0x%x", name,
              (const void *)space, port->place, port->name);
    }
    if (entry->bits & MACH_PORT_TYPE_SEND)
        audit_right(port, AUDIT_SEND, space);
    if (entry->bits & MACH_PORT_TYPE_SEND_ONCE)
        audit_right(port, AUDIT_SEND_ONCE, space);
}

static void check_object(const struct ipc_space *space, const struct ipc_entry *entry, mach_port_name_t name)
{
    if (entry->bits & MACH_PORT_TYPE_PORT_RIGHTS) {
        check_rights(space, entry, name);
    } else if (entry->bits == MACH_PORT_TYPE_PORT_SET) {
        const struct ipc_pset *pset = entry->object;
        audit_object(AUDIT_PSET, pset, entry)->refs++;
        AUDIT(pset->active && pset->name == name, "set-name", pset, "is name 0x%x; it says 0x%x", name,
              pset->name);
    } else {
        AUDIT(entry->object == &ipc_object_none, "entry-object", entry, "name 0x%x, bits 0x%x: object %p",
              name, entry->bits, entry->object);
    }
    check_request(space, entry, name);
}

static void check_entry(struct space_walk *walk, uint32_t index)
{
    const struct ipc_space *space = walk->space;
    const struct ipc_entry *entry = entry_at(space, index);
    uint32_t reserved = reserved_by(entry);
    bool vacant = entry == space->recent && entry->bits == 0;

    AUDIT(reserved == (entry->next == IPC_ENTRY_RESERVED) && reserved <= 1, "entry-reserve", entry,
          "index %u: next 0x%x, and %u threads have it in reserve", index, entry->next, reserved);
    AUDIT(IPC_NAME_INDEX(ipc_entry_name(entry)) == index, "entry-key", entry, "index %u: key 0x%x, bits 0x%x",
          index, entry->key, entry->bits);
    if (entry->bits == 0) {
        /* the short paths of ipc leave what a right in reserve pointed to where it was */
        AUDIT((entry->object == &ipc_object_none || reserved > 0) && entry->request == NULL, "entry-free",
              entry, "index %u: free, with object %p", index, entry->object);
        AUDIT(!vacant || (reserved == 0 && entry->next == 0), "entry-vacant", entry,
              "index %u: beside the hash table, with next 0x%x", index, entry->next);
        walk->used += reserved + vacant;
        return;
    }
    walk->used++;
    AUDIT(bits_valid(entry->bits), "entry-bits", entry, "index %u: bits 0x%x", index, entry->bits);
    AUDIT(urefs_valid(entry), "entry-urefs", entry, "index %u: bits 0x%x, %u user references", index,
          entry->bits, entry->urefs);
    AUDIT(walk->hashed[index] == ipc_entry_is_hashed(entry->bits), "hash-entry", entry,
          "index %u: bits 0x%x, in the hash table: %d", index, entry->bits, walk->hashed[index]);
    check_object(space, entry, ipc_entry_name(entry));
}

/* The free list has every entry that is free, not in reserve and not beside the hash table, linked both ways. */
static uint32_t check_free_list(const struct ipc_space *space)
{
    uint32_t count = 0;

    for (uint32_t index = space->free, before = 0; index != 0; index = entry_at(space, index)->next) {
        AUDIT(index < space->size && count < space->size, "free-list", space, "entry %u, the %uth", index,
              count);
        const struct ipc_entry *entry = entry_at(space, index);
        AUDIT(entry->bits == 0 && entry->urefs == before, "free-list", entry,
              "index %u: bits 0x%x, %u before it, not %u", index, entry->bits, entry->urefs, before);
        before = index;
        count++;
    }
    return count;
}

static void check_entries(struct space_walk *walk)
{
    const struct ipc_space *space = walk->space;
    uint32_t entries = 0;

    for (uint32_t i = 0; i < space->size >> IPC_LEAF_SHIFT; i++) {
        if (space->leaf[i] == empty_leaf)
            continue;
        for (uint32_t n = 0; n < IPC_LEAF_ENTRIES; n++) {
            uint32_t index = (i << IPC_LEAF_SHIFT) + n;
            if (index == 0)
                continue;
            entries++;
            check_entry(walk, index);
        }
    }
    AUDIT(walk->used == space->used, "space-used", space, "%u entries in use, counted %u", walk->used,
          space->used);
    uint32_t free_entries = check_free_list(space);
    AUDIT(free_entries == entries - walk->used, "free-list", space, "%u entries are in it, %u are free",
          free_entries, entries - walk->used);
}

void audit_spaces(void)
{
    AUDIT_EACH(o, AUDIT_SPACE)
    {
        const struct ipc_space *space = (const void *)o->address;
        struct space_walk walk = {.space = space, .hashed = calloc(space->size + 1u, sizeof(bool))};
        if (walk.hashed == NULL)
            abort();
        check_tables(space);
        check_hash(&walk);
        check_entries(&walk);
        free(walk.hashed);
    }
}
