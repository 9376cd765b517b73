/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on memory that pagers provide.
 *
 * A page that is not there: the thread that misses it gets a request, for which memory is taken with no lock held.  It can't wait where
 * the page was missed: it has a stack to leave first, with all that was done there undone, and a continuation that does it again.  So
 * the page and the request are noted in the thread.  When it waits, and nobody has asked for the page yet, the request goes to the
 * object, where it holds the threads that wait, and only then the pager is told: no answer can come before the thread waits for it.
 *
 * A thread whose wait failed keeps the note: so the next try for that page fails instead of waiting again.
 */
#include <hal/hal.h>
#include <ipc/kernel_give.h>
#include <ipc/kobject.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/ref.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/memory_object_kernel.h>
#include <mach/vm_behavior.h>
#include <mach/vm_param.h>
#include <vm/memory_object_i.h>
#include <vm/vm_pageout.h>
#include <vm/vm_store.h>

#define REQUEST_SIZE ((uint32_t)sizeof(__Request__memory_object_data_request_t))
_Static_assert(sizeof(__Request__memory_object_data_unlock_t) == REQUEST_SIZE, "either fits");

static struct cache request_cache;
static uint32_t wait_ms; /* atomic; 0: no limit */

void memory_object_fault_init_module(void)
{
    cache_init(&request_cache, "page_request", sizeof(struct page_request), 8);
}

void memory_object_set_timeout(uint32_t ms)
{
    __atomic_store_n(&wait_ms, ms, __ATOMIC_RELAXED);
}

/* --- requests ------------------------------------------------------------------------------------------- */

/* size: of its message; 0: there is none yet. */
struct page_request *page_request_create(uint64_t index, uint32_t count, vm_prot_t access, uint32_t size)
{
    struct ledger *ledger = thread_current()->task->ledger;

    if (!ledger_charge(&ledger->memory, sizeof(struct page_request)))
        return NULL;
    struct page_request *request = cache_alloc(&request_cache);
    struct ipc_kmsg *kmsg =
        request == NULL || size == 0 ? NULL : memory_object_message(size, &ledger->messages);
    if (request == NULL || (kmsg == NULL && size != 0)) {
        if (request != NULL)
            cache_free(&request_cache, request);
        ledger_uncharge(&ledger->memory, sizeof(*request));
        return NULL;
    }
    *request = (struct page_request){
        .index = index, .count = count, .access = access, .message = kmsg, .payer = &ledger->memory};
    list_init(&request->waiters);
    return request;
}

/* As many of the pages as are missing, and nobody has asked for. Context: the object is locked. */
static void request_trim(struct page_request *request, const struct memory_object *pager)
    REQUIRES(pager->object->lock)
{
    uint32_t count = 1;
    bool own;

    while (count < request->count && page_request_find(pager, request->index + count) == NULL &&
           vm_radix_find(&pager->object->pages, request->index + count, false, &own) == NULL)
        count++;
    request->count = count;
}

/*
 * What its message says: the pages are to be supplied, or (there) the first is to be unlocked.  control: the right in it.
 * Context: the object is locked.
 */
static void request_fill(struct page_request *request, const struct memory_object *pager, bool there,
                         struct mig_kernel_message *m, struct ipc_port *control) REQUIRES(pager->object->lock)
{
    const uint64_t offset = request->index << PAGE_SHIFT;

    if (there)
        request->count = 1;
    else if (request->count > 1)
        request_trim(request, pager);
    if (there)
        memory_object_data_unlock_request(m, control, offset, PAGE_SIZE, request->access);
    else
        memory_object_data_request_request(m, control, offset, (uint64_t)request->count << PAGE_SHIFT,
                                           request->access);
}

static void request_free(struct page_request *request)
{
    if (request->message != NULL)
        ipc_kmsg_destroy(request->message);
    ledger_uncharge(request->payer, sizeof(*request));
    cache_free(&request_cache, request);
}

struct page_request *page_request_find(const struct memory_object *pager, uint64_t index)
{
    LIST_FOR_EACH(node, &pager->requests)
    {
        struct page_request *request = CONTAINER_OF(node, struct page_request, link);
        if (index - request->index < request->count)
            return request;
    }
    return NULL;
}

/*
 * Those who wait for a page from `first` on are woken: with `result` below `end`; behind it they try again.  But one of them if `keep`: that is
 * the caller's to wake, *keep, unless there is one already.
 */
