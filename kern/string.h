/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of <string.h> that a freestanding kernel needs; the compiler calls the first four by itself. */
#ifndef KERN_STRING_H
#define KERN_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* Copy `src` into `dst` of `size` > 0 bytes, cut to fit, always NUL-terminated. */
void string_copy(char *dst, const char *src, size_t size);

#endif
