/* SPDX-License-Identifier: BSD-2-Clause */
/* What processor_info() and processor_set_info() tell. */
#ifndef MACH_PROCESSOR_INFO_H
#define MACH_PROCESSOR_INFO_H

#include <mach/boolean.h>
#include <mach/machine.h>
#include <mach/message.h>

typedef int processor_flavor_t;
typedef integer_t *processor_info_t;
typedef integer_t *processor_info_array_t;

#define PROCESSOR_INFO_MAX 1024
typedef integer_t processor_info_data_t[PROCESSOR_INFO_MAX];

#define PROCESSOR_BASIC_INFO 1

struct processor_basic_info {
    cpu_type_t cpu_type;
    cpu_subtype_t cpu_subtype;
    boolean_t running;
    int slot_num;        /* 0 .. host_basic_info.max_cpus - 1 */
    boolean_t is_master; /* the boot processor */
};

typedef struct processor_basic_info processor_basic_info_data_t;
typedef struct processor_basic_info *processor_basic_info_t;
#define PROCESSOR_BASIC_INFO_COUNT                                                                           \
    ((mach_msg_type_number_t)(sizeof(processor_basic_info_data_t) / sizeof(natural_t)))

#endif
