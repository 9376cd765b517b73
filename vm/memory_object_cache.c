/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that nobody uses, and whose pages may stay (may_cache of memory_object_ready): in the order in which they were left.
 *
 * No map shows them, so the hand of page-out does not come by (vm_pageout.c).  When memory is low the one that was left first ends, as if its pages
 * might not stay: before any page that is shown somewhere is taken.
 *
 * Lock order: an object, then the list.
 */
#include <mach/vm_param.h>
#include <vm/memory_object_i.h>

static struct {
    spinlock_t lock; /* rank LOCK_RANK_PAGER */
    struct list objects
        GUARDED_BY(lock); /* struct memory_object.cache_link: in the table, which has a reference */
} cached;

void memory_object_cache_init_module(void) NO_THREAD_SAFETY_ANALYSIS
{
    spin_init(&cached.lock, LOCK_RANK_PAGER);
    list_init(&cached.objects);
}

void memory_object_keep(struct memory_object *pager, bool keep)
{
    spin_lock(&cached.lock);
    if (!keep)
        list_remove(&pager->cache_link);
    else if (list_empty(&pager->cache_link))
        list_insert_tail(&cached.objects, &pager->cache_link);
    spin_unlock(&cached.lock);
}

/* The object that was left first, off the list, with a reference; or NULL. */
static struct memory_object *cache_pop(void)
{
    spin_lock(&cached.lock);
    struct list *first = list_pop(&cached.objects);
    struct memory_object *pager =
        first != NULL ? CONTAINER_OF(first, struct memory_object, cache_link) : NULL;
    if (pager != NULL)
        memory_object_ref(pager);
    spin_unlock(&cached.lock);
    return pager;
}

bool memory_object_uncache(void)
{
    struct memory_object *pager;
    bool ends = false;

    while (!ends && (pager = cache_pop()) != NULL) {
        spin_lock(&pager->object->lock);
        ends = memory_object_is_unused(pager) && pager->state == MEMORY_OBJECT_READY;
        if (ends) {
            pager->uncached = true;
            memory_object_unused(pager);
        }
        spin_unlock(&pager->object->lock);
        memory_object_unref(pager);
    }
    return ends;
}
