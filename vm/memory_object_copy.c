/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of memory whose pager changes the data itself, so that the kernel can't put them off.
 *
 * MEMORY_OBJECT_COPY_NONE: all pages are copied at once, a MiB at most; those that are not there are asked for first, and the whole copy
 * begins again when they are.
 *
 * MEMORY_OBJECT_COPY_CALL: the pager makes the copy.  What was changed is given back, then the pager gets the receive right of a new memory
 * object, which is the copy: it has what the pager had at that moment.  Nothing has to be locked for that: messages come in order, so what is
 * written meanwhile either comes back before the news of the copy, and is in it, or behind it, and is not.
 */
#include <ipc/kobject.h>
#include <ipc/mqueue.h>
#include <ipc/port.h>
#include <kern/string.h>
#include <mach/memory_object_kernel.h>
#include <mach/vm_param.h>
#include <vm/memory_object_i.h>
#include <vm/vm_stat.h>

memory_object_copy_strategy_t memory_object_strategy(struct memory_object *pager)
{
    spin_lock(&pager->object->lock);
    memory_object_copy_strategy_t strategy = pager->copy_strategy;
    spin_unlock(&pager->object->lock);
    return strategy;
}

/* --- at once -------------------------------------------------------------------------------------------- */

/* The page at `index`, copied, *copy; look: nothing is copied. Returns KERN_SUCCESS; as memory_object_ask(); KERN_RESOURCE_SHORTAGE. */
static kern_return_t page_copy(struct memory_object *pager, uint64_t index, bool look,
                               struct ledger_account *payer, struct vm_object_fill *fill,
                               struct vm_page **copy)
{
    struct vm_object *object = pager->object;
    kern_return_t kr = KERN_SUCCESS;
    bool own;

    spin_lock(&object->lock);
    const struct vm_page *page = vm_radix_find(&object->pages, index, false, &own);
    if (page == NULL || !memory_object_allows(page, VM_PROT_READ)) {
        kr = memory_object_ask(pager, index, VM_OBJECT_READ, fill);
        fill->count = pager->cluster;
    } else if (!look) {
        *copy = vm_object_alloc_page(payer, false);
        if (*copy != NULL)
            memcpy(vm_page_address(*copy), vm_page_address(page), PAGE_SIZE);
        else
            kr = KERN_RESOURCE_SHORTAGE;
    }
    spin_unlock(&object->lock);
    return kr;
}

/* Let `made` (NULL: only see that they are there) have copies of the pages [first, end), from number first - base on. */
static kern_return_t pages_copy(struct memory_object *pager, uint64_t first, uint64_t end, uint64_t base,
                                struct vm_object *made, struct ledger_account *payer)
{
    struct vm_object_fill fill = {.fresh = NULL};
    struct vm_page *copy = NULL;
    kern_return_t kr = KERN_SUCCESS;

    for (uint64_t index = first; index < end && kr == KERN_SUCCESS; index++) {
        kr = page_copy(pager, index, made == NULL, payer, &fill, &copy);
        if (kr == KERN_SUCCESS && made != NULL && !vm_object_give(made, index - base, copy))
            kr = KERN_RESOURCE_SHORTAGE;
        if (kr == KERN_PAGE_WAIT && fill.count > end - index)
            fill.count = (uint32_t)(end - index);
    }
    return kr == KERN_PAGE_WAIT ? memory_object_resolve_read(&fill) : kr;
}

kern_return_t memory_object_copy_now(struct memory_object *pager, uint64_t first, uint64_t end, uint64_t base,
                                     struct vm_map_entry *entry)
{
    /* the map is locked meanwhile, and all begins again behind each wait */
    if (end - first > MEMORY_OBJECT_COPY_PAGES)
        return KERN_RESOURCE_SHORTAGE;
    kern_return_t kr = pages_copy(pager, first, end, base, NULL, entry->payer);

    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_object *made = vm_object_create(entry->payer);
    if (made == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kr = pages_copy(pager, first, end, base, made, entry->payer);
    if (kr == KERN_SUCCESS) {
        vm_stat_add(VM_STAT_COPY, (int64_t)(end - first));
        vm_object_attach(made, entry);
    } else {
        vm_object_unref(made);
    }
    return kr;
}

/* --- by the pager --------------------------------------------------------------------------------------- */

/* A new object that is told to be a copy, and what tells it. */
struct called {
    struct ipc_kmsg *news; /* with the receive right of its port */
    struct ipc_kmsg *init;
    struct memory_object *pager; /* it; a reference */
};

static void called_drop(const struct called *c)
{
    if (c->init != NULL)
        ipc_kmsg_free(c->init);
    if (c->news != NULL)
        ipc_kmsg_destroy(c->news);
    if (c->pager != NULL)
        memory_object_discard(c->pager);
}

/* Returns false without memory: some. */
static bool called_begin(struct called *c, struct memory_object *source, uint64_t first, uint64_t end,
                         struct ledger_account *payer)
{
    c->news = memory_object_message(sizeof(__Request__memory_object_copy_t), payer);
    c->init = memory_object_message(sizeof(__Request__memory_object_init_t), payer);
    c->pager = memory_object_alloc(payer);
    struct ipc_port *port =
        c->news != NULL && c->init != NULL && c->pager != NULL ? ipc_port_alloc(payer) : NULL;
    if (port == NULL)
        return false;
    struct mig_kernel_message m = memory_object_fill(c->news, 2);
    memory_object_copy_request(&m, ipc_port_make_send(source->control), first << PAGE_SHIFT,
                               (end - first) << PAGE_SHIFT, port);
    c->pager->copy_strategy = MEMORY_OBJECT_COPY_TEMPORARY;
    return memory_object_build(c->pager, ipc_port_make_send(port));
}

static bool give_back(struct memory_object *pager, uint64_t first, uint64_t end)
{
    for (uint64_t index = first; index < end;) {
        if (!memory_object_return_pages(pager, &index, end, VM_PAGE_DIRTY, false))
            return false;
    }
    return true;
}

kern_return_t memory_object_copy_call(struct memory_object *pager, uint64_t first, uint64_t end,
                                      struct vm_map_entry *entry)
{
    struct called c;

    if (!called_begin(&c, pager, first, end, entry->payer) || !give_back(pager, first, end)) {
        called_drop(&c);
        return KERN_RESOURCE_SHORTAGE;
    }
    entry->offset = 0;
    memory_object_begin(c.pager, entry);
    memory_object_pass(pager->pager, c.news);
    memory_object_send_init(c.pager, c.init);
    memory_object_unref(c.pager);
    return KERN_SUCCESS;
}
