/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects and copy-on-write.
 *
 * A copy takes the tree of pages over as it is (vm_radix_share()), after the right to write has been taken from
 * the mappings of those pages.  So a page is mapped writable only if it is its object's own, reached through
 * counts of 1 only.  That is looked up, and the page mapped, under the lock of the object; a copy made from
 * another map, which shares the object, comes before both or behind both.
 *
 * Lock order: map, object, then pmap or page allocator.  The range and offset of an entry that uses an object are
 * changed under the locks of its map and of the object; so the users of an object can be gone through under its
 * lock alone, to change mappings in maps that are not locked.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/string.h>
#include <mach/vm_param.h>
#include <vm/memory_object.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_pageout.h>
#include <vm/vm_physical.h>
#include <vm/vm_stat.h>

/* The most that one step write-protects ahead of a copy: 256 pages. */
#define PROTECT_NODES 4u

static struct cache object_cache;

void vm_object_init_module(void)
{
    vm_radix_init_module();
    cache_init(&object_cache, "vm_object", sizeof(struct vm_object), 8);
}

/* --- life ----------------------------------------------------------------------------------------------- */

/* An object with these pages, not locked: nobody knows it yet. */
static inline struct vm_object *object_create(struct vm_radix pages) NO_THREAD_SAFETY_ANALYSIS
{
    if (!ledger_charge(pages.payer, sizeof(struct vm_object)))
        return NULL;
    struct vm_object *object = cache_alloc_inline(&object_cache);
    if (object == NULL) {
        ledger_uncharge(pages.payer, sizeof(*object));
        return NULL;
    }
    object->refs = 1;
    object->kind = VM_OBJECT_ANONYMOUS;
    object->shared = false;
    object->wired = 0;
    object->locked = false;
    object->pager = NULL;
    object->source = NULL;
    object->source_index = 0;
    spin_init(&object->lock, LOCK_RANK_OBJECT);
    list_init(&object->users);
    object->pages = pages;
    return object;
}

struct vm_object *vm_object_create(struct ledger_account *payer)
{
    return object_create((struct vm_radix){.root = NULL, .payer = payer});
}

struct vm_object *vm_object_create_paged(struct ledger_account *payer, struct memory_object *pager)
{
    struct vm_object *object = vm_object_create(payer);

    if (object == NULL)
        return NULL;
    spin_init(&object->lock, LOCK_RANK_PAGED_OBJECT);
    object->kind = VM_OBJECT_PAGED;
    object->pager = pager;
    object->shared = true;
    return object;
}

void vm_object_ref(struct vm_object *object)
{
    ref_get(&object->refs);
}

/* Context: the object is locked, or nobody knows it yet. */
static inline void object_attach(struct vm_object *object,
                                 struct vm_map_entry *entry) NO_THREAD_SAFETY_ANALYSIS
{
    entry->object = object;
    object->wired += entry->wired > 0;
    list_insert_tail(&object->users, &entry->object_link);
}

void vm_object_attach(struct vm_object *object, struct vm_map_entry *entry)
{
    spin_lock(&object->lock);
    object_attach(object, entry);
    spin_unlock(&object->lock);
}

/* A copy is no copy of its source any more. */
static void object_leave_source(struct vm_object *object)
{
    struct vm_object *source = object->source;

    spin_lock(&source->lock);
    list_remove(&object->copy_link);
    bool last = ref_put(&source->refs);
    KASSERT(!last); /* its pager has another, which can't go before the lock does */
    if (memory_object_is_unused(source->pager))
        memory_object_unused(source->pager);
    spin_unlock(&source->lock);
    (void)last;
}

/* The last reference went, and the pages with it. */
static inline void object_free(struct vm_object *object, struct ledger_account *payer)
{
    if (object->kind == VM_OBJECT_CONTIGUOUS)
        vm_physical_free(object, payer);
    if (__builtin_expect(object->source != NULL, 0))
        object_leave_source(object);
    ledger_uncharge(payer, sizeof(*object));
    cache_free_inline(&object_cache, object);
}

