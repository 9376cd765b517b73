/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_VM_BEHAVIOR_H
#define MACH_VM_BEHAVIOR_H

/* Expected order of access to a region: one of VM_BEHAVIOR_*. */
typedef int vm_behavior_t;

#define VM_BEHAVIOR_DEFAULT ((vm_behavior_t)0)
#define VM_BEHAVIOR_RANDOM ((vm_behavior_t)1)
#define VM_BEHAVIOR_SEQUENTIAL ((vm_behavior_t)2)
#define VM_BEHAVIOR_RSEQNTL ((vm_behavior_t)3)
#define VM_BEHAVIOR_FREE ((vm_behavior_t)6) /* no order, but at once: give up its pages */

#endif
