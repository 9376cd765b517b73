/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/interrupt.h>
#include <kern/irq.h>
#include <kern/smp.h>
#include <sched/sched.h>
#include <sched/timeout.h>

#define SERVE_MAX 16u /* then the exit gets its turn, and what still waits interrupts again */

static void timer_interrupt(struct cpu *cpu)
{
    cpu->timer_deadline = HAL_TIMER_OFF;
    sched_tick(cpu);
    timeout_expire(); /* arms the timer again */
}

/*
 * Take the next interrupt and end it; a device's line is masked first, or a level would interrupt again at once.  Returns HAL_IRQ_NONE
 * if there is none.
 */
/*@ requires \valid(cpu) && \separated(cpu, HAL_CONTRACT, &hal_info) && cpu->interrupts < UINT64_MAX;
    requires !HAL_CONTRACT->claimed && hal_info.irq_count <= HAL_IRQ_MAX;
    assigns cpu->interrupts, HAL_CONTRACT->claimed, HAL_CONTRACT->irq;
    ensures completed: !HAL_CONTRACT->claimed;
    ensures counted: cpu->interrupts == \old(cpu->interrupts) + (\result == HAL_IRQ_NONE ? 0 : 1);
    ensures line: POST_hal_irq_claim(\result); */
static hal_irq_t irq_take(struct cpu *cpu)
{
    hal_irq_t irq = hal_irq_claim();

    if (irq != HAL_IRQ_NONE) {
        cpu->interrupts++;
        if (irq < HAL_IRQ_IPI)
            hal_irq_enable(irq, false);
        hal_irq_complete(irq);
    }
    return irq;
}

void irq_serve(struct cpu *cpu)
{
    for (unsigned n = 0; n < SERVE_MAX; n++) {
        hal_irq_t irq = irq_take(cpu);
        switch (irq) {
        case HAL_IRQ_NONE:
            return;
        case HAL_IRQ_TIMER:
            timer_interrupt(cpu);
            break;
        case HAL_IRQ_IPI:
            smp_interrupt();
            break;
        default:
            interrupt_deliver(irq);
            break;
        }
    }
}
