/* SPDX-License-Identifier: BSD-2-Clause */
/* What the suite has to know of riscv64. */
#ifndef HAL_TEST_MACHINE_H
#define HAL_TEST_MACHINE_H

#include <functions.h>
#include <registers.h>

#define MACHINE_LEAF_LEVELS 7u  /* of hal_info, on every processor of the ISA */
#define MACHINE_FRAME_WORDS 14u /* what machine_switch() leaves on a stack ... */
#define MACHINE_FRAME_PC 12u    /* ... and where to go is in this word */

#define MACHINE_KERNEL_VA HAL_DIRECT_BASE                 /* no user has it, nor what lies above */
#define MACHINE_HOLE_VA (HAL_DEVICE_BASE - HAL_PAGE_SIZE) /* an address of the kernel where nothing is */

#define MACHINE_LINE 10u /* the 16550 */
#define MACHINE_LINE_EDGE 0
#define MACHINE_LINE_LEVEL 1
#define MACHINE_LINE_AGAIN 0 /* QEMU forwards a level once, until it changes */
#define MACHINE_MESSAGES 0
#define MACHINE_TIMEOUT_ALONE 1 /* a timeout that the header does not announce is kept */
#define MACHINE_LOOPBACK 1

#endif
