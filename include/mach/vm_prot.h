/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_VM_PROT_H
#define MACH_VM_PROT_H

/* Access to a page: a set of VM_PROT_*. */
typedef int vm_prot_t;

#define VM_PROT_NONE ((vm_prot_t)0x00)
#define VM_PROT_READ ((vm_prot_t)0x01)
#define VM_PROT_WRITE ((vm_prot_t)0x02)
#define VM_PROT_EXECUTE ((vm_prot_t)0x04)

#define VM_PROT_DEFAULT (VM_PROT_READ | VM_PROT_WRITE)
#define VM_PROT_ALL (VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE)

#define VM_PROT_NO_CHANGE ((vm_prot_t)0x08) /* pagers: leave the protection as it is */
#define VM_PROT_COPY ((vm_prot_t)0x10)      /* vm_protect: make a writable copy if need be */

/* mach_make_memory_entry_64(permission): */
#define MAP_MEM_NAMED_CREATE ((vm_prot_t)0x020000) /* fresh memory */

#endif
