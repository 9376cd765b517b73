/* SPDX-License-Identifier: BSD-2-Clause */
/* C types of kernel_memory.defs. */
#ifndef KERNEL_MEMORY_TYPES_H
#define KERNEL_MEMORY_TYPES_H

#include <mach/message.h>

typedef struct memory *memory_t; /* what holds memory */
typedef struct ipc_port **many_t;
typedef struct ipc_port **few_t;

#endif
