/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm PrimeCell UART PL011 (DDI 0183), polled.  Firmware has set line format and speed. */
#ifndef HAL_DRIVERS_PL011_H
#define HAL_DRIVERS_PL011_H

#include <hal/types.h>

/* Switch it on, with its interrupts masked. `uart`: its registers, mapped as a device. */
void pl011_init(volatile void *uart);

/* Send one byte. Waits a bounded time for room; without any the byte is lost. */
void pl011_putc(volatile void *uart, char c);

/* Returns: the next byte received, or -1. */
int pl011_getc(volatile void *uart);

/* Switch it on and make it the console of the kernel (pl011_console.c). Before that nothing may be printed. */
void pl011_console_init(volatile void *uart);

#endif