void vm_object_unref(struct vm_object *object)
{
    if (!ref_put(&object->refs))
        return;
    spin_lock(&object->lock);
    vm_radix_clear_all(&object->pages);
    struct ledger_account *payer = object->pages.payer;
    spin_unlock(&object->lock);
    object_free(object, payer);
}

void vm_object_detach(struct vm_map_entry *entry)
{
    struct vm_object *object = entry->object;

    spin_lock(&object->lock);
    list_remove(&entry->object_link);
    object->wired -= entry->wired > 0;
    entry->object = NULL;
    bool last = ref_put(&object->refs);
    if (last)
        vm_radix_clear_all(&object->pages);
    if (object->pager != NULL && memory_object_is_unused(object->pager))
        memory_object_unused(object->pager); /* which has a reference: this was not the last */
    struct ledger_account *payer = object->pages.payer;
    spin_unlock(&object->lock);
    if (last)
        object_free(object, payer);
}

bool vm_object_has_page(struct vm_object *object, uint64_t index, bool *own)
{
    *own = true;
    if (vm_object_is_physical(object))
        return true;
    spin_lock(&object->lock);
    const struct vm_page *page = vm_radix_find(&object->pages, index, false, own);
    bool there = page != NULL && !vm_page_is_out(page);
    spin_unlock(&object->lock);
    return there;
}

void vm_object_wire(struct vm_map_entry *entry, int by)
{
    struct vm_object *object = entry->object;

    spin_lock(&object->lock);
    object->wired -= entry->wired > 0;
    entry->wired = (uint16_t)(entry->wired + by);
    object->wired += entry->wired > 0;
    spin_unlock(&object->lock);
}

void vm_object_share(struct vm_object *object)
{
    __atomic_store_n(&object->shared, true, __ATOMIC_RELAXED);
}

/* relaxed: it may have changed when the caller looks at it */
uint64_t vm_object_references(const struct vm_object *object)
{
    return __atomic_load_n(&object->refs, __ATOMIC_RELAXED);
}

/* --- mappings ------------------------------------------------------------------------------------------- */

/* Where `entry` shows pages of [first, end): [*low, *high). False: nowhere. */
static bool entry_shows(const struct vm_map_entry *entry, uint64_t first, uint64_t end, hal_va_t *low,
                        hal_va_t *high)
{
    uint64_t begin = entry->offset >> PAGE_SHIFT;
    uint64_t count = (entry->end - entry->start) >> PAGE_SHIFT;

    first = first > begin ? first - begin : 0;
    end = end > begin ? end - begin : 0;
    if (end > count)
        end = count;
    if (first >= end)
        return false;
    *low = entry->start + (first << PAGE_SHIFT);
    *high = entry->start + (end << PAGE_SHIFT);
    return true;
}

/* The same, if they may be mapped. */
static bool entry_maps(const struct vm_map_entry *entry, uint64_t first, uint64_t end, hal_va_t *low,
                       hal_va_t *high)
{
    return entry->mapped && entry_shows(entry, first, end, low, high);
}

/* `nodes`: as for vm_radix_protect(). Returns behind the last page that was found; 0: none. */
static inline uint64_t object_protect(struct vm_object *object, uint64_t first, uint64_t end, unsigned nodes)
    REQUIRES(object->lock)
{
    hal_va_t low;
    hal_va_t high;

    if (!object->pages.writable || !vm_radix_protect(&object->pages, &first, &end, nodes))
        return 0;
    LIST_FOR_EACH(node, &object->users)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, object_link);
        if (entry_maps(entry, first, end, &low, &high))
            pmap_protect(entry->map->pmap, low, high, VM_PROT_READ | VM_PROT_EXECUTE);
    }
    return end;
}

void vm_object_protect(struct vm_object *object, uint64_t first, uint64_t end)
{
    (void)object_protect(object, first, end, UINT32_MAX);
}

