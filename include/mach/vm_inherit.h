/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_VM_INHERIT_H
#define MACH_VM_INHERIT_H

/* What task_create(inherit_memory = TRUE) does with a region: one of VM_INHERIT_*. */
typedef unsigned int vm_inherit_t;

#define VM_INHERIT_SHARE ((vm_inherit_t)0) /* parent and child share the memory */
#define VM_INHERIT_COPY ((vm_inherit_t)1)  /* the child gets a copy as of now */
#define VM_INHERIT_NONE ((vm_inherit_t)2)  /* absent in the child */
#define VM_INHERIT_DONATE_COPY ((vm_inherit_t)3)

#define VM_INHERIT_DEFAULT VM_INHERIT_COPY
#define VM_INHERIT_LAST_VALID VM_INHERIT_NONE

#endif