static void waiters_wake(struct page_request *request, uint64_t first, uint64_t end,
                         enum thread_wait_result result, struct thread **keep)
{
    LIST_FOR_EACH_SAFE(node, &request->waiters)
    {
        struct thread *waiter = CONTAINER_OF(node, struct thread, wait_link);

        if (waiter->page.index < first)
            continue;
        list_remove(node);
        if (keep != NULL && *keep == NULL)
            *keep = waiter;
        else
            thread_wakeup(waiter, waiter->page.index < end ? result : THREAD_AWAKENED);
    }
}

/* What was asked for ends where the answer begins: who waits for more asks again. */
static void requests_answer(struct memory_object *pager, uint64_t first, uint64_t end,
                            enum thread_wait_result result, struct thread **keep)
{
    LIST_FOR_EACH_SAFE(node, &pager->requests)
    {
        struct page_request *request = CONTAINER_OF(node, struct page_request, link);

        if (first >= request->index + request->count || end <= request->index)
            continue;
        if (first > request->index) {
            request->count = (uint32_t)(first - request->index);
            waiters_wake(request, first, end, result, keep);
        } else {
            list_remove(&request->link);
            waiters_wake(request, 0, end, result, keep);
            request_free(request);
        }
    }
    if (pager->store != NULL)
        vm_store_answered(pager->store);
}

void page_request_end(struct page_request *request, enum thread_wait_result result)
{
    list_remove(&request->link);
    waiters_wake(request, 0, UINT64_MAX, result, NULL);
    request_free(request);
}

void page_requests_answer(struct memory_object *pager, uint64_t first, uint64_t end,
                          enum thread_wait_result result)
{
    requests_answer(pager, first, end, result, NULL);
}

void page_requests_supplied(struct memory_object *pager, uint64_t first, uint64_t end, struct thread **waiter)
{
    requests_answer(pager, first, end, THREAD_AWAKENED, waiter);
}

void page_request_fail(struct memory_object *pager, uint64_t first, uint64_t end)
{
    spin_lock(&pager->object->lock);
    page_requests_answer(pager, first, end, THREAD_OBJECT_DEAD);
    spin_unlock(&pager->object->lock);
}

bool page_request_first(struct memory_object *pager, uint64_t first, uint64_t end, uint64_t *index)
{
    *index = end;
    spin_lock(&pager->object->lock);
    LIST_FOR_EACH(node, &pager->requests)
    {
        const struct page_request *request = CONTAINER_OF(node, struct page_request, link);
        LIST_FOR_EACH(link, &request->waiters)
        {
            const uint64_t page = CONTAINER_OF(link, struct thread, wait_link)->page.index;
            if (page >= first && page < *index)
                *index = page;
        }
    }
    spin_unlock(&pager->object->lock);
    return *index < end;
}

/* The request's message, if it is not sent yet and can be. Context: the object is locked. */
static struct ipc_kmsg *request_message(const struct memory_object *pager, struct page_request *request)
{
    struct ipc_kmsg *message = request->message;

    if (message == NULL || pager->state != MEMORY_OBJECT_READY)
        return NULL;
    request->message = NULL;
    memory_object_address(pager->pager, message);
    return message;
}

/* The first message of a list of requests that was not sent yet, and can be; or NULL. */
static struct ipc_kmsg *unsent_message(const struct memory_object *pager, const struct list *requests)
{
    LIST_FOR_EACH(node, requests)
    {
        struct ipc_kmsg *kmsg = request_message(pager, CONTAINER_OF(node, struct page_request, link));
        if (kmsg != NULL)
            return kmsg;
    }
    return NULL;
}

void page_requests_send(struct memory_object *pager)
{
    struct ipc_kmsg *kmsg;

    do {
        spin_lock(&pager->object->lock);
        kmsg = unsent_message(pager, &pager->requests);
        if (kmsg == NULL)
            kmsg = unsent_message(pager, &pager->syncs);
        spin_unlock(&pager->object->lock);
        if (kmsg != NULL)
            memory_object_post(kmsg, false);
    } while (kmsg != NULL);
}

/* --- pages ---------------------------------------------------------------------------------------------- */

static vm_prot_t access_of(enum vm_object_access access)
{
    return access == VM_OBJECT_WRITE ? VM_PROT_READ | VM_PROT_WRITE : VM_PROT_READ;
}

