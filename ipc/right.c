/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights: taking them out of a space (for messages, extract_right) and naming them in one.
 *
 * Taking is all-or-nothing over any number of rights.  First each right is *claimed* in its entry: a user reference of a send
 * right or dead name is deducted, a receive right is marked, a send-once right is marked under its port's lock (the fast
 * path may be using it).  Every claim can be undone.  When all are claimed, they are made real.
 */
#include <ipc/entry.h>
#include <ipc/hash.h>
#include <ipc/mqueue.h>
#include <ipc/notify.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <ipc/right_steps.h>
#include <kern/cache.h>
#include <kern/panic.h>

#define ENTRY_CLAIMED 1u /* in `bits`, beside a receive or send-once right: being taken */

/* --- dead ports and their entries --- */

/* The port of a send or send-once entry died: the name is a dead name now. */
static void entry_bury(struct ipc_space *space, struct ipc_entry *entry)
{
    mach_port_name_t name = ipc_entry_name(entry);
    struct ipc_port *port = entry->object;
    uint32_t urefs = entry->urefs;

    if (entry->bits & MACH_PORT_TYPE_SEND)
        ipc_hash_remove(space, entry);
    if (entry->request != NULL) {
        /* the notification that was sent counts as a user reference, so that its receiver can't be fooled by reuse */
        if (!entry->request->spent)
            urefs = ipc_urefs_add(urefs);
        ipc_request_drop(entry->request);
        entry->request = NULL;
    }
    __atomic_store_n(&entry->object, &ipc_object_none, __ATOMIC_RELAXED);
    ipc_entry_set(entry, name, MACH_PORT_TYPE_DEAD_NAME, urefs);
    ipc_port_unref(port);
}

struct ipc_entry *ipc_right_look_at_port(struct ipc_space *space, mach_port_name_t name,
                                         struct ipc_entry *entry)
{
    struct ipc_port *port = entry->object;
    if ((entry->bits & MACH_PORT_TYPE_SEND) != 0 && ipc_port_looks_alive(port))
        return entry;
    /*
     * The fast path may consume a send-once right at this moment, and who makes the port dead may not have finished: look again
     * under the port's lock.
     */
    uint64_t rx = ipc_port_lock_rights(port);
    bool same = entry->object == port && ipc_entry_lookup(space, name) == entry;
    bool alive = ipc_port_alive(port);
    ipc_port_unlock_rights(port, rx);
    if (!same)
        return NULL;
    if (!alive && (entry->bits & ENTRY_CLAIMED) == 0)
        entry_bury(space, entry);
    return entry;
}

kern_return_t ipc_right_find(struct ipc_space *space, mach_port_name_t name, mach_port_type_t types,
                             struct ipc_entry **entry)
{
    if (!space->active)
        return KERN_INVALID_TASK;
    *entry = ipc_right_lookup(space, name);
    if (*entry == NULL)
        return KERN_INVALID_NAME;
    return ((*entry)->bits & types) != 0 ? KERN_SUCCESS : KERN_INVALID_RIGHT;
}

kern_return_t ipc_right_receive_enter(struct ipc_space *space, mach_port_name_t name,
                                      struct ipc_port **port) NO_THREAD_SAFETY_ANALYSIS
{
    struct ipc_entry *entry;

    spin_lock(&space->lock);
    kern_return_t kr = ipc_right_find(space, name, MACH_PORT_TYPE_RECEIVE, &entry);
    if (kr == KERN_SUCCESS) {
        *port = entry->object;
        ipc_port_lock(*port);
    }
    spin_unlock(&space->lock);
    return kr;
}

/* --- taking --- */

static kern_return_t claim_send_once(struct ipc_right_take *take)
{
    struct ipc_entry *entry = take->entry;
    struct ipc_port *port = entry->object;
    kern_return_t kr = KERN_INVALID_NAME;

    uint64_t rx = ipc_port_lock_rights(port);
    if (entry->bits == MACH_PORT_TYPE_SEND_ONCE && entry->object == port && ~entry->key == take->name) {
        entry->bits |= ENTRY_CLAIMED;
        kr = KERN_SUCCESS;
    }
    ipc_port_unlock_rights(port, rx);
    return kr;
}

static kern_return_t claim_uref(struct ipc_right_take *take)
{
    /* what is left of an entry whose last reference this very message took already */
    if (take->entry->urefs == 0)
        return take->entry->bits & MACH_PORT_TYPE_RECEIVE ? KERN_INVALID_RIGHT : KERN_INVALID_NAME;
    take->entry->urefs--;
    return KERN_SUCCESS;
}

