/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel half of the address space (TTBR1), all in its last 2^48 bytes: the same with tables of four and of five levels.
 *
 *   0xffff000000000000  direct map: all RAM at its physical address, read/write, never executable
 *   0xffffffff00000000  device registers, 1 GiB
 *   0xffffffff40000000  stacks of the CPUs, 32 KiB each, with unmapped guards below both parts
 *   0xffffffff80000000  kernel image (kernel.ld)
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#define HAL_DIRECT_BASE 0xffff000000000000ul
#define HAL_DEVICE_BASE 0xffffffff00000000ul
#define HAL_DEVICE_SIZE 0x40000000ul

#define HAL_ELF_MACHINE 183 /* e_machine of programs for this ISA */

#define ARCH_USER_BASE 0x1000ul

#define ARCH_WIDE_TTBR1 0xf80 /* of a root of five levels TTBR1 reads the last 16 entries */

/* A CPU's slot: guard, emergency stack, guard, stack. */
#define ARCH_STACK_BASE 0xffffffff40000000ul
#define ARCH_STACK_SLOT 0x8000ul
#define ARCH_EMERGENCY_OFFSET 0x1000ul
#define ARCH_EMERGENCY_SIZE 0x1000ul
#define ARCH_STACK_OFFSET 0x4000ul
#define ARCH_STACK_SIZE 0x4000ul

#define ARCH_IMAGE_BASE 0xffffffff80000000ul

#endif
