/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the names of a task, which have a trap each beside their message: both must mean the same. */
#ifndef TESTS_SIM_AGREE_PORT_H
#define TESTS_SIM_AGREE_PORT_H

#include "user.h"

#include <stdint.h>

extern uint64_t agree_port_traps; /* calls that traps served */

/* The call that `random` stands for, about `names`, `count` of them that are nobody else's, and `set`. Returns: its result. */
kern_return_t agree_port_call(uint64_t random, bool traps, mach_port_name_t names, uint32_t count,
                              mach_port_name_t set);

/* How often a call was answered depends on the way: the port where the thread got the answers goes. */
void agree_port_forget(void);

#endif
