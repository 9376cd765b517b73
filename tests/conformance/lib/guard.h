/* SPDX-License-Identifier: BSD-2-Clause */
/* Running what may fault, block for ever or loop, without harm to the rest of the task. */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

/* How it ended. */
enum guard_end {
    GUARD_RETURNED,
    GUARD_FAULTED, /* by an exception */
    GUARD_TIMEOUT, /* it was ended after the time allowed */
};

/* Run function(argument) in a thread of its own for at most `ms` milliseconds; then the thread is gone. */
enum guard_end test_guarded(void (*function)(void *argument), void *argument, unsigned ms);

#endif
