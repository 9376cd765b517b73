/* SPDX-License-Identifier: BSD-2-Clause */
/* GICv2: a memory-mapped CPU interface; at most 8 CPUs, named by masks. */
#include <hal/drivers/gic.h>
#include <hal/drivers/gic_i.h>

#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_BPR 0x08u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u

#define CPUS_MAX 8u

static volatile void *dist;
static volatile void *cpu_interface;
static uint32_t local_mask;

/* The bit of each CPU, by index: a guess until the CPU itself, and nobody else, can read it. */
static uint8_t target[HAL_CPU_MAX];

static bool init(const struct gic_config *config)
{
    dist = config->dist;
    cpu_interface = config->region[0].base;
    local_mask = config->local_mask;
    for (uint32_t cpu = 0; cpu < config->cpu_count; cpu++)
        target[cpu] = (uint8_t)(1u << config->mpidr[cpu] % CPUS_MAX);
    return true;
}

static void dist_wait(void)
{
    (void)gic_read(dist, GICD_CTLR); /* the write has arrived when a later read is answered */
}

/* The targets of a CPU's own SGIs and PPIs read as that CPU's bit, or 0 if there is only one CPU. */
static void learn_target(uint32_t cpu)
{
    uint32_t bits = 0;

    for (uint32_t intid = 0; intid < GIC_SPI_BASE; intid += 4)
        bits |= gic_read(dist, GICD_ITARGETSR + intid);
    bits |= bits >> 16;
    bits = (bits | bits >> 8) & 0xff;
    if (bits != 0)
        __atomic_store_n(&target[cpu], (uint8_t)bits, __ATOMIC_RELAXED);
}

static void cpu_init(uint32_t cpu)
{
    learn_target(cpu);
    gic_write(dist, GICD_ICENABLER, ~local_mask);
    for (uint32_t intid = 0; intid < GIC_SPI_BASE; intid += 4)
        gic_write(dist, GICD_IPRIORITYR + intid, GIC_PRIORITY_ALL);
    gic_write(dist, GICD_ISENABLER, local_mask);
    gic_write(cpu_interface, GICC_PMR, GIC_PRIORITY_LOWEST);
    gic_write(cpu_interface, GICC_BPR, 0);
    gic_write(cpu_interface, GICC_CTLR, 1);
}

static uint32_t acknowledge(void)
{
    return gic_read(cpu_interface, GICC_IAR);
}

/* An SGI is completed with the sender that the acknowledge named. */
static void complete(uint32_t ack)
{
    gic_write(cpu_interface, GICC_EOIR, ack);
}

static void line_target(uint32_t intid, uint32_t cpu)
{
    uint8_t bits = __atomic_load_n(&target[cpu], __ATOMIC_RELAXED);

    *((volatile uint8_t *)dist + GICD_ITARGETSR + intid) = bits;
}

static void sgi_send(uint32_t cpu, uint32_t intid)
{
    uint32_t bits = __atomic_load_n(&target[cpu], __ATOMIC_RELAXED);

    gic_write(dist, GICD_SGIR, bits << 16 | intid);
}

const struct gic_version gicv2 = {
    .init = init,
    .dist_enable = 1,
    .dist_wait = dist_wait,
    .cpu_init = cpu_init,
    .acknowledge = acknowledge,
    .complete = complete,
    .line_target = line_target,
    .sgi_send = sgi_send,
};
