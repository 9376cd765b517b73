/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries from user mode, from an idle CPU and from faults of the kernel; and the way back.
 *
 * While a CPU runs user code its kernel GS base holds its struct hal_cpu, whose first word is the address of
 * the running context: SWAPGS and one load reach it, and registers are saved straight there.  The kernel runs
 * masked, on the stack of the CPU, which is empty at every entry; an upcall returns the context to resume.
 *
 * Exceptions arrive on stacks of their own (TSS, cpu.c), so that a fault anywhere in the kernel, also before
 * it has loaded its stack pointer or beyond the end of its stack, reaches x86_kernel_trap().  From user mode
 * the hardware's frame is moved into the context at once and that stack is free again.
 */
#include <arch/offsets.h>
#include <mach/rpc.h>

/* STAC and CLAC exist with SMAP only: x86_features_detect() turns these sites into NOPs where there is none. */
#include "smap.inc"

    .text

/* Context r11 becomes the one that runs, with its thread pointer. */
    .macro set_current
    mov %r11, %gs:CPU_CURRENT
    mov %gs:CPU_SELF, %rcx
    mov %rcx, UCTX_CPU(%r11)
    mov $MSR_FS_BASE, %ecx
    mov UCTX_FS_BASE(%r11), %eax
    mov UCTX_FS_BASE + 4(%r11), %edx
    wrmsr
    .endm

    .macro clear_arguments
    xor %edi, %edi
    xor %esi, %esi
    xor %edx, %edx
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    .endm

/* Load of the call frame r11 what neither C nor the fast path of RPC keeps. */
    .macro return_to_same
    mov UCTX_RBP(%r11), %rbp
    mov UCTX_R14(%r11), %r14
    mov UCTX_R15(%r11), %r15
    mov UCTX_RSP(%r11), %rsp
    mov UCTX_RIP(%r11), %rcx
    mov $RFLAGS_USER, %r11d
    swapgs
    sysretq
    .endm

/* Load the rest of the call frame r11. */
    .macro return_from_trap
    mov UCTX_RBX(%r11), %rbx
    mov UCTX_R12(%r11), %r12
    mov UCTX_R13(%r11), %r13
    return_to_same
    .endm

/*
 * SYSCALL: rcx = return address, r11 = flags, which the ABI does not keep (include/mach/rpc.h).  The argument
 * registers are stored last: the fast path of RPC (fastpath.c) branches off before.
 */
    .balign 64
    .globl x86_syscall_entry
x86_syscall_entry:
    swapgs
    mov %gs:CPU_CURRENT, %r11
    mov %rsp, UCTX_RSP(%r11)
    mov %rcx, UCTX_RIP(%r11)
    mov %rbp, UCTX_RBP(%r11)
    mov %r14, UCTX_R14(%r11)
    mov %r15, UCTX_R15(%r11)
    mov %rdi, UCTX_RDI(%r11)
    mov %gs:CPU_STACK, %rbp
    cmp $MACH_TRAP_RPC_REPLY_WAIT, %eax
    jb arch_fast_call
    je arch_fast_reply_wait
save_arguments:
    mov %rax, UCTX_RAX(%r11)
    mov %rbx, UCTX_RBX(%r11)
    mov %r12, UCTX_R12(%r11)
    mov %r13, UCTX_R13(%r11)
    mov %rsi, UCTX_RSI(%r11)
    mov %rdx, UCTX_RDX(%r11)
    mov %r8, UCTX_R8(%r11)
    mov %r9, UCTX_R9(%r11)
    mov %r10, UCTX_R10(%r11)
    lea -FAST_SPILLS(%rbp), %rsp
    cmp $MACH_TRAP_MSG, %eax
    je arch_fast_message
    mov %r11, %rdi
    mov %eax, %esi
    xor %ebp, %ebp
    call kern_syscall
    cmp %rax, %gs:CPU_CURRENT
    jne resume
    cmpl $UCTX_RESULT, UCTX_KIND(%rax)
    jne resume
    mov %gs:CPU_SELF, %rcx
    cmp %rcx, UCTX_CPU(%rax)
    jne resume /* it ran on another CPU meanwhile */
    /* The same context with a plain result. Its thread pointer is the CPU's (hal_uctx_set_tls()). */
    mov %rax, %r11
    movl $UCTX_CALL, UCTX_KIND(%r11)
    clear_arguments
    mov UCTX_RAX(%r11), %rax
    return_to_same

