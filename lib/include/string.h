/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings and memory, as the C standard has them. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *part);

/*
 * Copy src into dst[size], cut off if need be, always NUL-terminated (size > 0).
 * Returns: strlen(src): at least `size` means that it was cut off.
 */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);

#endif
