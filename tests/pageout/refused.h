/* SPDX-License-Identifier: BSD-2-Clause */
/* A task at its limit of memory, some of whose pages can't be had: what their users are told. */
#ifndef PAGEOUT_REFUSED_H
#define PAGEOUT_REFUSED_H

#include <mach/mach.h>
#include <stdbool.h>

/* A task with so many pages of memory, which may have few of them at a time; its end. */
void refused_begin(uint64_t pages);
void refused_end(void);

/* New pages in place of some. */
void refused_drop(uint64_t first, uint64_t count);

/* Write the page's number to it; read that, and see whether it is. Returns what the call does. */
kern_return_t page_write(uint64_t page);
kern_return_t page_check(uint64_t page, bool *wrong);

#endif
