/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between ports and the kernel's objects, for the stubs that MIG generates (include/mach/mach_types.defs
 * names these).
 *
 * convert_port_to_X: port may be IPC_PORT_NULL, IPC_PORT_DEAD or the port of anything; it stays the caller's.
 * Returns: the object with a reference for the caller (hosts: there is no counting); NULL if it is none or
 * dying.
 *
 * convert_X_to_port: consumes the caller's reference. Returns: a send right for the object's port, or
 * IPC_PORT_DEAD if it is dying.
 *
 * Context: no lock.
 */
#ifndef KERN_MIG_CONVERT_H
#define KERN_MIG_CONVERT_H

#include <ipc/space.h>
#include <kern/interrupt.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/device_types.h>
#include <mach/mach_types.h>
#include <vm/memory_object.h>
#include <vm/vm_map.h>
#include <vm/vm_memory_entry.h>

task_t convert_port_to_task(mach_port_t port);
mach_port_t convert_task_to_port(task_t task);

thread_act_t convert_port_to_thread(mach_port_t port);
mach_port_t convert_thread_to_port(thread_act_t thread);

/* The name space or the address space of the task that the port stands for. */
ipc_space_t convert_port_to_space(mach_port_t port);
vm_map_t convert_port_to_map(mach_port_t port);

/* NULL: it is no memory entry. */
struct vm_memory_entry *convert_port_to_memory_entry(mach_port_t port);

/* NULL: it is no memory object's control port. */
memory_object_control_t convert_port_to_memory_object(mach_port_t port);

/* The host: for either of its ports; for the privileged one only. */
host_t convert_port_to_host(mach_port_t port);
host_priv_t convert_port_to_host_priv(mach_port_t port);

/* The host, for the device master port; an interrupt. */
device_master_t convert_port_to_device_master(mach_port_t port);
interrupt_t convert_port_to_interrupt(mach_port_t port);

#endif
