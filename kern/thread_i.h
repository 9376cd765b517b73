/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that implement threads. */
#ifndef KERN_THREAD_I_H
#define KERN_THREAD_I_H

#include <kern/task.h>
#include <kern/thread.h>

/*
 * Take `t` out of an abortable wait, whatever it is. Returns true: claimed; the caller goes on with
 * thread_wakeup(t, result). false: it does not wait (any more).
 * Context: no lock; the caller has a reference.
 */
bool thread_claim(struct thread *t, enum thread_wait_result result);

/*
 * As thread_hold() and thread_release(), counted apart from what users do, never refused, and without a wait:
 * hold returns the CPU that the thread still runs on, for smp_enter_kernel(), or none.
 */
cpu_mask_t thread_kernel_hold(struct thread *t);
void thread_kernel_release(struct thread *t);

/* The current thread ends here. Context: upcall level, no lock. */
void thread_end(struct cpu *cpu, struct thread *self);

/* Thread `t` of task enters or leaves the list of its task's threads. enter: KERN_SUCCESS, KERN_TERMINATED,
 * KERN_RESOURCE_SHORTAGE (too many threads). */
HAL_NODISCARD kern_return_t task_thread_enter(struct task *task, struct thread *t);
void task_thread_leave(struct task *task, struct thread *t);

#endif