/* Resume the context in rax. */
resume:
    mov %rax, %r11
    set_current
    cmpl $UCTX_RESULT, UCTX_KIND(%r11)
    ja resume_full
    jb resume_message
    movl $UCTX_CALL, UCTX_KIND(%r11)
    clear_arguments
resume_call:
    mov UCTX_RAX(%r11), %rax
    return_from_trap

resume_message:
    mov UCTX_RDI(%r11), %rdi
    mov UCTX_RSI(%r11), %rsi
    mov UCTX_RDX(%r11), %rdx
    mov UCTX_R8(%r11), %r8
    mov UCTX_R9(%r11), %r9
    mov UCTX_R10(%r11), %r10
    jmp resume_call

resume_full:
    movl $UCTX_CALL, UCTX_KIND(%r11)
    mov %gs:CPU_STACK, %rsp
    push $SEL_USER_DATA
    push UCTX_RSP(%r11)
    push UCTX_RFLAGS(%r11)
    push $SEL_USER_CODE
    push UCTX_RIP(%r11)
    mov UCTX_RAX(%r11), %rax
    mov UCTX_RBX(%r11), %rbx
    mov UCTX_RCX(%r11), %rcx
    mov UCTX_RDX(%r11), %rdx
    mov UCTX_RSI(%r11), %rsi
    mov UCTX_RDI(%r11), %rdi
    mov UCTX_RBP(%r11), %rbp
    mov UCTX_R8(%r11), %r8
    mov UCTX_R9(%r11), %r9
    mov UCTX_R10(%r11), %r10
    mov UCTX_R12(%r11), %r12
    mov UCTX_R13(%r11), %r13
    mov UCTX_R14(%r11), %r14
    mov UCTX_R15(%r11), %r15
    mov UCTX_R11(%r11), %r11
    swapgs
    iretq

/* The fast path gives up: its trap's number, with the timeout, is in rax again. */
    .globl x86_fast_slow
x86_fast_slow:
    mov UCTX_RDI(%r11), %rdi
    xor %edx, %edx /* no part of a message: the fast path used it */
    jmp save_arguments

/* The fast path of mach_msg leaves: the trap of r11 goes on in kern_syscall(). / Context r11, a call frame, resumes with the result 0. */
    .globl arch_message_general, arch_message_done
arch_message_general:
    mov %r11, %rdi
    mov $MACH_TRAP_MSG, %esi
    xor %ebp, %ebp
    call kern_syscall
    jmp resume
arch_message_done:
    set_current
    clear_arguments
    xor %eax, %eax
    return_from_trap

/* void x86_resume(struct uctx *u) */
    .globl x86_resume
x86_resume:
    mov %rdi, %rax
    jmp resume

/*
 * Exceptions and interrupts.  The stubs leave on the stack: vector, error code (0 if the CPU pushed none),
 * and the hardware's frame.
 */
#define FRAME_ERROR 8
#define FRAME_RIP 16
#define FRAME_CS 24
#define FRAME_RFLAGS 32

    .balign 16
exception_entry:
    testb $3, FRAME_CS(%rsp)
    jz kernel_trap
    swapgs

