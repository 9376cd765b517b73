/* SPDX-License-Identifier: BSD-2-Clause */
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/string.h>
#include <vm/vm_object.h>
#include <vm/vm_page.h>
#include <vm/vm_stat.h>

static struct cache object_cache;

void vm_object_init_module(void)
{
    vm_radix_init_module();
    cache_init(&object_cache, "vm_object", sizeof(struct vm_object), 8);
}

struct vm_object *vm_object_create(void)
{
    struct vm_object *object = cache_alloc(&object_cache);

    if (object == NULL)
        return NULL;
    object->refs = 1;
    object->shared = false;
    spin_init(&object->lock, LOCK_RANK_OBJECT);
    spin_lock(&object->lock);
    vm_radix_init(&object->pages);
    object->resident = 0;
    spin_unlock(&object->lock);
    return object;
}

void vm_object_ref(struct vm_object *object)
{
    ref_get(&object->refs);
}

void vm_object_unref(struct vm_object *object)
{
    if (!ref_put(&object->refs))
        return;
    vm_object_remove(object, 0, UINT64_MAX);
    cache_free(&object_cache, object);
}

void vm_object_share(struct vm_object *object)
{
    __atomic_store_n(&object->shared, true, __ATOMIC_RELAXED);
}

/*
 * References come from references: if the caller's is the only one, and the lock of its map keeps others from
 * copying it, none can appear.  acquire: what the entry that went last did with the pages is done.
 */
bool vm_object_is_shared(const struct vm_object *object)
{
    return __atomic_load_n(&object->shared, __ATOMIC_RELAXED) &&
           __atomic_load_n(&object->refs, __ATOMIC_ACQUIRE) != 1;
}

bool vm_object_is_private(const struct vm_object *object)
{
    return !__atomic_load_n(&object->shared, __ATOMIC_RELAXED);
}

kern_return_t vm_object_page(struct vm_object *object, uint64_t index, void **fresh, void **page)
{
    kern_return_t kr = KERN_SUCCESS;

    spin_lock(&object->lock);
    *page = vm_radix_lookup(&object->pages, index);
    if (*page == NULL && *fresh != NULL) {
        if (vm_radix_insert(&object->pages, index, *fresh)) {
            *page = *fresh;
            *fresh = NULL;
            object->resident++;
            vm_stat_add(VM_STAT_OBJECT_PAGES, 1);
        } else {
            kr = KERN_RESOURCE_SHORTAGE;
        }
    }
    spin_unlock(&object->lock);
    return kr;
}

void vm_object_remove(struct vm_object *object, uint64_t first, uint64_t end)
{
    uint64_t index = first;

    spin_lock(&object->lock);
    while (vm_radix_next(&object->pages, &index) != NULL && index < end) {
        vm_page_free(vm_radix_remove(&object->pages, index), 0);
        object->resident--;
        vm_stat_add(VM_STAT_OBJECT_PAGES, -1);
    }
    spin_unlock(&object->lock);
}

uint64_t vm_object_next(struct vm_object *object, uint64_t index)
{
    spin_lock(&object->lock);
    if (vm_radix_next(&object->pages, &index) == NULL)
        index = UINT64_MAX;
    spin_unlock(&object->lock);
    return index;
}

uint64_t vm_object_resident(struct vm_object *object)
{
    spin_lock(&object->lock);
    uint64_t resident = object->resident;
    spin_unlock(&object->lock);
    return resident;
}

/* Copy the first resident page at or above *index into `page`; *index becomes its number. False: none. */
static bool object_read_next(struct vm_object *object, uint64_t *index, void *page)
{
    spin_lock(&object->lock);
    const void *from = vm_radix_next(&object->pages, index);
    if (from != NULL)
        memcpy(page, from, HAL_PAGE_SIZE);
    spin_unlock(&object->lock);
    return from != NULL;
}

kern_return_t vm_object_copy(struct vm_object *object, uint64_t first, uint64_t end, struct vm_object **copy)
{
    struct vm_object *target = vm_object_create();
    uint64_t index = first;
    void *fresh = NULL;
    void *page;

    if (target == NULL)
        return KERN_RESOURCE_SHORTAGE;
    while (vm_object_next(object, index) < end) {
        fresh = vm_page_alloc(0);
        if (fresh == NULL)
            goto fail;
        /* A page may be gone by now, if another thread of the parent unmaps: then the next one is taken. */
        if (!object_read_next(object, &index, fresh) || index >= end)
            break;
        if (vm_object_page(target, index - first, &fresh, &page) != KERN_SUCCESS)
            goto fail;
        index++;
    }
    if (fresh != NULL)
        vm_page_free(fresh, 0);
    *copy = target;
    return KERN_SUCCESS;

fail:
    if (fresh != NULL)
        vm_page_free(fresh, 0);
    vm_object_unref(target);
    return KERN_RESOURCE_SHORTAGE;
}
