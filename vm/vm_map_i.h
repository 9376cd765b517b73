/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of an address map, for vm/. */
#ifndef VM_VM_MAP_I_H
#define VM_VM_MAP_I_H

#include <kern/list.h>
#include <kern/spinlock.h>
#include <vm/vm_map.h>
#include <vm/vm_object.h>

/*
 * A range of a map with one set of attributes.  All under the lock of the map; start, end and offset, if there is
 * an object, are changed under its lock as well.  Ranges do not overlap; they are page aligned, not empty, and
 * inside the user range.
 */
struct vm_map_entry {
    struct list link; /* in the order of addresses */
    struct vm_map_entry *parent;
    struct vm_map_entry *child[2]; /* lower and higher addresses */
    uint64_t gap;     /* free bytes between the entry below (or the start of the map) and this one */
    uint64_t max_gap; /* the largest gap in this subtree */
    hal_va_t start;
    hal_va_t end;
    struct vm_map *map;       /* that it is in, or will be; NULL: none */
    struct vm_object *object; /* a reference; NULL: nothing was touched yet */
    struct list object_link;  /* in object->users */
    uint64_t offset;          /* byte of the object that is at start; page aligned */
    struct ledger_account *payer;
    uint8_t height;     /* above those of the children: no path to a leaf is longer */
    uint8_t protection; /* VM_PROT_* */
    uint8_t max_protection;
    uint8_t inheritance;    /* VM_INHERIT_* */
    bool mapped;            /* pages of it may be in the pmap; with an object under its lock as well */
    uint8_t behavior : 7;   /* VM_BEHAVIOR_DEFAULT .. VM_BEHAVIOR_RSEQNTL */
    uint8_t superpages : 1; /* its owner asked for blocks (vm_superpage.c) */
    uint16_t
        wired; /* times that it was wired: its pages are there and stay, mapped for the access that was asked for; with an object
                     * under its lock as well */
};

struct vm_map {
    spinlock_t lock;  /* rank LOCK_RANK_MAP */
    uint32_t readers; /* faults that go on without the lock; atomic */
    uint64_t refs;    /* kern/ref.h */
    struct pmap *pmap;
    struct ledger_account *payer; /* constant: of the task */
    struct list link;             /* of all maps (vm_pageout.c); its lock */
    bool
        privileged; /* atomic: page-out depends on its task: its pages stay, and it gets those that are kept back */
    uint32_t spared; /* atomic: rounds in which page-out leaves it alone (vm_pageout_spare()) */
    hal_va_t hand GUARDED_BY(lock);   /* of vm_pageout_own() */
    uint32_t rounds GUARDED_BY(lock); /* that it has gone without a result */
    struct list entries GUARDED_BY(lock);
    struct vm_map_entry *root GUARDED_BY(lock);
    struct vm_map_entry *hint GUARDED_BY(lock); /* entry of the last lookup, or NULL */
    struct vm_map_entry *other
        GUARDED_BY(lock);           /* entered last, as what a message brought; or the hint before; or NULL */
    uint64_t size GUARDED_BY(lock); /* bytes in entries */
    uint64_t wired GUARDED_BY(lock); /* ... that are wired */
};

/* Memory that a port stands for (vm_memory_entry.h). All but refs is constant. */
struct vm_memory_entry {
    uint64_t refs; /* kern/ref.h */
    vm_prot_t protection;
    struct vm_map_copy *memory;
    struct ledger_account *payer;
};

/* --- locks ---------------------------------------------------------------------------------------------- */

/*
 * Faults in one map run side by side.  A fault takes the lock only to find its entry, and goes on as a *reader*: the entry and its object
 * stay as they are until it has mapped its page.  It changes nothing of the map but entry->mapped, which the lock of the
 * object guards.  Who changes the map takes the lock by vm_map_lock(), which waits for the readers; there will be no new ones meanwhile, so
 * none is late for ever.  Who only looks at entries may take the lock alone.
 */
#define vm_map_lock(map) (spin_lock(&(map)->lock), vm_map_settle(map))

/* There are readers: out of line part of vm_map_settle(). */
void vm_map_wait_readers(const struct vm_map *map) REQUIRES(map->lock);

/* Return when there are no readers. */
static inline void vm_map_settle(const struct vm_map *map) REQUIRES(map->lock)
{
    /* acquire: what the readers did is done */
    if (__builtin_expect(__atomic_load_n(&map->readers, __ATOMIC_ACQUIRE) != 0, 0))
        vm_map_wait_readers(map);
}

/* The holder of the lock becomes a reader. */
static inline void vm_map_to_reader(struct vm_map *map) RELEASE(map->lock)
{
    /* relaxed: who looks at it has taken the lock after this unlock */
    __atomic_fetch_add(&map->readers, 1, __ATOMIC_RELAXED);
    spin_unlock(&map->lock);
    lock_rank_enter(&map->readers, LOCK_RANK_MAP, false, __FILE__, __LINE__);
}

