/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of memory: page allocator, caches, and that everything has one owner. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_i.h"

static const struct {
    const char *cache;
    enum audit_kind kind;
} kinds[] = {
    {"ipc_port", AUDIT_PORT},
    {"ipc_port_request", AUDIT_REQUEST},
    {"ipc_pset", AUDIT_PSET},
    {"ipc_pset_link", AUDIT_PSET_LINK},
    {"ipc_space", AUDIT_SPACE},
    {"ipc_kmsg", AUDIT_KMSG},
    {"task", AUDIT_TASK},
    {"thread", AUDIT_THREAD},
    {"vm_map", AUDIT_MAP},
    {"vm_map_entry", AUDIT_MAP_ENTRY},
    {"vm_map_copy", AUDIT_MAP_COPY},
    {"vm_memory_entry", AUDIT_MEMORY_ENTRY},
    {"vm_object", AUDIT_OBJECT},
    {"memory_object", AUDIT_PAGER},
    {"page_request", AUDIT_PAGE_REQUEST},
    {"vm_page_out", AUDIT_PAGE_OUT},
    {"vm_radix", AUDIT_RADIX},
    {"vm_store", AUDIT_STORE},
    {"pmap", AUDIT_PMAP},
    {"fpu", AUDIT_FPU},
    {"ledger", AUDIT_LEDGER},
    {"interrupt", AUDIT_INTERRUPT},
};

/* Of one zone: who has each page; NULL: nobody yet. */
struct zone_owners {
    const char **owner;
    uint64_t *refs; /* of pages of memory objects */
};

static struct {
    struct audit_objects objects[AUDIT_KINDS];
    size_t capacity[AUDIT_KINDS];
    struct zone_owners zone[HAL_MEM_RANGES_MAX + 8u];
    uint32_t zones;
} memory;

#define OBJECTS_MIN 64u

static const char free_owner[] = "free list";
static const char object_owner[] = "memory object";

static void *host_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (p == NULL)
        abort();
    return p;
}

void audit_memory_free(void)
{
    for (uint32_t i = 0; i < memory.zones; i++) {
        free(memory.zone[i].owner);
        free(memory.zone[i].refs);
    }
    for (unsigned kind = 0; kind < AUDIT_KINDS; kind++)
        free(memory.objects[kind].object);
    memset(&memory, 0, sizeof(memory));
}

/* --- pages --- */

static uint64_t page_number(const void *address)
{
    return hal_ptr_to_pa(address).addr >> HAL_PAGE_SHIFT;
}

/* The zone of a page and its index there; -1: it is in none. */
static int zone_find(const void *address, uint64_t *index)
{
    for (uint32_t i = 0; i < zone_count; i++) {
        *index = page_number(address) - zone_table[i].first;
        if (*index < zone_table[i].count)
            return (int)i;
    }
    return -1;
}

bool audit_is_memory(const void *address, size_t size)
{
    uintptr_t start = (uintptr_t)address, end = start + size;

    for (uint32_t i = 0; i < zone_count && start % 8 == 0; i++) {
        const struct vm_page_zone *zone = &zone_table[i]; /* begins with the page structures */
        if (start >= (uintptr_t)zone->page &&
            end <= (uintptr_t)hal_pa_to_ptr(HAL_PA((zone->first + zone->count) << HAL_PAGE_SHIFT)))
            return true;
    }
    return false;
}

const struct vm_page *audit_page(const void *address, const void *holder)
{
    uint64_t index;
    int zone = zone_find(address, &index);

    AUDIT(zone >= 0 && (uintptr_t)address % HAL_PAGE_SIZE == 0, "page-address", holder,
          "points to %p, which is no page", address);
    return &zone_table[zone].page[index];
}

