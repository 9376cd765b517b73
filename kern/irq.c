/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/cpu.h>
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

void irq_serve(struct cpu *cpu)
{
    for (unsigned n = 0; n < SERVE_MAX; n++) {
        hal_irq_t irq = hal_irq_claim();
        if (irq == HAL_IRQ_NONE)
            return;
        cpu->interrupts++;
        hal_irq_complete(irq);
        switch (irq) {
        case HAL_IRQ_TIMER:
            timer_interrupt(cpu);
            break;
        case HAL_IRQ_IPI:
            smp_interrupt();
            break;
        default: /* a device that nobody drives */
            hal_irq_enable(irq, false);
            break;
        }
    }
}
