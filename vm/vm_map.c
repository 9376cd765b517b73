/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address maps: life, allocation, deallocation.  (Attributes: vm_map_attr.c; inheritance: vm_map_fork.c.)
 *
 * A map is a set of entries, each with a memory object (or none until its first page is touched).  A change
 * of part of an entry splits it; neighbours that have become alike are merged, so that a map stays as small
 * as what it says.
 *
 * An object that was never shared belongs to one map, and all its entries there have the same distance
 * between address and offset: what is split off keeps it, and a merge needs it.  So memory that is removed
 * takes its pages along at once, and an entry may grow into free space behind it without finding pages there.
 * The pages of a shared object stay until its last entry goes, or only one is left.
 *
 * Every operation checks first, allocates what splitting needs (struct vm_map_spare), and then can't fail.
 *
 * Lock order: map, object, then pmap or page allocator.  Two maps are never locked at a time.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/ref.h>
#include <kern/smp.h>
#include <vm/memory_object.h>
#include <vm/pmap.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_map_i.h>
#include <vm/vm_memory_entry.h>
#include <vm/vm_pageout.h>
#include <vm/vm_range.h>
#include <vm/vm_store.h>

/* What one vm_map_clear_step() does at most. */
#define CLEAR_PAGES 512u
#define CLEAR_ENTRIES 32u

static struct cache map_cache;

void vm_map_init_module(void)
{
    vm_object_init_module();
    memory_object_init_module();
    vm_store_init_module();
    vm_pageout_init_module();
    cache_init(&map_cache, "vm_map", sizeof(struct vm_map), 64);
    vm_map_entry_init_module();
    vm_map_copy_init_module();
    vm_memory_entry_init_module();
}

/* --- life ----------------------------------------------------------------------------------------------- */

struct vm_map *vm_map_create(struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct vm_map)))
        return NULL;
    struct vm_map *map = cache_alloc(&map_cache);
    if (map == NULL)
        goto no_map;
    map->pmap = pmap_create(payer);
    if (map->pmap == NULL)
        goto no_pmap;
    map->refs = 1;
    map->payer = payer;
    map->privileged = false;
    spin_init(&map->lock, LOCK_RANK_MAP);
    map->readers = 0;
    spin_lock(&map->lock);
    list_init(&map->entries);
    map->root = NULL;
    map->hint = NULL;
    map->other = NULL;
    map->size = 0;
    map->spared = 0;
    map->hand = 0;
    map->rounds = 0;
    map->wired = 0;
    spin_unlock(&map->lock);
    vm_pageout_enter(map);
    return map;

no_pmap:
    cache_free(&map_cache, map);
no_map:
    ledger_uncharge(payer, sizeof(*map));
    return NULL;
}

void vm_map_wait_readers(const struct vm_map *map)
{
    while (__atomic_load_n(&map->readers, __ATOMIC_ACQUIRE) != 0) {
        smp_poll(); /* a reader may wait for this CPU to flush its TLB */
        hal_cpu_pause();
    }
}

struct pmap *vm_map_pmap(struct vm_map *map)
{
    return map->pmap;
}

void vm_map_ref(struct vm_map *map)
{
    ref_get(&map->refs);
}

void vm_map_unref(struct vm_map *map)
{
    if (!ref_put(&map->refs))
        return;
    vm_pageout_leave(map);
    while (!vm_map_clear_step(map))
        ;
    pmap_destroy(map->pmap);
    ledger_uncharge(map->payer, sizeof(*map));
    cache_free(&map_cache, map);
}

/* --- allocate and deallocate ---------------------------------------------------------------------------- */

/* Fresh memory does not join what has an object if it fills a node of its pages: in an object of its own it begins where a node does,
 * so that a copy of it shares nodes, instead of pages one by one. */
#define JOIN_MAX (VM_RADIX_NODE_PAGES * PAGE_SIZE)

/* The attributes of fresh memory. */
static const struct vm_map_entry fresh_entry = {
    .protection = VM_PROT_DEFAULT,
    .max_protection = VM_PROT_ALL,
    .inheritance = VM_INHERIT_DEFAULT,
    .behavior = VM_BEHAVIOR_DEFAULT,
};

