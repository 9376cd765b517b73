/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data that pagers provide: pages that they supply, have not, or can't get.
 *
 * Memory out of line comes as a copy on write.  Pages of it that the sender keeps have to be copied all the same, since the object may not share
 * them with him; so where they are few they are read from the sender's memory at once, and the message has no memory in it at all
 * (memory_object_supply_few()).
 */
#include <ipc/kobject.h>
#include <kern/string.h>
#include <kern/task.h>
#include <mach/memory_object_control_server.h>
#include <mach/memory_object_kernel.h>
#include <mach/vm_param.h>
#include <vm/memory_object_i.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_range.h>
#include <vm/vm_stat.h>

#define SUPPLY_FEW (4 * PAGE_SIZE)

/* How the pager supplies pages. */
struct supplied {
    vm_prot_t lock;
    bool precious;
};

/*
 * Let the object have `page`, with the caller's reference, unless it has one there.
 * Returns: KERN_SUCCESS supplied_answer() is to tell who waits; KERN_MEMORY_PRESENT; KERN_MEMORY_ERROR it has ended; KERN_RESOURCE_SHORTAGE:
 * the page is the caller's.
 */
static kern_return_t page_supply(struct memory_object *pager, uint64_t index, struct vm_page *page,
                                 const struct supplied *how)
{
    struct vm_object *object = pager->object;
    kern_return_t kr = KERN_SUCCESS;
    struct vm_page *old;
    bool own;

    spin_lock(&object->lock);
    if (pager->state == MEMORY_OBJECT_ENDED || pager->state == MEMORY_OBJECT_FAILED)
        kr = KERN_MEMORY_ERROR;
    else if (vm_radix_find(&object->pages, index, false, &own) != NULL)
        kr = KERN_MEMORY_PRESENT;
    else if (!vm_radix_insert(&object->pages, index, page, false, &old))
        kr = KERN_RESOURCE_SHORTAGE;
    if (kr == KERN_SUCCESS) {
        vm_stat_add(VM_STAT_PAGEINS, 1);
        page->pager_flags = how->precious ? VM_PAGE_PRECIOUS : 0;
        memory_object_set_lock(page, how->lock);
        object->locked |= (how->lock & (VM_PROT_READ | VM_PROT_EXECUTE)) != 0;
    }
    spin_unlock(&object->lock);
    return kr;
}

/*
 * Wake who waits for pages of [first, end): for all of them if they were all supplied, so that an answer to several is taken as one; else
 * (result: of the first that was not) for those that are there.  waiter: as of page_requests_supplied().
 */
static void supplied_answer(struct memory_object *pager, uint64_t first, uint64_t end, kern_return_t result,
                            struct thread **waiter)
{
    struct vm_object *object = pager->object;
    bool own;

    if (result == KERN_SUCCESS) {
        spin_lock(&object->lock);
        page_requests_supplied(pager, first, end, waiter);
        spin_unlock(&object->lock);
        return;
    }
    for (uint64_t index = first; index < end; index++) {
        spin_lock(&object->lock);
        if (vm_radix_find(&object->pages, index, false, &own) != NULL)
            page_requests_supplied(pager, index, index + 1, waiter);
        spin_unlock(&object->lock);
    }
}

/* A page with the contents of that at `at` of a piece of memory: that itself if nobody else has it. NULL without memory. */
static struct vm_page *page_take(struct vm_map_entry *entry, uint64_t at)
{
    struct vm_object *object = entry->object;
    const uint64_t index = (entry->offset + (at - entry->start)) >> PAGE_SHIFT;
    struct vm_page *source = NULL;
    bool own = false;

    if (object != NULL && vm_object_peek(object, index, &source, &own) != KERN_SUCCESS)
        return NULL;
    if (own && source != NULL && vm_object_is_sole(object)) {
        vm_page_ref(source);
        vm_object_remove(object, index, index + 1);
        return source;
    }
    struct vm_page *page = vm_object_alloc_page(task_payer(), source == NULL);
    if (page != NULL && source != NULL)
        memcpy(vm_page_address(page), vm_page_address(source), PAGE_SIZE);
    return page;
}

/* The pages of `entry` become those of the object, from number `first` on. Returns as page_supply(): the first that went wrong, number
 * *failed. */
static kern_return_t entry_supply(struct memory_object *pager, struct vm_map_entry *entry, uint64_t first,
                                  const struct supplied *how, uint64_t *failed)
{
    kern_return_t result = KERN_SUCCESS;

    for (uint64_t at = entry->start; at < entry->end; at += PAGE_SIZE) {
        const uint64_t index = first + (at >> PAGE_SHIFT);
        struct vm_page *page = page_take(entry, at);
        kern_return_t kr = page != NULL ? page_supply(pager, index, page, how) : KERN_RESOURCE_SHORTAGE;
        if (kr == KERN_SUCCESS)
            continue;
        if (page != NULL)
            vm_page_unref(page);
        if (result == KERN_SUCCESS)
            *failed = index;
        if (result == KERN_SUCCESS)
            result = kr;
    }
    return result;
}

/* Data that other pagers provide, or that is out, must be there before any of it is used. Returns as vm_object_peek(). */
static kern_return_t data_prepare(const struct vm_map_copy *data)
{
    struct vm_page *page;
    bool own;

    LIST_FOR_EACH(node, &data->entries)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        for (uint64_t at = entry->start; at < entry->end; at += PAGE_SIZE) {
            if (entry->object == NULL)
                break;
            kern_return_t kr = vm_object_peek(
                entry->object, (entry->offset + (at - entry->start)) >> PAGE_SHIFT, &page, &own);
            if (kr != KERN_SUCCESS)
                return kr;
        }
    }
    return KERN_SUCCESS;
}

