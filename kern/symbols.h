/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's functions by address, for backtraces.  The build makes the table from a first link of the
 * kernel (tools/image/symbols.py); in that first link it is empty.
 */
#ifndef KERN_SYMBOLS_H
#define KERN_SYMBOLS_H

#include <stdint.h>

extern const uint32_t kern_symbol_count;

/* Sorted, strictly increasing; kern_symbol_name[i] begins at kern_symbol_address[i]. */
extern const uint64_t kern_symbol_address[];
extern const char *const kern_symbol_name[];

/* The function that `address` lies in, *offset bytes behind its start; NULL: not known. */
const char *kern_symbol_lookup(uint64_t address, uint64_t *offset);

#endif
