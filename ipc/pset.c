/* SPDX-License-Identifier: BSD-2-Clause */
/* Port sets: membership, and which member to receive from. */
#include <ipc/mqueue.h>
#include <ipc/port.h>
#include <ipc/pset.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/thread.h>

static struct cache pset_cache;
static struct cache link_cache;

void ipc_pset_init_module(void)
{
    cache_init(&pset_cache, "ipc_pset", sizeof(struct ipc_pset), 64);
    cache_init(&link_cache, "ipc_pset_link", sizeof(struct ipc_pset_link), 8);
}

struct ipc_pset *ipc_pset_create(mach_port_name_t name, struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct ipc_pset)))
        return NULL;
    struct ipc_pset *pset = cache_alloc(&pset_cache);
    if (pset == NULL) {
        ledger_uncharge(payer, sizeof(*pset));
        return NULL;
    }
    /* memory that was a set keeps its lock: a CPU that looked the old set up may still hold it */
    if (pset->rx == 0)
        spin_init(&pset->lock, LOCK_RANK_PSET);
    pset->rx = IPC_PORT_RX_COMPLEX;
    pset->refs = 1;
    pset->name = name;
    pset->payer = payer;
    spin_lock(&pset->lock);
    pset->active = true;
    list_init(&pset->members);
    list_init(&pset->ready);
    list_init(&pset->receivers);
    spin_unlock(&pset->lock);
    return pset;
}

void ipc_pset_ref(struct ipc_pset *pset)
{
    ref_get(&pset->refs);
}

void ipc_pset_unref(struct ipc_pset *pset)
{
    if (!ref_put(&pset->refs))
        return;
    ledger_uncharge(pset->payer, sizeof(*pset));
    cache_free(&pset_cache, pset);
}

bool ipc_pset_is_active(struct ipc_pset *pset)
{
    spin_lock(&pset->lock);
    bool active = pset->active;
    spin_unlock(&pset->lock);
    return active;
}

static struct ipc_pset_link *port_find_link(struct ipc_port *port, const struct ipc_pset *pset)
{
    LIST_FOR_EACH(node, &port->sets)
    {
        struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, port_link);
        if (link->pset == pset)
            return link;
    }
    return NULL;
}

/* Give up a link that is on no list any more; never the last reference to the port: its lock is held. */
static void link_free(struct ipc_pset_link *link)
{
    ledger_uncharge(link->pset->payer, sizeof(*link));
    ipc_pset_unref(link->pset);
    ipc_port_unref(link->port);
    cache_free(&link_cache, link);
}

static void link_detach(struct ipc_pset_link *link)
{
    struct ipc_pset *pset = link->pset;

    list_remove(&link->port_link);
    spin_lock(&pset->lock);
    list_remove(&link->set_link);
    list_remove(&link->ready_link);
    spin_unlock(&pset->lock);
}

kern_return_t ipc_pset_insert(struct ipc_pset *pset, struct ipc_port *port)
{
    if (!ledger_charge(pset->payer, sizeof(struct ipc_pset_link)))
        return KERN_RESOURCE_SHORTAGE;
    struct ipc_pset_link *link = cache_alloc(&link_cache);
    if (link == NULL) {
        ledger_uncharge(pset->payer, sizeof(*link));
        return KERN_RESOURCE_SHORTAGE;
    }
    *link = (struct ipc_pset_link){.pset = pset, .port = port};
    list_init(&link->ready_link);

    ipc_port_lock(port);
    kern_return_t kr = port_find_link(port, pset) != NULL ? KERN_ALREADY_IN_SET : KERN_SUCCESS;
    if (kr == KERN_SUCCESS) {
        spin_lock(&pset->lock);
        if (pset->active) {
            ipc_pset_ref(pset);
            ipc_port_ref(port);
            list_insert_tail(&pset->members, &link->set_link);
            list_insert_tail(&port->sets, &link->port_link);
        } else {
            kr = KERN_INVALID_NAME;
        }
        spin_unlock(&pset->lock);
    }
    if (kr == KERN_SUCCESS) {
        /* whoever waits for the port alone goes on waiting there, on the list */
        ipc_port_fast_to_list(port);
        port->in_set = true;
        if (ipc_mqueue_has_messages(port))
            ipc_mqueue_feed_sets(port);
    }
    ipc_port_unlock(port);
    if (kr != KERN_SUCCESS) {
        cache_free(&link_cache, link);
        ledger_uncharge(pset->payer, sizeof(*link));
    }
    return kr;
}

