/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store of anonymous memory that is out (vm_store.h).
 *
 * A page that several trees hold goes out once: while it is in the store's tree, page->out says what stands for it, and the next tree from
 * which it is taken gets that, too.  It is given back when only the store's tree holds it.  So page->out is not NULL exactly while
 * the page is in the store's tree by way of vm_store_park() or vm_store_page(), and the reference of that tree keeps every other holder
 * from writing to it: what stands for it says what is in it.
 *
 * Who pays: a page, while an object's tree holds it, is charged to whom that belongs; in the store alone to the kernel.  What stands
 * for it is charged to the object's payer.  It comes back whatever the limit: memory that was given is not taken away.
 *
 * The end of what stands for a page may come under any lock of an object, so that it is left to the kernel thread (vm_store_clean()).
 */
#include <ipc/kobject.h>
#include <kern/cache.h>
#include <mach/host_priv_server.h>
#include <mach/mach_types.h>
#include <mach/memory_object_default_kernel.h>
#include <vm/memory_object_i.h>
#include <vm/vm_pageout.h>
#include <vm/vm_stat.h>
#include <vm/vm_store.h>

#define CLEAN_PAGES 256u              /* in one step */
#define STORE_MAX (UINT64_C(1) << 62) /* bytes */
#define REQUESTS_MAX 16u /* pages that are asked for at a time: each needs one of those that are kept back */

/* What stands for a page that is out. */
struct vm_page_out {
    struct vm_page page;         /* refs, payer, state; link: of the list of those that were forgotten */
    struct memory_object *store; /* a reference; constant */
    uint64_t index;              /* in the store; constant */
    bool sent;                   /* the pager has it; under the lock of the store */
};

/* All under the lock of the store, but the constants. */
struct vm_store {
    struct memory_object *object; /* constant */
    struct ipc_port *manager;     /* constant: a send right */
    uint64_t limit;               /* constant: pages that it has room for */
    uint64_t count;      /* pages that have a number, until the pager was told that nobody needs them */
    uint64_t next;       /* the number of the next one */
    struct list waiters; /* struct thread.wait_link: for memory */
    struct list askers;  /* the same: until fewer pages are asked for */
};

static struct cache out_cache;
static struct cache store_cache;

static struct {
    spinlock_t lock;                              /* rank LOCK_RANK_PAGER */
    struct memory_object *store GUARDED_BY(lock); /* a reference, or NULL */
    struct list forgotten GUARDED_BY(lock);       /* struct vm_page_out.page.link */
} stores;

void vm_store_init_module(void) NO_THREAD_SAFETY_ANALYSIS
{
    cache_init(&out_cache, "vm_page_out", sizeof(struct vm_page_out), 8);
    cache_init(&store_cache, "vm_store", sizeof(struct vm_store), 8);
    spin_init(&stores.lock, LOCK_RANK_PAGER);
    list_init(&stores.forgotten);
}

static struct vm_page_out *out_of(struct vm_page *page)
{
    return CONTAINER_OF(page, struct vm_page_out, page);
}

/* --- the default pager ---------------------------------------------------------------------------------- */

struct memory_object *vm_store_any(void)
{
    spin_lock(&stores.lock);
    struct memory_object *store = stores.store;
    if (store != NULL)
        memory_object_ref(store);
    spin_unlock(&stores.lock);
    return store;
}

/* relaxed: it may fail at any time */
bool vm_store_is_usable(const struct memory_object *store)
{
    return __atomic_load_n(&store->state, __ATOMIC_RELAXED) == MEMORY_OBJECT_READY;
}

struct ipc_port *vm_store_manager(void)
{
    struct memory_object *store = vm_store_any();

    if (store == NULL)
        return IPC_PORT_NULL;
    struct ipc_port *manager = ipc_port_copy_send(store->store->manager);
    memory_object_unref(store);
    return IPC_PORT_VALID(manager) ? manager : IPC_PORT_NULL;
}

/* An object for `manager`, and the message about it; NULL without memory. */
static struct memory_object *store_create(struct ipc_port *manager, uint64_t size, struct ipc_kmsg **create)
{
    struct ledger_account *payer = &ledger_kernel.memory;
    struct vm_store *store = cache_alloc(&store_cache);
    struct ipc_port *port = ipc_port_alloc(payer);
    struct memory_object *object = NULL;

    *create = memory_object_message(sizeof(__Request__memory_object_create_t), payer);
    if (store != NULL && port != NULL && *create != NULL)
        object = memory_object_create(ipc_port_make_send(port), payer);
    if (object == NULL) {
        if (*create != NULL)
            ipc_kmsg_free(*create);
        if (port != NULL)
            ipc_port_destroy(port);
        if (store != NULL)
            cache_free(&store_cache, store);
        return NULL;
    }
    *store = (struct vm_store){.object = object, .manager = manager, .limit = size >> PAGE_SHIFT};
    list_init(&store->waiters);
    list_init(&store->askers);
    object->store = store;
    struct mig_kernel_message m = memory_object_fill(*create, 3);
    memory_object_create_request(&m, port, size, ipc_port_make_send(object->control),
                                 ipc_port_make_send(object->name), PAGE_SIZE);
    return object;
}

