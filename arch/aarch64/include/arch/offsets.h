/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that assembly shares with C.  uctx.h and cpu.h assert that they match the structures. */
#ifndef ARCH_OFFSETS_H
#define ARCH_OFFSETS_H

/* struct uctx */
#define UCTX_X19 0
#define UCTX_FP 80
#define UCTX_PC 96
#define UCTX_X8 112
#define UCTX_KIND 120
#define UCTX_X0 128
#define UCTX_X9 192
#define UCTX_X16 248
#define UCTX_X18 264
#define UCTX_SPSR 280
#define UCTX_ZERO 288

/* uctx.kind: which of the registers that a C function may clobber a resume loads; the others become zero. */
#define UCTX_CALL 0 /* x8 */
#define UCTX_RPC 1  /* x0 - x9 */
#define UCTX_FULL 2 /* all, and PSTATE */

/* struct hal_cpu */
#define CPU_STACK 0
#define CPU_EMERGENCY 8
#define CPU_SCRATCH 16

/* struct arch_fault_frame */
#define FAULT_X 0
#define FAULT_SP 248
#define FAULT_PC 256
#define FAULT_SPSR 264
#define FAULT_ESR 272
#define FAULT_FAR 280
#define FAULT_SIZE 288

/* struct arch_boot_regs */
#define BOOT_IDENTITY 0
#define BOOT_KERNEL 8

#endif
