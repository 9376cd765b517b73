/* SPDX-License-Identifier: BSD-2-Clause */
/* The first timer of the HPET (IA-PC HPET specification 1.0a). */
#include "../alarm.h"

#include <stddef.h>

#define LINE 20u
#define TICKS 1000u

#define ENABLE 1u
#define TIMER_LEVEL 2u
#define TIMER_ENABLE 4u
#define TIMER_ROUTE(line) ((line) << 9)

const uint64_t alarm_address = 0xfed00000;
const natural_t alarm_line = LINE;

static volatile uint32_t *at(volatile void *registers, size_t offset)
{
    return (volatile uint32_t *)((uintptr_t)registers + offset);
}

#define CONFIGURATION 0x10u
#define STATUS 0x20u
#define COUNTER 0xf0u
#define TIMER_CONFIGURATION 0x100u
#define COMPARATOR 0x108u

void alarm_raise(volatile void *registers)
{
    *at(registers, TIMER_CONFIGURATION) = TIMER_LEVEL | TIMER_ENABLE | TIMER_ROUTE(LINE);
    *at(registers, CONFIGURATION) = ENABLE;
    *at(registers, COMPARATOR) = *at(registers, COUNTER) + TICKS;
}

void alarm_lower(volatile void *registers)
{
    *at(registers, STATUS) = 1; /* while the timer still knows its line */
    *at(registers, TIMER_CONFIGURATION) = 0;
}
