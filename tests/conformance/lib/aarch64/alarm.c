/* SPDX-License-Identifier: BSD-2-Clause */
/* The real-time clock of QEMU's `virt` machine, a PL031 (Arm DDI 0224). */
#include "../alarm.h"

const uint64_t alarm_address = 0x9010000;
const natural_t alarm_line = 2;

enum { NOW, MATCH, LOAD, CONTROL, MASK, RAW, STATUS, CLEAR };

/* It counts seconds, and compares when the match is written. */
void alarm_raise(volatile void *registers)
{
    volatile uint32_t *reg = registers;

    reg[MASK] = 1;
    do
        reg[MATCH] = reg[NOW];
    while (reg[MATCH] != reg[NOW]);
}

void alarm_lower(volatile void *registers)
{
    volatile uint32_t *reg = registers;

    reg[MASK] = 0;
    reg[CLEAR] = 1;
}
