/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A split virtqueue (virtio 1.1, 2.6) for requests of a block device.  Each of its slots has three descriptors of its own (header, data,
 * status) that never change places; so what the device says is done can be checked, and nothing that it can write to is believed.
 */
#ifndef VIRTIO_BLK_QUEUE_H
#define VIRTIO_BLK_QUEUE_H

#include <mach/device_types.h>
#include <stdbool.h>
#include <stdint.h>

#define QUEUE_SLOTS 8u
#define QUEUE_DESCRIPTORS 32u /* a power of two, 3 or more for each slot */

/* Kinds of request (5.2.6). */
#define QUEUE_READ 0u
#define QUEUE_WRITE 1u
#define QUEUE_FLUSH 4u

struct queue_memory;

struct queue {
    struct queue_memory *memory; /* shared with the device */
    uint64_t address;            /* of it, for the device */
    uint8_t *data;               /* BLOCK_TRANSFER_MAX bytes for each slot; shared, too */
    uint64_t data_address;
    uint32_t busy;    /* a bit for each slot: the device has it */
    uint16_t written; /* entries of the available ring, modulo 2^16 */
    uint16_t seen;    /* entries of the used ring */
};

/* Where the device finds its parts. */
struct queue_parts {
    uint64_t descriptors, driver, device;
};

/* Returns false: no memory. */
bool queue_init(struct queue *q, device_master_t master, struct queue_parts *parts);

/* A slot that is not busy; QUEUE_SLOTS: there is none. */
unsigned queue_slot(const struct queue *q);

/* The data of a slot. */
uint8_t *queue_data(const struct queue *q, unsigned slot);

/* Give the slot to the device, with `size` bytes of data (0: none) that it reads, or writes if kind is QUEUE_READ. */
void queue_put(struct queue *q, unsigned slot, uint32_t kind, uint64_t sector, uint32_t size);

enum queue_state {
    QUEUE_EMPTY,  /* the device has done nothing more */
    QUEUE_DONE,   /* *slot is done and not busy any more; *good: as it was asked */
    QUEUE_BROKEN, /* what the device wrote makes no sense: it must be reset */
};
enum queue_state queue_take(struct queue *q, unsigned *slot, bool *good);

#endif