/* Let the entry below `next` grow into [start, end), which is free, as fresh memory. Returns false: it can't. */
static bool map_extend(struct vm_map *map, hal_va_t start, hal_va_t end, const struct vm_map_entry *next)
    REQUIRES(map->lock)
{
    struct list *prev = next != NULL ? next->link.prev : map->entries.prev;

    if (prev == &map->entries)
        return false;
    struct vm_map_entry *below = CONTAINER_OF(prev, struct vm_map_entry, link);
    if (below->end != start || !vm_map_entry_is_more(below, &fresh_entry) ||
        (below->object != NULL && end - start >= JOIN_MAX))
        return false;
    vm_map_tree_resize(map, below, below->start, end);
    (void)vm_map_join_next(map, below);
    return true;
}

/* Enter fresh memory at [start, end), which is free, below `next`. Consumes `entry`, whose contents do not matter. */
static void map_enter(struct vm_map *map, hal_va_t start, hal_va_t end, struct vm_map_entry *next,
                      struct vm_map_entry *entry) REQUIRES(map->lock)
{
    entry->start = start;
    entry->end = end;
    entry->offset = 0;
    entry->protection = fresh_entry.protection;
    entry->max_protection = fresh_entry.max_protection;
    entry->inheritance = fresh_entry.inheritance;
    vm_map_tree_insert(map, entry, next);
    (void)vm_map_join_next(map, entry);
}

kern_return_t vm_map_place(struct vm_map *map, hal_va_t address, uint64_t size, bool anywhere,
                           hal_va_t *start, struct vm_map_entry **next)
{
    if (anywhere) {
        if (address > hal_info.user_limit)
            return KERN_NO_SPACE;
        if (address < hal_info.user_base)
            address = hal_info.user_base;
        return vm_map_tree_space(map, round_page(address), size, start, next) ? KERN_SUCCESS : KERN_NO_SPACE;
    }
    *start = trunc_page(address);
    kern_return_t kr = vm_range_check_user(*start, size);
    if (kr != KERN_SUCCESS)
        return kr;
    *next = vm_map_tree_find(map, *start);
    return *next == NULL || (*next)->start >= *start + size ? KERN_SUCCESS : KERN_NO_SPACE;
}

kern_return_t vm_map_allocate(struct vm_map *map, hal_va_t *address, uint64_t size, bool anywhere)
{
    struct vm_map_entry *next;
    hal_va_t start;

    if (size == 0) {
        *address = 0;
        return KERN_SUCCESS;
    }
    if (!vm_size_round(size, &size))
        return KERN_INVALID_ARGUMENT;

    vm_map_lock(map);
    kern_return_t kr = vm_map_place(map, *address, size, anywhere, &start, &next);
    if (kr == KERN_SUCCESS && !map_extend(map, start, start + size, next)) {
        struct vm_map_entry *entry = vm_map_entry_alloc(map->payer);
        if (entry != NULL)
            map_enter(map, start, start + size, next, entry);
        else
            kr = KERN_RESOURCE_SHORTAGE;
    }
    spin_unlock(&map->lock);
    if (kr == KERN_SUCCESS)
        *address = start;
    return kr;
}

/* Free the pages of [start, end), a part of `entry` that no pmap maps any more, unless it is shared, or goes with
 * its object. */
static void entry_drop_pages(const struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    bool whole = start == entry->start && end == entry->end;

    if (entry->object == NULL || vm_object_is_shared(entry->object) ||
        (whole && vm_object_is_sole(entry->object)))
        return;
    uint64_t first = entry->offset + (start - entry->start);
    vm_object_remove(entry->object, first >> PAGE_SHIFT, (first + (end - start)) >> PAGE_SHIFT);
}

