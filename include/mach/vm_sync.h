/* SPDX-License-Identifier: BSD-2-Clause */
/* What mach_vm_msync() is to do: a set of VM_SYNC_*. */
#ifndef MACH_VM_SYNC_H
#define MACH_VM_SYNC_H

typedef unsigned vm_sync_t;

#define VM_SYNC_ASYNCHRONOUS ((vm_sync_t)0x01)
#define VM_SYNC_SYNCHRONOUS ((vm_sync_t)0x02)
#define VM_SYNC_INVALIDATE ((vm_sync_t)0x04)
#define VM_SYNC_KILLPAGES ((vm_sync_t)0x08) /* give up pages that nobody shares */
#define VM_SYNC_DEACTIVATE ((vm_sync_t)0x10)
#define VM_SYNC_CONTIGUOUS ((vm_sync_t)0x20) /* holes are an error */

#endif
