/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio over memory-mapped registers (virtio 1.1, 4.2), which a device tree names. */
#include "memory.h"
#include "transport.h"

#include <hal/drivers/fdt.h>
#include <mach/mach.h>
#include <stddef.h>

#define SIZE 0x200u
#define MAGIC 0x74726976u /* "virt" */
#define VERSION 2u

enum {
    REG_MAGIC = 0x000,
    REG_VERSION = 0x004,
    REG_DEVICE = 0x008,
    REG_FEATURES = 0x010,
    REG_FEATURES_SELECT = 0x014,
    REG_ACCEPT = 0x020,
    REG_ACCEPT_SELECT = 0x024,
    REG_QUEUE_SELECT = 0x030,
    REG_QUEUE_MAX = 0x034,
    REG_QUEUE_SIZE = 0x038,
    REG_QUEUE_READY = 0x044,
    REG_NOTIFY = 0x050,
    REG_INTERRUPT = 0x060,
    REG_ACKNOWLEDGE = 0x064,
    REG_STATUS = 0x070,
    REG_DESCRIPTORS = 0x080,
    REG_DRIVER = 0x090,
    REG_DEVICE_RING = 0x0a0,
    REG_GENERATION = 0x0fc,
    REG_CONFIGURATION = 0x100,
};

static volatile uint32_t *reg(const struct transport *t, uint32_t offset)
{
    return transport_u32(t->registers, offset);
}

static uint64_t mmio_features(const struct transport *t)
{
    *reg(t, REG_FEATURES_SELECT) = 1;
    const uint64_t high = *reg(t, REG_FEATURES);
    *reg(t, REG_FEATURES_SELECT) = 0;
    return high << 32 | *reg(t, REG_FEATURES);
}

static void mmio_accept(const struct transport *t, uint64_t features)
{
    for (uint32_t half = 0; half < 2; half++) {
        *reg(t, REG_ACCEPT_SELECT) = half;
        *reg(t, REG_ACCEPT) = (uint32_t)(features >> 32 * half);
    }
}

static uint32_t mmio_status(const struct transport *t)
{
    return *reg(t, REG_STATUS);
}

static void mmio_set_status(const struct transport *t, uint32_t status)
{
    *reg(t, REG_STATUS) = status;
}

static bool mmio_start_queue(struct transport *t, uint32_t size, uint64_t descriptors, uint64_t driver,
                             uint64_t device)
{
    *reg(t, REG_QUEUE_SELECT) = 0;
    if (*reg(t, REG_QUEUE_READY) != 0 || *reg(t, REG_QUEUE_MAX) < size)
        return false;
    *reg(t, REG_QUEUE_SIZE) = size;
    transport_write_u64(t->registers, REG_DESCRIPTORS, descriptors);
    transport_write_u64(t->registers, REG_DRIVER, driver);
    transport_write_u64(t->registers, REG_DEVICE_RING, device);
    *reg(t, REG_QUEUE_READY) = 1;
    return *reg(t, REG_QUEUE_READY) == 1;
}

static void mmio_notify(const struct transport *t)
{
    *reg(t, REG_NOTIFY) = 0;
}

static void mmio_acknowledge(const struct transport *t)
{
    *reg(t, REG_ACKNOWLEDGE) = *reg(t, REG_INTERRUPT);
}

static uint32_t mmio_generation(const struct transport *t)
{
    return *reg(t, REG_GENERATION);
}

static const struct transport_operations operations = {
    .features = mmio_features,
    .accept = mmio_accept,
    .status = mmio_status,
    .set_status = mmio_set_status,
    .start_queue = mmio_start_queue,
    .notify = mmio_notify,
    .acknowledge = mmio_acknowledge,
    .generation = mmio_generation,
};

/* --- the device tree ------------------------------------------------------------------------------------ */

#define SPECIFIER_GIC 12u /* bytes: kind (0: shared), number, trigger */
#define SPECIFIER_PLIC 4u /* the number */
#define TRIGGER_RISING 1u

/* The line of a node and its mode. Returns false: it has none that we understand. */
static bool node_line(const struct fdt *t, fdt_node_t node, natural_t *line, int *mode)
{
    struct fdt_prop p;
    uint32_t kind = 0, trigger = 0, number;

    if (!fdt_prop(t, node, "interrupts", &p) || (p.size != SPECIFIER_GIC && p.size != SPECIFIER_PLIC))
        return false;
    if (p.size == SPECIFIER_GIC &&
        (!fdt_u32(t, node, "interrupts", 0, &kind) || !fdt_u32(t, node, "interrupts", 2, &trigger)))
        return false;
    if (kind != 0 || !fdt_u32(t, node, "interrupts", p.size == SPECIFIER_GIC ? 1 : 0, &number))
        return false;
    *line = number;
    *mode = trigger == TRIGGER_RISING ? DEVICE_INTERRUPT_EDGE : DEVICE_INTERRUPT_LEVEL;
    return true;
}

/* Is there a block device behind the registers?  Then *t has them. */
static bool device_open(device_master_t master, const struct fdt_range *where, struct transport *t)
{
    volatile uint8_t *registers = where->size >= SIZE ? memory_map(master, where->base, where->size) : NULL;

    if (registers == NULL)
        return false;
    *t = (struct transport){
        .operations = &operations,
        .registers = registers,
        .configuration = registers + REG_CONFIGURATION,
    };
    if (*reg(t, REG_MAGIC) == MAGIC && *reg(t, REG_VERSION) == VERSION &&
        *reg(t, REG_DEVICE) == VIRTIO_ID_BLOCK)
        return true;
    memory_unmap(registers, where->size);
    return false;
}

static bool node_open(device_master_t master, const struct fdt *tree, fdt_node_t node, struct transport *t)
{
    struct fdt_range where;
    natural_t line;
    int mode;

    if (!fdt_enabled(tree, node) || !fdt_reg(tree, node, 0, &where) || !node_line(tree, node, &line, &mode) ||
        !device_open(master, &where, t))
        return false;
    if (device_interrupt(master, line, mode, 0, &t->interrupt) == KERN_SUCCESS)
        return true;
    memory_unmap(t->registers, where.size);
    return false;
}

bool transport_mmio_find(device_master_t master, const void *tree, uint64_t size, struct transport *t)
{
    struct fdt fdt;

    if (fdt_open(&fdt, tree, size) != FDT_OK)
        return false;
    for (fdt_node_t node = fdt_compatible_next(&fdt, FDT_NONE, "virtio,mmio"); node != FDT_NONE;
         node = fdt_compatible_next(&fdt, node, "virtio,mmio")) {
        if (node_open(master, &fdt, node, t))
            return true;
    }
    return false;
}
