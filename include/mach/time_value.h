/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_TIME_VALUE_H
#define MACH_TIME_VALUE_H

#include <mach/vm_types.h>

/* Seconds and microseconds. */
struct time_value {
    integer_t seconds;
    integer_t microseconds; /* 0 .. 999999 */
};
typedef struct time_value time_value_t;

/* Seconds and nanoseconds. */
struct time_value64 {
    int64_t seconds;
    int64_t nanoseconds; /* 0 .. 999999999 */
};
typedef struct time_value64 time_value64_t;

#define TIME_MICROS_MAX 1000000
#define TIME_NANOS_MAX 1000000000

#endif
