/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/csr.h>
#include <test.h>

extern const char user_trap[];

const char *const machine_register[MACHINE_WORDS] = {
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

const uint64_t machine_trap_numbers[MACHINE_TRAP_NUMBERS] = {0, 1, 2, 10, UINT64_MAX};

void machine_pattern_fix(uint64_t *word, uint64_t seed)
{
    (void)word;
    (void)seed;
}

void machine_trap(uint64_t *word, uint64_t number)
{
    word[MACHINE_PC] = test_code(user_trap);
    word[MACHINE_A2] = number;
}

bool machine_entry_good(void)
{
    return (ARCH_CSR_READ(sstatus) & (SSTATUS_SIE | SSTATUS_SUM | SSTATUS_MXR)) == 0;
}

void machine_panic_over(void)
{
    ARCH_CSR_CLEAR(sstatus, SSTATUS_SPP | SSTATUS_SUM); /* sret goes to user mode again */
}

bool machine_guards_data(void)
{
    return true;
}

bool machine_guards_code(void)
{
    return true;
}

/* ---- Vector state: f0 - f31, fcsr ---- */

#define FCSR_WORD 32u
#define FCSR_PATTERN 0x5fu /* round down, every exception flag */

uint64_t machine_vector_mode(void)
{
    return 0;
}

void machine_vector_initial(void *block)
{
    memset(block, 0, MACHINE_VECTOR_BYTES);
}

void machine_vector_pattern(void *block, uint64_t seed)
{
    uint64_t *word = block;

    for (unsigned i = 0; i < FCSR_WORD; i++)
        word[i] = (seed + i) * 0x9e3779b97f4a7c15u;
    word[FCSR_WORD] = FCSR_PATTERN;
}

bool machine_vector_same(const void *a, const void *b)
{
    return memcmp(a, b, MACHINE_VECTOR_BYTES) == 0;
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
