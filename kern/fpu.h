/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state.  Invariant: it is enabled on a CPU <=> cpu->fpu_owner == cpu->current != NULL.  It is saved
 * before the thread leaves the CPU, so another CPU that runs the thread finds it in t->fpu; a thread that
 * never uses it has none.
 */
#ifndef KERN_FPU_H
#define KERN_FPU_H

#include <kern/cpu.h>
#include <kern/thread.h>

#define FPU_CREDIT                                                                                           \
    16u /* runs of a thread with vector state loaded ahead of use, after a fault showed that it uses it */

/* Boot. */
void fpu_init_module(void);

/* The current thread touched vector state: give it some. Returns KERN_SUCCESS or KERN_RESOURCE_SHORTAGE. */
HAL_NODISCARD int fpu_acquire(struct cpu *cpu, struct thread *self);

/* The current thread is about to leave the CPU: save its state, if it is loaded. */
void fpu_save(struct cpu *cpu);

static inline void fpu_release(struct cpu *cpu)
{
    if (cpu->fpu_owner != NULL)
        fpu_save(cpu);
}

/* Load the state of the thread that this CPU goes on with, before it asks. */
void fpu_load(struct cpu *cpu, struct thread *t);

/*
 * The CPU goes on with `t`. A thread that used vector state lately probably will again: for its next
 * FPU_CREDIT runs it gets it without a fault.
 */
static inline void fpu_resume(struct cpu *cpu, struct thread *t)
{
    if (t->fpu_credit > 0 && cpu->fpu_owner == NULL)
        fpu_load(cpu, t);
}

/* The thread ends: forget its state. Context: `t` runs nowhere, or is current. */
void fpu_discard(struct thread *t);

#endif
