/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of memory that are in no map.
 *
 * Lock order: the map of the source; a copy itself belongs to its holder alone.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_range.h>

/* Larger ranges are write-protected in steps. */
#define COPY_AT_ONCE ((uint64_t)2 << 20)

static struct cache copy_cache;

void vm_map_copy_init_module(void)
{
    cache_init(&copy_cache, "vm_map_copy", sizeof(struct vm_map_copy), 8);
}

static void copy_init(struct vm_map_copy *copy, uint64_t offset, uint64_t size)
{
    list_init(&copy->entries);
    copy->offset = offset;
    copy->size = size;
}

static struct vm_map_copy *copy_alloc(uint64_t size)
{
    struct vm_map_copy *copy = cache_alloc_inline(&copy_cache);

    if (copy != NULL)
        copy_init(copy, 0, size);
    return copy;
}

/* --- in ------------------------------------------------------------------------------------------------- */

/* Leave only the bytes [from, to) of the page at `at`. Returns as vm_object_trim(). */
static inline __attribute__((always_inline)) kern_return_t copy_trim_page(struct vm_map_entry *entry,
                                                                          uint64_t at, size_t from, size_t to)
{
    uint64_t index = (entry->offset + (at - entry->start)) >> PAGE_SHIFT;

    if ((from == 0 && to == PAGE_SIZE) || entry->object == NULL)
        return KERN_SUCCESS;
    return vm_object_trim(entry->object, index, from, to);
}

/* The first and the last page belong to the copy only in part. Returns as vm_object_trim(). */
static inline __attribute__((always_inline)) kern_return_t copy_trim(struct vm_map_copy *copy)
{
    struct vm_map_entry *first = CONTAINER_OF(copy->entries.next, struct vm_map_entry, link);
    struct vm_map_entry *last = CONTAINER_OF(copy->entries.prev, struct vm_map_entry, link);
    uint64_t end = copy->offset + copy->size;
    uint64_t last_page = trunc_page(end - 1);

    if (last_page == 0)
        return copy_trim_page(first, 0, copy->offset, end);
    kern_return_t kr = copy_trim_page(first, 0, copy->offset, PAGE_SIZE);
    return kr == KERN_SUCCESS ? copy_trim_page(last, last_page, 0, end - last_page) : kr;
}

/*
 * Much of a large range may be mapped writable.  The right is taken away in steps, with the map unlocked in between, so that what is
 * left for the copy itself, which is made as a whole, is what was written meanwhile.
 */
static __attribute__((noinline)) void copy_protect(struct vm_map *map, hal_va_t start, hal_va_t end)
{
    hal_va_t next;

    for (hal_va_t va = start; va < end; va = next) {
        spin_lock(&map->lock);
        const struct vm_map_entry *entry = vm_map_lookup(map, va);
        next = entry != NULL && entry->end < end ? entry->end : end; /* the copy refuses a hole */
        if (entry != NULL && entry->object != NULL) {
            const uint64_t first = (entry->offset + (va - entry->start)) >> PAGE_SHIFT;
            const uint64_t last = first + ((next - va) >> PAGE_SHIFT);
            next = va + ((vm_object_protect_step(entry->object, first, last) - first) << PAGE_SHIFT);
        }
        spin_unlock(&map->lock);
        smp_poll();
    }
}

/* As vm_map_copy_fill(), of something. */
static inline __attribute__((always_inline)) kern_return_t copy_fill(struct vm_map_copy *copy,
                                                                     struct vm_map *map, hal_va_t address,
                                                                     uint64_t size,
                                                                     struct ledger_account *payer)
{
    hal_va_t start;
    hal_va_t end;

    copy_init(copy, 0, 0);
    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ADDRESS;
    if (end - start > COPY_AT_ONCE)
        copy_protect(map, start, end);
    vm_map_lock(map);
    kern_return_t kr =
        vm_map_derive(map, start, end, ((address | size) & PAGE_MASK) == 0 ? VM_MAP_READ : VM_MAP_READ_PART,
                      payer, &copy->entries);
    spin_unlock(&map->lock);
    copy->offset = address - start;
    copy->size = size;
    if (kr == KERN_SUCCESS)
        kr = copy_trim(copy);
    if (kr != KERN_SUCCESS)
        vm_map_copy_free(copy);
    return kr;
}

