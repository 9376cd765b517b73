/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V platform-level interrupt controller (PLIC specification 1.0.0).
 *
 * A line is masked by priority 0, not by its enable bits: a completion for a line that is not enabled would be ignored
 * and the line stuck.  The enable bits say which CPU takes the line.  Line 0 does not exist.
 */
#ifndef HAL_DRIVERS_PLIC_H
#define HAL_DRIVERS_PLIC_H

#include <hal/irq.h>
#include <hal/types.h>

#define PLIC_CONTEXT_MAX 15872u

/*
 * `lines` lines (0 .. lines - 1, line 0 unused) behind registers at `base`, `size` bytes; context[i] serves CPU i,
 * i < cpu_count.  Masks all lines and routes them to CPU 0.
 * Returns: HAL_OK; HAL_INVALID a context's registers lie outside: nothing was written.
 * Context: boot phase.
 */
HAL_NODISCARD enum hal_status plic_init(volatile void *base, uint64_t size, uint32_t lines,
                                        const uint32_t *context, uint32_t cpu_count);

/*
 * Let CPU `cpu` take what is routed to it.  Firmware that starts a CPU may have reset the CPU's context.
 * Context: that CPU, before its first claim.
 */
void plic_cpu_init(uint32_t cpu);

/* As the functions of <hal/irq.h>, for device lines; `cpu` is the calling CPU. */
hal_irq_t plic_claim(uint32_t cpu);
void plic_complete(hal_irq_t irq);
void plic_enable(hal_irq_t irq, bool enable);
HAL_NODISCARD enum hal_status plic_route(hal_irq_t irq, uint32_t cpu);

#endif
