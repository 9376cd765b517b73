/* SPDX-License-Identifier: BSD-2-Clause */
/* C types of kernel_sample.defs. */
#ifndef KERNEL_SAMPLE_TYPES_H
#define KERNEL_SAMPLE_TYPES_H

#include <mach/message.h>

typedef char text_t[12];

#ifdef KERNEL
struct object {
    int references;
};

struct ipc_port {
    struct object *object;
};

typedef struct object *object_t;
typedef struct object *fixed_t;

object_t object_of_port(mach_port_t port);
mach_port_t port_of_object(object_t object);
void object_unref(object_t object);
fixed_t fixed_of_port(mach_port_t port);
#endif

#endif
