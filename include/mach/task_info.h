/* SPDX-License-Identifier: BSD-2-Clause */
/* What task_info() tells. */
#ifndef MACH_TASK_INFO_H
#define MACH_TASK_INFO_H

#include <mach/message.h>
#include <mach/policy.h>
#include <mach/time_value.h>
#include <mach/vm_types.h>

typedef natural_t task_flavor_t;
typedef integer_t *task_info_t;

#define TASK_INFO_MAX 1024
typedef integer_t task_info_data_t[TASK_INFO_MAX];

#define TASK_BASIC_INFO_64 5
#define TASK_BASIC_INFO TASK_BASIC_INFO_64

#define TASK_EVENTS_INFO 2
#define TASK_THREAD_TIMES_INFO 3
#define TASK_LIMITS_INFO 100   /* what it has, and may have at most (portolan.defs) */
#define TASK_SECURITY_TOKEN 13 /* security_token_t: who the task is in trailers of its messages */
#define TASK_AUDIT_TOKEN 15    /* audit_token_t */

#pragma pack(push, 4)

struct task_basic_info {
    integer_t suspend_count;
    vm_size_t virtual_size;  /* bytes mapped */
    vm_size_t resident_size; /* bytes in memory */
    time_value_t user_time;  /* of terminated threads */
    time_value_t system_time;
    policy_t policy; /* of new threads */
};

struct task_events_info {
    integer_t faults;
    integer_t pageins;
    integer_t cow_faults;
    integer_t messages_sent;
    integer_t messages_received;
    integer_t syscalls_mach;
    integer_t syscalls_unix;
    integer_t csw;
};

struct task_thread_times_info {
    time_value_t user_time; /* of living threads */
    time_value_t system_time;
};

/* What a task has, and the most that it may have. */
struct task_limits_info {
    mach_vm_size_t memory; /* bytes: pages, and objects of the kernel, that were made for it */
    mach_vm_size_t
        memory_below; /* that its messages and the tasks that it created have, or may have without asking */
    mach_vm_size_t memory_limit; /* of both */
    mach_vm_size_t messages;     /* bytes of messages that it sent and nobody has received yet */
    mach_vm_size_t messages_limit;
    natural_t names;
    natural_t names_limit;
    natural_t threads;
    natural_t threads_limit;
};

#pragma pack(pop)

/* For task_set_limit(). */
#define LIMIT_MEMORY 1   /* bytes */
#define LIMIT_MESSAGES 2 /* bytes */
#define LIMIT_NAMES 3
#define LIMIT_THREADS 4

typedef struct task_basic_info task_basic_info_data_t;
typedef struct task_basic_info *task_basic_info_t;
typedef struct task_events_info task_events_info_data_t;
typedef struct task_events_info *task_events_info_t;
typedef struct task_thread_times_info task_thread_times_info_data_t;
typedef struct task_thread_times_info *task_thread_times_info_t;
typedef struct task_limits_info task_limits_info_data_t;
typedef struct task_limits_info *task_limits_info_t;

#define TASK_BASIC_INFO_COUNT ((mach_msg_type_number_t)(sizeof(task_basic_info_data_t) / sizeof(natural_t)))
#define TASK_BASIC_INFO_64_COUNT TASK_BASIC_INFO_COUNT
#define TASK_SECURITY_TOKEN_COUNT ((mach_msg_type_number_t)(sizeof(security_token_t) / sizeof(natural_t)))
#define TASK_AUDIT_TOKEN_COUNT ((mach_msg_type_number_t)(sizeof(audit_token_t) / sizeof(natural_t)))
#define TASK_LIMITS_INFO_COUNT ((mach_msg_type_number_t)(sizeof(task_limits_info_data_t) / sizeof(natural_t)))
#define TASK_EVENTS_INFO_COUNT ((mach_msg_type_number_t)(sizeof(task_events_info_data_t) / sizeof(natural_t)))
#define TASK_THREAD_TIMES_INFO_COUNT                                                                         \
    ((mach_msg_type_number_t)(sizeof(task_thread_times_info_data_t) / sizeof(natural_t)))

#endif
