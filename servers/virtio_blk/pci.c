/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci.h"

#include "acpi.h"
#include "memory.h"

#include <mach/mach.h>
#include <stddef.h>

#define SPACE_SIZE 0x1000u /* of one function */
#define FUNCTIONS 256u     /* 32 devices with 8 each */
#define BARS 6u
#define CAPABILITIES_MAX 48u /* that a configuration space has room for */

/* Configuration space (PCI Local Bus 3.0, 6.1). */
enum {
    COMMAND = 0x04, /* and the status in the upper half */
    BAR = 0x10,
    CAPABILITIES = 0x34,
};
#define COMMAND_MEMORY 2u
#define COMMAND_MASTER 4u
#define STATUS_CAPABILITIES (1u << 20)
#define VENDOR_NONE 0xffffu

#define BAR_IO 1u
#define BAR_KIND 6u
#define BAR_64 4u
#define BAR_ADDRESS (~UINT64_C(15))

/* MSI-X (6.8.2). */
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4 };
#define MSIX_ENABLE 0x8000u
#define MSIX_MASK_ALL 0x4000u
#define MSIX_BAR 7u
enum { ENTRY_ADDRESS = 0, ENTRY_DATA = 8, ENTRY_CONTROL = 12, ENTRY_SIZE = 16 };

static volatile uint8_t *bus;

static volatile uint32_t *word(volatile uint8_t *base, uint32_t offset)
{
    return (volatile uint32_t *)(volatile void *)(base + (offset & (SPACE_SIZE - 4)));
}

bool pci_open(device_master_t master, uint64_t root_pointer)
{
    uint64_t base;

    if (!acpi_find_configuration(master, root_pointer, &base))
        return false;
    bus = memory_map(master, base, FUNCTIONS * SPACE_SIZE);
    return bus != NULL;
}

bool pci_next(struct pci_function *f)
{
    while (f->next < FUNCTIONS) {
        f->space = bus + f->next++ * SPACE_SIZE;
        if ((pci_read32(f, PCI_VENDOR) & 0xffff) != VENDOR_NONE)
            return true;
    }
    return false;
}

uint32_t pci_read32(const struct pci_function *f, uint32_t offset)
{
    return *word(f->space, offset);
}

uint8_t pci_read8(const struct pci_function *f, uint32_t offset)
{
    return (uint8_t)(pci_read32(f, offset) >> 8 * (offset % 4));
}

uint32_t pci_capability(const struct pci_function *f, uint8_t kind, uint32_t after)
{
    uint32_t at = after != 0 ? after + 1 : CAPABILITIES;

    if ((pci_read32(f, COMMAND) & STATUS_CAPABILITIES) == 0)
        return 0;
    for (unsigned i = 0; i < CAPABILITIES_MAX; i++) {
        at = pci_read8(f, at) & ~3u;
        if (at == 0 || pci_read8(f, at) == kind)
            return at;
        at++; /* where the next one is */
    }
    return 0;
}

void pci_enable(const struct pci_function *f)
{
    *word(f->space, COMMAND) = (pci_read32(f, COMMAND) & 0xffff) | COMMAND_MEMORY | COMMAND_MASTER;
}

/* Bytes behind a base address register whose low word is at `offset`: the bits that can't be changed say so. */
static uint64_t bar_size(const struct pci_function *f, uint32_t offset, bool wide)
{
    const uint32_t low = pci_read32(f, offset), high = wide ? pci_read32(f, offset + 4) : 0;
    uint64_t mask = UINT64_C(0xffffffff) << 32;
    const uint32_t command = pci_read32(f, COMMAND) & 0xffff;

    *word(f->space, COMMAND) = command & ~COMMAND_MEMORY; /* it has no address for a moment */
    *word(f->space, offset) = UINT32_MAX;
    if (wide) {
        *word(f->space, offset + 4) = UINT32_MAX;
        mask = (uint64_t)pci_read32(f, offset + 4) << 32;
        *word(f->space, offset + 4) = high;
    }
    mask |= pci_read32(f, offset);
    *word(f->space, offset) = low;
    *word(f->space, COMMAND) = command;
    return ~(mask & BAR_ADDRESS) + 1;
}

volatile uint8_t *pci_map(const struct pci_function *f, uint8_t bar, uint32_t offset, uint32_t size)
{
    if (bar >= BARS)
        return NULL;
    const uint32_t at = BAR + 4u * bar;
    const uint32_t low = pci_read32(f, at);
    const bool wide = (low & BAR_KIND) == BAR_64;
    if ((low & BAR_IO) != 0 || (wide && bar == BARS - 1))
        return NULL;
    const uint64_t high = wide ? pci_read32(f, at + 4) : 0;
    const uint64_t base = (high << 32 | low) & BAR_ADDRESS;
    const uint64_t length = bar_size(f, at, wide);
    if (base == 0 || size > length || offset > length - size)
        return NULL;
    return memory_map(f->master, base + offset, size);
}

bool pci_message_interrupt(device_master_t master, const struct pci_function *f, interrupt_t *interrupt)
{
    const uint32_t at = pci_capability(f, PCI_CAP_MSIX, 0);
    uint64_t address;
    natural_t line;
    uint32_t data;

    if (at == 0)
        return false;
    const uint32_t where = pci_read32(f, at + MSIX_TABLE);
    volatile uint8_t *entry = pci_map(f, where & MSIX_BAR, where & ~MSIX_BAR, ENTRY_SIZE);
    if (entry == NULL || device_message_interrupt(master, &line, &address, &data, interrupt) != KERN_SUCCESS)
        return false;
    *word(entry, ENTRY_ADDRESS) = (uint32_t)address;
    *word(entry, ENTRY_ADDRESS + 4) = (uint32_t)(address >> 32);
    *word(entry, ENTRY_DATA) = data;
    *word(entry, ENTRY_CONTROL) = 0; /* not masked */
    const uint32_t control = (pci_read32(f, at) >> 16 & ~MSIX_MASK_ALL) | MSIX_ENABLE;
    *word(f->space, at) = control << 16;
    return true;
}
