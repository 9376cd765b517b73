/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages on their way back to their pager.
 *
 * What was changed is given back by reference: the message has the pages that the object has, and whoever writes to one next makes
 * his own copy of it, as with any copy.  So the message is what was there when the marks were taken away, under the lock of the
 * object, and a page is never copied for it unless it is wired, or written again.
 *
 * The memory for a message is taken before anything changes.  The kernel pays: pages that must be given back can't wait for a limit.
 */
#include <ipc/kobject.h>
#include <kern/ledger.h>
#include <kern/string.h>
#include <mach/memory_object_control_server.h>
#include <mach/memory_object_kernel.h>
#include <mach/vm_param.h>
#include <vm/memory_object_i.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_stat.h>
#include <vm/vm_store.h>

#define RETURN_PAGES 16u /* in one message */

/* --- messages ------------------------------------------------------------------------------------------- */

/* A message in the making. */
struct returned {
    struct ipc_kmsg *kmsg;
    struct vm_map_copy *data;
    struct vm_object *object; /* of data; nobody else knows it */
    uint64_t count;           /* pages in it */
    bool dirty;
    bool kept; /* they stay in memory */
};

static bool returned_begin(struct returned *r)
{
    struct ledger_account *payer = &ledger_kernel.memory;

    *r = (struct returned){.dirty = false};
    if (vm_map_copy_fresh(RETURN_PAGES * PAGE_SIZE, payer, &r->data) != KERN_SUCCESS)
        return false;
    r->kmsg = memory_object_message(sizeof(__Request__memory_object_data_return_t), payer);
    if (r->kmsg == NULL) {
        vm_map_copy_discard(r->data);
        return false;
    }
    r->object = CONTAINER_OF(list_first(&r->data->entries), struct vm_map_entry, link)->object;
    return true;
}

/* There is nothing in it. */
static void returned_drop(const struct returned *r)
{
    vm_map_copy_discard(r->data);
    ipc_kmsg_free(r->kmsg);
}

/*
 * It goes, with pages from number `first` on.  The object is still locked: nobody can ask for a page that has left memory before the pager
 * gets it, and so be given an older one.  Returns as memory_object_queue().
 */
static bool returned_send(const struct memory_object *pager, struct returned *r, uint64_t first,
                          struct thread **receiver)
{
    struct vm_map_entry *entry = CONTAINER_OF(list_first(&r->data->entries), struct vm_map_entry, link);
    const uint64_t size = r->count * PAGE_SIZE;

    entry->end = size;
    r->data->size = size;
    struct mig_kernel_message m = memory_object_fill(r->kmsg, 2);
    memory_object_data_return_request(&m, ipc_port_make_send(pager->control), first << PAGE_SHIFT,
                                      (vm_offset_t)(uintptr_t)r->data, (mach_msg_type_number_t)size, r->dirty,
                                      r->kept);
    memory_object_address(pager->pager, r->kmsg);
    return memory_object_queue(r->kmsg, receiver);
}

/* --- pages ---------------------------------------------------------------------------------------------- */

/* The page as it goes into a message, with a reference; NULL without memory. Nobody may write to it any more without being noticed. */
static struct vm_page *page_for_message(struct vm_object *object, uint64_t index, struct vm_page *page)
    REQUIRES(object->lock)
{
    vm_object_protect(object, index, index + 1);
    if (!vm_object_is_wired(object, index, index + 1)) {
        vm_page_ref(page);
        return page;
    }
    struct vm_page *fresh = vm_object_alloc_page(&ledger_kernel.memory, false);
    if (fresh != NULL)
        memcpy(vm_page_address(fresh), vm_page_address(page), PAGE_SIZE);
    return fresh;
}

/* Take the page out of memory. Returns false without memory: it stays. */
static bool page_flush(struct memory_object *pager, uint64_t index) REQUIRES(pager->object->lock)
{
    vm_object_unmap(pager->object, index, index + 1, NULL);
    if (!vm_radix_remove(&pager->object->pages, index, index + 1))
        return false;
    page_requests_answer(pager, index, index + 1,
                         THREAD_AWAKENED); /* who waits for its lock asks for it now */
    return true;
}

/* Put the page at `index` into the message, if it has the marks. Returns false without memory: nothing changed. */
static bool page_return(struct memory_object *pager, uint64_t index, struct vm_page *page, uint8_t marks,
                        struct returned *r) REQUIRES(pager->object->lock) NO_THREAD_SAFETY_ANALYSIS
{
    struct vm_page *old;

    if ((page->pager_flags & marks) == 0)
        return true;
    struct vm_page *given = page_for_message(pager->object, index, page);
    if (given == NULL)
        return false;
    if (!vm_radix_insert(&r->object->pages, r->count, given, false, &old)) {
        vm_page_unref(given);
        return false;
    }
    r->count++;
    vm_stat_add(VM_STAT_PAGEOUTS, 1);
    r->dirty |= (page->pager_flags & VM_PAGE_DIRTY) != 0;
    page->pager_flags &= (uint8_t)~(VM_PAGE_DIRTY | VM_PAGE_PRECIOUS);
    return true;
}

/*
 * Under one hold of the lock: from the first page at or above *index on, that has the marks, those that follow it, as long as all of them
 * stay in memory, or all leave it.  Returns as memory_object_return_pages(); *first: of those in the message.
 */
