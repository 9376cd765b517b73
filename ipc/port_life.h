/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The beginning of every port, and the end of most: inlined, where a task makes a port for one purpose and ends it again.
 * (A port that somebody waits for or asks about ends by ipc_port_destroy().)
 */
#ifndef IPC_PORT_LIFE_H
#define IPC_PORT_LIFE_H

#include <ipc/port.h>
#include <ipc/space.h>
#include <kern/cache.h>
#include <kern/ledger.h>

extern struct cache ipc_port_cache;

/* Memory that was no port yet. What a dead port leaves behind is constructed: its lists are empty. */
void ipc_port_construct(struct ipc_port *port);

/* A new port, locked (but not by ipc_port_lock()), in a space, but in none yet: `receiver` and `name` are not set. NULL without
 * memory. */
HAL_NODISCARD static inline __attribute__((always_inline)) struct ipc_port *ipc_port_alloc_locked(
    struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct ipc_port)))
        return NULL;
    struct ipc_port *port = cache_alloc_inline(&ipc_port_cache);
    if (port == NULL) {
        ledger_uncharge(payer, sizeof(*port));
        return NULL;
    }
    if (__builtin_expect(port->rx == 0, 0))
        ipc_port_construct(port);
    /* A CPU on the fast path may hold its lock for a moment yet. */
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (__builtin_expect(rx == IPC_PORT_RX_LOCKED, 0))
        (void)ipc_rx_lock_wait(&port->rx);
    /* `idle` goes on from where it was, so what a thread may remember of another port in this place never matches. */
    port->idle += IPC_PORT_IDLE_STEP;
    port->context = 0;
    port->payer = payer;
    port->refs = 1;
    port->seqno = 0;
    port->not_idle = 0;
    port->qlimit = MACH_PORT_QLIMIT_DEFAULT;
    port->kotype = IPC_KOTYPE_NONE;
    port->guard = IPC_PORT_UNGUARDED;
    port->srights = 0;
    port->sorights = 0;
    port->mscount = 0;
    return port;
}

/* A new port with its receive right in a space, under a name; the space pays. NULL without memory. Context: space->lock held. */
HAL_NODISCARD static inline __attribute__((always_inline)) struct ipc_port *ipc_port_alloc_named(
    struct ipc_space *space, mach_port_name_t name)
{
    struct ipc_port *port = ipc_port_alloc_locked(&space->ledger->memory);

    if (port == NULL)
        return NULL;
    port->receiver = space;
    port->name = name;
    __atomic_store_n(&port->rx, port->idle, __ATOMIC_RELEASE);
    return port;
}

/*
 * The port dies at once if it is idle and there is nobody to be told.  The receive right's reference is the caller's to drop.
 * Returns false: nothing changed, ipc_port_destroy() does it.
 * Context: the port is in a space, which is locked and forgets it.
 */
HAL_NODISCARD static inline bool ipc_port_die_unnoticed(struct ipc_port *port)
{
    /* acquire: as in ipc_port_lock() */
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    bool dies = rx == port->idle && port->cacher == NULL && list_empty(&port->requests) &&
                port->no_senders == NULL && port->port_destroyed == NULL && port->guard == IPC_PORT_UNGUARDED;

    if (__builtin_expect(dies, 1)) {
        port->idle += IPC_PORT_IDLE_STEP;
        __atomic_store_n(&port->place, IPC_PORT_IS_DEAD, __ATOMIC_RELAXED);
        __atomic_store_n(&port->receiver, NULL, __ATOMIC_RELAXED);
        rx = IPC_PORT_RX_COMPLEX;
    }
    if (__builtin_expect(rx != IPC_PORT_RX_LOCKED, 1)) /* else it is somebody else's */
        __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return dies;
}

/* The last reference went. */
static inline void ipc_port_free_inline(struct ipc_port *port)
{
    KASSERT(port->place == IPC_PORT_IS_DEAD && !port->in_set && port->msgcount == 0);
    KASSERT(port->cacher == NULL && port->destination == NULL);
    KASSERT(port->no_senders == NULL && port->port_destroyed == NULL);
    ledger_uncharge(port->payer, sizeof(*port));
    cache_free_inline(&ipc_port_cache, port);
}

#endif
