/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's addresses, all in the last 2^47 bytes: the same with page tables of four and of five levels.
 *
 *   0xffff800000000000  direct map: all RAM at its physical address, read/write, never executable
 *   0xffffffff00000000  device registers, 1 GiB
 *   0xffffffff40000000  stacks of the CPUs, 64 KiB each, with unmapped guards below every part
 *   0xffffffff80000000  kernel image (kernel.ld)
 *
 * The last user page is never mapped: a SYSCALL instruction at its end would make SYSRET return to a
 * non-canonical address, which faults in the kernel.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#define HAL_DIRECT_BASE 0xffff800000000000
#define HAL_DEVICE_BASE 0xffffffff00000000
#define HAL_DEVICE_SIZE 0x40000000

#define HAL_ELF_MACHINE 62 /* e_machine of programs for this ISA */

#define ARCH_USER_BASE 0x1000

/*
 * A CPU's slot: guard, panic stack, guard, fault stack, guard, stack.  x86_tables in cpu.c says who uses
 * which.
 */
#define ARCH_STACK_BASE 0xffffffff40000000
#define ARCH_STACK_SLOT 0x10000
#define ARCH_PANIC_OFFSET 0x1000
#define ARCH_PANIC_SIZE 0x2000
#define ARCH_FAULT_OFFSET 0x4000
#define ARCH_FAULT_SIZE 0x2000
#define ARCH_STACK_OFFSET 0x7000
#define ARCH_STACK_SIZE 0x4000

#endif
