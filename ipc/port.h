/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: message queues with one receiver, and the counts of the rights to them.
 *
 * The word `rx` is the port's lock, its single register-form waiter and its state in one, so that one atomic exchange
 * on the fast path answers every question:
 *   even            unlocked; the address of the one thread that waits for an otherwise idle port, plus RX_BUFFER if
 *                   it waits in the buffer form, plus RX_PLAIN if it wants no more than a plain trailer then, and its
 *                   buffer is not above user space
 *   == idle (odd)   unlocked; no waiter, empty queue, alive, in no set
 *   RX_LOCKED       locked
 *   RX_KERNEL       unlocked; the receive right is the kernel's
 *   RX_COMPLEX      unlocked; anything else: queued messages, several waiters, in transit, dead
 *   RX_COMPLEX + s  unlocked; idle but for being in port sets, of which s is the first
 * `idle` differs in every incarnation of the memory as a port and whenever the receive right moves, so a thread that
 * remembers (rcv_port, rcv_idle) checks both with the compare-and-swap that makes it the waiter.
 *
 * While a port is locked its real state is in the other fields: the waiter that was in rx is in `fast`.
 * ipc_port_unlock() works out what rx says next.
 *
 * Memory is type-stable (kern/cache.h): a CPU on the fast path may touch `rx` of a port that was just freed; what it
 * checks after taking the lock (ipc/ipc_fast.h) keeps it from using one.
 */
#ifndef IPC_PORT_H
#define IPC_PORT_H

#include <hal/types.h>
#include <ipc/kotype.h>
#include <kern/list.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/spinlock.h>
#include <mach/kern_return.h>
#include <mach/port.h>

struct ipc_kmsg;
struct ipc_pset;
struct ipc_space;
struct ledger_account;
struct thread;

#define IPC_PORT_RX_BUFFER UINT64_C(2) /* beside a thread's address, which is 64-byte aligned */
#define IPC_PORT_RX_PLAIN UINT64_C(4)
#define IPC_PORT_RX_FORM (IPC_PORT_RX_BUFFER | IPC_PORT_RX_PLAIN)
#define IPC_PORT_RX_LOCKED UINT64_C(3)
#define IPC_PORT_RX_COMPLEX UINT64_C(5)
#define IPC_PORT_RX_KERNEL UINT64_C(7)
#define IPC_PORT_IDLE_FIRST UINT64_C(9)
#define IPC_PORT_IDLE_STEP UINT64_C(8)

/* (IPC_PORT_DEAD stands in place of a port whose right died on the way: mach/port.h.) */

/* Where the receive right is. */
enum ipc_port_place {
    IPC_PORT_IN_SPACE,   /* receiver/name below; 0, for not_idle */
    IPC_PORT_IN_TRANSIT, /* in a message; destination is the port that it is queued on, or NULL (limbo) */
    IPC_PORT_IN_KERNEL,  /* kernel object, or kernel-held reply port */
    IPC_PORT_IS_DEAD,
};

/* Who does not know `context` can't destroy the receive right; STRICT: nor read or change it. */
enum ipc_port_guard {
    IPC_PORT_UNGUARDED,
    IPC_PORT_GUARDED,
    IPC_PORT_GUARDED_STRICTLY,
};

/*
 * A request for a notification: the entry `name` of some space wants `message` sent when the port dies, or (possible) when a
 * message can be sent to it again.  The entry and the live port own it together; the port's part ends when it is spent, and goes over
 * to the burial of a port that dies.  All but owners: under the port's lock.
 */
struct ipc_port_request {
    struct list link; /* port->requests: armed ones first */
    uint32_t owners;  /* atomic */
    mach_port_name_t name;
    struct ipc_kmsg *message;     /* reserved (ipc/notify.h) */
    bool possible;                /* constant */
    bool armed;                   /* told as soon as there is room */
    bool spent;                   /* it was told that there is room: the port has it no more */
    struct ledger_account *payer; /* constant */
};

/*
 * What an entry of a name space points to begins with an `rx`: the fast path may exchange it before it knows better.  That of a set
 * is a lock, too (ipc/pset.h); where there is no object it is always RX_COMPLEX.
 */
struct ipc_object {
    uint64_t rx;
};

/* Stands in entries that have no object. */
extern struct ipc_object ipc_object_none;

