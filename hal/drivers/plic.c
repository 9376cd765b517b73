/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks: `lock` protects the enable words and route[], and keeps a completion from meeting a line that just moved
 * away.  Claims and priorities are single accesses to registers of their own.
 */
#include <hal/cpu.h>
#include <hal/drivers/plic.h>
#include <stdatomic.h>

#define ENABLE_BASE 0x2000u
#define ENABLE_STRIDE 0x80u
#define CONTEXT_BASE 0x200000u
#define CONTEXT_STRIDE 0x1000u
#define CONTEXT_THRESHOLD 0u
#define CONTEXT_CLAIM 4u

static struct {
    volatile uint8_t *base;
    uint32_t lines;
    uint32_t cpu_count;
    uint32_t context[HAL_CPU_MAX];
    uint8_t route[HAL_IRQ_MAX]; /* CPU that takes the line */
    atomic_flag lock;
} plic;

static volatile uint32_t *plic_reg(uint32_t offset)
{
    return (volatile uint32_t *)(volatile void *)(plic.base + offset);
}

static volatile uint32_t *plic_enable_word(uint32_t cpu, hal_irq_t irq)
{
    return plic_reg(ENABLE_BASE + plic.context[cpu] * ENABLE_STRIDE + irq / 32 * 4);
}

static volatile uint32_t *plic_context_reg(uint32_t cpu, uint32_t offset)
{
    return plic_reg(CONTEXT_BASE + plic.context[cpu] * CONTEXT_STRIDE + offset);
}

static void plic_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&plic.lock, memory_order_acquire))
        hal_cpu_pause();
}

static void plic_unlock(void)
{
    atomic_flag_clear_explicit(&plic.lock, memory_order_release);
}

void plic_cpu_init(uint32_t cpu)
{
    plic_lock();
    for (hal_irq_t first = 0; first < plic.lines; first += 32) {
        uint32_t word = 0;
        for (hal_irq_t irq = first; irq < first + 32 && irq < plic.lines; irq++)
            word |= plic.route[irq] == cpu ? 1u << irq % 32 : 0;
        *plic_enable_word(cpu, first) = word;
    }
    *plic_context_reg(cpu, CONTEXT_THRESHOLD) = 0;
    plic_unlock();
}

enum hal_status plic_init(volatile void *base, uint64_t size, uint32_t lines, const uint32_t *context,
                          uint32_t cpu_count)
{
    if (lines == 0 || lines > HAL_IRQ_MAX || cpu_count > HAL_CPU_MAX)
        return HAL_INVALID;
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        if (context[cpu] >= PLIC_CONTEXT_MAX || CONTEXT_BASE + (context[cpu] + 1ull) * CONTEXT_STRIDE > size)
            return HAL_INVALID;
    }
    plic.base = base;
    plic.lines = lines;
    plic.cpu_count = cpu_count;
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        plic.context[cpu] = context[cpu];
        plic_cpu_init(cpu);
    }
    for (hal_irq_t irq = 1; irq < lines; irq++)
        plic_enable(irq, false);
    return HAL_OK;
}

hal_irq_t plic_claim(uint32_t cpu)
{
    if (cpu >= plic.cpu_count)
        return HAL_IRQ_NONE;
    uint32_t irq = *plic_context_reg(cpu, CONTEXT_CLAIM);
    return irq > 0 && irq < plic.lines ? irq : HAL_IRQ_NONE;
}

void plic_complete(hal_irq_t irq)
{
    if (irq >= plic.lines)
        return;
    /* Any context for which the line is enabled may complete it: the present route's, should it have moved. */
    plic_lock();
    *plic_context_reg(plic.route[irq], CONTEXT_CLAIM) = irq;
    plic_unlock();
}

void plic_enable(hal_irq_t irq, bool enable)
{
    if (irq < plic.lines)
        *plic_reg(irq * 4) = enable ? 1 : 0;
}

enum hal_status plic_route(hal_irq_t irq, uint32_t cpu)
{
    uint32_t bit = 1u << irq % 32;

    if (irq == 0 || irq >= plic.lines || cpu >= plic.cpu_count)
        return HAL_INVALID;
    plic_lock();
    uint32_t old = plic.route[irq];
    if (old != cpu) {
        *plic_enable_word(cpu, irq) |= bit; /* first, so that the line is never enabled nowhere */
        plic.route[irq] = (uint8_t)cpu;
        *plic_enable_word(old, irq) &= ~bit;
    }
    plic_unlock();
    return HAL_OK;
}