/* Take [start, end) out of the pmap, if any of it is there. `entry`: the lowest that ends above `start`, or NULL. */
static void map_unmap(struct vm_map *map, struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
    REQUIRES(map->lock)
{
    hal_va_t low = end;
    hal_va_t high = start;

    for (; entry != NULL && entry->start < end; entry = vm_map_tree_next(map, entry)) {
        if (!entry->mapped)
            continue;
        if (low == end)
            low = entry->start > start ? entry->start : start;
        high = entry->end < end ? entry->end : end;
    }
    if (low < high)
        pmap_remove(map->pmap, low, high);
}

/* Remove `entry`, which no pmap maps any more, with its pages. */
static inline void map_remove_entry(struct vm_map *map, struct vm_map_entry *entry) REQUIRES(map->lock)
{
    entry_drop_pages(entry, entry->start, entry->end);
    vm_map_tree_remove(map, entry);
    vm_map_entry_free(entry);
}

/* Remove what is in [start, end). `entry`: the lowest that ends above `start`, or NULL; if it begins below, it does not
 * end above `end`: it was split. */
static void map_remove(struct vm_map *map, struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
    REQUIRES(map->lock)
{
    struct vm_map_entry *next;

    map_unmap(map, entry, start, end);
    for (; entry != NULL && entry->start < end; entry = next) {
        hal_va_t low = entry->start > start ? entry->start : start;
        hal_va_t high = entry->end < end ? entry->end : end;

        next = vm_map_tree_next(map, entry);
        if (low > entry->start) {
            entry_drop_pages(entry, low, high);
            vm_map_tree_resize(map, entry, entry->start, low);
        } else if (high < entry->end) {
            entry_drop_pages(entry, low, high);
            vm_map_tree_resize(map, entry, high, entry->end);
        } else {
            map_remove_entry(map, entry);
        }
    }
}

/* As vm_map_remove_range(), where `entry`, the lowest that ends above `start`, is not all there is. */
static __attribute__((noinline)) bool remove_parts(struct vm_map *map, struct vm_map_entry *entry,
                                                   hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    struct vm_map_spare spare;

    /* Only a hole inside one entry needs a new entry; else memory can always be given back. */
    if (entry != NULL && entry->start < start && end < entry->end) {
        if (!vm_map_spare_alloc(map, start, end, &spare))
            return false;
        vm_map_split(map, start, &spare);
        vm_map_split(map, end, &spare);
        entry = vm_map_tree_next(map, entry);
    }
    map_remove(map, entry, start, end);
    return true;
}

/* As vm_map_remove_range(). */
static inline bool remove_range(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    struct vm_map_entry *entry = map->other; /* what came last often goes first */

    if (entry == NULL || entry->start != start)
        entry = vm_map_tree_find(map, start);
    if (entry == NULL || entry->start != start || entry->end != end)
        return remove_parts(map, entry, start, end);
    if (entry->mapped)
        pmap_remove(map->pmap, start, end);
    map_remove_entry(map, entry);
    return true;
}

bool vm_map_remove_range(struct vm_map *map, hal_va_t start, hal_va_t end)
{
    return remove_range(map, start, end);
}

kern_return_t vm_map_deallocate(struct vm_map *map, hal_va_t address, uint64_t size)
{
    hal_va_t start;
    hal_va_t end;

    if (size == 0)
        return KERN_SUCCESS;
    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (!vm_range_clamp(&start, &end))
        return KERN_SUCCESS;

    vm_map_lock(map);
    bool removed = remove_range(map, start, end);
    spin_unlock(&map->lock);
    return removed ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

kern_return_t vm_map_replace(struct vm_map *map, hal_va_t address, uint64_t size)
{
    hal_va_t start = trunc_page(address);

    if (size == 0)
        return KERN_SUCCESS;
    if (!vm_size_round(size, &size))
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = vm_range_check_user(start, size);
    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_map_entry *entry = vm_map_entry_alloc(map->payer);
    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;

    vm_map_lock(map);
    bool removed = vm_map_remove_range(map, start, start + size);
    if (removed) {
        struct vm_map_entry *next = vm_map_tree_find(map, start);
        if (!map_extend(map, start, start + size, next)) {
            map_enter(map, start, start + size, next, entry);
            entry = NULL;
        }
    }
    spin_unlock(&map->lock);
    if (entry != NULL)
        vm_map_entry_free(entry);
    return removed ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

bool vm_map_clear_step(struct vm_map *map)
{
    uint64_t budget = CLEAR_PAGES;

    if (!pmap_clear_step(map->pmap, CLEAR_PAGES))
        return false;
    vm_map_lock(map);
    for (unsigned i = 0; i < CLEAR_ENTRIES && budget > 0 && !list_empty(&map->entries); i++) {
        struct vm_map_entry *entry = vm_map_tree_find(map, 0);
        if (entry->object != NULL && !vm_object_clear_step(entry->object, &budget))
            break;
        vm_map_tree_remove(map, entry);
        vm_map_entry_free(entry);
    }
    bool empty = list_empty(&map->entries);
    spin_unlock(&map->lock);
    return empty;
}
