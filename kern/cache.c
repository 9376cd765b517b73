/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slab allocator (Bonwick 1994) with magazines (Bonwick and Adams 2001).
 *
 * A slab is a block of pages, aligned to its size, so an object's slab is found by rounding its address down:
 *
 *   struct slab | free[capacity]: indices of free objects, a stack | live[capacity] | objects
 *
 * Nothing is ever written into a free object, so that it stays what it was (type stability, kern/cache.h).
 * Each CPU has a magazine: a stack of objects that it alone allocates from and frees to; it trades half a
 * magazine at a time with the slabs.  Objects in magazines count as out of their slab.
 *
 * live[] is kept in checked builds only: whether an object is allocated, which catches a double free at once.
 *
 * Lock: cache->lock.  The list of caches is only written at boot.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <vm/vm_page.h>

#define MAGAZINE_BYTES 16384u /* a magazine keeps no more than this from other CPUs */
#define SLAB_ORDER_MAX 3u
#define SLAB_WASTE_SHIFT                                                                                     \
    3u /* at most 1/8 of a slab is left over behind its objects, if SLAB_ORDER_MAX allows */

struct slab {
    struct list link; /* in one of the lists of cache */
    struct cache *cache;
    uint32_t free_count;
    uint16_t free[]; /* stack: free[0 .. free_count - 1] */
};

static struct list cache_list = {&cache_list, &cache_list};

/* --- slabs ---------------------------------------------------------------------------------------------- */

static uint32_t slab_offset(const struct cache *cache, uint32_t capacity)
{
    uint32_t header = (uint32_t)(sizeof(struct slab) + capacity * (sizeof(uint16_t) + sizeof(uint8_t)));

    return (header + cache->align - 1) / cache->align * cache->align;
}

/* How many objects fit in a slab of `bytes`. */
static uint32_t slab_fit(const struct cache *cache, uint32_t bytes)
{
    uint32_t capacity = bytes / cache->size;

    while (slab_offset(cache, capacity) + capacity * cache->size > bytes)
        capacity--;
    return capacity;
}

/* The smallest slab that wastes little. */
static void slab_choose(struct cache *cache)
{
    for (uint32_t order = 0; order <= SLAB_ORDER_MAX; order++) {
        uint32_t bytes = HAL_PAGE_SIZE << order;
        uint32_t capacity = slab_fit(cache, bytes);

        cache->slab_order = order;
        cache->slab_capacity = capacity;
        cache->slab_offset = slab_offset(cache, capacity);
        if (bytes - cache->slab_offset - capacity * cache->size <= bytes >> SLAB_WASTE_SHIFT)
            break;
    }
}

static struct slab *slab_of(const struct cache *cache, const void *object)
{
    uintptr_t bytes = (uintptr_t)HAL_PAGE_SIZE << cache->slab_order;

    return (struct slab *)((uintptr_t)object & ~(bytes - 1));
}

static void *slab_object(const struct cache *cache, struct slab *slab, uint32_t index)
{
    return (char *)slab + cache->slab_offset + (size_t)index * cache->size;
}

static uint32_t slab_index(const struct cache *cache, const struct slab *slab, const void *object)
{
    return (uint32_t)((uintptr_t)object - (uintptr_t)slab - cache->slab_offset) / cache->size;
}

/* Zeroed, so that a user can tell memory that was never an object (kern/cache.h). */
static struct slab *slab_create(struct cache *cache) REQUIRES(cache->lock)
{
    struct slab *slab = vm_page_alloc_zero(cache->slab_order);

    if (slab == NULL)
        return NULL;
    slab->cache = cache;
    slab->free_count = cache->slab_capacity;
    for (uint32_t i = 0; i < cache->slab_capacity; i++)
        slab->free[i] = (uint16_t)(cache->slab_capacity - 1 - i); /* objects go out in address order */
    KASSERT(cache->empty.next != NULL);                           /* cache_init() came first */
    list_insert_head(&cache->empty, &slab->link);
    cache->slabs++;
    return slab;
}

/* Put the slab on the list that its number of free objects calls for. */
static void slab_file(struct cache *cache, struct slab *slab) REQUIRES(cache->lock)
{
    struct list *list = slab->free_count == 0                      ? &cache->full
                        : slab->free_count == cache->slab_capacity ? &cache->empty
                                                                   : &cache->partial;

    list_remove(&slab->link);
    list_insert_head(list, &slab->link);
}

/* A slab with free objects: partial ones first, so that others become empty. NULL without memory. */
static struct slab *slab_pick(struct cache *cache) REQUIRES(cache->lock)
{
    struct list *first = list_first(&cache->partial);

    if (first == NULL)
        first = list_first(&cache->empty);
    return first != NULL ? CONTAINER_OF(first, struct slab, link) : slab_create(cache);
}