static inline void vm_map_reader_end(struct vm_map *map)
{
    lock_rank_leave(&map->readers);
    /* release: see vm_map_settle() */
    __atomic_fetch_sub(&map->readers, 1, __ATOMIC_RELEASE);
}

/* --- the tree of entries (vm_map_tree.c). Context of all: map->lock held -------------------------------- */

/* Enter `entry`, whose start and end are set and overlap nothing, below `next`, the lowest that there is above it, or NULL. */
void vm_map_tree_insert(struct vm_map *map, struct vm_map_entry *entry, struct vm_map_entry *next)
    REQUIRES(map->lock);
void vm_map_tree_remove(struct vm_map *map, struct vm_map_entry *entry) REQUIRES(map->lock);
/* Change the range of an entry that is in the tree, and its offset with start; it overlaps no other entry before
 * and after. */
void vm_map_tree_resize(struct vm_map *map, struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
    REQUIRES(map->lock);
/* The lowest entry that ends above `va` (it contains va, or lies above), or NULL. */
struct vm_map_entry *vm_map_tree_find(struct vm_map *map, hal_va_t va) REQUIRES(map->lock);
/* The entries beside `entry` in the order of addresses, or NULL. */
static inline struct vm_map_entry *vm_map_tree_next(struct vm_map *map, struct vm_map_entry *entry)
    REQUIRES(map->lock)
{
    struct list *node = entry->link.next;

    return node != &map->entries ? CONTAINER_OF(node, struct vm_map_entry, link) : NULL;
}
static inline struct vm_map_entry *vm_map_tree_prev(struct vm_map *map, struct vm_map_entry *entry)
    REQUIRES(map->lock)
{
    struct list *node = entry->link.prev;

    return node != &map->entries ? CONTAINER_OF(node, struct vm_map_entry, link) : NULL;
}
/* The lowest address >= from with `size` (> 0) free bytes above it; *next: what vm_map_tree_insert() wants to know for an entry there.
 * Returns false: none. */
bool vm_map_tree_space(struct vm_map *map, hal_va_t from, uint64_t size, hal_va_t *start,
                       struct vm_map_entry **next) REQUIRES(map->lock);

/* --- entries (vm_map_entry.c) --------------------------------------------------------------------------- */

/* Entries allocated for the splits of one operation, at both ends of its range. */
struct vm_map_spare {
    unsigned count;
    struct vm_map_entry *entry[2];
};

void vm_map_entry_init_module(void);

/* An entry without object, charged to `payer`, the rest undefined; or NULL. */
HAL_NODISCARD struct vm_map_entry *vm_map_entry_alloc(struct ledger_account *payer);
/* Free an entry that is in no map, with its reference to the object. */
void vm_map_entry_free(struct vm_map_entry *entry);

/* The entry that contains `va`, if the hint does not, or NULL. */
struct vm_map_entry *vm_map_lookup_slow(struct vm_map *map, hal_va_t va) REQUIRES(map->lock);
/* The entry that contains `va`, or NULL. */
static inline struct vm_map_entry *vm_map_lookup(struct vm_map *map, hal_va_t va) REQUIRES(map->lock)
{
    struct vm_map_entry *entry = map->hint;

    if (entry != NULL && va >= entry->start && va < entry->end)
        return entry;
    return vm_map_lookup_slow(map, va);
}

/* Allocate what vm_map_split() at `start` and at `end` will need. Returns false without memory: nothing. */
HAL_NODISCARD bool vm_map_spare_alloc(struct vm_map *map, hal_va_t start, hal_va_t end,
                                      struct vm_map_spare *spare) REQUIRES(map->lock);
/*
 * Give `entry`, which is in no map and without object, what `source` has in [start, end), with its attributes: the same
 * memory (share), or a copy at the cost of the entry's payer.
 * Returns KERN_SUCCESS; KERN_PROTECTION_FAILURE a copy of memory that devices use; KERN_RESOURCE_SHORTAGE: the entry has no object.
 * Context: the map of the source is locked.
 */
HAL_NODISCARD kern_return_t vm_map_entry_derive(struct vm_map_entry *source, hal_va_t start, hal_va_t end,
                                                bool share, struct vm_map_entry *entry);
/* What vm_map_derive() is to give. */
enum vm_map_derived {
    VM_MAP_SHARED,
    VM_MAP_COPIED,
    VM_MAP_READ,      /* copied, of what may be read */
    VM_MAP_READ_PART, /* the same, but only a part of its first or last page: no pager is left to copy that */
};
/* Append such entries for all of [start, end), not empty, which becomes 0 and up, to the list `entries`, charged to `payer`.
 * Returns KERN_SUCCESS; KERN_INVALID_ADDRESS a hole; KERN_PROTECTION_FAILURE VM_MAP_READ, _PART: part of it may not be read; as
 * vm_map_entry_derive(): some were appended. */
HAL_NODISCARD kern_return_t vm_map_derive(struct vm_map *map, hal_va_t start, hal_va_t end,
                                          enum vm_map_derived what, struct ledger_account *payer,
                                          struct list *entries) REQUIRES(map->lock);
/* Move entries from 0 up, in order and without holes, into the map at `start`, where there is room below `next`, the lowest entry
 * above, or NULL. */
void vm_map_enter_all(struct vm_map *map, hal_va_t start, struct list *entries, struct vm_map_entry *next)
    REQUIRES(map->lock);
/* Free a list of entries that are in no map. */
void vm_map_entries_free(struct list *entries);
/* Make `at` the border of two entries, if it is inside one. */
void vm_map_split(struct vm_map *map, hal_va_t at, struct vm_map_spare *spare) REQUIRES(map->lock);

/* Could one entry stand for these two, of which `next` begins where the other ends, and has the same object or none? */
bool vm_map_entry_is_more(const struct vm_map_entry *entry, const struct vm_map_entry *next);
/* Are they neighbours that one entry could stand for? */
static inline bool vm_map_entry_joins(const struct vm_map_entry *entry, const struct vm_map_entry *next)
{
    return entry->end == next->start && (next->object == NULL || next->object == entry->object) &&
           vm_map_entry_is_more(entry, next);
}
/* `next` becomes part of `entry`, which it joins. */
void vm_map_join(struct vm_map *map, struct vm_map_entry *entry, struct vm_map_entry *next)
    REQUIRES(map->lock);
/* Merge `entry` with the one behind it, if they join. Returns whether they did. */
static inline __attribute__((always_inline)) bool vm_map_join_next(struct vm_map *map,
                                                                   struct vm_map_entry *entry)
    REQUIRES(map->lock)
{
    struct vm_map_entry *next = vm_map_tree_next(map, entry);

    if (next == NULL || !vm_map_entry_joins(entry, next))
        return false;
    vm_map_join(map, entry, next);
    return true;
}
/* Merge neighbours that join, from the one below `start` to the one at `end`. */
void vm_map_merge(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock);

/* --- attributes of ranges (vm_map_attr.c) ----------------------------------------------------------------- */

/* Let change->apply have what of [start, end) there is, in entries that do not reach beyond it, and merge those that are alike then.
 * Returns KERN_SUCCESS; KERN_RESOURCE_SHORTAGE: nothing changed. */
struct vm_map_change {
    void (*apply)(struct vm_map *map, struct vm_map_entry *entry, const struct vm_map_change *change);
    int value;
    bool flag;
};
kern_return_t vm_map_change_range(struct vm_map *map, hal_va_t start, hal_va_t end,
                                  const struct vm_map_change *change) REQUIRES(map->lock);
/* Returns KERN_SUCCESS all of [start, end) is allocated, and may have protection `prot`; KERN_INVALID_ADDRESS;
 * KERN_PROTECTION_FAILURE. */
kern_return_t vm_map_check_range(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t prot)
    REQUIRES(map->lock);

/* --- memory from elsewhere (vm_map_remap.c) -------------------------------------------------------------- */

/* Are mask and inheritance such as there are? */
bool vm_map_remap_is_valid(const struct vm_map_remap *how);
/*
 * Move entries from 0 up, without holes, `size` bytes in all, into the map where `how` says.
 * Returns KERN_SUCCESS, *address set; or the errors of vm_map_remap() about the place: the entries stay, the map is unchanged.
 * Context: no lock.
 */
kern_return_t vm_map_put(struct vm_map *map, hal_va_t *address, uint64_t size, const struct vm_map_remap *how,
                         struct list *entries);

/* --- superpages (vm_superpage.c) ------------------------------------------------------------------------------ */

/* Could vm_superpage_fill() make the block around `address`, which is in `entry` with `object`? */
bool vm_superpage_fits(const struct vm_map_entry *entry, struct vm_object *object, hal_va_t address)
    REQUIRES(object->lock);
/* Make and map all pages of the block around `address`, if an entry that wants superpages has all of it and nothing is there yet.
 * They are charged to `payer`. Nothing happens where that can't be. Context: no lock. */
void vm_superpage_fill(struct vm_map *map, hal_va_t address, struct ledger_account *payer);

/* --- places (vm_map.c) ---------------------------------------------------------------------------------- */

/* Where vm_map_allocate() would put `size` bytes (whole pages, > 0), and below which entry. Returns as it does. */
kern_return_t vm_map_place(struct vm_map *map, hal_va_t address, uint64_t size, bool anywhere,
                           hal_va_t *start, struct vm_map_entry **next) REQUIRES(map->lock);
/* Remove [start, end). Returns false without memory: unchanged. */
HAL_NODISCARD bool vm_map_remove_range(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock);

#endif
