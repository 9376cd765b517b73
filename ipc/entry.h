/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of name spaces, for the files of ipc. Context of all, unless said: space->lock held. */
#ifndef IPC_ENTRY_H
#define IPC_ENTRY_H

#include <ipc/space.h>
#include <kern/thread.h>

#define IPC_ENTRY_RESERVED UINT32_MAX /* in `next`: held in reserve by a thread */

/* The entry of threads that hold none in reserve: never free. */
extern struct ipc_entry ipc_entry_none;

/*@ axiomatic entry_bits {
      axiom complement_32: \forall integer a; 0 <= a <= UINT32_MAX ==> (uint32_t)(~a) == UINT32_MAX - a;
    }
    logic integer entry_name{L}(struct ipc_entry *entry) =
      entry->bits == MACH_PORT_TYPE_SEND ? entry->key : UINT32_MAX - entry->key;
    logic integer name_index(integer name) = name / 256;
    logic struct ipc_entry *entry_of{L}(struct ipc_space *space, integer index) =
      space->leaf[index / IPC_LEAF_ENTRIES] + index % IPC_LEAF_ENTRIES;

    // The table: every index has an entry; two of them are the same only in leaves that are absent.
    predicate entries_valid{L}(struct ipc_space *space) =
      \forall integer i; 0 <= i < space->size ==> \valid_read(space->leaf + i / IPC_LEAF_ENTRIES) &&
        \valid(entry_of(space, i)) && \separated(space, entry_of(space, i));
    predicate directory_apart{L}(struct ipc_space *space) =
      \forall integer i, k; 0 <= i < space->size && 0 <= k < space->size ==>
        \separated(space->leaf + k / IPC_LEAF_ENTRIES, entry_of(space, i));
    predicate entries_apart{L}(struct ipc_space *space) =
      \forall integer i, j; 0 <= i < space->size && 0 <= j < space->size ==>
        entry_of(space, i) == entry_of(space, j) || \separated(entry_of(space, i), entry_of(space, j));
    predicate table{L}(struct ipc_space *space) =
      \valid(space) && entries_valid(space) && directory_apart(space) && entries_apart(space);
    predicate present{L}(struct ipc_space *space, integer index) =
      0 < index < space->size &&
      \forall integer i; 0 <= i < space->size && i != index ==> entry_of(space, i) != entry_of(space, index);

    // `name` denotes the entry of its index
    predicate denotes{L}(struct ipc_space *space, integer name) =
      name_index(name) < space->size && entry_of(space, name_index(name))->bits != 0 &&
      entry_name(entry_of(space, name_index(name))) == name;
    // the name that the index of `name` has next: the same 256 generations, one after the other
    logic integer name_after(integer name) = name - name % 256 + (name % 256 + 1) % 256;
*/

/* The next name of an index: one generation further. */
/*@ requires name < UINT32_MAX;
    assigns \nothing;
    ensures after: \result == name_after(name);
*/
static inline mach_port_name_t ipc_name_after(mach_port_name_t name)
{
    return name - name % 256u + (name + 1) % 256u;
}

/* Does `key` hold the name itself? */
/*@ requires \valid_read(entry);
    assigns \nothing;
    ensures \result <==> entry->bits == MACH_PORT_TYPE_SEND;
*/
static inline bool ipc_entry_is_plain_send(const struct ipc_entry *entry)
{
    return entry->bits == MACH_PORT_TYPE_SEND;
}

/* The entry at an index that has a leaf. */
/*@ requires \valid_read(space) && index < space->size && \valid_read(space->leaf + index / IPC_LEAF_ENTRIES);
    assigns \nothing;
    ensures entry: \result == entry_of(space, index);
*/
static inline struct ipc_entry *ipc_entry_by_index(const struct ipc_space *space, uint32_t index)
{
    return &space->leaf[index / IPC_LEAF_ENTRIES][index % IPC_LEAF_ENTRIES];
}

/*@ requires \valid_read(entry);
    assigns \nothing;
    ensures name: \result == entry_name(entry);
*/
static inline mach_port_name_t ipc_entry_name(const struct ipc_entry *entry)
{
    return ipc_entry_is_plain_send(entry) ? entry->key : ~entry->key;
}