/* --- magazines ------------------------------------------------------------------------------------------ */

#ifdef KERN_CHECKED
static uint8_t *slab_live(const struct cache *cache, struct slab *slab)
{
    return (uint8_t *)&slab->free[cache->slab_capacity];
}

void cache_check(struct cache *cache, void *object, bool live)
{
    struct slab *slab = slab_of(cache, object);

    if (slab->cache != cache)
        panic("cache %s: %p is no object of it", cache->name, object);
    uint32_t index = slab_index(cache, slab, object);
    if (index >= cache->slab_capacity || slab_object(cache, slab, index) != object)
        panic("cache %s: %p is not the start of an object", cache->name, object);
    if (__atomic_exchange_n(&slab_live(cache, slab)[index], live, __ATOMIC_RELAXED) == live)
        panic("cache %s: object %p %s twice", cache->name, object, live ? "allocated" : "freed");
}
#endif

/* Half fill an empty magazine. */
static void magazine_refill(struct cache *cache, struct cache_magazine *magazine)
{
    spin_lock(&cache->lock);
    while (magazine->count < (cache->magazine_capacity + 1) / 2) {
        struct slab *slab = slab_pick(cache);
        if (slab == NULL)
            break;
        do {
            uint32_t index = slab->free[--slab->free_count];
            cache_magazine_push(magazine, slab_object(cache, slab, index));
            cache->slab_objects++;
        } while (slab->free_count > 0 && magazine->count < (cache->magazine_capacity + 1) / 2);
        slab_file(cache, slab);
    }
    spin_unlock(&cache->lock);
}

/* Take objects out of a magazine until `keep` are left. */
static void magazine_drain(struct cache *cache, struct cache_magazine *magazine, uint64_t keep)
{
    spin_lock(&cache->lock);
    while (magazine->count > keep) {
        void *object = cache_magazine_pop(magazine);
        struct slab *slab = slab_of(cache, object);
        slab->free[slab->free_count++] = (uint16_t)slab_index(cache, slab, object);
        cache->slab_objects--;
        if (slab->free_count == 1 || slab->free_count == cache->slab_capacity)
            slab_file(cache, slab);
    }
    spin_unlock(&cache->lock);
}

void *cache_alloc_slow(struct cache *cache)
{
    struct cache_magazine *magazine = cache_magazine_self(cache);

    magazine_refill(cache, magazine);
    if (magazine->count == 0)
        return NULL;
    void *object = cache_magazine_pop(magazine);
    cache_check(cache, object, true);
    return object;
}

void *cache_alloc(struct cache *cache)
{
    return cache_alloc_from_magazine(cache);
}

void *cache_alloc_zero(struct cache *cache)
{
    void *object = cache_alloc(cache);

    if (object != NULL)
        memset(object, 0, cache->size);
    return object;
}

void cache_free_slow(struct cache *cache, void *object)
{
    struct cache_magazine *magazine = cache_magazine_self(cache);

    magazine_drain(cache, magazine, cache->magazine_capacity / 2);
    cache_magazine_push(magazine, object);
}

void cache_free(struct cache *cache, void *object)
{
    cache_free_inline(cache, object);
}

/* --- caches --------------------------------------------------------------------------------------------- */

/* Memory for magazines, which are never freed: the caches of a boot share pages. */
static void *cache_boot_alloc(size_t size)
{
    static char *next;
    static size_t left;

    if (left < size) {
        unsigned order = 0;
        while (((size_t)HAL_PAGE_SIZE << order) < size)
            order++;
        next = vm_page_alloc_zero(order);
        if (next == NULL)
            panic("no memory for the magazines of object caches");
        left = (size_t)HAL_PAGE_SIZE << order;
    }
    void *memory = next;
    next += size;
    left -= size;
    return memory;
}

void cache_init(struct cache *cache, const char *name, size_t size, size_t align)
{
    KASSERT(size >= 1 && size <= 2048 && align >= 8 && align <= 64 && (align & (align - 1)) == 0);

    cache->name = name;
    cache->align = (uint32_t)align;
    cache->size = (uint32_t)((size + align - 1) & ~(align - 1));
    slab_choose(cache);

    spin_init(&cache->lock, LOCK_RANK_CACHE);
    spin_lock(&cache->lock);
    list_init(&cache->partial);
    list_init(&cache->full);
    list_init(&cache->empty);
    cache->slabs = 0;
    cache->slab_objects = 0;
    spin_unlock(&cache->lock);

    cache->magazine_capacity = MAGAZINE_BYTES / cache->size;
    if (cache->magazine_capacity > CACHE_MAGAZINE_MAX)
        cache->magazine_capacity = CACHE_MAGAZINE_MAX;
    cache->magazine = cache_boot_alloc(hal_info.cpu_count * sizeof(struct cache_magazine));
    list_insert_tail(&cache_list, &cache->link);
}

