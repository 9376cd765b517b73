/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of processor. */
#ifndef MACH_MACHINE_H
#define MACH_MACHINE_H

#include <mach/vm_types.h>

typedef integer_t cpu_type_t;
typedef integer_t cpu_subtype_t;
typedef integer_t cpu_threadtype_t;

#define CPU_ARCH_ABI64 0x01000000

#define CPU_TYPE_ANY ((cpu_type_t) - 1)
#define CPU_TYPE_X86_64 ((cpu_type_t)(7 | CPU_ARCH_ABI64))
#define CPU_TYPE_ARM64 ((cpu_type_t)(12 | CPU_ARCH_ABI64))
#define CPU_TYPE_RISCV64 ((cpu_type_t)(24 | CPU_ARCH_ABI64))

#define CPU_SUBTYPE_ALL ((cpu_subtype_t)0)
#define CPU_THREADTYPE_NONE ((cpu_threadtype_t)0)

#endif
