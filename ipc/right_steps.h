/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of taking and naming a right (ipc/right.c) that are inlined where one right goes from space to space (ipc/direct_rights.c).
 * Context of all, unless said: the space is locked.
 */
#ifndef IPC_RIGHT_STEPS_H
#define IPC_RIGHT_STEPS_H

#include <ipc/hash.h>
#include <ipc/right.h>

/* A new right beside the one that the entry keeps. IPC_PORT_DEAD if the port died under a COPY or MOVE of a send right. */
static inline struct ipc_port *ipc_right_add(struct ipc_port *port, mach_msg_type_name_t disposition)
{
    uint64_t rx = ipc_port_lock_rights(port);
    bool alive = ipc_port_alive(port);
    if (alive) {
        ipc_port_ref(port);
        if (disposition == MACH_MSG_TYPE_MAKE_SEND_ONCE)
            ipc_port_send_once_add(port);
        else
            ipc_port_send_add(port, disposition == MACH_MSG_TYPE_MAKE_SEND);
    }
    ipc_port_unlock_rights(port, rx);
    return alive ? port : IPC_PORT_DEAD;
}

/* The one right of a message is an entry's last user reference: the right itself moves, nothing is counted. */
static inline struct ipc_port *ipc_right_take_last_send(struct ipc_space *space, struct ipc_entry *entry,
                                                        mach_port_name_t name)
{
    struct ipc_port *port = entry->object;
    bool receive = (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0;

    if (!receive)
        ipc_hash_remove(space, entry);
    uint64_t rx = ipc_port_lock_rights(port);
    bool alive = ipc_port_alive(port);
    if (receive)
        ipc_entry_set(entry, name, MACH_PORT_TYPE_RECEIVE, 0);
    else
        ipc_entry_free(space, name, entry);
    ipc_port_unlock_rights(port, rx);
    if (alive)
        return port;
    ipc_port_unref(port);
    return IPC_PORT_DEAD;
}

/* One right that is MOVE_SEND, COPY_SEND, MAKE_SEND or MAKE_SEND_ONCE: its entry has it, and no request that ends with it. Returns: the
 * right; IPC_PORT_DEAD. */
static inline struct ipc_port *ipc_right_take_one(struct ipc_space *space, struct ipc_entry *entry,
                                                  mach_port_name_t name, mach_msg_type_name_t disposition)
{
    if (disposition == MACH_MSG_TYPE_MOVE_SEND && --entry->urefs == 0)
        return ipc_right_take_last_send(space, entry, name);
    return ipc_right_add(entry->object, disposition);
}

/*
 * A send right gets its name: as ipc_right_copyout(), but the right to a port that died, *name is MACH_PORT_DEAD then, stays the caller's.
 * Context: also active.
 */
static inline kern_return_t ipc_right_name_send(struct ipc_space *space, struct ipc_port *port,
                                                mach_port_name_t *name)
{
    struct ipc_entry *entry = ipc_entry_receives(space, port);

    if (entry == NULL && __builtin_expect(!ipc_hash_has_room(space), 0))
        return ipc_right_name_any(space, port, MACH_MSG_TYPE_PORT_SEND, name);
    uint64_t rx = ipc_port_lock_rights(port);
    if (__builtin_expect(!ipc_port_alive(port), 0)) {
        ipc_port_unlock_rights(port, rx);
        *name = MACH_PORT_DEAD;
        return KERN_SUCCESS;
    }
    /* if this right is the only one, there is no entry that has another */
    if (entry == NULL && port->srights > 1)
        entry = ipc_hash_find(space, port);
    if (entry == NULL) {
        entry = ipc_hash_take_room(space);
        *name = ~entry->key;
        entry->object = port;
        ipc_entry_set(entry, *name, MACH_PORT_TYPE_SEND, 1);
    } else if ((entry->bits & MACH_PORT_TYPE_SEND) == 0) {
        *name = ~entry->key;
        ipc_entry_set(entry, *name, MACH_PORT_TYPE_SEND_RECEIVE, 1);
    } else {
        *name = ipc_entry_name(entry);
        (void)ipc_port_send_drop(port); /* not the last: the entry keeps one */
        ipc_port_unlock_rights(port, rx);
        entry->urefs = ipc_urefs_add(entry->urefs);
        ipc_port_unref(port);
        return KERN_SUCCESS;
    }
    ipc_port_unlock_rights(port, rx);
    return KERN_SUCCESS;
}

/* As ipc_right_copyout(), for a send right that is one. Context: no lock. */
static inline kern_return_t ipc_right_copyout_send(struct ipc_space *space, struct ipc_port *port,
                                                   mach_port_name_t *name)
{
    kern_return_t kr = KERN_INVALID_TASK;

    spin_lock(&space->lock);
    if (__builtin_expect(space->active, 1))
        kr = ipc_right_name_send(space, port, name);
    spin_unlock(&space->lock);
    if (kr == KERN_SUCCESS && __builtin_expect(*name == MACH_PORT_DEAD, 0))
        ipc_port_release_send(port);
    return kr;
}

#endif
