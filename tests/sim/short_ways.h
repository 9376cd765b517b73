/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's short ways beside its fast path, watched from between its modules (the linker's --wrap): they are counted, and can be
 * closed, so that everything takes the general path.
 */
#ifndef TESTS_SIM_SHORT_WAYS_H
#define TESTS_SIM_SHORT_WAYS_H

#include <stdbool.h>
#include <stdint.h>

struct short_ways {
    bool closed;
    uint64_t tried, done; /* of RPCs in registers: those that came to the direct switch, those that it did */
    uint64_t messages;    /* in memory that the fast path left over */
    uint64_t kernel;      /* calls of the kernel in registers that took the short way */
    uint64_t rights;      /* messages with rights that went directly */
    uint64_t memory;      /* messages with memory that went directly, or to oneself at once */
    uint64_t sets;        /* RPCs through a set that went directly */
    uint64_t simple;      /* messages that were queued the short way */
    uint64_t received;    /* messages that were taken from a queue the short way */
};

extern struct short_ways short_ways;

/* Add its counts to those of *sum. */
void short_ways_add(struct short_ways *sum);

#endif
