/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: the firmware's until the device tree named a 16550. */
#include "machine.h"

#include <hal/drivers/ns16550.h>
#include <hal/drivers/sbi.h>

static struct ns16550 uart; /* base NULL: none yet */

void arch_console_init(volatile void *base, unsigned shift, bool wide)
{
    uart = (struct ns16550){base, (uint8_t)shift, wide};
    ns16550_init(&uart);
}

static void put(char c)
{
    if (uart.base != NULL)
        ns16550_putc(&uart, c);
    else
        sbi_console_putc(c);
}

void hal_console_putc(char c)
{
    if (c == '\n')
        put('\r');
    put(c);
}

int hal_console_getc(void)
{
    return uart.base != NULL ? ns16550_getc(&uart) : sbi_console_getc();
}