/* All fields but rx, refs and what says otherwise: under the lock. */
struct ipc_port {
    uint64_t rx;
    uint64_t idle;
    uint64_t context; /* label that the receiver gave it */
    uint64_t refs;    /* kern/ref.h: rights, messages, kernel pointers */
    uint32_t seqno;
    mach_port_name_t name; /* IN_SPACE */
    struct thread *fast;   /* while locked: the waiter that rx held, or NULL */
    struct thread *cacher; /* the thread that has it as rcv_port, or NULL */

    union {
        struct {
            uint8_t place; /* enum ipc_port_place; read without the lock, too: ipc_port_place() */
            bool in_set;
            uint16_t zero;
            uint32_t msgcount; /* a send-once right has a place in the queue whatever its length */
        };
        uint64_t not_idle; /* all of these: 0 if the port is in a space, in no set, and has no message */
    };
    uint16_t qlimit;
    uint8_t kotype; /* enum ipc_kotype; read without the lock, too: ipc_port_kotype() */
    uint8_t guard;  /* enum ipc_port_guard: what `context` is beside a label */
    uint32_t
        owed; /* of msgcount: send-once rights that were not used, and for whose message there was no memory */
    union {
        struct ipc_space
            *receiver; /* IN_SPACE; not a reference (the space clears its rights before it goes) */
        void *kobject; /* IN_KERNEL */
    };
    struct ipc_port
        *destination; /* IN_TRANSIT: a reference, or NULL; under the transit lock (ipc/mqueue.c) */

    uint64_t srights;  /* send rights anywhere */
    uint32_t sorights; /* send-once rights anywhere, those on loan to a cacher included; told, nothing more */
    uint32_t mscount;  /* make-send count; wraps around */

    struct list messages;            /* struct ipc_kmsg */
    struct list receivers;           /* waiting threads, buffer form (or register form when not alone) */
    struct list senders;             /* threads waiting for room */
    struct list sets;                /* struct ipc_pset_link.port_link */
    struct list requests;            /* struct ipc_port_request */
    struct ipc_kmsg *no_senders;     /* reserved (ipc/notify.h), or NULL */
    struct ipc_kmsg *port_destroyed; /* likewise */
    struct ledger_account *payer;
};

_Static_assert(IPC_PORT_IN_SPACE == 0, "not_idle");
_Static_assert(sizeof(struct ipc_port) <= 256, "a port costs at most 256 bytes");

/* Boot. */
void ipc_port_init_module(void);

/* A new port with its receive right in limbo (place IN_TRANSIT, no destination), unlocked, one reference
 * (the receive right's), charged to `payer`. NULL without memory. */
HAL_NODISCARD struct ipc_port *ipc_port_alloc(struct ledger_account *payer);

/* --- lock --- */

/*
 * For a word like rx, of a port or a set.  Somebody else holds the lock: returns what the word held when that ended.  The thread
 * that waited there, with its form; what the word is while t waits there.
 */
uint64_t ipc_rx_lock_wait(uint64_t *rx);
struct thread *ipc_rx_waiter(uint64_t rx);
uint64_t ipc_rx_of_waiter(const struct thread *t);

/* The first set of a port that is idle otherwise, or NULL. rx: odd. */
static inline struct ipc_pset *ipc_port_rx_set(uint64_t rx)
{
    return rx % 8 == IPC_PORT_RX_COMPLEX ? (struct ipc_pset *)(uintptr_t)(rx - IPC_PORT_RX_COMPLEX) : NULL;
}

/* The lock was taken, and rx held this. */
static inline void ipc_port_locked(struct ipc_port *port, uint64_t rx)
{
    port->fast = NULL;
    if ((rx & 1) == 0)
        port->fast = ipc_rx_waiter(rx);
}

static inline void ipc_port_lock(struct ipc_port *port) NO_THREAD_SAFETY_ANALYSIS
{
    lock_rank_enter(port, LOCK_RANK_PORT, false, __FILE__, __LINE__);
    /* acquire: what the previous holder wrote is visible after the exchange */
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (__builtin_expect(rx == IPC_PORT_RX_LOCKED, 0))
        rx = ipc_rx_lock_wait(&port->rx);
    ipc_port_locked(port, rx);
}

/* Lock a port if nobody else holds its lock. It may be one that was freed since this CPU came from user mode or polled last. */
HAL_NODISCARD bool ipc_port_trylock(struct ipc_port *port);

/* The same of a port that is in sets, and idle but for that. */
uint64_t ipc_port_rx_member(const struct ipc_port *port);

