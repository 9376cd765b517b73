/* SPDX-License-Identifier: BSD-2-Clause */
/* Ticks as the time that users know. */
#ifndef KERN_TIME_H
#define KERN_TIME_H

#include <hal/info.h>
#include <mach/time_value.h>

static inline time_value_t time_value_from_ticks(hal_ticks_t ticks)
{
    uint64_t hz = hal_info.time_hz;

    return (time_value_t){
        .seconds = (integer_t)(ticks / hz),
        .microseconds = (integer_t)(ticks % hz * TIME_MICROS_MAX / hz),
    };
}

static inline time_value64_t time_value64_from_ticks(hal_ticks_t ticks)
{
    uint64_t hz = hal_info.time_hz;

    return (time_value64_t){
        .seconds = (int64_t)(ticks / hz),
        .nanoseconds = (int64_t)(ticks % hz * TIME_NANOS_MAX / hz),
    };
}

#endif
