/* SPDX-License-Identifier: BSD-2-Clause */
/* Scripts on port rights, done by the simulated kernel and compared with the model step by step. */
#ifndef TESTS_SIM_PROPERTY_H
#define TESTS_SIM_PROPERTY_H

#include "model_script.h"

#define PROPERTY_TEXT 256u

struct property_result {
    bool failed;
    uint32_t position; /* of the operation at fault */
    char text[PROPERTY_TEXT];
};

/* Boot a kernel with `seed` and do the script. */
struct property_result property_run(const struct model_op *ops, uint32_t count, uint64_t seed, uint32_t cpus);

/*
 * Make a failing script as small as it gets: leave out chunks, then single operations, then make arguments plain, as long
 * as `fails` says that it still fails.  Changes ops. Returns the number of operations left.
 */
uint32_t property_shrink(struct model_op *ops, uint32_t count,
                         bool (*fails)(const struct model_op *ops, uint32_t count, void *arg), void *arg);

#endif