static kern_return_t claim(struct ipc_space *space, struct ipc_right_take *take)
{
    take->port = NULL;
    take->entry = NULL;
    take->deleted = NULL;
    if (!MACH_MSG_TYPE_PORT_ANY(take->disposition))
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(take->name)) {
        take->port = take->name == MACH_PORT_DEAD ? IPC_PORT_DEAD : NULL;
        return KERN_SUCCESS;
    }
    struct ipc_entry *entry = ipc_right_lookup(space, take->name);
    if (entry == NULL)
        return KERN_INVALID_NAME;
    take->entry = entry;
    bool claimed = (entry->bits & ENTRY_CLAIMED) != 0;
    bool dead = (entry->bits & MACH_PORT_TYPE_DEAD_NAME) != 0;
    if (dead && take->alive)
        return KERN_INVALID_CAPABILITY;

    switch (take->disposition) {
    case MACH_MSG_TYPE_MOVE_RECEIVE:
        if ((entry->bits & MACH_PORT_TYPE_RECEIVE) == 0 || claimed)
            return KERN_INVALID_RIGHT;
        entry->bits |= ENTRY_CLAIMED;
        return KERN_SUCCESS;
    case MACH_MSG_TYPE_MAKE_SEND:
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
        return (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0 && !claimed ? KERN_SUCCESS : KERN_INVALID_RIGHT;
    case MACH_MSG_TYPE_COPY_SEND:
        if (dead)
            return KERN_SUCCESS;
        return (entry->bits & MACH_PORT_TYPE_SEND) != 0 && entry->urefs > 0 ? KERN_SUCCESS
                                                                            : KERN_INVALID_RIGHT;
    case MACH_MSG_TYPE_MOVE_SEND:
        if (!dead && (entry->bits & MACH_PORT_TYPE_SEND) == 0)
            return KERN_INVALID_RIGHT;
        return claim_uref(take);
    default: /* MOVE_SEND_ONCE */
        if (dead)
            return claim_uref(take);
        if ((entry->bits & MACH_PORT_TYPE_SEND_ONCE) == 0 || claimed)
            return KERN_INVALID_RIGHT;
        return claim_send_once(take);
    }
}

static void unclaim(struct ipc_right_take *take)
{
    struct ipc_entry *entry = take->entry;

    if (entry == NULL)
        return;
    if (take->disposition == MACH_MSG_TYPE_MOVE_RECEIVE ||
        (take->disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE && (entry->bits & MACH_PORT_TYPE_DEAD_NAME) == 0))
        entry->bits &= ~ENTRY_CLAIMED;
    else if (take->disposition == MACH_MSG_TYPE_MOVE_SEND ||
             take->disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE)
        entry->urefs =
            ipc_urefs_add(entry->urefs); /* its burial meanwhile may have added one, up to the limit */
}

/* The receive right leaves the entry for limbo. Whoever waits for messages is told. */
static void receive_leave(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name)
{
    struct ipc_port *port = entry->object;
    struct list waiters;

    ipc_port_lock(port);
    ipc_port_leave(port, &waiters);
    bool send = (entry->bits & MACH_PORT_TYPE_SEND) != 0;
    if (send)
        ipc_entry_set(entry, name, MACH_PORT_TYPE_SEND, entry->urefs);
    ipc_port_unlock(port);
    if (send)
        ipc_hash_insert(space, entry);
    ipc_waiters_fail(&waiters, MACH_RCV_PORT_CHANGED);
}

/* The entry's last user reference is gone: its own right goes, the name too unless there is the receive right. */
static void send_entry_end(struct ipc_space *space, struct ipc_right_take *take)
{
    struct ipc_entry *entry = take->entry;
    struct ipc_port *port = entry->object;

    if (entry->bits & MACH_PORT_TYPE_DEAD_NAME) {
        ipc_entry_free(space, take->name, entry);
        return;
    }
    if ((entry->bits & MACH_PORT_TYPE_RECEIVE) == 0) {
        take->deleted = ipc_request_cancel(entry, NULL);
        ipc_hash_remove(space, entry);
    }
    uint64_t rx = ipc_port_lock_rights(port);
    /* the message has a right of its own by now, so this one is not the last */
    if (ipc_port_alive(port))
        (void)ipc_port_send_drop(port);
    if (entry->bits & MACH_PORT_TYPE_RECEIVE)
        ipc_entry_set(entry, take->name, entry->bits & ~MACH_PORT_TYPE_SEND, 0);
    else
        ipc_entry_free(space, take->name, entry);
    ipc_port_unlock_rights(port, rx);
    ipc_port_unref(port);
}

