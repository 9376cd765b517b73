/* SPDX-License-Identifier: BSD-2-Clause */
/* The console is a PL011. */
#include <hal/console.h>
#include <hal/drivers/pl011.h>

static volatile void *console_uart;

void pl011_console_init(volatile void *uart)
{
    console_uart = uart;
    pl011_init(uart);
}

void hal_console_putc(char c)
{
    if (c == '\n')
        pl011_putc(console_uart, '\r');
    pl011_putc(console_uart, c);
}

int hal_console_getc(void)
{
    return pl011_getc(console_uart);
}
