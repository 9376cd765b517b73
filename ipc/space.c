/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Name spaces: the table of entries.
 *
 * The directory points at leaf pages of IPC_LEAF_ENTRIES entries; where no leaf was needed yet it points at one shared
 * empty leaf, so that a lookup never meets NULL.  Free entries form a doubly linked list of indices (`next`, and `urefs` as
 * the link back), because a particular name may be asked for.
 */
#include <ipc/entry.h>
#include <ipc/space.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <vm/vm_page.h>

#define DIRECTORY_MIN 8u
#define CLEAR_STEP 64u

/* An outgrown directory; CPUs on the fast path may still read it, so it lives until the space goes. */
struct ipc_directory {
    struct ipc_directory *next;
    struct ipc_entry **leaf;
    uint32_t capacity;
};

static struct cache space_cache;
static struct ipc_entry empty_leaf[IPC_LEAF_ENTRIES] = {[0 ... IPC_LEAF_ENTRIES - 1] = {.key = UINT32_MAX}};

/* In the place of an entry: no name's, and never free, so the fast path declines. */
struct ipc_entry ipc_entry_none = {.key = UINT32_MAX, .bits = UINT32_MAX, .object = &ipc_object_none};

void ipc_space_init_module(void)
{
    cache_init(&space_cache, "ipc_space", sizeof(struct ipc_space), 64);
}

bool ipc_space_charge(struct ipc_space *space, uint64_t bytes)
{
    if (!ledger_charge(&space->ledger->memory, bytes))
        return false;
    space->charged += bytes;
    return true;
}

void ipc_space_uncharge(struct ipc_space *space, uint64_t bytes)
{
    space->charged -= bytes;
    ledger_uncharge(&space->ledger->memory, bytes);
}

uint32_t ipc_space_names(struct ipc_space *space)
{
    spin_lock(&space->lock);
    uint32_t used = space->used - (space->recent->bits == 0);
    spin_unlock(&space->lock);
    return used;
}

struct ipc_space *ipc_space_create(struct ledger *ledger)
{
    struct ipc_space *space = cache_alloc_zero(&space_cache);
    if (space == NULL)
        return NULL;
    space->ledger = ledger;
    if (!ipc_space_charge(space, sizeof(*space))) {
        cache_free(&space_cache, space);
        return NULL;
    }
    spin_init(&space->lock, LOCK_RANK_SPACE);
    space->active = true;
    space->refs = 1;
    if (ipc_hash_init(space) != KERN_SUCCESS) {
        ipc_space_uncharge(space, space->charged);
        cache_free(&space_cache, space);
        return NULL;
    }
    return space;
}

static void space_free_tables(struct ipc_space *space)
{
    for (uint32_t i = 0; i < space->size >> IPC_LEAF_SHIFT; i++) {
        if (space->leaf[i] != empty_leaf)
            vm_page_free(space->leaf[i], 0);
    }
    if (space->leaf != NULL)
        kmem_free(space->leaf, space->leaf_capacity * sizeof(*space->leaf));
    while (space->old != NULL) {
        struct ipc_directory *old = space->old;
        space->old = old->next;
        kmem_free(old->leaf, old->capacity * sizeof(*old->leaf));
        kmem_free(old, sizeof(*old));
    }
    ipc_hash_free(space);
}

void ipc_space_free(struct ipc_space *space)
{
    KASSERT(space->used == 0);
    space_free_tables(space);
    ipc_space_uncharge(space, space->charged);
    cache_free(&space_cache, space);
}

void ipc_space_deactivate(struct ipc_space *space)
{
    spin_lock(&space->lock);
    space->active = false;
    ipc_entry_vacant_free(space);
    spin_unlock(&space->lock);
}

bool ipc_space_clear_step(struct ipc_space *space)
{
    KASSERT(!space->active);
    for (uint32_t n = 0; n < CLEAR_STEP; n++) {
        uint32_t index = space->clear_cursor;
        if (index >= space->size)
            return true;
        space->clear_cursor++;
        struct ipc_entry *leaf = space->leaf[index >> IPC_LEAF_SHIFT];
        if (leaf == empty_leaf) {
            space->clear_cursor = (index | (IPC_LEAF_ENTRIES - 1)) + 1;
            continue;
        }
        ipc_right_clear(space, &leaf[index & (IPC_LEAF_ENTRIES - 1)]);
    }
    return space->clear_cursor >= space->size;
}

/* --- entries --- */

struct ipc_entry *ipc_entry_at_index(struct ipc_space *space, uint32_t index)
{
    struct ipc_entry *entry = index < space->size ? ipc_entry_by_index(space, index) : NULL;
    return entry != NULL && entry->bits != 0 ? entry : NULL;
}

