/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: software = IPI, timer, external = PLIC. */
#include "machine.h"

#include <arch/csr.h>
#include <hal/drivers/plic.h>
#include <hal/drivers/sbi.h>

bool hal_irq_pending(void)
{
    return (ARCH_CSR_READ(sip) & ARCH_CSR_READ(sie)) != 0;
}

hal_irq_t hal_irq_claim(void)
{
    uint64_t pending = ARCH_CSR_READ(sip) & ARCH_CSR_READ(sie);

    if ((pending & SIE_SOFTWARE) != 0) {
        /* Cleared before the sender's writes are read: a later send raises it again. */
        ARCH_CSR_CLEAR(sip, SIE_SOFTWARE);
        __asm__ volatile("fence iorw, iorw" ::: "memory");
        return HAL_IRQ_IPI;
    }
    if ((pending & SIE_EXTERNAL) != 0) {
        hal_irq_t irq = plic_claim(arch_cpu_self()->index);
        if (irq != HAL_IRQ_NONE)
            return irq;
    }
    if ((pending & SIE_TIMER) != 0) {
        hal_timer_arm(HAL_TIMER_OFF);
        return HAL_IRQ_TIMER;
    }
    return HAL_IRQ_NONE;
}

void hal_irq_complete(hal_irq_t irq)
{
    HAL_REQUIRE(irq != HAL_IRQ_NONE);

    if (irq < HAL_IRQ_MAX && arch_machine.plic)
        plic_complete(irq);
}

void hal_irq_enable(hal_irq_t irq, bool enable)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX);

    if (arch_machine.plic)
        plic_enable(irq, enable);
}

enum hal_status hal_irq_route(hal_irq_t irq, enum hal_irq_mode mode, uint32_t cpu)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX && cpu < HAL_CPU_MAX);

    if (!arch_machine.plic || irq == 0 || irq >= hal_info.irq_count || cpu >= hal_info.cpu_count)
        return HAL_INVALID;
    if (mode != HAL_IRQ_LEVEL)
        return HAL_UNSUPPORTED; /* the trigger of each line is wired */
    return plic_route(irq, cpu);
}

void hal_ipi_send(uint32_t index)
{
    HAL_REQUIRE(index < hal_info.cpu_count);

    __asm__ volatile("fence rw, iorw" ::: "memory");
    sbi_ipi_send(arch_machine.hart[index]);
}
