/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: the lock word, counts of rights, and death.
 *
 * Lock order: space, transit, port, set, thread.  Notifications are sent, and messages destroyed, with no lock held.
 */
#include <ipc/kmsg.h>
#include <ipc/mqueue.h>
#include <ipc/msg.h>
#include <ipc/notify.h>
#include <ipc/port.h>
#include <ipc/port_life.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/space.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/thread.h>

struct cache ipc_port_cache;

struct ipc_object ipc_object_none = {.rx = IPC_PORT_RX_COMPLEX};

void ipc_port_init_module(void)
{
    cache_init(&ipc_port_cache, "ipc_port", sizeof(struct ipc_port), 64);
}

/* --- the lock word --- */

uint64_t ipc_rx_lock_wait(uint64_t *rx)
{
    uint64_t old;

    do {
        while (__atomic_load_n(rx, __ATOMIC_RELAXED) == IPC_PORT_RX_LOCKED) {
            smp_poll();
            hal_cpu_pause();
        }
        /* acquire: as in ipc_port_lock() */
        old = __atomic_exchange_n(rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    } while (old == IPC_PORT_RX_LOCKED);
    return old;
}

bool ipc_port_trylock(struct ipc_port *port) NO_THREAD_SAFETY_ANALYSIS
{
    /* acquire: as in ipc_port_lock() */
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);

    if (rx == IPC_PORT_RX_LOCKED)
        return false;
    lock_rank_enter(port, LOCK_RANK_PORT, false, __FILE__, __LINE__);
    ipc_port_locked(port, rx);
    return true;
}

struct thread *ipc_rx_waiter(uint64_t rx)
{
    struct thread *t = (struct thread *)(uintptr_t)(rx & ~IPC_PORT_RX_FORM);

    t->op.ipc.registers = (rx & IPC_PORT_RX_BUFFER) == 0; /* the fast path writes nothing but rx */
    return t;
}

uint64_t ipc_rx_of_waiter(const struct thread *t)
{
    return (uint64_t)(uintptr_t)t | (t->op.ipc.registers ? 0 : ipc_msg_rx_form(t));
}

uint64_t ipc_port_rx_member(const struct ipc_port *port)
{
    const struct ipc_pset *pset = ipc_pset_first(port);

    return port->place == IPC_PORT_IN_SPACE ? (uint64_t)(uintptr_t)pset + IPC_PORT_RX_COMPLEX
                                            : IPC_PORT_RX_COMPLEX;
}

void ipc_port_construct(struct ipc_port *port)
{
    *port = (struct ipc_port){.rx = IPC_PORT_RX_COMPLEX, .idle = IPC_PORT_IDLE_FIRST};
    list_init(&port->messages);
    list_init(&port->receivers);
    list_init(&port->senders);
    list_init(&port->sets);
    list_init(&port->requests);
}

struct ipc_port *ipc_port_alloc(struct ledger_account *payer)
{
    struct ipc_port *port = ipc_port_alloc_locked(payer);

    if (port == NULL)
        return NULL;
    __atomic_store_n(&port->place, IPC_PORT_IN_TRANSIT, __ATOMIC_RELAXED);
    port->receiver = NULL;
    port->name = MACH_PORT_NULL;
    __atomic_store_n(&port->rx, IPC_PORT_RX_COMPLEX, __ATOMIC_RELEASE);
    return port;
}

void ipc_waiter_to_list(struct thread *t, struct list *receivers, enum thread_wait wait, void *object)
{
    list_insert_tail(receivers, &t->wait_link);
    ipc_receive_decode(t);
    t->continuation = ipc_receive_continuation(t);
    __atomic_store_n(&t->wait, wait, __ATOMIC_RELAXED);
    __atomic_store_n(&t->wait_object, object, __ATOMIC_RELAXED);
    thread_receiving_to_wait(t);
}

void ipc_port_waiter_to_list(struct ipc_port *port)
{
    struct thread *waiter = port->fast;

    port->fast = NULL;
    ipc_waiter_to_list(waiter, &port->receivers, THREAD_WAIT_RECEIVE, port);
}

/* --- references and counts --- */

void ipc_port_free(struct ipc_port *port)
{
    ipc_port_free_inline(port);
}

