/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of devices in this task (mach/device.defs). */
#ifndef VIRTIO_BLK_MEMORY_H
#define VIRTIO_BLK_MEMORY_H

#include <mach/device_types.h>

/*
 * Map what is at a physical address, any range: registers, or tables of the firmware.
 * Returns: where its first byte is; NULL: it can't be had.
 */
volatile void *memory_map(device_master_t master, uint64_t address, mach_vm_size_t size);
/* Undo it; `at` as it was returned. */
void memory_unmap(const volatile void *at, mach_vm_size_t size);

/* Contiguous memory for the device, zero: where it is here, *address where it is for the device. NULL: there is none. */
void *memory_shared(device_master_t master, mach_vm_size_t size, uint64_t *address);

/* Map a memory entry, which is given up, to be read or written. Returns NULL if that fails. */
void *memory_entry_map(mach_port_t entry, mach_vm_size_t size, vm_prot_t protection);

#endif
