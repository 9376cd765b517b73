/* SPDX-License-Identifier: BSD-2-Clause */
/* Port sets: membership, and which member to receive from. */
#include <ipc/mqueue.h>
#include <ipc/msg.h>
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

/* --- the lock word --- */

void ipc_pset_lock(struct ipc_pset *pset) NO_THREAD_SAFETY_ANALYSIS
{
    lock_rank_enter(pset, LOCK_RANK_PSET, false, __FILE__, __LINE__);
    /* acquire: what the previous holder wrote is visible after the exchange */
    uint64_t rx = __atomic_exchange_n(&pset->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (__builtin_expect(rx == IPC_PORT_RX_LOCKED, 0))
        rx = ipc_rx_lock_wait(&pset->rx);
    pset->fast = (rx & 1) == 0 ? ipc_rx_waiter(rx) : NULL;
}

bool ipc_pset_trylock(struct ipc_pset *pset) NO_THREAD_SAFETY_ANALYSIS
{
    /* acquire: as in ipc_pset_lock() */
    uint64_t rx = __atomic_exchange_n(&pset->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);

    if (rx == IPC_PORT_RX_LOCKED)
        return false;
    lock_rank_enter(pset, LOCK_RANK_PSET, false, __FILE__, __LINE__);
    pset->fast = (rx & 1) == 0 ? ipc_rx_waiter(rx) : NULL;
    return true;
}

/* What rx says of the set once it is unlocked. */
static uint64_t rx_unlocked(const struct ipc_pset *pset)
{
    if (!pset->active || !list_empty(&pset->ready) || !list_empty(&pset->receivers))
        return IPC_PORT_RX_COMPLEX;
    return pset->fast == NULL ? pset->idle : ipc_rx_of_waiter(pset->fast);
}

void ipc_pset_unlock(struct ipc_pset *pset) NO_THREAD_SAFETY_ANALYSIS
{
    uint64_t rx = rx_unlocked(pset);

    KASSERT(pset->fast == NULL || (rx & 1) == 0);
    lock_rank_leave(pset);
    /* release: whoever locks it next sees what was written */
    __atomic_store_n(&pset->rx, rx, __ATOMIC_RELEASE);
}

void ipc_pset_fast_to_list(struct ipc_pset *pset)
{
    struct thread *waiter = pset->fast;

    if (waiter == NULL)
        return;
    pset->fast = NULL;
    ipc_waiter_to_list(waiter, &pset->receivers, THREAD_WAIT_RECEIVE_SET, pset);
}

/* --- who remembers it --- */

/* As ipc_port_uncache(). Context: locked. */
static void uncache(struct ipc_pset *pset)
{
    if (pset->cacher == NULL)
        return;
    __atomic_store_n(&pset->cacher->rcv_name, THREAD_RCV_NONE, __ATOMIC_RELAXED);
    pset->cacher = NULL;
}

/* The name or the right goes: who waits in rx, and who remembers the set, did so under the old one. Context: locked. */
static void moved(struct ipc_pset *pset)
{
    ipc_pset_fast_to_list(pset);
    pset->idle += IPC_PORT_IDLE_STEP;
    uncache(pset);
}

/* Context: locked. */
static void cache(struct thread *self, struct ipc_pset *pset, uint64_t apart)
{
    uncache(pset);
    pset->cacher = self;
    ipc_pset_ref(pset);
    self->rcv_set = pset;
    self->rcv_rx = &pset->rx;
    self->rcv_idle = pset->idle;
    __atomic_store_n(&self->rcv_name, pset->name | apart, __ATOMIC_RELAXED);
}

bool ipc_pset_cache(struct thread *self, struct ipc_pset *pset)
{
    if (pset->cacher == self)
        return self->rcv_name != THREAD_RCV_NONE; /* the port beside it may be gone */
    if (self->rcv_rx != NULL)
        return false;
    cache(self, pset, 0);
    return true;
}

void ipc_pset_cache_apart(struct thread *self, struct ipc_pset *pset)
{
    ipc_pset_lock(pset);
    cache(self, pset, THREAD_RCV_APART);
    ipc_pset_unlock(pset);
}

void ipc_pset_forget(struct thread *self)
{
    struct ipc_pset *pset = self->rcv_set;

    self->rcv_set = NULL;
    ipc_pset_lock(pset);
    if (pset->cacher == self)
        pset->cacher = NULL;
    ipc_pset_unlock(pset);
    ipc_pset_unref(pset);
}

/* --- life --- */

/* Memory that was no set yet. What a dead set leaves behind is constructed: its lists are empty. */
static void pset_construct(struct ipc_pset *pset)
{
    *pset = (struct ipc_pset){.rx = IPC_PORT_RX_COMPLEX, .idle = IPC_PORT_IDLE_FIRST};
    list_init(&pset->members);
    list_init(&pset->ready);
    list_init(&pset->receivers);
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
    if (pset->rx == 0)
        pset_construct(pset);
    /* memory that was a set keeps its lock: a CPU that looked the old set up may still hold it */
    ipc_pset_lock(pset);
    pset->idle += IPC_PORT_IDLE_STEP;
    pset->refs = 1;
    pset->name = name;
    pset->payer = payer;
    pset->active = true;
    ipc_pset_unlock(pset);
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

void ipc_pset_rename(struct ipc_pset *pset, mach_port_name_t name)
{
    ipc_pset_lock(pset);
    moved(pset);
    pset->name = name;
    ipc_pset_unlock(pset);
}

bool ipc_pset_is_active(struct ipc_pset *pset)
{
    ipc_pset_lock(pset);
    bool active = pset->active;
    ipc_pset_unlock(pset);
    return active;
}

struct ipc_pset *ipc_pset_first(const struct ipc_port *port)
{
    return CONTAINER_OF(list_first(&port->sets), struct ipc_pset_link, port_link)->pset;
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
    ipc_pset_lock(pset);
    list_remove(&link->set_link);
    list_remove(&link->ready_link);
    ipc_pset_unlock(pset);
}

/* A membership that is on no list yet, or NULL. */
static struct ipc_pset_link *link_make(struct ipc_pset *pset, struct ipc_port *port)
{
    if (!ledger_charge(pset->payer, sizeof(struct ipc_pset_link)))
        return NULL;
    struct ipc_pset_link *link = cache_alloc(&link_cache);
    if (link == NULL) {
        ledger_uncharge(pset->payer, sizeof(*link));
        return NULL;
    }
    *link = (struct ipc_pset_link){.pset = pset, .port = port};
    list_init(&link->ready_link);
    ipc_pset_ref(pset);
    ipc_port_ref(port);
    return link;
}

/* The port becomes a member; but its right may have left the space since it was found. Context: port locked. */
static kern_return_t link_attach(struct ipc_pset_link *link, const struct ipc_space *space)
{
    struct ipc_pset *pset = link->pset;
    struct ipc_port *port = link->port;

    if (port->place != IPC_PORT_IN_SPACE || port->receiver != space)
        return KERN_INVALID_RIGHT;
    if (port_find_link(port, pset) != NULL)
        return KERN_ALREADY_IN_SET;
    ipc_pset_lock(pset);
    bool active = pset->active;
    if (active) {
        list_insert_tail(&pset->members, &link->set_link);
        list_insert_tail(&port->sets, &link->port_link);
    }
    ipc_pset_unlock(pset);
    if (!active)
        return KERN_INVALID_NAME;
    /* whoever waits for the port alone goes on waiting there, on the list */
    ipc_port_fast_to_list(port);
    port->in_set = true;
    if (ipc_mqueue_has_messages(port))
        ipc_mqueue_feed_sets(port);
    return KERN_SUCCESS;
}

/* The port leaves every set but this one (NULL: it leaves all). Context: port locked. */
static void leave_others(struct ipc_port *port, const struct ipc_pset *pset)
{
    LIST_FOR_EACH_SAFE(node, &port->sets)
    {
        struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, port_link);
        if (link->pset == pset)
            continue;
        link_detach(link);
        link_free(link);
    }
    port->in_set = !list_empty(&port->sets);
}

/* The port becomes a member of the set; `alone`: and of no other. Context: no lock. */
static kern_return_t enter(struct ipc_pset *pset, struct ipc_port *port, const struct ipc_space *space,
                           bool alone)
{
    struct ipc_pset_link *link = link_make(pset, port);

    if (link == NULL)
        return KERN_RESOURCE_SHORTAGE;
    ipc_port_lock(port);
    kern_return_t kr = link_attach(link, space);
    if (alone && (kr == KERN_SUCCESS || kr == KERN_ALREADY_IN_SET))
        leave_others(port, pset);
    ipc_port_unlock(port);
    if (kr != KERN_SUCCESS)
        link_free(link);
    return kr;
}

kern_return_t ipc_pset_insert(struct ipc_pset *pset, struct ipc_port *port, const struct ipc_space *space)
{
    return enter(pset, port, space, false);
}

kern_return_t ipc_pset_move(struct ipc_pset *pset, struct ipc_port *port, const struct ipc_space *space)
{
    kern_return_t kr = enter(pset, port, space, true);

    return kr == KERN_ALREADY_IN_SET ? KERN_SUCCESS : kr;
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
    leave_others(port, NULL);
}

/* One member leaves a set that is going. Returns false when there is none left. */
static bool pset_drop_member(struct ipc_pset *pset)
{
    struct ipc_port *port = NULL;

    ipc_pset_lock(pset);
    struct list *node = list_first(&pset->members);
    if (node != NULL) {
        port = CONTAINER_OF(node, struct ipc_pset_link, set_link)->port;
        ipc_port_ref(port);
    }
    ipc_pset_unlock(pset);
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
    ipc_pset_lock(pset);
    pset->active = false;
    moved(pset);
    ipc_waiters_claim(&pset->receivers, &waiters);
    ipc_pset_unlock(pset);

    while (pset_drop_member(pset))
        continue;
    ipc_waiters_fail(&waiters, MACH_RCV_PORT_DIED);
    ipc_pset_unref(pset);
    struct thread *self = thread_current();
    if (self != NULL)
        ipc_thread_settle(self);
}

struct thread *ipc_pset_claim_receiver(struct ipc_port *port)
{
    LIST_FOR_EACH(node, &port->sets)
    {
        struct ipc_pset *pset = CONTAINER_OF(node, struct ipc_pset_link, port_link)->pset;
        ipc_pset_lock(pset);
        ipc_pset_fast_to_list(pset);
        struct list *waiter = list_pop(&pset->receivers);
        ipc_pset_unlock(pset);
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
        ipc_pset_lock(link->pset);
        ipc_pset_fast_to_list(link->pset);
        if (list_empty(&link->ready_link))
            list_insert_tail(&link->pset->ready, &link->ready_link);
        waited_for |= !list_empty(&link->pset->receivers);
        ipc_pset_unlock(link->pset);
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
    ipc_pset_lock(pset);
    list_remove(&link->ready_link);
    ipc_pset_unlock(pset);
}

uint32_t ipc_pset_members(struct ipc_pset *pset, mach_port_name_t *names, uint32_t room)
{
    uint32_t count = 0;

    ipc_pset_lock(pset);
    LIST_FOR_EACH(node, &pset->members)
    {
        struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, set_link);
        if (count < room)
            names[count] = link->port->name; /* stable: a member that moves leaves the set first */
        count++;
    }
    ipc_pset_unlock(pset);
    return count;
}
