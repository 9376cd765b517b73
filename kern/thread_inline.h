/* SPDX-License-Identifier: BSD-2-Clause */
/* Inlines of kern/thread.h that need struct cpu. */
#ifndef KERN_THREAD_INLINE_H
#define KERN_THREAD_INLINE_H

#include <kern/cpu.h>

static inline struct thread *thread_current(void)
{
    return hal_cpu_self()->current;
}

#endif
