/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted output.  What is printed goes to the kernel's console; each line of one printf() call is written
 * by one mach_print(), so lines of different threads and programs don't mix.
 *
 * Conversions: d i u o x X p s c %, with flags - 0 + space #, width, precision, * for both, and the lengths
 * hh h l ll z j t.
 */
#ifndef LIB_STDIO_H
#define LIB_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#define EOF (-1)

int printf(const char *restrict format, ...) __attribute__((format(printf, 1, 2)));
int vprintf(const char *restrict format, va_list args) __attribute__((format(printf, 1, 0)));
int snprintf(char *restrict dst, size_t size, const char *restrict format, ...)
    __attribute__((format(printf, 3, 4)));
int vsnprintf(char *restrict dst, size_t size, const char *restrict format, va_list args)
    __attribute__((format(printf, 3, 0)));
int puts(const char *s);
int putchar(int c);

#endif