static void commit_last_send(struct ipc_space *space, struct ipc_right_take *take)
{
    if ((take->entry->bits & MACH_PORT_TYPE_RECEIVE) == 0)
        take->deleted = ipc_request_cancel(take->entry, NULL);
    take->port = ipc_right_take_last_send(space, take->entry, take->name);
}

static bool is_last_send(const struct ipc_right_take *take)
{
    return take->disposition == MACH_MSG_TYPE_MOVE_SEND && take->entry != NULL && take->entry->urefs == 0 &&
           (take->entry->bits & MACH_PORT_TYPE_SEND) != 0;
}

static void commit_receive(struct ipc_space *space, struct ipc_right_take *take)
{
    struct ipc_entry *entry = take->entry;

    take->port = entry->object;
    entry->bits &= ~(MACH_PORT_TYPE_RECEIVE | ENTRY_CLAIMED);
    receive_leave(space, entry, take->name);
    if ((entry->bits & MACH_PORT_TYPE_SEND) == 0) {
        take->deleted = ipc_request_cancel(entry, NULL);
        ipc_entry_free(space, take->name, entry);
    }
}

static void commit_send_once(struct ipc_space *space, struct ipc_right_take *take)
{
    struct ipc_entry *entry = take->entry;
    struct ipc_port *port = entry->object;

    take->port = port;
    take->deleted = ipc_request_cancel(entry, NULL);
    uint64_t rx = ipc_port_lock_rights(port);
    ipc_entry_free(space, take->name, entry);
    ipc_port_unlock_rights(port, rx);
}

static void commit(struct ipc_space *space, struct ipc_right_take *take)
{
    struct ipc_entry *entry = take->entry;

    if (entry == NULL)
        return;
    if (entry->bits & MACH_PORT_TYPE_DEAD_NAME)
        take->port = IPC_PORT_DEAD;
    else if (take->disposition == MACH_MSG_TYPE_MOVE_RECEIVE)
        commit_receive(space, take);
    else if (take->disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE)
        commit_send_once(space, take);
    else
        take->port = ipc_right_add(entry->object, take->disposition);
}

/* Entries whose last reference went to the message, each once. */
static void commit_ends(struct ipc_space *space, struct ipc_right_take *takes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ipc_right_take *take = &takes[i];
        if (take->entry == NULL || (take->disposition != MACH_MSG_TYPE_MOVE_SEND &&
                                    take->disposition != MACH_MSG_TYPE_MOVE_SEND_ONCE))
            continue;
        bool counted = (take->entry->bits & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_DEAD_NAME)) != 0;
        if (counted && take->entry->urefs == 0 && ipc_entry_name(take->entry) == take->name)
            send_entry_end(space, take);
    }
}

kern_return_t ipc_right_claim(struct ipc_space *space, struct ipc_right_take *takes, uint32_t count,
                              uint32_t *failed)
{
    for (uint32_t n = 0; n < count; n++) {
        kern_return_t kr = claim(space, &takes[n]);
        if (kr != KERN_SUCCESS) {
            ipc_right_unclaim(takes, n);
            *failed = n;
            return kr;
        }
    }
    return KERN_SUCCESS;
}

void ipc_right_unclaim(struct ipc_right_take *takes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        unclaim(&takes[i]);
}

void ipc_right_commit(struct ipc_space *space, struct ipc_right_take *takes, uint32_t count)
{
    if (count == 1 && is_last_send(takes)) {
        commit_last_send(space, takes);
        return;
    }
    /* moves of receive rights last: MAKE_SEND of the same name needs it in place */
    for (uint32_t i = 0; i < count; i++) {
        if (takes[i].disposition != MACH_MSG_TYPE_MOVE_RECEIVE)
            commit(space, &takes[i]);
    }
    commit_ends(space, takes, count);
    for (uint32_t i = 0; i < count; i++) {
        if (takes[i].disposition == MACH_MSG_TYPE_MOVE_RECEIVE)
            commit(space, &takes[i]);
    }
}

void ipc_right_tell(const struct ipc_right_take *takes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (takes[i].deleted != NULL)
            ipc_notify_port_deleted(takes[i].deleted, takes[i].name);
}

