/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which block of the backing store has which page of the kernel's.  A block holds one page.  All memory for it is taken at the start: who
 * writes pages so that others get memory can't need some for it.
 */
#ifndef DEFAULT_PAGER_BLOCKS_H
#define DEFAULT_PAGER_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#define BLOCK_NONE UINT32_MAX

/* `count` free blocks. Returns false without memory. */
bool blocks_init(uint32_t count);

/*
 * Free blocks that follow each other, at most `want`, for the pages from `page` on, which have none. Returns how many, from *first on;
 * 0: none is free.
 */
uint32_t blocks_take(uint64_t page, uint32_t want, uint32_t *first);
/* The block of `page`, or BLOCK_NONE. *good: what is in it was written. */
uint32_t blocks_find(uint64_t page, bool *good);
/* It could not be written. */
void blocks_spoil(uint32_t block);
/* Free the block of `page`, if it has one. */
void blocks_free(uint64_t page);

#endif
