/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaks: the counts of the kernel's live objects before and after.  Messages in flight and memory that the
 * kernel frees in the background make them settle late, so the comparison is repeated until it holds or time
 * is up.
 */
#include "test.h"

#include <libmach/program.h>
#include <libmach/thread.h>
#include <string.h>

#define SETTLE_MS 30000u
#define SETTLE_STEP_MS 10u

struct usage {
    kernel_memory_cache_info_t cache[KERNEL_MEMORY_CACHES_MAX];
    mach_msg_type_number_t count;
    kernel_memory_pages_info_t pages;
};

static struct usage before;
static struct usage now;

/* While a task that took all memory is still being freed, there is none for the answer. */
static void read_usage(struct usage *usage)
{
    kern_return_t kr = KERN_RESOURCE_SHORTAGE;

    for (unsigned ms = 0; ms < SETTLE_MS && kr != KERN_SUCCESS; ms += SETTLE_STEP_MS) {
        if (ms > 0)
            test_sleep(SETTLE_STEP_MS);
        usage->count = KERNEL_MEMORY_CACHES_MAX;
        kr = host_kernel_memory_info(test_host(), usage->cache, &usage->count, &usage->pages);
    }
    REQUIRE_OK(kr);
}

/* Has every cache the same count as before? */
static bool settled(void)
{
    for (mach_msg_type_number_t i = 0; i < now.count && i < before.count; i++) {
        if (now.cache[i].objects != before.cache[i].objects)
            return false;
    }
    return true;
}

/* Has some cache more than before? Fewer is no leak: on a busy host a message can be on its way for long, and be counted then. */
static bool leaks(void)
{
    for (mach_msg_type_number_t i = 0; i < now.count && i < before.count; i++) {
        if (now.cache[i].objects > before.cache[i].objects)
            return true;
    }
    return false;
}

static void print_leaks(void)
{
    for (mach_msg_type_number_t i = 0; i < now.count && i < before.count; i++) {
        if (now.cache[i].objects > before.cache[i].objects)
            printf("# %s: %u objects, %u before\n", now.cache[i].name, now.cache[i].objects,
                   before.cache[i].objects);
    }
}

void test_leak_begin(void)
{
    /* Twice: the second sees what the first one itself made. */
    mach_touch_memory();
    (void)mach_thread_reap();
    read_usage(&before);
    read_usage(&before);
    /* Whatever was still being freed would look like the opposite of a leak later. */
    for (unsigned ms = 0; ms < SETTLE_MS; ms += SETTLE_STEP_MS) {
        test_sleep(SETTLE_STEP_MS);
        read_usage(&now);
        if (settled())
            break;
        before = now;
    }
}

bool test_leak_check(const char *file, int line, const char *text)
{
    bool leaking = true;

    for (unsigned ms = 0; leaking && ms < SETTLE_MS; ms += SETTLE_STEP_MS) {
        if (ms > 0)
            test_sleep(SETTLE_STEP_MS);
        (void)mach_thread_reap();
        read_usage(&now);
        leaking = leaks();
    }
    bool ok = test_check(!leaking, file, line, "the kernel has no more objects than before", text);
    if (!ok)
        print_leaks();
    return ok;
}
