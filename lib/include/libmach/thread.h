/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads with stacks, on top of the kernel's threads. */
#ifndef LIBMACH_THREAD_H
#define LIBMACH_THREAD_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/thread_status.h>
#include <mach/vm_types.h>

#define MACH_THREAD_STACK_SIZE ((vm_size_t)64 << 10) /* bytes, guard page not included */

/*
 * A new thread of this task that calls function(argument) and ends when it returns.  *thread: a send right
 * for its port, the caller's; may be NULL.
 * Returns: KERN_SUCCESS; KERN_RESOURCE_SHORTAGE, KERN_NO_SPACE: no thread, *thread unchanged.
 */
kern_return_t mach_thread_start(void (*function)(void *argument), void *argument, mach_port_t *thread);

/* As mach_thread_start(), but the thread does not run until thread_resume(). */
kern_return_t mach_thread_prepare(void (*function)(void *argument), void *argument, mach_port_t *thread);

/* End the calling thread. */
_Noreturn void mach_thread_exit(void);

/*
 * Free the stacks of threads that ended, in whichever way.  mach_thread_start() does so, too.
 * Returns: how many threads of mach_thread_start() are left.
 */
unsigned mach_thread_reap(void);

/*
 * Registers of a thread that starts: `state` (room for THREAD_STATE_MAX words) for
 * THREAD_STATE_FLAVOR_GENERAL, *count its words.  The thread begins at pc with stack pointer sp (aligned to
 * 16 bytes) as if `argument` were the first argument of a function that never returns.
 */
void mach_thread_state_init(thread_state_t state, natural_t *count, vm_address_t pc, vm_address_t sp,
                            uint64_t argument);

/*
 * Let a thread with such a state go on at pc, in the same way; all other registers stay, the thread pointer
 * among them.
 */
void mach_thread_state_redirect(thread_state_t state, vm_address_t pc, vm_address_t sp, uint64_t argument);

/* Program counter and stack pointer in such a state. */
void mach_thread_state_where(const natural_t *state, vm_address_t *pc, vm_address_t *sp);

#endif
