/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector and floating-point state.  A user instruction that touches it while it is disabled leads to
 * kern_fpu_fault().  The kernel itself never uses it.  An area is hal_info.fpu_size bytes, 64-byte aligned.
 */
#ifndef HAL_FPU_H
#define HAL_FPU_H

#include <hal/info.h>
#include <hal/types.h>

#define HAL_FPU_AREA(area) ((area) != NULL && (uintptr_t)(area) % 64 == 0)

/* Fill `area` with the initial state that a new thread has. Context: any. */
#define PRE_hal_fpu_init(area) HAL_FPU_AREA(area)
/*@ requires PRE_hal_fpu_init(area) && \valid((char *)area + (0 .. hal_info.fpu_size - 1));
    assigns ((char *)area)[0 .. hal_info.fpu_size - 1]; */
void hal_fpu_init(void *area);

/*
 * Enable vector state for user mode on this CPU and load all of it from `area`; no trace of a previous owner
 * remains.
 * Context: interrupts masked, state disabled.
 */
#define PRE_hal_fpu_load(area) HAL_FPU_AREA(area)
/*@ requires PRE_hal_fpu_load(area) && \valid_read((char *)area + (0 .. hal_info.fpu_size - 1)); assigns \nothing; */
void hal_fpu_load(const void *area);

/*
 * Save this CPU's state into `area` and disable it; NULL: the owner is gone, it is lost.
 * Context: interrupts masked, state enabled by hal_fpu_load().
 */
#define PRE_hal_fpu_save(area) ((area) == NULL || HAL_FPU_AREA(area))
/*@ requires PRE_hal_fpu_save(area);
    requires area != NULL ==> \valid((char *)area + (0 .. hal_info.fpu_size - 1));
    assigns ((char *)area)[0 .. hal_info.fpu_size - 1]; */
void hal_fpu_save(void *area);

#endif
