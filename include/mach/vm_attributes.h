/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_VM_ATTRIBUTES_H
#define MACH_VM_ATTRIBUTES_H

/* What of the machine mach_vm_machine_attribute() is about. */
typedef unsigned vm_machine_attribute_t;

#define MATTR_CACHE 1 /* caches */

/* What is asked of it, or told. */
typedef int vm_machine_attribute_val_t;

#define MATTR_VAL_OFF 0          /* not cached */
#define MATTR_VAL_ON 1           /* cached */
#define MATTR_VAL_GET 2          /* tell which */
#define MATTR_VAL_CACHE_FLUSH 6  /* write data to memory, forget data and instructions */
#define MATTR_VAL_DCACHE_FLUSH 7 /* write data to memory, forget it */
#define MATTR_VAL_ICACHE_FLUSH 8 /* forget instructions: those that were written are fetched */
#define MATTR_VAL_CACHE_SYNC 9   /* the same */

#endif
