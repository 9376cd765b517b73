/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages with a piece of memory in their body: what is sent, and what comes. */
#ifndef TESTS_SIM_AGREE_MEMORY_H
#define TESTS_SIM_AGREE_MEMORY_H

#include "user.h"

#include <stdint.h>

/* The body of such a message; data follows. */
struct agree_memory_body {
    mach_msg_body_t body;
    mach_msg_ool_descriptor_t memory;
};

/* Memory of the current task that `random` determines: its pages, the bytes in it, and whether it is given away. */
struct agree_memory_body agree_memory_make(uint64_t random);
/* The message was sent: what was not given away goes. */
void agree_memory_sent(const struct agree_memory_body *sent);
/* The piece came. Returns: a sum over its bytes and what is said of it; it goes. */
uint64_t agree_memory_take(const struct agree_memory_body *came);

#endif