/* Something is to be done about the page at `index` first, without locks. */
static kern_return_t page_ask(struct memory_object *pager, uint64_t index, enum vm_object_access access,
                              struct vm_object_fill *fill)
{
    memory_object_ref(pager);
    fill->paged = pager;
    fill->index = index;
    fill->count = 1;
    fill->access = access_of(access);
    return KERN_PAGE_WAIT;
}

#define SEQUENTIAL_PAGES 16u /* asked for at once where accesses go on */

/* How many pages are worth asking for, from number `index` of its object on, where `mapper` (or NULL) maps them. */
static uint32_t pages_ahead(const struct memory_object *pager, const struct vm_map_entry *mapper,
                            uint64_t index)
{
    uint32_t count = pager->cluster;

    if (mapper == NULL || mapper->behavior == VM_BEHAVIOR_RANDOM)
        return 1;
    if (mapper->behavior == VM_BEHAVIOR_SEQUENTIAL && count < SEQUENTIAL_PAGES)
        count = SEQUENTIAL_PAGES;
    const uint64_t left = (mapper->offset + (mapper->end - mapper->start)) / PAGE_SIZE - index;
    return left < count ? (uint32_t)left : count;
}

/* It is missing, or its pager does not let the access through. count: as of pages_ahead(). */
static kern_return_t page_miss(struct memory_object *pager, uint64_t index, enum vm_object_access access,
                               uint32_t count, struct vm_object_fill *fill)
{
    if (pager->state == MEMORY_OBJECT_FAILED)
        return KERN_MEMORY_ERROR;
    (void)page_ask(pager, index, access, fill);
    fill->count = count;
    return KERN_PAGE_WAIT;
}

kern_return_t memory_object_ask(struct memory_object *pager, uint64_t index, enum vm_object_access access,
                                struct vm_object_fill *fill)
{
    return page_miss(pager, index, access, 1, fill);
}

/* A page of an object with a pager. */
static kern_return_t pager_page(struct vm_object *object, uint64_t index, enum vm_object_access access,
                                bool writable, const struct vm_map_entry *mapper, struct vm_object_fill *fill,
                                struct vm_page **page, bool *own) REQUIRES(object->lock)
{
    *page = vm_radix_find(&object->pages, index, false, own);
    if (*page == NULL || !memory_object_allows(*page, access_of(access)))
        return page_miss(object->pager, index, access, pages_ahead(object->pager, mapper, index), fill);
    if (access == VM_OBJECT_READ) {
        *own = false; /* so that the first write is noticed */
        return KERN_SUCCESS;
    }
    if (((*page)->pager_flags & VM_PAGE_GIVEN) == 0 && !list_empty(&object->pager->copies)) {
        (void)page_ask(object->pager, index, access, fill);
        fill->access = VM_PROT_NONE;
        return KERN_PAGE_WAIT;
    }
    if (*own) {
        if (writable)
            (void)vm_radix_find(&object->pages, index, true, own);
    } else {
        const uint8_t flags = (*page)->pager_flags;
        *own = true;
        kern_return_t kr = vm_object_put_page(object, index, writable, mapper, fill, page);
        if (kr != KERN_SUCCESS || *page == NULL)
            return kr;
        (*page)->pager_flags = flags | VM_PAGE_GIVEN; /* the copies have the one that it replaced */
    }
    (*page)->pager_flags |= VM_PAGE_DIRTY;
    return KERN_SUCCESS;
}

/* The page of a source, for a copy: the same, which nobody may write any more, or another if it is wired. NULL without memory. */
static inline __attribute__((always_inline)) struct vm_page *page_for_copy(struct vm_object *source,
                                                                           uint64_t index,
                                                                           struct vm_page *page,
                                                                           struct ledger_account *payer)
    REQUIRES(source->lock)
{
    if (!vm_object_is_wired(source, index, index + 1)) {
        vm_object_protect(source, index, index + 1);
        vm_page_ref(page);
        return page;
    }
    struct vm_page *fresh = vm_object_alloc_page(payer, false);
    if (fresh != NULL)
        memcpy(vm_page_address(fresh), vm_page_address(page), PAGE_SIZE);
    return fresh;
}

