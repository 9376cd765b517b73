/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of name spaces, for the files of ipc. Context of all, unless said: space->lock held. */
#ifndef IPC_ENTRY_H
#define IPC_ENTRY_H

#include <ipc/space.h>
#include <kern/thread.h>

#define IPC_ENTRY_RESERVED UINT32_MAX /* in `next`: held in reserve by a thread */

/* The entry of threads that hold none in reserve: never free. */
extern struct ipc_entry ipc_entry_none;

/* Does `key` hold the name itself? */
static inline bool ipc_entry_is_plain_send(const struct ipc_entry *entry)
{
    return entry->bits == MACH_PORT_TYPE_SEND;
}

/* The entry for `name` (any live type), or NULL. */
struct ipc_entry *ipc_entry_lookup(struct ipc_space *space, mach_port_name_t name);
/* The entry in use at `index`, or NULL. */
struct ipc_entry *ipc_entry_at_index(struct ipc_space *space, uint32_t index);
/* A free entry with a fresh name; type still 0. KERN_SUCCESS; KERN_NO_SPACE the limit; KERN_RESOURCE_SHORTAGE;
 * KERN_INVALID_TASK the space is inactive. */
HAL_NODISCARD kern_return_t ipc_entry_alloc(struct ipc_space *space, mach_port_name_t *name,
                                            struct ipc_entry **entry);
/* Take exactly `name`. Also KERN_NAME_EXISTS, KERN_INVALID_VALUE (index 0 or beyond the limit). */
HAL_NODISCARD kern_return_t ipc_entry_alloc_name(struct ipc_space *space, mach_port_name_t name,
                                                 struct ipc_entry **entry);
/* Back to the free list; the generation steps. The object and its references are the caller's. */
void ipc_entry_free(struct ipc_space *space, mach_port_name_t name, struct ipc_entry *entry);
/* Set type and user references; keeps key in step. For a send right to a live port also under the port's lock. */
void ipc_entry_set(struct ipc_entry *entry, mach_port_name_t name, uint32_t bits, uint32_t urefs);
mach_port_name_t ipc_entry_name(const struct ipc_entry *entry);

/* self has an entry in reserve for a send-once right, if there is room. Context: self is current, no lock. */
void ipc_entry_reserve(struct thread *self);
/* Give it back. Context: t is current or dead, no lock. */
void ipc_entry_unreserve(struct thread *t);

/* The entry that has a send and/or receive right to `port`, or NULL. */
struct ipc_entry *ipc_hash_lookup(struct ipc_space *space, const struct ipc_port *port);
void ipc_hash_insert(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name);
void ipc_hash_remove(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name);
/* Tables of a new space / of one that goes. Context: nobody else knows the space. */
HAL_NODISCARD kern_return_t ipc_hash_init(struct ipc_space *space);
void ipc_hash_free(struct ipc_space *space);

/* Destroy whatever an entry of an inactive space holds. Context: no lock. */
void ipc_right_clear(struct ipc_space *space, struct ipc_entry *entry);

#endif
