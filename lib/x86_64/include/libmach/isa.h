/* SPDX-License-Identifier: BSD-2-Clause */
/* What a loader has to know of x86_64. */
#ifndef LIBMACH_ISA_H
#define LIBMACH_ISA_H

#define MACH_ISA_NAME "x86_64"
#define MACH_ISA_ELF_MACHINE 62 /* e_machine of programs */

#endif
