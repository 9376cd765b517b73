/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash table of a space (ipc/hash.c), as far as it is inlined where rights get names. Context of all: space->lock held. */
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

/* The entry of that chain, or NULL. */
static inline struct ipc_entry *ipc_hash_find(const struct ipc_space *space, const uint32_t *head,
                                              const struct ipc_port *port)
{
    for (uint32_t index = *head; index != 0;) {
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

/* There are as many entries as buckets: one bucket more. */
void ipc_hash_split(struct ipc_space *space);

/* ipc_hash_insert() where the head is known. */
static inline void ipc_hash_insert_at(struct ipc_space *space, uint32_t *head, struct ipc_entry *entry,
                                      mach_port_name_t name)
{
    entry->next = *head;
    *head = IPC_NAME_INDEX(name);
    if (__builtin_expect(++space->hash_used > space->bucket_count, 0))
        ipc_hash_split(space);
}

#endif
