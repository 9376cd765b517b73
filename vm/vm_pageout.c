/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-out: what leaves memory, and when.
 *
 * A page of a persistent tree is in any number of objects, and nothing leads from it to them.  So there are no queues of pages: a hand
 * goes round all maps, as in a clock, and looks at the pages that they show.  What was used since it came by last (the bit that the
 * hardware, or a fault, sets in a page table's entry) stays, and the bit is cleared; what was not is unmapped wherever the object is
 * shown, and leaves it.  That is second chance, and costs nothing as long as there is memory: no fault and no allocation does
 * anything for it.  The second queue is the tree of the store (vm_store.h): pages that have left their objects, and are in
 * memory until they are given to the default pager, in the order in which they came; a fault takes them back from there.
 *
 * The thread works while fewer than `target` pages are free.  Pages that are on their way to a pager count as free, but only so many of
 * its messages are on their way.  Those who need a page when no more than `kept` are left wait in the store until there are more.
 * They are told that there is no memory when the hand went round twice, and nothing could leave: all is wired, or in use, or the store
 * is full.
 *
 * A task at its limit of memory replaces its own pages (vm_pageout_own()): a hand of its own goes round its map.
 *
 * Why it can't come to a stop.  Page-out needs memory itself: messages, nodes of trees, page tables and buffers in the default
 * pager and below it.  (1) Users' memory stops at `kept`, everything else at half of that: the rest is for kernel threads and for the
 * tasks that are marked (host_set_task_privileged): the default pager, and the drivers that it uses.  (2) The pages of those tasks are
 * never taken out, so that none of them ever waits for another.  (3) The kernel waits for none of them: it sends, and looks at what is free.
 * (4) What is under way is bounded: messages to the pager by PENDING_MAX, requests by REQUESTS_MAX (vm_store.c), each a page.  (5) Who
 * waits holds no lock and no page: its operation begins again (vm/memory_object.h).  (6) The kernel gives the default pager no more
 * than it has room for.  So as long as the default pager answers, pages get free; if it does not, its clients wait as for any pager, no
 * others do, and they can be aborted and ended.
 *
 * Lock order: the list of maps is taken with nothing but what may be held when a map ends; map, object, store.
 */
#include <hal/hal.h>
#include <ipc/port.h>
#include <kern/cache.h>
#include <kern/ref.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/portolan_server.h>
#include <mach/vm_param.h>
#include <sched/sched.h>
#include <vm/memory_object_i.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page.h>
#include <vm/vm_pageout.h>
#include <vm/vm_stat.h>
#include <vm/vm_store.h>

#define SCAN_PAGES 64u      /* looked at in one step: bits of a mask */
#define RETURN_PAGES 16u    /* in one message to a pager (memory_object_return.c) */
#define PENDING_MAX 8u      /* messages that a pager has not received yet */
#define LAUNDER_MESSAGES 4u /* in one step */
#define OWN_STEPS 32u       /* of a task's own hand, in one go */
#define AGAIN_MS 1u         /* until a pager that is behind has done something */
#define KEPT_PART 64u       /* of all pages are kept back, but for these limits */
#define KEPT_MIN 64u
#define KEPT_MAX 4096u
#define SPARED_ROUNDS 4u
#define HOPELESS_MS 100u /* until it is tried again when nothing could leave */

static struct {
    spinlock_t lock;                   /* rank LOCK_RANK_PAGER */
    struct list maps GUARDED_BY(lock); /* struct vm_map.link; the first is under the hand */
    uint64_t map_count GUARDED_BY(lock);
    bool waiting GUARDED_BY(lock);
    bool wanted GUARDED_BY(lock); /* since the last step began */
    uint64_t kept;                /* constant: pages that are kept back when there is a default pager */
    struct thread *thread;        /* constant */

    /* the thread's own */
    hal_va_t hand;    /* in the first map */
    uint64_t passed;  /* maps since the last round began */
    unsigned futile;  /* rounds in which nothing could leave */
    bool reap;        /* a round has ended: what the kernel's caches do not use is free again */
    uint64_t launder; /* page of the store that is looked at next */
} pageout;

/* --- maps ----------------------------------------------------------------------------------------------- */

void vm_pageout_enter(struct vm_map *map)
{
    spin_lock(&pageout.lock);
    list_insert_tail(&pageout.maps, &map->link);
    pageout.map_count++;
    spin_unlock(&pageout.lock);
}

void vm_pageout_leave(struct vm_map *map)
{
    spin_lock(&pageout.lock);
    list_remove(&map->link);
    pageout.map_count--;
    spin_unlock(&pageout.lock);
}

/* One more reference, unless the last one has gone: then it is about to leave the list. acquire: as ref_put() */
static bool map_ref(struct vm_map *map)
{
    uint64_t refs = __atomic_load_n(&map->refs, __ATOMIC_RELAXED);

    while (refs != 0) {
        if (__atomic_compare_exchange_n(&map->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* The hand goes on to the next map. */
static void hand_next(void) REQUIRES(pageout.lock)
{
    struct list *first = list_pop(&pageout.maps);

    if (first != NULL)
        list_insert_tail(&pageout.maps, first);
    pageout.hand = 0;
    pageout.passed++;
    if (pageout.passed >= pageout.map_count) {
        pageout.passed = 0;
        pageout.futile++;
        pageout.reap = true;
    }
}

void vm_pageout_spare(struct vm_map *map)
{
    __atomic_store_n(&map->spared, SPARED_ROUNDS, __ATOMIC_RELAXED);
}

/* Is the map left alone this time?  Only for some rounds: so what could not leave before is no reason to give up. */
static bool map_is_spared(struct vm_map *map)
{
    const uint32_t left = __atomic_load_n(&map->spared, __ATOMIC_RELAXED);

    if (left == 0)
        return false;
    __atomic_store_n(&map->spared, left - 1, __ATOMIC_RELAXED);
    pageout.futile = 0;
    return true;
}

/* The map under the hand, with a reference; NULL: it has none to be looked at, and the hand went on. */
static struct vm_map *hand_map(void)
{
    spin_lock(&pageout.lock);
    struct list *first = list_first(&pageout.maps);
    struct vm_map *map = first != NULL ? CONTAINER_OF(first, struct vm_map, link) : NULL;
    if (map != NULL &&
        (__atomic_load_n(&map->privileged, __ATOMIC_RELAXED) || map_is_spared(map) || !map_ref(map)))
        map = NULL;
    if (map == NULL)
        hand_next();
    spin_unlock(&pageout.lock);
    return map;
}

/* --- the hand ------------------------------------------------------------------------------------------- */

/* What is under the hand. */
struct view {
    struct memory_object *store; /* that can be used; or NULL */
    struct memory_object *pager; /* of the object, with a reference; NULL: it is anonymous */
    uint64_t first;              /* its page */
    uint64_t victims;            /* pages that were not used: bit i for page first + i */
};

/* Messages that have been sent to the pager, and that it has not received. */
static uint64_t pager_pending(const struct memory_object *pager)
{
    ipc_port_lock(pager->pager);
    const uint64_t count = pager->pager->msgcount;
    ipc_port_unlock(pager->pager);
    return count;
}

/* Which of the pages from `first` on are there? */
static uint64_t pages_there(const struct vm_object *object, uint64_t first, unsigned count)
    REQUIRES(object->lock)
{
    const struct vm_page *page;
    uint64_t there = 0;

    for (uint64_t i = first; (page = vm_radix_next(&object->pages, &i)) != NULL && i < first + count; i++)
        there |= (uint64_t)!vm_page_is_out(page) << (i - first);
    return there;
}

/*
 * Take the victims out of an anonymous object into the store.  All between the first and the last of them are unmapped, since that tells
 * the other CPUs once; those that stay are mapped again when they are used.  Returns false: none left.
 */
static bool view_park(struct vm_object *object, const struct view *v) REQUIRES(object->lock)
{
    bool some = false;
    bool own;

    if (v->victims == 0)
        return false;
    const uint64_t first = v->first + (unsigned)__builtin_ctzll(v->victims);
    const uint64_t end = v->first + 64 - (unsigned)__builtin_clzll(v->victims);
    vm_object_unmap(object, first, end, NULL);
    /* nor may they be mapped writable any more, as far as the tree knows */
    vm_object_protect(object, first, end);
    for (uint64_t left = v->victims; left != 0; left &= left - 1) {
        const uint64_t i = v->first + (unsigned)__builtin_ctzll(left);
        if (!vm_store_park(v->store, object, i, vm_radix_find(&object->pages, i, false, &own)))
            break;
        some = true;
    }
    return some;
}

/* Look at the pages of `entry` from *hand on, which goes on. Returns whether anonymous pages left. */
static bool entry_look(const struct vm_map_entry *entry, hal_va_t *hand, struct view *v)
{
    struct vm_object *object = entry->object;
    const hal_va_t from = *hand > entry->start ? *hand : entry->start;
    const uint64_t end = (entry->offset + (entry->end - entry->start)) >> PAGE_SHIFT;
    bool some = false;

    *hand = entry->end;
    if (object == NULL || vm_object_is_physical(object))
        return false;
    v->first = (entry->offset + (from - entry->start)) >> PAGE_SHIFT;
    spin_lock(&object->lock);
    if (vm_radix_next(&object->pages, &v->first) != NULL && v->first < end &&
        (object->pager != NULL || v->store != NULL)) {
        const unsigned count = end - v->first < SCAN_PAGES ? (unsigned)(end - v->first) : SCAN_PAGES;
        *hand = entry->start + ((v->first + count) << PAGE_SHIFT) - entry->offset;
        const uint64_t there = !vm_object_is_wired(object, v->first, v->first + count)
                                   ? pages_there(object, v->first, count)
                                   : 0;
        const uint64_t used = there != 0 ? vm_object_age(object, v->first, count) : 0;
        vm_stat_add(VM_STAT_REACTIVATED, __builtin_popcountll(there & used));
        v->victims = there & ~used;
        v->pager = object->pager;
        if (v->pager != NULL)
            memory_object_ref(v->pager);
        else
            some = view_park(object, v);
    }
    spin_unlock(&object->lock);
    return some;
}

/* Give the victims back to their pager, unless it is behind. Returns false: none. */
static bool view_return(const struct view *v)
{
    uint64_t left = v->victims;

    if (left == 0 || pager_pending(v->pager) >= PENDING_MAX)
        return false;
    while (left != 0) {
        uint64_t i = v->first + (unsigned)__builtin_ctzll(left);
        const uint64_t rest = ~(left >> (i - v->first)); /* the run of victims ends at its lowest bit */
        const uint64_t end = rest != 0 ? i + (unsigned)__builtin_ctzll(rest) : v->first + 64;
        while (i < end) {
            if (!memory_object_return_pages(v->pager, &i, end, VM_PAGE_DIRTY | VM_PAGE_PRECIOUS, true))
                return false;
        }
        left &= end - v->first < 64 ? ~(uint64_t)0 << (end - v->first) : 0;
    }
    return true;
}

/* The hand goes on by a few pages. Returns whether any left. store: that can be used, or NULL. */
static bool hand_step(struct memory_object *store)
{
    struct view v = {.store = store};
    struct vm_map *map = hand_map();
    bool some = false;

    if (map == NULL)
        return false;
    spin_lock(&map->lock);
    const struct vm_map_entry *entry = vm_map_tree_find(map, pageout.hand);
    if (entry != NULL)
        some = entry_look(entry, &pageout.hand, &v);
    spin_unlock(&map->lock);
    if (v.pager != NULL) {
        some = view_return(&v);
        memory_object_unref(v.pager);
    }
    if (entry == NULL) {
        spin_lock(&pageout.lock);
        hand_next();
        spin_unlock(&pageout.lock);
    }
    vm_map_unref(map);
    return some;
}

/* --- a task at its limit -------------------------------------------------------------------------------- */

/* A few steps of the map's own hand. Returns whether any pages left. *futile: nothing can leave. */
static bool own_steps(struct vm_map *map, struct view *v, bool *futile)
{
    bool some = false;

    spin_lock(&map->lock);
    for (unsigned i = 0; i < OWN_STEPS && !some && !*futile; i++) {
        const struct vm_map_entry *entry = vm_map_tree_find(map, map->hand);
        if (entry != NULL) {
            some = entry_look(entry, &map->hand, v);
            if (v->pager != NULL) /* others may use its pages, too: they are left to the thread */
                memory_object_unref(v->pager);
            v->pager = NULL;
        } else {
            map->hand = 0;
            *futile = ++map->rounds > 2;
        }
    }
    if (some || *futile)
        map->rounds = 0;
    spin_unlock(&map->lock);
    return some;
}

kern_return_t vm_pageout_own(struct vm_map *map, struct vm_object_fill *fill)
{
    struct view v = {.store = vm_store_any()};
    bool futile = false;
    bool some = false;

    if (v.store == NULL)
        return KERN_RESOURCE_SHORTAGE;
    if (!vm_store_is_usable(v.store) || __atomic_load_n(&map->privileged, __ATOMIC_RELAXED))
        futile = true;
    else
        some = own_steps(map, &v, &futile);
    if (some || futile) {
        memory_object_unref(v.store);
        if (some)
            vm_pageout_wake(); /* to give them to the default pager */
        return some ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
    }
    vm_store_fill_wait(v.store, fill); /* only so that interrupts are served; it goes on at once */
    return KERN_PAGE_WAIT;
}

/* --- the thread ----------------------------------------------------------------------------------------- */

/* Give some of what is in the store to the default pager, in the order in which it came. Returns whether there may be more. */
static bool launder(struct memory_object *store)
{
    for (unsigned i = 0; i < LAUNDER_MESSAGES && pager_pending(store) < PENDING_MAX; i++) {
        if (!vm_store_is_loaded(store) ||
            !memory_object_return_pages(store, &pageout.launder, UINT64_MAX, VM_PAGE_DIRTY, true))
            return false;
        if (pageout.launder == UINT64_MAX) {
            pageout.launder = 0;
            return false;
        }
    }
    return true;
}

static void pageout_step(struct thread *self);

/* Wait until something is wanted, unless it is already. */
static void pageout_idle(struct thread *self)
{
    spin_lock(&pageout.lock);
    if (!pageout.wanted) {
        pageout.waiting = true;
        thread_block(self, THREAD_WAIT_KERNEL, &pageout, pageout_step);
    }
    spin_unlock(&pageout.lock);
}

/* More pages must be free: do a little for it. Returns the time to wait until the next step, in milliseconds. */
static uint32_t pageout_work(struct memory_object *store)
{
    if (memory_object_uncache() || hand_step(store))
        pageout.futile = 0;
    if (pageout.reap)
        (void)cache_reap();
    pageout.reap = false;
    if (store != NULL)
        (void)launder(store);
    const uint64_t pending = store != NULL ? pager_pending(store) : 0;
    if (pageout.futile <= 2) /* one that only aged, and one whole one behind it */
        return pending >= PENDING_MAX ? AGAIN_MS : 0;
    pageout.futile = 0;
    if (pending > 0) /* the pager, which runs behind this thread, has something to do first */
        return AGAIN_MS;
    if (store != NULL)
        vm_store_wake(store, true);
    return HOPELESS_MS;
}

static void pageout_step(struct thread *self)
{
    spin_lock(&pageout.lock);
    pageout.wanted = false;
    spin_unlock(&pageout.lock);
    bool more = vm_store_clean();
    struct memory_object *store = vm_store_any();
    const bool usable = store != NULL && vm_store_is_usable(store);
    const uint64_t spare = vm_page_spare_count();
    const uint64_t pending = usable ? pager_pending(store) * RETURN_PAGES : 0;
    uint32_t ms = 0;

    if (store != NULL && (!usable || spare > 0))
        vm_store_wake(store, !usable);
    if (store != NULL && !usable)
        vm_store_retire(store);
    const bool enough = spare + pending >= 2 * pageout.kept;
    if (!enough)
        ms = pageout_work(usable ? store : NULL);
    else if (usable && launder(store)) /* what tasks at their limit took out */
        more = true;
    const bool behind = more && pending >= PENDING_MAX * RETURN_PAGES;
    const bool coming = enough && spare < 2 * pageout.kept; /* what is on its way comes free */
    if (behind || coming)
        ms = AGAIN_MS;
    if (store != NULL)
        memory_object_unref(store);
    if (ms > 0)
        thread_sleep(self, ms, pageout_step);
    else if (enough && !more)
        pageout_idle(self);
}

void vm_pageout_wake(void)
{
    spin_lock(&pageout.lock);
    const bool wake = pageout.waiting;
    pageout.waiting = false;
    pageout.wanted = true;
    spin_unlock(&pageout.lock);
    if (wake)
        thread_wakeup(pageout.thread, THREAD_AWAKENED);
}

void vm_pageout_set_marks(bool kept)
{
    vm_page_set_marks(kept ? pageout.kept : 0, 2 * pageout.kept);
    ledger_set_root_limit(!kept);
}

bool vm_pageout_is_privileged(void)
{
    const struct thread *self = thread_current();

    /* relaxed: it is about what comes after the call that set it */
    return self == NULL || self->kernel || __atomic_load_n(&self->task->map->privileged, __ATOMIC_RELAXED);
}

void vm_pageout_init_module(void) NO_THREAD_SAFETY_ANALYSIS
{
    spin_init(&pageout.lock, LOCK_RANK_PAGER);
    list_init(&pageout.maps);
}

void vm_pageout_start(void)
{
    const uint64_t part = vm_page_total_count() / KEPT_PART;

    pageout.kept = part < KEPT_MIN ? KEPT_MIN : part < KEPT_MAX ? part : KEPT_MAX;
    pageout.thread = thread_create_kernel("pageout", pageout_step, SCHED_PRIORITY_DEFAULT + 1);
    vm_pageout_set_marks(false);
}

/* --- calls ---------------------------------------------------------------------------------------------- */

kern_return_t host_set_task_privileged(host_priv_t host_priv, vm_map_t task, boolean_t privileged)
{
    (void)host_priv; /* who has it may do this */
    if (task == NULL)
        return KERN_INVALID_ARGUMENT;
    __atomic_store_n(&task->privileged, privileged != FALSE, __ATOMIC_RELAXED);
    return KERN_SUCCESS;
}
