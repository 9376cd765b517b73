/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests for notifications by names that stand for somebody else's port: it dies, or a message can be sent to it again. */
#ifndef IPC_REQUEST_H
#define IPC_REQUEST_H

#include <ipc/space.h>

/* Boot. */
void ipc_request_init_module(void);

/*
 * An entry gives up its request, if it has one.  *told (may be NULL): the port died, and who asked was told.
 * Returns: the notification that nobody waits for any more; NULL: none.
 * Context: space->lock held.
 */
struct ipc_kmsg *ipc_request_cancel(struct ipc_entry *entry, bool *told);

/*
 * A request of the kernel's: when `port` dies, `notify`, a send-once right to a kernel object, gets a dead-name notification
 * (ipc_kobject_tell()).  Returns NULL without memory, or if the port is dead: the right is used up as well.
 * The caller has a reference to the port. Context: no lock.
 */
HAL_NODISCARD struct ipc_port_request *ipc_request_kernel_begin(struct ipc_port *port,
                                                                struct ipc_port *notify,
                                                                struct ledger_account *payer);
/* It is not wanted any more, or was served. */
void ipc_request_kernel_end(struct ipc_port *port, struct ipc_port_request *request);

/* MACH_PORT_TYPE_DNREQUEST, _SPREQUEST: for what an entry asked, and was not told yet. Context: space->lock held. */
static inline mach_port_type_t ipc_request_type(const struct ipc_entry *entry)
{
    const struct ipc_port_request *request = entry->request;

    if (request == NULL || __atomic_load_n(&request->spent, __ATOMIC_RELAXED))
        return 0;
    return request->possible ? MACH_PORT_TYPE_SPREQUEST : MACH_PORT_TYPE_DNREQUEST;
}

/* One owner less. */
void ipc_request_drop(struct ipc_port_request *request);

/* Is there room, and somebody to be told of it? Context: port locked. */
bool ipc_request_is_due(const struct ipc_port *port);
/* Tell whoever wants to know that there is room, while there is. Context: no lock; caller has a reference. */
void ipc_request_tell_possible(struct ipc_port *port);
/* A message to `name` found no room: its send-possible request, if it has one, waits for that from now on. Context: no lock. */
void ipc_request_arm(struct ipc_space *space, mach_port_name_t name);

#endif
