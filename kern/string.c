/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and string functions.  Blocks of equal alignment go by 64-bit words, four a turn; no ISA may be
 * asked for an unaligned access here.  no_builtin keeps the compiler from recognising these loops as calls of
 * themselves.
 */
#include <kern/string.h>
#include <stdint.h>

#define NO_BUILTIN __attribute__((no_builtin))

typedef uint64_t __attribute__((may_alias)) word_t;

#define WORD sizeof(word_t)

static inline size_t misalignment(const void *p)
{
    return (uintptr_t)p % WORD;
}

NO_BUILTIN void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    if (misalignment(d) == misalignment(s)) {
        for (; n > 0 && misalignment(d) != 0; n--)
            *d++ = *s++;
        for (; n >= 4 * WORD; n -= 4 * WORD, d += 4 * WORD, s += 4 * WORD) {
            const word_t *from = (const void *)s;
            word_t *to = (void *)d;
            word_t a = from[0], b = from[1], c = from[2], e = from[3];
            to[0] = a;
            to[1] = b;
            to[2] = c;
            to[3] = e;
        }
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
            *(word_t *)(void *)d = *(const word_t *)(const void *)s;
    }
    while (n-- > 0)
        *d++ = *s++;
    return dst;
}

NO_BUILTIN void *memmove(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    /* memcpy() goes upwards and reads each block before it writes it: safe when the target lies below */
    if ((uintptr_t)d - (uintptr_t)s >= n)
        return memcpy(dst, src, n);
    while (n-- > 0)
        d[n] = s[n];
    return dst;
}

NO_BUILTIN void *memset(void *dst, int c, size_t n)
{
    unsigned char *d = dst;
    word_t pattern = (unsigned char)c * UINT64_C(0x0101010101010101);

    for (; n > 0 && misalignment(d) != 0; n--)
        *d++ = (unsigned char)c;
    for (; n >= 4 * WORD; n -= 4 * WORD, d += 4 * WORD) {
        word_t *to = (void *)d;
        to[0] = pattern;
        to[1] = pattern;
        to[2] = pattern;
        to[3] = pattern;
    }
    for (; n >= WORD; n -= WORD, d += WORD)
        *(word_t *)(void *)d = pattern;
    while (n-- > 0)
        *d++ = (unsigned char)c;
    return dst;
}

NO_BUILTIN int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (; n > 0; n--, p++, q++) {
        if (*p != *q)
            return *p - *q;
    }
    return 0;
}

NO_BUILTIN size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n] != '\0')
        n++;
    return n;
}

NO_BUILTIN size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n] != '\0')
        n++;
    return n;
}

NO_BUILTIN int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a - (unsigned char)*b;
        if (*a == '\0')
            return 0;
    }
    return 0;
}

NO_BUILTIN int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

void string_copy(char *dst, const char *src, size_t size)
{
    size_t n = strnlen(src, size - 1);

    memcpy(dst, src, n);
    dst[n] = '\0';
}
