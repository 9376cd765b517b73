/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notifications: messages of the kernel over send-once rights (mach/notify.h).  Each consumes `notify`; NULL: nothing happens.
 * Context: no lock.
 */
#ifndef IPC_NOTIFY_H
#define IPC_NOTIFY_H

#include <hal/types.h>
#include <mach/port.h>

struct ipc_kmsg;

void ipc_notify_dead_name(struct ipc_port *notify, mach_port_name_t name);
void ipc_notify_send_possible(struct ipc_port *notify, mach_port_name_t name);
void ipc_notify_port_deleted(struct ipc_port *notify, mach_port_name_t name);
void ipc_notify_no_senders(struct ipc_port *notify, uint32_t mscount);
void ipc_notify_send_once(struct ipc_port *notify);
/* The same in the memory of a message that has come to its end, so that no lack of memory can keep it back. Consumes kmsg. */
void ipc_notify_send_once_in(struct ipc_kmsg *kmsg, struct ipc_port *notify);
/* Also consumes the receive right of `port` (in limbo), unless it returns false: there is no memory for the message. */
bool ipc_notify_port_destroyed(struct ipc_port *notify, struct ipc_port *port);

#endif
