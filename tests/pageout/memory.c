/* SPDX-License-Identifier: BSD-2-Clause */
/* A task that uses several times as much memory as there is, in no order, while another one goes on. */
#include "../conformance/lib/pager.h"
#include "../conformance/lib/ports.h"
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <mach/mach_host.h>
#include <mach/memory_object_control.h>
#include <mach/portolan.h>
#include <mach/task_info.h>
#include <string.h>

#define SELF mach_task_self()
#define TIMES 4u /* the memory of the machine, or what the task may have of it */
#define LIMIT (UINT64_C(4) << 20)
#define COPIED 16u /* of so many pages one is copied */
#define PATIENCE_MS 10000u
#define STEP UINT64_C(0x9e3779b97f4a7c15) /* odd, and far from every simple part of 2^64 */
#define WORDS (PAGE_SIZE / sizeof(uint64_t))
#define TURN_NS UINT64_C(1000000000) /* the most that one may take, as a mean */

static uint64_t pages;
static uint64_t *memory;

/* Memory that both tasks have. */
static struct {
    volatile uint64_t turns;
    volatile bool wrong, stop;
} *other;

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

/* A number below `count` for each of 0 .. range - 1, those above left out: all of them once each, without order. */
static uint64_t next_page(uint64_t *turn, uint64_t range)
{
    uint64_t page;

    do
        page = (++*turn * (STEP >> 7 | 1)) & (range - 1);
    while (page >= pages);
    return page;
}

/* The power of two that is not below n. */
static uint64_t power_of_two(uint64_t n)
{
    return (uint64_t)1 << (64 - __builtin_clzll(n - 1));
}

static void write_all(void)
{
    uint64_t turn = 0;

    for (uint64_t i = 0; i < pages; i++)
        page_write(memory, next_page(&turn, power_of_two(pages)), 1);
}

static uint64_t pages_wrong(void)
{
    uint64_t wrong = 0;
    uint64_t turn = 0;

    for (uint64_t i = 0; i < pages; i++)
        wrong += !page_is(memory, next_page(&turn, power_of_two(pages)), 1);
    return wrong;
}

static struct vm_statistics64 statistics(void)
{
    struct vm_statistics64 info;
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;

    REQUIRE_OK(host_statistics64(test_host(), HOST_VM_INFO64, (host_info64_t)&info, &count));
    return info;
}

/* Another task, with a little memory of its own: copies of this one's pages, and what it does there. */
static void other_main(void)
{
    static volatile uint64_t own[4 * WORDS];

    for (uint64_t turn = 1; !other->stop; turn++) {
        for (uint64_t i = 0; i < 4; i++) {
            other->wrong |= own[i * WORDS] != turn - 1;
            own[i * WORDS] = turn;
        }
        other->turns++;
        test_sleep(1);
    }
}

static task_t other_start(void)
{
    const mach_vm_address_t at = test_allocate(PAGE_SIZE);

    REQUIRE_OK(mach_vm_inherit(SELF, at, PAGE_SIZE, VM_INHERIT_SHARE));
    other = (void *)at;
    return test_child(other_main, NULL, 0);
}

/* Call `function`, and see that the other task goes on meanwhile. */
static void beside_other(void (*function)(void), const char *text)
{
    const uint64_t turns = other->turns, start = test_now();

    function();
    CHECK(other->turns - turns > (test_now() - start) / TURN_NS, text);
}

static void allocate(uint64_t bytes)
{
    pages = bytes / PAGE_SIZE;
    memory = (uint64_t *)test_allocate(bytes);
}

static void release(void)
{
    test_deallocate((mach_vm_address_t)memory, pages * PAGE_SIZE);
}

/* An object of a pager's that nobody uses, with a page that stays as long as there is room. */
static mach_port_t cached_object(void)
{
    mach_vm_address_t at;
    const mach_port_t object = pager_object(1, &at);
    const memory_object_control_t control = pager_expect(object, PAGER_INIT).control;

    REQUIRE_OK(memory_object_ready(control, TRUE, MEMORY_OBJECT_COPY_DELAY));
    pager_supply(control, 0, 1);
    test_deallocate(at, PAGE_SIZE);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "an object that nobody uses may stay");
    return object;
}

static void write_pages(void)
{
    write_all();
    CHECK(true, "more memory than there is can be written");
}

static void read_pages(void)
{
    CHECK_EQUAL(pages_wrong(), 0, "every byte is what was written");
}

/* More than the machine has. */
static void test_machine(void)
{
    const mach_port_t object = cached_object();
    const struct vm_statistics64 before = statistics();
    struct host_basic_info info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;

    REQUIRE_OK(host_info(test_host(), HOST_BASIC_INFO, (host_info_t)&info, &count));
    allocate(TIMES * info.max_mem);
    beside_other(write_pages, "another task goes on meanwhile");
    CHECK(pager_ended(object), "the object that nobody used has made room");
    test_port_destroy(object);
    beside_other(read_pages, "and so it does when all comes back");
    const struct vm_statistics64 after = statistics();
    CHECK(after.pageouts - before.pageouts >= pages / 2, "most of it was out");
    CHECK(after.pageins - before.pageins >= pages / 2, "and came back");
    release();
}

/* More than the task may have. */
static void test_task(void)
{
    uint64_t wrong = 0;

    REQUIRE_OK(task_set_limit(SELF, LIMIT_MEMORY, LIMIT));
    allocate(TIMES * LIMIT);
    write_all();
    CHECK(true, "so can be more memory than the task may have");
    CHECK_EQUAL(pages_wrong(), 0, "with every byte");
    for (uint64_t i = 0; i < pages; i += 8)
        page_write(memory, i, 2);
    for (uint64_t i = 0; i < pages; i++)
        wrong += !page_is(memory, i, i % 8 == 0 ? 2 : 1);
    CHECK_EQUAL(wrong, 0, "what came back can be changed");
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
    for (uint64_t i = part; i < pages; i++) /* so that both are out */
        wrong += !page_is(memory, i, i % 8 == 0 ? 2 : 1);
    for (uint64_t i = 0; i < part; i++) {
        wrong += !page_is(copy, i, i % 2 == 0 ? 4 : 3);
        wrong += !page_is(memory, i, i % 4 == 1 ? 5 : 3);
    }
    CHECK_EQUAL(wrong, 0, "a copy and what it was made from are written independently");
    test_deallocate(at, part * PAGE_SIZE);
}

int main(int argc, char *argv[])
{
    mach_port_t pager;

    (void)argc, (void)argv;
    test_begin("pageout/memory");
    REQUIRE_OK(service_find("portolan.default_pager", PATIENCE_MS, &pager));
    const task_t task = other_start();
    test_machine();
    test_task();
    test_copy();
    release();
    other->stop = true;
    CHECK(test_child_wait(task) && !other->wrong, "the other task has what it wrote");
    return test_end();
}
