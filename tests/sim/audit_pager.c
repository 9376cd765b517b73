/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of memory objects that pagers provide: who keeps them, who waits, and what the copies are owed. */
#include <inttypes.h>
#include <mach/vm_param.h>

#include "audit_i.h"

/* --- requests --- */

static void check_request(const struct memory_object *pager, const struct page_request *request)
{
    bool own, writable;

    audit_own(AUDIT_PAGE_REQUEST, request, "memory object");
    if (request->message != NULL)
        audit_message(request->message, NULL, "request for a page");
    AUDIT(request->message == NULL || pager->state == MEMORY_OBJECT_NEW, "page-request", request,
          "the pager is ready, and does not know of it");
    const struct vm_page *page = audit_object_page(pager->object, request->index, &own, &writable);
    AUDIT(page == NULL || !memory_object_allows(page, request->access), "page-request", request,
          "page %" PRIu64 " is there", request->index);
    AUDIT(page_request_find(pager, request->index) == request, "page-request", request,
          "page %" PRIu64 " is asked for twice", request->index);
    AUDIT_LIST(node, &request->waiters)
    {
        const struct thread *t = CONTAINER_OF(node, struct thread, wait_link);
        (void)audit_object(AUDIT_THREAD, t, request);
        AUDIT(t->state == THREAD_WAITING && t->wait == THREAD_WAIT_PAGE && t->wait_object == pager->object &&
                  t->page.index - request->index < request->count,
              "page-waiter", request, "thread %p: state %u, wait %u for page %" PRIu64, (const void *)t,
              t->state, t->wait, t->page.index);
    }
}

void audit_page_request(const struct thread *t)
{
    const struct page_request *request = t->page.request;

    if (request == NULL)
        return;
    audit_own(AUDIT_PAGE_REQUEST, request, "thread");
    AUDIT(t->page.pager != NULL && request->index == t->page.index && t->wait != THREAD_WAIT_PAGE,
          "page-request", request, "of thread %p, which needs page %" PRIu64 ", for page %" PRIu64,
          (const void *)t, t->page.index, request->index);
    audit_message(request->message, NULL, "request for a page");
}

bool audit_page_waits(const struct thread *t)
{
    if (t->page.index == MEMORY_OBJECT_ANY_PAGE)
        return t->page.pager->store != NULL && audit_on_list(&t->page.pager->store->waiters, &t->wait_link);
    if (t->page.index == MEMORY_OBJECT_ANY_REQUEST)
        return t->page.pager->store != NULL && audit_on_list(&t->page.pager->store->askers, &t->wait_link);
    const struct page_request *request = page_request_find(t->page.pager, t->page.index);

    if (!t->page.sync)
        return request != NULL && audit_on_list(&request->waiters, &t->wait_link);
    AUDIT_LIST(node, &t->page.pager->syncs)
    {
        if (audit_on_list(&CONTAINER_OF(node, struct page_request, link)->waiters, &t->wait_link))
            return true;
    }
    return false;
}

/* What was given back is to be safe. */
static void check_sync(const struct memory_object *pager, const struct page_request *request)
{
    audit_own(AUDIT_PAGE_REQUEST, request, "memory object");
    if (request->message != NULL)
        audit_message(request->message, NULL, "request for safe pages");
    AUDIT(request->message == NULL || pager->state == MEMORY_OBJECT_NEW, "page-request", request,
          "the pager is ready, and does not know of it");
}

/* --- pages and copies --- */

bool audit_copy_shows(const struct vm_object *copy, uint64_t index)
{
    if (index < copy->source_index)
        return false;
    const uint64_t at = (index - copy->source_index) << PAGE_SHIFT;
    LIST_FOR_EACH(node, &copy->users)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, object_link);
        if (at >= entry->offset && at - entry->offset < entry->end - entry->start)
            return true;
    }
    return false;
}

static void check_copies(const struct memory_object *pager)
{
    AUDIT_LIST(node, &pager->copies)
    {
        const struct vm_object *copy = CONTAINER_OF(node, struct vm_object, copy_link);
        (void)audit_object(AUDIT_OBJECT, copy, pager);
        AUDIT(copy->source == pager->object, "object-source", copy, "among the copies of %p, says %p",
              (void *)pager->object, (void *)copy->source);
        audit_object(AUDIT_OBJECT, pager->object, copy)->refs++;
    }
}

static void check_page(const struct memory_object *pager, uint64_t index, const struct vm_page *page)
{
    bool own, writable, theirs;

    (void)audit_object_page(pager->object, index, &own, &writable);
    AUDIT(!writable || (page->pager_flags & VM_PAGE_DIRTY) != 0, "page-dirty", pager->object,
          "page %" PRIu64 " may be written, and is not marked", index);
    const bool owed = (page->pager_flags & VM_PAGE_GIVEN) != 0 || writable;
    AUDIT_LIST(node, &pager->copies)
    {
        const struct vm_object *copy = CONTAINER_OF(node, struct vm_object, copy_link);
        AUDIT(!owed || !audit_copy_shows(copy, index) ||
                  audit_object_page(copy, index - copy->source_index, &theirs, &theirs) != NULL,
              "page-given", copy, "page %" PRIu64 " of its source was changed, and it has none of its own",
              index);
    }
}

/* --- objects --- */