/* Take an entry off the free list. */
/*@ requires table(space) && present(space, index) && space->free != 0;
    requires entry_of(space, index)->next == 0 || (present(space, entry_of(space, index)->next) &&
             entry_of(space, index)->next != index);
    requires entry_of(space, index)->urefs == 0 || (present(space, entry_of(space, index)->urefs) &&
             entry_of(space, index)->urefs != index);
    requires entry_of(space, index)->next != 0 ==> entry_of(space, index)->next != entry_of(space, index)->urefs;
    assigns space->free, entry_of(space, \at(entry_of(space, index)->next, Pre))->urefs,
            entry_of(space, \at(entry_of(space, index)->urefs, Pre))->next;
    ensures back: \old(entry_of(space, index)->next) != 0 ==>
      entry_of(space, \old(entry_of(space, index)->next))->urefs == \old(entry_of(space, index)->urefs);
    ensures next: \old(entry_of(space, index)->urefs) != 0 ==>
      entry_of(space, \old(entry_of(space, index)->urefs))->next == \old(entry_of(space, index)->next) &&
      space->free == \old(space->free);
    ensures first: \old(entry_of(space, index)->urefs) == 0 ==> space->free == \old(entry_of(space, index)->next);
*/
static void free_remove(struct ipc_space *space, uint32_t index)
{
    const struct ipc_entry *entry = ipc_entry_by_index(space, index);
    uint32_t next = entry->next;
    uint32_t previous = entry->urefs;
    //@ assert valid: previous != 0 ==> \valid(entry_of(space, previous));

    if (next != 0)
        ipc_entry_by_index(space, next)->urefs = previous;
    //@ assert size: space->size == \at(space->size, Pre);
    //@ assert differ: next != 0 && previous != 0 ==> entry_of(space, next) != entry_of(space, previous);
    //@ assert apart: next != 0 && previous != 0 ==> \separated(entry_of(space, next), entry_of(space, previous));
    if (previous != 0)
        ipc_entry_by_index(space, previous)->next = next;
    else
        space->free = next;
}

static kern_return_t directory_grow(struct ipc_space *space, uint32_t leaves)
{
    uint32_t capacity = space->leaf_capacity == 0 ? DIRECTORY_MIN : space->leaf_capacity;

    while (capacity < leaves)
        capacity *= 2;
    if (capacity == space->leaf_capacity)
        return KERN_SUCCESS;
    struct ipc_directory *old = NULL;
    if (!ipc_space_charge(space, capacity * sizeof(*space->leaf)))
        return KERN_RESOURCE_SHORTAGE;
    if (space->leaf_capacity > 0 && (old = kmem_alloc(sizeof(*old))) == NULL)
        goto fail;
    struct ipc_entry **leaf = kmem_alloc(capacity * sizeof(*leaf));
    if (leaf == NULL)
        goto fail;
    for (uint32_t i = 0; i < capacity; i++)
        leaf[i] = i < space->leaf_capacity ? space->leaf[i] : empty_leaf;
    if (old != NULL) {
        *old = (struct ipc_directory){space->old, space->leaf, space->leaf_capacity};
        space->old = old;
    }
    /* release: a fast-path reader that sees the directory sees its contents */
    __atomic_store_n(&space->leaf, leaf, __ATOMIC_RELEASE);
    space->leaf_capacity = capacity;
    return KERN_SUCCESS;

fail:
    if (old != NULL)
        kmem_free(old, sizeof(*old));
    ipc_space_uncharge(space, capacity * sizeof(*leaf));
    return KERN_RESOURCE_SHORTAGE;
}

/* Make the leaf that holds `index` real; its entries go to the free list. */
static kern_return_t leaf_add(struct ipc_space *space, uint32_t index)
{
    uint32_t number = index >> IPC_LEAF_SHIFT;

    if (directory_grow(space, number + 1) != KERN_SUCCESS)
        return KERN_RESOURCE_SHORTAGE;
    if (!ipc_space_charge(space, HAL_PAGE_SIZE))
        return KERN_RESOURCE_SHORTAGE;
    struct ipc_entry *leaf = vm_page_alloc(0);
    if (leaf == NULL) {
        ipc_space_uncharge(space, HAL_PAGE_SIZE);
        return KERN_RESOURCE_SHORTAGE;
    }
    uint32_t first = number << IPC_LEAF_SHIFT;
    for (uint32_t i = 0; i < IPC_LEAF_ENTRIES; i++)
        leaf[i] = (struct ipc_entry){.key = ~IPC_NAME(first + i, 1), .object = &ipc_object_none};
    __atomic_store_n(&space->leaf[number], leaf, __ATOMIC_RELEASE);
    if (space->size < first + IPC_LEAF_ENTRIES)
        __atomic_store_n(&space->size, first + IPC_LEAF_ENTRIES, __ATOMIC_RELEASE);
    for (uint32_t i = IPC_LEAF_ENTRIES; i-- > 0;) {
        if (first + i != 0)
            ipc_entry_free_insert(space, &leaf[i], first + i);
    }
    return KERN_SUCCESS;
}

