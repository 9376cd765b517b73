/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notifications: messages of the kernel over send-once rights (mach/notify.h).  Who asks for one reserves the message at
 * once, so that no lack of memory can keep it back when it is due.  Context: no lock, unless said.
 */
#ifndef IPC_NOTIFY_H
#define IPC_NOTIFY_H

#include <hal/types.h>
#include <mach/port.h>

struct ipc_kmsg;
struct ipc_port;
struct ledger_account;

/* A message that will notify the holder of `notify`, a right that it takes over; charged to `payer`. Returns NULL without memory:
 * the right is the caller's. Context: any lock of rank < LOCK_RANK_CACHE. */
HAL_NODISCARD struct ipc_kmsg *ipc_notify_reserve(struct ipc_port *notify, struct ledger_account *payer);
/* It is not wanted any more (NULL: there is none). Returns the right. Context: as above. */
struct ipc_port *ipc_notify_release(struct ipc_kmsg *message);

/* Each sends the message; NULL: nothing happens. */
void ipc_notify_dead_name(struct ipc_kmsg *message, mach_port_name_t name);
void ipc_notify_send_possible(struct ipc_kmsg *message, mach_port_name_t name);
void ipc_notify_port_deleted(struct ipc_kmsg *message, mach_port_name_t name);
void ipc_notify_no_senders(struct ipc_kmsg *message, uint32_t mscount);
void ipc_notify_interrupt(struct ipc_kmsg *message, uint32_t line);
/* Also consumes the receive right of `port` (in limbo). */
void ipc_notify_port_destroyed(struct ipc_kmsg *message, struct ipc_port *port);
/* What it was to tell does not happen any more: its right tells that it was not used. */
void ipc_notify_unused(struct ipc_kmsg *message);

/* A send-once right, which this consumes, was not used: its port is told, if need be when there is memory again. */
void ipc_notify_send_once(struct ipc_port *notify);
/* The same in the memory of a message that has come to its end. Consumes kmsg. */
void ipc_notify_send_once_in(struct ipc_kmsg *kmsg, struct ipc_port *notify);
/* Such a notification for who receives from `port`, in new memory; it has one of the rights that the port owes for
 * (struct ipc_port). Returns NULL without memory. Context: port locked. */
HAL_NODISCARD struct ipc_kmsg *ipc_notify_owed(struct ipc_port *port);

#endif
