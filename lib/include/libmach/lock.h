/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock for short critical sections: a thread that finds it taken gives up the processor and tries again.
 * All-zero is unlocked.
 */
#ifndef LIBMACH_LOCK_H
#define LIBMACH_LOCK_H

#include <mach/thread_switch.h>

struct mach_lock {
    int held;
};

static inline void mach_lock_acquire(struct mach_lock *lock)
{
    /* Acquire: what the last holder wrote is seen. */
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)
        (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_DEPRESS, 1);
}

static inline void mach_lock_release(struct mach_lock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