/* Note that all pages of a block belong to `owner`. */
static void block_own(uint32_t zone, uint64_t index, unsigned order, const char *owner)
{
    for (uint64_t i = index; i < index + ((uint64_t)1 << order); i++) {
        const char **slot = &memory.zone[zone].owner[i];
        AUDIT(*slot == NULL, "page-owner", vm_page_address(&zone_table[zone].page[i]),
              "has two owners: %s, %s", *slot, owner);
        *slot = owner;
    }
}

void audit_own_pages(const void *address, unsigned order, const char *owner)
{
    uint64_t index;
    const struct vm_page *page = audit_page(address, address);
    int zone = zone_find(address, &index);

    AUDIT(page->state == VM_PAGE_USED && page->order == order, "page-state", address,
          "%s has it with order %u; state %u order %u", owner, order, page->state, page->order);
    block_own((uint32_t)zone, index, order, owner);
}

void audit_page_ref(const struct vm_page *page, const void *holder)
{
    if (page->state == VM_PAGE_OUT) {
        audit_object(AUDIT_PAGE_OUT, page, holder)->refs++;
        return;
    }
    for (uint32_t i = 0; i < zone_count; i++) {
        const uintptr_t offset = (uintptr_t)page - (uintptr_t)zone_table[i].page;
        if (offset >= zone_table[i].count * sizeof(*page) || offset % sizeof(*page) != 0)
            continue;
        if (memory.zone[i].refs[offset / sizeof(*page)]++ == 0)
            audit_own_pages(vm_page_address(page), 0, object_owner);
        return;
    }
    audit_fail("page-address", holder, "points to %p, which is no page structure", (const void *)page);
}

uint64_t audit_page_count(void)
{
    uint64_t count = 0;

    for (uint32_t zone = 0; zone < memory.zones; zone++) {
        for (uint64_t i = 0; i < zone_table[zone].count; i++)
            count += memory.zone[zone].refs[i] > 0;
    }
    return count;
}

void audit_page_charges(void)
{
    for (uint32_t zone = 0; zone < memory.zones; zone++) {
        for (uint64_t i = 0; i < zone_table[zone].count; i++) {
            const struct vm_page *page = &zone_table[zone].page[i];
            if (memory.zone[zone].refs[i] > 0)
                audit_charge(page->payer, HAL_PAGE_SIZE, page);
        }
    }
}

static void check_free_list(unsigned order, uint64_t *pages)
{
    AUDIT_LIST(node, &page_free_list[order])
    {
        const struct vm_page *page = CONTAINER_OF(node, struct vm_page, link);
        AUDIT(page->zone < zone_count, "page-zone", page, "zone %u", page->zone);
        const struct vm_page_zone *zone = &zone_table[page->zone];
        uint64_t index = (uint64_t)(page - zone->page);
        AUDIT(index < zone->count, "page-zone", page, "not in zone %u", page->zone);
        AUDIT(page->state == VM_PAGE_FREE && page->order == order, "page-free", page,
              "on the list of order %u: state %u order %u", order, page->state, page->order);
        block_own(page->zone, index, order, free_owner);
        *pages += (uint64_t)1 << order;
    }
}

/* Has a free block a free buddy, with which it should be one? */
static bool buddy_is_free(const struct vm_page_zone *zone, uint64_t index, unsigned order)
{
    uint64_t buddy = ((zone->first + index) ^ (uint64_t)1 << order) - zone->first;

    return order < VM_PAGE_ORDER_MAX && buddy < zone->count &&
           buddy + ((uint64_t)1 << order) <= zone->count && zone->page[buddy].state == VM_PAGE_FREE &&
           zone->page[buddy].order == order;
}

