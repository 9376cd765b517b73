/* SPDX-License-Identifier: BSD-2-Clause */
/* What a panic needs. */
#ifndef HAL_DEBUG_H
#define HAL_DEBUG_H

#include <hal/types.h>

#define HAL_FRAME_REGS 34u

/* Registers of the kernel at an unexpected trap, in a form that machine-independent code can print. */
struct hal_trap_frame {
    const char *cause; /* static text: "page fault", "illegal instruction", ... */
    uint64_t code;     /* the ISA's cause register */
    uint64_t pc, sp, fp;
    uint64_t address;            /* fault address, 0 if none */
    uint32_t reg_count;          /* <= HAL_FRAME_REGS */
    const char *const *reg_name; /* static texts */
    uint64_t reg[HAL_FRAME_REGS];
};

/*
 * Walk one frame up a kernel stack: from frame pointer *fp to its caller's *fp and return address *pc.
 * Reads nothing outside this CPU's kernel stack.
 * Context: any.
 * Returns: false at the end of the chain or when *fp is not on the stack: *fp, *pc unchanged.
 */
#define PRE_hal_frame_next(fp, pc) ((fp) != NULL && (pc) != NULL)
/*@ requires PRE_hal_frame_next(fp, pc) && \valid(fp) && \valid(pc) && \separated(fp, pc); assigns *fp, *pc;
    ensures end: !\result ==> *fp == \old(*fp) && *pc == \old(*pc); */
bool hal_frame_next(uint64_t *fp, uint64_t *pc);

#endif
