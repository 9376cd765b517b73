/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv3: CPUs are named by affinity.  Each has a redistributor for its SGIs and PPIs, in memory, and a CPU
 * interface in system registers.  The boot CPU sets up all redistributors, so that an SGI to a CPU that is
 * still on its way stays pending until that CPU takes it.
 */
#include <hal/drivers/gic.h>
#include <hal/drivers/gic_i.h>

#define GICD_CTLR_RWP (1u << 31)
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_GROUP1 (1u << 1)

#define GICR_TYPER 0x08u
#define GICR_WAKER 0x14u
#define GICR_SGI_FRAME 0x10000u
#define GICR_STRIDE 0x20000u
#define GICR_TYPER_VLPIS 2u
#define GICR_TYPER_LAST 0x10u
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u

#define SGI1R_AFF1_SHIFT 16u
#define SGI1R_INTID_SHIFT 24u
#define SGI1R_AFF2_SHIFT 32u
#define SGI1R_RANGE_SHIFT 44u
#define SGI1R_AFF3_SHIFT 48u
#define SGI1R_LIST_SIZE 16u

#define WAIT_TURNS 1000000u /* more than any controller needs; a broken one must not hang the boot */

#define ICC_READ(name)                                                                                       \
    ({                                                                                                       \
        uint64_t value_;                                                                                     \
        __asm__ volatile("mrs %0, " #name : "=r"(value_)::"memory");                                         \
        value_;                                                                                              \
    })
#define ICC_WRITE(name, value)                                                                               \
    __asm__ volatile("msr " #name ", %0\n\tisb" ::"r"((uint64_t)(value)) : "memory")

static const struct gic_config *gic;

static unsigned affinity(uint64_t mpidr, unsigned level)
{
    return (unsigned)(mpidr >> (level == 3 ? 32 : 8 * level)) & 0xff;
}

static void wait_clear(volatile void *base, uint32_t offset, uint32_t bits)
{
    for (uint32_t turn = 0; turn < WAIT_TURNS && (gic_read(base, offset) & bits) != 0; turn++)
        __asm__ volatile("yield");
}

static void dist_wait(void)
{
    wait_clear(gic->dist, GICD_CTLR, GICD_CTLR_RWP);
}

/* The index of the CPU with the affinity in GICR_TYPER[63:32]; cpu_count if it is none of ours. */
static uint32_t redistributor_cpu(volatile void *frame)
{
    uint32_t packed = gic_read(frame, GICR_TYPER + 4);
    uint64_t mpidr = (packed & 0xffffffu) | (uint64_t)(packed >> 24) << 32;
    uint32_t cpu = 0;

    while (cpu < gic->cpu_count && gic->mpidr[cpu] != mpidr)
        cpu++;
    return cpu;
}

static void redistributor_init(volatile void *frame)
{
    volatile void *sgi = (volatile char *)frame + GICR_SGI_FRAME;

    gic_write(frame, GICR_WAKER, gic_read(frame, GICR_WAKER) & ~GICR_WAKER_SLEEP);
    wait_clear(frame, GICR_WAKER, GICR_WAKER_ASLEEP);
    gic_write(sgi, GICD_ICENABLER, UINT32_MAX);
    gic_write(sgi, GICD_ICPENDR, UINT32_MAX);
    gic_write(sgi, GICD_IGROUPR, UINT32_MAX);
    for (uint32_t intid = 0; intid < GIC_SPI_BASE; intid += 4)
        gic_write(sgi, GICD_IPRIORITYR + intid, GIC_PRIORITY_ALL);
    gic_write(sgi, GICD_ISENABLER, gic->local_mask);
}

/* Set up the redistributors of a region. Returns: whether the boot CPU's was among them. */
static bool region_init(volatile void *base, uint64_t size)
{
    bool found = false;

    for (uint64_t offset = 0; offset + GICR_STRIDE <= size;) {
        volatile void *frame = (volatile char *)base + offset;
        uint32_t type = gic_read(frame, GICR_TYPER);
        uint32_t cpu = redistributor_cpu(frame);
        if (cpu < gic->cpu_count)
            redistributor_init(frame);
        found = found || cpu == 0;
        if ((type & GICR_TYPER_LAST) != 0)
            break;
        offset += (type & GICR_TYPER_VLPIS) != 0 ? 2 * GICR_STRIDE : GICR_STRIDE;
    }
    return found;
}

static bool init(const struct gic_config *config)
{
    bool found = false;

    gic = config;
    for (uint32_t i = 0; i < config->region_count; i++)
        found = region_init(config->region[i].base, config->region[i].size) || found;
    return found;
}

static void cpu_init(uint32_t cpu)
{
    (void)cpu;
    ICC_WRITE(icc_sre_el1, 1);
    ICC_WRITE(icc_pmr_el1, GIC_PRIORITY_LOWEST);
    ICC_WRITE(icc_bpr1_el1, 0);
    ICC_WRITE(icc_ctlr_el1, 0); /* completing also deactivates */
    ICC_WRITE(icc_igrpen1_el1, 1);
}

static uint32_t acknowledge(void)
{
    uint32_t ack = (uint32_t)ICC_READ(icc_iar1_el1);

    __asm__ volatile("dsb sy" ::: "memory"); /* before any access to the device that interrupted */
    return ack;
}

static void complete(uint32_t ack)
{
    ICC_WRITE(icc_eoir1_el1, ack);
}

static void line_target(uint32_t intid, uint32_t cpu)
{
    volatile uint64_t *router = (volatile uint64_t *)((uintptr_t)gic->dist + GICD_IROUTER);

    router[intid] = gic->mpidr[cpu];
}

static void sgi_send(uint32_t cpu, uint32_t intid)
{
    uint64_t mpidr = gic->mpidr[cpu];
    unsigned aff0 = affinity(mpidr, 0);

    ICC_WRITE(icc_sgi1r_el1,
              (uint64_t)affinity(mpidr, 3) << SGI1R_AFF3_SHIFT |
                  (uint64_t)(aff0 / SGI1R_LIST_SIZE) << SGI1R_RANGE_SHIFT |
                  (uint64_t)affinity(mpidr, 2) << SGI1R_AFF2_SHIFT | (uint64_t)intid << SGI1R_INTID_SHIFT |
                  (uint64_t)affinity(mpidr, 1) << SGI1R_AFF1_SHIFT | 1ul << aff0 % SGI1R_LIST_SIZE);
}

const struct gic_version gicv3 = {
    .init = init,
    .dist_enable = GICD_CTLR_ARE | GICD_CTLR_GROUP1,
    .dist_wait = dist_wait,
    .cpu_init = cpu_init,
    .acknowledge = acknowledge,
    .complete = complete,
    .line_target = line_target,
    .sgi_send = sgi_send,
};
