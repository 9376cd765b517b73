/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sizes of virtual memory.  Every ISA that Portolan supports has pages of 4 KiB; a portable program asks
 * host_page_size() nevertheless.
 */
#ifndef MACH_VM_PARAM_H
#define MACH_VM_PARAM_H

#include <mach/vm_types.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE ((vm_size_t)1 << PAGE_SHIFT)
#define PAGE_MASK (PAGE_SIZE - 1)

#define trunc_page(address) ((vm_offset_t)(address) & ~PAGE_MASK)
#define round_page(address) (((vm_offset_t)(address) + PAGE_MASK) & ~PAGE_MASK)

/* mach_vm_allocate(flags), mach_vm_map(flags). */
#define VM_FLAGS_FIXED 0x0000
#define VM_FLAGS_ANYWHERE 0x0001
#define VM_FLAGS_OVERWRITE 0x4000           /* with VM_FLAGS_FIXED: replace what is mapped there */
#define VM_FLAGS_SUPERPAGE_SIZE_2MB 0x20000 /* made and mapped in blocks of VM_SUPERPAGE_SIZE bytes */
#define VM_SUPERPAGE_SIZE 0x200000u

/* mach_vm_read_inband(), mach_vm_write_inband(): data that travels in the message itself. */
#define VM_INBAND_MAX 4096
typedef uint8_t *vm_inband_data_t;

#endif