/* A copy has no page at `index`: it gets the source's.  Inlined, as the others here: the stack is deep where they are called. */
static inline __attribute__((always_inline)) kern_return_t copy_pull(struct vm_object *object, uint64_t index,
                                                                     const struct vm_map_entry *mapper,
                                                                     struct vm_object_fill *fill,
                                                                     struct vm_page **page)
    REQUIRES(object->lock)
{
    struct vm_object *source = object->source;
    const uint64_t there = object->source_index + index;
    struct vm_page *taken = NULL;
    struct vm_page *old;
    bool own;

    spin_lock(&source->lock);
    *page = vm_radix_find(&source->pages, there, false, &own);
    if (*page == NULL || !memory_object_allows(*page, VM_PROT_READ)) {
        *page = NULL;
        kern_return_t kr =
            page_miss(source->pager, there, VM_OBJECT_READ, pages_ahead(source->pager, mapper, index), fill);
        spin_unlock(&source->lock);
        return kr;
    }
    taken = page_for_copy(source, there, *page, object->pages.payer);
    spin_unlock(&source->lock);
    *page = taken;
    if (taken != NULL && vm_radix_insert(&object->pages, index, taken, false, &old))
        return KERN_SUCCESS;
    if (taken != NULL)
        vm_page_unref(taken);
    return KERN_RESOURCE_SHORTAGE;
}

static inline __attribute__((always_inline)) kern_return_t
source_page(struct vm_object *object, uint64_t index, enum vm_object_access access, bool writable,
            const struct vm_map_entry *mapper, struct vm_object_fill *fill, struct vm_page **page, bool *own)
    REQUIRES(object->lock)
{
    *page = vm_radix_find(&object->pages, index, writable, own);
    if (*page == NULL) {
        kern_return_t kr = copy_pull(object, index, mapper, fill, page);
        if (kr != KERN_SUCCESS)
            return kr;
        *own = false;
    }
    if (vm_page_is_out(*page))
        return vm_store_page(object, index, access, writable, mapper, fill, page, own);
    if (*own || access == VM_OBJECT_READ)
        return KERN_SUCCESS;
    *own = true;
    return vm_object_put_page(object, index, writable, mapper, fill, page);
}

kern_return_t memory_object_page(struct vm_object *object, uint64_t index, enum vm_object_access access,
                                 bool writable, const struct vm_map_entry *mapper,
                                 struct vm_object_fill *fill, struct vm_page **page, bool *own)
{
    return object->pager != NULL ? pager_page(object, index, access, writable, mapper, fill, page, own)
                                 : source_page(object, index, access, writable, mapper, fill, page, own);
}

/* --- copies --------------------------------------------------------------------------------------------- */

/* Let a copy have the page of its source at `there`, if it shows that and has none of its own. Returns false without memory. */
static bool copy_give(struct vm_object *copy, uint64_t there)
{
    struct vm_object_fill fill = {.fresh = NULL};
    const uint64_t index = there - copy->source_index;
    kern_return_t kr = KERN_SUCCESS;
    struct vm_page *page;
    bool own;

    if (there < copy->source_index)
        return true;
    spin_lock(&copy->lock);
    if (vm_radix_find(&copy->pages, index, false, &own) == NULL)
        kr = copy_pull(copy, index, NULL, &fill, &page);
    spin_unlock(&copy->lock);
    if (kr == KERN_PAGE_WAIT) /* the source has lost it meanwhile */
        memory_object_unref(fill.paged);
    return kr != KERN_RESOURCE_SHORTAGE;
}

/* The copy behind `copy` (NULL: the first), with a reference in place of that one's; NULL: the page is marked, there is none. */
static struct vm_object *copy_next(struct memory_object *pager, struct vm_object *copy, uint64_t index)
{
    struct vm_object *object = pager->object;
    struct vm_object *next = NULL;
    bool own;

    spin_lock(&object->lock);
    struct list *node = copy != NULL ? copy->copy_link.next : pager->copies.next;
    if (node != &pager->copies) {
        next = CONTAINER_OF(node, struct vm_object, copy_link);
        vm_object_ref(next);
    } else {
        struct vm_page *page = vm_radix_find(&object->pages, index, false, &own);
        if (page != NULL)
            page->pager_flags |= VM_PAGE_GIVEN;
    }
    spin_unlock(&object->lock);
    if (copy != NULL)
        vm_object_unref(copy);
    return next;
}

/*
 * The page at `index` is about to be changed: all copies that have it not yet get it.  Copies that are made meanwhile are behind the
 * others, or have the page from the start.
 */
