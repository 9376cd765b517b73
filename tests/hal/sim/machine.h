/* SPDX-License-Identifier: BSD-2-Clause */
/* What the suite has to know of the simulated machine: registers and user code are those of riscv64. */
#ifndef HAL_TEST_MACHINE_H
#define HAL_TEST_MACHINE_H

#include "../riscv64/registers.h"

#include <functions.h>
#include <sim/host/context.h>

#define MACHINE_FRAME_WORDS ((SIM_SAVED_WORDS + 1u) / 2 * 2) /* what machine_switch() finds on a stack */
#define MACHINE_FRAME_PC SIM_SAVED_PC

/* The kernel's own addresses are those of a process, and none of the space that users have; these are above theirs. */
#define MACHINE_KERNEL_VA 0xffff800000000000ul
#define MACHINE_HOLE_VA 0xffffffff00000000ul

#define MACHINE_LEAF_LEVELS 3u /* of hal_info, on every machine */

#define MACHINE_LINE 3u
#define MACHINE_LINE_EDGE 1
#define MACHINE_LINE_LEVEL 1
#define MACHINE_LINE_AGAIN 1
#define MACHINE_MESSAGES 0
#define MACHINE_TIMEOUT_ALONE 1 /* a timeout that the header does not announce is kept */
#define MACHINE_LOOPBACK 0

#endif
