/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel objects as ports.  A message to such a port is served at once, in the sender's context, by the MIG
 * routine for its msgh_id (kern/mig_kernel.h).
 */
#ifndef IPC_KOBJECT_H
#define IPC_KOBJECT_H

#include <ipc/kotype.h>
#include <ipc/port.h>
#include <kern/mig_kernel.h>
#include <mach/message.h>

struct ipc_kmsg;
struct ledger_account;

/* A subsystem's ids: from a multiple of this to the next at most. */
#define IPC_KOBJECT_IDS 100u
#define IPC_KOBJECT_SUBSYSTEMS 64u

/* By id / IPC_KOBJECT_IDS; NULL: none. */
extern const struct mig_kernel_subsystem *const ipc_kobject_subsystem[IPC_KOBJECT_SUBSYSTEMS];

/* A port (IN_KERNEL) that stands for `object`, charged to `payer`; the caller keeps the one reference. NULL without memory. */
HAL_NODISCARD struct ipc_port *ipc_kobject_create(enum ipc_kotype type, void *object,
                                                  struct ledger_account *payer);

/*
 * A send right for a new port that stands for `object`, charged to `payer`.  With the last send right the port dies and the
 * object is given up. NULL without memory: the object is the caller's.
 * Context: no lock.
 */
HAL_NODISCARD struct ipc_port *ipc_kobject_create_counted(enum ipc_kotype type, void *object,
                                                          struct ledger_account *payer);

/* The object is going: from now on the port is dead. Consumes the creator's reference. */
void ipc_kobject_destroy(struct ipc_port *port);

/*
 * What the object behind `port` is to the caller: the result of ref(object), which takes a reference, under the port's lock.
 * NULL if the port is not alive, not of `type`, NULL or IPC_PORT_DEAD.
 */
static inline __attribute__((always_inline)) void *ipc_kobject_get(struct ipc_port *port,
                                                                   enum ipc_kotype type,
                                                                   void *(*ref)(void *object))
{
    void *result = NULL;

    if (!IPC_PORT_VALID(port))
        return NULL;
    ipc_port_lock(port);
    if (port->place == IPC_PORT_IN_KERNEL && port->kotype == type)
        result = ref(port->kobject);
    ipc_port_unlock(port);
    return result;
}

/* The routine for a message with this id, or NULL. */
static inline const struct mig_kernel_entry *ipc_kobject_routine(mach_msg_id_t id)
{
    uint32_t number = (uint32_t)id / IPC_KOBJECT_IDS;

    if (number >= IPC_KOBJECT_SUBSYSTEMS || ipc_kobject_subsystem[number] == NULL)
        return NULL;
    return mig_kernel_lookup(ipc_kobject_subsystem[number], id);
}
/* Room for the reply of a routine, or of none (NULL); nobody pays it yet (ipc/kmsg.h). NULL without memory. */
HAL_NODISCARD struct ipc_kmsg *ipc_kobject_reply_alloc(const struct mig_kernel_entry *entry);

/*
 * Serve a request to a kernel object: consumes kmsg.
 * Returns: the reply, with its remote port (send-once right) set, to be sent on by the caller; or NULL: none is due, or
 * (*wait) the routine needs a page that its pager has: kmsg is still the caller's, to be served again after memory_object_wait().
 * Context: no lock.
 */
struct ipc_kmsg *ipc_kobject_serve(struct ipc_kmsg *kmsg, bool *wait);

/* A request will not be served: it becomes the reply, with that result, as ipc_kobject_serve() returns it; or NULL. Consumes it. */
struct ipc_kmsg *ipc_kobject_refuse(struct ipc_kmsg *request, kern_return_t why);

/* kmsg, which is about to be destroyed, may be the notification that a port of ipc_kobject_create_counted() has no senders any
 * more: end the port and its object. Context: no lock. */
void ipc_kobject_forget(const struct ipc_kmsg *kmsg);

/* Hand a message that nobody answers to a kernel object: consumes kmsg; nonsense is dropped. Context: no lock. */
void ipc_kobject_tell(struct ipc_kmsg *kmsg);

#endif
