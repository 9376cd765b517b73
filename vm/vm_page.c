/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binary buddy allocator.  Memory comes in zones, one for each range of RAM; each zone begins with the
 * array of its page structures.  A free block of 2^order pages is aligned to its size; its buddy, with which
 * it merges, differs in one address bit.  Blocks of all zones share one free list per order.
 *
 * In front of it, each CPU keeps a stack of free single pages and exchanges half of it at a time with the
 * buddies, so most allocations take no lock.  A few more, known to be zero, are kept apart: page tables are when they
 * are freed, and need to be when they are made.
 *
 * While there is a default pager, some pages are kept back: what users' memory is made of stops at one mark, what else the
 * kernel makes at half of it, and the rest is for page-out itself and for the tasks that it depends on (vm/vm_pageout.c).  The marks are
 * looked at where pages leave the buddies, so a cache may have a few pages more than its CPU should get.
 *
 * Lock: page_lock, the last but one in the order: nearly everything may be held while memory is allocated.
 */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <kern/spinlock.h>
#include <kern/string.h>
#include <vm/vm_buddy.h>
#include <vm/vm_page.h>
#include <vm/vm_page_i.h>
#include <vm/vm_pageout.h>
#include <vm/vm_stat.h>
#include <vm/vm_store.h>

#define ZONES_MAX (HAL_MEM_RANGES_MAX + 8u) /* a few for vm_page_add_range() */
#define CACHE_PAGES_MAX 64u
#define ZERO_PAGES_MAX 4u /* as many as tables lead to a page */

struct vm_page_zone {
    uint64_t first; /* page number (address / page size) */
    uint64_t count;
    struct vm_page *page; /* [count] */
};

struct vm_page_cache {
    uint32_t count;
    uint32_t zero_count;
    bool refused; /* a page, since few are free: vm_page_was_refused() */
    void *page[CACHE_PAGES_MAX];
    void *zero[ZERO_PAGES_MAX]; /* pages that are zero */
} __attribute__((aligned(64)));

static spinlock_t page_lock;
static struct list page_free_list[VM_PAGE_ORDER_MAX + 1] GUARDED_BY(page_lock);
static uint64_t page_free_blocks GUARDED_BY(page_lock); /* pages in the free lists */

/* Zones are only ever added: a reader that sees zone_count sees the zones below it. */
static struct vm_page_zone zone_table[ZONES_MAX];
static uint32_t zone_count;
static uint64_t page_total;

/* Free pages in the lists; see the top. */
static struct {
    uint64_t kept GUARDED_BY(page_lock); /* those that users' memory is not made of; 0: no default pager */
    uint64_t low GUARDED_BY(page_lock);  /* below, page-out is wanted */
} page_marks;
bool vm_page_low;

static struct vm_page_cache page_cache[HAL_CPU_MAX];
static uint32_t page_cache_limit = 2; /* pages that one CPU may keep */

static uint64_t page_number(const struct vm_page *page)
{
    const struct vm_page_zone *zone = &zone_table[page->zone];

    return zone->first + (uint64_t)(page - zone->page);
}

struct vm_page *vm_page_of(const void *address)
{
    uint64_t number = hal_ptr_to_pa(address).addr >> HAL_PAGE_SHIFT;
    uint32_t zones = __atomic_load_n(&zone_count, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < zones; i++)
        if (number - zone_table[i].first < zone_table[i].count)
            return &zone_table[i].page[number - zone_table[i].first];
    panic("page allocator: %p is no page of it", address);
}

void *vm_page_address(const struct vm_page *page)
{
    return hal_pa_to_ptr(HAL_PA(page_number(page) << HAL_PAGE_SHIFT));
}

/* The block that `page` (of a block of 2^order pages) would merge with, or NULL: it is in use. */
static struct vm_page *buddy_of(const struct vm_page *page, unsigned order)
{
    const struct vm_page_zone *zone = &zone_table[page->zone];
    uint64_t number = vm_buddy_number(page_number(page), order);

    if (!vm_block_inside(number, order, zone->first, zone->count))
        return NULL;
    struct vm_page *buddy = &zone->page[number - zone->first];
    /* relaxed: its lock is ours, unless a CPU's cache has the page, and that does not make it FREE */
    bool is_free = __atomic_load_n(&buddy->state, __ATOMIC_RELAXED) == VM_PAGE_FREE;
    return is_free && buddy->order == order ? buddy : NULL;
}

static void buddy_free(struct vm_page *page, unsigned order) REQUIRES(page_lock)
{
    struct vm_page *buddy;

    page_free_blocks += vm_block_pages(order);
    while (order < VM_PAGE_ORDER_MAX && (buddy = buddy_of(page, order)) != NULL) {
        list_remove(&buddy->link);
        if (buddy < page) {
            page->state = VM_PAGE_INSIDE;
            page = buddy;
        } else {
            buddy->state = VM_PAGE_INSIDE;
        }
        order++;
    }
    page->state = VM_PAGE_FREE;
    page->order = (uint8_t)order;
    list_insert_head(&page_free_list[order], &page->link);
}

