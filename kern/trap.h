/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps of kern/ (numbers and registers: mach/rpc.h). Each sets the result of the current thread, or blocks
 * it.
 * Context: upcall level, no lock. */
#ifndef KERN_TRAP_H
#define KERN_TRAP_H

struct thread;

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
