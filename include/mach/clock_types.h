/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks: what host_get_clock_service() hands out, and how they tell time. */
#ifndef MACH_CLOCK_TYPES_H
#define MACH_CLOCK_TYPES_H

#include <mach/vm_types.h>

typedef int clock_id_t;
typedef int clock_flavor_t;
typedef int alarm_type_t;
typedef int *clock_attr_t;

#define SYSTEM_CLOCK 0   /* monotonic since boot */
#define CALENDAR_CLOCK 1 /* UTC since 1970 */

typedef struct mach_timespec {
    uint32_t tv_sec;
    int tv_nsec; /* 0 .. 999999999 */
} mach_timespec_t;

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull
#define USEC_PER_SEC 1000000ull

/* clock_get_attributes() */
#define CLOCK_GET_TIME_RES 1 /* resolution in nanoseconds */

#endif
