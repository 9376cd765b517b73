/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory out of line: in the kernel a copy of it, whose address stands in the descriptor.
 * Arrays of ports out of line: names in a task's memory outside, in the kernel an array of ports whose address stands in the
 * descriptor (ipc/kmsg.h).
 */
#ifndef IPC_OOL_H
#define IPC_OOL_H

#include <hal/types.h>
#include <mach/message.h>

struct ipc_port;
struct vm_map;
struct vm_map_copy;

/* The memory of a descriptor in kernel form; NULL: there is none. */
static inline struct vm_map_copy *ipc_ool_copy(const mach_msg_ool_descriptor_t *d)
{
    return (struct vm_map_copy *)(uintptr_t)d->address;
}

/*
 * Copy the memory that a descriptor of a user points to.
 * Returns: MACH_MSG_SUCCESS; MACH_SEND_NO_BUFFER; MACH_SEND_INVALID_MEMORY it can't be read: *copy is NULL.
 * Context: no lock.
 */
HAL_NODISCARD mach_msg_return_t ipc_ool_read(struct vm_map *map, const mach_msg_ool_descriptor_t *d,
                                             struct vm_map_copy **copy);
/*
 * Enter the memory of a descriptor into the map, and its address into the descriptor (0 for none).
 * Returns: 0; MACH_MSG_VM_SPACE: the copy is discarded, and the descriptor is empty.
 * Context: no lock.
 */
HAL_NODISCARD mach_msg_return_t ipc_ool_write(struct vm_map *map, mach_msg_ool_descriptor_t *d);

/* It can't be written before the current thread has waited for a page. */
#define IPC_OOL_WAIT MACH_RCV_IN_PROGRESS
/*
 * Write the memory of a descriptor over what is at `address`, from byte *done on, which is counted up.
 * Returns: 0; MACH_MSG_VM_SPACE it can't be written there, MACH_MSG_VM_KERNEL: the copy is discarded, and the descriptor is empty;
 * IPC_OOL_WAIT: the descriptor is unchanged.
 * Context: no lock; map is the current one.
 */
HAL_NODISCARD mach_msg_return_t ipc_ool_overwrite(struct vm_map *map, mach_msg_ool_descriptor_t *d,
                                                  hal_va_t address, uint64_t *done);

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

/* The same over what is at `address`. Returns: 0; MACH_MSG_VM_SPACE; MACH_MSG_VM_KERNEL; IPC_OOL_WAIT: the descriptor is unchanged. */
HAL_NODISCARD mach_msg_return_t ipc_ool_ports_overwrite(struct vm_map *map,
                                                        mach_msg_ool_ports_descriptor_t *d, hal_va_t address);

/* Free the array of a descriptor in kernel form; its rights were moved out or destroyed. */
void ipc_ool_ports_free(mach_msg_ool_ports_descriptor_t *d);

#endif
