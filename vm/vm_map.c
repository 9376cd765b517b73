/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address maps.
 *
 * A map is a set of entries, each with a memory object (or none until its first page is touched).  A change of part of an
 * entry splits it; neighbours that have become alike are merged, so that a map stays as small as what it says.
 *
 * An object that was never shared belongs to one map, and all its entries there have the same distance between
 * address and offset: what is split off keeps it, and a merge needs it.  So memory that is removed takes its pages along at
 * once, and an entry may grow into free space behind it without finding pages there.  The pages of a shared object
 * stay until its last entry goes, or only one is left.
 *
 * Every operation checks first, allocates what splitting needs (struct spare), and then can't fail.
 *
 * Lock order: map, object, then pmap or page allocator.  Two maps are never locked at a time.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <mach/vm_param.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>

/* What one vm_map_clear_step() does at most. */
#define CLEAR_PAGES 256u
#define CLEAR_ENTRIES 32u

static struct cache map_cache;
static struct cache entry_cache;

/* Entries allocated for the splits of one operation, at both ends of its range. */
struct spare {
    unsigned count;
    struct vm_map_entry *entry[2];
};

void vm_map_init_module(void)
{
    vm_object_init_module();
    cache_init(&map_cache, "vm_map", sizeof(struct vm_map), 64);
    cache_init(&entry_cache, "vm_map_entry", sizeof(struct vm_map_entry), 8);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

struct vm_map *vm_map_create(void)
{
    struct vm_map *map = cache_alloc(&map_cache);

    if (map == NULL)
        return NULL;
    map->pmap = pmap_create();
    if (map->pmap == NULL) {
        cache_free(&map_cache, map);
        return NULL;
    }
    map->refs = 1;
    spin_init(&map->lock, LOCK_RANK_MAP);
    spin_lock(&map->lock);
    list_init(&map->entries);
    map->root = NULL;
    map->hint = NULL;
    map->size = 0;
    spin_unlock(&map->lock);
    return map;
}

struct pmap *vm_map_pmap(struct vm_map *map)
{
    return map->pmap;
}

void vm_map_ref(struct vm_map *map)
{
    /* relaxed: the caller's own reference keeps the map alive */
    __atomic_fetch_add(&map->refs, 1, __ATOMIC_RELAXED);
}

void vm_map_unref(struct vm_map *map)
{
    /* acq_rel: what the others did with the map is done before the last one frees it */
    if (__atomic_fetch_sub(&map->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    while (!vm_map_clear_step(map))
        ;
    pmap_destroy(map->pmap);
    cache_free(&map_cache, map);
}

/* --- ranges and entries --------------------------------------------------------------------------------------- */

/* Round [address, address + size) outwards to pages. Returns false: it wraps around the end of the address space. */
static bool range_round(hal_va_t address, uint64_t size, hal_va_t *start, hal_va_t *end)
{
    if (size > UINT64_MAX - address || address + size > UINT64_MAX - PAGE_MASK)
        return false;
    *start = trunc_page(address);
    *end = round_page(address + size);
    return true;
}

/* Cut a range down to user space. Returns false: nothing is left. */
static bool range_clamp(hal_va_t *start, hal_va_t *end)
{
    if (*start < hal_info.user_base)
        *start = hal_info.user_base;
    if (*end > hal_info.user_limit)
        *end = hal_info.user_limit;
    return *start < *end;
}

static void entry_free(struct vm_map_entry *entry)
{
    if (entry->object != NULL)
        vm_object_unref(entry->object);
    cache_free(&entry_cache, entry);
}

struct vm_map_entry *vm_map_lookup(struct vm_map *map, hal_va_t va)
{
    struct vm_map_entry *entry = map->hint;

    if (entry != NULL && va >= entry->start && va < entry->end)
        return entry;
    entry = vm_map_tree_find(map, va);
    if (entry == NULL || va < entry->start)
        return NULL;
    map->hint = entry;
    return entry;
}

static bool entry_begins_before(struct vm_map *map, hal_va_t at) REQUIRES(map->lock)
{
    const struct vm_map_entry *entry = vm_map_lookup(map, at);

    return entry != NULL && entry->start < at;
}

static void spare_free(struct spare *spare)
{
    while (spare->count > 0)
        cache_free(&entry_cache, spare->entry[--spare->count]);
}

/* Allocate what map_split() at `start` and at `end` will need. Returns false without memory. */
static bool spare_alloc(struct vm_map *map, hal_va_t start, hal_va_t end, struct spare *spare) REQUIRES(map->lock)
{
    unsigned need = (unsigned)entry_begins_before(map, start) + (unsigned)entry_begins_before(map, end);

    for (spare->count = 0; spare->count < need; spare->count++) {
        spare->entry[spare->count] = cache_alloc(&entry_cache);
        if (spare->entry[spare->count] == NULL) {
            spare_free(spare);
            return false;
        }
    }
    return true;
}

/* Make `at` the border of two entries, if it is inside one. */
static void map_split(struct vm_map *map, hal_va_t at, struct spare *spare) REQUIRES(map->lock)
{
    if (!entry_begins_before(map, at))
        return;
    struct vm_map_entry *entry = vm_map_lookup(map, at);
    struct vm_map_entry *upper = spare->entry[--spare->count];

    *upper = *entry;
    upper->start = at;
    upper->offset += at - entry->start;
    if (upper->object != NULL)
        vm_object_ref(upper->object);
    vm_map_tree_resize(map, entry, entry->start, at);
    vm_map_tree_insert(map, upper);
}

static bool entry_is_like(const struct vm_map_entry *a, const struct vm_map_entry *b)
{
    return a->protection == b->protection && a->max_protection == b->max_protection &&
           a->inheritance == b->inheritance;
}

/* Can `entry` grow into what is behind it, where nothing was touched yet? */
static bool entry_can_grow(const struct vm_map_entry *entry)
{
    return entry->object == NULL || vm_object_is_private(entry->object);
}

static bool entry_joins(const struct vm_map_entry *entry, const struct vm_map_entry *next)
{
    if (entry->end != next->start || !entry_is_like(entry, next))
        return false;
    if (next->object == NULL)
        return entry_can_grow(entry);
    return entry->object == next->object && next->offset - entry->offset == entry->end - entry->start;
}

/* Merge neighbours that are alike, from the one below `start` to the one at `end`. */
static void map_merge(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    struct vm_map_entry *entry = vm_map_tree_find(map, start > 0 ? start - 1 : 0);
    struct vm_map_entry *next;

    while (entry != NULL && entry->start < end && (next = vm_map_tree_next(map, entry)) != NULL) {
        if (!entry_joins(entry, next)) {
            entry = next;
            continue;
        }
        hal_va_t next_end = next->end;
        vm_map_tree_remove(map, next);
        vm_map_tree_resize(map, entry, entry->start, next_end);
        entry_free(next);
    }
}

/* --- allocate and deallocate ---------------------------------------------------------------------------------- */

/* Enter fresh memory at [start, end), which is free. Consumes `entry`, whose contents do not matter. */
static void map_enter(struct vm_map *map, hal_va_t start, hal_va_t end, struct vm_map_entry *entry)
    REQUIRES(map->lock)
{
    *entry = (struct vm_map_entry){
        .start = start,
        .end = end,
        .protection = VM_PROT_DEFAULT,
        .max_protection = VM_PROT_ALL,
        .inheritance = VM_INHERIT_DEFAULT,
    };
    struct vm_map_entry *below = vm_map_lookup(map, start - 1);

    if (below != NULL && entry_joins(below, entry)) {
        vm_map_tree_resize(map, below, below->start, end);
        cache_free(&entry_cache, entry);
    } else {
        vm_map_tree_insert(map, entry);
    }
    map_merge(map, start, end);
}

/* Is [start, start + size) in the user range? Returns KERN_SUCCESS, KERN_INVALID_ARGUMENT, KERN_INVALID_ADDRESS. */
static kern_return_t range_check_user(hal_va_t start, uint64_t size)
{
    if (size > UINT64_MAX - start)
        return KERN_INVALID_ARGUMENT;
    return HAL_USER_RANGE(start, size) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

/* Find the place for vm_map_allocate(). */
static kern_return_t map_place(struct vm_map *map, hal_va_t address, uint64_t size, bool anywhere, hal_va_t *start)
    REQUIRES(map->lock)
{
    if (anywhere) {
        if (address > hal_info.user_limit)
            return KERN_NO_SPACE;
        if (address < hal_info.user_base)
            address = hal_info.user_base;
        return vm_map_tree_space(map, round_page(address), size, start) ? KERN_SUCCESS : KERN_NO_SPACE;
    }
    *start = trunc_page(address);
    kern_return_t kr = range_check_user(*start, size);
    if (kr != KERN_SUCCESS)
        return kr;
    const struct vm_map_entry *entry = vm_map_tree_find(map, *start);
    return entry == NULL || entry->start >= *start + size ? KERN_SUCCESS : KERN_NO_SPACE;
}

kern_return_t vm_map_allocate(struct vm_map *map, hal_va_t *address, uint64_t size, bool anywhere)
{
    hal_va_t start;

    if (size == 0) {
        *address = 0;
        return KERN_SUCCESS;
    }
    if (size > UINT64_MAX - PAGE_MASK)
        return KERN_INVALID_ARGUMENT;
    size = round_page(size);
    struct vm_map_entry *entry = cache_alloc(&entry_cache);
    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;

    spin_lock(&map->lock);
    kern_return_t kr = map_place(map, *address, size, anywhere, &start);
    if (kr == KERN_SUCCESS)
        map_enter(map, start, start + size, entry);
    spin_unlock(&map->lock);
    if (kr == KERN_SUCCESS)
        *address = start;
    else
        cache_free(&entry_cache, entry);
    return kr;
}

/* Free the pages of [start, end), a part of `entry` that no pmap maps any more, unless others may use them. */
static void entry_drop_pages(const struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    if (entry->object == NULL || vm_object_is_shared(entry->object))
        return;
    uint64_t first = entry->offset + (start - entry->start);
    vm_object_remove(entry->object, first >> PAGE_SHIFT, (first + (end - start)) >> PAGE_SHIFT);
}

/* Remove what is in [start, end). `end` is not inside an entry that begins below `start`: that was split. */
static void map_remove(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    struct vm_map_entry *entry = vm_map_tree_find(map, start);
    struct vm_map_entry *next;

    pmap_remove(map->pmap, start, end);
    for (; entry != NULL && entry->start < end; entry = next) {
        hal_va_t low = entry->start > start ? entry->start : start;
        hal_va_t high = entry->end < end ? entry->end : end;

        next = vm_map_tree_next(map, entry);
        entry_drop_pages(entry, low, high);
        if (low > entry->start) {
            vm_map_tree_resize(map, entry, entry->start, low);
        } else if (high < entry->end) {
            entry->offset += high - entry->start;
            vm_map_tree_resize(map, entry, high, entry->end);
        } else {
            vm_map_tree_remove(map, entry);
            entry_free(entry);
        }
    }
}

/* Remove [start, end). Returns false without memory: unchanged. */
static bool map_remove_range(struct vm_map *map, hal_va_t start, hal_va_t end) REQUIRES(map->lock)
{
    const struct vm_map_entry *entry = vm_map_lookup(map, start);
    struct spare spare;

    /* Only a hole inside one entry needs a new entry; else memory can always be given back. */
    if (entry != NULL && entry->start < start && end < entry->end) {
        if (!spare_alloc(map, start, end, &spare))
            return false;
        map_split(map, start, &spare);
        map_split(map, end, &spare);
    }
    map_remove(map, start, end);
    return true;
}

kern_return_t vm_map_deallocate(struct vm_map *map, hal_va_t address, uint64_t size)
{
    hal_va_t start;
    hal_va_t end;

    if (size == 0)
        return KERN_SUCCESS;
    if (!range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (!range_clamp(&start, &end))
        return KERN_SUCCESS;

    spin_lock(&map->lock);
    bool removed = map_remove_range(map, start, end);
    spin_unlock(&map->lock);
    return removed ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

kern_return_t vm_map_replace(struct vm_map *map, hal_va_t address, uint64_t size)
{
    hal_va_t start = trunc_page(address);

    if (size == 0)
        return KERN_SUCCESS;
    if (size > UINT64_MAX - PAGE_MASK)
        return KERN_INVALID_ARGUMENT;
    size = round_page(size);
    kern_return_t kr = range_check_user(start, size);
    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_map_entry *entry = cache_alloc(&entry_cache);
    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;

    spin_lock(&map->lock);
    bool removed = map_remove_range(map, start, start + size);
    if (removed)
        map_enter(map, start, start + size, entry);
    spin_unlock(&map->lock);
    if (removed)
        return KERN_SUCCESS;
    cache_free(&entry_cache, entry);
    return KERN_RESOURCE_SHORTAGE;
}

/*
 * How far a step may clear `entry`: to its end, or behind *pages pages from the first one that is resident.  *pages becomes
 * how many pages that can be.
 */
static hal_va_t entry_clear_end(const struct vm_map_entry *entry, uint64_t *pages)
{
    uint64_t first = entry->offset >> PAGE_SHIFT;
    uint64_t count = (entry->end - entry->start) >> PAGE_SHIFT;
    uint64_t resident = entry->object != NULL ? vm_object_next(entry->object, first) - first : count;

    if (resident > count)
        resident = count;
    if (*pages > count - resident)
        *pages = count - resident;
    return entry->start + ((resident + *pages) << PAGE_SHIFT);
}

bool vm_map_clear_step(struct vm_map *map)
{
    uint64_t left = CLEAR_PAGES;

    spin_lock(&map->lock);
    for (unsigned i = 0; i < CLEAR_ENTRIES && left > 0 && !list_empty(&map->entries); i++) {
        const struct vm_map_entry *entry = vm_map_tree_find(map, 0);
        uint64_t pages = left;
        hal_va_t end = entry_clear_end(entry, &pages);
        map_remove(map, entry->start, end);
        left -= pages;
    }
    bool empty = list_empty(&map->entries);
    spin_unlock(&map->lock);
    return empty;
}

/* --- attributes ----------------------------------------------------------------------------------------------- */

/* Is all of [start, end) allocated, and may it have protection `prot`? */
static kern_return_t map_check_protect(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t prot)
    REQUIRES(map->lock)
{
    const struct vm_map_entry *entry;
    bool allowed = true;

    for (hal_va_t va = start; va < end; va = entry->end) {
        entry = vm_map_lookup(map, va);
        if (entry == NULL)
            return KERN_INVALID_ADDRESS;
        if ((prot & ~entry->max_protection) != 0)
            allowed = false;
    }
    return allowed ? KERN_SUCCESS : KERN_PROTECTION_FAILURE;
}

/* The mappings of the entry only lose rights here; those that were added come by faults. */
static void entry_protect(struct vm_map *map, struct vm_map_entry *entry, bool set_maximum, vm_prot_t prot)
    REQUIRES(map->lock)
{
    if (set_maximum) {
        entry->max_protection = (uint8_t)prot;
        entry->protection &= (uint8_t)prot;
    } else {
        entry->protection = (uint8_t)prot;
    }
    pmap_protect(map->pmap, entry->start, entry->end, entry->protection);
}

kern_return_t vm_map_protect(struct vm_map *map, hal_va_t address, uint64_t size, bool set_maximum, vm_prot_t prot)
{
    const vm_prot_t write_execute = VM_PROT_WRITE | VM_PROT_EXECUTE;
    struct spare spare;
    hal_va_t start;
    hal_va_t end;

    if ((prot & ~VM_PROT_ALL) != 0)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (!range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (!set_maximum && (prot & write_execute) == write_execute)
        return KERN_PROTECTION_FAILURE;

    spin_lock(&map->lock);
    kern_return_t kr = map_check_protect(map, start, end, prot);
    if (kr == KERN_SUCCESS && !spare_alloc(map, start, end, &spare))
        kr = KERN_RESOURCE_SHORTAGE;
    if (kr == KERN_SUCCESS) {
        map_split(map, start, &spare);
        map_split(map, end, &spare);
        for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
             entry = vm_map_tree_next(map, entry))
            entry_protect(map, entry, set_maximum, prot);
        map_merge(map, start, end);
    }
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_inherit(struct vm_map *map, hal_va_t address, uint64_t size, vm_inherit_t inheritance)
{
    kern_return_t kr = KERN_SUCCESS;
    struct spare spare;
    hal_va_t start;
    hal_va_t end;

    if (inheritance > VM_INHERIT_LAST_VALID)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (!range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (!range_clamp(&start, &end))
        return KERN_SUCCESS;

    spin_lock(&map->lock);
    if (spare_alloc(map, start, end, &spare)) {
        map_split(map, start, &spare);
        map_split(map, end, &spare);
        for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
             entry = vm_map_tree_next(map, entry))
            entry->inheritance = (uint8_t)inheritance;
        map_merge(map, start, end);
    } else {
        kr = KERN_RESOURCE_SHORTAGE;
    }
    spin_unlock(&map->lock);
    return kr;
}

kern_return_t vm_map_region(struct vm_map *map, hal_va_t address, struct vm_map_region *region)
{
    kern_return_t kr = KERN_INVALID_ADDRESS;

    spin_lock(&map->lock);
    const struct vm_map_entry *entry = vm_map_tree_find(map, address);
    if (entry != NULL) {
        *region = (struct vm_map_region){
            .start = entry->start,
            .size = entry->end - entry->start,
            .offset = entry->offset,
            .protection = entry->protection,
            .max_protection = entry->max_protection,
            .inheritance = entry->inheritance,
            .shared = entry->object != NULL && vm_object_is_shared(entry->object),
        };
        kr = KERN_SUCCESS;
    }
    spin_unlock(&map->lock);
    return kr;
}

uint64_t vm_map_size(struct vm_map *map)
{
    spin_lock(&map->lock);
    uint64_t size = map->size;
    spin_unlock(&map->lock);
    return size;
}

uint64_t vm_map_resident_size(struct vm_map *map)
{
    return pmap_resident(map->pmap) << PAGE_SHIFT;
}

/* --- fork ----------------------------------------------------------------------------------------------------- */

/*
 * Fill `entry` with the first range of the parent at or above `from` that a child inherits, and a reference to its object.
 * Returns: KERN_SUCCESS; KERN_NOT_FOUND there is none; KERN_RESOURCE_SHORTAGE.
 */
static kern_return_t fork_pick(struct vm_map *parent, hal_va_t from, struct vm_map_entry *entry)
{
    kern_return_t kr = KERN_NOT_FOUND;

    spin_lock(&parent->lock);
    struct vm_map_entry *source = vm_map_tree_find(parent, from);
    while (source != NULL && source->inheritance == VM_INHERIT_NONE)
        source = vm_map_tree_next(parent, source);
    if (source != NULL) {
        kr = KERN_SUCCESS;
        if (source->inheritance == VM_INHERIT_SHARE && source->object == NULL) {
            source->offset = 0;
            source->object = vm_object_create();
            if (source->object == NULL)
                kr = KERN_RESOURCE_SHORTAGE;
        }
        if (source->object != NULL)
            vm_object_ref(source->object);
        if (source->object != NULL && source->inheritance == VM_INHERIT_SHARE)
            vm_object_share(source->object);
        *entry = *source;
        if (entry->start < from) { /* the parent merged it with what was copied already */
            entry->offset += from - entry->start;
            entry->start = from;
        }
    }
    spin_unlock(&parent->lock);
    return kr;
}

/* Give the child's entry an object of its own with the pages of the parent's. */
static kern_return_t fork_copy_object(struct vm_map_entry *entry)
{
    struct vm_object *source = entry->object;
    uint64_t first = entry->offset >> PAGE_SHIFT;
    uint64_t end = first + ((entry->end - entry->start) >> PAGE_SHIFT);
    kern_return_t kr = KERN_SUCCESS;

    entry->object = NULL;
    entry->offset = 0;
    if (vm_object_next(source, first) < end)
        kr = vm_object_copy(source, first, end, &entry->object);
    vm_object_unref(source);
    return kr;
}

/* Make the child's copy of the parent's next range. *from becomes its end. Returns as fork_pick(). */
static kern_return_t fork_next(struct vm_map *parent, struct vm_map *child, hal_va_t *from)
{
    struct vm_map_entry *entry = cache_alloc(&entry_cache);

    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    entry->object = NULL;
    kern_return_t kr = fork_pick(parent, *from, entry);
    if (kr == KERN_SUCCESS && entry->object != NULL && entry->inheritance == VM_INHERIT_COPY)
        kr = fork_copy_object(entry);
    if (kr != KERN_SUCCESS) {
        entry_free(entry);
        return kr;
    }
    *from = entry->end;
    spin_lock(&child->lock);
    vm_map_tree_insert(child, entry);
    spin_unlock(&child->lock);
    return KERN_SUCCESS;
}

struct vm_map *vm_map_fork(struct vm_map *parent)
{
    struct vm_map *child = vm_map_create();
    kern_return_t kr;
    hal_va_t from = 0;

    if (child == NULL)
        return NULL;
    do
        kr = fork_next(parent, child, &from);
    while (kr == KERN_SUCCESS);
    if (kr == KERN_NOT_FOUND)
        return child;
    vm_map_unref(child);
    return NULL;
}