/* Save everything; then rdi = context, rsi = vector, rdx = error, on the CPU's stack. */
    .macro save_full
    push %rax
    mov %gs:CPU_CURRENT, %rax
    popq UCTX_RAX(%rax)
    mov %rbx, UCTX_RBX(%rax)
    mov %rcx, UCTX_RCX(%rax)
    mov %rdx, UCTX_RDX(%rax)
    mov %rsi, UCTX_RSI(%rax)
    mov %rdi, UCTX_RDI(%rax)
    mov %rbp, UCTX_RBP(%rax)
    mov %r8, UCTX_R8(%rax)
    mov %r9, UCTX_R9(%rax)
    mov %r10, UCTX_R10(%rax)
    mov %r11, UCTX_R11(%rax)
    mov %r12, UCTX_R12(%rax)
    mov %r13, UCTX_R13(%rax)
    mov %r14, UCTX_R14(%rax)
    mov %r15, UCTX_R15(%rax)
    pop %rsi
    pop %rdx
    popq UCTX_RIP(%rax)
    pop %rcx /* selector of user code: a constant */
    popq UCTX_RFLAGS(%rax)
    popq UCTX_RSP(%rax)
    movl $UCTX_FULL, UCTX_KIND(%rax)
    mov %rax, %rdi
    mov %gs:CPU_STACK, %rsp
    xor %ebp, %ebp
    cld
    SMAP_CLAC
    .endm

    save_full
    call x86_user_trap
    jmp resume

    .balign 16
interrupt_entry:
    testb $3, FRAME_CS(%rsp)
    jz kernel_interrupt
    swapgs
    save_full
    call x86_user_interrupt
    jmp resume

/*
 * The kernel unmasks interrupts in two places only: where a CPU idles, and in x86_irq_window(), which lets
 * one in to learn its vector. Both have nothing of value in rax.
 */
kernel_interrupt:
    cmpq $x86_irq_window_end, FRAME_RIP(%rsp)
    jne 1f
    mov (%rsp), %eax
    mov %eax, %gs:CPU_VECTOR
    andl $~RFLAGS_IF, FRAME_RFLAGS(%rsp)
    add $FRAME_RIP, %rsp
    iretq
1:  cmpq $hal_cpu_idle, FRAME_RIP(%rsp)
    jb kernel_trap
    cmpq $idle_end, FRAME_RIP(%rsp)
    jae kernel_trap
    mov (%rsp), %eax
    mov %eax, %gs:CPU_VECTOR
    mov %gs:CPU_STACK, %rsp
    xor %edi, %edi
    xor %ebp, %ebp
    call kern_interrupt
    jmp resume

    .globl x86_irq_window
x86_irq_window:
    sti
    nop /* STI takes effect behind it */
x86_irq_window_end:
    cli
    ret

/* STI takes effect behind HLT: an interrupt that is pending already wakes it. */
    .globl hal_cpu_idle
hal_cpu_idle:
    mov %gs:CPU_STACK, %rsp
    sti
    hlt
    jmp hal_cpu_idle
idle_end:

/*
 * A fault of the kernel, or an NMI or machine check.  Returns only from a fault in the user copy functions.
 * Everything else ends in a panic, which needs the GS base; between an entry from user mode and SWAPGS it is
 * still the user's.
 */
kernel_trap:
    .irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    push %\reg
    .endr
    cld
    mov $MSR_GS_BASE, %ecx
    rdmsr
    test %edx, %edx
    js 1f
    swapgs
1:  mov %rsp, %rdi
    call x86_kernel_trap
    .irp reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    pop %\reg
    .endr
    add $FRAME_RIP, %rsp
    iretq

/*
 * Entry points of all vectors, X86_VECTOR_STRIDE bytes each. Error codes: #DF #TS #NP #SS #GP #PF #AC #CP #VC
 * #SX.
 */
#define HAS_ERROR 0x60227d00
    .balign X86_VECTOR_STRIDE
    .globl x86_vector_table
x86_vector_table:
    .set vector, 0
    .rept VECTOR_COUNT
    .balign X86_VECTOR_STRIDE
    .if vector < VECTOR_IRQ_FIRST
    .if !(HAS_ERROR >> vector & 1)
    push $0
    .endif
    push $vector
    jmp exception_entry
    .else
    push $0
    push $vector
    jmp interrupt_entry
    .endif
    .set vector, vector + 1
    .endr

    .section .rodata
    .balign 8
    .globl x86_rpc_header_end
x86_rpc_header_end:
    .quad (MACH_RPC_WORDS + 1) << 32
