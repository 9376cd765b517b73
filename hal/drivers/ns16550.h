/* SPDX-License-Identifier: BSD-2-Clause */
/* UART of the 16550 family behind memory-mapped registers, polled. */
#ifndef HAL_DRIVERS_NS16550_H
#define HAL_DRIVERS_NS16550_H

#include <hal/types.h>

struct ns16550 {
    volatile uint8_t *base;
    uint8_t shift; /* register n is at base + (n << shift) */
    bool wide;     /* registers take 32-bit accesses only */
};

/* FIFOs on, interrupts off, 8 bits; the line speed stays as firmware left it. */
void ns16550_init(const struct ns16550 *uart);

/* Send one byte as it is. Bounded wait; a byte that the device does not take is lost. */
void ns16550_putc(const struct ns16550 *uart, char c);

/* A received byte, or -1. */
int ns16550_getc(const struct ns16550 *uart);

#endif
