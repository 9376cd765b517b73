/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object caches: constant-time allocation of objects of one size, with a magazine of free objects per CPU
 * over slabs of pages.  Memory of a cache is type-stable until cache_reap(): a freed object stays readable as
 * an object of its cache (ipc/port.h relies on it).  cache_reap() first makes every CPU pass a point outside
 * the kernel (smp_quiesce()).
 */
#ifndef KERN_CACHE_H
#define KERN_CACHE_H

#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/list.h>
#include <kern/spinlock.h>

#define CACHE_MAGAZINE_MAX 31u

/* Free objects of a cache that one CPU alone allocates from and frees to: a stack. */
struct cache_magazine {
    uint64_t count;
    void *object[CACHE_MAGAZINE_MAX];
} __attribute__((aligned(64)));

struct cache {
    struct cache_magazine *magazine; /* one per CPU */
    uint64_t magazine_capacity;      /* objects */
    const char *name;
    uint32_t size;          /* bytes of an object, multiple of align */
    uint32_t align;         /* power of two, 8 .. 64 */
    uint32_t slab_order;    /* a slab is 2^slab_order pages, aligned to its size */
    uint32_t slab_capacity; /* objects in a slab */
    uint32_t slab_offset;   /* bytes from the slab to its first object */
    spinlock_t lock;
    struct list partial GUARDED_BY(lock);
    struct list full GUARDED_BY(lock);
    struct list empty GUARDED_BY(lock);
    uint64_t slabs GUARDED_BY(lock);
    uint64_t slab_objects GUARDED_BY(lock); /* objects out of slabs: live ones and those in magazines */
    struct list link;                       /* in the list of all caches */
};

/* Set up a static cache. Context: boot, after vm_page_init(). size 1 .. 2048; align a power of two 8 .. 64.
 * Panics without memory. */
void cache_init(struct cache *cache, const char *name, size_t size, size_t align);

/* An object: zero if its memory was never an object of this cache, else as cache_free() got it (a user that
 * relies on type stability thus knows new memory); NULL without memory.
 * Context: no lock of rank >= LOCK_RANK_CACHE. */
HAL_NODISCARD void *cache_alloc(struct cache *cache);
/* The same, zeroed. */
HAL_NODISCARD void *cache_alloc_zero(struct cache *cache);
/* Give an object back. NULL is not allowed. */
void cache_free(struct cache *cache, void *object);

/* Objects that are allocated now (not counting magazines). Exact when no other CPU allocates. */
uint64_t cache_live(struct cache *cache);

/* Pages that the cache holds now. */
uint64_t cache_pages(struct cache *cache);

/* Return empty slabs of all caches to the page allocator. Context: no lock held. Returns pages freed. */
uint64_t cache_reap(void);

/* Call `visit` for each cache, in order of cache_init(). */
void cache_for_each(void (*visit)(struct cache *cache, void *arg), void *arg);

/* Memory of any size: caches of powers of two up to 2048 bytes, whole pages above (at most 4 MiB). */
HAL_NODISCARD void *kmem_alloc(size_t size);
HAL_NODISCARD void *kmem_alloc_zero(size_t size);
void kmem_free(void *memory, size_t size); /* size as it was asked for */

/* Boot: set up the kmem caches (after vm_page_init). */
void kmem_init(void);

/* --- where every instruction counts: the same, inlined --- */

/* A magazine is empty, or full. */
void *cache_alloc_slow(struct cache *cache);
void cache_free_slow(struct cache *cache, void *object);

#ifdef KERN_CHECKED
/* Note that `object` goes out to (live) or comes back from a user of the cache. */
void cache_check(struct cache *cache, void *object, bool live);
#else
#define cache_check(cache, object, live) ((void)0)
#endif

static inline struct cache_magazine *cache_magazine_self(const struct cache *cache)
{
    return &cache->magazine[hal_cpu_self()->index];
}

/* relaxed: only its CPU writes the count; others read it for statistics */
static inline void cache_magazine_count_set(struct cache_magazine *magazine, uint64_t count)
{
    __atomic_store_n(&magazine->count, count, __ATOMIC_RELAXED);
}

static inline void cache_magazine_push(struct cache_magazine *magazine, void *object)
{
    uint64_t count = magazine->count;

    magazine->object[count] = object;
    cache_magazine_count_set(magazine, count + 1);
}

static inline void *cache_magazine_pop(struct cache_magazine *magazine)
{
    uint64_t count = magazine->count - 1;

    cache_magazine_count_set(magazine, count);
    return magazine->object[count];
}

static inline void *cache_alloc_from_magazine(struct cache *cache)
{
    struct cache_magazine *magazine = cache_magazine_self(cache);

    if (__builtin_expect(magazine->count == 0, 0))
        return cache_alloc_slow(cache);
    void *object = cache_magazine_pop(magazine);
    cache_check(cache, object, true);
    return object;
}

#ifdef KERN_CHECKED
#define cache_alloc_inline(cache) cache_alloc(cache) /* a call, which tests can have fail */
#else
#define cache_alloc_inline(cache) cache_alloc_from_magazine(cache)
#endif

static inline void cache_free_inline(struct cache *cache, void *object)
{
    struct cache_magazine *magazine = cache_magazine_self(cache);

    cache_check(cache, object, false);
    if (__builtin_expect(magazine->count == cache->magazine_capacity, 0))
        cache_free_slow(cache, object);
    else
        cache_magazine_push(magazine, object);
}

#endif
