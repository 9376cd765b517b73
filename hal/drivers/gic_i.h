/* SPDX-License-Identifier: BSD-2-Clause */
/* Between gic.c, which drives the distributor, and the two versions of the CPU side. */
#ifndef HAL_DRIVERS_GIC_I_H
#define HAL_DRIVERS_GIC_I_H

#include <hal/drivers/gic.h>

/* Distributor, and the same offsets in the SGI frame of a redistributor. */
#define GICD_CTLR 0x000u
#define GICD_TYPER 0x004u
#define GICD_IGROUPR 0x080u
#define GICD_ISENABLER 0x100u
#define GICD_ICENABLER 0x180u
#define GICD_ICPENDR 0x280u
#define GICD_ICACTIVER 0x380u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR 0x800u
#define GICD_ICFGR 0xc00u
#define GICD_SGIR 0xf00u
#define GICD_IROUTER 0x6000u

#define GIC_PRIORITY 0xa0u
#define GIC_PRIORITY_ALL 0xa0a0a0a0u
#define GIC_PRIORITY_LOWEST 0xf0u /* priority mask: everything of ours passes */

struct gic_version {
    bool (*init)(
        const struct gic_config *config); /* after the distributor is off, before the lines are routed */
    uint32_t dist_enable;                 /* GICD_CTLR */
    void (*dist_wait)(void);              /* until a change of the distributor took effect */
    void (*cpu_init)(uint32_t cpu);
    uint32_t (*acknowledge)(void);
    void (*complete)(uint32_t ack);
    void (*line_target)(uint32_t intid, uint32_t cpu);
    void (*sgi_send)(uint32_t cpu, uint32_t intid);
};

extern const struct gic_version gicv2, gicv3;

static inline uint32_t gic_read(volatile void *base, uint32_t offset)
{
    return *(volatile uint32_t *)((uintptr_t)base + offset);
}

static inline void gic_write(volatile void *base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)((uintptr_t)base + offset) = value;
}

#endif
