/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the simulated machine lies in its process: physical address p is at HAL_DIRECT_BASE + p.  A fixed address, so that
 * pointers into RAM are the same in every run; low, where the sanitizers have shadow memory for it (below 2 GiB), and
 * above where Linux may put the heap of a program (up to 1 GiB behind it).
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#define HAL_DIRECT_BASE 0x50000000
#define ARCH_DIRECT_SIZE 0x28000000 /* most RAM, holes included */

#define HAL_ELF_MACHINE 243 /* e_machine of programs: those of riscv64 */

#endif
