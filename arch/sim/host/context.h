/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks of the host process, and the switch between them: each simulated CPU and each C-function thread has one. */
#ifndef SIM_CONTEXT_H
#define SIM_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#define SIM_STACK_SIZE 0x40000u

/* What lies on a stack that was left, and which word of that is where it goes on. */
#if defined(__x86_64__)
#define SIM_SAVED_WORDS 7u /* r15 r14 r13 r12 rbx rbp, return address */
#define SIM_SAVED_PC 6u
#elif defined(__aarch64__)
#define SIM_SAVED_WORDS 20u /* x19 - x28, x29, x30, d8 - d15 */
#define SIM_SAVED_PC 11u
#endif

/* The switch by itself: save the callee-saved registers, leave sp in *save, take it from `load`, and restore. */
void sim_stack_switch(uint64_t **save, uint64_t *load);

struct sim_context {
    uint64_t *sp;       /* while it does not run: callee-saved registers lie there */
    char *stack;        /* lowest address; NULL: the stack of a host thread */
    const void *bottom; /* of the stack, as the sanitizer knows it */
    size_t size;
    void *fake_stack; /* AddressSanitizer's */
    void *fiber;      /* ThreadSanitizer's */
};

/* Give the context a stack with a guard below it, if it has none. */
void sim_context_init(struct sim_context *c);

/* Begin anew: the next switch to the context calls entry(arg), which never returns. What it was doing is forgotten. */
void sim_context_start(struct sim_context *c, void (*entry)(void *arg), void *arg);

/* Make `c` stand for the running host thread. */
void sim_context_adopt(struct sim_context *c);

/* Go on with `to`; returns when something switches to `from`. */
void sim_context_switch(struct sim_context *from, struct sim_context *to);

/* Frame pointer and pc where a context stands that does not run. */
void sim_context_where(const struct sim_context *c, uint64_t *fp, uint64_t *pc);

#endif