/* What rx says of the port once it is unlocked. */
static inline uint64_t ipc_port_rx_unlocked(const struct ipc_port *port)
{
    if (port->place == IPC_PORT_IN_KERNEL)
        return IPC_PORT_RX_KERNEL;
    if (!list_empty(&port->receivers) || !list_empty(&port->senders))
        return IPC_PORT_RX_COMPLEX;
    if (port->not_idle != 0)
        return port->in_set && port->msgcount == 0 ? ipc_port_rx_member(port) : IPC_PORT_RX_COMPLEX;
    return port->fast == NULL ? port->idle : ipc_rx_of_waiter(port->fast);
}

static inline void ipc_port_unlock(struct ipc_port *port) NO_THREAD_SAFETY_ANALYSIS
{
    uint64_t rx = ipc_port_rx_unlocked(port);

    KASSERT(port->fast == NULL || (rx & 1) == 0);
    lock_rank_leave(port);
    /* release: whoever locks it next sees what was written */
    __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
}

/*
 * The lock for those who look at rights, count them, or write them into entries: rx is what it was before, so nothing has to be worked
 * out.  Returns: what to unlock with.
 */
static inline uint64_t ipc_port_lock_rights(struct ipc_port *port) NO_THREAD_SAFETY_ANALYSIS
{
    lock_rank_enter(port, LOCK_RANK_PORT, false, __FILE__, __LINE__);
    /* acquire: as in ipc_port_lock() */
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (__builtin_expect(rx == IPC_PORT_RX_LOCKED, 0))
        rx = ipc_rx_lock_wait(&port->rx);
    return rx;
}

/* The same, if nobody else holds the lock. rx: what to unlock with. */
HAL_NODISCARD static inline bool ipc_port_trylock_rights(struct ipc_port *port,
                                                         uint64_t *rx) NO_THREAD_SAFETY_ANALYSIS
{
    /* acquire: as in ipc_port_lock() */
    *rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (__builtin_expect(*rx == IPC_PORT_RX_LOCKED, 0))
        return false;
    lock_rank_enter(port, LOCK_RANK_PORT, false, __FILE__, __LINE__);
    return true;
}

static inline void ipc_port_unlock_rights(struct ipc_port *port, uint64_t rx) NO_THREAD_SAFETY_ANALYSIS
{
    lock_rank_leave(port);
    /* release: as in ipc_port_unlock() */
    __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
}

/* May a message be queued? Context: locked. */
static inline bool ipc_port_has_room(const struct ipc_port *port)
{
    return port->msgcount < port->qlimit && list_empty(&port->senders);
}

/* Where its receive right is, and what it is to the kernel. Hints unless it is locked: it may move or die meanwhile. */
static inline enum ipc_port_place ipc_port_place(const struct ipc_port *port)
{
    return (enum ipc_port_place)__atomic_load_n(&port->place, __ATOMIC_RELAXED);
}

static inline enum ipc_kotype ipc_port_kotype(const struct ipc_port *port)
{
    return (enum ipc_kotype)__atomic_load_n(&port->kotype, __ATOMIC_RELAXED);
}

static inline bool ipc_port_alive(const struct ipc_port *port)
{
    return port->place != IPC_PORT_IS_DEAD;
}

/* The same without the lock: it may be dying at this moment. */
static inline bool ipc_port_looks_alive(const struct ipc_port *port)
{
    return __atomic_load_n(&port->place, __ATOMIC_RELAXED) != IPC_PORT_IS_DEAD;
}

/*
 * --- counts of rights.  Context: locked; the port is alive ---
 * The number of send rights decides when nobody can send any more.  The other two are only told to the receiver,
 * in 32 bits, and wrap around.
 */
/*@ assigns \nothing;
    ensures next: \result == (count + 1) % 4294967296;
*/
static inline uint32_t ipc_port_count_next(uint32_t count)
{
    return count < UINT32_MAX ? count + 1 : 0;
}

/* One send right more; made: out of the receive right. */
/*@ requires \valid(port) && port->srights < UINT64_MAX;
    assigns port->srights, port->mscount;
    ensures right: port->srights == \old(port->srights) + 1;
    ensures made: port->mscount == (made ? (\old(port->mscount) + 1) % 4294967296 : \old(port->mscount));
*/
static inline void ipc_port_send_add(struct ipc_port *port, bool made)
{
    port->srights++;
    if (made)
        port->mscount = ipc_port_count_next(port->mscount);
}

