/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V Supervisor Binary Interface 1.0: what the firmware below a supervisor does for it.  Extensions that
 * it lacks are replaced by the legacy calls of SBI 0.1 where there is one.
 * Context of all functions: supervisor mode, interrupts masked; no lock is needed.
 */
#ifndef HAL_DRIVERS_SBI_H
#define HAL_DRIVERS_SBI_H

#include <hal/power.h>
#include <hal/types.h>

/* Find out which extensions there are. Before all other functions but sbi_console_putc(). */
void sbi_init(void);

/* Can harts be started? */
bool sbi_has_hart_start(void);

/* Start `hart` at physical address `entry` with a0 = hart, a1 = opaque, translation off. HAL_INVALID: refused. */
HAL_NODISCARD enum hal_status sbi_hart_start(uint64_t hart, hal_pa_t entry, uint64_t opaque);

/* Raise the supervisor software interrupt of `hart`. */
void sbi_ipi_send(uint64_t hart);

/* Timer interrupt of this hart once the time counter reaches `deadline`; clears a pending one. */
void sbi_timer_set(uint64_t deadline);

/* Firmware's console: output of one byte; input of one byte, -1 if there is none. */
void sbi_console_putc(char c);
int sbi_console_getc(void);

/* Power off or reboot. Returns only if the firmware can't. */
void sbi_system_reset(enum hal_reset how);

#endif
