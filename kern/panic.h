/* SPDX-License-Identifier: BSD-2-Clause */
/* Panic, assertions, and kernel messages. */
#ifndef KERN_PANIC_H
#define KERN_PANIC_H

#include <hal/types.h>
#include <stdarg.h>

/*
 * Report that an invariant of the kernel does not hold and stop all CPUs: reason, CPU, thread, task,
 * registers where known, symbolised backtrace, a fixed last line ("--- end of panic ---"), then power off (or
 * halt with the option panic=halt).  Survives a panic within a panic.
 */
HAL_NORETURN void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of kernel text on the console, whole lines are not mixed with other CPUs'. %s %c %d %i %u %x %p %%
 * with l, ll, z, width, '-' and '0'. Context: any. */
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
int ksnprintf(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#ifdef KERN_CHECKED
#define KASSERT(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            panic("assertion failed: %s (%s:%d)", #condition, __FILE__, __LINE__);                           \
    } while (0)
#else
#define KASSERT(condition) ((void)sizeof(condition))
#endif

#endif
