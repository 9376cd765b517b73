/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of RISC-V: names, patterns, traps, vector state. For riscv64 and for the simulated machine. */
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
