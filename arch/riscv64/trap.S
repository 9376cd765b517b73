/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry from user mode, return to it, and faults of the kernel.
 *
 * In user mode sscratch holds the address of the running context; in the kernel it is 0.  Entry swaps it with a2 (the
 * register of the trap number), so one instruction yields the context, and zero there means that the kernel
 * itself faulted.  Interrupts are never taken in the kernel: sstatus.SIE stays clear, idle polls sip.  sstatus.SPP is
 * clear while kernel code runs, so leaving needs no write to sstatus.
 */
#include <arch/cpu.h>
#include <arch/csr.h>
#include <arch/uctx.h>
#include <mach/rpc.h>

#define HAL_FAULT 1 /* enum hal_status */

.macro CALLEE_SAVED op, u
    \op     s0, UCTX_S(0)(\u)
    \op     s1, UCTX_S(1)(\u)
    \op     s2, UCTX_S(2)(\u)
    \op     s3, UCTX_S(3)(\u)
    \op     s4, UCTX_S(4)(\u)
    \op     s5, UCTX_S(5)(\u)
    \op     s6, UCTX_S(6)(\u)
    \op     s7, UCTX_S(7)(\u)
    \op     s8, UCTX_S(8)(\u)
    \op     s9, UCTX_S(9)(\u)
    \op     s10, UCTX_S(10)(\u)
    \op     s11, UCTX_S(11)(\u)
    \op     sp, UCTX_SP(\u)
    \op     tp, UCTX_TP(\u)
    \op     gp, UCTX_GP(\u)
.endm

/* The argument registers of a trap but a0 and a2. */
.macro ARGUMENTS op, u
    \op     a1, UCTX_A1(\u)
    \op     a3, UCTX_A3(\u)
    \op     a4, UCTX_A4(\u)
    \op     a5, UCTX_A5(\u)
    \op     a6, UCTX_A6(\u)
    \op     a7, UCTX_A7(\u)
    \op     t3, UCTX_T3(\u)
    \op     t2, UCTX_T2(\u)
.endm

    .section .text.entry, "ax"
    .balign 64
    .global arch_trap_entry
arch_trap_entry:
    csrrw   a2, sscratch, a2
    beqz    a2, trap_nested
    sd      t0, UCTX_T0(a2)
    sd      t1, UCTX_T1(a2)
    csrrw   t0, sscratch, zero      /* the user's a2 */
    csrr    t1, scause
    addi    t1, t1, -CAUSE_ECALL
    bnez    t1, trap_other

    CALLEE_SAVED sd, a2
    csrr    t1, sepc
    addi    t1, t1, 4
    sd      t1, UCTX_PC(a2)

    /* ---- A trap instruction: number in t0, context in a2, arguments where the user put them ---- */
    bnez    t0, 1f
    j       arch_fast_call
1:  addi    t1, t0, -1
    bnez    t1, 2f
    j       arch_fast_reply_wait
2:  addi    t1, t0, -MACH_TRAP_MSG
    beqz    t1, message

    /* The fast path comes back here when it declines, with s0 = 0: it used callee-saved registers. */
    mv      s0, a2
    .global arch_trap_saved
arch_trap_saved:
    sd      a0, UCTX_A0(a2)
    sd      t0, UCTX_A2(a2)
    ARGUMENTS sd, a2
    ld      tp, UCTX_CPU(a2)
    ld      sp, HAL_CPU_STACK(tp)
    mv      a0, a2
    mv      a1, t0
    jal     kern_syscall
    bne     a0, s0, resume
    ld      t0, UCTX_CPU(a0)
    lw      t1, HAL_CPU_ICACHE_STALE(tp)
    bne     t0, tp, resume          /* not plain any more, or it ran on another CPU meanwhile */
    bnez    t1, resume
    /* The same context with a plain result: C kept s1 - s11, and gp was not touched. */
    ld      t0, UCTX_PC(a0)
    csrw    sscratch, a0
    csrw    sepc, t0
    ld      s0, UCTX_S(0)(a0)
    ld      sp, UCTX_SP(a0)
    ld      tp, UCTX_TP(a0)
    j       resume_result

/* ---- Leaving: resume context a0 ---- */
    .balign 4
    .global arch_resume
arch_resume:
resume:
    lw      t1, HAL_CPU_ICACHE_STALE(tp)
    sd      tp, UCTX_CPU(a0)
    ld      t0, UCTX_FORM(a0)
    bnez    t1, resume_stale
    ld      t1, UCTX_PC(a0)
    csrw    sscratch, a0
    csrw    sepc, t1
    bnez    t0, resume_more
    CALLEE_SAVED ld, a0
