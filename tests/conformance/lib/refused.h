/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that fail must leave everything as it was: the names of this task, their rights and user references, the state of its ports, the
 * members of its sets.
 */
#ifndef TEST_REFUSED_H
#define TEST_REFUSED_H

#include "test.h"

/* Remember all that. */
void test_state_remember(void);

/* Is it as it was remembered? Says what is not. */
bool test_state_same(void);

/* One check: `actual`, which `expression` returned, is `expected`, and nothing has changed. */
void test_check_refused(kern_return_t actual, kern_return_t expected, const char *file, int line,
                        const char *expression, const char *why);

/* The call is refused with that error, and changes nothing; why: said behind the name of the call. */
#define CHECK_REFUSED(call, expected, why)                                                                   \
    (test_state_remember(), test_check_refused((call), (expected), __FILE__, __LINE__, #call, why))

#endif
