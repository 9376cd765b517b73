/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests need of the ISA: instructions that no C says. */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* Faults. None returns by itself. */
void machine_bad_instruction(void);
void machine_breakpoint(void);
void machine_divide_by_zero(void);

/* Does machine_divide_by_zero() fault? */
extern const bool machine_divide_faults;

/* Privileged instructions, one function each; a list that ends with NULL. */
extern void (*const machine_privileged[])(void);

/*
 * A trap with any number and arguments. What the trap leaves behind in registers is lost but for the result.
 * number: those that the instruction can express, else the nearest.
 */
uint64_t machine_trap(uint64_t number, const uint64_t argument[8]);

/*
 * Fill every vector and floating-point register with a pattern, spin for `rounds`, and look.
 * Returns: how many registers are as they were filled, MACHINE_VECTORS if all are.
 */
uint64_t machine_vector_hold(uint64_t pattern, uint64_t rounds);
extern const uint64_t machine_vectors;

/* Returns: the bits that are set in any vector register. */
uint64_t machine_vector_traces(void);

/* An address of the kernel, as user code could guess it. */
extern const uint64_t machine_kernel_address;

#endif