/* Make the first 2^order pages of a block of order `found`, in no list any more, a block of their own, in use. */
static struct vm_page *buddy_split(struct vm_page *page, unsigned found, unsigned order) REQUIRES(page_lock)
{
    while (found > order) {
        found--;
        struct vm_page *half = page + vm_block_pages(found);
        half->state = VM_PAGE_FREE;
        half->order = (uint8_t)found;
        list_insert_head(&page_free_list[found], &half->link);
    }
    page->state = VM_PAGE_USED;
    page->order = (uint8_t)order;
    page_free_blocks -= vm_block_pages(order);
    return page;
}

static struct vm_page *buddy_alloc(unsigned order) REQUIRES(page_lock)
{
    unsigned found = order;

    while (found <= VM_PAGE_ORDER_MAX && list_empty(&page_free_list[found]))
        found++;
    if (found > VM_PAGE_ORDER_MAX)
        return NULL;
    return buddy_split(CONTAINER_OF(list_pop(&page_free_list[found]), struct vm_page, link), found, order);
}

/* --- per-CPU caches ------------------------------------------------------------------------------------- */

/* relaxed: only its CPU writes a count; others read it for statistics */
static inline void cache_count_set(uint32_t *count, uint32_t value)
{
    __atomic_store_n(count, value, __ATOMIC_RELAXED);
}

static inline void page_push(struct vm_page_cache *cache, void *address)
{
    uint32_t count = cache->count;

    cache->page[count] = address;
    cache_count_set(&cache->count, count + 1);
}

static inline void *page_pop(struct vm_page_cache *cache)
{
    uint32_t count = cache->count - 1;

    cache_count_set(&cache->count, count);
    return cache->page[count];
}

/* Note the move of a page in or out of a cache; a page that is freed twice is caught here. */
static inline void page_cache_check(void *address, enum vm_page_state from, enum vm_page_state to)
{
#ifdef KERN_CHECKED
    struct vm_page *page = vm_page_of(address);

    if (page->state != from || page->order != 0)
        panic("page %p: state %u order %u instead of state %u order 0", address, (unsigned)page->state,
              (unsigned)page->order, (unsigned)from);
    __atomic_store_n(&page->state, (uint8_t)to, __ATOMIC_RELAXED); /* buddy_of() looks whether it is FREE */
#else
    (void)address, (void)from, (void)to;
#endif
}

static void *zero_pop(struct vm_page_cache *cache)
{
    uint32_t count = cache->zero_count;

    if (count == 0)
        return NULL;
    cache_count_set(&cache->zero_count, count - 1);
    page_cache_check(cache->zero[count - 1], VM_PAGE_CACHED, VM_PAGE_USED);
    return cache->zero[count - 1];
}

/* relaxed: who does not see it yet will at the next page */
static void page_low_note(void) REQUIRES(page_lock)
{
    const bool low = page_free_blocks < page_marks.low;

    if (low != vm_page_low)
        __atomic_store_n(&vm_page_low, low, __ATOMIC_RELAXED);
}

/* How many free pages this allocation has to leave. */
static uint64_t page_floor(bool pageable) REQUIRES(page_lock)
{
    if (page_marks.kept == 0 || vm_pageout_is_privileged())
        return 0;
    return pageable ? page_marks.kept : page_marks.kept / 2;
}

/* Half fill an empty cache; from what is kept back one page at a time. */
static __attribute__((noinline)) void page_cache_refill(struct vm_page_cache *cache, bool pageable)
{
    spin_lock(&page_lock);
    const uint64_t floor = page_floor(pageable);
    while (cache->count < page_cache_limit / 2 && page_free_blocks > floor &&
           (cache->count == 0 || page_free_blocks > page_marks.kept)) {
        struct vm_page *page = buddy_alloc(0);
        if (page == NULL)
            break;
        void *address = vm_page_address(page);
        page_cache_check(address, VM_PAGE_USED, VM_PAGE_CACHED);
        page_push(cache, address);
    }
    page_low_note();
    spin_unlock(&page_lock);
}

/* A page that is not zero, and said to be, is caught here. */
static inline void page_check_zero(const uint64_t *page)
{
#ifdef KERN_CHECKED
    for (size_t i = 0; i < HAL_PAGE_SIZE / sizeof(*page); i++)
        if (page[i] != 0)
            panic("page %p: not zero at %zu", (const void *)page, i * sizeof(*page));
#else
    (void)page;
#endif
}

