/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps of kern/ (numbers and registers: mach/rpc.h). Each sets the result of the current thread, or blocks
 * it.
 * Context: upcall level, no lock. */
#ifndef KERN_TRAP_H
#define KERN_TRAP_H

#include <hal/hal.h>
#include <kern/thread.h>

/* The way out of a trap that can't block: a request to the thread, or a better one, shows in top_priority
 * (kern/cpu.h). */
static inline struct uctx *trap_exit_running(struct thread *self)
{
    if (__atomic_load_n(&hal_cpu_self()->top_priority, __ATOMIC_RELAXED) <=
        __atomic_load_n(&self->priority, __ATOMIC_RELAXED))
        return &self->uctx;
    return thread_exit_to_user();
}

/* The way out of any trap, and of a page fault. */
static inline struct uctx *trap_exit(struct thread *self)
{
    return hal_cpu_self()->current == self ? trap_exit_running(self) : thread_exit_to_user();
}

/* mach_thread_self(), mach_task_self_trap(), mach_host_self(): the name of a new user reference to a send
 * right, or MACH_PORT_NULL. */
void trap_thread_self(struct thread *self);
void trap_task_self(struct thread *self);
void trap_host_self(struct thread *self);

/* thread_switch(thread, option, option_time) */
void trap_thread_switch(struct thread *self);

/* mach_print(text) */
void trap_print(struct thread *self);

#endif