kern_return_t ipc_right_take(struct ipc_space *space, struct ipc_right_take *takes, uint32_t count,
                             uint32_t *failed)
{
    uint32_t first = 0;

    spin_lock(&space->lock);
    kern_return_t kr = space->active ? ipc_right_claim(space, takes, count, &first) : KERN_INVALID_TASK;
    if (kr == KERN_SUCCESS)
        ipc_right_commit(space, takes, count);
    spin_unlock(&space->lock);
    if (kr == KERN_SUCCESS)
        ipc_right_tell(takes, count);
    else if (failed != NULL)
        *failed = first;
    return kr;
}

kern_return_t ipc_right_copyin(struct ipc_space *space, mach_port_name_t name,
                               mach_msg_type_name_t disposition, struct ipc_port **port)
{
    struct ipc_right_take take = {.name = name, .disposition = disposition};
    kern_return_t kr = ipc_right_take(space, &take, 1, NULL);
    if (kr == KERN_SUCCESS)
        *port = take.port;
    return kr;
}

void ipc_right_destroy(struct ipc_port *port, mach_msg_type_name_t type)
{
    if (!IPC_PORT_VALID(port))
        return;
    if (type == MACH_MSG_TYPE_PORT_RECEIVE)
        ipc_port_destroy(port);
    else if (type == MACH_MSG_TYPE_PORT_SEND)
        ipc_port_release_send(port);
    else
        ipc_port_release_send_once(port);
}

/* --- naming --- */

/* Another send right joins an entry that has one. Returns false if the port died: the entry is a dead name, no part of the right. */
static bool send_join(struct ipc_entry *entry, struct ipc_port *port)
{
    uint64_t rx = ipc_port_lock_rights(port);
    bool alive = ipc_port_alive(port);
    if (alive)
        (void)ipc_port_send_drop(port); /* not the last: the entry keeps one */
    ipc_port_unlock_rights(port, rx);
    if (!alive)
        return false;
    entry->urefs = ipc_urefs_add(entry->urefs);
    ipc_port_unref(port);
    return true;
}

/* Write a send or send-once right into an entry that has none. bits: what it has then. Returns false if the port died: nothing was
 * written. */
static bool right_write(struct ipc_entry *entry, mach_port_name_t name, struct ipc_port *port, uint32_t bits)
{
    uint64_t rx = ipc_port_lock_rights(port);
    bool alive = ipc_port_alive(port);
    if (alive) {
        entry->object = port;
        ipc_entry_set(entry, name, bits, 1);
    }
    ipc_port_unlock_rights(port, rx);
    return alive;
}

/* The same with the receive right; it joins the send right there, if there is one. */
static void receive_write(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name,
                          struct ipc_port *port)
{
    bool hashed = ipc_entry_is_hashed(entry->bits);

    ipc_port_lock(port);
    KASSERT(ipc_port_alive(port)); /* only who has the right could end it */
    entry->object = port;
    __atomic_store_n(&port->place, IPC_PORT_IN_SPACE, __ATOMIC_RELAXED);
    /* atomic: read beside the lock, too (ipc_entry_receives()) */
    __atomic_store_n(&port->receiver, space, __ATOMIC_RELAXED);
    __atomic_store_n(&port->name, name, __ATOMIC_RELAXED);
    ipc_port_moved(port);
    ipc_entry_set(entry, name, entry->bits | MACH_PORT_TYPE_RECEIVE, entry->urefs);
    ipc_port_unlock(port);
    if (hashed)
        ipc_hash_remove(space, entry);
}

/*
 * Name a right in its entry: a new one, or one with another right to the port.  Returns: the name to report, or MACH_PORT_DEAD, and a
 * new entry is free again.  Context: space locked.
 */
static mach_port_name_t name_in(struct ipc_space *space, struct ipc_entry *entry, mach_port_name_t name,
                                struct ipc_port *port, mach_msg_type_name_t type)
{
    bool fresh = entry->bits == 0;
    bool alive = true;

    if (type == MACH_MSG_TYPE_PORT_RECEIVE)
        receive_write(space, entry, name, port);
    else if (type == MACH_MSG_TYPE_PORT_SEND_ONCE)
        alive = right_write(entry, name, port, MACH_PORT_TYPE_SEND_ONCE);
    else if (entry->bits & MACH_PORT_TYPE_SEND)
        alive = send_join(entry, port);
    else
        alive = right_write(entry, name, port, entry->bits | MACH_PORT_TYPE_SEND);
    if (alive && fresh && type == MACH_MSG_TYPE_PORT_SEND)
        ipc_hash_insert(space, entry);
    if (!alive && fresh)
        ipc_entry_free(space, name, entry);
    return alive ? name : MACH_PORT_DEAD;
}