uint64_t cache_live(struct cache *cache)
{
    uint64_t idle = 0;

    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        idle += __atomic_load_n(&cache->magazine[cpu].count, __ATOMIC_RELAXED);
    spin_lock(&cache->lock);
    uint64_t out = cache->slab_objects;
    spin_unlock(&cache->lock);
    return out > idle ? out - idle : 0; /* a CPU that trades meanwhile may make it appear negative */
}

uint64_t cache_pages(struct cache *cache)
{
    spin_lock(&cache->lock);
    uint64_t slabs = cache->slabs;
    spin_unlock(&cache->lock);
    return slabs << cache->slab_order;
}

void cache_for_each(void (*visit)(struct cache *cache, void *arg), void *arg)
{
    LIST_FOR_EACH(node, &cache_list)
    visit(CONTAINER_OF(node, struct cache, link), arg);
}

/* Move the empty slabs of `cache` to the list `arg`: no new object comes from them. */
static void cache_take_empty(struct cache *cache, void *arg)
{
    struct list *taken = arg;
    struct list *slab;

    magazine_drain(cache, cache_magazine_self(cache), 0);
    spin_lock(&cache->lock);
    while ((slab = list_pop(&cache->empty)) != NULL) {
        cache->slabs--;
        list_insert_tail(taken, slab);
    }
    spin_unlock(&cache->lock);
}

uint64_t cache_reap(void)
{
    struct list taken;
    struct list *node;
    uint64_t pages = 0;

    list_init(&taken);
    cache_for_each(cache_take_empty, &taken);
    if (list_empty(&taken))
        return 0;
    /* A CPU may still read an object of these slabs that was freed under its eyes; none does after this. */
    smp_quiesce();
    while ((node = list_pop(&taken)) != NULL) {
        struct slab *slab = CONTAINER_OF(node, struct slab, link);
        uint32_t order = slab->cache->slab_order;
        slab->cache = NULL;
        vm_page_free(slab, order);
        pages += (uint64_t)1 << order;
    }
    return pages;
}

/* --- memory of any size --------------------------------------------------------------------------------- */

#define KMEM_SHIFT_MIN 4u
#define KMEM_SHIFT_MAX 11u
#define KMEM_CACHES (KMEM_SHIFT_MAX - KMEM_SHIFT_MIN + 1)

static struct cache kmem_cache[KMEM_CACHES];
static uint8_t kmem_class[1u << (KMEM_SHIFT_MAX -
                                 KMEM_SHIFT_MIN)]; /* of (size - 1) >> KMEM_SHIFT_MIN: index of its cache */

/* The cache for objects of `size` bytes, 1 .. 2^KMEM_SHIFT_MAX. */
static struct cache *kmem_cache_of(size_t size)
{
    return &kmem_cache[kmem_class[(size - 1) >> KMEM_SHIFT_MIN]];
}

/* The smallest s >= least with 2^s >= size. */
static unsigned size_shift(size_t size, unsigned least)
{
    unsigned shift = least;

    while (shift < 63 && ((size_t)1 << shift) < size)
        shift++;
    return shift;
}

void kmem_init(void)
{
    static const char *const name[KMEM_CACHES] = {"kmem.16",  "kmem.32",  "kmem.64",   "kmem.128",
                                                  "kmem.256", "kmem.512", "kmem.1024", "kmem.2048"};

    for (unsigned i = 0; i < KMEM_CACHES; i++) {
        size_t size = (size_t)1 << (KMEM_SHIFT_MIN + i);
        cache_init(&kmem_cache[i], name[i], size, size < 64 ? size : 64);
    }
    for (unsigned i = 0; i < sizeof(kmem_class); i++)
        kmem_class[i] = (uint8_t)(size_shift((i + 1) << KMEM_SHIFT_MIN, KMEM_SHIFT_MIN) - KMEM_SHIFT_MIN);
}

void *kmem_alloc(size_t size)
{
    if (size <= (size_t)1 << KMEM_SHIFT_MAX)
        return cache_alloc(kmem_cache_of(size));
    unsigned order = size_shift(size, HAL_PAGE_SHIFT) - HAL_PAGE_SHIFT;
    return order <= VM_PAGE_ORDER_MAX ? vm_page_alloc(order) : NULL;
}

void *kmem_alloc_zero(size_t size)
{
    void *memory = kmem_alloc(size);

    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void kmem_free(void *memory, size_t size)
{
    if (size <= (size_t)1 << KMEM_SHIFT_MAX)
        cache_free(kmem_cache_of(size), memory);
    else
        vm_page_free(memory, size_shift(size, HAL_PAGE_SHIFT) - HAL_PAGE_SHIFT);
}