void vm_store_free(struct vm_store *store)
{
    if (IPC_PORT_VALID(store->manager))
        ipc_port_release_send(store->manager);
    cache_free(&store_cache, store);
}

/* Put `store` in place of one that is dead, and of which nobody needs a page. *old: that, with its reference. */
static bool store_replace(struct memory_object *store, struct memory_object **old)
{
    struct memory_object *before = vm_store_any();
    bool done = false;
    bool free = true;

    if (before != NULL) {
        spin_lock(&before->object->lock);
        free = before->state == MEMORY_OBJECT_FAILED && before->store->count == 0;
        spin_unlock(&before->object->lock);
    }
    if (free) {
        spin_lock(&stores.lock);
        done = stores.store == before;
        if (done)
            stores.store = store;
        spin_unlock(&stores.lock);
    }
    if (before != NULL)
        memory_object_unref(before);
    *old = done ? before : NULL;
    return done;
}

kern_return_t vm_store_set(struct ipc_port *manager, uint64_t size)
{
    struct ipc_kmsg *create;
    struct memory_object *old;
    struct memory_object *store = store_create(manager, size, &create);

    if (store == NULL)
        return KERN_RESOURCE_SHORTAGE;
    if (!store_replace(store, &old)) {
        memory_object_unwatch(store);
        ipc_kmsg_destroy(create);
        store->store->manager = IPC_PORT_NULL; /* it stays the caller's */
        memory_object_unref(store);
        return KERN_FAILURE;
    }
    if (old != NULL) {
        memory_object_unwatch(old);
        memory_object_unref(old);
    }
    vm_pageout_set_marks(true);
    memory_object_pass(manager, create);
    return KERN_SUCCESS;
}

void vm_store_retire(struct memory_object *store)
{
    spin_lock(&store->object->lock);
    const bool idle = store->state == MEMORY_OBJECT_FAILED && store->store->count == 0;
    spin_unlock(&store->object->lock);
    if (!idle)
        return;
    spin_lock(&stores.lock);
    const bool mine = stores.store == store;
    if (mine)
        stores.store = NULL;
    spin_unlock(&stores.lock);
    if (mine) {
        memory_object_unwatch(store);
        memory_object_unref(store);
    }
}

/* --- what stands for a page ----------------------------------------------------------------------------- */

