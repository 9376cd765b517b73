/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a program for the simulated machine: several tasks and threads that make traps with arbitrary arguments, send
 * arbitrary bytes as messages, ask the kernel for services, touch memory, and are pagers of each other's memory.
 *
 * Input: a byte that chooses what the rest is (bit 0) and which request for kernel memory fails (the others), a byte for the
 * machine, a byte for the seed, then operations of fixed size, so that inputs can be cut and crossed.  Model inputs are scripts on
 * port rights (model_script.h), compared with the model; raw inputs are struct fuzz_op.
 */
#ifndef TESTS_SIM_FUZZ_H
#define TESTS_SIM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_HEADER 3u
#define FUZZ_MODEL 1u /* bit of the first byte: a script for the model */
#define FUZZ_OPERANDS 18u
#define FUZZ_OPS_MAX 96u

enum fuzz_code {
    FUZZ_TRAP,    /* number, arguments */
    FUZZ_MESSAGE, /* mach_msg with a header of operands */
    FUZZ_BYTES,   /* mach_msg with a message of raw bytes */
    FUZZ_SERVICE, /* a request to the kernel */
    FUZZ_RPC,     /* register form */
    FUZZ_MEMORY,  /* load, store, compare and swap, execute */
    FUZZ_EXCEPTION,
    FUZZ_THREAD, /* start another thread */
    FUZZ_PAGER,  /* map a port as a memory object, hear what the kernel says, answer anything */
    FUZZ_CODES
};

struct fuzz_op {
    uint8_t code;
    uint8_t stream; /* which thread does it */
    uint8_t a[FUZZ_OPERANDS];
};

/* Run the input. Returns: NULL; or what went wrong. */
const char *fuzz_run(const uint8_t *data, size_t size);

/* Print the input in words. */
void fuzz_print(const uint8_t *data, size_t size);

#endif
