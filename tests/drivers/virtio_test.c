/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * servers/virtio_blk against devices that lie: whatever they write, the driver takes nothing for done that it did not ask for.  The
 * device here works by the specification's layout (virtio 1.1, 2.6), not by the driver's.
 */
#include <mach/block_types.h>
#include <servers/virtio_blk/acpi.h>
#include <servers/virtio_blk/disk.h>
#include <servers/virtio_blk/memory.h>

#include "host_test.h"

#define MASTER 7u

/* --- memory: what the device calls an address is one here ------------------------------------------------ */

void *memory_shared(device_master_t master, mach_vm_size_t size, uint64_t *address)
{
    void *memory = master == MASTER ? calloc(1, size) : NULL;

    *address = (uintptr_t)memory;
    return memory;
}

static uint8_t firmware[0x8000]; /* from address 0 on */

volatile void *memory_map(device_master_t master, uint64_t address, mach_vm_size_t size)
{
    (void)master;
    return size <= sizeof firmware && address <= sizeof firmware - size ? firmware + address : NULL;
}

void memory_unmap(const volatile void *at, mach_vm_size_t size)
{
    CHECK(at != NULL && size > 0);
}

/* --- a queue, and the device's side of it ---------------------------------------------------------------- */

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

static struct queue queue;
static struct queue_parts parts;

static uint16_t *driver_ring(void)
{
    return (uint16_t *)(uintptr_t)parts.driver;
}

static uint16_t *device_index(void)
{
    return (uint16_t *)(uintptr_t)parts.device + 1;
}

static struct descriptor *descriptor(unsigned i)
{
    return (struct descriptor *)(uintptr_t)parts.descriptors + i % QUEUE_DESCRIPTORS;
}

/* Say that the request at descriptor `id` is done. */
static void device_say(uint32_t id)
{
    uint32_t *ring = (uint32_t *)(uintptr_t)(parts.device + 4);

    ring[2 * (*device_index() % QUEUE_DESCRIPTORS)] = id;
    ++*device_index();
}

/* The descriptor at which request number `n` begins. */
static uint16_t request(uint16_t n)
{
    return driver_ring()[2 + n % QUEUE_DESCRIPTORS];
}

/* The last descriptor of a request is where its status goes. */
static void device_do(uint16_t id, uint8_t status)
{
    const struct descriptor *d = descriptor(id);

    while ((d->flags & 1) != 0)
        d = descriptor(d->next);
    CHECK(d->size == 1 && (d->flags & 2) != 0);
    *(uint8_t *)(uintptr_t)d->address = status;
    device_say(id);
}

static void queue_begin(void)
{
    CHECK(queue_init(&queue, MASTER, &parts));
    CHECK(parts.descriptors % 16 == 0 && parts.driver % 2 == 0 && parts.device % 4 == 0);
}

static void queue_finish(void)
{
    free(queue.memory);
    free(queue.data);
}

static void described(void)
{
    queue_begin();
    memset(queue_data(&queue, 0), 5, BLOCK_SIZE);
    queue_put(&queue, 0, QUEUE_WRITE, 77, BLOCK_SIZE);
    CHECK(driver_ring()[1] == 1);
    const struct descriptor *header = descriptor(request(0));
    const struct descriptor *data = descriptor(header->next), *status = descriptor(data->next);
    CHECK(header->size == 16 && header->flags == 1 && data->flags == 1 && status->flags == 2);
    CHECK(*(uint32_t *)(uintptr_t)header->address == 1 &&
          *(uint64_t *)(uintptr_t)(header->address + 8) == 77);
    CHECK(data->size == BLOCK_SIZE && *(uint8_t *)(uintptr_t)data->address == 5);
    queue_put(&queue, 1, QUEUE_READ, 0, BLOCK_TRANSFER_MAX);
    data = descriptor(descriptor(request(1))->next);
    CHECK(data->flags == 3 && data->address == (uintptr_t)queue_data(&queue, 1));
    queue_put(&queue, 2, QUEUE_FLUSH, 0, 0);
    CHECK(descriptor(descriptor(request(2))->next)->size == 1);
    queue_finish();
}

