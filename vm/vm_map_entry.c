/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of address maps: what the operations on maps have in common. */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <mach/vm_behavior.h>
#include <mach/vm_param.h>
#include <vm/vm_map_geometry.h>

static struct cache entry_cache;

void vm_map_entry_init_module(void)
{
    cache_init(&entry_cache, "vm_map_entry", sizeof(struct vm_map_entry), 8);
}

static inline __attribute__((always_inline)) struct vm_map_entry *entry_alloc(struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct vm_map_entry)))
        return NULL;
    struct vm_map_entry *entry = cache_alloc_inline(&entry_cache);
    if (entry == NULL) {
        ledger_uncharge(payer, sizeof(*entry));
        return NULL;
    }
    entry->object = NULL;
    entry->map = NULL;
    entry->mapped = false;
    entry->behavior = VM_BEHAVIOR_DEFAULT;
    entry->superpages = false;
    entry->wired = 0;
    entry->payer = payer;
    return entry;
}

struct vm_map_entry *vm_map_entry_alloc(struct ledger_account *payer)
{
    return entry_alloc(payer);
}

void vm_map_entry_free(struct vm_map_entry *entry)
{
    if (entry->object != NULL)
        vm_object_detach(entry);
    ledger_uncharge(entry->payer, sizeof(*entry));
    cache_free_inline(&entry_cache, entry);
}

/* The two hints change places: a range that comes and goes leaves that which was used before. */
struct vm_map_entry *vm_map_lookup_slow(struct vm_map *map, hal_va_t va)
{
    struct vm_map_entry *entry = map->other;

    if (entry != NULL && va >= entry->start && va < entry->end) {
        map->other = map->hint;
        map->hint = entry;
        return entry;
    }
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

static void spare_free(struct vm_map_spare *spare)
{
    while (spare->count > 0)
        vm_map_entry_free(spare->entry[--spare->count]);
}

bool vm_map_spare_alloc(struct vm_map *map, hal_va_t start, hal_va_t end, struct vm_map_spare *spare)
{
    unsigned need = (unsigned)entry_begins_before(map, start) + (unsigned)entry_begins_before(map, end);

    for (spare->count = 0; spare->count < need; spare->count++) {
        spare->entry[spare->count] = vm_map_entry_alloc(map->payer);
        if (spare->entry[spare->count] == NULL) {
            spare_free(spare);
            return false;
        }
    }
    return true;
}

void vm_map_split(struct vm_map *map, hal_va_t at, struct vm_map_spare *spare)
{
    if (!entry_begins_before(map, at))
        return;
    struct vm_map_entry *entry = vm_map_lookup(map, at);
    struct vm_map_entry *upper = spare->entry[--spare->count];

    struct ledger_account *payer = upper->payer;
    *upper = *entry;
    upper->payer = payer;
    vm_map_entry_cut_below(entry, upper, at);
    if (entry->object != NULL) {
        vm_object_ref(entry->object);
        vm_object_attach(entry->object, upper);
    }
    vm_map_tree_resize(map, entry, entry->start, at);
    vm_map_tree_insert(map, upper, vm_map_tree_next(map, entry));
}

/* Give `entry` a copy of what `source` has in [entry->start, entry->end). part: as of vm_object_copy(). */
static inline kern_return_t entry_copy(const struct vm_map_entry *source, bool part,
                                       struct vm_map_entry *entry)
{
    if (source->object == NULL) {
        entry->offset = 0;
        return KERN_SUCCESS;
    }
    uint64_t first = (source->offset + (entry->start - source->start)) >> PAGE_SHIFT;
    return vm_object_copy(source->object, first, first + ((entry->end - entry->start) >> PAGE_SHIFT), part,
                          entry);
}

/* Let `entry` use the object of `source` for [entry->start, entry->end). */
static __attribute__((noinline)) kern_return_t entry_share(struct vm_map_entry *source,
                                                           struct vm_map_entry *entry)
{
    if (source->object == NULL) {
        struct vm_object *object = vm_object_create(source->map->payer);
        if (object == NULL)
            return KERN_RESOURCE_SHORTAGE;
        source->offset = 0;
        vm_object_attach(object, source);
    }
    vm_object_share(source->object);
    vm_object_ref(source->object);
    entry->offset = source->offset + (entry->start - source->start);
    vm_object_attach(source->object, entry);
    return KERN_SUCCESS;
}

static inline kern_return_t entry_derive(struct vm_map_entry *source, hal_va_t start, hal_va_t end,
                                         enum vm_map_derived what, struct vm_map_entry *entry)
{
    entry->start = start;
    entry->end = end;
    entry->protection = source->protection;
    entry->max_protection = source->max_protection;
    entry->inheritance = source->inheritance;
    entry->behavior = source->behavior;
    entry->superpages = source->superpages;
    return what == VM_MAP_SHARED ? entry_share(source, entry)
                                 : entry_copy(source, what == VM_MAP_READ_PART, entry);
}

kern_return_t vm_map_entry_derive(struct vm_map_entry *source, hal_va_t start, hal_va_t end, bool share,
                                  struct vm_map_entry *entry)
{
    return entry_derive(source, start, end, share ? VM_MAP_SHARED : VM_MAP_COPIED, entry);
}

/* As vm_map_derive(), for [low, high) of the source. */
static inline __attribute__((always_inline)) kern_return_t derive_part(struct vm_map_entry *source,
                                                                       hal_va_t low, hal_va_t high,
                                                                       enum vm_map_derived what,
                                                                       struct ledger_account *payer,
                                                                       struct vm_map_entry **entry)
{
    if (what >= VM_MAP_READ && source->protection == VM_PROT_NONE)
        return KERN_PROTECTION_FAILURE;
    *entry = entry_alloc(payer);
    if (*entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kern_return_t kr = entry_derive(source, low, high, what, *entry);
    if (kr != KERN_SUCCESS)
        vm_map_entry_free(*entry);
    return kr;
}

kern_return_t vm_map_derive(struct vm_map *map, hal_va_t start, hal_va_t end, enum vm_map_derived what,
                            struct ledger_account *payer, struct list *entries)
{
    struct vm_map_entry *source;
    struct vm_map_entry *entry;

