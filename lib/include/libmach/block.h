/* SPDX-License-Identifier: BSD-2-Clause */
/* What all servers of block.defs have in common. */
#ifndef LIBMACH_BLOCK_H
#define LIBMACH_BLOCK_H

#include <mach/block_types.h>
#include <mach/kern_return.h>

/* May `size` bytes at `offset` of a device of `end` bytes be one request? KERN_SUCCESS, KERN_INVALID_ARGUMENT, KERN_INVALID_ADDRESS. */
static inline kern_return_t block_check(uint64_t end, uint64_t offset, natural_t size)
{
    if (offset % BLOCK_SIZE != 0 || size % BLOCK_SIZE != 0 || size == 0 || size > BLOCK_TRANSFER_MAX)
        return KERN_INVALID_ARGUMENT;
    return offset > end || size > end - offset ? KERN_INVALID_ADDRESS : KERN_SUCCESS;
}

#endif
