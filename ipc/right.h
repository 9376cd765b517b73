/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights that enter and leave name spaces.
 *
 * Each right holds one reference to its port: the receive right, the send right of an entry (however many user
 * references it has), every right in a message, every right that the kernel holds.
 */
#ifndef IPC_RIGHT_H
#define IPC_RIGHT_H

#include <ipc/entry.h>
#include <mach/message.h>

/* One right to be taken out of a space by a message disposition. */
struct ipc_right_take {
    mach_port_name_t name;
    mach_msg_type_name_t disposition; /* MACH_MSG_TYPE_MOVE_RECEIVE ... MAKE_SEND_ONCE */
    bool alive;                       /* a dead name will not do: KERN_INVALID_CAPABILITY */
    struct ipc_port *port;    /* out: the right; NULL for MACH_PORT_NULL, IPC_PORT_DEAD for dead names */
    struct ipc_entry *entry;  /* private */
    struct ipc_kmsg *deleted; /* private: notification of the name's end */
};

/*
 * Take `count` rights out of `space`, all or none: the same name may occur several times.
 * Returns: KERN_SUCCESS, every .port set; KERN_INVALID_NAME, KERN_INVALID_RIGHT, KERN_INVALID_TASK, KERN_INVALID_VALUE
 * (unknown disposition): nothing changed, *failed (if not NULL) is the index at fault.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t ipc_right_take(struct ipc_space *space, struct ipc_right_take *takes,
                                           uint32_t count, uint32_t *failed);

/*
 * The steps of it.  claim: all or none, *failed as above; then either unclaim or commit; tell, if committed.
 * Context: space->lock held and the space active; tell: no lock.
 */
HAL_NODISCARD kern_return_t ipc_right_claim(struct ipc_space *space, struct ipc_right_take *takes,
                                            uint32_t count, uint32_t *failed);
void ipc_right_unclaim(struct ipc_right_take *takes, uint32_t count);
void ipc_right_commit(struct ipc_space *space, struct ipc_right_take *takes, uint32_t count);
void ipc_right_tell(const struct ipc_right_take *takes, uint32_t count);

/* In one step, for one right. */
HAL_NODISCARD kern_return_t ipc_right_copyin(struct ipc_space *space, mach_port_name_t name,
                                             mach_msg_type_name_t disposition, struct ipc_port **port);

/*
 * Give a right that the kernel or a message holds a name in `space` (type: MACH_MSG_TYPE_PORT_SEND, _SEND_ONCE or
 * _RECEIVE).  Send and receive rights to one port share one name; at the limit of user references a send right is absorbed.  NULL
 * becomes MACH_PORT_NULL; IPC_PORT_DEAD and a port that died meanwhile MACH_PORT_DEAD.
 * Returns: KERN_SUCCESS: the right was consumed; KERN_NO_SPACE, KERN_RESOURCE_SHORTAGE, KERN_INVALID_TASK: the
 * right is still the caller's.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t ipc_right_copyout(struct ipc_space *space, struct ipc_port *port,
                                              mach_msg_type_name_t type, mach_port_name_t *name);
/* The part of it under the lock, of a right that is one; MACH_PORT_DEAD: it is still the caller's. Context: space->lock held, space active. */
HAL_NODISCARD kern_return_t ipc_right_name_any(struct ipc_space *space, struct ipc_port *port,
                                               mach_msg_type_name_t type, mach_port_name_t *name);
/* The same under a given name. Also KERN_NAME_EXISTS, KERN_RIGHT_EXISTS (another name has the right), KERN_INVALID_VALUE,
 * KERN_INVALID_CAPABILITY (dead port), KERN_UREFS_OVERFLOW. */
HAL_NODISCARD kern_return_t ipc_right_copyout_name(struct ipc_space *space, struct ipc_port *port,
                                                   mach_msg_type_name_t type, mach_port_name_t name);

/* Destroy a right that is in no space (type as above): release, or destroy the port. NULL and IPC_PORT_DEAD are fine.
 * Context: no lock. */
void ipc_right_destroy(struct ipc_port *port, mach_msg_type_name_t type);

/* The rest of ipc_right_lookup(), for a send or send-once right to another's port. */
struct ipc_entry *ipc_right_look_at_port(struct ipc_space *space, mach_port_name_t name,
                                         struct ipc_entry *entry);

/*
 * Look up an entry and, if its port died, make it the dead name that it is.
 * Context: space->lock held.
 */
static inline struct ipc_entry *ipc_right_lookup(struct ipc_space *space, mach_port_name_t name)
{
    struct ipc_entry *entry = ipc_entry_lookup(space, name);

    if (entry == NULL || (entry->bits & MACH_PORT_TYPE_SEND_RIGHTS) == 0 ||
        (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0)
        return entry;
    return ipc_right_look_at_port(space, name, entry);
}

/*
 * The entry of `name`, if it has a right of one of the types (MACH_PORT_TYPE_*).
 * Returns: KERN_SUCCESS; KERN_INVALID_TASK, KERN_INVALID_NAME, KERN_INVALID_RIGHT.
 * Context: space->lock held.
 */
HAL_NODISCARD kern_return_t ipc_right_find(struct ipc_space *space, mach_port_name_t name,
                                           mach_port_type_t types, struct ipc_entry **entry);

/*
 * Find the receive right `name` and lock its port.
 * Returns: KERN_SUCCESS; KERN_INVALID_TASK, KERN_INVALID_NAME, KERN_INVALID_RIGHT: nothing is locked.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t ipc_right_receive_enter(struct ipc_space *space, mach_port_name_t name,
                                                    struct ipc_port **port) NO_THREAD_SAFETY_ANALYSIS;

/* MACH_MSG_TYPE_* of the right that results from a disposition. */
static inline mach_msg_type_name_t ipc_right_result(mach_msg_type_name_t disposition)
{
    switch (disposition) {
    case MACH_MSG_TYPE_COPY_SEND:
    case MACH_MSG_TYPE_MAKE_SEND:
        return MACH_MSG_TYPE_PORT_SEND;
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
        return MACH_MSG_TYPE_PORT_SEND_ONCE;
    default:
        return disposition;
    }
}

#endif
