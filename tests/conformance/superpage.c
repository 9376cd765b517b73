/* SPDX-License-Identifier: BSD-2-Clause */
/* Superpages: VM_FLAGS_SUPERPAGE_SIZE_2MB. */
#include "lib/guard.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define BLOCK ((mach_vm_size_t)VM_SUPERPAGE_SIZE)
#define PAGES (VM_SUPERPAGE_SIZE / PAGE_SIZE)
#define FLAGS (VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB)
#define NEVER_MS 10000u

static volatile uint8_t *byte_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint8_t *)(base + page * PAGE_SIZE);
}

static mach_vm_address_t superpages(unsigned count)
{
    mach_vm_address_t a = 0;

    REQUIRE_OK(mach_vm_allocate(SELF, &a, count * BLOCK, FLAGS));
    return a;
}

/* How many of the pages from `address` on are there? */
static unsigned there(mach_vm_address_t address, unsigned pages)
{
    static integer_t said[PAGES];
    mach_vm_size_t count = pages;
    unsigned found = 0;

    REQUIRE_OK(mach_vm_page_range_query(SELF, address, pages * PAGE_SIZE, (mach_vm_address_t)said, &count));
    for (unsigned i = 0; i < pages; i++)
        found += (said[i] & VM_PAGE_QUERY_PAGE_PRESENT) != 0;
    return found;
}

static void fill(mach_vm_address_t a)
{
    for (unsigned i = 0; i < PAGES; i++)
        *byte_at(a, i) = (uint8_t)(i % 251 + 1);
}

/* The pages of [first, end) that say what fill() wrote. */
static unsigned filled(mach_vm_address_t a, unsigned first, unsigned end)
{
    unsigned good = 0;

    for (unsigned i = first; i < end; i++)
        good += *byte_at(a, i) == (uint8_t)(i % 251 + 1);
    return good;
}

static void write_one(void *at)
{
    *(volatile uint8_t *)at = 77;
}

static enum guard_end try_write(mach_vm_address_t a, unsigned page)
{
    return test_guarded(write_one, (void *)(a + page * PAGE_SIZE), NEVER_MS);
}

static void test_allocation(void)
{
    mach_vm_address_t a = 0, b;

    CHECK_RESULT(mach_vm_allocate(SELF, &a, BLOCK + PAGE_SIZE, FLAGS), KERN_INVALID_ARGUMENT,
                 "a part of a superpage is refused");
    b = TEST_PLACE + PAGE_SIZE;
    CHECK_RESULT(mach_vm_allocate(SELF, &b, BLOCK, VM_FLAGS_FIXED | VM_FLAGS_SUPERPAGE_SIZE_2MB),
                 KERN_INVALID_ARGUMENT, "so is a place between superpages");
    CHECK_RESULT(mach_vm_allocate(SELF, &a, 0, FLAGS), KERN_SUCCESS, "nothing is no error");
    CHECK_RESULT(mach_vm_allocate(SELF, &a, 2 * BLOCK, FLAGS), KERN_SUCCESS, "memory in superpages");
    CHECK_EQUAL(a % BLOCK, 0, "is aligned to them");
    CHECK_EQUAL(there(a, PAGES), 0, "it is not there before it is used");
    *byte_at(a, 3) = 1;
    CHECK_EQUAL(there(a, PAGES), PAGES, "the first access brings all of one");
    CHECK_EQUAL(there(a + BLOCK, PAGES), 0, "and nothing of the next");
    unsigned zero = 0;
    for (unsigned i = 0; i < PAGES; i++)
        zero += *byte_at(a, i) == 0;
    CHECK_EQUAL(zero, PAGES - 1, "it is zero where nobody wrote");
    b = a;
    CHECK_RESULT(mach_vm_allocate(SELF, &b, BLOCK, VM_FLAGS_FIXED | VM_FLAGS_SUPERPAGE_SIZE_2MB),
                 KERN_NO_SPACE, "what is in use is refused");
    test_deallocate(a, 2 * BLOCK);
    CHECK_RESULT(mach_vm_allocate(SELF, &a, BLOCK, VM_FLAGS_FIXED | VM_FLAGS_SUPERPAGE_SIZE_2MB),
                 KERN_SUCCESS, "a place that is free can be chosen");
    test_deallocate(a, BLOCK);
}

