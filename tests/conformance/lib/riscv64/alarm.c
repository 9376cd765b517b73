/* SPDX-License-Identifier: BSD-2-Clause */
/* The real-time clock of QEMU's `virt` machine, that of its goldfish. */
#include "../alarm.h"

const uint64_t alarm_address = 0x101000;
const natural_t alarm_line = 11;

enum { NOW_LOW, NOW_HIGH, ALARM_LOW, ALARM_HIGH, ENABLE, CLEAR_ALARM, STATUS, CLEAR };

/* An alarm in the past is due at once. */
void alarm_raise(volatile void *registers)
{
    volatile uint32_t *reg = registers;

    reg[ENABLE] = 1;
    reg[ALARM_HIGH] = 0;
    reg[ALARM_LOW] = 0;
}

void alarm_lower(volatile void *registers)
{
    volatile uint32_t *reg = registers;

    reg[ENABLE] = 0;
    reg[CLEAR] = 1;
}
