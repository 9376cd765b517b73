/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/csr.h>
#include <test.h>

bool machine_entry_good(void)
{
    return (ARCH_CSR_READ(sstatus) & (SSTATUS_SIE | SSTATUS_SUM | SSTATUS_MXR)) == 0;
}

void machine_panic_over(void)
{
    ARCH_CSR_CLEAR(sstatus, SSTATUS_SPP | SSTATUS_SUM); /* sret goes to user mode again */
}

const char *machine_lacks(const char *function, const char *clause)
{
    (void)function;
    (void)clause;
    return NULL;
}

bool machine_guards_data(void)
{
    return true;
}

bool machine_guards_code(void)
{
    return true;
}

/* ---- The 16550 ---- */

#define UART_PAGE 0x10000000u
#define UART_IER 1u
#define UART_MCR 4u
#define IER_TRANSMITTER 2u
#define MCR_DTR_RTS 3u
#define MCR_LOOP 0x10u

void machine_line_set(bool raised)
{
    volatile uint8_t *uart = test_device(HAL_PA(UART_PAGE));

    uart[UART_IER] = raised ? IER_TRANSMITTER : 0;
}

void machine_loopback(bool on)
{
    volatile uint8_t *uart = test_device(HAL_PA(UART_PAGE));

    uart[UART_MCR] = MCR_DTR_RTS | (on ? MCR_LOOP : 0);
}