static void test_protection(void)
{
    mach_vm_address_t a = superpages(1);

    fill(a);
    REQUIRE_OK(mach_vm_protect(SELF, a + 100 * PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_EQUAL(try_write(a, 100), GUARD_FAULTED, "a page of a superpage can lose the right to write");
    CHECK_EQUAL(try_write(a, 101), GUARD_RETURNED, "the next one keeps it");
    CHECK_EQUAL(filled(a, 0, 101), 101, "and all keep what they have");
    REQUIRE_OK(mach_vm_protect(SELF, a, BLOCK, FALSE, VM_PROT_READ));
    CHECK_EQUAL(try_write(a, 0), GUARD_FAULTED, "all of it can");
    REQUIRE_OK(mach_vm_protect(SELF, a, BLOCK, FALSE, VM_PROT_DEFAULT));
    *byte_at(a, 100) = 2;
    CHECK_EQUAL(filled(a, 102, PAGES), PAGES - 102, "and get it back");
    test_deallocate(a, BLOCK);

    a = superpages(1);
    fill(a);
    REQUIRE_OK(mach_vm_protect(SELF, a, BLOCK, FALSE, VM_PROT_READ));
    CHECK_EQUAL(try_write(a, PAGES - 1), GUARD_FAULTED, "one that was never split can lose it as a whole");
    REQUIRE_OK(mach_vm_protect(SELF, a, BLOCK, FALSE, VM_PROT_DEFAULT));
    CHECK_EQUAL(try_write(a, PAGES - 1), GUARD_RETURNED, "and get it back");
    CHECK_EQUAL(filled(a, 0, PAGES - 1), PAGES - 1, "with what it has");
    test_deallocate(a, BLOCK);
}

static void test_holes(void)
{
    mach_vm_address_t a = superpages(3);

    for (unsigned i = 0; i < 3; i++)
        fill(a + i * BLOCK);
    test_deallocate(a + (PAGES - 2) * PAGE_SIZE, BLOCK + 4 * PAGE_SIZE);
    CHECK_EQUAL(try_write(a, PAGES - 2), GUARD_FAULTED, "a range of superpages and parts of two can go");
    CHECK_EQUAL(try_write(a, PAGES), GUARD_FAULTED, "what was a whole one");
    CHECK_EQUAL(try_write(a, 2 * PAGES + 1), GUARD_FAULTED, "and the parts");
    CHECK_EQUAL(filled(a, 0, PAGES - 2) + filled(a + 2 * BLOCK, 2, PAGES), 2 * PAGES - 4,
                "the other parts stay");
    REQUIRE_OK(mach_vm_msync(SELF, a, PAGE_SIZE, VM_SYNC_KILLPAGES));
    CHECK_EQUAL(*byte_at(a, 0), 0, "a page can be given up");
    CHECK_EQUAL(there(a, PAGES - 2), PAGES - 2, "and made again by itself");
    test_deallocate(a, 3 * BLOCK);
}

static void test_copy(void)
{
    mach_vm_address_t a = superpages(1), b = 0;
    vm_prot_t protection, maximum;

    fill(a);
    REQUIRE_OK(mach_vm_remap(SELF, &b, BLOCK, 0, FLAGS & VM_FLAGS_ANYWHERE, SELF, a, TRUE, &protection,
                             &maximum, VM_INHERIT_COPY));
    *byte_at(a, 7) = 0;
    CHECK_EQUAL(filled(b, 0, PAGES), PAGES, "a copy does not change with it");
    *byte_at(b, 9) = 0;
    CHECK_EQUAL(filled(a, 8, PAGES), PAGES - 8, "nor it with the copy");
    test_deallocate(a, BLOCK);
    CHECK_EQUAL(filled(b, 10, PAGES), PAGES - 10, "which outlives it");
    test_deallocate(b, BLOCK);
    a = superpages(1);
    fill(a);
    b = 0;
    REQUIRE_OK(mach_vm_remap(SELF, &b, BLOCK, 0, FLAGS & VM_FLAGS_ANYWHERE, SELF, a, FALSE, &protection,
                             &maximum, VM_INHERIT_COPY));
    *byte_at(b, 5) = 99;
    CHECK(*byte_at(a, 5) == 99 && filled(b, 6, PAGES) == PAGES - 6, "a superpage can be in two places");
    test_deallocate(a, BLOCK);
    test_deallocate(b, BLOCK);
}

/* The last test: the limit stays. */
static void test_limit(void)
{
    struct task_limits_info info;
    mach_msg_type_number_t count = TASK_LIMITS_INFO_COUNT;
    mach_vm_address_t a = superpages(1);

    REQUIRE_OK(task_info(SELF, TASK_LIMITS_INFO, (task_info_t)&info, &count));
    REQUIRE_OK(task_set_limit(SELF, LIMIT_MEMORY, info.memory + info.memory_below + BLOCK / 2));
    *byte_at(a, 5) = 1;
    /* limit: superpages */
    CHECK_EQUAL(there(a, PAGES), 1, "who may not have a whole one gets its pages one by one");
    test_deallocate(a, BLOCK);
}

int main(void)
{
    test_begin("superpage");
    test_allocation();
    test_protection();
    test_holes();
    test_copy();
    test_limit();
    return test_end();
}
