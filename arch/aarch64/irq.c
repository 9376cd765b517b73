/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: the GIC's identifiers (INTID) and the HAL's.  Device line n is SPI n, INTID 32 + n, as in the
 * second cell of a device tree's interrupt specifier.  SGI 0 is the inter-processor interrupt.
 */
#include <arch/sysreg.h>
#include <hal/boot/boot.h>
#include <hal/cpu.h>
#include <hal/irq.h>

#include "arch.h"

#define IPI_SGI 0u
#define ISR_IRQ 0x80ul

static struct gic_config gic;

static struct hal_cpu *self(void)
{
    return (struct hal_cpu *)hal_cpu_self();
}

void arch_irq_init(hal_pa_t root)
{
    gic = (struct gic_config){
        .version = arch_platform.gic.version,
        .dist = boot_map_device(root, arch_platform.gic.dist, arch_platform.gic.dist_size),
        .region_count = arch_platform.gic.region_count,
        .mpidr = arch_platform.mpidr,
        .cpu_count = hal_info.cpu_count,
        .local_mask = 1u << IPI_SGI | 1u << arch_platform.timer_intid,
    };
    for (uint32_t i = 0; i < gic.region_count; i++) {
        uint64_t size = arch_platform.gic.region_size[i];
        gic.region[i].base = boot_map_device(root, arch_platform.gic.region[i], size);
        gic.region[i].size = size;
    }
}

void arch_irq_start(void)
{
    if (!gic_init(&gic))
        boot_panic("the interrupt controller does not serve this CPU");
    hal_info.irq_count = hal_info.irq_message_first = gic_line_count();
    gic_cpu_init(0);
}

void arch_irq_cpu_init(uint32_t cpu)
{
    gic_cpu_init(cpu);
}

bool hal_irq_pending(void)
{
    return (SYSREG_READ(isr_el1) & ISR_IRQ) != 0;
}

hal_irq_t hal_irq_claim(void)
{
    uint32_t ack = gic_acknowledge();
    uint32_t intid = GIC_INTID(ack);

    if (intid >= GIC_INTID_SPECIAL)
        return HAL_IRQ_NONE;
    self()->irq_ack = ack;
    if (intid == arch_platform.timer_intid) {
        arch_timer_stop();
        return HAL_IRQ_TIMER;
    }
    if (intid == IPI_SGI)
        return HAL_IRQ_IPI;
    return intid - GIC_SPI_BASE; /* no other SGI or PPI is enabled */
}

void hal_irq_complete(hal_irq_t irq)
{
    HAL_REQUIRE(irq != HAL_IRQ_NONE);
    (void)irq;
    gic_complete(self()->irq_ack);
}

void hal_irq_enable(hal_irq_t irq, bool enable)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX);
    if (irq < hal_info.irq_count)
        gic_line_enable(irq, enable);
}

enum hal_status hal_irq_route(hal_irq_t irq, enum hal_irq_mode mode, uint32_t cpu)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX && cpu < HAL_CPU_MAX);
    if (irq >= hal_info.irq_count || cpu >= hal_info.cpu_count)
        return HAL_INVALID;
    gic_line_route(irq, mode == HAL_IRQ_EDGE, cpu);
    return HAL_OK;
}

void hal_ipi_send(uint32_t index)
{
    HAL_REQUIRE(index < hal_info.cpu_count);
    gic_sgi_send(index, IPI_SGI);
}