kern_return_t vm_map_copy_fill(struct vm_map_copy *copy, struct vm_map *map, hal_va_t address, uint64_t size,
                               struct ledger_account *payer)
{
    if (size > 0)
        return copy_fill(copy, map, address, size, payer);
    copy_init(copy, 0, 0);
    return KERN_SUCCESS;
}

kern_return_t vm_map_copyin(struct vm_map *map, hal_va_t address, uint64_t size, struct ledger_account *payer,
                            struct vm_map_copy **copy)
{
    *copy = NULL;
    if (size == 0)
        return KERN_SUCCESS;
    struct vm_map_copy *taken = copy_alloc(size);
    if (taken == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kern_return_t kr = vm_map_copy_fill(taken, map, address, size, payer);
    if (kr == KERN_SUCCESS)
        *copy = taken;
    else
        vm_map_copy_discard(taken);
    return kr;
}

/* Put copies of [data, data + size) into an object that nobody else knows. Returns false without memory. */
static bool object_write(struct vm_object *object, const char *data, uint64_t size,
                         struct ledger_account *payer)
{
    bool good = true;

    for (uint64_t done = 0; done < size && good; done += PAGE_SIZE) {
        struct vm_page *page = vm_object_alloc_page(payer, true);
        if (page == NULL)
            return false;
        memcpy(vm_page_address(page), data + done, size - done < PAGE_SIZE ? size - done : PAGE_SIZE);
        good = vm_object_give(object, done >> PAGE_SHIFT, page);
    }
    return good;
}

/* An entry for the first `size` bytes of a new object; or NULL. */
static struct vm_map_entry *entry_create(uint64_t size, struct ledger_account *payer)
{
    struct vm_map_entry *entry = vm_map_entry_alloc(payer);
    struct vm_object *object = entry != NULL ? vm_object_create(payer) : NULL;

    if (object == NULL) {
        if (entry != NULL)
            vm_map_entry_free(entry);
        return NULL;
    }
    entry->start = 0;
    entry->end = round_page(size);
    entry->offset = 0;
    vm_object_attach(object, entry);
    return entry;
}

kern_return_t vm_map_copy_from_kernel(const void *data, uint64_t size, struct ledger_account *payer,
                                      struct vm_map_copy **copy)
{
    *copy = NULL;
    if (size == 0)
        return KERN_SUCCESS;
    struct vm_map_copy *made = copy_alloc(size);
    if (made == NULL)
        return KERN_RESOURCE_SHORTAGE;
    struct vm_map_entry *entry = entry_create(size, payer);
    if (entry != NULL)
        list_insert_tail(&made->entries, &entry->link);
    if (entry == NULL || !object_write(entry->object, data, size, payer)) {
        vm_map_copy_discard(made);
        return KERN_RESOURCE_SHORTAGE;
    }
    *copy = made;
    return KERN_SUCCESS;
}

/* --- shared memory -------------------------------------------------------------------------------------- */

/* May all of [start, end) have `protection`, if it is there? */
static bool share_check(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t protection)
    REQUIRES(map->lock)
{
    vm_prot_t allowed = VM_PROT_ALL;

    for (struct vm_map_entry *entry = vm_map_tree_find(map, start); entry != NULL && entry->start < end;
         entry = vm_map_tree_next(map, entry))
        allowed &= entry->max_protection;
    return (protection & ~allowed) == 0;
}

kern_return_t vm_map_copy_share(struct vm_map *map, hal_va_t start, hal_va_t end, vm_prot_t protection,
                                struct ledger_account *payer, struct vm_map_copy **copy)
{
    struct vm_map_copy *taken = copy_alloc(end - start);

