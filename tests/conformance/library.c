/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library and libmach themselves. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/lock.h>
#include <libmach/thread.h>
#include <stdlib.h>
#include <string.h>

static bool prints(const char *expected, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool prints(const char *expected, const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (strcmp(text, expected) == 0 && length == (int)strlen(expected))
        return true;
    printf("# \"%s\" is not \"%s\"\n", text, expected);
    return false;
}

static void test_printf(void)
{
    char small[4];

    CHECK(prints("-5 +5  5 005", "%d %+d % d %03d", -5, 5, 5, 5), "printf: signs and zeros");
    CHECK(prints("ff FF 0xff 377 18446744073709551615", "%x %X %#x %o %lu", 255u, 255u, 255u, 255u, ~0ul),
          "printf: bases");
    CHECK(prints("    ab|ab    |a", "%6s|%-6s|%.1s", "ab", "ab", "ab"), "printf: strings");
    CHECK(prints("-128 65535 -1", "%hhd %hu %ld", -128, 65535, -1L), "printf: lengths");
    CHECK(prints("  0042|x|%|(null)", "%*.*d|%c|%%|%s", 6, 4, 42, 'x', (char *)NULL), "printf: the rest");
    CHECK(snprintf(small, sizeof(small), "12345") == 5 && strcmp(small, "123") == 0, "snprintf cuts off");
}

static int compare_int(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void test_stdlib(void)
{
    int number[500];
    char *end;
    bool sorted = true;

    for (int i = 0; i < 500; i++)
        number[i] = rand() % 1000;
    qsort(number, 500, sizeof(number[0]), compare_int);
    for (int i = 1; i < 500; i++)
        sorted &= number[i - 1] <= number[i];
    CHECK(sorted, "qsort sorts");
    CHECK_EQUAL(strtoul(" 0x1fz", &end, 0), 0x1f, "strtoul reads hexadecimal");
    CHECK(*end == 'z', "and tells where it ends");
    CHECK_EQUAL(strtoul("99999999999999999999", NULL, 10), ~0ul, "and stops at the largest");
    CHECK(strtol("-42", NULL, 10) == -42 && strtol("077", NULL, 0) == 63, "strtol reads signs and octal");
}

static void test_string(void)
{
    char a[64], b[64];
    bool same = true;

    for (size_t from = 0; from < 16; from++) {
        for (size_t to = 0; to < 16; to++) {
            for (int i = 0; i < 64; i++)
                a[i] = b[i] = (char)i;
            memmove(a + to, a + from, 40);
            for (size_t i = 0; i < 40; i++)
                same &= a[to + i] == b[from + i];
        }
    }
    CHECK(same, "memmove copies where source and destination overlap");
    CHECK(strcmp("abc", "abd") < 0 && strcmp("b", "abd") > 0 && strncmp("abc", "abd", 2) == 0,
          "strings compare");
    CHECK(strchr("abc", 'c') != NULL && strchr("abc", 'x') == NULL && *strrchr("abab", 'a') == 'a',
          "strings are searched");
    CHECK(strlcpy(a, "hello", 3) == 5 && strcmp(a, "he") == 0, "strlcpy cuts off");
}

static void test_malloc(void)
{
    enum { BLOCKS = 64 };
    uint8_t *block[BLOCKS];
    bool ok = true;

    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = (i * i * 37) % 100000 + 1;
        block[i] = malloc(size);
        ok &= block[i] != NULL && ((uintptr_t)block[i] & 15) == 0;
        memset(block[i], (int)i, size);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = (i * i * 37) % 100000 + 1;
        for (size_t j = 0; j < size; j++)
            ok &= block[i][j] == (uint8_t)i;
        free(block[i]);
    }
    CHECK(ok, "malloc: blocks of all sizes don't touch each other");
    uint32_t *zero = calloc(1000, 4);
    ok = zero != NULL;
    for (int i = 0; i < 1000; i++)
        ok &= zero[i] == 0;
    CHECK(ok, "calloc: memory is zero");
    free(zero);
    CHECK(malloc(~(size_t)0) == NULL && calloc(~(size_t)0, 2) == NULL, "malloc: too much is refused");
}

static struct mach_lock lock;
static unsigned shared_count;
static volatile int threads_done;

static void count_locked(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        mach_lock_acquire(&lock);
        shared_count++;
        mach_lock_release(&lock);
    }
    __atomic_fetch_add(&threads_done, 1, __ATOMIC_ACQ_REL);
}

static void test_threads(void)
{
    for (int i = 0; i < 4; i++)
        REQUIRE_OK(mach_thread_start(count_locked, NULL, NULL));
    for (unsigned ms = 0; ms < TEST_SOON_MS && threads_done < 4; ms++)
        test_sleep(1);
    CHECK_EQUAL(shared_count, 8000, "a lock excludes");
    for (unsigned ms = 0; ms < TEST_SOON_MS && mach_thread_reap() > 0; ms++)
        test_sleep(1);
    CHECK_EQUAL(mach_thread_reap(), 0, "stacks of dead threads are freed");
    CHECK(strcmp(mach_error_string(KERN_NO_SPACE), "no space available") == 0, "results have texts");
}

int main(void)
{
    test_begin("library");
    test_printf();
    test_stdlib();
    test_string();
    test_malloc();
    test_threads();
    return test_end();
}