static kern_return_t page_give(struct memory_object *pager, uint64_t index)
{
    struct vm_object *copy = NULL;

    while ((copy = copy_next(pager, copy, index)) != NULL) {
        if (!copy_give(copy, index)) {
            vm_object_unref(copy);
            return KERN_RESOURCE_SHORTAGE;
        }
    }
    return KERN_SUCCESS;
}

/* --- asking and waiting --------------------------------------------------------------------------------- */

void memory_object_wait_cancel(struct thread *self)
{
    struct memory_object *pager = self->page.pager;
    struct page_request *request = self->page.request;

    self->page.pager = NULL;
    self->page.request = NULL;
    self->page.sync = false;
    self->page.result = KERN_SUCCESS;
    if (request != NULL)
        request_free(request);
    if (pager != NULL)
        memory_object_unref(pager);
}

void page_request_note(struct memory_object *pager, struct page_request *request, bool sync)
{
    struct thread *self = thread_current();

    memory_object_wait_cancel(self);
    self->page.pager = pager;
    self->page.index = request->index;
    self->page.request = request;
    self->page.sync = sync;
}

/* A guess: can the pager be given a request without a message object? relaxed: request_begin() looks again. */
static bool pager_waits(const struct memory_object *pager)
{
    return __atomic_load_n(&pager->state, __ATOMIC_RELAXED) == MEMORY_OBJECT_READY &&
           ipc_kernel_server_waits(pager->pager, REQUEST_SIZE);
}

kern_return_t memory_object_resolve_read(struct vm_object_fill *fill)
{
    struct thread *self = thread_current();
    struct memory_object *pager = fill->paged;
    const bool noted = self->page.pager == pager && self->page.index == fill->index && !self->page.sync;
    kern_return_t kr = KERN_PAGE_WAIT;

    if (noted && self->page.result != KERN_SUCCESS) {
        kr = self->page.result;
        memory_object_wait_cancel(self);
    } else if (fill->index >= MEMORY_OBJECT_ANY_REQUEST) {
        memory_object_wait_cancel(self);
        self->page.pager = pager; /* with the reference */
        self->page.index = fill->index;
        self->page.sync = false;
        return KERN_PAGE_WAIT;
    } else if (!noted || self->page.request == NULL || self->page.request->access != fill->access) {
        struct page_request *request = page_request_create(fill->index, fill->count, fill->access,
                                                           pager_waits(pager) ? 0 : REQUEST_SIZE);
        if (request != NULL) {
            page_request_note(pager, request, false);
            return KERN_PAGE_WAIT;
        }
        kr = KERN_RESOURCE_SHORTAGE;
    }
    memory_object_unref(pager);
    return kr;
}

kern_return_t memory_object_resolve(struct vm_object_fill *fill)
{
    struct memory_object *pager = fill->paged;

    if (fill->access != VM_PROT_NONE)
        return memory_object_resolve_read(fill);
    kern_return_t kr = page_give(pager, fill->index);
    memory_object_unref(pager);
    return kr;
}

/* What was given back is to be safe. NULL: there is nothing to wait for. Context: the object is locked. */
static struct page_request *sync_enter(struct memory_object *pager, struct page_request *mine)
{
    if (mine == NULL)
        return NULL;
    if (pager->state < MEMORY_OBJECT_FAILED) {
        memory_object_sync_fill(pager, mine);
        list_insert_tail(&pager->syncs, &mine->link);
        return mine;
    }
    request_free(mine);
    return NULL;
}

/*
 * Self's request is the object's.  A pager that waits on this CPU is taken, *server, and will be given what it says; else it has a
 * message.  Returns false: neither.
 * Context: the object is locked.
 */
static bool request_begin(struct memory_object *pager, struct page_request *mine, bool there,
                          struct ipc_kernel_server *server) REQUIRES(pager->object->lock)
{
    struct mig_kernel_message m;

    if (mine->message != NULL) {
        m = memory_object_fill(mine->message, 1);
        request_fill(mine, pager, there, &m, ipc_port_make_send(pager->control));
    } else if (pager->state == MEMORY_OBJECT_READY &&
               ipc_kernel_server_take(pager->pager, pager->control, REQUEST_SIZE, server)) {
        m = ipc_kernel_server_message(server);
        request_fill(mine, pager, there, &m, server->right);
    } else {
        return false;
    }
    list_insert_tail(&pager->requests, &mine->link);
    return true;
}

