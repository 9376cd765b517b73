/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"

#include <mach/block_types.h>
#include <stddef.h>

#define FEATURE_READ_ONLY (UINT64_C(1) << 5)
#define FEATURE_FLUSH (UINT64_C(1) << 9)
#define FEATURE_VERSION_1 (UINT64_C(1) << 32)

#define CONFIGURATION_CAPACITY 0u /* in sectors, 8 bytes */
#define CAPACITY_TRIES 100u
#define RESET_TRIES 1000000u

static bool reset(const struct transport *t)
{
    t->operations->set_status(t, 0);
    for (unsigned i = 0; i < RESET_TRIES; i++) {
        if (t->operations->status(t) == 0)
            return true;
    }
    return false;
}

/* Both halves are of one time if the generation has not changed. */
static bool capacity_read(const struct transport *t, uint64_t *sectors)
{
    for (unsigned i = 0; i < CAPACITY_TRIES; i++) {
        const uint32_t before = t->operations->generation(t);
        const uint64_t high = *transport_u32(t->configuration, CONFIGURATION_CAPACITY + 4);
        *sectors = high << 32 | *transport_u32(t->configuration, CONFIGURATION_CAPACITY);
        if (t->operations->generation(t) == before)
            return *sectors <= UINT64_MAX / BLOCK_SIZE;
    }
    return false;
}

/* The steps of 3.1.1, in their order. */
const char *disk_start(struct disk *disk, device_master_t master)
{
    struct transport *t = &disk->transport;
    const struct transport_operations *o = t->operations;
    struct queue_parts parts;
    uint64_t sectors;

    if (!reset(t))
        return "it is not reset";
    o->set_status(t, VIRTIO_ACKNOWLEDGE);
    o->set_status(t, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    const uint64_t features = o->features(t);
    if ((features & FEATURE_VERSION_1) == 0)
        return "it has the old interface only";
    o->accept(t, features & (FEATURE_VERSION_1 | FEATURE_READ_ONLY | FEATURE_FLUSH));
    o->set_status(t, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    if ((o->status(t) & VIRTIO_FEATURES_OK) == 0)
        return "it does not take the features that we want";
    if (!queue_init(&disk->queue, master, &parts))
        return "there is no memory for its queue";
    if (!o->start_queue(t, QUEUE_DESCRIPTORS, parts.descriptors, parts.driver, parts.device))
        return "its queue does not start";
    if (!capacity_read(t, &sectors))
        return "it does not tell its size";
    disk->size = sectors * BLOCK_SIZE;
    disk->read_only = (features & FEATURE_READ_ONLY) != 0;
    disk->flushes = (features & FEATURE_FLUSH) != 0;
    o->set_status(t, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
    return NULL;
}

void disk_put(struct disk *disk, unsigned slot, uint32_t kind, uint64_t offset, uint32_t size)
{
    queue_put(&disk->queue, slot, kind, offset / BLOCK_SIZE, size);
    disk->transport.operations->notify(&disk->transport);
}

/* After a reset the device does not touch our memory any more. */
static void give_up(struct disk *disk, void (*done)(unsigned slot, bool good))
{
    disk->broken = true;
    (void)reset(&disk->transport);
    for (unsigned slot = 0; slot < QUEUE_SLOTS; slot++) {
        if ((disk->queue.busy >> slot & 1) == 0)
            continue;
        disk->queue.busy &= ~(1u << slot);
        done(slot, false);
    }
}

void disk_serve(struct disk *disk, void (*done)(unsigned slot, bool good))
{
    const struct transport *t = &disk->transport;
    enum queue_state state;
    unsigned slot;
    bool good;

    t->operations->acknowledge(t);
    if (disk->broken)
        return;
    while ((state = queue_take(&disk->queue, &slot, &good)) == QUEUE_DONE)
        done(slot, good);
    if (state == QUEUE_BROKEN || (t->operations->status(t) & VIRTIO_NEEDS_RESET) != 0)
        give_up(disk, done);
}