/* Tell who wants to know how it went. */
static void supply_done(const struct memory_object *pager, struct ipc_port *reply_to, uint64_t offset,
                        uint64_t size, kern_return_t result, uint64_t error_offset)
{
    if (!IPC_PORT_VALID(reply_to))
        return;
    struct ipc_kmsg *kmsg =
        memory_object_message(sizeof(__Request__memory_object_supply_completed_t), task_payer());
    if (kmsg == NULL) {
        ipc_port_release_send_once(reply_to);
        return;
    }
    struct mig_kernel_message m = memory_object_fill(kmsg, 1);
    memory_object_supply_completed_request(&m, ipc_port_make_send(pager->control), offset, size, result,
                                           error_offset);
    memory_object_reply(reply_to, kmsg);
}

kern_return_t memory_object_data_supply(memory_object_control_t pager, memory_object_offset_t offset,
                                        vm_offset_t data, mach_msg_type_number_t size, vm_prot_t lock_value,
                                        boolean_t precious, mach_port_t reply_to)
{
    struct vm_map_copy *copy = (struct vm_map_copy *)(uintptr_t)data;
    kern_return_t result = KERN_SUCCESS;
    uint64_t first, end, failed = 0;

    if (!memory_object_range(offset, size, &first, &end) || (copy != NULL && copy->offset != 0) ||
        (lock_value & ~VM_PROT_ALL) != 0)
        return KERN_INVALID_ARGUMENT;
    const struct supplied how = {.lock = lock_value, .precious = precious != FALSE};
    if (copy != NULL) {
        kern_return_t kr = data_prepare(copy);
        if (kr != KERN_SUCCESS)
            return kr;
        LIST_FOR_EACH(node, &copy->entries)
        {
            kern_return_t wrong =
                entry_supply(pager, CONTAINER_OF(node, struct vm_map_entry, link), first, &how, &failed);
            if (result == KERN_SUCCESS)
                result = wrong;
        }
    }
    vm_map_copy_discard(copy);
    supplied_answer(pager, first, end, result, NULL);
    supply_done(pager, reply_to, offset, size, result, failed << PAGE_SHIFT);
    return KERN_SUCCESS;
}

bool memory_object_supply_few(struct memory_object *pager, memory_object_offset_t offset, hal_va_t from,
                              uint64_t size, vm_prot_t lock, bool precious, struct thread **waiter)
{
    const struct supplied how = {.lock = lock, .precious = precious};
    struct vm_map *map = thread_current()->task->map;
    kern_return_t kr = KERN_SUCCESS, result = KERN_SUCCESS;
    uint64_t first, end, index;

    if (size > SUPPLY_FEW || (from & PAGE_MASK) != 0 || (lock & ~VM_PROT_ALL) != 0 ||
        !memory_object_range(offset, size, &first, &end))
        return false;
    for (index = first; index < end && kr != KERN_RESOURCE_SHORTAGE; index++) {
        struct vm_page *page = vm_object_alloc_page(task_payer(), false);
        kr = KERN_RESOURCE_SHORTAGE;
        if (page != NULL && vm_copyin(map, vm_page_address(page), from + ((index - first) << PAGE_SHIFT),
                                      PAGE_SIZE) == KERN_SUCCESS)
            kr = page_supply(pager, index, page, &how);
        if (page != NULL && kr != KERN_SUCCESS)
            vm_page_unref(page);
        if (result == KERN_SUCCESS)
            result = kr;
    }
    if (kr == KERN_RESOURCE_SHORTAGE)
        return false;
    supplied_answer(pager, first, end, result, waiter);
    return true;
}

/* Let the page that threads wait for be zero. Returns false without memory: they get an error. */
static bool page_zero(struct memory_object *pager, uint64_t index)
{
    struct vm_page *page = vm_object_alloc_page(pager->payer, true);

    if (page == NULL)
        return false;
    kern_return_t kr = page_supply(pager, index, page, &(struct supplied){.lock = VM_PROT_NONE});
    if (kr != KERN_SUCCESS)
        vm_page_unref(page);
    if (kr != KERN_RESOURCE_SHORTAGE)
        supplied_answer(pager, index, index + 1, kr, NULL);
    return kr != KERN_RESOURCE_SHORTAGE;
}

kern_return_t memory_object_data_unavailable(memory_object_control_t pager, memory_object_offset_t offset,
                                             vm_size_t size)
{
    uint64_t first, end, index;

    if (!memory_object_range(offset, size, &first, &end))
        return KERN_INVALID_ARGUMENT;
    while (page_request_first(pager, first, end, &index)) {
        if (!page_zero(pager, index))
            page_request_fail(pager, index, index + 1);
        first = index + 1;
    }
    return KERN_SUCCESS;
}

kern_return_t memory_object_data_error(memory_object_control_t pager, memory_object_offset_t offset,
                                       vm_size_t size, kern_return_t error_value)
{
    uint64_t first, end;

    (void)error_value; /* whoever waits is told KERN_MEMORY_ERROR, whatever the reason */
    if (!memory_object_range(offset, size, &first, &end))
        return KERN_INVALID_ARGUMENT;
    page_request_fail(pager, first, end);
    return KERN_SUCCESS;
}
