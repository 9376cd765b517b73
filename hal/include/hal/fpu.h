/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector and floating-point state.  A user instruction that touches it while it is disabled leads to
 * kern_fpu_fault().  The kernel itself never uses it.  An area is hal_info.fpu_size bytes, 64-byte aligned.
 */
#ifndef HAL_FPU_H
#define HAL_FPU_H

#include <hal/types.h>

/* Fill `area` with the initial state that a new thread has. Context: any. */
/*@ requires \valid((char *)area + (0 .. 63)); assigns ((char *)area)[0 .. ]; */
void hal_fpu_init(void *area);

/*
 * Enable vector state for user mode on this CPU and load all of it from `area`; no trace of a previous owner
 * remains.
 * Context: interrupts masked, state disabled.
 */
/*@ requires \valid_read((char *)area + (0 .. 63)); assigns \nothing; */
void hal_fpu_load(const void *area);

/*
 * Save this CPU's state into `area` and disable it; NULL: the owner is gone, it is lost.
 * Context: interrupts masked, state enabled by hal_fpu_load().
 */
/*@ requires area == \null || \valid((char *)area + (0 .. 63)); assigns ((char *)area)[0 .. ]; */
void hal_fpu_save(void *area);

#endif