/* Half empty a full cache. */
static void page_cache_drain(struct vm_page_cache *cache)
{
    spin_lock(&page_lock);
    while (cache->count > page_cache_limit / 2)
        buddy_free(vm_page_of(page_pop(cache)), 0);
    spin_unlock(&page_lock);
}

static void *page_alloc_block(unsigned order)
{
    struct vm_page *page = NULL;

    spin_lock(&page_lock);
    if (page_free_blocks > page_floor(false))
        page = buddy_alloc(order);
    page_low_note();
    spin_unlock(&page_lock);
    if (page == NULL)
        page_cache[hal_cpu_self()->index].refused = true;
    return page != NULL ? vm_page_address(page) : NULL;
}

/* The largest blocks first: there are few of them, and what is below a limit is mostly in one of those. */
void *vm_page_alloc_below(unsigned order, hal_pa_t last)
{
    struct vm_page *page = NULL;

    KASSERT(order <= VM_PAGE_ORDER_MAX);
    spin_lock(&page_lock);
    for (unsigned found = VM_PAGE_ORDER_MAX + 1; found-- > order && page == NULL;) {
        LIST_FOR_EACH(node, &page_free_list[found])
        {
            struct vm_page *candidate = CONTAINER_OF(node, struct vm_page, link);
            uint64_t end = (page_number(candidate) + vm_block_pages(order)) << HAL_PAGE_SHIFT;
            if (end - 1 > last.addr)
                continue;
            list_remove(&candidate->link);
            page = buddy_split(candidate, found, order);
            break;
        }
    }
    spin_unlock(&page_lock);
    return page != NULL ? vm_page_address(page) : NULL;
}

void vm_page_split(void *pages, unsigned order)
{
    struct vm_page *page = vm_page_of(pages);

    KASSERT(page->state == VM_PAGE_USED && page->order == order);
    /* no lock: they are in use, and nobody else looks at more than that */
    page->order = 0;
    for (uint64_t i = 1; i < vm_block_pages(order); i++) {
        page[i].order = 0;
        __atomic_store_n(&page[i].state, VM_PAGE_USED, __ATOMIC_RELAXED);
    }
}

static void page_free_block(void *pages, unsigned order)
{
    struct vm_page *page = vm_page_of(pages);

    if (page->state != VM_PAGE_USED || page->order != order)
        panic("page %p: freed with order %u, state %u order %u", pages, order, (unsigned)page->state,
              (unsigned)page->order);
    spin_lock(&page_lock);
    buddy_free(page, order);
    spin_unlock(&page_lock);
}

static inline void *page_alloc(bool pageable)
{
    struct vm_page_cache *cache = &page_cache[hal_cpu_self()->index];

    if (cache->count == 0) {
        page_cache_refill(cache, pageable);
        if (cache->count == 0) {
            void *zero = zero_pop(cache);
            cache->refused |= zero == NULL;
            return zero;
        }
    }
    void *address = page_pop(cache);
    page_cache_check(address, VM_PAGE_CACHED, VM_PAGE_USED);
    return address;
}

void *vm_page_alloc(unsigned order)
{
    KASSERT(order <= VM_PAGE_ORDER_MAX);
    return order > 0 ? page_alloc_block(order) : page_alloc(false);
}

void *vm_page_alloc_zero(unsigned order)
{
    void *pages = order == 0 ? zero_pop(&page_cache[hal_cpu_self()->index]) : NULL;

    if (pages != NULL)
        return pages;
    pages = vm_page_alloc(order);
    if (pages != NULL)
        memset(pages, 0, (size_t)HAL_PAGE_SIZE << order);
    return pages;
}

void *vm_page_alloc_pageable(bool zero)
{
    void *page = zero ? zero_pop(&page_cache[hal_cpu_self()->index]) : NULL;

    if (page != NULL)
        return page;
    page = page_alloc(true);
    if (page != NULL && zero)
        memset(page, 0, HAL_PAGE_SIZE);
    return page;
}

void vm_page_free(void *pages, unsigned order)
{
    KASSERT(order <= VM_PAGE_ORDER_MAX &&
            ((uintptr_t)pages & (((uintptr_t)HAL_PAGE_SIZE << order) - 1)) == 0);
    if (order > 0) {
        page_free_block(pages, order);
        return;
    }
    struct vm_page_cache *cache = &page_cache[hal_cpu_self()->index];
    if (cache->count >= page_cache_limit)
        page_cache_drain(cache);
    page_cache_check(pages, VM_PAGE_USED, VM_PAGE_CACHED);
    page_push(cache, pages);
}

