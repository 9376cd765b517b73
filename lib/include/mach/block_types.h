/* SPDX-License-Identifier: BSD-2-Clause */
/* Block devices: what goes with block.defs. */
#ifndef MACH_BLOCK_TYPES_H
#define MACH_BLOCK_TYPES_H

#include <mach/mach_types.h>

#define BLOCK_SIZE 512u             /* bytes: offsets and sizes are multiples of it */
#define BLOCK_TRANSFER_MAX 0x10000u /* bytes of one request */

/* Flags of block_info(). */
#define BLOCK_READ_ONLY 1u

#endif