/* The pages of a zone are blocks, one behind another. */
static void check_zone(uint32_t number)
{
    const struct vm_page_zone *zone = &zone_table[number];

    for (uint64_t i = 0; i < zone->count;) {
        const struct vm_page *page = &zone->page[i];
        unsigned order = page->order;
        uint64_t size = (uint64_t)1 << order;
        AUDIT(page->state != VM_PAGE_INSIDE && page->state <= VM_PAGE_USED && order <= VM_PAGE_ORDER_MAX,
              "page-block", page, "no block begins here: state %u order %u", page->state, order);
        AUDIT(((zone->first + i) & (size - 1)) == 0 && i + size <= zone->count, "page-align", page,
              "a block of order %u at page %" PRIu64, order, zone->first + i);
        for (uint64_t inside = i + 1; inside < i + size; inside++)
            AUDIT(zone->page[inside].state == VM_PAGE_INSIDE, "page-block", &zone->page[inside],
                  "inside a block of order %u: state %u", order, zone->page[inside].state);
        if (page->state == VM_PAGE_FREE) {
            AUDIT(memory.zone[number].owner[i] == free_owner, "page-free", page, "free, but on no list");
            AUDIT(!buddy_is_free(zone, i, order), "page-merge", page, "order %u, and so is its free buddy",
                  order);
        }
        i += size;
    }
}

static void check_cached(const struct vm_page_cache *cache, const void *address)
{
    const struct vm_page *page = audit_page(address, cache);
    uint64_t index;
    int zone = zone_find(address, &index);

    AUDIT(page->state == VM_PAGE_CACHED && page->order == 0, "page-cache", address,
          "in the cache of a CPU: state %u order %u", page->state, page->order);
    block_own((uint32_t)zone, index, 0, "page cache of a CPU");
}

static void check_page_cache(const struct vm_page_cache *cache)
{
    static const char zeros[HAL_PAGE_SIZE];

    AUDIT(cache->count <= sizeof(cache->page) / sizeof(cache->page[0]) &&
              cache->zero_count <= sizeof(cache->zero) / sizeof(cache->zero[0]),
          "page-cache", cache, "%u pages, and %u zero", cache->count, cache->zero_count);
    for (uint32_t i = 0; i < cache->count; i++)
        check_cached(cache, cache->page[i]);
    for (uint32_t i = 0; i < cache->zero_count; i++) {
        check_cached(cache, cache->zero[i]);
        AUDIT(memcmp(cache->zero[i], zeros, sizeof(zeros)) == 0, "page-zero", cache->zero[i], "is not zero");
    }
}

static void pages_begin(void)
{
    uint64_t pages = 0;

    memory.zones = zone_count;
    for (uint32_t i = 0; i < zone_count; i++) {
        memory.zone[i].owner = host_alloc(zone_table[i].count, sizeof(char *));
        memory.zone[i].refs = host_alloc(zone_table[i].count, sizeof(uint64_t));
    }
    for (unsigned order = 0; order <= VM_PAGE_ORDER_MAX; order++)
        check_free_list(order, &pages);
    AUDIT(pages == page_free_blocks, "page-count", page_free_list,
          "%" PRIu64 " in the lists, counted %" PRIu64, pages, page_free_blocks);
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        check_page_cache(&page_cache[cpu]);
    for (uint32_t i = 0; i < zone_count; i++)
        check_zone(i);
}

/* --- objects --- */

static enum audit_kind kind_of(const struct cache *cache)
{
    if (strncmp(cache->name, "kmem.", 5) == 0)
        return AUDIT_KMEM;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(cache->name, kinds[i].cache) == 0)
            return kinds[i].kind;
    }
    audit_fail("cache-unknown", cache, "the audit does not know the objects of cache %s", cache->name);
}

static void object_add(enum audit_kind kind, const struct cache *cache, void *address)
{
    struct audit_objects *all = &memory.objects[kind];

    if (all->count == memory.capacity[kind]) {
        memory.capacity[kind] *= 2;
        all->object = realloc(all->object, memory.capacity[kind] * sizeof(*all->object));
        if (all->object == NULL)
            abort();
    }
    all->object[all->count++] = (struct audit_object){.address = address, .cache = cache};
}

static int pointer_compare(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

    return (x > y) - (x < y);
}