/* One more reference, unless the last one has gone. acquire: as ref_put() */
static bool out_ref(struct vm_page *out)
{
    uint64_t refs = __atomic_load_n(&out->refs, __ATOMIC_RELAXED);

    while (refs != 0) {
        if (__atomic_compare_exchange_n(&out->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* The page, which is in the store's tree, leaves it. */
static void store_remove(struct memory_object *store, uint64_t index, struct vm_page *page)
    REQUIRES(store->object->lock)
{
    page->out = NULL;
    page->pager_flags = 0;
    bool removed = vm_radix_remove(&store->object->pages, index, index + 1);
    KASSERT(removed); /* the tree is never shared */
    (void)removed;
}

/* Something new that stands for `page`, which gets a number; one reference. NULL: the store is full, or no memory. */
static struct vm_page *out_create(struct memory_object *store, struct vm_page *page,
                                  struct ledger_account *payer) REQUIRES(store->object->lock)
{
    struct vm_store *s = store->store;
    struct vm_page_out *out = s->count < s->limit ? cache_alloc(&out_cache) : NULL;
    struct vm_page *old;

    if (out == NULL)
        return NULL;
    vm_page_ref(page);
    if (!vm_radix_insert(&store->object->pages, s->next, page, false, &old)) {
        vm_page_unref(page);
        cache_free(&out_cache, out);
        return NULL;
    }
    if (old != NULL)
        vm_page_unref(old); /* the pager supplied what nobody asked for */
    ledger_charge_forced(payer, sizeof(*out));
    *out = (struct vm_page_out){.store = store, .index = s->next};
    out->page = (struct vm_page){.refs = 1, .payer = payer, .state = VM_PAGE_OUT};
    list_init(&out->page.link);
    memory_object_ref(store);
    s->next++;
    s->count++;
    page->pager_flags = VM_PAGE_DIRTY;
    page->out = &out->page;
    return &out->page;
}

/* `by` pays for the page from now on. */
static void page_set_payer(struct vm_page *page, struct ledger_account *by)
{
    ledger_charge_forced(by, PAGE_SIZE);
    ledger_uncharge(page->payer, PAGE_SIZE);
    page->payer = by;
}

bool vm_store_park(struct memory_object *store, struct vm_object *object, uint64_t index,
                   struct vm_page *page)
{
    struct vm_page *old = NULL;

    spin_lock(&store->object->lock);
    struct vm_page *out = page->out;
    if (out != NULL && !out_ref(out)) {
        store_remove(store, out_of(out)->index, page);
        out = NULL;
    }
    if (out == NULL)
        out = out_create(store, page, object->pages.payer);
    if (out != NULL && !vm_radix_insert(&object->pages, index, out, false, &old))
        vm_page_unref(out);
    if (old != NULL && __atomic_load_n(&page->refs, __ATOMIC_RELAXED) == 2) /* ours, and the store's */
        page_set_payer(page, &ledger_kernel.memory);
    spin_unlock(&store->object->lock);
    if (old == NULL)
        return false;
    vm_page_unref(old);
    return true;
}

bool vm_store_is_parked(const struct memory_object *pager, const struct vm_page *page)
{
    return pager->store != NULL && vm_page_is_shared(page);
}

void vm_store_leaves(struct vm_page *page, bool sent, bool kept)
{
    if (sent && page->out != NULL)
        out_of(page->out)->sent = true;
    if (!kept)
        page->out = NULL;
}

bool vm_store_is_loaded(struct memory_object *store)
{
    spin_lock(&store->object->lock);
    const bool loaded = store->object->pages.root != NULL;
    spin_unlock(&store->object->lock);
    return loaded;
}

/* --- the way back --------------------------------------------------------------------------------------- */

/* Are as many pages asked for as may be? */
static bool requests_are_full(const struct memory_object *store) REQUIRES(store->object->lock)
{
    unsigned requests = 0;

    LIST_FOR_EACH(node, &store->requests)
    requests++;
    return requests >= REQUESTS_MAX;
}

/* The page that `out` stands for is missing: ask for it, or wait until others have been answered. */
static kern_return_t page_missing(struct memory_object *store, uint64_t index, struct vm_object_fill *fill)
    REQUIRES(store->object->lock)
{
    if (requests_are_full(store) && page_request_find(store, index) == NULL)
        index = MEMORY_OBJECT_ANY_REQUEST;
    return memory_object_ask(store, index, VM_OBJECT_READ, fill);
}

/* Put the page that *page stands for in its place. */
static kern_return_t page_fetch(struct vm_object *object, uint64_t index, struct vm_page *out,
                                struct vm_object_fill *fill) REQUIRES(object->lock)
{
    struct memory_object *store = out_of(out)->store;
    const uint64_t there = out_of(out)->index;
    struct vm_page *old;
    bool own;

    spin_lock(&store->object->lock);
    struct vm_page *page = vm_radix_find(&store->object->pages, there, false, &own);
    if (page == NULL) {
        kern_return_t kr = page_missing(store, there, fill);
        spin_unlock(&store->object->lock);
        return kr;
    }
    vm_page_ref(page);
    const bool done = vm_radix_insert(&object->pages, index, page, false, &old);
    if (done) {
        if (own)
            page_set_payer(page, object->pages.payer);
        /* acquire: who dropped it before has done so */
        if (__atomic_load_n(&out->refs, __ATOMIC_ACQUIRE) == 1)
            store_remove(store, there, page); /* ours is the last one that stands for it */
        else
            page->out = out;
    }
    spin_unlock(&store->object->lock);
    vm_page_unref(done ? out : page);
    return done ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

kern_return_t vm_store_page(struct vm_object *object, uint64_t index, enum vm_object_access access,
                            bool writable, const struct vm_map_entry *mapper, struct vm_object_fill *fill,
                            struct vm_page **page, bool *own)
{
    kern_return_t kr = page_fetch(object, index, *page, fill);

    if (kr != KERN_SUCCESS)
        return kr;
    *page = vm_radix_find(&object->pages, index, writable, own);
    if (*own || access == VM_OBJECT_READ)
        return KERN_SUCCESS;
    *own = true;
    return vm_object_put_page(object, index, writable, mapper, fill, page);
}

/* --- what nobody needs any more -------------------------------------------------------------------------- */

void vm_store_forget(struct vm_page *page)
{
    spin_lock(&stores.lock);
    list_insert_tail(&stores.forgotten, &page->link);
    spin_unlock(&stores.lock);
    vm_pageout_wake();
}

/* The first of those that were forgotten; with a run of them, only if it is the next page of the same store. NULL: none. */
static struct vm_page_out *out_next(const struct vm_page_out *before)
{
    spin_lock(&stores.lock);
    struct list *first = list_first(&stores.forgotten);
    struct vm_page_out *out = first != NULL ? out_of(CONTAINER_OF(first, struct vm_page, link)) : NULL;
    if (out != NULL && before != NULL && (out->store != before->store || out->index != before->index + 1))
        out = NULL;
    if (out != NULL)
        list_remove(first);
    spin_unlock(&stores.lock);
    return out;
}

/* Its page leaves the store's tree, if it is there, and its number is free. Returns whether the pager has it. */
static bool out_end(struct vm_page_out *out)
{
    struct memory_object *store = out->store;
    bool own;

    spin_lock(&store->object->lock);
    struct vm_page *page = vm_radix_find(&store->object->pages, out->index, false, &own);
    if (page != NULL)
        store_remove(store, out->index, page);
    const bool sent = out->sent;
    store->store->count--;
    spin_unlock(&store->object->lock);
    ledger_uncharge(out->page.payer, sizeof(*out));
    return sent;
}

static void out_free(struct vm_page_out *out)
{
    memory_object_unref(out->store);
    cache_free(&out_cache, out);
}

bool vm_store_clean(void)
{
    struct ipc_kmsg *kmsg =
        memory_object_message(sizeof(__Request__memory_object_data_terminate_t), &ledger_kernel.memory);
    struct vm_page_out *out = kmsg != NULL ? out_next(NULL) : NULL;
    struct vm_page_out *next;
    uint64_t count = 1;

    if (out == NULL) {
        if (kmsg != NULL)
            ipc_kmsg_free(kmsg);
        return false;
    }
    const uint64_t first = out->index;
    bool sent = out_end(out);
    for (; count < CLEAN_PAGES && (next = out_next(out)) != NULL; out = next, count++) {
        sent |= out_end(next);
        out_free(out);
    }
    if (sent) {
        struct mig_kernel_message m = memory_object_fill(kmsg, 1);
        memory_object_data_terminate_request(&m, ipc_port_make_send(out->store->control), first << PAGE_SHIFT,
                                             count << PAGE_SHIFT);
        memory_object_send(out->store, kmsg);
    } else {
        ipc_kmsg_free(kmsg);
    }
    out_free(out);
    return true;
}

/* --- waiting for memory ---------------------------------------------------------------------------------- */

/* All who wait in the list wake up. */
static void waiters_wake(struct list *waiters, enum thread_wait_result result)
{
    struct list *waiter;

    while ((waiter = list_pop(waiters)) != NULL)
        thread_wakeup(CONTAINER_OF(waiter, struct thread, wait_link), result);
}

struct list *vm_store_waiters(struct vm_store *store, uint64_t index) NO_THREAD_SAFETY_ANALYSIS
{
    if (index == MEMORY_OBJECT_ANY_PAGE)
        return &store->waiters;
    return requests_are_full(store->object) ? &store->askers : NULL;
}

void vm_store_answered(struct vm_store *store)
{
    waiters_wake(&store->askers, THREAD_AWAKENED);
}

void vm_store_fill_wait(struct memory_object *store, struct vm_object_fill *fill)
{
    fill->paged = store;
    fill->index = MEMORY_OBJECT_ANY_PAGE;
    fill->access = VM_PROT_READ;
}

bool vm_store_wait(struct vm_object_fill *fill)
{
    struct memory_object *store = vm_store_any();

    if (store == NULL)
        return false;
    if (!vm_store_is_usable(store)) {
        memory_object_unref(store);
        return false;
    }
    vm_store_fill_wait(store, fill);
    return true;
}

void vm_store_failed(void)
{
    vm_pageout_set_marks(false);
    vm_pageout_wake();
}

void vm_store_wake(struct memory_object *store, bool fail)
{
    spin_lock(&store->object->lock);
    waiters_wake(&store->store->waiters, fail ? THREAD_OBJECT_DEAD : THREAD_AWAKENED);
    spin_unlock(&store->object->lock);
}

/* --- calls ------------------------------------------------------------------------------------------------ */

kern_return_t host_default_memory_manager(host_priv_t host_priv, mach_port_t *default_manager,
                                          mach_vm_size_t store_size)
{
    struct ipc_port *port = *default_manager;
    struct ipc_port *before = vm_store_manager();
    kern_return_t kr = KERN_SUCCESS;

    (void)host_priv; /* who has it may do this */
    if (port == IPC_PORT_DEAD || (port != IPC_PORT_NULL && ipc_port_kotype(port) != IPC_KOTYPE_NONE) ||
        (port != IPC_PORT_NULL && (store_size < PAGE_SIZE || store_size > STORE_MAX)))
        kr = KERN_INVALID_ARGUMENT;
    else if (port != IPC_PORT_NULL)
        kr = vm_store_set(port, store_size);
    if (kr == KERN_SUCCESS)
        *default_manager = before;
    else if (IPC_PORT_VALID(before))
        ipc_port_release_send(before);
    return kr;
}
