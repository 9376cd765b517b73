/* SPDX-License-Identifier: BSD-2-Clause */
/* A task that uses several times as much memory as there is, in no order. */
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <libmach/thread.h>
#include <mach/mach_host.h>
#include <string.h>

#define SELF mach_task_self()
#define TIMES 4u   /* the memory of the machine */
#define COPIED 16u /* a part of it: 1 / COPIED */
#define PATIENCE_MS 10000u
#define STEP UINT64_C(0x9e3779b97f4a7c15) /* odd, and far from every simple part of 2^64 */
#define WORDS (PAGE_SIZE / sizeof(uint64_t))

static uint64_t pages;
static uint64_t *memory;
static volatile int running, stop;
static volatile uint64_t turns;

/* Word `i` of page `page`, after it was written for the `round`th time. */
static uint64_t pattern(uint64_t page, uint64_t round, uint64_t i)
{
    return (page * WORDS + i + (round << 56)) * STEP;
}

static void page_write(uint64_t *base, uint64_t page, uint64_t round)
{
    uint64_t *word = base + page * WORDS;

    for (uint64_t i = 0; i < WORDS; i++)
        word[i] = pattern(page, round, i);
}

static bool page_is(const uint64_t *base, uint64_t page, uint64_t round)
{
    const uint64_t *word = base + page * WORDS;

    for (uint64_t i = 0; i < WORDS; i++) {
        if (word[i] != pattern(page, round, i))
            return false;
    }
    return true;
}

/* The page that comes at `turn`: all of `count`, a power of two, once each, without order. */
static uint64_t page_at(uint64_t turn, uint64_t count)
{
    return (turn * (STEP >> 7 | 1) + 12345) & (count - 1);
}

static uint64_t pages_wrong(const uint64_t *base, uint64_t count, uint64_t round)
{
    uint64_t wrong = 0;

    for (uint64_t i = 0; i < count; i++)
        wrong += !page_is(base, page_at(i, count), round);
    return wrong;
}

static struct vm_statistics64 statistics(void)
{
    struct vm_statistics64 info;
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;

    REQUIRE_OK(host_statistics64(test_host(), HOST_VM_INFO64, (host_info64_t)&info, &count));
    return info;
}

/* Somebody else, with a little memory of his own. */
static void other(void *arg)
{
    static volatile uint64_t own[4 * WORDS];

    (void)arg;
    running = 1;
    while (!stop) {
        for (uint64_t i = 0; i < 4; i++)
            own[i * WORDS]++;
        turns++;
        test_sleep(1);
    }
    running = 0;
}

static uint64_t power_of_two(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n));
}

static void test_memory_size(void)
{
    struct host_basic_info info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;

    REQUIRE_OK(host_info(test_host(), HOST_BASIC_INFO, (host_info_t)&info, &count));
    pages = power_of_two(TIMES * info.max_mem / PAGE_SIZE);
    memory = (uint64_t *)test_allocate(pages * PAGE_SIZE);
}

static void test_all(void)
{
    const struct vm_statistics64 before = statistics();

    for (uint64_t i = 0; i < pages; i++)
        page_write(memory, page_at(i, pages), 1);
    CHECK(true, "more memory than there is can be written");
    CHECK_EQUAL(pages_wrong(memory, pages, 1), 0, "every byte is what was written");
    for (uint64_t i = 0; i < pages; i += 8)
        page_write(memory, i, 2);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < pages; i++)
        wrong += !page_is(memory, i, i % 8 == 0 ? 2 : 1);
    CHECK_EQUAL(wrong, 0, "what came back can be changed");
    const struct vm_statistics64 after = statistics();
    CHECK(after.pageouts - before.pageouts >= pages / 2, "most of it was out");
    CHECK(after.pageins - before.pageins >= pages / 2, "and came back");
}

/* A copy shares what is out, as it shares what is there. */
static void test_copy(void)
{
    const uint64_t part = pages / COPIED;
    uint64_t wrong = 0;
    mach_vm_address_t at = test_allocate(part * PAGE_SIZE);
    uint64_t *copy = (uint64_t *)at;

    for (uint64_t i = 0; i < part; i++)
        page_write(memory, i, 3);
    REQUIRE_OK(mach_vm_copy(SELF, (mach_vm_address_t)memory, part * PAGE_SIZE, at));
    for (uint64_t i = 0; i < part; i += 2)
        page_write(copy, i, 4);
    for (uint64_t i = 1; i < part; i += 4)
        page_write(memory, i, 5);
    CHECK_EQUAL(pages_wrong(memory + part * WORDS, part, 1) > part, 0, "the rest is asked for");
    for (uint64_t i = 0; i < part; i++) {
        wrong += !page_is(copy, i, i % 2 == 0 ? 4 : 3);
        wrong += !page_is(memory, i, i % 4 == 1 ? 5 : 3);
    }
    CHECK_EQUAL(wrong, 0, "a copy and what it was made from are written independently");
    test_deallocate(at, part * PAGE_SIZE);
}

int main(int argc, char *argv[])
{
    mach_port_t thread, pager;

    (void)argc, (void)argv;
    test_begin("pageout/memory");
    REQUIRE_OK(service_find("portolan.default_pager", PATIENCE_MS, &pager));
    REQUIRE_OK(mach_thread_start(other, NULL, &thread));
    test_memory_size();
    test_all();
    test_copy();
    test_deallocate((mach_vm_address_t)memory, pages * PAGE_SIZE);
    const uint64_t seen = turns;
    test_sleep(20);
    CHECK(turns > seen && running == 1, "others went on meanwhile");
    stop = 1;
    while (running)
        test_sleep(1);
    return test_end();
}