/* The entry for `name` (any live type), or NULL. */
/*@ requires table(space);
    assigns \nothing;
    ensures found: denotes(space, name) ==> \result == entry_of(space, name_index(name));
    ensures none: !denotes(space, name) ==> \result == \null;
*/
static inline struct ipc_entry *ipc_entry_lookup(struct ipc_space *space, mach_port_name_t name)
{
    uint32_t index = IPC_NAME_INDEX(name);

    if (index >= space->size)
        return NULL;
    struct ipc_entry *entry = ipc_entry_by_index(space, index);
    /* acquire: pairs with the fast path's release of `bits` when it mints a send-once right into a reserved entry */
    if (__atomic_load_n(&entry->bits, __ATOMIC_ACQUIRE) == 0 || ipc_entry_name(entry) != name)
        return NULL;
    return entry;
}

/* The place in the table where `name` would be, or NULL: to be looked at without the lock (ipc/ipc_fast.h, 1). Context: any. */
static inline struct ipc_entry *ipc_entry_peek(const struct ipc_space *space, mach_port_name_t name)
{
    uint32_t index = IPC_NAME_INDEX(name);

    /* acquire: the directory is one that is large enough */
    if (index >= __atomic_load_n(&space->size, __ATOMIC_ACQUIRE))
        return NULL;
    /* relaxed: both pointers may be replaced meanwhile, by such as lead to the same entries or to more */
    struct ipc_entry **directory = __atomic_load_n(&space->leaf, __ATOMIC_RELAXED);
    struct ipc_entry *leaf = __atomic_load_n(&directory[index >> IPC_LEAF_SHIFT], __ATOMIC_RELAXED);
    return &leaf[index & (IPC_LEAF_ENTRIES - 1)];
}

/* The entry in use at `index`, or NULL. */
struct ipc_entry *ipc_entry_at_index(struct ipc_space *space, uint32_t index);
/* Take exactly `name`. Also KERN_NAME_EXISTS (its index is in use, or in reserve by a thread that is not the current one),
 * KERN_INVALID_VALUE (index 0 or beyond the limit). */
HAL_NODISCARD kern_return_t ipc_entry_alloc_name(struct ipc_space *space, mach_port_name_t name,
                                                 struct ipc_entry **entry);

static inline uint32_t ipc_space_names_max(const struct ipc_space *space)
{
    return __atomic_load_n(&space->ledger->names_max, __ATOMIC_RELAXED);
}

/* Does the limit allow one name more? */
static inline bool ipc_space_may_name(const struct ipc_space *space)
{
    return space->used < ipc_space_names_max(space);
}

/* The vacant entry beside the hash table (ipc/hash.h), if there is one, goes to the free list. */
void ipc_entry_vacant_free(struct ipc_space *space);

/* The first free entry leaves the free list, which is not empty. */
static inline struct ipc_entry *ipc_entry_pop(struct ipc_space *space)
{
    struct ipc_entry *entry = ipc_entry_by_index(space, space->free);

    space->free = entry->next;
    if (entry->next != 0)
        ipc_entry_by_index(space, entry->next)->urefs = 0; /* the first has no link back */
    space->used++;
    entry->next = 0;
    return entry;
}

/* Errors of ipc_entry_alloc(), and what it does when no entry is free. KERN_SUCCESS: one is. */
HAL_NODISCARD kern_return_t ipc_entry_make_room(struct ipc_space *space);

/* A free entry with a fresh name; type still 0. KERN_SUCCESS; KERN_NO_SPACE the limit; KERN_RESOURCE_SHORTAGE;
 * KERN_INVALID_TASK the space is inactive. */