/* Pages that are wired keep their mappings: they are copied. */
uint64_t vm_object_protect_step(struct vm_object *object, uint64_t first, uint64_t end)
{
    uint64_t behind = 0;

    spin_lock(&object->lock);
    if (object->wired == 0)
        behind = object_protect(object, first, end, PROTECT_NODES);
    spin_unlock(&object->lock);
    return behind > 0 ? behind : end;
}

void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end,
                     const struct vm_map_entry *mapper)
{
    hal_va_t low;
    hal_va_t high;

    LIST_FOR_EACH(node, &object->users)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, object_link);
        if (entry != mapper && entry_maps(entry, first, end, &low, &high))
            pmap_remove(entry->map->pmap, low, high);
    }
}

uint64_t vm_object_age(struct vm_object *object, uint64_t first, unsigned count)
{
    uint64_t used = 0;
    hal_va_t low;
    hal_va_t high;

    LIST_FOR_EACH(node, &object->users)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, object_link);
        if (!entry_maps(entry, first, first + count, &low, &high))
            continue;
        const uint64_t shown = (entry->offset + (low - entry->start)) >> PAGE_SHIFT; /* the page at low */
        used |= pmap_age(entry->map->pmap, low, (unsigned)((high - low) >> PAGE_SHIFT)) << (shown - first);
    }
    return used;
}

/* --- pages ---------------------------------------------------------------------------------------------- */

struct vm_page *vm_object_alloc_page(struct ledger_account *payer, bool zero)
{
    if (!ledger_charge(payer, HAL_PAGE_SIZE))
        return NULL;
    void *page = vm_page_alloc_pageable(zero);
    if (page != NULL)
        return vm_page_adopt(page, payer);
    ledger_uncharge(payer, HAL_PAGE_SIZE);
    return NULL;
}

bool vm_object_make_page(struct vm_object_fill *fill)
{
    if (__builtin_expect(__atomic_load_n(&vm_page_low, __ATOMIC_RELAXED), 0))
        vm_pageout_wake();
    fill->fresh = vm_object_alloc_page(fill->payer, fill->source == NULL);
    if (fill->fresh == NULL)
        return false;
    if (fill->source != NULL)
        memcpy(vm_page_address(fill->fresh), vm_page_address(fill->source), HAL_PAGE_SIZE);
    vm_stat_add(fill->source != NULL ? VM_STAT_COPY : VM_STAT_ZERO_FILL, 1);
    return true;
}

void vm_object_fill_drop(struct vm_object_fill *fill)
{
    if (fill->fresh != NULL)
        vm_page_unref(fill->fresh);
    if (fill->source != NULL)
        vm_page_unref(fill->source);
    *fill = (struct vm_object_fill){.fresh = NULL};
}

/* The reference in fill->source outlives the mappings of the page that is replaced. */
kern_return_t vm_object_put_page(struct vm_object *object, uint64_t index, bool writable,
                                 const struct vm_map_entry *mapper, struct vm_object_fill *fill,
                                 struct vm_page **page)
{
    struct vm_page *found = *page;
    struct vm_page *old;

    *page = NULL;
    if (fill->fresh == NULL || fill->source != found) {
        vm_object_fill_drop(fill);
        if (found != NULL)
            vm_page_ref(found);
        fill->source = found;
        fill->payer = object->pages.payer;
        return KERN_SUCCESS;
    }
    if (!vm_radix_insert(&object->pages, index, fill->fresh, writable, &old))
        return KERN_RESOURCE_SHORTAGE;
    *page = fill->fresh;
    fill->fresh = NULL;
    if (old != NULL) {
        vm_object_unmap(object, index, index + 1, mapper);
        vm_page_unref(old);
    }
    return KERN_SUCCESS;
}

bool vm_object_give(struct vm_object *object, uint64_t index, struct vm_page *page)
{
    struct vm_page *old;

    spin_lock(&object->lock);
    bool done = vm_radix_insert(&object->pages, index, page, false, &old);
    spin_unlock(&object->lock);
    if (!done)
        vm_page_unref(page);
    return done;
}

