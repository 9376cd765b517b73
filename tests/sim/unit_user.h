/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs have that call the kernel's services and look at the results. */
#ifndef TESTS_SIM_UNIT_USER_H
#define TESTS_SIM_UNIT_USER_H

#include "user.h"

#define EXPECT(call, code)                                                                                   \
    do {                                                                                                     \
        kern_return_t expect_kr = (call);                                                                    \
        if (expect_kr != (code))                                                                             \
            sim_fail("%s:%d: %s: %d", __FILE__, __LINE__, #call, expect_kr);                                 \
    } while (0)

#define NOBODY 0x7fff00u /* a name that there is not */

/* The program's own. */
struct unit_own {
    mach_port_t host_priv, task, thread, host;
    mach_port_t port;  /* receive right and a send right */
    mach_port_t other; /* the same */
    mach_port_t set;
    mach_port_t dead; /* dead name */
};
extern struct unit_own own;

/* The first thing that a program does. */
void unit_begin(uint64_t arg);

#endif
