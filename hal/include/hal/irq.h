/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts and inter-processor interrupts.  "Masked" is the state in which upcalls begin; only hal_cpu_idle() and the
 * return to user mode leave it, so it holds wherever machine-independent code runs.
 */
#ifndef HAL_IRQ_H
#define HAL_IRQ_H

#include <hal/info.h>
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
#define PRE_hal_irq_claim() (!HAL_CONTRACT->claimed)
#define POST_hal_irq_claim(result) ((result) < hal_info.irq_count || (result) >= HAL_IRQ_IPI)
/*@ requires PRE_hal_irq_claim(); assigns HAL_CONTRACT->claimed, HAL_CONTRACT->irq;
    ensures line: POST_hal_irq_claim(\result);
    ensures claimed: HAL_CONTRACT->claimed == (\result != HAL_IRQ_NONE) && HAL_CONTRACT->irq == \result; */
hal_irq_t hal_irq_claim(void);

/* End the interrupt that hal_irq_claim() returned; its line may have been masked meanwhile. Context: masked, same CPU. */
#define PRE_hal_irq_complete(number) (HAL_CONTRACT->claimed && HAL_CONTRACT->irq == (number))
/*@ requires PRE_hal_irq_complete(irq); assigns HAL_CONTRACT->claimed; ensures !HAL_CONTRACT->claimed; */
void hal_irq_complete(hal_irq_t irq);

/* Mask or unmask a device line. An edge that arrives while masked is delivered after unmasking. */
#define PRE_hal_irq_enable(irq) ((irq) < HAL_IRQ_MAX)
/*@ requires PRE_hal_irq_enable(irq); assigns \nothing; */
void hal_irq_enable(hal_irq_t irq, bool enable);

/*
 * Set the trigger mode of a device line and the CPU that takes it.
 * Returns: HAL_OK; HAL_INVALID no such line or CPU; HAL_UNSUPPORTED the controller can't: unchanged.
 */
#define PRE_hal_irq_route(irq, cpu) ((irq) < HAL_IRQ_MAX && (cpu) < HAL_CPU_MAX)
#define POST_hal_irq_route(result)                                                                           \
    ((result) == HAL_OK || (result) == HAL_INVALID || (result) == HAL_UNSUPPORTED)
/*@ requires PRE_hal_irq_route(irq, cpu); assigns \nothing; ensures POST_hal_irq_route(\result); */
HAL_NODISCARD enum hal_status hal_irq_route(hal_irq_t irq, enum hal_irq_mode mode, uint32_t cpu);

/*
 * Interrupt CPU `index` (started; may be the caller).  Writes before the call are seen by the handler.  Several
 * sends may become one interrupt, never none.
 * Context: any.
 */
#define PRE_hal_ipi_send(index) ((index) < hal_info.cpu_count)
/*@ requires PRE_hal_ipi_send(index); assigns \nothing; */
void hal_ipi_send(uint32_t index);

#endif
