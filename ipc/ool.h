/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays of ports out of line: names in a task's memory outside, in the kernel an array of ports whose address stands in the
 * descriptor (ipc/kmsg.h).
 */
#ifndef IPC_OOL_H
#define IPC_OOL_H

#include <hal/types.h>
#include <mach/message.h>

struct ipc_port;
struct vm_map;

/* The array of a descriptor in kernel form; NULL: there is none. */
static inline struct ipc_port **ipc_ool_ports(const mach_msg_ool_ports_descriptor_t *d)
{
    return (struct ipc_port **)(uintptr_t)d->address;
}

/*
 * Read the names that a descriptor of a user points to.  *names: memory that has room for as many ports, and becomes their
 * array; NULL for a count of 0.
 * Returns: MACH_MSG_SUCCESS; MACH_SEND_NO_BUFFER; MACH_SEND_INVALID_MEMORY they can't be read: *names is NULL.
 * Context: no lock; map is the current one.
 */
HAL_NODISCARD mach_msg_return_t ipc_ool_ports_read(struct vm_map *map,
                                                   const mach_msg_ool_ports_descriptor_t *d,
                                                   mach_port_name_t **names);

/*
 * Write names to new memory of the map, and its address into the descriptor (0 for none).  Frees the array, in whose memory the
 * names are.
 * Returns: 0, or why it can't: MACH_MSG_VM_SPACE, MACH_MSG_VM_KERNEL; the descriptor is unchanged.
 * Context: no lock; map is the current one.
 */
HAL_NODISCARD mach_msg_return_t ipc_ool_ports_write(struct vm_map *map, mach_msg_ool_ports_descriptor_t *d);

/* Free the array of a descriptor in kernel form; its rights were moved out or destroyed. */
void ipc_ool_ports_free(mach_msg_ool_ports_descriptor_t *d);

#endif