HAL_NODISCARD static inline kern_return_t ipc_entry_alloc(struct ipc_space *space, mach_port_name_t *name,
                                                          struct ipc_entry **out)
{
    if (__builtin_expect(!space->active || !ipc_space_may_name(space) || space->free == 0, 0)) {
        kern_return_t kr = ipc_entry_make_room(space);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    *out = ipc_entry_pop(space);
    *name = ~(*out)->key;
    return KERN_SUCCESS;
}

/* Put a free entry, that of `index`, on the free list. */
/*@ requires table(space) && present(space, index) && entry == entry_of(space, index);
    requires space->free == 0 || (present(space, space->free) && space->free != index);
    assigns entry_of(space, index)->next, entry_of(space, index)->urefs, space->free,
            entry_of(space, space->free)->urefs;
    ensures first: space->free == index && entry_of(space, index)->urefs == 0;
    ensures next: entry_of(space, index)->next == \old(space->free);
    ensures back: \old(space->free) != 0 ==> entry_of(space, \old(space->free))->urefs == index;
*/
static inline void ipc_entry_free_insert(struct ipc_space *space, struct ipc_entry *entry, uint32_t index)
{
    uint32_t next = space->free;

    if (next != 0)
        ipc_entry_by_index(space, next)->urefs = index;
    entry->next = next;
    entry->urefs = 0;
    space->free = index;
}

/* `name` means nothing from now on; the entry's next name is one generation further. */
/*@ requires \valid(entry) && name < UINT32_MAX;
    requires entry->request == \null;
    assigns entry->key, entry->bits;
    ensures free: entry->bits == 0;
    ensures next: entry_name(entry) == name_after(name);
    ensures stale: entry_name(entry) != name;
*/
static inline void ipc_entry_vacate(struct ipc_entry *entry, mach_port_name_t name)
{
    KASSERT(entry->request == NULL);
    entry->key = ~ipc_name_after(name);
    /* release: whoever finds a reserved entry free finds its next name, and writes after us */
    __atomic_store_n(&entry->bits, 0, __ATOMIC_RELEASE);
}

/* Back to the free list; the generation steps. The object and its references are the caller's. */
static inline void ipc_entry_free(struct ipc_space *space, mach_port_name_t name, struct ipc_entry *entry)
{
    entry->object = &ipc_object_none;
    ipc_entry_vacate(entry, name);
    if (entry->next == IPC_ENTRY_RESERVED) {
        entry->urefs = 1; /* the thread that holds it in reserve has it back, ready for a right */
        return;
    }
    ipc_entry_free_insert(space, entry, IPC_NAME_INDEX(name));
    space->used--;
}

/* Set type and user references; keeps key in step. For a send right to a live port also under the port's lock. */
/*@ requires \valid(entry);
    assigns entry->urefs, entry->bits, entry->key;
    ensures name: entry_name(entry) == name;
    ensures bits: entry->bits == bits && entry->urefs == urefs;
*/
static inline void ipc_entry_set(struct ipc_entry *entry, mach_port_name_t name, uint32_t bits,
                                 uint32_t urefs)
{
    entry->urefs = urefs;
    entry->bits = bits;
    __atomic_store_n(&entry->key, bits == MACH_PORT_TYPE_SEND ? name : ~name, __ATOMIC_RELEASE);
}

/* self has an entry in reserve for a send-once right, if there is room. Context: self is current, no lock. */
void ipc_entry_reserve(struct thread *self);
/*
 * A send-once right goes into an entry that is free and held in reserve by a thread: the current one, or one that waits and is in
 * the caller's hand.  Consumes a right and its reference. Returns: its name.  Context: any.
 */
static inline mach_port_name_t ipc_entry_mint(struct ipc_entry *entry, struct ipc_port *port)
{
    mach_port_name_t name = ~entry->key;

    entry->object = port;
    /* release: who sees the right sees the port */
    __atomic_store_n(&entry->bits, MACH_PORT_TYPE_SEND_ONCE, __ATOMIC_RELEASE);
    return name;
}
/* Give it back. Context: t is current or dead, no lock. */
void ipc_entry_unreserve(struct thread *t);

/* Is an entry with these bits in the hash table? One with the receive right is not: the port knows its name. */
static inline bool ipc_entry_is_hashed(uint32_t bits)
{
    return (bits & MACH_PORT_TYPE_SEND_RECEIVE) == MACH_PORT_TYPE_SEND;
}

/* The entry that has a send and/or receive right to `port`, or NULL. Context: also a reference to port. */
struct ipc_entry *ipc_entry_of_port(struct ipc_space *space, const struct ipc_port *port);
/* Tables of a new space / of one that goes. Context: nobody else knows the space. */
HAL_NODISCARD kern_return_t ipc_hash_init(struct ipc_space *space);
void ipc_hash_free(struct ipc_space *space);

/* Destroy whatever an entry of an inactive space holds. Context: no lock. */
void ipc_right_clear(struct ipc_space *space, struct ipc_entry *entry);

#endif