/* All slots, done in any order, more often than a ring's index counts. */
static void many(void)
{
    uint16_t id[QUEUE_SLOTS];
    unsigned slot;
    bool good;

    queue_begin();
    for (uint32_t n = 0; n < 70000;) {
        const unsigned count = 1 + host_random(QUEUE_SLOTS);
        for (unsigned i = 0; i < count; i++) {
            slot = queue_slot(&queue);
            CHECK(slot < QUEUE_SLOTS);
            queue_put(&queue, slot, QUEUE_READ, n, BLOCK_SIZE);
            id[i] = request((uint16_t)n++);
        }
        CHECK(queue_take(&queue, &slot, &good) == QUEUE_EMPTY);
        for (unsigned left = count; left > 0; left--) {
            const unsigned pick = host_random(left);
            const bool well = host_random(2) == 0;
            device_do(id[pick], well ? 0 : 1);
            CHECK(queue_take(&queue, &slot, &good) == QUEUE_DONE && good == well);
            id[pick] = id[left - 1];
        }
        CHECK(queue.busy == 0);
    }
    queue_finish();
}

static void full(void)
{
    queue_begin();
    for (unsigned i = 0; i < QUEUE_SLOTS; i++)
        queue_put(&queue, queue_slot(&queue), QUEUE_READ, 0, BLOCK_SIZE);
    CHECK(queue_slot(&queue) == QUEUE_SLOTS);
    queue_finish();
}

/* One request is under way; the device says that `id` is done. */
static enum queue_state lie(uint32_t id)
{
    unsigned slot = QUEUE_SLOTS;
    bool good;

    queue_begin();
    queue_put(&queue, 0, QUEUE_READ, 0, BLOCK_SIZE);
    device_say(id);
    enum queue_state state = queue_take(&queue, &slot, &good);
    CHECK(state != QUEUE_DONE || slot == 0);
    queue_finish();
    return state;
}

static void lies(void)
{
    unsigned slot;
    bool good;

    for (uint32_t id = 1; id < 2 * QUEUE_DESCRIPTORS; id++)
        CHECK(lie(id) == QUEUE_BROKEN);
    CHECK(lie(UINT32_MAX) == QUEUE_BROKEN && lie(UINT32_MAX - UINT32_MAX % 3) == QUEUE_BROKEN);
    CHECK(lie(0) == QUEUE_DONE);
    queue_begin();
    CHECK(queue_take(&queue, &slot, &good) == QUEUE_EMPTY);
    device_say(0); /* nothing was asked for */
    CHECK(queue_take(&queue, &slot, &good) == QUEUE_BROKEN);
    queue_finish();
    queue_begin();
    queue_put(&queue, 0, QUEUE_READ, 0, BLOCK_SIZE);
    device_do(0, 0);
    *device_index() = (uint16_t)(*device_index() - 2); /* back */
    CHECK(queue_take(&queue, &slot, &good) == QUEUE_BROKEN);
    queue_finish();
    queue_begin();
    queue_put(&queue, 0, QUEUE_READ, 0, BLOCK_SIZE);
    queue_put(&queue, 1, QUEUE_READ, 0, BLOCK_SIZE);
    device_do(0, 0);
    device_do(0, 0); /* twice */
    CHECK(queue_take(&queue, &slot, &good) == QUEUE_DONE && slot == 0 && good);
    CHECK(queue_take(&queue, &slot, &good) == QUEUE_BROKEN);
    queue_finish();
}

/* The device writes anything anywhere in what it shares with the driver. */
static void noise(void)
{
    for (unsigned round = 0; round < 20000; round++) {
        unsigned slot, done = 0;
        bool good;
        queue_begin();
        for (unsigned i = 0; i < 4; i++)
            queue_put(&queue, i, QUEUE_READ, 0, BLOCK_SIZE);
        uint8_t *bytes = (uint8_t *)(uintptr_t)queue.address;
        for (unsigned i = 0; i < 200; i++)
            bytes[host_random(PAGE_SIZE)] = (uint8_t)host_random(8);
        while (queue_take(&queue, &slot, &good) == QUEUE_DONE) {
            CHECK(slot < 4);
            done++;
        }
        CHECK(done + (unsigned)__builtin_popcount(queue.busy) == 4);
        queue_finish();
    }
}

