/* SPDX-License-Identifier: BSD-2-Clause */
/* What thread_info() tells. */
#ifndef MACH_THREAD_INFO_H
#define MACH_THREAD_INFO_H

#include <mach/message.h>
#include <mach/policy.h>
#include <mach/time_value.h>
#include <mach/vm_types.h>

typedef natural_t thread_flavor_t;
typedef integer_t *thread_info_t;

#define THREAD_INFO_MAX 32
typedef integer_t thread_info_data_t[THREAD_INFO_MAX];

#define THREAD_BASIC_INFO 3
#define THREAD_IDENTIFIER_INFO 4
#define THREAD_SCHED_TIMESHARE_INFO 10 /* struct policy_timeshare_info */
#define THREAD_SCHED_RR_INFO 11        /* struct policy_rr_info */
#define THREAD_SCHED_FIFO_INFO 12      /* struct policy_fifo_info */

#pragma pack(push, 4)

struct thread_basic_info {
    time_value_t user_time;
    time_value_t system_time;
    integer_t cpu_usage; /* recent share of a processor, of TH_USAGE_SCALE */
    policy_t policy;
    integer_t run_state; /* TH_STATE_* */
    integer_t flags;     /* TH_FLAGS_* */
    integer_t suspend_count;
    integer_t sleep_time; /* seconds that it has waited */
};

struct thread_identifier_info {
    uint64_t thread_id;      /* never used again while the system runs */
    uint64_t thread_handle;  /* its thread pointer */
    uint64_t dispatch_qaddr; /* 0 */
};

#pragma pack(pop)

typedef struct thread_basic_info thread_basic_info_data_t;
typedef struct thread_basic_info *thread_basic_info_t;
typedef struct thread_identifier_info thread_identifier_info_data_t;
typedef struct thread_identifier_info *thread_identifier_info_t;

#define THREAD_BASIC_INFO_COUNT                                                                              \
    ((mach_msg_type_number_t)(sizeof(thread_basic_info_data_t) / sizeof(natural_t)))
#define THREAD_IDENTIFIER_INFO_COUNT                                                                         \
    ((mach_msg_type_number_t)(sizeof(thread_identifier_info_data_t) / sizeof(natural_t)))

#define TH_USAGE_SCALE 1000

#define TH_STATE_RUNNING 1         /* runs, or could run */
#define TH_STATE_STOPPED 2         /* suspended */
#define TH_STATE_WAITING 3         /* waits for an event */
#define TH_STATE_UNINTERRUPTIBLE 4 /* waits, and thread_abort() can't end it */
#define TH_STATE_HALTED 5          /* halted at a clean point */

#define TH_FLAGS_SWAPPED 0x1
#define TH_FLAGS_IDLE 0x2

#endif