resume_result:
    ld      a2, UCTX_A2(a0)
resume_clear:
    li      a0, 0
    li      a1, 0
    li      a3, 0
    li      a4, 0
    li      a5, 0
    li      a6, 0
    li      a7, 0
    li      t2, 0
    li      t3, 0
resume_zero:
    li      t0, 0
    li      t1, 0
    li      t4, 0
    li      t5, 0
    li      t6, 0
    li      ra, 0
    sret

resume_more:
    sd      zero, UCTX_FORM(a0)     /* UCTX_CALL: what the next entry expects */
    addi    t0, t0, -UCTX_FULL
    CALLEE_SAVED ld, a0
    ARGUMENTS ld, a0
    ld      a2, UCTX_A2(a0)
    beqz    t0, 1f
    ld      a0, UCTX_A0(a0)
    j       resume_zero
1:  ld      t0, UCTX_T0(a0)
    ld      t1, UCTX_T1(a0)
    ld      t4, UCTX_T4(a0)
    ld      t5, UCTX_T5(a0)
    ld      t6, UCTX_T6(a0)
    ld      ra, UCTX_RA(a0)
    ld      a0, UCTX_A0(a0)
    sret

/* Another CPU wrote code (hal_icache_sync()). The flag first: one that is set meanwhile counts for the next time. */
resume_stale:
    addi    t1, tp, HAL_CPU_ICACHE_STALE
    amoswap.w.aqrl zero, zero, (t1)
    fence.i
    j       resume

/* All arguments are saved, and still in their registers. */
message:
    sd      a0, UCTX_A0(a2)
    sd      t0, UCTX_A2(a2)
    sd      a1, UCTX_A1(a2)
    sd      a3, UCTX_A3(a2)
    sd      a4, UCTX_A4(a2)
    sd      a5, UCTX_A5(a2)
    sd      a6, UCTX_A6(a2)
    sd      a7, UCTX_A7(a2)
    ld      tp, UCTX_CPU(a2)
    ld      sp, HAL_CPU_STACK(tp)
    j       arch_fast_message

/*
 * The fast path of mach_msg leaves: the trap of context a0 goes on in kern_syscall(). / Context a0, a call frame, resumes with the
 * result 0; a code change is not looked for, as in fastpath.c.
 */
    .global arch_message_general, arch_message_done
arch_message_general:
    li      a1, MACH_TRAP_MSG
    call    kern_syscall
    j       resume
arch_message_done:
    sd      tp, UCTX_CPU(a0)
    ld      t1, UCTX_PC(a0)
    csrw    sscratch, a0
    csrw    sepc, t1
    CALLEE_SAVED ld, a0
    li      a2, 0
    j       resume_clear

/* ---- A fault or an interrupt in user mode: save everything ---- */
trap_other:
    CALLEE_SAVED sd, a2
    ARGUMENTS sd, a2
    sd      a0, UCTX_A0(a2)
    sd      t0, UCTX_A2(a2)
    sd      t4, UCTX_T4(a2)
    sd      t5, UCTX_T5(a2)
    sd      t6, UCTX_T6(a2)
    sd      ra, UCTX_RA(a2)
    csrr    t0, sepc
    sd      t0, UCTX_PC(a2)
    li      t0, UCTX_FULL
    sd      t0, UCTX_FORM(a2)
    ld      tp, UCTX_CPU(a2)
    sd      zero, UCTX_CPU(a2)
    ld      sp, HAL_CPU_STACK(tp)
    li      fp, 0
    mv      a0, a2
    csrr    a1, scause
    bltz    a1, 1f
    csrr    a2, stval
    call    arch_user_exception
    j       resume
1:  call    kern_interrupt
    j       resume

/*
 * hal_cpu_idle(): wait on the empty stack.  wfi returns when an enabled interrupt is pending, taken or not, so one that
 * came before the wfi is not slept over.
 */
    .balign 4
    .global hal_cpu_idle
hal_cpu_idle:
    ld      sp, HAL_CPU_STACK(tp)
    li      fp, 0
    li      t0, 1
    sw      t0, HAL_CPU_IDLE(tp)
1:  wfi
    csrr    t0, sip
    csrr    t1, sie
    and     t0, t0, t1
    beqz    t0, 1b
    sw      zero, HAL_CPU_IDLE(tp)
    fence   rw, rw                  /* see hal_icache_sync() */
    li      a0, 0
    call    kern_interrupt
    j       resume

