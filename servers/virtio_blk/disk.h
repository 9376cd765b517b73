/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio block device (virtio 1.1, 5.2): its start, and the requests that it has. */
#ifndef VIRTIO_BLK_DISK_H
#define VIRTIO_BLK_DISK_H

#include "queue.h"
#include "transport.h"

struct disk {
    struct transport transport;
    struct queue queue;
    uint64_t size; /* bytes */
    bool read_only;
    bool flushes; /* it keeps what is written for itself until it is told */
    bool broken;  /* it is reset, and stays so */
};

/* Reset the device behind disk->transport and make it ready. Returns NULL, or what is wrong. */
const char *disk_start(struct disk *disk, device_master_t master);

/* Give a slot of disk->queue to the device. */
void disk_put(struct disk *disk, unsigned slot, uint32_t kind, uint64_t offset, uint32_t size);

/*
 * Call done(slot, good) for each request that is; if the device turns out to be broken, it is reset, and all it had were not good.
 * From then on it takes no more.
 */
void disk_serve(struct disk *disk, void (*done)(unsigned slot, bool good));

#endif
