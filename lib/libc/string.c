/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings and memory. Copies go by words of 8 bytes where both sides are aligned alike, which is what messages and
 * pages are, and by 4 bytes where they are as parts of messages. Compiled with -ffreestanding: the loops must not
 * become calls of themselves.
 */
#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint64_t)

/* A word of memory that may hold objects of any type. */
typedef uint64_t __attribute__((may_alias)) word_t;

#define HALF sizeof(uint32_t)
#define HALVES 8u /* a turn */
typedef uint32_t __attribute__((may_alias)) half_t;

static int aligned_alike(const void *a, const void *b, size_t unit)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & (unit - 1)) == 0;
}

/* Copy full turns of halves between blocks that are aligned to them. Returns: bytes copied. */
static size_t copy_halves(half_t *restrict to, const half_t *restrict from, size_t n)
{
    const size_t whole = n - n % (HALVES * HALF);

    for (size_t left = whole; left > 0; left -= HALVES * HALF, to += HALVES, from += HALVES) {
        for (unsigned i = 0; i < HALVES; i++)
            to[i] = from[i];
    }
    return whole;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    if (n >= 2 * WORD && aligned_alike(d, s, WORD)) {
        for (; ((uintptr_t)d & (WORD - 1)) != 0; n--)
            *d++ = *s++;
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
            *(word_t *)(void *)d = *(const word_t *)(const void *)s;
    } else if (n >= HALVES * HALF && aligned_alike(d, s, HALF)) {
        for (; ((uintptr_t)d & (HALF - 1)) != 0; n--)
            *d++ = *s++;
        const size_t done = copy_halves((void *)d, (const void *)s, n);
        d += done;
        s += done;
        n -= done;
    }
    while (n-- > 0)
        *d++ = *s++;
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    if ((uintptr_t)d - (uintptr_t)s >= n) { /* also when d is below s */
        while (n-- > 0)
            *d++ = *s++;
    } else {
        while (n-- > 0)
            d[n] = s[n];
    }
    return dst;
}

void *memset(void *dst, int value, size_t n)
{
    unsigned char *d = dst;
    const unsigned char byte = (unsigned char)value;

    if (n >= 2 * WORD) {
        const word_t word = byte * UINT64_C(0x0101010101010101);
        for (; ((uintptr_t)d & (WORD - 1)) != 0; n--)
            *d++ = byte;
        for (; n >= WORD; n -= WORD, d += WORD)
            *(word_t *)(void *)d = word;
    }
    while (n-- > 0)
        *d++ = byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (; n > 0; n--, p++, q++) {
        if (*p != *q)
            return *p - *q;
    }
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const unsigned char *p = s;

    for (; n > 0; n--, p++) {
        if (*p == (unsigned char)c)
            return (void *)(uintptr_t)p;
    }
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n] != '\0')
        n++;
    return n;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n] != '\0')
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        if (*a != *b || *a == '\0')
            return (unsigned char)*a - (unsigned char)*b;
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;

    for (;; s++) {
        if (*s == (char)c)
            last = s;
        if (*s == '\0')
            return (char *)(uintptr_t)last;
    }
}

char *strstr(const char *s, const char *part)
{
    size_t n = strlen(part);

    for (; *s != '\0' || n == 0; s++) {
        if (strncmp(s, part, n) == 0)
            return (char *)(uintptr_t)s;
    }
    return NULL;
}

size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
    size_t length = strlen(src);

    if (size > 0) {
        size_t n = length < size ? length : size - 1;
        memcpy(dst, src, n);
        dst[n] = '\0';
    }
    return length;
}
