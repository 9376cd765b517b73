/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port sets.  A port may be a member of several.  `ready` lists members that may have messages; it is a hint: a receiver
 * that finds such a member empty takes it off.  Lock order: port, then set.
 *
 * The word `rx` is that of a port (ipc/port.h): lock, single waiter and state of the set.  == idle: alive, none of its members is
 * ready, nobody waits.  A thread that waits on a set alone is in the set's rx, and nowhere else.  The rx of a member that is idle but
 * for its sets names the first of them; so on the short paths one exchange locks the member, and a second one locks the set and yields
 * the waiter.  As long as the member is locked it stays in the set, and so the set exists.
 */
#ifndef IPC_PSET_H
#define IPC_PSET_H

#include <hal/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <mach/kern_return.h>
#include <mach/port.h>

struct ipc_port;
struct ipc_space;
struct ledger_account;
struct thread;

/* All fields but rx, refs and what says otherwise: under the lock. */
struct ipc_pset {
    uint64_t rx;
    uint64_t idle;
    uint64_t refs;         /* kern/ref.h: the entry, and threads that look at it or remember it */
    struct thread *fast;   /* while locked: the waiter that rx held, or NULL */
    struct thread *cacher; /* the thread that has it as rcv_set, or NULL */
    bool active;
    mach_port_name_t name;
    struct ledger_account *payer; /* constant */
    struct list members;          /* ipc_pset_link.set_link */
    struct list ready;            /* ipc_pset_link.ready_link */
    struct list receivers;        /* waiting threads, when not alone in rx */
};

/* One membership. */
struct ipc_pset_link {
    struct list set_link;   /* pset->members; set locked */
    struct list ready_link; /* pset->ready; set locked */
    struct list port_link;  /* port->sets; port lock */
    struct ipc_pset *pset;  /* a reference */
    struct ipc_port *port;  /* a reference */
};

void ipc_pset_init_module(void);

void ipc_pset_lock(struct ipc_pset *pset);
HAL_NODISCARD bool ipc_pset_trylock(struct ipc_pset *pset); /* as ipc_port_trylock() */
void ipc_pset_unlock(struct ipc_pset *pset);
/* The waiter in rx, if any, becomes the first of `receivers`. Context: locked. */
void ipc_pset_fast_to_list(struct ipc_pset *pset);
/* The set becomes self's cached one; false: not now. Context: locked, self is current; as ipc_thread_cache(). */
HAL_NODISCARD bool ipc_pset_cache(struct thread *self, struct ipc_pset *pset);
/* The same, beside a port that is cached already, for calls that ask for their answer there. Context: that port locked, set not. */
void ipc_pset_cache_apart(struct thread *self, struct ipc_pset *pset);
/* self's cached set is no more; rcv_name is THREAD_RCV_NONE already. Context: self is current, or dead; no set lock. */
void ipc_pset_forget(struct thread *self);
/* The first set that a port is in. Context: port locked, in a set. */
struct ipc_pset *ipc_pset_first(const struct ipc_port *port);

/* A new empty set with one reference, or NULL. It and its memberships are charged to `payer`. */
HAL_NODISCARD struct ipc_pset *ipc_pset_create(mach_port_name_t name, struct ledger_account *payer);
void ipc_pset_ref(struct ipc_pset *pset);
void ipc_pset_unref(struct ipc_pset *pset);
/* The right to the set dies: members leave, receivers fail with MACH_RCV_PORT_DIED. Consumes a reference. Context: no lock. */
void ipc_pset_destroy(struct ipc_pset *pset);

/* Its name changes. Context: no set lock. */
void ipc_pset_rename(struct ipc_pset *pset, mach_port_name_t name);
/* Has it not been destroyed? Context: no set lock. */
bool ipc_pset_is_active(struct ipc_pset *pset);

/*
 * Make a port, whose receive right was found in `space`, a member; move: of this set alone.
 * Returns: KERN_SUCCESS; KERN_ALREADY_IN_SET (insert); KERN_RESOURCE_SHORTAGE; KERN_INVALID_RIGHT the receive right is not there any
 * more; KERN_INVALID_NAME the set is not: nothing changed.
 * Context: no port or set lock.
 */
HAL_NODISCARD kern_return_t ipc_pset_insert(struct ipc_pset *pset, struct ipc_port *port,
                                            const struct ipc_space *space);
HAL_NODISCARD kern_return_t ipc_pset_move(struct ipc_pset *pset, struct ipc_port *port,
                                          const struct ipc_space *space);
/* End a membership. KERN_SUCCESS, KERN_NOT_IN_SET. Context: no port or set lock. */
kern_return_t ipc_pset_remove(struct ipc_pset *pset, struct ipc_port *port);
/* The port leaves every set. Context: port locked. */
void ipc_pset_remove_all_locked(struct ipc_port *port);

/* A thread that waits on some set of the port, taken off (claimed), or NULL. Context: port locked. */
struct thread *ipc_pset_claim_receiver(struct ipc_port *port);
/*
 * A message was queued: who receives from a set from now on looks at the port.  Returns whether somebody waits already on one of
 * the sets, and must be woken to look.  Context: port locked.
 */
bool ipc_pset_mark_ready(struct ipc_port *port);
/* The member to look at next, with a reference, moved to the end; NULL: none ready. Context: pset locked. */
struct ipc_port *ipc_pset_next_ready(struct ipc_pset *pset);
/* The member has no messages any more. Context: port locked (and empty), set not. */
void ipc_pset_not_ready(struct ipc_pset *pset, struct ipc_port *port);
/* Names of the members: up to `room` into names; returns how many there are. Context: no lock. */
uint32_t ipc_pset_members(struct ipc_pset *pset, mach_port_name_t *names, uint32_t room);

#endif
