/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue.h"

#include "memory.h"

#include <mach/block_types.h>
#include <stddef.h>

#define FLAG_NEXT 1u
#define FLAG_WRITE 2u /* by the device */

#define STATUS_OK 0u
#define STATUS_NONE 0xffu /* none has been written yet */

enum { HEADER, DATA, STATUS, PARTS }; /* of a slot */

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
};

struct header {
    uint32_t kind;
    uint32_t reserved;
    uint64_t sector;
};

struct queue_memory {
    struct descriptor descriptor[QUEUE_DESCRIPTORS];
    struct {
        uint16_t flags;
        uint16_t index;
        uint16_t ring[QUEUE_DESCRIPTORS];
    } driver __attribute__((aligned(2)));
    struct {
        uint16_t flags;
        uint16_t index;
        struct {
            uint32_t id;
            uint32_t size;
        } ring[QUEUE_DESCRIPTORS];
    } device __attribute__((aligned(4)));
    struct header header[QUEUE_SLOTS];
    uint8_t status[QUEUE_SLOTS];
};
_Static_assert(sizeof(struct queue_memory) <= PAGE_SIZE, "one page is contiguous in any case");
_Static_assert(QUEUE_SLOTS *PARTS <= QUEUE_DESCRIPTORS, "each slot has its descriptors");

bool queue_init(struct queue *q, device_master_t master, struct queue_parts *parts)
{
    *q = (struct queue){.busy = 0};
    q->memory = memory_shared(master, PAGE_SIZE, &q->address);
    q->data = memory_shared(master, (mach_vm_size_t)QUEUE_SLOTS * BLOCK_TRANSFER_MAX, &q->data_address);
    *parts = (struct queue_parts){
        .descriptors = q->address + offsetof(struct queue_memory, descriptor),
        .driver = q->address + offsetof(struct queue_memory, driver),
        .device = q->address + offsetof(struct queue_memory, device),
    };
    return q->memory != NULL && q->data != NULL;
}

unsigned queue_slot(const struct queue *q)
{
    unsigned slot = 0;

    while (slot < QUEUE_SLOTS && (q->busy >> slot & 1) != 0)
        slot++;
    return slot;
}

uint8_t *queue_data(const struct queue *q, unsigned slot)
{
    return q->data + (size_t)slot * BLOCK_TRANSFER_MAX;
}

static void describe(struct queue *q, unsigned index, uint64_t address, uint32_t size, unsigned flags)
{
    q->memory->descriptor[index] = (struct descriptor){
        .address = address, .size = size, .flags = (uint16_t)flags, .next = (uint16_t)(index + 1)};
}

void queue_put(struct queue *q, unsigned slot, uint32_t kind, uint64_t sector, uint32_t size)
{
    struct queue_memory *m = q->memory;
    const unsigned first = slot * PARTS;
    const uint64_t header = q->address + offsetof(struct queue_memory, header) + slot * sizeof(struct header);

    m->header[slot] = (struct header){.kind = kind, .sector = sector};
    m->status[slot] = STATUS_NONE;
    describe(q, first + HEADER, header, sizeof(struct header), FLAG_NEXT);
    describe(q, first + DATA, q->data_address + (uint64_t)slot * BLOCK_TRANSFER_MAX, size,
             FLAG_NEXT | (kind == QUEUE_READ ? FLAG_WRITE : 0));
    describe(q, first + STATUS, q->address + offsetof(struct queue_memory, status) + slot, 1, FLAG_WRITE);
    if (size == 0)
        m->descriptor[first + HEADER].next = (uint16_t)(first + STATUS);
    m->driver.ring[q->written % QUEUE_DESCRIPTORS] = (uint16_t)first;
    q->written++;
    q->busy |= 1u << slot;
    /* release: the device sees what the index counts. It follows the rules of a CPU (VIRTIO_F_ORDER_PLATFORM is not accepted). */
    __atomic_store_n(&m->driver.index, q->written, __ATOMIC_RELEASE);
    /* and the index before the doorbell, which is behind the caller's next store */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

enum queue_state queue_take(struct queue *q, unsigned *slot, bool *good)
{
    struct queue_memory *m = q->memory;
    /* acquire: what the device wrote before it counted it */
    const uint16_t new = (uint16_t)(__atomic_load_n(&m->device.index, __ATOMIC_ACQUIRE) - q->seen);

    if (new == 0)
        return QUEUE_EMPTY;
    const uint32_t id = *(volatile uint32_t *)&m->device.ring[q->seen % QUEUE_DESCRIPTORS].id;
    if (new > (unsigned)__builtin_popcount(q->busy) || id % PARTS != 0 || id / PARTS >= QUEUE_SLOTS ||
        (q->busy >> id / PARTS & 1) == 0)
        return QUEUE_BROKEN;
    q->seen++;
    *slot = id / PARTS;
    q->busy &= ~(1u << *slot);
    *good = *(volatile uint8_t *)&m->status[*slot] == STATUS_OK;
    return QUEUE_DONE;
}