/* --- a device behind a transport ------------------------------------------------------------------------- */

static struct {
    uint64_t features;
    uint32_t status;
    uint32_t generation, generation_step;
    bool stuck; /* does not reset */
    bool no_queue, no_features;
    unsigned notified;
    uint64_t accepted;
} fake;

static uint64_t fake_capacity;
static unsigned done_good, done_bad;

static uint64_t fake_features(const struct transport *t)
{
    (void)t;
    return fake.features;
}

static void fake_accept(const struct transport *t, uint64_t features)
{
    (void)t;
    fake.accepted = features;
}

static uint32_t fake_status(const struct transport *t)
{
    (void)t;
    return fake.status;
}

static void fake_set_status(const struct transport *t, uint32_t status)
{
    (void)t;
    fake.status = fake.stuck ? 1 : fake.no_features ? status & ~VIRTIO_FEATURES_OK : status;
}

static bool fake_start_queue(struct transport *t, uint32_t size, uint64_t descriptors, uint64_t driver,
                             uint64_t device)
{
    (void)t;
    CHECK(size == QUEUE_DESCRIPTORS && (fake.status & VIRTIO_DRIVER_OK) == 0);
    parts = (struct queue_parts){descriptors, driver, device};
    return !fake.no_queue;
}

static void fake_notify(const struct transport *t)
{
    (void)t;
    fake.notified++;
}

static void fake_acknowledge(const struct transport *t)
{
    (void)t;
}

static uint32_t fake_generation(const struct transport *t)
{
    (void)t;
    return fake.generation += fake.generation_step;
}

static const struct transport_operations operations = {
    .features = fake_features,
    .accept = fake_accept,
    .status = fake_status,
    .set_status = fake_set_status,
    .start_queue = fake_start_queue,
    .notify = fake_notify,
    .acknowledge = fake_acknowledge,
    .generation = fake_generation,
};

#define MODERN (UINT64_C(1) << 32)

static struct disk disk;

static const char *start(device_master_t master)
{
    disk =
        (struct disk){.transport = {.operations = &operations, .configuration = (uint8_t *)&fake_capacity}};
    done_good = done_bad = 0;
    return disk_start(&disk, master);
}

static void stop(void)
{
    free(disk.queue.memory);
    free(disk.queue.data);
}

static void done(unsigned slot, bool good)
{
    CHECK(slot < QUEUE_SLOTS);
    done_good += good;
    done_bad += !good;
}

static void started(void)
{
    memset(&fake, 0, sizeof fake);
    fake.features = MODERN | 1u << 5 | UINT64_C(1) << 33;
    fake_capacity = 100;
    CHECK(start(MASTER) == NULL && disk.size == 100 * BLOCK_SIZE && disk.read_only && !disk.flushes);
    CHECK(fake.accepted == (MODERN | 1u << 5)); /* what it understands */
    CHECK((fake.status & VIRTIO_DRIVER_OK) != 0);
    stop();
}

static void refused(void)
{
    memset(&fake, 0, sizeof fake);
    CHECK(start(MASTER) != NULL); /* old */
    fake.features = MODERN;
    fake.generation_step = 1;
    CHECK(start(MASTER) != NULL); /* never tells its size */
    stop();
    fake.generation_step = 0;
    fake_capacity = UINT64_MAX / BLOCK_SIZE + 1;
    CHECK(start(MASTER) != NULL);
    stop();
    fake_capacity = 100;
    fake.no_queue = true;
    CHECK(start(MASTER) != NULL);
    stop();
    fake.no_queue = false;
    fake.no_features = true;
    CHECK(start(MASTER) != NULL);
    fake.no_features = false;
    CHECK(start(MASTER + 1) != NULL); /* no memory */
    fake.stuck = true;
    CHECK(start(MASTER) != NULL);
}