    for (hal_va_t va = start; va < end; va = source->end) {
        source = vm_map_lookup(map, va);
        if (source == NULL)
            return KERN_INVALID_ADDRESS;
        kern_return_t kr =
            derive_part(source, va, source->end < end ? source->end : end, what, payer, &entry);
        if (kr != KERN_SUCCESS)
            return kr;
        entry->start -= start;
        entry->end -= start;
        list_insert_tail(entries, &entry->link);
    }
    return KERN_SUCCESS;
}

static struct vm_map_entry *entries_pop(struct list *entries)
{
    struct list *node = list_pop(entries);

    return node != NULL ? CONTAINER_OF(node, struct vm_map_entry, link) : NULL;
}

void vm_map_enter_all(struct vm_map *map, hal_va_t start, struct list *entries, struct vm_map_entry *next)
{
    struct vm_map_entry *last = NULL;
    struct list *following;

    for (struct list *node = entries->next; node != entries; node = following) {
        struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        following = node->next; /* the link is that of the map's list then */
        entry->start += start;
        entry->end += start;
        vm_map_tree_insert(map, entry, next);
        last = vm_map_tree_prev(map, entry);
        if (last == NULL || !vm_map_join_next(map, last))
            last = entry;
    }
    list_init(entries);
    if (last != NULL)
        (void)vm_map_join_next(map, last);
}

void vm_map_entries_free(struct list *entries)
{
    struct vm_map_entry *entry;

    while ((entry = entries_pop(entries)) != NULL)
        vm_map_entry_free(entry);
}

static bool entry_is_like(const struct vm_map_entry *a, const struct vm_map_entry *b)
{
    return a->protection == b->protection && a->max_protection == b->max_protection &&
           a->inheritance == b->inheritance && a->behavior == b->behavior && a->superpages == b->superpages &&
           a->wired == b->wired;
}

/* Can `entry` grow into what is behind it, where nothing was touched yet? */
static bool entry_can_grow(const struct vm_map_entry *entry)
{
    return entry->object == NULL || vm_object_is_private(entry->object);
}

bool vm_map_entry_is_more(const struct vm_map_entry *entry, const struct vm_map_entry *next)
{
    if (!entry_is_like(entry, next))
        return false;
    if (next->object == NULL)
        return entry_can_grow(entry);
    return vm_map_entry_continues(entry, next);
}

/* The pages of `next` will be those of `entry`, which it joins. */
static void entry_take_mapped(struct vm_map_entry *entry, const struct vm_map_entry *next)
{
    if (!next->mapped || entry->mapped)
        return;
    spin_lock(&entry->object->lock);
    entry->mapped = true;
    spin_unlock(&entry->object->lock);
}

void vm_map_join(struct vm_map *map, struct vm_map_entry *entry, struct vm_map_entry *next)
{
    entry_take_mapped(entry, next);
    vm_map_tree_remove(map, next);
    vm_map_tree_resize(map, entry, entry->start, next->end);
    vm_map_entry_free(next);
}

void vm_map_merge(struct vm_map *map, hal_va_t start, hal_va_t end)
{
    struct vm_map_entry *entry = vm_map_tree_find(map, start > 0 ? start - 1 : 0);

    while (entry != NULL && entry->start < end)
        if (!vm_map_join_next(map, entry))
            entry = vm_map_tree_next(map, entry);
}