static struct ipc_port *port_add_send(struct ipc_port *port, bool make)
{
    if (!IPC_PORT_VALID(port))
        return port;
    ipc_port_lock(port);
    bool alive = ipc_port_alive(port);
    if (alive) {
        ipc_port_send_add(port, make);
        ipc_port_ref(port);
    }
    ipc_port_unlock(port);
    return alive ? port : IPC_PORT_DEAD;
}

struct ipc_port *ipc_port_make_send(struct ipc_port *port)
{
    return port_add_send(port, true);
}

struct ipc_port *ipc_port_copy_send(struct ipc_port *port)
{
    return port_add_send(port, false);
}

struct ipc_port *ipc_port_make_send_once(struct ipc_port *port)
{
    if (!IPC_PORT_VALID(port))
        return port;
    ipc_port_lock(port);
    bool alive = ipc_port_alive(port);
    if (alive) {
        ipc_port_send_once_add(port);
        ipc_port_ref(port);
    }
    ipc_port_unlock(port);
    return alive ? port : IPC_PORT_DEAD;
}

void ipc_port_release_send(struct ipc_port *port)
{
    uint32_t mscount = 0;

    if (!IPC_PORT_VALID(port))
        return;
    ipc_port_lock(port);
    struct ipc_kmsg *message = ipc_port_drop_send_locked(port, &mscount);
    ipc_port_unlock(port);
    ipc_port_unref(port);
    if (message != NULL)
        ipc_notify_no_senders(message, mscount);
}

void ipc_port_drop_send_once(struct ipc_port *port)
{
    ipc_port_lock(port);
    ipc_port_send_once_drop(port);
    ipc_port_unlock(port);
    ipc_port_unref(port);
}

void ipc_port_release_send_once(struct ipc_port *port)
{
    if (!IPC_PORT_VALID(port))
        return;
    /* the right itself carries the notification, so the message consumes it */
    if (ipc_port_place(port) == IPC_PORT_IS_DEAD)
        ipc_port_drop_send_once(port);
    else
        ipc_notify_send_once(port);
}

/* --- the receive right --- */

/*
 * The cacher may be on the fast path on another CPU; it finds out when its compare-and-swap on rx fails.  So only the
 * name that it compares with is taken away here; the reference and the loan it gives back itself (ipc_thread_settle).
 */
void ipc_port_uncache(struct ipc_port *port)
{
    if (port->cacher == NULL)
        return;
    __atomic_store_n(&port->cacher->rcv_name, THREAD_RCV_NONE, __ATOMIC_RELAXED);
    port->cacher = NULL;
}

bool ipc_thread_cache(struct thread *self, struct ipc_port *port)
{
    if (port->cacher != self) {
        if (self->rcv_rx != NULL)
            return false; /* uncached a moment ago, by another CPU: self has to settle that without this lock */
        ipc_port_uncache(port);
        port->cacher = self;
        __atomic_store_n(&self->rcv_port, port, __ATOMIC_RELAXED);
        self->rcv_loan = 0;
        ipc_port_ref(port);
    }
    if (self->rcv_loan == 0) {
        self->rcv_loan = 1;
        ipc_port_send_once_add(port);
        ipc_port_ref(port);
    }
    self->rcv_rx = &port->rx;
    self->rcv_idle = port->idle;
    __atomic_store_n(&self->rcv_name, port->name, __ATOMIC_RELAXED);
    return true;
}

static void port_forget(struct thread *self, struct ipc_port *port)
{
    uint32_t loan = self->rcv_loan;

    __atomic_store_n(&self->rcv_port, NULL, __ATOMIC_RELAXED);
    self->rcv_loan = 0;
    ipc_port_lock(port);
    if (port->cacher == self)
        port->cacher = NULL;
    port->sorights -= loan;
    ipc_port_unlock(port);
    for (; loan > 0; loan--)
        ipc_port_unref(port);
    ipc_port_unref(port);
}

void ipc_thread_uncache(struct thread *self)
{
    __atomic_store_n(&self->rcv_name, THREAD_RCV_NONE, __ATOMIC_RELAXED);
    self->rcv_rx = NULL;
    self->rcv_for_calls = false;
    if (self->rcv_port != NULL)
        port_forget(self, self->rcv_port);
    if (self->rcv_set != NULL)
        ipc_pset_forget(self);
}

