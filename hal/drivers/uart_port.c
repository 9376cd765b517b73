/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/x86.h>
#include <hal/drivers/uart_port.h>

enum { REG_DATA = 0, REG_IER = 1, REG_FCR = 2, REG_LCR = 3, REG_MCR = 4, REG_LSR = 5 };
enum { REG_DIVISOR_LOW = 0, REG_DIVISOR_HIGH = 1 }; /* while LCR_DIVISOR is set */

#define FCR_ENABLE_CLEAR 0x07u
#define LCR_8BITS 0x03u
#define LCR_DIVISOR 0x80u
#define MCR_DTR_RTS 0x03u
#define LSR_RECEIVED 0x01u
#define LSR_THR_EMPTY 0x20u
#define LSR_NO_DEVICE 0xffu /* what a port without a device reads as */

#define PUTC_POLLS 100000u /* a poll takes about 1 us, a byte at 115200 bits/s 87 us */

void uart_port_init(uint16_t port)
{
    x86_outb(port + REG_IER, 0);
    x86_outb(port + REG_LCR, LCR_DIVISOR | LCR_8BITS);
    x86_outb(port + REG_DIVISOR_LOW, 1);
    x86_outb(port + REG_DIVISOR_HIGH, 0);
    x86_outb(port + REG_LCR, LCR_8BITS);
    x86_outb(port + REG_FCR, FCR_ENABLE_CLEAR);
    x86_outb(port + REG_MCR, MCR_DTR_RTS);
}

void uart_port_putc(uint16_t port, char c)
{
    for (unsigned i = 0; i < PUTC_POLLS; i++) {
        uint8_t status = x86_inb(port + REG_LSR);
        if (status == LSR_NO_DEVICE)
            return;
        if ((status & LSR_THR_EMPTY) != 0) {
            x86_outb(port + REG_DATA, (uint8_t)c);
            return;
        }
    }
}

int uart_port_getc(uint16_t port)
{
    uint8_t status = x86_inb(port + REG_LSR);

    if (status == LSR_NO_DEVICE || (status & LSR_RECEIVED) == 0)
        return -1;
    return x86_inb(port + REG_DATA);
}
