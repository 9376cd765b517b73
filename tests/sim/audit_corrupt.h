/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults that the audit must find: one field of the kernel's state is changed, and put back. */
#ifndef AUDIT_CORRUPT_H
#define AUDIT_CORRUPT_H

#include <stdbool.h>
#include <stddef.h>

/* How many kinds of fault there are. */
size_t audit_corrupt_count(void);

/* What fault i is called: the field and the check that is to find it. */
const char *audit_corrupt_name(size_t i);

/*
 * Make fault i, audit, and undo it.
 * Context: a quiet moment, with the state that audit_test.c makes.
 * Returns: the audit named the right check; else `text` tells what it said.
 */
bool audit_corrupt(size_t i, char *text, size_t size);

#endif
