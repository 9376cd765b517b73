/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port sets.  A port may be a member of several.  `ready` lists members that may have messages; it is a hint: a receiver
 * that finds such a member empty takes it off.  Lock order: port, then set.
 */
#ifndef IPC_PSET_H
#define IPC_PSET_H

#include <hal/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <mach/kern_return.h>
#include <mach/port.h>

struct ipc_port;
struct ledger_account;
struct thread;

struct ipc_pset {
    uint64_t rx;     /* IPC_PORT_RX_COMPLEX: see struct ipc_object */
    spinlock_t lock; /* rank LOCK_RANK_PSET */
    uint64_t refs;   /* kern/ref.h: the entry, and threads that look at it */
    bool active GUARDED_BY(lock);
    mach_port_name_t name;
    struct ledger_account *payer;           /* constant */
    struct list members GUARDED_BY(lock);   /* ipc_pset_link.set_link */
    struct list ready GUARDED_BY(lock);     /* ipc_pset_link.ready_link */
    struct list receivers GUARDED_BY(lock); /* waiting threads */
};

/* One membership. */
struct ipc_pset_link {
    struct list set_link;   /* pset->members; pset lock */
    struct list ready_link; /* pset->ready; pset lock */
    struct list port_link;  /* port->sets; port lock */
    struct ipc_pset *pset;  /* a reference */
    struct ipc_port *port;  /* a reference */
};

void ipc_pset_init_module(void);
/* A new empty set with one reference, or NULL. It and its memberships are charged to `payer`. */
HAL_NODISCARD struct ipc_pset *ipc_pset_create(mach_port_name_t name, struct ledger_account *payer);
void ipc_pset_ref(struct ipc_pset *pset);
void ipc_pset_unref(struct ipc_pset *pset);
/* The right to the set dies: members leave, receivers fail with MACH_RCV_PORT_DIED. Consumes a reference. Context: no lock. */
void ipc_pset_destroy(struct ipc_pset *pset);

/* Has it not been destroyed? Context: no set lock. */
bool ipc_pset_is_active(struct ipc_pset *pset);

/* Make a port a member. KERN_SUCCESS, KERN_ALREADY_IN_SET, KERN_RESOURCE_SHORTAGE. Context: no port or set lock. */
HAL_NODISCARD kern_return_t ipc_pset_insert(struct ipc_pset *pset, struct ipc_port *port);
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
struct ipc_port *ipc_pset_next_ready(struct ipc_pset *pset) REQUIRES(pset->lock);
/* The member has no messages any more. Context: port locked (and empty), set not. */
void ipc_pset_not_ready(struct ipc_pset *pset, struct ipc_port *port);
/* Names of the members: up to `room` into names; returns how many there are. Context: no lock. */
uint32_t ipc_pset_members(struct ipc_pset *pset, mach_port_name_t *names, uint32_t room);

#endif