/*
 * enum hal_status arch_user_copy(a0 = to, a1 = from, a2 = bytes): copy between kernel and user memory, either way.  A
 * fault in here at a user address continues at user_copy_fault.  t6 is left to the fault handler.
 */
#define COPY_JUMP_MAX 256            /* bytes of a copy without a loop, a multiple of 64 */
    .balign 4
    .global arch_user_copy
arch_user_copy:
    li      t0, SSTATUS_SUM
    csrs    sstatus, t0
    or      t1, a0, a1
    andi    t2, t1, 7
    beqz    t2, 3f
    andi    t2, t1, 3               /* messages are aligned to 4 */
    bnez    t2, 8f
    xor     t1, a0, a1
    andi    t2, t1, 7
    bnez    t2, 5f
    li      t3, 4                   /* both are aligned to 8 behind the first word */
    bltu    a2, t3, 8f
    lw      t1, (a1)
    addi    a1, a1, 4
    sw      t1, (a0)
    addi    a0, a0, 4
    addi    a2, a2, -4

3:  li      t3, COPY_JUMP_MAX
    bltu    a2, t3, 2f
1:  ld      t1, 0(a1)
    ld      t2, 8(a1)
    ld      t4, 16(a1)
    ld      t5, 24(a1)
    ld      a3, 32(a1)
    ld      a4, 40(a1)
    ld      a5, 48(a1)
    ld      a6, 56(a1)
    addi    a1, a1, 64
    sd      t1, 0(a0)
    sd      t2, 8(a0)
    sd      t4, 16(a0)
    sd      t5, 24(a0)
    sd      a3, 32(a0)
    sd      a4, 40(a0)
    sd      a5, 48(a0)
    sd      a6, 56(a0)
    addi    a0, a0, 64
    addi    a2, a2, -64
    bgeu    a2, t3, 1b
2:  andi    t1, a2, -8              /* a jump to as many moves as there are words: 8 bytes of code for 8 bytes of data */
    add     a1, a1, t1
    add     a0, a0, t1
    lla     t2, 4f
    sub     t2, t2, t1
    jr      t2
    .option push
    .option norvc
    .set    offset, 8 - COPY_JUMP_MAX
    .rept   COPY_JUMP_MAX / 8 - 1
    ld      t1, offset(a1)
    sd      t1, offset(a0)
    .set    offset, offset + 8
    .endr
    .option pop
4:  andi    a2, a2, 7
    bnez    a2, 6f
    csrc    sstatus, t0
    li      a0, 0
    ret

5:  li      t3, 32
    bltu    a2, t3, 6f
1:  lw      t1, 0(a1)
    lw      t2, 4(a1)
    lw      t4, 8(a1)
    lw      t5, 12(a1)
    lw      a3, 16(a1)
    lw      a4, 20(a1)
    lw      a5, 24(a1)
    lw      a6, 28(a1)
    addi    a1, a1, 32
    sw      t1, 0(a0)
    sw      t2, 4(a0)
    sw      t4, 8(a0)
    sw      t5, 12(a0)
    sw      a3, 16(a0)
    sw      a4, 20(a0)
    sw      a5, 24(a0)
    sw      a6, 28(a0)
    addi    a0, a0, 32
    addi    a2, a2, -32
    bgeu    a2, t3, 1b
6:  li      t3, 4
    bltu    a2, t3, 8f
7:  lw      t1, (a1)
    addi    a1, a1, 4
    sw      t1, (a0)
    addi    a0, a0, 4
    addi    a2, a2, -4
    bgeu    a2, t3, 7b

8:  beqz    a2, 1f
9:  lbu     t1, (a1)
    addi    a1, a1, 1
    sb      t1, (a0)
    addi    a0, a0, 1
    addi    a2, a2, -1
    bnez    a2, 9b
1:  csrc    sstatus, t0
    li      a0, 0
    ret

/*
 * Small messages (ipc/ipc_fast_message.h) between buffers aligned to 8: a header, and a3 bytes behind it, a multiple of 4 not above
 * MESSAGE_WORDS * 8 + 4.  a0 = to, a1 = from.  Both return 0 in a0, or HAL_FAULT, and change t0 - t3.
 *
 * read: a6, a7 = the first two words.
 * write: the header has msgh_bits a6, msgh_remote_port a7, msgh_local_port a5, no voucher, and the id of what a1 points to; a plain
 * trailer is behind the message.
 */
#define MESSAGE_HEAD 24              /* asserted in fast_functions.h, as the next two */
#define MESSAGE_TRAILER 8
#define MESSAGE_WORDS 31