void vm_page_free_zero(void *page)
{
    struct vm_page_cache *cache = &page_cache[hal_cpu_self()->index];
    uint32_t count = cache->zero_count;

    page_check_zero(page);
    if (count == ZERO_PAGES_MAX) {
        vm_page_free(page, 0);
        return;
    }
    page_cache_check(page, VM_PAGE_USED, VM_PAGE_CACHED);
    cache->zero[count] = page;
    cache_count_set(&cache->zero_count, count + 1);
}

/* --- pages of memory objects ------------------------------------------------------------------------------ */

struct vm_page *vm_page_adopt(void *address, struct ledger_account *payer)
{
    struct vm_page *page = vm_page_of(address);

    page->refs = 1;
    page->out = NULL;
    page->payer = payer;
    vm_stat_add(VM_STAT_OBJECT_PAGES, 1);
    return page;
}

void vm_page_unref(struct vm_page *page)
{
    if (!ref_put(&page->refs))
        return;
    if (__builtin_expect(vm_page_is_out(page), 0)) {
        vm_store_forget(page);
        return;
    }
    vm_stat_add(VM_STAT_OBJECT_PAGES, -1);
    ledger_uncharge(page->payer, HAL_PAGE_SIZE);
    vm_page_free(vm_page_address(page), 0);
}

/* --- zones ---------------------------------------------------------------------------------------------- */

/* Free all pages of a new zone, in the largest blocks that are aligned and fit. */
static void zone_free_all(struct vm_page_zone *zone) REQUIRES(page_lock)
{
    uint64_t i = 0;

    while (i < zone->count) {
        unsigned order = vm_block_order(zone->first + i, zone->count - i);
        buddy_free(&zone->page[i], order);
        i += vm_block_pages(order);
    }
}

/* The caches of all CPUs together may keep 1/16 of memory from the others, and a few pages each. */
static void page_cache_limit_set(void)
{
    uint64_t limit = page_total / 16 / hal_info.cpu_count;

    if (limit < 2)
        limit = 2;
    page_cache_limit = limit < CACHE_PAGES_MAX ? (uint32_t)limit : CACHE_PAGES_MAX;
}

void vm_page_add_range(hal_pa_t base, uint64_t size)
{
    uint64_t pages = size >> HAL_PAGE_SHIFT;
    uint64_t array = (pages * sizeof(struct vm_page) + HAL_PAGE_SIZE - 1) >> HAL_PAGE_SHIFT;

    if (array >= pages)
        return;
    spin_lock(&page_lock);
    if (zone_count < ZONES_MAX) {
        struct vm_page_zone *zone = &zone_table[zone_count];
        zone->page = hal_pa_to_ptr(base);
        zone->first = (base.addr >> HAL_PAGE_SHIFT) + array;
        zone->count = pages - array;
        for (uint64_t i = 0; i < zone->count; i++) {
            zone->page[i].state = VM_PAGE_INSIDE;
            zone->page[i].zone = (uint8_t)zone_count;
        }
        __atomic_store_n(&zone_count, zone_count + 1, __ATOMIC_RELEASE);
        zone_free_all(zone);
        page_total += zone->count;
        page_cache_limit_set();
    }
    spin_unlock(&page_lock);
}

void vm_page_init(void)
{
    spin_init(&page_lock, LOCK_RANK_PAGE);
    spin_lock(&page_lock);
    for (unsigned order = 0; order <= VM_PAGE_ORDER_MAX; order++)
        list_init(&page_free_list[order]);
    spin_unlock(&page_lock);
    for (uint32_t i = 0; i < hal_info.mem_count; i++)
        vm_page_add_range(hal_info.mem[i].base, hal_info.mem[i].size);
}

bool vm_page_was_refused(void)
{
    struct vm_page_cache *cache = &page_cache[hal_cpu_self()->index];
    const bool refused = cache->refused;

    cache->refused = false;
    return refused;
}

void vm_page_set_marks(uint64_t kept, uint64_t low)
{
    spin_lock(&page_lock);
    page_marks.kept = kept;
    page_marks.low = low;
    page_low_note();
    spin_unlock(&page_lock);
}

uint64_t vm_page_spare_count(void)
{
    spin_lock(&page_lock);
    const uint64_t free = page_free_blocks;
    const uint64_t kept = page_marks.kept;
    page_low_note();
    spin_unlock(&page_lock);
    return free > kept ? free - kept : 0;
}

uint64_t vm_page_free_count(void)
{
    spin_lock(&page_lock);
    uint64_t count = page_free_blocks;
    spin_unlock(&page_lock);
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        count += __atomic_load_n(&page_cache[cpu].count, __ATOMIC_RELAXED) +
                 __atomic_load_n(&page_cache[cpu].zero_count, __ATOMIC_RELAXED);
    return count;
}

uint64_t vm_page_total_count(void)
{
    return __atomic_load_n(&page_total, __ATOMIC_RELAXED);
}
