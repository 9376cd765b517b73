/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_FUZZ_PROGRAM_H
#define TESTS_SIM_FUZZ_PROGRAM_H

#include "fuzz.h"

#define FUZZ_TASKS 3u
#define FUZZ_STREAMS                                                                                         \
    (2 * FUZZ_TASKS) /* the first thread of each task, and one more that FUZZ_THREAD starts */

/* Boot a machine and let its threads do the operations of their streams. fail_alloc: this one of their requests for kernel memory
 * fails; 0: none does. Returns: NULL; or what went wrong. */
const char *fuzz_program_run(const struct fuzz_op *ops, uint32_t count, uint8_t machine, uint8_t seed,
                             uint32_t fail_alloc);

#endif
