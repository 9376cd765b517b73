/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object caches: constant-time allocation of objects of one size, with a magazine of free objects per CPU
 * over slabs of pages.  Memory of a cache is type-stable until cache_reap(): a freed object stays readable as
 * an object of its cache (ipc/port.h relies on it).  cache_reap() first makes every CPU pass a point outside
 * the kernel (smp_quiesce()).
 */
#ifndef KERN_CACHE_H
#define KERN_CACHE_H

#include <hal/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>

struct cache_magazine;

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

#endif