/* Free objects that CPUs keep, sorted. */
struct loose {
    void *object[HAL_CPU_MAX * 31];
    size_t count;
    size_t met;
};

static void loose_fill(const struct cache *cache, struct loose *loose)
{
    loose->count = 0;
    loose->met = 0;
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++) {
        const struct cache_magazine *magazine = &cache->magazine[cpu];
        AUDIT(magazine->count <= cache->magazine_capacity, "cache-magazine", magazine,
              "%" PRIu64 " objects of cache %s", magazine->count, cache->name);
        for (uint64_t i = 0; i < magazine->count; i++)
            loose->object[loose->count++] = magazine->object[i];
    }
    qsort(loose->object, loose->count, sizeof(loose->object[0]), pointer_compare);
    for (size_t i = 1; i < loose->count; i++)
        AUDIT(loose->object[i] != loose->object[i - 1], "cache-magazine", loose->object[i],
              "twice in magazines of cache %s", cache->name);
}

static bool loose_has(struct loose *loose, void *object)
{
    if (bsearch(&object, loose->object, loose->count, sizeof(object), pointer_compare) == NULL)
        return false;
    loose->met++;
    return true;
}

static void check_slab(const struct cache *cache, struct slab *slab, struct loose *loose)
{
    const uint8_t *live = (const uint8_t *)&slab->free[cache->slab_capacity];
    bool is_free[HAL_PAGE_SIZE] = {false};

    AUDIT(slab->cache == cache, "slab-cache", slab, "on a list of cache %s", cache->name);
    AUDIT(slab->free_count <= cache->slab_capacity, "slab-count", slab, "%u objects free", slab->free_count);
    for (uint32_t i = 0; i < slab->free_count; i++) {
        uint16_t index = slab->free[i];
        AUDIT(index < cache->slab_capacity && !is_free[index], "slab-free", slab,
              "cache %s: object %u is free twice, or none", cache->name, index);
        is_free[index] = true;
    }
    for (uint32_t i = 0; i < cache->slab_capacity; i++) {
        char *object = (char *)slab + cache->slab_offset + (size_t)i * cache->size;
        bool kept = !is_free[i] && !live[i];
        AUDIT(!(is_free[i] && live[i]), "slab-free", object, "of cache %s: free and allocated", cache->name);
        AUDIT(loose_has(loose, object) == kept, "slab-lost", object,
              "of cache %s: neither in its slab nor allocated nor in a magazine, or several", cache->name);
        if (live[i])
            object_add(kind_of(cache), cache, object);
    }
}

static void check_slabs(const struct cache *cache, const struct list *list, uint32_t least, uint32_t most,
                        struct loose *loose, uint64_t *slabs, uint64_t *out)
{
    AUDIT_LIST(node, list)
    {
        struct slab *slab = CONTAINER_OF(node, struct slab, link);
        audit_own_pages(slab, cache->slab_order, cache->name);
        check_slab(cache, slab, loose);
        AUDIT(slab->free_count >= least && slab->free_count <= most, "slab-list", slab,
              "of cache %s: on the wrong list for %u free objects", cache->name, slab->free_count);
        *out += cache->slab_capacity - slab->free_count;
        (*slabs)++;
    }
}

static void check_cache(const struct cache *cache)
{
    static struct loose loose;
    uint32_t all = cache->slab_capacity;
    uint64_t slabs = 0, out = 0;

    loose_fill(cache, &loose);
    check_slabs(cache, &cache->full, 0, 0, &loose, &slabs, &out);
    check_slabs(cache, &cache->partial, 1, all - 1, &loose, &slabs, &out);
    check_slabs(cache, &cache->empty, all, all, &loose, &slabs, &out);
    AUDIT(slabs == cache->slabs, "cache-count", cache, "%s: %" PRIu64 " slabs, counted %" PRIu64, cache->name,
          slabs, cache->slabs);
    AUDIT(out == cache->slab_objects, "cache-count", cache, "%s: %" PRIu64 " objects out, counted %" PRIu64,
          cache->name, out, cache->slab_objects);
    AUDIT(loose.met == loose.count, "cache-magazine", cache, "%s: a magazine has what is no object",
          cache->name);
}