    if (taken == NULL)
        return KERN_RESOURCE_SHORTAGE;
    vm_map_lock(map);
    kern_return_t kr = share_check(map, start, end, protection)
                           ? vm_map_derive(map, start, end, VM_MAP_SHARED, payer, &taken->entries)
                           : KERN_PROTECTION_FAILURE;
    spin_unlock(&map->lock);
    *copy = taken;
    if (kr != KERN_SUCCESS)
        vm_map_copy_discard(taken);
    return kr;
}

kern_return_t vm_map_copy_fresh(uint64_t size, struct ledger_account *payer, struct vm_map_copy **copy)
{
    *copy = copy_alloc(size);
    if (*copy == NULL)
        return KERN_RESOURCE_SHORTAGE;
    struct vm_map_entry *entry = entry_create(size, payer);
    if (entry == NULL) {
        vm_map_copy_discard(*copy);
        return KERN_RESOURCE_SHORTAGE;
    }
    vm_object_share(entry->object);
    list_insert_tail(&(*copy)->entries, &entry->link);
    return KERN_SUCCESS;
}

kern_return_t vm_map_copy_derive(const struct vm_map_copy *copy, uint64_t from, uint64_t end, bool share,
                                 struct ledger_account *payer, struct list *entries)
{
    LIST_FOR_EACH(node, &copy->entries)
    {
        struct vm_map_entry *source = CONTAINER_OF(node, struct vm_map_entry, link);
        const uint64_t low = source->start > from ? source->start : from;
        const uint64_t high = source->end < end ? source->end : end;
        if (low >= high)
            continue;
        struct vm_map_entry *entry = vm_map_entry_alloc(payer);
        if (entry == NULL)
            return KERN_RESOURCE_SHORTAGE;
        list_insert_tail(entries, &entry->link);
        kern_return_t kr = vm_map_entry_derive(source, low, high, share, entry);
        if (kr != KERN_SUCCESS)
            return kr;
        entry->start -= from;
        entry->end -= from;
    }
    return KERN_SUCCESS;
}

/* --- out ------------------------------------------------------------------------------------------------ */

/* A copy comes out as memory with default attributes. */
static void copy_set_attributes(const struct vm_map_copy *copy)
{
    LIST_FOR_EACH(node, &copy->entries)
    {
        struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        entry->protection = VM_PROT_DEFAULT;
        entry->max_protection = VM_PROT_ALL;
        entry->inheritance = VM_INHERIT_DEFAULT;
        entry->behavior = VM_BEHAVIOR_DEFAULT;
    }
}

kern_return_t vm_map_copy_enter(struct vm_map_copy *copy, struct vm_map *map, hal_va_t *address)
{
    struct vm_map_entry *next;
    hal_va_t start;

    *address = 0;
    if (copy->size == 0)
        return KERN_SUCCESS;
    copy_set_attributes(copy);
    vm_map_lock(map);
    bool room =
        vm_map_tree_space(map, hal_info.user_base, round_page(copy->offset + copy->size), &start, &next);
    if (room)
        vm_map_enter_all(map, start, &copy->entries, next);
    spin_unlock(&map->lock);
    if (!room)
        return KERN_NO_SPACE;
    *address = start + copy->offset;
    return KERN_SUCCESS;
}

kern_return_t vm_map_copyout(struct vm_map *map, struct vm_map_copy *copy, hal_va_t *address)
{
    *address = 0;
    if (copy == NULL)
        return KERN_SUCCESS;
    kern_return_t kr = vm_map_copy_enter(copy, map, address);
    if (kr == KERN_SUCCESS)
        cache_free_inline(&copy_cache, copy);
    return kr;
}

void vm_map_copy_free(struct vm_map_copy *copy)
{
    vm_map_entries_free(&copy->entries);
    copy->size = 0;
}

void vm_map_copy_discard(struct vm_map_copy *copy)
{
    if (copy == NULL)
        return;
    vm_map_copy_free(copy);
    cache_free_inline(&copy_cache, copy);
}
