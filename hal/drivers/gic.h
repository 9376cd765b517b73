/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm Generic Interrupt Controller, architecture versions 2 and 3 (IHI 0048B, IHI 0069), without security
 * extensions or as the non-secure side of them.  Interrupts are named by INTID: 0 - 15 SGIs, 16 - 31 PPIs,
 * from 32 the lines of devices (SPIs).  All have one priority.
 */
#ifndef HAL_DRIVERS_GIC_H
#define HAL_DRIVERS_GIC_H

#include <hal/types.h>

#define GIC_REGIONS_MAX 8u
#define GIC_SPI_BASE 32u
#define GIC_INTID_SPECIAL 1020u         /* from here on: nothing is pending */
#define GIC_INTID(ack) ((ack) & 0x3ffu) /* of what gic_acknowledge() returned */

struct gic_config {
    unsigned version; /* 2 or 3 */
    volatile void *dist;
    uint32_t region_count; /* GICv2: 1, the CPU interface; GICv3: the regions of redistributors */
    struct {
        volatile void *base;
        uint64_t size;
    } region[GIC_REGIONS_MAX];
    const uint64_t *mpidr; /* affinity of each CPU, by index */
    uint32_t cpu_count;
    uint32_t local_mask; /* the SGIs and PPIs to enable on each CPU: bit n for INTID n */
};

/*
 * Reset the distributor: all lines off, level triggered, routed to CPU 0.
 * Context: boot CPU, once; *config stays valid.
 * Returns: false if the controller knows nothing of CPU 0.
 */
HAL_NODISCARD bool gic_init(const struct gic_config *config);

/* Let the calling CPU, whose index this is, receive interrupts. Context: after gic_init(), masked. */
void gic_cpu_init(uint32_t cpu);

/* Number of device lines: line n is INTID GIC_SPI_BASE + n. */
uint32_t gic_line_count(void);

/* Take the pending interrupt. Returns: for GIC_INTID() and, unless that is special, gic_complete(). */
uint32_t gic_acknowledge(void);
void gic_complete(uint32_t ack);

/* line < gic_line_count(). A line masked with `enable` false interrupts no more once this returns. */
void gic_line_enable(uint32_t line, bool enable);

/* Set trigger and target of a line; the line is masked for a moment. */
void gic_line_route(uint32_t line, bool edge, uint32_t cpu);

/* Send SGI `intid` to a CPU, the caller included. Earlier writes are visible to the handler. */
void gic_sgi_send(uint32_t cpu, uint32_t intid);

#endif