/* What a broken device had is not good, and it is reset. */
static void broken(void)
{
    memset(&fake, 0, sizeof fake);
    fake.features = MODERN;
    fake_capacity = 100;
    for (unsigned how = 0; how < 2; how++) {
        CHECK(start(MASTER) == NULL);
        fake.notified = 0;
        for (unsigned i = 0; i < 3; i++)
            disk_put(&disk, queue_slot(&disk.queue), QUEUE_READ, 0, BLOCK_SIZE);
        CHECK(fake.notified == 3);
        device_do(request(1), 0);
        disk_serve(&disk, done);
        CHECK(done_good == 1 && done_bad == 0);
        if (how == 0)
            device_say(1); /* no request begins there */
        else
            fake.status |= VIRTIO_NEEDS_RESET;
        disk_serve(&disk, done);
        CHECK(disk.broken && done_good == 1 && done_bad == 2 && fake.status == 0 && disk.queue.busy == 0);
        device_say(0);
        disk_serve(&disk, done); /* of no interest any more */
        CHECK(done_good == 1 && done_bad == 2);
        stop();
    }
}

/* --- ACPI ------------------------------------------------------------------------------------------------ */

static void put(uint32_t at, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        firmware[at + i] = (uint8_t)(value >> 8 * i);
}

static void table(uint32_t at, const char *signature, uint32_t size)
{
    uint8_t sum = 0;

    memcpy(firmware + at, signature, 4);
    put(at + 4, size, 4);
    firmware[at + 9] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + firmware[at + i]);
    firmware[at + 9] = (uint8_t)-sum;
}

#define ROOT 0x100u
#define LIST 0x200u
#define MCFG 0x300u
#define BASE UINT64_C(0xb0000000)

static void tables(void)
{
    memset(firmware, 0, sizeof firmware);
    put(ROOT + 15, 2, 1);
    put(ROOT + 24, LIST, 8);
    put(LIST + 36, 0x7ff0, 8); /* of nothing */
    put(LIST + 44, MCFG, 8);
    table(LIST, "XSDT", 52);
    put(MCFG + 44, BASE + 5, 8); /* of another segment */
    put(MCFG + 52, 1, 2);
    put(MCFG + 60, BASE, 8);
    table(MCFG, "MCFG", 76);
}

static void configuration(void)
{
    uint64_t base = 0;

    tables();
    CHECK(acpi_find_configuration(MASTER, ROOT, &base) && base == BASE);
    put(LIST + 36, MCFG, 4);
    table(LIST, "RSDT", 40);
    put(ROOT + 15, 0, 1);
    put(ROOT + 16, LIST, 4);
    base = 0;
    CHECK(acpi_find_configuration(MASTER, ROOT, &base) && base == BASE);
}

static void no_configuration(void)
{
    uint64_t base;

    tables();
    firmware[MCFG + 70] ^= 1; /* the sum */
    CHECK(!acpi_find_configuration(MASTER, ROOT, &base));
    tables();
    table(MCFG, "MCFG", 60); /* ends before the entry */
    CHECK(!acpi_find_configuration(MASTER, ROOT, &base));
    tables();
    put(MCFG + 4, 0x100000, 4);
    CHECK(!acpi_find_configuration(MASTER, ROOT, &base));
    put(MCFG + 4, 3, 4);
    CHECK(!acpi_find_configuration(MASTER, ROOT, &base));
    CHECK(!acpi_find_configuration(MASTER, UINT64_MAX - 10, &base));
}

static void any_tables(void)
{
    uint64_t base;

    for (unsigned round = 0; round < 20000; round++) {
        tables();
        for (unsigned i = 0; i < 3; i++)
            firmware[ROOT + host_random(MCFG + 76 - ROOT)] = (uint8_t)host_random(256);
        (void)acpi_find_configuration(MASTER, ROOT, &base);
    }
}

static const struct host_case cases[] = {
    {"requests as the specification has them", described},
    {"many requests, done in any order", many},
    {"a queue that is full", full},
    {"a device that says what is not so", lies},
    {"a device that writes anything anywhere", noise},
    {"a device that starts", started},
    {"devices that do not", refused},
    {"a device that breaks", broken},
    {"ACPI leads to the configuration space", configuration},
    {"or does not", no_configuration},
    {"or is anything", any_tables},
};

int main(void)
{
    return host_run(cases, sizeof cases / sizeof cases[0]);
}
