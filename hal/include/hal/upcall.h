/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Upcalls: the functions that the HAL calls.  All but kern_trap_panic() enter with interrupts masked, on the empty
 * stack of the CPU, with the interrupted user state complete in its context.  Each returns the context that this CPU
 * resumes next; it is valid, its address space is active, and no lock is held.  An upcall that finds nothing to
 * run calls hal_cpu_idle() instead.  kern_message_right() is another kind: a part of the fast path that is not inlined.
 */
#ifndef HAL_UPCALL_H
#define HAL_UPCALL_H

#include <hal/debug.h>
#include <hal/info.h>
#include <hal/types.h>

struct cpu;
struct uctx;

#define HAL_ACCESS_READ 1u
#define HAL_ACCESS_WRITE 2u
#define HAL_ACCESS_EXEC 4u

/* Steps of kern_message_right(). */
#define HAL_RIGHT_BEGIN 0u
#define HAL_RIGHT_UNDO 1u
#define HAL_RIGHT_PASS 2u

/* First call on the boot CPU: memory, console, time and interrupts work; other CPUs are off. */
/*@ ensures \valid(\result); */
struct uctx *kern_boot(const struct hal_info *info);

/* First call on a CPU that hal_cpu_start() started. */
/*@ requires \valid(self); ensures \valid(\result); */
struct uctx *kern_cpu_main(struct cpu *self);

/* A trap instruction with number `number`; `u` is a call frame whose pc is behind the instruction. */
/*@ requires \valid(u); ensures \valid(\result); */
struct uctx *kern_syscall(struct uctx *u, uint64_t number);

/*
 * From the fast path of mach_msg (ipc/ipc_fast_message.h): the right of a message that is in the CPU's buffer.  HAL_RIGHT_BEGIN: u's
 * message may have one that can go this way; if so, then once more: HAL_RIGHT_UNDO, the message goes another way, or
 * HAL_RIGHT_PASS, it is u's, whose address space is active.  Context: u is a call frame, complete; its thread is current.
 * Returns: BEGIN: whether it can (1 or 0); UNDO: 0; PASS: the result of u's receive.
 */
/*@ requires \valid(u) && step <= HAL_RIGHT_PASS; */
uint64_t kern_message_right(struct uctx *u, unsigned step);

/* A user access to `va` was refused; access: HAL_ACCESS_*; `u` is a full frame at the instruction. */
/*@ requires \valid(u); ensures \valid(\result); */
struct uctx *kern_page_fault(struct uctx *u, hal_va_t va, unsigned access);

/* Any other fault of user code, as Mach exception (EXC_*, mach/exception_types.h); `u` is a full frame. */
/*@ requires \valid(u); ensures \valid(\result); */
struct uctx *kern_exception(struct uctx *u, int exception, int64_t code, int64_t subcode);

/* User code touched vector state while it was disabled; `u` is a full frame at the instruction. */
/*@ requires \valid(u); ensures \valid(\result); */
struct uctx *kern_fpu_fault(struct uctx *u);

/* An interrupt, from user mode (`u` is a full frame) or from hal_cpu_idle() (u == NULL). */
/*@ ensures \valid(\result); */
struct uctx *kern_interrupt(struct uctx *u);

/* A fault in the kernel itself. Context: anything. */
/*@ requires \valid_read(frame); ensures \false; exits \false; */
HAL_NORETURN void kern_trap_panic(const struct hal_trap_frame *frame);

#ifdef KERN_CHECKED
/* A precondition of a HAL function does not hold. Context: anything. */
HAL_NORETURN void kern_contract_panic(const char *function, const char *clause);
/* A precondition that only the machine can tell about; the others: hal/checked.h. */
#define HAL_REQUIRE(condition)                                                                               \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            kern_contract_panic(__func__, #condition);                                                       \
    } while (0)
#else
#define HAL_REQUIRE(condition) ((void)0)
#endif

#endif