kern_return_t ipc_right_name_any(struct ipc_space *space, struct ipc_port *port, mach_msg_type_name_t type,
                                 mach_port_name_t *name)
{
    struct ipc_entry *entry = NULL;
    kern_return_t kr = KERN_SUCCESS;

    /* a receive right alone can't meet a send right */
    if (type == MACH_MSG_TYPE_PORT_SEND || (type == MACH_MSG_TYPE_PORT_RECEIVE && port->srights > 0))
        entry = ipc_entry_of_port(space, port);
    if (entry != NULL)
        *name = ipc_entry_name(entry);
    else
        kr = ipc_entry_alloc(space, name, &entry);
    if (kr == KERN_SUCCESS)
        *name = name_in(space, entry, *name, port, type);
    return kr;
}

kern_return_t ipc_right_copyout(struct ipc_space *space, struct ipc_port *port, mach_msg_type_name_t type,
                                mach_port_name_t *name)
{
    kern_return_t kr = KERN_INVALID_TASK;

    if (!IPC_PORT_VALID(port)) {
        *name = port == NULL ? MACH_PORT_NULL : MACH_PORT_DEAD;
        return KERN_SUCCESS;
    }
    if (type == MACH_MSG_TYPE_PORT_SEND)
        return ipc_right_copyout_send(space, port, name);
    if (type == MACH_MSG_TYPE_PORT_RECEIVE)
        ipc_transit_end(port); /* it may come out of a queue */
    spin_lock(&space->lock);
    if (space->active)
        kr = ipc_right_name_any(space, port, type, name);
    spin_unlock(&space->lock);
    if (kr == KERN_SUCCESS && *name == MACH_PORT_DEAD)
        ipc_right_destroy(port, type);
    return kr;
}

kern_return_t ipc_right_copyout_name(struct ipc_space *space, struct ipc_port *port,
                                     mach_msg_type_name_t type, mach_port_name_t name)
{
    kern_return_t kr = KERN_SUCCESS;

    spin_lock(&space->lock);
    struct ipc_entry *has = type == MACH_MSG_TYPE_PORT_SEND_ONCE ? NULL : ipc_entry_of_port(space, port);
    struct ipc_entry *entry = ipc_right_lookup(space, name);
    if (!space->active)
        kr = KERN_INVALID_TASK;
    else if (has != NULL && has != entry)
        kr = KERN_RIGHT_EXISTS;
    else if (entry != NULL && entry != has)
        kr = KERN_NAME_EXISTS;
    else if (has != NULL && type == MACH_MSG_TYPE_PORT_SEND && has->urefs == IPC_UREFS_MAX)
        kr = KERN_UREFS_OVERFLOW;
    else if (has == NULL)
        kr = ipc_entry_alloc_name(space, name, &entry);
    if (kr == KERN_SUCCESS && name_in(space, entry, name, port, type) == MACH_PORT_DEAD)
        kr = KERN_INVALID_CAPABILITY;
    spin_unlock(&space->lock);
    return kr;
}

/* --- the end of a space --- */

void ipc_right_clear(struct ipc_space *space, struct ipc_entry *entry)
{
    struct ipc_kmsg *deleted = NULL;
    struct ipc_port *port = NULL;

    spin_lock(&space->lock);
    uint32_t bits = entry->bits;
    if (bits == 0) {
        spin_unlock(&space->lock);
        return;
    }
    mach_port_name_t name = ipc_entry_name(entry);
    if (bits & MACH_PORT_TYPE_PORT_RIGHTS) {
        port = entry->object;
        deleted = ipc_request_cancel(entry, NULL);
        if (ipc_entry_is_hashed(bits))
            ipc_hash_remove(space, entry);
        if (bits & MACH_PORT_TYPE_RECEIVE) {
            ipc_port_lock(port);
            ipc_port_fast_to_list(port);
            ipc_port_moved(port);
            __atomic_store_n(&port->place, IPC_PORT_IN_TRANSIT, __ATOMIC_RELAXED);
            ipc_port_unlock(port);
        }
    }
    struct ipc_pset *pset = bits & MACH_PORT_TYPE_PORT_SET ? entry->object : NULL;
    ipc_entry_free(space, name, entry);
    spin_unlock(&space->lock);

    ipc_notify_port_deleted(deleted, name);
    if (pset != NULL)
        ipc_pset_destroy(pset);
    if (bits & MACH_PORT_TYPE_RECEIVE)
        ipc_port_destroy(port);
    if (bits & MACH_PORT_TYPE_SEND)
        ipc_port_release_send(port);
    if (bits & MACH_PORT_TYPE_SEND_ONCE)
        ipc_port_release_send_once(port);
}