/* One send right less. Returns whether it was the last. */
/*@ requires \valid(port) && port->srights > 0;
    assigns port->srights;
    ensures right: port->srights == \old(port->srights) - 1;
    ensures last: \result <==> port->srights == 0;
*/
static inline bool ipc_port_send_drop(struct ipc_port *port)
{
    KASSERT(port->srights > 0);
    return --port->srights == 0;
}

/* One send-once right more. */
/*@ requires \valid(port);
    assigns port->sorights;
    ensures right: port->sorights == (\old(port->sorights) + 1) % 4294967296;
*/
static inline void ipc_port_send_once_add(struct ipc_port *port)
{
    port->sorights = ipc_port_count_next(port->sorights);
}

/* One send-once right less. */
/*@ requires \valid(port) && port->sorights > 0;
    assigns port->sorights;
    ensures right: port->sorights == \old(port->sorights) - 1;
*/
static inline void ipc_port_send_once_drop(struct ipc_port *port)
{
    KASSERT(port->sorights > 0);
    port->sorights--;
}

/* --- references to the memory --- */
static inline void ipc_port_ref(struct ipc_port *port)
{
    ref_get(&port->refs);
}

/* The last reference went. */
void ipc_port_free(struct ipc_port *port);

static inline void ipc_port_unref(struct ipc_port *port)
{
    if (ref_put(&port->refs))
        ipc_port_free(port);
}

/*
 * --- rights that the kernel holds.  Each counts, and holds a reference. ---
 * make_*: a new right; the port is alive and its receiver agrees (or it is a kernel object). NULL in, NULL out.
 * make_send/copy_send answer IPC_PORT_DEAD for a dead port.
 * release_*: give one up; NULL and IPC_PORT_DEAD are fine.  release_send sends the no-senders notification when due,
 * release_send_once a send-once notification.
 * Context: no port lock held.
 */
struct ipc_port *ipc_port_make_send(struct ipc_port *port);
struct ipc_port *ipc_port_copy_send(struct ipc_port *port);
struct ipc_port *ipc_port_make_send_once(struct ipc_port *port);
void ipc_port_release_send(struct ipc_port *port);
void ipc_port_release_send_once(struct ipc_port *port);
/* Destroy the receive right and with it the port: queued messages are destroyed, waiters woken, requests served.
 * Consumes the receive right's reference. Context: no lock; the right is in no space (taken out by the caller). */
void ipc_port_destroy(struct ipc_port *port);

/*
 * --- for the other files of ipc ---
 * locked: port lock held.
 */
/* The waiter in `fast`, if any, becomes the first of `receivers`. Context: locked. */
void ipc_port_waiter_to_list(struct ipc_port *port);
static inline void ipc_port_fast_to_list(struct ipc_port *port)
{
    if (port->fast != NULL)
        ipc_port_waiter_to_list(port);
}
/* One send right less. Returns the no-senders notification that is due (with *mscount), or NULL. Context: locked. */
static inline struct ipc_kmsg *ipc_port_drop_send_locked(struct ipc_port *port, uint32_t *mscount)
{
    if (!ipc_port_alive(port) || !ipc_port_send_drop(port))
        return NULL;
    struct ipc_kmsg *message = port->no_senders;
    port->no_senders = NULL;
    *mscount = port->mscount;
    return message;
}
/* One send-once right and its reference less, without a notification (it was used). Context: no lock. */
void ipc_port_drop_send_once(struct ipc_port *port);
/* No thread has the port as its cached receive port any more. Context: locked. */
void ipc_port_uncache(struct ipc_port *port);
/* `port` (IN_SPACE, in self's space) becomes self's cached receive port, with a send-once right on loan; false: not now.
 * Context: locked; self is current; ipc_thread_uncache() was called if another port was cached. */
HAL_NODISCARD bool ipc_thread_cache(struct thread *self, struct ipc_port *port);
/* Give back what self holds of a port or set that was uncached behind its back. Context: self is current; no port or set lock. */
void ipc_thread_settle(struct thread *self);
/* self has no cached receive port or set any more. Context: self is current, or dead; no port or set lock. */
void ipc_thread_uncache(struct thread *self);

/* The receive right leaves or enters a space, a message or the kernel: new incarnation of `idle`, cacher told, sequence number
 * kept. Context: locked. */
void ipc_port_moved(struct ipc_port *port);
/* The receive right leaves its space for limbo: no set has it any more, and whoever waits for its messages is claimed, for
 * ipc_waiters_fail(). Initializes `waiters`. Context: locked. */
void ipc_port_leave(struct ipc_port *port, struct list *waiters);

#endif