.macro MESSAGE_BEGIN user
    andi    t1, \user, 7
    li      t0, SSTATUS_SUM
    bnez    t1, message_declined
    csrs    sstatus, t0
.endm
/* A jump to as many moves as there are words, from the last to the first, so that no pointer moves. */
.macro MESSAGE_BODY
    andi    t1, a3, 4
    lla     t2, message_words_end
    bnez    t1, message_half_word
    sub     t2, t2, a3
    jr      t2
.endm

    .balign 4
    .global arch_message_read, arch_message_write
arch_message_read:
    MESSAGE_BEGIN a1
    ld      a6, 0(a1)
    ld      a7, 8(a1)
    ld      t1, 16(a1)
    sd      a6, 0(a0)
    sd      a7, 8(a0)
    sd      t1, 16(a0)
    MESSAGE_BODY

arch_message_write:
    MESSAGE_BEGIN a0
    addi    t1, a3, MESSAGE_HEAD
    lw      t2, 20(a1)
    sw      a6, 0(a0)
    sw      t1, 4(a0)
    sw      a7, 8(a0)
    sw      a5, 12(a0)
    sw      zero, 16(a0)
    sw      t2, 20(a0)
    add     t1, a0, a3
    li      t2, MESSAGE_TRAILER
    sw      zero, MESSAGE_HEAD(t1)
    sw      t2, MESSAGE_HEAD + 4(t1)
    MESSAGE_BODY

message_half_word:
    add     t1, a1, a3
    lw      t1, MESSAGE_HEAD - 4(t1)
    add     t3, a0, a3
    sub     t2, t2, a3
    sw      t1, MESSAGE_HEAD - 4(t3)
    jr      4(t2)
    .option push
    .option norvc
    .balign 4
    .set    offset, MESSAGE_HEAD + 8 * MESSAGE_WORDS
    .rept   MESSAGE_WORDS
    .set    offset, offset - 8
    ld      t1, offset(a1)
    sd      t1, offset(a0)
    .endr
    .option pop
message_words_end:
    csrc    sstatus, t0
    li      a0, 0
    ret
user_copy_end:

user_copy_fault:
    li      t0, SSTATUS_SUM
    csrc    sstatus, t0
message_declined:
    li      a0, HAL_FAULT
    ret

/*
 * A fault in the kernel.  a2 = 0, sscratch = the interrupted a2; t6 is given up for an answer: a copy does not use it,
 * and a panic misses it least.
 */
    .balign 4
trap_nested:
    csrr    a2, sepc
    lla     t6, arch_user_copy
    bltu    a2, t6, kernel_fault
    lla     t6, user_copy_end
    bgeu    a2, t6, kernel_fault
    csrr    t6, stval
    bltz    t6, kernel_fault        /* the kernel's side of the copy */
    lla     t6, user_copy_fault
    csrw    sepc, t6
    csrrw   a2, sscratch, zero
    sret

/*
 * A programming error.  Neither sp nor tp can be trusted, so the report is made on a stack that belongs to the first
 * hart that gets here; a fault while it reports continues on that stack, other harts stop.
 */
#define FRAME_SIZE 288
#define FRAME_X(n) ((n) * 8)        /* x1 - x31 */
#define FRAME_PC 0
#define FRAME_CAUSE 256
#define FRAME_VALUE 264
#define EMERGENCY_SHIFT 13          /* log2 of the stack's size and alignment */

kernel_fault:
    lla     t6, emergency_stack
    sub     a2, sp, t6
    srli    a2, a2, EMERGENCY_SHIFT
    mv      t6, sp
    beqz    a2, 1f
    lla     a2, emergency_taken
    li      t6, 1
    amoswap.w.aq t6, t6, (a2)
    bnez    t6, 2f
    lla     t6, emergency_stack_top
1:  andi    t6, t6, -16
    addi    t6, t6, -FRAME_SIZE
    csrrw   a2, sscratch, zero
    .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    sd      x\n, FRAME_X(\n)(t6)
    .endr
    sd      zero, FRAME_X(31)(t6)
    csrr    t0, sepc
    sd      t0, FRAME_PC(t6)
    csrr    t0, scause
    sd      t0, FRAME_CAUSE(t6)
    csrr    t0, stval
    sd      t0, FRAME_VALUE(t6)
    mv      sp, t6
    mv      a0, t6
    li      fp, 0
    call    arch_kernel_fault
2:  wfi
    j       2b

    .bss
    .balign 8192
    .global emergency_stack, emergency_stack_top
emergency_stack:
    .skip   8192
emergency_stack_top:
emergency_taken:
    .word   0
