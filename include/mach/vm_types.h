/* SPDX-License-Identifier: BSD-2-Clause */
/* Integers and addresses of the ABI.  The same on every ISA: integers of 32 bits, addresses of 64. */
#ifndef MACH_VM_TYPES_H
#define MACH_VM_TYPES_H

#include <stdint.h>

typedef uint32_t natural_t;
typedef int32_t integer_t;

typedef uint64_t vm_offset_t;
typedef uint64_t vm_address_t;
typedef uint64_t vm_size_t;
typedef vm_offset_t pointer_t;

typedef uint64_t mach_vm_offset_t;
typedef uint64_t mach_vm_address_t;
typedef uint64_t mach_vm_size_t;

typedef uint64_t memory_object_offset_t;
typedef uint64_t memory_object_size_t;

#endif
