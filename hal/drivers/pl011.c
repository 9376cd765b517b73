/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/drivers/pl011.h>

#define UART_DR 0x00u
#define UART_FR 0x18u
#define UART_CR 0x30u
#define UART_IMSC 0x38u

#define FR_RX_EMPTY (1u << 4)
#define FR_TX_FULL (1u << 5)
#define CR_ENABLE (1u << 0)
#define CR_TX_ENABLE (1u << 8)
#define CR_RX_ENABLE (1u << 9)
#define DR_ERRORS 0xf00u

#define WAIT_TURNS 1000000u /* a byte takes 1 ms at 9600 baud */

static volatile uint32_t *reg(volatile void *uart, uint32_t offset)
{
    return (volatile uint32_t *)((uintptr_t)uart + offset);
}

void pl011_init(volatile void *uart)
{
    *reg(uart, UART_IMSC) = 0;
    *reg(uart, UART_CR) |= CR_ENABLE | CR_TX_ENABLE | CR_RX_ENABLE;
}

void pl011_putc(volatile void *uart, char c)
{
    for (uint32_t turn = 0; turn < WAIT_TURNS && (*reg(uart, UART_FR) & FR_TX_FULL) != 0; turn++)
        __asm__ volatile("" ::: "memory");
    *reg(uart, UART_DR) = (uint8_t)c;
}

int pl011_getc(volatile void *uart)
{
    while ((*reg(uart, UART_FR) & FR_RX_EMPTY) == 0) {
        uint32_t data = *reg(uart, UART_DR);
        if ((data & DR_ERRORS) == 0)
            return (int)(data & 0xff);
    }
    return -1;
}
