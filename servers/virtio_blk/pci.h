/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions on bus 0 through memory-mapped configuration space, which ACPI's table MCFG names (PCI Firmware Specification 3.0, 4.1).
 * Firmware has given them their addresses.
 */
#ifndef VIRTIO_BLK_PCI_H
#define VIRTIO_BLK_PCI_H

#include <mach/device_types.h>
#include <stdbool.h>
#include <stdint.h>

#define PCI_VENDOR 0x00u /* and the device in the upper half */

#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_MSIX 0x11u

struct pci_function {
    device_master_t master;
    uint32_t next;           /* number of the function to look at next */
    volatile uint8_t *space; /* its configuration space */
};

/* Map the configuration space of bus 0, from the root pointer of ACPI on. Returns whether there is one. */
bool pci_open(device_master_t master, uint64_t root_pointer);

/* Let *f be the next function that is there. Returns false behind the last. */
bool pci_next(struct pci_function *f);

uint8_t pci_read8(const struct pci_function *f, uint32_t offset);
uint32_t pci_read32(const struct pci_function *f, uint32_t offset);

/* The capability of that kind behind the one at `after` (0: the first); 0: there is none. Ends, whatever the device says. */
uint32_t pci_capability(const struct pci_function *f, uint8_t kind, uint32_t after);

/* Let the function answer at its addresses, and reach memory. */
void pci_enable(const struct pci_function *f);

/* Map part of what a base address register names. NULL: that is no memory, or the part is not inside. */
volatile uint8_t *pci_map(const struct pci_function *f, uint8_t bar, uint32_t offset, uint32_t size);

/* Take a message line, and let the function's first MSI-X message raise it. Returns false: it has none. */
bool pci_message_interrupt(device_master_t master, const struct pci_function *f, interrupt_t *interrupt);

#endif
