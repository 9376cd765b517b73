/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the cases and reports them as TAP, one program for each group.  What a failed expectation has to say comes behind
 * the case's result, where readers of TAP look for it; until then it waits in `details`.
 */
#include "test.h"

#include <kern/console.h>
#include <stdarg.h>

static const struct test_group *const groups[] = {
    &test_info, &test_console, &test_cpu,   &test_uctx,     &test_trap,       &test_registers, &test_fault,
    &test_fpu,  &test_umem,    &test_pte,   &test_pt,       &test_protection, &test_irq,       &test_line,
    &test_time, &test_idle,    &test_debug, &test_contract, &test_power,
};

#define DETAILS_SIZE 1024u

static struct {
    char text[DETAILS_SIZE];
    uint32_t length;
    uint32_t failures;
    const char *skipped;
    bool lock;
} present;

/* The only writer is the boot CPU, or one that gives up. */
void console_write(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hal_console_putc(text[i]);
}

static void details_add(const char *format, const char *file, int line, const char *text, uint64_t value,
                        uint64_t expected)
{
    while (__atomic_test_and_set(&present.lock, __ATOMIC_ACQUIRE))
        hal_cpu_pause();
    present.failures++;
    int n = ksnprintf(present.text + present.length, DETAILS_SIZE - present.length, format, test_cpu_index(),
                      file, line, text, value, expected);
    if (present.length + (uint32_t)n < DETAILS_SIZE)
        present.length += (uint32_t)n;
    else
        present.text[present.length] = '\0'; /* no room: the first ones tell most */
    __atomic_clear(&present.lock, __ATOMIC_RELEASE);
}

void test_fail(const char *file, int line, const char *text)
{
    details_add("# CPU %u: %s:%d: %s\n", file, line, text, 0, 0);
}

void test_fail_value(const char *file, int line, const char *text, uint64_t value, uint64_t expected)
{
    details_add("# CPU %u: %s:%d: %s is 0x%lx, not 0x%lx\n", file, line, text, value, expected);
}

bool test_failed(void)
{
    return __atomic_load_n(&present.failures, __ATOMIC_RELAXED) != 0;
}

void test_skip(const char *why)
{
    present.skipped = why;
}

void test_bail_out(const char *format, ...)
{
    va_list args;

    kprintf("\nBail out! ");
    va_start(args, format);
    kvprintf(format, args);
    va_end(args);
    kprintf("\n");
    hal_system_reset(HAL_RESET_POWEROFF);
}

/* The line with `case:` tells a reader where a boot that does not end is. */
static void case_run(uint32_t number, const struct test_case *c)
{
    uint64_t bad = test_upcalls_bad();

    present.length = 0;
    present.text[0] = '\0';
    present.failures = 0;
    present.skipped = machine_lacks(c->function, c->clause);
    kprintf("# case: %s: %s\n", c->function, c->clause);
    if (present.skipped == NULL)
        c->run();
    test_filter(NULL);
    if (present.skipped == NULL)
        EXPECT_EQ(test_upcalls_bad(), bad);
    kprintf("%s %u - %s: %s%s%s\n", test_failed() ? "not ok" : "ok", number, c->function, c->clause,
            present.skipped != NULL ? " # SKIP " : "", present.skipped != NULL ? present.skipped : "");
    console_write(present.text, present.length);
}

void test_main(void)
{
    test_memory_init();
    kprintf("portolan: %s on %s, %u CPU%s, page tables of %u levels\n", hal_info.isa, hal_info.board,
            hal_info.cpu_count, hal_info.cpu_count == 1 ? "" : "s", hal_info.pt_levels);
    test_cpus_start();
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        kprintf("# program: %s\n", groups[g]->name);
        for (uint32_t i = 0; i < groups[g]->count; i++)
            case_run(i + 1, &groups[g]->cases[i]);
        kprintf("1..%u\n", groups[g]->count);
    }
    kprintf("portolan: halted\n");
    test_power_off();
}
