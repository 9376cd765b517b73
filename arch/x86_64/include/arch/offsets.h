/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that assembly shares with C.  uctx.h and cpu.h assert that they match the structures. */
#ifndef ARCH_OFFSETS_H
#define ARCH_OFFSETS_H

/* struct uctx */
#define UCTX_RBP 0
#define UCTX_R14 8
#define UCTX_R15 16
#define UCTX_KIND 24
#define UCTX_RSP 32
#define UCTX_RIP 40
#define UCTX_FS_BASE 48
#define UCTX_RAX 56
#define UCTX_RBX 64
#define UCTX_R12 72
#define UCTX_R13 80
#define UCTX_RDI 88
#define UCTX_RSI 96
#define UCTX_RDX 104
#define UCTX_R8 112
#define UCTX_R9 120
#define UCTX_R10 128
#define UCTX_RCX 136
#define UCTX_R11 144
#define UCTX_RFLAGS 152
#define UCTX_CPU 160

/* uctx.kind.  While its thread runs user code a context is UCTX_CALL, so that a trap need not store it. */
#define UCTX_CALL 0   /* call frame; resuming loads rdi rsi rdx r8 r9 r10: arguments, or a message */
#define UCTX_RESULT 1 /* call frame; resuming clears those */
#define UCTX_FULL 2   /* full frame */

/* struct hal_cpu, at the GS base while the kernel runs */
#define CPU_CURRENT 0
#define CPU_SELF 8
#define CPU_STACK 16
#define CPU_VECTOR 24

/* struct x86_cpu_slot */
#define SLOT_APIC_ID 0
#define SLOT_STACK 8
#define SLOT_SIZE 32

/* Selectors (struct x86_gdt in cpu.c).  SYSRET wants user data just below user code. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_SYSRET_BASE 0x1b
#define SEL_USER_DATA 0x23
#define SEL_USER_CODE 0x2b
#define SEL_TSS 0x30

/* Registers and bits that boot.S needs too. */
#define MSR_EFER 0xc0000080
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define EFER_SCE 0x1
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define CR0_KERNEL 0x80010033 /* PG WP NE ET MP PE */
#define CR4_PAE 0x20
#define CR4_LA57 0x1000
#define RFLAGS_USER 0x202 /* IF and the bit that is always set */
#define RFLAGS_IF 0x200

/* Bytes below the end of a CPU's stack for what the fast paths of IPC spill (fastpath.c). */
#define FAST_SPILLS 128

/* Vectors */
#define VECTOR_IRQ_FIRST 0x20
#define VECTOR_COUNT 256
#define X86_VECTOR_STRIDE 16

/* Where the image is linked: physical address + this. */
#define KERNEL_BASE 0xffffffff80000000

#endif
