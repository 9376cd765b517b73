/* SPDX-License-Identifier: BSD-2-Clause */
/* A device of the machine that interrupts when it is told to: a clock with an alarm.  Its line is a level. */
#ifndef TEST_ALARM_H
#define TEST_ALARM_H

#include <mach/mach_types.h>

extern const uint64_t alarm_address; /* physical, of its page of registers */
extern const natural_t alarm_line;

/* Raise the line soon; `registers`: where the page is mapped. */
void alarm_raise(volatile void *registers);
/* Lower it. */
void alarm_lower(volatile void *registers);

#endif
