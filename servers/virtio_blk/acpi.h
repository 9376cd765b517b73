/* SPDX-License-Identifier: BSD-2-Clause */
/* The one thing that a PCI driver needs of ACPI (6.4). */
#ifndef VIRTIO_BLK_ACPI_H
#define VIRTIO_BLK_ACPI_H

#include <mach/device_types.h>
#include <stdbool.h>
#include <stdint.h>

/* Physical address of the configuration space of bus 0, by the tables that the root pointer leads to. Returns false: there is none. */
bool acpi_find_configuration(device_master_t master, uint64_t root_pointer, uint64_t *base);

#endif
