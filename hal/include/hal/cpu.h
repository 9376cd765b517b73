/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs.  The machine-independent `struct cpu` begins with the `struct hal_cpu` of the ISA (<arch/cpu.h>);
 * the HAL knows nothing else of it.
 */
#ifndef HAL_CPU_H
#define HAL_CPU_H

#include <hal/info.h>
#include <hal/types.h>

struct cpu;
struct uctx;

/*
 * The CPU that executes the call.
 * Context: any, once the CPU runs kern_boot() or kern_cpu_main().
 * Returns: the `struct cpu` given to hal_cpu_start(), or to hal_cpu_boot_set() for the boot CPU.
 */
/*@ assigns \nothing; ensures \valid(\result); */
static inline struct cpu *hal_cpu_self(void);

/*
 * Declare `self` to be the boot CPU's structure.  Until then hal_cpu_self() answers a private one of the HAL.
 * Context: kern_boot(), once, on the boot CPU, before the first lock is taken.
 */
#define PRE_hal_cpu_boot_set(self) ((self) != NULL)
/*@ requires PRE_hal_cpu_boot_set(self) && \valid(self); assigns \nothing; */
void hal_cpu_boot_set(struct cpu *self);

/*
 * Start CPU `index`; it calls kern_cpu_main(self) on its own empty stack with interrupts masked.
 * Returns at once; that the CPU came up shows only when it runs.
 * Context: boot CPU, no lock held. 1 <= index < hal_info.cpu_count, each index at most once.
 * Returns: HAL_OK; HAL_INVALID firmware refused the CPU; it stays off.
 */
#define PRE_hal_cpu_start(index, self) (1 <= (index) && (index) < hal_info.cpu_count && (self) != NULL)
#define POST_hal_cpu_start(result) ((result) == HAL_OK || (result) == HAL_INVALID)
/*@ requires PRE_hal_cpu_start(index, self) && \valid(self); assigns \nothing;
    ensures POST_hal_cpu_start(\result); */
HAL_NODISCARD enum hal_status hal_cpu_start(uint32_t index, struct cpu *self);

/*
 * One turn of a spin loop: lets the other CPUs of the machine (or of the emulator) make progress.
 * Context: any. Interrupts stay masked; none is taken.
 */
/*@ assigns \nothing; */
void hal_cpu_pause(void);

/*
 * Wait for an interrupt with no thread to run.  Discards the stack, unmasks and waits, atomically: an
 * interrupt that is pending or arrives at any moment leads to kern_interrupt() on the empty stack.
 * Context: upcall level, no lock held, no interrupt claimed, vector state released.
 * Returns: never.
 */
#define PRE_hal_cpu_idle() (!HAL_CONTRACT->claimed)
/*@ requires PRE_hal_cpu_idle(); assigns \nothing; ensures \false; exits \false; */
HAL_NORETURN void hal_cpu_idle(void);

/*
 * Stop this CPU for good: masked, lowest power.
 * Context: any.
 */
/*@ assigns \nothing; ensures \false; exits \false; */
HAL_NORETURN void hal_cpu_halt(void);

#include <arch/cpu.h>

#endif
