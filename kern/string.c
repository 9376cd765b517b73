/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and string functions.  Blocks of equal alignment go by 64-bit words, sixteen a turn, since what is
 * copied and filled is mostly pages; those that are as aligned as parts of messages go by 32-bit words, eight a turn.  No ISA may be
 * asked for an unaligned access here.  no_builtin keeps the compiler from
 * recognising these loops as calls of themselves.
 */
#include <kern/string.h>
#include <stdint.h>

#define NO_BUILTIN __attribute__((no_builtin))

typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint32_t __attribute__((may_alias)) half_t;

#define WORD sizeof(word_t)
#define HALF sizeof(half_t)
#define TURN 16u     /* words */
#define HALF_TURN 8u /* halves */

static inline size_t misalignment(const void *p)
{
    return (uintptr_t)p % WORD;
}

/* Copy by halves what begins alike within one. Returns: the bytes at the end that are left. */
NO_BUILTIN static size_t copy_halves(unsigned char *restrict *dst, const unsigned char *restrict *src,
                                     size_t n)
{
    unsigned char *d = *dst;
    const unsigned char *s = *src;

    for (; n > 0 && (uintptr_t)d % HALF != 0; n--)
        *d++ = *s++;
    for (; n >= HALF_TURN * HALF; n -= HALF_TURN * HALF, d += HALF_TURN * HALF, s += HALF_TURN * HALF) {
        const half_t *from = (const void *)s;
        half_t *to = (void *)d;
        for (unsigned i = 0; i < HALF_TURN; i++)
            to[i] = from[i];
    }
    for (; n >= HALF; n -= HALF, d += HALF, s += HALF)
        *(half_t *)(void *)d = *(const half_t *)(const void *)s;
    *dst = d;
    *src = s;
    return n;
}

NO_BUILTIN void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    if (misalignment(d) == misalignment(s)) {
        for (; n > 0 && misalignment(d) != 0; n--)
            *d++ = *s++;
        for (; n >= TURN * WORD; n -= TURN * WORD, d += TURN * WORD, s += TURN * WORD) {
            const word_t *from = (const void *)s;
            word_t *to = (void *)d;
            for (unsigned i = 0; i < TURN; i++)
                to[i] = from[i];
        }
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
            *(word_t *)(void *)d = *(const word_t *)(const void *)s;
    } else if (((uintptr_t)d - (uintptr_t)s) % HALF == 0) {
        n = copy_halves(&d, &s, n);
    }
    while (n-- > 0)
        *d++ = *s++;
    return dst;
}

NO_BUILTIN void *memmove(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    /* memcpy() goes upwards and reads each word before it writes it: safe when the target lies below */
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
    for (; n >= TURN * WORD; n -= TURN * WORD, d += TURN * WORD) {
        word_t *to = (void *)d;
        for (unsigned i = 0; i < TURN; i++)
            to[i] = pattern;
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
