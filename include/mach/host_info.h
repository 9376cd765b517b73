/* SPDX-License-Identifier: BSD-2-Clause */
/* What host_info(), host_statistics64() and host_kernel_version() tell. */
#ifndef MACH_HOST_INFO_H
#define MACH_HOST_INFO_H

#include <mach/machine.h>
#include <mach/message.h>
#include <mach/vm_statistics.h>
#include <mach/vm_types.h>

typedef integer_t host_flavor_t;
typedef integer_t *host_info_t;
typedef integer_t *host_info64_t;

#define HOST_INFO_MAX 1024
typedef integer_t host_info_data_t[HOST_INFO_MAX];

#define KERNEL_VERSION_MAX 512
typedef char kernel_version_t[KERNEL_VERSION_MAX];

/* host_info() */
#define HOST_BASIC_INFO 1
#define HOST_SCHED_INFO 3
#define HOST_RESOURCE_SIZES 4
#define HOST_PRIORITY_INFO 5

/* host_statistics64() */
#define HOST_LOAD_INFO 1
#define HOST_VM_INFO64 4

#pragma pack(push, 4)

struct host_basic_info {
    integer_t max_cpus;    /* processors present */
    integer_t avail_cpus;  /* processors running */
    natural_t memory_size; /* bytes, at most 2 GiB: for old programs */
    cpu_type_t cpu_type;
    cpu_subtype_t cpu_subtype;
    cpu_threadtype_t cpu_threadtype;
    integer_t physical_cpu;
    integer_t physical_cpu_max;
    integer_t logical_cpu;
    integer_t logical_cpu_max;
    uint64_t max_mem; /* bytes of memory */
};

struct host_sched_info {
    integer_t min_timeout; /* milliseconds */
    integer_t min_quantum; /* milliseconds */
};

/* Bytes of kernel memory per object. */
struct kernel_resource_sizes {
    natural_t task;
    natural_t thread;
    natural_t port;
    natural_t memory_region;
    natural_t memory_object;
};

struct host_priority_info {
    integer_t kernel_priority;
    integer_t system_priority;
    integer_t server_priority;
    integer_t user_priority;
    integer_t depress_priority;
    integer_t idle_priority;
    integer_t minimum_priority;
    integer_t maximum_priority;
};

/* Averages over 5, 30 and 60 seconds, times LOAD_SCALE. */
struct host_load_info {
    integer_t avenrun[3];     /* runnable threads */
    integer_t mach_factor[3]; /* processor time that a new thread would get */
};

#pragma pack(pop)

#define LOAD_SCALE 1000

typedef struct host_basic_info host_basic_info_data_t;
typedef struct host_basic_info *host_basic_info_t;
typedef struct host_sched_info host_sched_info_data_t;
typedef struct host_sched_info *host_sched_info_t;
typedef struct kernel_resource_sizes kernel_resource_sizes_data_t;
typedef struct kernel_resource_sizes *kernel_resource_sizes_t;
typedef struct host_priority_info host_priority_info_data_t;
typedef struct host_priority_info *host_priority_info_t;
typedef struct host_load_info host_load_info_data_t;
typedef struct host_load_info *host_load_info_t;

#define HOST_BASIC_INFO_COUNT ((mach_msg_type_number_t)(sizeof(host_basic_info_data_t) / sizeof(integer_t)))
#define HOST_SCHED_INFO_COUNT ((mach_msg_type_number_t)(sizeof(host_sched_info_data_t) / sizeof(integer_t)))
#define HOST_RESOURCE_SIZES_COUNT                                                                            \
    ((mach_msg_type_number_t)(sizeof(kernel_resource_sizes_data_t) / sizeof(integer_t)))
#define HOST_PRIORITY_INFO_COUNT                                                                             \
    ((mach_msg_type_number_t)(sizeof(host_priority_info_data_t) / sizeof(integer_t)))
#define HOST_LOAD_INFO_COUNT ((mach_msg_type_number_t)(sizeof(host_load_info_data_t) / sizeof(integer_t)))
#define HOST_VM_INFO64_COUNT ((mach_msg_type_number_t)(sizeof(vm_statistics64_data_t) / sizeof(integer_t)))

#endif