void ipc_thread_settle(struct thread *self)
{
    if (self->rcv_rx != NULL && self->rcv_name == THREAD_RCV_NONE)
        ipc_thread_uncache(self);
}

void ipc_port_moved(struct ipc_port *port)
{
    port->idle += IPC_PORT_IDLE_STEP;
    ipc_port_uncache(port);
}

/* A guard is an agreement within a task. */
static void guard_end(struct ipc_port *port)
{
    if (port->guard == IPC_PORT_UNGUARDED)
        return;
    port->guard = IPC_PORT_UNGUARDED;
    port->context = 0;
}

void ipc_port_leave(struct ipc_port *port, struct list *waiters)
{
    guard_end(port);
    list_init(waiters);
    ipc_port_fast_to_list(port);
    ipc_port_moved(port);
    if (port->in_set)
        ipc_pset_remove_all_locked(port);
    __atomic_store_n(&port->place, IPC_PORT_IN_TRANSIT, __ATOMIC_RELAXED);
    ipc_waiters_claim(&port->receivers, waiters);
}

/* Everything that waits for a port that dies, taken out of it. */
struct port_remains {
    struct list messages;
    struct list waiters;
    struct list requests;
    struct ipc_kmsg *no_senders;
    uint32_t owed;
};

static void list_move_all(struct list *from, struct list *to)
{
    struct list *node;

    while ((node = list_pop(from)) != NULL)
        list_insert_tail(to, node);
}

/* Context: locked. */
static void port_die(struct ipc_port *port, struct port_remains *remains)
{
    list_init(&remains->messages);
    list_init(&remains->waiters);
    list_init(&remains->requests);
    ipc_port_fast_to_list(port);
    ipc_port_moved(port);
    if (port->in_set)
        ipc_pset_remove_all_locked(port);
    /* atomic: who sends, or names a right, looks at them before it takes the lock */
    __atomic_store_n(&port->place, IPC_PORT_IS_DEAD, __ATOMIC_RELAXED);
    __atomic_store_n(&port->kotype, IPC_KOTYPE_NONE, __ATOMIC_RELAXED);
    __atomic_store_n(&port->kobject, NULL, __ATOMIC_RELAXED);
    port->msgcount = 0;
    remains->owed = port->owed;
    port->owed = 0;
    list_move_all(&port->messages, &remains->messages);
    ipc_waiters_claim(&port->receivers, &remains->waiters);
    ipc_waiters_claim(&port->senders, &remains->waiters);
    list_move_all(&port->requests, &remains->requests);
    remains->no_senders = port->no_senders;
    port->no_senders = NULL;
}

/* Tell everybody, with no lock held. */
static void remains_bury(struct port_remains *remains)
{
    struct list *node;

    ipc_waiters_fail(&remains->waiters, MACH_RCV_PORT_DIED);
    while ((node = list_pop(&remains->requests)) != NULL) {
        struct ipc_port_request *request = CONTAINER_OF(node, struct ipc_port_request, link);
        ipc_notify_dead_name(request->message, request->name);
        ipc_request_drop(request);
    }
    while ((node = list_pop(&remains->messages)) != NULL)
        ipc_kmsg_destroy(CONTAINER_OF(node, struct ipc_kmsg, link));
    ipc_notify_unused(remains->no_senders);
}

void ipc_port_destroy(struct ipc_port *port)
{
    struct port_remains remains;
    struct list waiters;

    ipc_port_lock(port);
    struct ipc_kmsg *backup = port->port_destroyed;
    if (backup != NULL) {
        /* the receive right does not die: it goes to who asked for it */
        port->port_destroyed = NULL;
        ipc_port_leave(port, &waiters);
        ipc_port_unlock(port);
        ipc_waiters_fail(&waiters, MACH_RCV_PORT_CHANGED);
        ipc_notify_port_destroyed(backup, port);
        return;
    }
    port_die(port, &remains);
    ipc_port_unlock(port);
    remains_bury(&remains);
    for (; remains.owed > 0; remains.owed--)
        ipc_port_unref(port);
    ipc_port_unref(port);
    struct thread *self = thread_current();
    if (self != NULL)
        ipc_thread_settle(self);
}
