/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/drivers/ns16550.h>

enum { REG_DATA = 0, REG_IER = 1, REG_FCR = 2, REG_LCR = 3, REG_MCR = 4, REG_LSR = 5 };

#define FCR_ENABLE_CLEAR 0x07u
#define LCR_8BITS 0x03u
#define MCR_DTR_RTS 0x03u
#define LSR_RECEIVED 0x01u
#define LSR_THR_EMPTY 0x20u

#define PUTC_POLLS 1000000u /* far longer than a byte takes at the slowest speed */

static uint8_t reg_read(const struct ns16550 *uart, unsigned reg)
{
    volatile uint8_t *p = uart->base + ((size_t)reg << uart->shift);

    return uart->wide ? (uint8_t)*(volatile uint32_t *)(volatile void *)p : *p;
}

static void reg_write(const struct ns16550 *uart, unsigned reg, uint8_t value)
{
    volatile uint8_t *p = uart->base + ((size_t)reg << uart->shift);

    if (uart->wide)
        *(volatile uint32_t *)(volatile void *)p = value;
    else
        *p = value;
}

void ns16550_init(const struct ns16550 *uart)
{
    reg_write(uart, REG_IER, 0);
    reg_write(uart, REG_LCR, LCR_8BITS);
    reg_write(uart, REG_FCR, FCR_ENABLE_CLEAR);
    reg_write(uart, REG_MCR, MCR_DTR_RTS);
}

void ns16550_putc(const struct ns16550 *uart, char c)
{
    for (unsigned i = 0; i < PUTC_POLLS; i++) {
        if ((reg_read(uart, REG_LSR) & LSR_THR_EMPTY) != 0) {
            reg_write(uart, REG_DATA, (uint8_t)c);
            return;
        }
    }
}

int ns16550_getc(const struct ns16550 *uart)
{
    return (reg_read(uart, REG_LSR) & LSR_RECEIVED) != 0 ? reg_read(uart, REG_DATA) : -1;
}
