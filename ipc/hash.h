/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hash table of a space (ipc/hash.c), as far as it is inlined where rights get names.  The entry that came last is kept outside of
 * it: a right that comes with a message often leaves with the next one, and then never was in the table.  When it leaves so, its entry
 * stays there, vacant, for the next one (ipc/direct_rights.c): on no list, and counted as in use.
 * Context of all: space->lock held.
 */
#ifndef IPC_HASH_H
#define IPC_HASH_H

#include <ipc/entry.h>
#include <ipc/space.h>

#define IPC_HASH_PAGE 1024u /* heads in one page */

/* Ports are 64-byte aligned; a multiplication spreads the rest over the high bits. */
static inline uint32_t ipc_hash_of(const void *port)
{
    return (uint32_t)(((uint64_t)(uintptr_t)port >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline uint32_t *ipc_hash_bucket(const struct ipc_space *space, uint32_t bucket)
{
    return &space->bucket[bucket / IPC_HASH_PAGE][bucket % IPC_HASH_PAGE];
}

/* Where the chain of the entries begins that the one with send rights to `port` would be in. */
static inline uint32_t *ipc_hash_head(const struct ipc_space *space, const void *port)
{
    uint32_t bucket = ipc_hash_of(port) & space->hash_mask;

    /* buckets above the split point do not exist yet: their contents are in the lower half */
    if (bucket >= space->bucket_count)
        bucket &= space->hash_mask >> 1;
    return ipc_hash_bucket(space, bucket);
}

/* The entry that has send rights alone to `port`, or NULL. */
static inline struct ipc_entry *ipc_hash_find(const struct ipc_space *space, const struct ipc_port *port)
{
    if (space->recent->object == port)
        return space->recent;
    for (uint32_t index = *ipc_hash_head(space, port); index != 0;) {
        struct ipc_entry *entry = ipc_entry_by_index(space, index);
        if (entry->object == port)
            return entry;
        index = entry->next;
    }
    return NULL;
}

/*
 * The entry with the receive right.  The port is not locked: it may say that it is here when it has just left, or be half way into
 * another space.  The entry, which is the space's, decides.
 */
static inline struct ipc_entry *ipc_entry_receives(const struct ipc_space *space, const struct ipc_port *port)
{
    if (__atomic_load_n(&port->receiver, __ATOMIC_RELAXED) != space)
        return NULL;
    struct ipc_entry *entry = ipc_entry_peek(space, __atomic_load_n(&port->name, __ATOMIC_RELAXED));
    return entry != NULL && entry->object == port && (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0 ? entry
                                                                                                 : NULL;
}

/* The one that came last goes into the table, or is free again if it is vacant, and there is none. / An entry leaves the table. */
void ipc_hash_settle(struct ipc_space *space);
void ipc_hash_unlink(struct ipc_space *space, struct ipc_entry *entry);

/* An entry that has send rights alone now. */
static inline void ipc_hash_insert(struct ipc_space *space, struct ipc_entry *entry)
{
    if (space->recent != &ipc_entry_none)
        ipc_hash_settle(space);
    space->recent = entry;
}

/* Is there an entry at hand for one more send right? */
static inline bool ipc_hash_has_room(const struct ipc_space *space)
{
    if (space->recent->bits == 0)
        return space->used <= ipc_space_names_max(space);
    return space->free != 0 && ipc_space_may_name(space);
}

/* That entry, which came last now; there is one. */
static inline struct ipc_entry *ipc_hash_take_room(struct ipc_space *space)
{
    if (space->recent->bits != 0)
        ipc_hash_insert(space, ipc_entry_pop(space));
    return space->recent;
}

/* It has no longer. */
static inline void ipc_hash_remove(struct ipc_space *space, struct ipc_entry *entry)
{
    if (space->recent == entry)
        space->recent = &ipc_entry_none;
    else
        ipc_hash_unlink(space, entry);
}

#endif
