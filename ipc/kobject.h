/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel objects as ports.  A message to such a port is served at once, in the sender's context, by the MIG
 * routine for its msgh_id (kern/mig_kernel.h).
 */
#ifndef IPC_KOBJECT_H
#define IPC_KOBJECT_H

#include <ipc/kotype.h>
#include <ipc/port.h>

struct ipc_kmsg;

/* A port (IN_KERNEL) that stands for `object`; the caller keeps the one reference. NULL without memory. */
HAL_NODISCARD struct ipc_port *ipc_kobject_create(enum ipc_kotype type, void *object);

/* The object is going: from now on the port is dead. Consumes the creator's reference. */
void ipc_kobject_destroy(struct ipc_port *port);

/*
 * The object behind `port` if it is alive and of `type`, with a reference taken by `ref` under the port's lock; else NULL.
 * port may be NULL or IPC_PORT_DEAD.
 */
void *ipc_kobject_get(struct ipc_port *port, enum ipc_kotype type, void (*ref)(void *object));

/*
 * Serve a request to a kernel object: consumes kmsg.
 * Returns: the reply, with its remote port (send-once right) set, to be sent on by the caller; or NULL: none is due.
 * Context: no lock.
 */
struct ipc_kmsg *ipc_kobject_serve(struct ipc_kmsg *kmsg);

/* Hand a message that nobody answers to a kernel object: consumes kmsg; nonsense is dropped. Context: no lock. */
void ipc_kobject_tell(struct ipc_kmsg *kmsg);

#endif
