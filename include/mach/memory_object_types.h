/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel and pagers tell each other about memory objects (memory_object.defs, memory_object_control.defs). */
#ifndef MACH_MEMORY_OBJECT_TYPES_H
#define MACH_MEMORY_OBJECT_TYPES_H

#include <mach/port.h>
#include <mach/vm_prot.h>
#include <mach/vm_types.h>

typedef mach_port_t memory_object_t; /* the pager's port: what is mapped */
typedef mach_port_t memory_object_name_t;

#ifdef KERNEL
struct memory_object;
typedef struct memory_object *memory_object_control_t;
#else
typedef mach_port_t memory_object_control_t; /* the kernel's port: where the pager answers */
#endif

/* How copies of the object's memory are made. */
typedef int memory_object_copy_strategy_t;

#define MEMORY_OBJECT_COPY_NONE 0      /* at once, of all pages: the pager changes the data, too */
#define MEMORY_OBJECT_COPY_CALL 1      /* by the pager (memory_object_copy), which changes the data, too */
#define MEMORY_OBJECT_COPY_DELAY 2     /* page by page, on write: only the kernel changes the data */
#define MEMORY_OBJECT_COPY_TEMPORARY 3 /* as DELAY, and the data need not outlive the last mapping */

/* Which pages memory_object_lock_request() gives back to the pager. */
typedef int memory_object_return_t;

#define MEMORY_OBJECT_RETURN_NONE 0
#define MEMORY_OBJECT_RETURN_DIRTY 1 /* those that were changed */
#define MEMORY_OBJECT_RETURN_ALL 2   /* and those that are precious */

#define VM_PROT_NO_CHANGE ((vm_prot_t)0x08) /* for its lock_value */

#endif
