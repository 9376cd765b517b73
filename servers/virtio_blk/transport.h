/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a virtio device (version 1.1 of its specification) is reached: by memory-mapped registers (chapter 4.2) or over PCI (4.1).  What
 * both have in common is here; the rest of the driver knows no more.
 */
#ifndef VIRTIO_BLK_TRANSPORT_H
#define VIRTIO_BLK_TRANSPORT_H

#include <mach/device_types.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_ID_BLOCK 2u

/* Bits of the device's status (2.1). */
#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER 2u
#define VIRTIO_DRIVER_OK 4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED 128u

struct transport;

struct transport_operations {
    uint64_t (*features)(const struct transport *t);
    void (*accept)(const struct transport *t, uint64_t features);
    uint32_t (*status)(const struct transport *t);
    void (*set_status)(const struct transport *t, uint32_t status); /* 0: reset */
    /* Make queue 0 one of `size` descriptors, with its three parts at these physical addresses. Returns whether it is. */
    bool (*start_queue)(struct transport *t, uint32_t size, uint64_t descriptors, uint64_t driver,
                        uint64_t device);
    void (*notify)(const struct transport *t);      /* there is something new in queue 0 */
    void (*acknowledge)(const struct transport *t); /* the interrupt, before what it tells of is looked at */
    uint32_t (*generation)(const struct transport *t); /* changes with the device's configuration */
};

struct transport {
    const struct transport_operations *operations;
    interrupt_t interrupt;
    volatile uint8_t *registers;     /* mmio: all; PCI: the common configuration */
    volatile uint8_t *configuration; /* the device's own */
    volatile uint8_t *doorbell;      /* PCI: of queue 0, from start_queue() on */
    volatile uint8_t *doorbells;     /* PCI: of all queues */
    uint32_t doorbell_size;          /* PCI: bytes of these */
    uint32_t doorbell_step;          /* PCI: from one to the next */
};

static inline volatile uint32_t *transport_u32(volatile uint8_t *base, uint32_t offset)
{
    return (volatile uint32_t *)(volatile void *)(base + offset);
}

static inline volatile uint16_t *transport_u16(volatile uint8_t *base, uint32_t offset)
{
    return (volatile uint16_t *)(volatile void *)(base + offset);
}

/* A physical address, or a set of features, as two halves. */
static inline void transport_write_u64(volatile uint8_t *base, uint32_t offset, uint64_t value)
{
    *transport_u32(base, offset) = (uint32_t)value;
    *transport_u32(base, offset + 4) = (uint32_t)(value >> 32);
}

/*
 * Find the first block device behind registers that a device tree names (transport_mmio.c), or in a machine with ACPI on PCI bus 0
 * (transport_pci.c), and take its interrupt.  Returns whether there is one.
 */
bool transport_mmio_find(device_master_t master, const void *tree, uint64_t size, struct transport *t);
bool transport_pci_find(device_master_t master, uint64_t root_pointer, struct transport *t);

#endif
