/* SPDX-License-Identifier: BSD-2-Clause */
/* What every ISA has to provide beside the constants of its machine.h: machine.c and machine.S. */
#ifndef HAL_TEST_FUNCTIONS_H
#define HAL_TEST_FUNCTIONS_H

#include <dump.h>
#include <hal/types.h>

/* ---- machine.S ---- */

/* Save the callee-saved registers on this stack and its sp in *save; go on where the stack at `sp` was left. */
void machine_switch(uint64_t *save, uint64_t sp);

/*
 * User code, copied to TEST_CODE, position independent.  Each piece but the loops ends with a breakpoint, at which a full
 * frame shows every register.
 */
extern const char machine_user_begin[], machine_user_end[];
extern const char user_break[];
extern const char user_spin[];                 /* jumps to itself */
extern const char user_trap_loop[];            /* makes trap 10 for ever */
extern const char user_load[], user_store[];   /* 64 bits of argument 1 from / at argument 0 */
extern const char user_load8[], user_store8[]; /* 8 bits */
extern const char user_illegal[], user_privileged[], user_arithmetic[];
extern const char user_vector_touch[];                     /* changes nothing */
extern const char user_vector_fill[], user_vector_store[]; /* every vector register from / at argument 0 */

/*
 * Load every general register but sp, word by word of the thread state, from the block at sp; then a breakpoint, a jump to
 * itself, or trap 2 (where the number is in a register: as the block says) and what user_dump does.
 */
extern const char user_fill[], user_fill_spin[], user_fill_trap[];
/* Store them, and the thread pointer, in the block MACHINE_DUMP bytes behind sp; then a breakpoint. */
extern const char user_dump[];

/* Code that makes trap 2 with argument 0 = 1, or 2; both are machine_answer_size bytes. */
extern const char machine_answer1[], machine_answer2[];
extern const uint32_t machine_answer_size;

/* ---- machine.c ---- */

/* By word of the thread state. */
extern const char *const machine_register[];

/* Make random registers fit for a user context. */
void machine_pattern_fix(uint64_t *word, uint64_t seed);

/* Let the context trap with `number`, one of machine_trap_numbers, and then meet a breakpoint. */
void machine_trap(uint64_t *word, uint64_t number);
#define MACHINE_TRAP_NUMBERS 5u
extern const uint64_t machine_trap_numbers[MACHINE_TRAP_NUMBERS];

/* Does this CPU's state hold what an upcall finds: masked, no way to user memory open, the C ABI's flags? */
bool machine_entry_good(void);

/* The kernel goes on after a fault of its own, which no back end has to provide for. */
void machine_panic_over(void);

/* Why this machine can't have the case of a clause; NULL: it has it. */
const char *machine_lacks(const char *function, const char *clause);

/* Does the CPU keep the kernel from reading and writing / executing user pages? */
bool machine_guards_data(void);
bool machine_guards_code(void);

/* Contents of a block that user_vector_fill takes: a pattern, or the state of a new thread. */
void machine_vector_pattern(void *block, uint64_t seed);
void machine_vector_initial(void *block);
/* Argument 1 of user_vector_fill and user_vector_store. */
uint64_t machine_vector_mode(void);
/* Do two blocks hold the same registers? */
bool machine_vector_same(const void *a, const void *b);

/* Raise or lower the interrupt line MACHINE_LINE: the transmitter of the UART that is the console. */
void machine_line_set(bool raised);

/* Let what the console sends come back to it (MACHINE_LOOPBACK). */
void machine_loopback(bool on);

#endif
