/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards: a receive right that only those can destroy who know a value.  They keep parts of one program from each other's mistakes, and
 * are no secret of the kernel's: the value is the port's label, which comes with its messages.
 * Context of all: the space that has the receive right is locked; no port lock.
 */
#ifndef IPC_GUARD_H
#define IPC_GUARD_H

#include <ipc/port.h>

/*
 * May who knows *guard (NULL: none) destroy the right?  Else the current thread has violated the guard of `name`: it gets EXC_GUARD with
 * this flavor (kGUARD_EXC_*).
 */
bool ipc_guard_permits(struct ipc_port *port, mach_port_name_t name, const mach_port_context_t *guard,
                       uint32_t flavor);

#endif