void vm_object_remove(struct vm_object *object, uint64_t first, uint64_t end)
{
    spin_lock(&object->lock);
    /* What is left for want of memory is behind no entry. */
    if (!vm_radix_remove(&object->pages, first, end))
        vm_object_share(object);
    spin_unlock(&object->lock);
}

bool vm_object_clear_step(struct vm_object *object, uint64_t *budget)
{
    if (!vm_object_is_sole(object)) {
        vm_object_share(object);
        return true;
    }
    spin_lock(&object->lock);
    bool empty = vm_radix_clear(&object->pages, budget);
    spin_unlock(&object->lock);
    return empty;
}

/* --- copies --------------------------------------------------------------------------------------------- */

bool vm_object_shows_wired(struct vm_object *object, uint64_t first, uint64_t end)
{
    hal_va_t low;
    hal_va_t high;

    LIST_FOR_EACH(node, &object->users)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, object_link);
        if (entry->wired > 0 && entry_shows(entry, first, end, &low, &high))
            return true;
    }
    return false;
}

/* A copy of a page, with a reference; one that is out is not wired, and can be shared. NULL without memory. */
static struct vm_page *page_duplicate(struct vm_page *page, struct ledger_account *payer)
{
    if (vm_page_is_out(page)) {
        vm_page_ref(page);
        return page;
    }
    struct vm_page *fresh = vm_object_alloc_page(payer, false);
    if (fresh != NULL)
        memcpy(vm_page_address(fresh), vm_page_address(page), HAL_PAGE_SIZE);
    return fresh;
}

/* Give the empty tree `copy` copies of the pages [first, end), from number first - base on. Returns false without memory: some. */
static __attribute__((noinline)) bool object_duplicate(struct vm_object *object, uint64_t first, uint64_t end,
                                                       uint64_t base, struct vm_radix *copy)
    REQUIRES(object->lock)
{
    struct vm_page *page;
    struct vm_page *old;

    for (uint64_t i = first; (page = vm_radix_next(&object->pages, &i)) != NULL && i < end; i++) {
        struct vm_page *fresh = page_duplicate(page, copy->payer);
        if (fresh == NULL)
            return false;
        if (!vm_radix_insert(copy, i - base, fresh, false, &old)) {
            vm_page_unref(fresh);
            return false;
        }
    }
    return true;
}

/* Let the empty tree `copy` have the pages [first, end), from number first - base on. Returns false without memory: some. */
static inline bool object_copy_pages(struct vm_object *object, uint64_t first, uint64_t end, uint64_t base,
                                     struct vm_radix *copy) REQUIRES(object->lock)
{
    if (vm_object_is_wired(object, first, end))
        return object_duplicate(object, first, end, base, copy);
    if (object->pages.writable)
        vm_object_protect(object, first, end);
    if (end - first > 1)
        return vm_radix_share(&object->pages, first, end, base, copy);
    vm_radix_share_page(&object->pages, first, copy);
    return true;
}

/*
 * vm_object_copy() of an object that is backed, put off.  The copy is known to the source before anybody may write again: it gets what it has
 * not before that is changed.  Until then nobody knows it, so that its lock is not needed.
 */
static kern_return_t object_copy_delayed(struct vm_object *object, uint64_t first, uint64_t end,
                                         uint64_t base, struct vm_map_entry *entry) NO_THREAD_SAFETY_ANALYSIS
{
    struct vm_object *source = object->pager != NULL ? object : object->source;
    struct vm_object *made = vm_object_create(entry->payer);

    if (made == NULL)
        return KERN_RESOURCE_SHORTAGE;
    made->shared = true; /* an entry of it does not grow: behind it is more of the source */
    spin_lock(&object->lock);
    bool done = object_copy_pages(object, first, end, base, &made->pages);
    if (done) {
        if (source != object)
            spin_lock(&source->lock);
        made->kind = VM_OBJECT_PAGED;
        made->source = source;
        made->source_index = base + object->source_index;
        vm_object_ref(source);
        memory_object_copied(source->pager, made);
        if (source != object)
            spin_unlock(&source->lock);
    }
    spin_unlock(&object->lock);
    if (!done) {
        vm_object_unref(made);
        return KERN_RESOURCE_SHORTAGE;
    }
    vm_object_attach(made, entry);
    return KERN_SUCCESS;
}

