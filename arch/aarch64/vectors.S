/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries from user mode, and the way back.
 *
 * User code runs with SP_EL1 = its struct uctx: an entry saves into it, then takes the CPU's empty stack,
 * calls C and resumes the context that comes back.  Kernel code runs with SP_EL1 = stack and everything
 * masked, so the only regular exceptions at EL1 are the interrupt that ends hal_cpu_idle() and a user
 * address that faults in arch_copyin/arch_copyout (copy.S).  Any other one is a bug and is handled on the
 * emergency stack.
 */
#include <arch/offsets.h>
#include <mach/rpc.h>

/* ESR_EL1 of svc #0: class 0x15, 32-bit instruction; the immediate is in bits 15:0. */
#define ESR_SVC 0x56000000

/* What every entry keeps: callee-saved registers, stack and thread pointers, pc. Uses x10 - x12. */
    .macro save_callee
    mrs x10, sp_el0
    mrs x11, elr_el1
    mrs x12, tpidr_el0
    stp x19, x20, [sp, #UCTX_X19]
    stp x21, x22, [sp, #(UCTX_X19 + 16)]
    stp x23, x24, [sp, #(UCTX_X19 + 32)]
    stp x25, x26, [sp, #(UCTX_X19 + 48)]
    stp x27, x28, [sp, #(UCTX_X19 + 64)]
    stp x29, x10, [sp, #UCTX_FP]
    stp x11, x12, [sp, #UCTX_PC]
    .endm

/* Its counterpart. */
    .macro load_callee
    ldp x10, x11, [sp, #UCTX_PC]
    ldp x29, x12, [sp, #UCTX_FP]
    msr elr_el1, x10
    msr tpidr_el0, x11
    msr sp_el0, x12
    ldp x19, x20, [sp, #UCTX_X19]
    ldp x21, x22, [sp, #(UCTX_X19 + 16)]
    ldp x23, x24, [sp, #(UCTX_X19 + 32)]
    ldp x25, x26, [sp, #(UCTX_X19 + 48)]
    ldp x27, x28, [sp, #(UCTX_X19 + 64)]
    .endm

    .macro store_args
    stp x0, x1, [sp, #UCTX_X0]
    stp x2, x3, [sp, #(UCTX_X0 + 16)]
    stp x4, x5, [sp, #(UCTX_X0 + 32)]
    stp x6, x7, [sp, #(UCTX_X0 + 48)]
    .endm

    .macro load_args
    ldp x0, x1, [sp, #UCTX_X0]
    ldp x2, x3, [sp, #(UCTX_X0 + 16)]
    ldp x4, x5, [sp, #(UCTX_X0 + 32)]
    ldp x6, x7, [sp, #(UCTX_X0 + 48)]
    .endm

    .macro zero_pair first, second
    ldp \first, \second, [sp, #UCTX_ZERO]
    .endm

/* x10 - x18 and x30, which no trap returns. */
    .macro zero_rest
    zero_pair x10, x11
    zero_pair x12, x13
    zero_pair x14, x15
    zero_pair x16, x17
    zero_pair x18, x30
    .endm

/* The context's address to a register, and the empty stack of this CPU. */
    .macro enter_kernel context
    mrs x14, tpidr_el1
    mov \context, sp
    ldr x14, [x14, #CPU_STACK]
    mov x29, xzr                        // ends the chain of frames
    mov sp, x14
    .endm

    .macro vector target
    .balign 128
    b \target
    .endm

    .section .text.vectors, "ax"
    .balign 2048
    .global arch_vectors
arch_vectors:
    // EL1 with SP_EL0: never
    .rept 4
    vector kernel_fault
    .endr
    // EL1
    vector kernel_sync
    vector idle_interrupt
    vector kernel_fault
    vector kernel_fault
    // EL0
    .balign 128
    stp x16, x17, [sp, #UCTX_X16]       // a fault keeps them
    mrs x16, esr_el1
    mov w17, #ESR_SVC
    sub w16, w16, w17
    cmp w16, #1
    b.ls fast                           // RPC call: 0, reply and wait: 1
    cmp w16, #0x10, lsl #12
    b.lo trap                           // w16 = number
    b user_fault
    vector user_interrupt
    vector user_interrupt
    vector user_error
    // EL0 in AArch32: SPSR never asks for it
    .rept 4
    vector kernel_fault
    .endr

/* fastpath.c resumes a context, or ends at arch_trap_saved. A thread that it leaves waiting has a call frame. */
fast:
    save_callee
    stp xzr, xzr, [sp, #UCTX_X8]        // result 0, UCTX_CALL
    b.lo arch_fast_call
    b arch_fast_reply_wait

trap:
    save_callee
    cmp w16, #MACH_TRAP_MSG
    b.eq message
/* w16 = number, SP_EL1 = context, what save_callee saves is saved, argument registers as the user set them. */
    .global arch_trap_saved
arch_trap_saved:
    store_args
    mov x13, #UCTX_RPC                  // a restart finds its arguments
    stp x8, x13, [sp, #UCTX_X8]
    str x9, [sp, #UCTX_X9]
    mov w1, w16
    enter_kernel x0
general:
    bl kern_syscall

/* _Noreturn void arch_uctx_resume(struct uctx *u) */
    .global arch_uctx_resume
arch_uctx_resume:
    mov sp, x0
    load_callee
    ldp x8, x9, [sp, #UCTX_X8]          // x9 = kind
    cbnz x9, 1f
    msr spsr_el1, xzr                   // EL0, all unmasked
    zero_pair x0, x1
    zero_pair x2, x3
    zero_pair x4, x5
    zero_pair x6, x7                    // x9 is: UCTX_CALL
    zero_rest
    eret
1:  cmp x9, #UCTX_RPC
    b.ne 2f
    msr spsr_el1, xzr
    load_args
    ldr x9, [sp, #UCTX_X9]
    zero_rest
    eret
2:  ldr x10, [sp, #UCTX_SPSR]
    msr spsr_el1, x10
    load_args
    ldp x9, x10, [sp, #UCTX_X9]
    ldp x11, x12, [sp, #(UCTX_X9 + 16)]
    ldp x13, x14, [sp, #(UCTX_X9 + 32)]
    ldr x15, [sp, #(UCTX_X9 + 48)]
    ldp x16, x17, [sp, #UCTX_X16]
    ldp x18, x30, [sp, #UCTX_X18]
    eret

message:
    store_args                          // and they are still in their registers
    stp xzr, xzr, [sp, #UCTX_X8]        // result 0, UCTX_CALL
    enter_kernel x19
    b arch_fast_message

    .global arch_message_general        // the fast path leaves: the trap of context x0 goes on in kern_syscall()
arch_message_general:
    mov w1, #MACH_TRAP_MSG
    mov x8, #UCTX_RPC                   // a restart finds its arguments
    str x8, [x0, #UCTX_KIND]
    b general

/* A full frame; x16 and x17 are saved already. */
    .macro save_full
    stp x9, x10, [sp, #UCTX_X9]
    stp x11, x12, [sp, #(UCTX_X9 + 16)]
    stp x13, x14, [sp, #(UCTX_X9 + 32)]
    str x15, [sp, #(UCTX_X9 + 48)]
    stp x18, x30, [sp, #UCTX_X18]
    store_args
    save_callee
    mrs x13, spsr_el1
    mov x14, #UCTX_FULL
    str x13, [sp, #UCTX_SPSR]
    stp x8, x14, [sp, #UCTX_X8]
    .endm

user_fault:
    save_full
    mrs x1, esr_el1
    mrs x2, far_el1
    enter_kernel x0
    bl arch_user_fault
    b arch_uctx_resume

user_interrupt:
    stp x16, x17, [sp, #UCTX_X16]
    save_full
    enter_kernel x0
    bl kern_interrupt
    b arch_uctx_resume

user_error:
    stp x16, x17, [sp, #UCTX_X16]
    save_full
    mrs x1, esr_el1
    mov x2, #0
    enter_kernel x0
    bl arch_user_fault
    b arch_uctx_resume

/* _Noreturn void hal_cpu_idle(void).  A masked interrupt ends wfi too, so none is lost between the two. */
    .global hal_cpu_idle
hal_cpu_idle:
    enter_kernel x0
1:  dsb sy
    wfi
    msr daifclr, #2
    isb
    msr daifset, #2
    b 1b

idle_interrupt:
    enter_kernel x0
    mov x0, xzr
    bl kern_interrupt
    b arch_uctx_resume

/*
 * The kernel faulted.  A data abort on a user address in copy.S makes that return HAL_FAULT; its caller
 * expects no scratch register to survive.  TPIDRRO_EL0, which user code can read, is zero but for the few
 * instructions here.
 */
kernel_sync:
    msr tpidrro_el0, x0
    mrs x0, tpidr_el1
    stp x1, x2, [x0, #CPU_SCRATCH]
    mrs x1, esr_el1
    lsr x1, x1, #26
    cmp x1, #0x25                       // data abort at the same level
    b.ne 1f
    mrs x1, far_el1
    tbnz x1, #55, 1f
    mrs x1, elr_el1
    adrp x2, arch_copy_begin
    add x2, x2, :lo12:arch_copy_begin
    subs x1, x1, x2
    b.lo 1f
    adrp x2, arch_copy_fault
    add x2, x2, :lo12:arch_copy_fault
    mrs x1, elr_el1
    cmp x1, x2
    b.hs 1f
    msr elr_el1, x2
    msr tpidrro_el0, xzr
    eret
1:  ldp x1, x2, [x0, #CPU_SCRATCH]
    mrs x0, tpidrro_el0

/* Save everything on the emergency stack as a struct arch_fault_frame. */
kernel_fault:
    msr tpidrro_el0, x0
    mrs x0, tpidr_el1
    stp x1, x2, [x0, #CPU_SCRATCH]
    ldr x1, [x0, #CPU_EMERGENCY]
    sub x1, x1, #FAULT_SIZE
    mov x2, sp
    str x2, [x1, #FAULT_SP]
    mov sp, x1
    ldp x1, x2, [x0, #CPU_SCRATCH]
    mrs x0, tpidrro_el0
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    str x\n, [sp, #(FAULT_X + 8 * \n)]
    .endr
    mrs x0, elr_el1
    mrs x1, spsr_el1
    stp x0, x1, [sp, #FAULT_PC]
    mrs x0, esr_el1
    mrs x1, far_el1
    stp x0, x1, [sp, #FAULT_ESR]
    mov x0, sp
    bl arch_kernel_fault                // does not return
