/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel address space of riscv64: the top 256 GiB, the same in Sv39, Sv48 and Sv57 (one and two levels further down).
 *
 *   ffffffc000000000  248 GiB  direct map of RAM
 *   fffffffe00000000    2 MiB  CPU stacks, each behind a guard
 *   ffffffff00000000    1 GiB  devices
 *   ffffffff80000000    1 GiB  kernel image
 *
 * Also included by assembly.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#define HAL_DIRECT_BASE 0xffffffc000000000
#define HAL_DEVICE_BASE 0xffffffff00000000

#define HAL_ELF_MACHINE 243 /* e_machine of programs for this ISA */

#define ARCH_DIRECT_SIZE 0x3e00000000
#define ARCH_STACK_BASE 0xfffffffe00000000
#define ARCH_STACK_SIZE 0x4000
#define ARCH_STACK_STRIDE 0x8000 /* the lower half of each slot is the guard */
#define ARCH_IMAGE_BASE 0xffffffff80000000
#define ARCH_IMAGE_OFFSET                                                                                    \
    0x200000 /* of the first byte of the image; what Image loaders add to the RAM base */

/* Records of struct arch_start (machine.h), as start.S counts them. */
#define ARCH_START_RECORDS 64
#define ARCH_START_SIZE 32

#endif