static void check_pager(struct memory_object *pager)
{
    const struct vm_object *object = pager->object;
    uint64_t index = 0;
    struct vm_page *page;

    audit_object(AUDIT_OBJECT, object, pager)->refs++;
    AUDIT(object->pager == pager && object->source == NULL && object->shared, "object-pager", object,
          "of pager %p, says %p", (void *)pager, (void *)object->pager);
    audit_right(pager->pager, AUDIT_SEND, pager);
    audit_port_ref(pager->control, pager);
    audit_port_ref(pager->name, pager);
    if (pager->terminate != NULL) {
        audit_message(pager->terminate, NULL, "memory object");
        audit_right(pager->control, AUDIT_RECEIVE, pager);
        audit_right(pager->name, AUDIT_RECEIVE, pager);
        if (pager->death != NULL)
            audit_object(AUDIT_REQUEST, pager->death, pager)->refs++;
    }
    AUDIT(pager->state <= MEMORY_OBJECT_ENDED, "pager-state", pager, "%u", pager->state);
    AUDIT_LIST(node, &pager->requests)
    check_request(pager, CONTAINER_OF(node, struct page_request, link));
    AUDIT_LIST(node, &pager->syncs)
    check_sync(pager, CONTAINER_OF(node, struct page_request, link));
    AUDIT(pager->state < MEMORY_OBJECT_FAILED || (list_empty(&pager->requests) && list_empty(&pager->syncs)),
          "page-request", pager, "somebody waits, and the pager is dead");
    AUDIT(pager->queued == (audit_on_list(&pagers.queue, &pager->work_link) ||
                            audit_on_list(&pagers.dead, &pager->work_link)),
          "pager-queued", pager, "says that %u", pager->queued);
    check_copies(pager);
    while ((page = vm_radix_next(&object->pages, &index)) != NULL)
        check_page(pager, index++, page);
    AUDIT(!memory_object_is_unused(pager) || pager->queued || !list_empty(&pager->cache_link) ||
              pager->state == MEMORY_OBJECT_ENDED,
          "pager-unused", pager, "nothing shows it, and it does not end");
    AUDIT(list_empty(&pager->cache_link) || pager->state == MEMORY_OBJECT_READY ||
              (pager->state == MEMORY_OBJECT_FAILED && pager->queued),
          "pager-cached", pager, "it stays, in state %u", pager->state);
}

/* Of the default pager. */
static void check_store(const struct memory_object *pager)
{
    const struct vm_store *store = pager->store;
    const struct vm_page *page;
    uint64_t count = 0, index = 0;

    audit_own(AUDIT_STORE, store, "memory object");
    audit_right(store->manager, AUDIT_SEND, store);
    AUDIT(store->object == pager, "store-object", store, "of %p, says %p", (const void *)pager,
          (const void *)store->object);
    AUDIT_EACH(o, AUDIT_PAGE_OUT)
    {
        const struct vm_page_out *out = (const void *)o->address;
        count += out->store == pager;
    }
    AUDIT(count == store->count && count <= store->limit, "store-count", store,
          "%" PRIu64 " pages, counted %" PRIu64, store->count, count);
    for (; (page = vm_radix_next(&pager->object->pages, &index)) != NULL; index++) {
        const struct vm_page_out *out = (const void *)page->out;
        AUDIT(out == NULL || (out->store == pager && out->index == index), "store-page", store,
              "page %" PRIu64 " is said to be another", index);
    }
}

void audit_pages_out(void)
{
    AUDIT_EACH(o, AUDIT_PAGE_OUT)
    {
        const struct vm_page_out *out = (const void *)o->address;
        AUDIT(o->refs == out->page.refs, "out-refs", out, "%" PRIu64 " references, counted %" PRIu64,
              out->page.refs, o->refs);
        AUDIT((o->refs == 0) == audit_on_list(&stores.forgotten, &out->page.link), "out-forgotten", out,
              "%" PRIu64 " references", o->refs);
        o->owner = o->refs == 0 ? "list of those that were forgotten" : "memory object";
    }
}

void audit_pagers(void)
{
    for (unsigned i = 0; i < sizeof(pagers.bucket) / sizeof(pagers.bucket[0]); i++) {
        AUDIT_LIST(node, &pagers.bucket[i])
        audit_object(AUDIT_PAGER, CONTAINER_OF(node, struct memory_object, link), &pagers)->refs++;
    }
    AUDIT_LIST(node, &pagers.queue)
    audit_object(AUDIT_PAGER, CONTAINER_OF(node, struct memory_object, work_link), &pagers)->refs++;
    if (stores.store != NULL)
        audit_object(AUDIT_PAGER, stores.store, &stores)->refs++;
    AUDIT_EACH(o, AUDIT_PAGE_OUT)
    audit_object(AUDIT_PAGER, ((const struct vm_page_out *)(const void *)o->address)->store, o)->refs++;
    AUDIT_EACH(o, AUDIT_PAGER)
    {
        struct memory_object *pager = (void *)o->address;
        check_pager(pager);
        if (pager->store != NULL)
            check_store(pager);
        AUDIT(o->refs == pager->refs, "pager-refs", pager, "%" PRIu64 " references, counted %" PRIu64,
              pager->refs, o->refs);
        o->owner = "references";
    }
}