/*
 * What holds those who wait for the page that self has noted: with self's own request if nobody has asked for it yet; else that is gone.
 * NULL: there is nothing to wait for, or the request could not be told and is to be made again.
 * server: as of request_begin().
 * Context: the object is locked.
 */
static struct page_request *request_enter(struct memory_object *pager, struct thread *self,
                                          struct ipc_kernel_server *server) REQUIRES(pager->object->lock)
{
    struct page_request *mine = self->page.request;
    struct page_request *there = NULL;
    bool own;

    self->page.request = NULL;
    if (self->page.sync)
        return sync_enter(pager, mine);
    const struct vm_page *page = vm_radix_find(&pager->object->pages, self->page.index, false, &own);
    const bool asks = mine != NULL && pager->state < MEMORY_OBJECT_FAILED &&
                      (page == NULL || !memory_object_allows(page, mine->access));
    if (asks)
        there = page_request_find(pager, self->page.index);
    if (asks && there == NULL && request_begin(pager, mine, page != NULL, server))
        return mine;
    if (mine != NULL)
        request_free(mine);
    return there;
}

void memory_object_wait(struct thread *self, thread_continuation_t continuation) NO_THREAD_SAFETY_ANALYSIS
{
    struct memory_object *pager = self->page.pager;

    if (pager == NULL) {
        thread_pause(self, continuation);
        return;
    }
    struct vm_object *object = pager->object;
    const uint64_t index = self->page.index;
    const bool sync = self->page.sync;
    const uint32_t ms = __atomic_load_n(&wait_ms, __ATOMIC_RELAXED);
    struct ipc_kernel_server server = {.thread = NULL};
    struct ipc_kmsg *message = NULL;
    struct list *waiters = NULL;

    if (ms != 0)
        thread_set_timeout(self, ms);
    spin_lock(&object->lock);
    if (index >= MEMORY_OBJECT_ANY_REQUEST) {
        waiters = vm_store_waiters(pager->store, index);
    } else {
        struct page_request *request = request_enter(pager, self, &server);
        if (request != NULL) {
            waiters = &request->waiters;
            message = request_message(pager, request);
        }
    }
    if (waiters != NULL)
        list_insert_tail(waiters, &self->wait_link);
    if (server.thread != NULL)
        thread_block_for(self, THREAD_WAIT_PAGE, object, continuation, server.thread);
    else
        thread_block(self, THREAD_WAIT_PAGE, object, continuation);
    spin_unlock(&object->lock);
    if (server.thread != NULL)
        ipc_kernel_server_give(&server);
    else if (index == MEMORY_OBJECT_ANY_PAGE)
        vm_pageout_wake();    /* which may have looked for waiting threads before this one was there */
    else if (waiters == NULL) /* nobody else can know that the thread waits */
        thread_wakeup(self, sync ? THREAD_OBJECT_DEAD : THREAD_AWAKENED);
    if (message != NULL)
        memory_object_post(message, true);
}

kern_return_t memory_object_waited(struct thread *self)
{
    switch (self->wait_result) {
    case THREAD_AWAKENED:
        if (self->page.sync)
            self->page.result = KERN_PAGE_SYNCED;
        else
            memory_object_wait_cancel(self);
        return KERN_SUCCESS;
    case THREAD_INTERRUPTED:
        memory_object_wait_cancel(self);
        return KERN_ABORTED;
    default:
        self->page.result =
            self->page.index == MEMORY_OBJECT_ANY_PAGE ? KERN_RESOURCE_SHORTAGE : KERN_MEMORY_ERROR;
        return self->page.result;
    }
}

/* The object may have gone, and its memory be another's, if t does not wait there any more: then t is not on its list. */
bool memory_object_wait_claim(struct thread *t)
{
    struct vm_object *object;

    /* who has waited looks again: meanwhile this CPU polled, and the object's memory may be something else's */
    for (;;) {
        object = __atomic_load_n(&t->wait_object, __ATOMIC_RELAXED);
        if (object == NULL || __atomic_load_n(&t->wait, __ATOMIC_RELAXED) != THREAD_WAIT_PAGE)
            return false;
        if (spin_trylock(&object->lock))
            break;
        smp_poll();
        hal_cpu_pause();
    }
    bool mine = t->state == THREAD_WAITING && t->wait == THREAD_WAIT_PAGE && t->wait_object == object &&
                !list_empty(&t->wait_link);
    if (mine)
        list_remove(&t->wait_link);
    spin_unlock(&object->lock);
    return mine;
}
