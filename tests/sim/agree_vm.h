/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the memory of a task, which have a trap each beside their message: both must mean the same. */
#ifndef TESTS_SIM_AGREE_VM_H
#define TESTS_SIM_AGREE_VM_H

#include "user.h"

#include <stdint.h>

extern uint64_t agree_vm_traps; /* calls that traps served */

/* What a call answered, and what it left. */
struct agree_vm_seen {
    kern_return_t result;
    mach_vm_address_t address;
    uint64_t regions; /* a sum over the regions of the window */
};

/* The call that `random` stands for, about a window of the task's memory at `base`. */
#define AGREE_VM_PAGES 8u
struct agree_vm_seen agree_vm_call(uint64_t random, bool traps, mach_vm_address_t base);

#endif