static bool pages_return(struct memory_object *pager, uint64_t *index, uint64_t end, uint8_t marks,
                         bool flush, struct returned *r, uint64_t *first) REQUIRES(pager->object->lock)
{
    struct vm_object *object = pager->object;
    struct vm_page *page;
    uint64_t at = *index;

    for (unsigned looked = 0; looked < RETURN_PAGES; looked++) {
        page = vm_radix_next(&object->pages, &at);
        if (page == NULL || at >= end) {
            *index = end;
            return true;
        }
        if (vm_store_is_parked(pager, page)) {
            if (r->count > 0)
                break;
            *index = ++at;
            continue;
        }
        const bool kept = !flush || vm_object_is_wired(pager->object, at, at + 1);
        if (r->count > 0 && (at != *first + r->count || (page->pager_flags & marks) == 0 || kept != r->kept))
            break;
        if (r->count == 0)
            *first = at;
        r->kept = kept;
        const uint64_t before = r->count;
        if (!page_return(pager, at, page, marks, r))
            return r->count > 0;
        if (pager->store != NULL)
            vm_store_leaves(page, r->count > before, kept);
        if (!kept && !page_flush(pager, at))
            return false;
        *index = ++at;
    }
    return true;
}

bool memory_object_return_pages(struct memory_object *pager, uint64_t *index, uint64_t end, uint8_t marks,
                                bool flush)
{
    struct returned r;
    struct thread *receiver = NULL;
    uint64_t first = 0;

    if (!returned_begin(&r))
        return false;
    spin_lock(&pager->object->lock);
    bool done = pages_return(pager, index, end, marks, flush, &r, &first);
    bool sent = r.count > 0 && returned_send(pager, &r, first, &receiver);
    spin_unlock(&pager->object->lock);
    if (r.count == 0)
        returned_drop(&r);
    else if (!sent)
        ipc_kmsg_destroy(r.kmsg);
    else if (receiver != NULL)
        thread_wakeup(receiver, THREAD_AWAKENED);
    return done;
}

/* --- lock requests -------------------------------------------------------------------------------------- */

#define LOCK_PAGES 64u /* under one hold of the lock */

/* From now on the page lets no access in `lock` through. */
static void page_lock(struct memory_object *pager, uint64_t index, struct vm_page *page, vm_prot_t lock)
    REQUIRES(pager->object->lock)
{
    memory_object_set_lock(page, lock);
    if ((lock & (VM_PROT_READ | VM_PROT_EXECUTE)) != 0) {
        pager->object->locked = true;
        vm_object_unmap(pager->object, index, index + 1, NULL);
    } else if ((lock & VM_PROT_WRITE) != 0) {
        vm_object_protect(pager->object, index, index + 1);
    }
    page_requests_answer(pager, index, index + 1,
                         THREAD_AWAKENED); /* it is let through now, or asked for again */
}

static void pages_lock(struct memory_object *pager, uint64_t first, uint64_t end, vm_prot_t lock)
{
    struct vm_page *page = NULL;
    uint64_t index = first;

    do {
        spin_lock(&pager->object->lock);
        for (unsigned i = 0; i < LOCK_PAGES; i++, index++) {
            page = vm_radix_next(&pager->object->pages, &index);
            if (page == NULL || index >= end)
                break;
            page_lock(pager, index, page, lock);
        }
        spin_unlock(&pager->object->lock);
    } while (page != NULL && index < end);
}

/* Tell who wants to know that it is done. */
static void lock_done(const struct memory_object *pager, struct ipc_port *reply_to, uint64_t first,
                      uint64_t end)
{
    if (!IPC_PORT_VALID(reply_to))
        return;
    struct ipc_kmsg *kmsg =
        memory_object_message(sizeof(__Request__memory_object_lock_completed_t), &ledger_kernel.memory);
    if (kmsg == NULL) {
        ipc_port_release_send_once(reply_to);
        return;
    }
    struct mig_kernel_message m = memory_object_fill(kmsg, 1);
    memory_object_lock_completed_request(&m, ipc_port_make_send(pager->control), first << PAGE_SHIFT,
                                         (end - first) << PAGE_SHIFT);
    memory_object_reply(reply_to, kmsg);
}

kern_return_t memory_object_lock_request(memory_object_control_t pager, memory_object_offset_t offset,
                                         vm_size_t size, memory_object_return_t should_return,
                                         boolean_t should_flush, vm_prot_t lock_value, mach_port_t reply_to)
{
    static const uint8_t marks[] = {
        [MEMORY_OBJECT_RETURN_NONE] = 0,
        [MEMORY_OBJECT_RETURN_DIRTY] = VM_PAGE_DIRTY,
        [MEMORY_OBJECT_RETURN_ALL] = VM_PAGE_DIRTY | VM_PAGE_PRECIOUS,
    };
    uint64_t first, end;

    if (!memory_object_range(offset, size, &first, &end) || should_return < MEMORY_OBJECT_RETURN_NONE ||
        should_return > MEMORY_OBJECT_RETURN_ALL ||
        ((lock_value & ~VM_PROT_ALL) != 0 && lock_value != VM_PROT_NO_CHANGE))
        return KERN_INVALID_ARGUMENT;
    if (should_return != MEMORY_OBJECT_RETURN_NONE || should_flush) {
        for (uint64_t index = first; index < end;) {
            if (!memory_object_return_pages(pager, &index, end, marks[should_return], should_flush != FALSE))
                return KERN_RESOURCE_SHORTAGE;
        }
    }
    if (lock_value != VM_PROT_NO_CHANGE)
        pages_lock(pager, first, end, lock_value);
    lock_done(pager, reply_to, first, end);
    return KERN_SUCCESS;
}