kern_return_t ipc_pset_remove(struct ipc_pset *pset, struct ipc_port *port)
{
    ipc_port_lock(port);
    struct ipc_pset_link *link = port_find_link(port, pset);
    if (link != NULL) {
        link_detach(link);
        port->in_set = !list_empty(&port->sets);
    }
    ipc_port_unlock(port);
    if (link == NULL)
        return KERN_NOT_IN_SET;
    link_free(link);
    return KERN_SUCCESS;
}

void ipc_pset_remove_all_locked(struct ipc_port *port)
{
    struct list *node;

    while ((node = list_first(&port->sets)) != NULL) {
        struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, port_link);
        link_detach(link);
        link_free(link);
    }
    port->in_set = false;
}

/* One member leaves a set that is going. Returns false when there is none left. */
static bool pset_drop_member(struct ipc_pset *pset)
{
    struct ipc_port *port = NULL;

    spin_lock(&pset->lock);
    struct list *node = list_first(&pset->members);
    if (node != NULL) {
        port = CONTAINER_OF(node, struct ipc_pset_link, set_link)->port;
        ipc_port_ref(port);
    }
    spin_unlock(&pset->lock);
    if (port == NULL)
        return false;
    (void)ipc_pset_remove(pset, port); /* the port may have left by itself meanwhile */
    ipc_port_unref(port);
    return true;
}

void ipc_pset_destroy(struct ipc_pset *pset)
{
    struct list waiters;

    list_init(&waiters);
    spin_lock(&pset->lock);
    pset->active = false;
    ipc_waiters_claim(&pset->receivers, &waiters);
    spin_unlock(&pset->lock);

    while (pset_drop_member(pset))
        continue;
    ipc_waiters_fail(&waiters, MACH_RCV_PORT_DIED);
    ipc_pset_unref(pset);
}

struct thread *ipc_pset_claim_receiver(struct ipc_port *port)
{
    LIST_FOR_EACH(node, &port->sets)
    {
        struct ipc_pset *pset = CONTAINER_OF(node, struct ipc_pset_link, port_link)->pset;
        spin_lock(&pset->lock);
        struct list *waiter = list_pop(&pset->receivers);
        spin_unlock(&pset->lock);
        if (waiter != NULL)
            return CONTAINER_OF(waiter, struct thread, wait_link);
    }
    return NULL;
}

bool ipc_pset_mark_ready(struct ipc_port *port)
{
    bool waited_for = false;

    LIST_FOR_EACH(node, &port->sets)
    {
        struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, port_link);
        spin_lock(&link->pset->lock);
        if (list_empty(&link->ready_link))
            list_insert_tail(&link->pset->ready, &link->ready_link);
        waited_for |= !list_empty(&link->pset->receivers);
        spin_unlock(&link->pset->lock);
    }
    return waited_for;
}

struct ipc_port *ipc_pset_next_ready(struct ipc_pset *pset)
{
    struct list *node = list_pop(&pset->ready);
    if (node == NULL)
        return NULL;
    struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, ready_link);
    list_insert_tail(&pset->ready, node); /* round robin */
    ipc_port_ref(link->port);
    return link->port;
}

void ipc_pset_not_ready(struct ipc_pset *pset, struct ipc_port *port)
{
    struct ipc_pset_link *link = port_find_link(port, pset);
    if (link == NULL)
        return;
    spin_lock(&pset->lock);
    list_remove(&link->ready_link);
    spin_unlock(&pset->lock);
}

uint32_t ipc_pset_members(struct ipc_pset *pset, mach_port_name_t *names, uint32_t room)
{
    uint32_t count = 0;

    spin_lock(&pset->lock);
    LIST_FOR_EACH(node, &pset->members)
    {
        struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, set_link);
        if (count < room)
            names[count] = link->port->name; /* stable: a member that moves leaves the set first */
        count++;
    }
    spin_unlock(&pset->lock);
    return count;
}
