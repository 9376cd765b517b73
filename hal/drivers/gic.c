/* SPDX-License-Identifier: BSD-2-Clause */
/* The distributor, which the versions share, and the choice between them. */
#include <hal/cpu.h>
#include <hal/drivers/gic.h>
#include <hal/drivers/gic_i.h>

#define LINE_LIMIT (GIC_INTID_SPECIAL - GIC_SPI_BASE)

static const struct gic_version *version;
static volatile void *dist;
static uint32_t line_count;

/* Several lines share a word of ICFGR. */
static bool route_lock;

static void dist_reset(void)
{
    uint32_t end = GIC_SPI_BASE + line_count;

    for (uint32_t intid = GIC_SPI_BASE; intid < end; intid += 32) {
        gic_write(dist, GICD_ICENABLER + intid / 8, UINT32_MAX);
        gic_write(dist, GICD_ICPENDR + intid / 8, UINT32_MAX);
        gic_write(dist, GICD_ICACTIVER + intid / 8, UINT32_MAX);
        if (version == &gicv3)
            gic_write(dist, GICD_IGROUPR + intid / 8, UINT32_MAX);
    }
    for (uint32_t intid = GIC_SPI_BASE; intid < end; intid += 16)
        gic_write(dist, GICD_ICFGR + intid / 4, 0);
    for (uint32_t intid = GIC_SPI_BASE; intid < end; intid += 4)
        gic_write(dist, GICD_IPRIORITYR + intid, GIC_PRIORITY_ALL);
}

bool gic_init(const struct gic_config *config)
{
    version = config->version == 3 ? &gicv3 : &gicv2;
    dist = config->dist;
    gic_write(dist, GICD_CTLR, 0);
    uint32_t intids = 32 * ((gic_read(dist, GICD_TYPER) & 0x1f) + 1);
    line_count = intids - GIC_SPI_BASE < LINE_LIMIT ? intids - GIC_SPI_BASE : LINE_LIMIT;
    if (!version->init(config))
        return false;
    version->dist_wait();
    dist_reset();
    /* Routing by affinity, GICv3's, must be on before the targets are set. */
    gic_write(dist, GICD_CTLR, version->dist_enable);
    version->dist_wait();
    for (uint32_t intid = GIC_SPI_BASE; intid < GIC_SPI_BASE + line_count; intid++)
        version->line_target(intid, 0);
    return true;
}

void gic_cpu_init(uint32_t cpu)
{
    version->cpu_init(cpu);
}

uint32_t gic_line_count(void)
{
    return line_count;
}

uint32_t gic_acknowledge(void)
{
    return version->acknowledge();
}

void gic_complete(uint32_t ack)
{
    version->complete(ack);
}

void gic_line_enable(uint32_t line, bool enable)
{
    uint32_t intid = GIC_SPI_BASE + line;

    gic_write(dist, (enable ? GICD_ISENABLER : GICD_ICENABLER) + intid / 32 * 4, 1u << intid % 32);
    if (!enable)
        version->dist_wait();
}

static void set_trigger(uint32_t intid, bool edge)
{
    uint32_t offset = GICD_ICFGR + intid / 16 * 4;
    uint32_t bit = 2u << intid % 16 * 2;
    uint32_t config = gic_read(dist, offset);

    gic_write(dist, offset, edge ? config | bit : config & ~bit);
}

void gic_line_route(uint32_t line, bool edge, uint32_t cpu)
{
    uint32_t intid = GIC_SPI_BASE + line;

    while (__atomic_test_and_set(&route_lock, __ATOMIC_ACQUIRE))
        hal_cpu_pause();
    /* The trigger of an enabled line must not change. */
    bool enabled = (gic_read(dist, GICD_ISENABLER + intid / 32 * 4) >> intid % 32 & 1) != 0;
    gic_line_enable(line, false);
    set_trigger(intid, edge);
    version->line_target(intid, cpu);
    if (enabled)
        gic_line_enable(line, true);
    __atomic_clear(&route_lock, __ATOMIC_RELEASE);
}

void gic_sgi_send(uint32_t cpu, uint32_t intid)
{
    __asm__ volatile("dsb ishst" ::: "memory");
    version->sgi_send(cpu, intid);
}