/* The memory of magazines was never meant to be freed: it is found from the caches. */
static void own_magazines(void)
{
    LIST_FOR_EACH(node, &cache_list)
    {
        const struct cache *cache = CONTAINER_OF(node, struct cache, link);
        uint64_t index;
        int zone = zone_find(cache->magazine, &index);
        AUDIT(zone >= 0, "page-address", cache, "magazines at %p", (void *)cache->magazine);
        while (zone_table[zone].page[index].state == VM_PAGE_INSIDE)
            index--;
        const struct vm_page *page = &zone_table[zone].page[index];
        if (memory.zone[zone].owner[index] == NULL)
            audit_own_pages(vm_page_address(page), page->order, "magazines of caches");
    }
}

void audit_memory_begin(void)
{
    for (unsigned kind = 0; kind < AUDIT_KINDS; kind++) {
        memory.capacity[kind] = OBJECTS_MIN;
        memory.objects[kind].object = host_alloc(OBJECTS_MIN, sizeof(struct audit_object));
    }
    pages_begin();
    own_magazines();
    LIST_FOR_EACH(node, &cache_list)
    check_cache(CONTAINER_OF(node, struct cache, link));
    for (unsigned kind = 0; kind < AUDIT_KINDS; kind++) {
        struct audit_objects *all = &memory.objects[kind];
        qsort(all->object, all->count, sizeof(all->object[0]), pointer_compare);
    }
}

const struct audit_objects *audit_objects(enum audit_kind kind)
{
    return &memory.objects[kind];
}

struct audit_object *audit_object(enum audit_kind kind, const void *address, const void *holder)
{
    const struct audit_objects *all = &memory.objects[kind];
    struct audit_object *found =
        bsearch(&address, all->object, all->count, sizeof(all->object[0]), pointer_compare);

    if (found == NULL)
        audit_fail("pointer", holder, "points to %p, which is not allocated, or something else", address);
    return found;
}

struct audit_object *audit_own(enum audit_kind kind, const void *address, const char *owner)
{
    struct audit_object *o = audit_object(kind, address, owner);

    AUDIT(o->owner == NULL, "object-owner", address, "of cache %s: has two owners: %s, %s", o->cache->name,
          o->owner, owner);
    o->owner = owner;
    return o;
}

void audit_own_memory(const void *address, size_t size, const char *owner)
{
    if (size > 2048) {
        unsigned order = 0;
        while (((size_t)HAL_PAGE_SIZE << order) < size)
            order++;
        audit_own_pages(address, order, owner);
        return;
    }
    const struct audit_object *o = audit_own(AUDIT_KMEM, address, owner);
    AUDIT(o->cache->size >= size && (o->cache->size == 16 || o->cache->size / 2 < size), "memory-size",
          address, "%s says %zu bytes, it is in cache %s", owner, size, o->cache->name);
}

void audit_memory_end(void)
{
    for (unsigned kind = 0; kind < AUDIT_KINDS; kind++) {
        AUDIT_EACH(o, kind)
        AUDIT(o->owner != NULL, "leak", o->address, "of cache %s: nobody has it", o->cache->name);
    }
    for (uint32_t zone = 0; zone < memory.zones; zone++) {
        for (uint64_t i = 0; i < zone_table[zone].count; i++) {
            const struct vm_page *page = &zone_table[zone].page[i];
            const uint64_t refs = memory.zone[zone].refs[i];
            AUDIT(memory.zone[zone].owner[i] != NULL, "page-leak", vm_page_address(page), "nobody has it");
            AUDIT(refs == 0 || refs == page->refs, "page-refs", page,
                  "%" PRIu64 " references, counted %" PRIu64, refs, page->refs);
        }
    }
}
