/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state.  Invariant: it is enabled on a CPU <=> cpu->fpu_owner == cpu->current != NULL.  It is saved before the thread
 * leaves the CPU, so another CPU that runs the thread finds it in t->fpu; a thread that never uses it has none.
 */
#ifndef KERN_FPU_H
#define KERN_FPU_H

#include <kern/cpu.h>

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

/* The thread ends: forget its state. Context: `t` runs nowhere, or is current. */
void fpu_discard(struct thread *t);

#endif
