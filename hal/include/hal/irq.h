/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts and inter-processor interrupts. */
#ifndef HAL_IRQ_H
#define HAL_IRQ_H

#include <hal/types.h>

#define HAL_IRQ_NONE UINT32_MAX         /* nothing pending, or spurious */
#define HAL_IRQ_TIMER (UINT32_MAX - 1u) /* this CPU's timer passed its deadline */
#define HAL_IRQ_IPI (UINT32_MAX - 2u)   /* hal_ipi_send() from some CPU */

enum hal_irq_mode { HAL_IRQ_EDGE, HAL_IRQ_LEVEL };

/* Is an interrupt waiting for this CPU?  (Poll at preemption points of long work.) Context: masked. */
/*@ assigns \nothing; ensures \result == 0 || \result == 1; */
bool hal_irq_pending(void);

/*
 * Take the most urgent pending interrupt.
 * Context: masked, none claimed on this CPU.
 * Returns: a line < hal_info.irq_count, HAL_IRQ_TIMER, HAL_IRQ_IPI, or HAL_IRQ_NONE (then do not complete).
 * A claimed timer is off until armed again.
 */
/*@ assigns \nothing; ensures \result < HAL_IRQ_MAX || \result >= HAL_IRQ_IPI; */
hal_irq_t hal_irq_claim(void);

/* End the interrupt that hal_irq_claim() returned. Context: masked, same CPU. */
/*@ requires irq != HAL_IRQ_NONE; assigns \nothing; */
void hal_irq_complete(hal_irq_t irq);

/* Mask or unmask a device line. An edge that arrives while masked is delivered after unmasking. */
/*@ requires irq < HAL_IRQ_MAX; assigns \nothing; */
void hal_irq_enable(hal_irq_t irq, bool enable);

/*
 * Set the trigger mode of a device line and the CPU that takes it.
 * Returns: HAL_OK; HAL_INVALID no such line or CPU; HAL_UNSUPPORTED the controller can't: unchanged.
 */
/*@ requires irq < HAL_IRQ_MAX && cpu < HAL_CPU_MAX; assigns \nothing; */
HAL_NODISCARD enum hal_status hal_irq_route(hal_irq_t irq, enum hal_irq_mode mode, uint32_t cpu);

/*
 * Interrupt CPU `index` (started; may be the caller).  Writes before the call are seen by the handler.  Several
 * sends may become one interrupt, never none.
 * Context: any.
 */
/*@ requires index < HAL_CPU_MAX; assigns \nothing; */
void hal_ipi_send(uint32_t index);

#endif