/* The same as the pager wants it. */
static kern_return_t object_copy_backed(struct vm_object *object, uint64_t first, uint64_t end, uint64_t base,
                                        bool part, struct vm_map_entry *entry)
{
    const memory_object_copy_strategy_t strategy =
        object->pager != NULL ? memory_object_strategy(object->pager) : MEMORY_OBJECT_COPY_DELAY;

    if (strategy == MEMORY_OBJECT_COPY_NONE || (strategy == MEMORY_OBJECT_COPY_CALL && part))
        return memory_object_copy_now(object->pager, first, end, base, entry);
    if (strategy == MEMORY_OBJECT_COPY_CALL)
        return memory_object_copy_call(object->pager, first, end, entry);
    return object_copy_delayed(object, first, end, base, entry);
}

kern_return_t vm_object_copy(struct vm_object *object, uint64_t first, uint64_t end, bool part,
                             struct vm_map_entry *entry)
{
    const uint64_t base = end - first == 1 ? first : vm_radix_base(first, end);
    struct vm_radix pages = {.root = NULL, .payer = entry->payer};
    struct vm_object *copy = NULL;

    entry->offset = (first - base) << PAGE_SHIFT;
    if (vm_object_is_backed(object))
        return object_copy_backed(object, first, end, base, part, entry);
    if (vm_object_is_physical(object))
        return KERN_PROTECTION_FAILURE; /* a device changes its memory whatever the page tables say */
    spin_lock(&object->lock);
    bool done = object_copy_pages(object, first, end, base, &pages);
    spin_unlock(&object->lock);
    if (done && pages.root == NULL)
        return KERN_SUCCESS;
    if (done)
        copy = object_create(pages);
    if (copy != NULL) {
        object_attach(copy, entry);
        return KERN_SUCCESS;
    }
    vm_radix_clear_all(&pages);
    return KERN_RESOURCE_SHORTAGE;
}

kern_return_t vm_object_peek(struct vm_object *object, uint64_t index, struct vm_page **page, bool *own)
{
    struct vm_object_fill fill = {.fresh = NULL};
    kern_return_t kr;

    do {
        kr = KERN_SUCCESS;
        spin_lock(&object->lock);
        if (vm_object_is_backed(object)) {
            kr = memory_object_page(object, index, VM_OBJECT_READ, false, NULL, &fill, page, own);
        } else {
            *page = vm_radix_find(&object->pages, index, false, own);
            if (*page != NULL && vm_page_is_out(*page))
                kr = vm_store_page(object, index, VM_OBJECT_READ, false, NULL, &fill, page, own);
        }
        spin_unlock(&object->lock);
        if (kr != KERN_PAGE_WAIT)
            break;
        kr = memory_object_resolve_read(&fill);
    } while (kr == KERN_SUCCESS);
    return kr;
}

kern_return_t vm_object_trim(struct vm_object *object, uint64_t index, size_t from, size_t to)
{
    struct vm_page *page;
    struct vm_page *old;
    bool own;
    kern_return_t kr = vm_object_peek(object, index, &page, &own);

    if (kr != KERN_SUCCESS || page == NULL)
        return kr;
    spin_lock(&object->lock);
    struct vm_page *trimmed = vm_object_alloc_page(object->pages.payer, true);
    bool done = false;
    if (trimmed != NULL) {
        memcpy((char *)vm_page_address(trimmed) + from, (const char *)vm_page_address(page) + from,
               to - from);
        done = vm_radix_insert(&object->pages, index, trimmed, false, &old);
        if (!done)
            old = trimmed;
    }
    spin_unlock(&object->lock);
    if (trimmed != NULL)
        vm_page_unref(old);
    return done ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}
