/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio over PCI (virtio 1.1, 4.1), on bus 0 of a machine with memory-mapped configuration space (pci.c).  Interrupts are messages
 * (MSI-X): one for queue 0, none for changes of the configuration.
 *
 * Where the registers are, the device itself says, in its capabilities.  They are bounded to the base address register that they name.
 */
#include "memory.h"
#include "pci.h"
#include "transport.h"

#include <mach/mach.h>
#include <stddef.h>

#define VENDOR 0x1af4u
#define DEVICE_MODERN (0x1040u + VIRTIO_ID_BLOCK)
#define DEVICE_TRANSITIONAL 0x1001u /* a block device with the old interface as well */
#define NO_VECTOR 0xffffu

/* A vendor's capability, and the kinds of it. */
enum { CAP_KIND = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_NOTIFY_STEP = 16 };
enum { KIND_COMMON = 1, KIND_NOTIFY = 2, KIND_DEVICE = 4 };

/* The common configuration. */
enum {
    REG_FEATURES_SELECT = 0,
    REG_FEATURES = 4,
    REG_ACCEPT_SELECT = 8,
    REG_ACCEPT = 12,
    REG_CONFIGURATION_VECTOR = 16,
    REG_STATUS = 20,
    REG_GENERATION = 21,
    REG_QUEUE_SELECT = 22,
    REG_QUEUE_SIZE = 24,
    REG_QUEUE_VECTOR = 26,
    REG_QUEUE_ENABLE = 28,
    REG_QUEUE_NOTIFY = 30,
    REG_DESCRIPTORS = 32,
    REG_DRIVER = 40,
    REG_DEVICE_RING = 48,
    COMMON_SIZE = 56,
};

static uint64_t pci_features(const struct transport *t)
{
    *transport_u32(t->registers, REG_FEATURES_SELECT) = 1;
    const uint64_t high = *transport_u32(t->registers, REG_FEATURES);
    *transport_u32(t->registers, REG_FEATURES_SELECT) = 0;
    return high << 32 | *transport_u32(t->registers, REG_FEATURES);
}

static void pci_accept(const struct transport *t, uint64_t features)
{
    for (uint32_t half = 0; half < 2; half++) {
        *transport_u32(t->registers, REG_ACCEPT_SELECT) = half;
        *transport_u32(t->registers, REG_ACCEPT) = (uint32_t)(features >> 32 * half);
    }
}

static uint32_t pci_status(const struct transport *t)
{
    return t->registers[REG_STATUS];
}

static void pci_set_status(const struct transport *t, uint32_t status)
{
    t->registers[REG_STATUS] = (uint8_t)status;
}

static bool pci_start_queue(struct transport *t, uint32_t size, uint64_t descriptors, uint64_t driver,
                            uint64_t device)
{
    volatile uint8_t *base = t->registers;

    *transport_u16(base, REG_CONFIGURATION_VECTOR) = NO_VECTOR;
    *transport_u16(base, REG_QUEUE_SELECT) = 0;
    const uint64_t doorbell = (uint64_t)*transport_u16(base, REG_QUEUE_NOTIFY) * t->doorbell_step;
    if (*transport_u16(base, REG_QUEUE_SIZE) < size || doorbell % 2 != 0 || doorbell + 2 > t->doorbell_size)
        return false;
    t->doorbell = t->doorbells + doorbell;
    *transport_u16(base, REG_QUEUE_SIZE) = (uint16_t)size;
    *transport_u16(base, REG_QUEUE_VECTOR) = 0;
    if (*transport_u16(base, REG_QUEUE_VECTOR) != 0)
        return false;
    transport_write_u64(base, REG_DESCRIPTORS, descriptors);
    transport_write_u64(base, REG_DRIVER, driver);
    transport_write_u64(base, REG_DEVICE_RING, device);
    *transport_u16(base, REG_QUEUE_ENABLE) = 1;
    return true;
}

static void pci_notify(const struct transport *t)
{
    *transport_u16(t->doorbell, 0) = 0;
}

/* A message is an edge: there is nothing to take back. */
static void pci_acknowledge(const struct transport *t)
{
    (void)t;
}

static uint32_t pci_generation(const struct transport *t)
{
    return t->registers[REG_GENERATION];
}

static const struct transport_operations operations = {
    .features = pci_features,
    .accept = pci_accept,
    .status = pci_status,
    .set_status = pci_set_status,
    .start_queue = pci_start_queue,
    .notify = pci_notify,
    .acknowledge = pci_acknowledge,
    .generation = pci_generation,
};

/* --- the device ----------------------------------------------------------------------------------------- */

/* Map what the capability at `at` describes, `least` bytes or more; *size: how many. */
static volatile uint8_t *part_map(struct pci_function *f, uint32_t at, uint32_t least, uint32_t *size)
{
    *size = pci_read32(f, at + CAP_LENGTH);
    return *size >= least ? pci_map(f, pci_read8(f, at + CAP_BAR), pci_read32(f, at + CAP_OFFSET), *size)
                          : NULL;
}

/* The first part of each kind counts. Returns whether all are there. */
static bool parts_map(struct pci_function *f, struct transport *t)
{
    uint32_t size;

    for (uint32_t at = pci_capability(f, PCI_CAP_VENDOR, 0); at != 0;
         at = pci_capability(f, PCI_CAP_VENDOR, at)) {
        switch (pci_read8(f, at + CAP_KIND)) {
        case KIND_COMMON:
            if (t->registers == NULL)
                t->registers = part_map(f, at, COMMON_SIZE, &size);
            break;
        case KIND_NOTIFY:
            if (t->doorbells != NULL)
                break;
            t->doorbells = part_map(f, at, sizeof(uint16_t), &t->doorbell_size);
            t->doorbell_step = pci_read32(f, at + CAP_NOTIFY_STEP);
            break;
        case KIND_DEVICE:
            if (t->configuration == NULL)
                t->configuration = part_map(f, at, sizeof(uint64_t), &size);
            break;
        default:
            break;
        }
    }
    return t->registers != NULL && t->doorbells != NULL && t->configuration != NULL;
}

static bool function_open(device_master_t master, struct pci_function *f, struct transport *t)
{
    const uint32_t device = pci_read32(f, PCI_VENDOR) >> 16;

    if ((pci_read32(f, PCI_VENDOR) & 0xffff) != VENDOR ||
        (device != DEVICE_MODERN && device != DEVICE_TRANSITIONAL))
        return false;
    *t = (struct transport){.operations = &operations};
    pci_enable(f);
    return parts_map(f, t) && pci_message_interrupt(master, f, &t->interrupt);
}

bool transport_pci_find(device_master_t master, uint64_t root_pointer, struct transport *t)
{
    struct pci_function f = {.master = master};

    if (!pci_open(master, root_pointer))
        return false;
    while (pci_next(&f)) {
        if (function_open(master, &f, t))
            return true;
    }
    return false;
}
