/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/sysreg.h>
#include <test.h>

extern const char user_traps[];

const char *const machine_register[MACHINE_WORDS] = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",     "x10",  "x11",
    "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",    "x22",  "x23",
    "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate", "tpidr"};

const uint64_t machine_trap_numbers[MACHINE_TRAP_NUMBERS] = {0, 1, 2, 10, 0xffff};

void machine_pattern_fix(uint64_t *word, uint64_t seed)
{
    word[MACHINE_FLAGS] = (seed % 16) << 28;
}

/* The number is part of the instruction. */
void machine_trap(uint64_t *word, uint64_t number)
{
    for (unsigned i = 0; i < MACHINE_TRAP_NUMBERS; i++) {
        if (machine_trap_numbers[i] == number)
            word[MACHINE_PC] = test_code(user_traps) + 8 * i;
    }
}

#define DAIF_IRQ 0x80ul
#define PAN_SET (1ul << 22)
#define MMFR1_PAN 20

void machine_panic_over(void)
{
}

const char *machine_lacks(const char *function, const char *clause)
{
    (void)function;
    (void)clause;
    return NULL;
}

bool machine_guards_data(void)
{
    return SYSREG_FIELD(SYSREG_READ(id_aa64mmfr1_el1), MMFR1_PAN) != 0;
}

bool machine_guards_code(void)
{
    return true;
}

bool machine_entry_good(void)
{
    if (machine_guards_data() && (SYSREG_READ(s3_0_c4_c2_3) & PAN_SET) == 0) /* PAN, by its encoding */
        return false;
    return (SYSREG_READ(daif) & DAIF_IRQ) != 0 && SYSREG_READ(spsel) == 1;
}

/* ---- Vector state: q0 - q31, FPSR, FPCR ---- */

#define FPSR_WORD 64u
#define FPCR_WORD 65u
#define FPSR_PATTERN 0x0800009ful /* QC and every cumulative exception */
#define FPCR_PATTERN 0x03c00000ul /* DN, FZ, round towards zero */

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

    for (unsigned i = 0; i < FPSR_WORD; i++)
        word[i] = (seed + i) * 0x9e3779b97f4a7c15u;
    word[FPSR_WORD] = FPSR_PATTERN;
    word[FPCR_WORD] = FPCR_PATTERN;
}

bool machine_vector_same(const void *a, const void *b)
{
    return memcmp(a, b, MACHINE_VECTOR_BYTES) == 0;
}

/* ---- The PL011 ---- */

#define UART_PAGE 0x09000000u
#define UART_IMSC 0x38u
#define IMSC_TRANSMITTER 0x20u

void machine_line_set(bool raised)
{
    volatile uint32_t *uart = test_device(HAL_PA(UART_PAGE));

    uart[UART_IMSC / sizeof *uart] = raised ? IMSC_TRANSMITTER : 0;
}

void machine_loopback(bool on)
{
    (void)on;
}
