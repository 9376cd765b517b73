/* SPDX-License-Identifier: BSD-2-Clause */
/* What a loader has to know of riscv64. */
#ifndef LIBMACH_ISA_H
#define LIBMACH_ISA_H

#define MACH_ISA_NAME "riscv64"
#define MACH_ISA_ELF_MACHINE 243 /* e_machine of programs */

#endif