/* The first index whose leaf is not there yet. Only reached when every leaf below `size` is full or absent. */
static uint32_t first_absent_leaf(const struct ipc_space *space)
{
    for (uint32_t i = 0; i < space->size >> IPC_LEAF_SHIFT; i++) {
        if (space->leaf[i] == empty_leaf)
            return i << IPC_LEAF_SHIFT;
    }
    return space->size;
}

static kern_return_t space_has_room(const struct ipc_space *space)
{
    if (!space->active)
        return KERN_INVALID_TASK;
    return ipc_space_may_name(space) ? KERN_SUCCESS : KERN_NO_SPACE;
}

void ipc_entry_vacant_free(struct ipc_space *space)
{
    struct ipc_entry *entry = space->recent;

    if (entry->bits != 0)
        return;
    space->recent = &ipc_entry_none;
    ipc_entry_free_insert(space, entry, IPC_NAME_INDEX(~entry->key));
    space->used--;
}

kern_return_t ipc_entry_make_room(struct ipc_space *space)
{
    ipc_entry_vacant_free(space);
    kern_return_t kr = space_has_room(space);

    if (kr != KERN_SUCCESS || space->free != 0)
        return kr;
    uint32_t index = first_absent_leaf(space);
    return index < IPC_SPACE_NAMES_MAX ? leaf_add(space, index) : KERN_NO_SPACE;
}

/* The entry that a name of choice denotes may be held in reserve by this very thread, which can do without: back to the free
 * list. */
static void reserved_yield(struct ipc_space *space, struct ipc_entry *entry, uint32_t index)
{
    struct thread *self = thread_current();

    if (self == NULL || self->reply_entry != entry || entry->bits != 0)
        return;
    self->reply_entry = &ipc_entry_none;
    ipc_entry_free_insert(space, entry, index);
    space->used--;
}

kern_return_t ipc_entry_alloc_name(struct ipc_space *space, mach_port_name_t name, struct ipc_entry **out)
{
    uint32_t index = IPC_NAME_INDEX(name);

    if (index == 0 || index >= IPC_SPACE_NAMES_MAX)
        return KERN_INVALID_VALUE;
    ipc_entry_vacant_free(space); /* it may be the one that is wanted */
    kern_return_t kr = space_has_room(space);
    if (kr != KERN_SUCCESS)
        return kr;
    bool absent = index >= space->size || space->leaf[index >> IPC_LEAF_SHIFT] == empty_leaf;
    if (absent && (kr = leaf_add(space, index)) != KERN_SUCCESS)
        return kr;
    struct ipc_entry *entry = ipc_entry_by_index(space, index);
    reserved_yield(space, entry, index);
    if (entry->bits != 0 || entry->next == IPC_ENTRY_RESERVED)
        return KERN_NAME_EXISTS;
    free_remove(space, index);
    space->used++;
    entry->next = 0;
    entry->urefs = 0;
    entry->key = ~name;
    *out = entry;
    return KERN_SUCCESS;
}

/* --- entries that threads hold in reserve --- */

void ipc_entry_reserve(struct thread *self)
{
    struct ipc_entry *entry = self->reply_entry;
    mach_port_name_t name;

    if (entry->bits == 0)
        return;
    spin_lock(&self->space->lock);
    if (entry != &ipc_entry_none && entry->bits != 0)
        entry->next = 0; /* from now on an entry like any other */
    if (entry == &ipc_entry_none || entry->bits != 0) {
        self->reply_entry = &ipc_entry_none;
        if (ipc_entry_alloc(self->space, &name, &entry) == KERN_SUCCESS) {
            entry->next = IPC_ENTRY_RESERVED;
            entry->urefs = 1;
            self->reply_entry = entry;
        }
    }
    spin_unlock(&self->space->lock);
}

void ipc_entry_unreserve(struct thread *t)
{
    struct ipc_entry *entry = t->reply_entry;

    t->reply_entry = &ipc_entry_none;
    if (entry == &ipc_entry_none)
        return;
    spin_lock(&t->space->lock);
    entry->next = 0;
    if (entry->bits == 0)
        ipc_entry_free(t->space, ~entry->key, entry);
    spin_unlock(&t->space->lock);
}
