/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers, sorting, pseudo-random numbers, and the end of a program that finds itself wrong. */
#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int digit_value(char c)
{
    if (isdigit(c))
        return c - '0';
    return isalpha(c) ? tolower(c) - 'a' + 10 : INT_MAX;
}

/* Digits at s in `base`. *overflow is set if they don't fit. *end: behind them. */
static unsigned long parse_digits(const char *s, const char **end, int base, bool *overflow)
{
    unsigned long value = 0;

    for (; digit_value(*s) < base; s++) {
        unsigned long next;
        if (__builtin_mul_overflow(value, (unsigned long)base, &next) ||
            __builtin_add_overflow(next, (unsigned long)digit_value(*s), &next))
            *overflow = true;
        else
            value = next;
    }
    *end = s;
    return value;
}

/* What strtoul and strtol share: blanks, sign, prefix, digits. */
static unsigned long parse_integer(const char *s, char **end, int base, bool *negative, bool *overflow)
{
    const char *p = s;

    while (isspace(*p))
        p++;
    *negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    bool hex = p[0] == '0' && tolower(p[1]) == 'x' && digit_value(p[2]) < 16;
    if (hex && (base == 0 || base == 16)) {
        p += 2;
        base = 16;
    } else if (base == 0) {
        base = *p == '0' ? 8 : 10;
    }
    const char *stop;
    unsigned long value = parse_digits(p, &stop, base, overflow);
    if (end != NULL)
        *end = (char *)(uintptr_t)(stop == p ? s : stop);
    return value;
}

unsigned long strtoul(const char *restrict s, char **restrict end, int base)
{
    bool negative, overflow = false;
    unsigned long value = parse_integer(s, end, base, &negative, &overflow);

    if (overflow)
        return ULONG_MAX;
    return negative ? -value : value;
}

long strtol(const char *restrict s, char **restrict end, int base)
{
    bool negative, overflow = false;
    unsigned long value = parse_integer(s, end, base, &negative, &overflow);

    if (negative)
        return overflow || value > (unsigned long)LONG_MAX ? LONG_MIN : -(long)value;
    return overflow || value > (unsigned long)LONG_MAX ? LONG_MAX : (long)value;
}

int atoi(const char *s)
{
    return (int)strtol(s, NULL, 10);
}

static void swap(char *a, char *b, size_t size)
{
    for (; size > 0; size--, a++, b++) {
        char t = *a;
        *a = *b;
        *b = t;
    }
}

/* Let the element at `root` sink to its place in the heap of `count` elements. */
static void sift_down(char *base, size_t root, size_t count, size_t size,
                      int (*compare)(const void *, const void *))
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (compare(base + root * size, base + child * size) >= 0)
            return;
        swap(base + root * size, base + child * size, size);
        root = child;
    }
}

/* Heap sort: no recursion, no worst case. */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    for (size_t i = count / 2; i > 0; i--)
        sift_down(base, i - 1, count, size, compare);
    for (size_t i = count; i > 1; i--) {
        swap(base, (char *)base + (i - 1) * size, size);
        sift_down(base, 0, i - 1, size, compare);
    }
}

static uint64_t rand_state = UINT64_C(0x9e3779b97f4a7c15);

void srand(unsigned seed)
{
    rand_state = UINT64_C(0x9e3779b97f4a7c15) + seed;
}

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
int rand(void)
{
    uint64_t z = (rand_state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int)((z ^ (z >> 31)) & RAND_MAX);
}

void abort(void)
{
    __builtin_trap();
}

void assert_failed(const char *condition, const char *file, int line)
{
    printf("%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
