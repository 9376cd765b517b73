/* SPDX-License-Identifier: BSD-2-Clause */
/* UART of the 16550 family behind I/O ports, as every PC has at 0x3f8; polled. */
#ifndef HAL_DRIVERS_UART_PORT_H
#define HAL_DRIVERS_UART_PORT_H

#include <hal/types.h>

/* FIFOs on, interrupts off, 115200 bits/s, 8N1. `port`: first of the eight ports. */
void uart_port_init(uint16_t port);

/* Send one byte as it is. Bounded wait; a byte that the device does not take is lost. */
void uart_port_putc(uint16_t port, char c);

/* A received byte, or -1. */
int uart_port_getc(uint16_t port);

#endif
