/* SPDX-License-Identifier: BSD-2-Clause */
/* What a task says of the use of its memory, and is told of it: behavior, synchronization, wiring, resident pages. */
#include "lib/machine.h"
#include "lib/test.h"

#include <mach/host_priv.h>
#include <string.h>

#define SELF mach_task_self()
#define PAGES 8u
#define SIZE (PAGES * PAGE_SIZE)

static volatile uint8_t *byte_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint8_t *)(base + page * PAGE_SIZE);
}

static mach_vm_address_t touched(void)
{
    mach_vm_address_t a = test_allocate(SIZE);

    for (unsigned i = 0; i < PAGES; i++)
        *byte_at(a, i) = (uint8_t)(i + 1);
    return a;
}

/* A copy, or the same memory again. */
static mach_vm_address_t remap(mach_vm_address_t from, boolean_t copy)
{
    mach_vm_address_t to = 0;
    vm_prot_t protection, maximum;

    REQUIRE_OK(mach_vm_remap(SELF, &to, SIZE, 0, VM_FLAGS_ANYWHERE, SELF, from, copy, &protection, &maximum,
                             VM_INHERIT_NONE));
    return to;
}

static void test_behavior(void)
{
    mach_vm_address_t a = touched();

    CHECK_RESULT(mach_vm_behavior_set(SELF, a + PAGE_SIZE, PAGE_SIZE, VM_BEHAVIOR_RANDOM), KERN_SUCCESS,
                 "it can be said that memory is used at random");
    CHECK_EQUAL(test_region_info(a + PAGE_SIZE).behavior, VM_BEHAVIOR_RANDOM, "this is told");
    CHECK_EQUAL(test_region_info(a + 2 * PAGE_SIZE).behavior, VM_BEHAVIOR_DEFAULT, "of that part only");
    CHECK_EQUAL(*byte_at(a, 1), 2, "it stays what it is");
    CHECK_RESULT(mach_vm_behavior_set(SELF, a, SIZE, VM_BEHAVIOR_FREE), KERN_SUCCESS,
                 "pages can be given up");
    CHECK(*byte_at(a, 0) == 0 && *byte_at(a, PAGES - 1) == 0, "they are zero then");
    CHECK_EQUAL(test_region_info(a + PAGE_SIZE).behavior, VM_BEHAVIOR_RANDOM, "the use is what it was");
    CHECK_RESULT(mach_vm_behavior_set(SELF, a, 0, VM_BEHAVIOR_FREE), KERN_SUCCESS, "nothing is no error");
    CHECK_RESULT(mach_vm_behavior_set(SELF, a, SIZE, 77), KERN_INVALID_ARGUMENT, "there are only so many");
    CHECK_RESULT(mach_vm_behavior_set(SELF, TEST_TOP, 2 * PAGE_SIZE, VM_BEHAVIOR_FREE), KERN_INVALID_ARGUMENT,
                 "a range that wraps is refused");
    CHECK_RESULT(mach_vm_behavior_set(test_host(), a, SIZE, VM_BEHAVIOR_FREE), KERN_INVALID_ARGUMENT,
                 "a host has no memory");
    test_deallocate(a + PAGE_SIZE, PAGE_SIZE);
    *byte_at(a, 0) = 9;
    CHECK_RESULT(mach_vm_behavior_set(SELF, a, SIZE, VM_BEHAVIOR_FREE), KERN_INVALID_ADDRESS,
                 "so is one with a hole");
    CHECK_EQUAL(*byte_at(a, 0), 9, "of which nothing is given up");
    test_deallocate(a, SIZE);
}

static void test_msync(void)
{
    mach_vm_address_t a = touched(), b = remap(a, TRUE), c = remap(b, FALSE);

    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_SYNCHRONOUS | VM_SYNC_INVALIDATE), KERN_SUCCESS,
                 "there is nothing to write");
    CHECK_EQUAL(*byte_at(a, 3), 4, "and nothing gets lost");
    CHECK_RESULT(mach_vm_msync(SELF, a + PAGE_SIZE, PAGE_SIZE, VM_SYNC_KILLPAGES), KERN_SUCCESS,
                 "pages that are of no use any more go");
    CHECK(*byte_at(a, 1) == 0 && *byte_at(a, 0) == 1 && *byte_at(a, 2) == 3, "those in the range");
    CHECK_EQUAL(*byte_at(b, 1), 2, "a copy keeps them");
    CHECK_RESULT(mach_vm_msync(SELF, b, SIZE, VM_SYNC_KILLPAGES), KERN_SUCCESS, "of memory in two places");
    CHECK_EQUAL(*byte_at(c, 1), 2, "none goes");
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_ASYNCHRONOUS | VM_SYNC_SYNCHRONOUS),
                 KERN_INVALID_ARGUMENT, "to wait and not to wait is refused");
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, 0x1000), KERN_INVALID_ARGUMENT, "so are unknown flags");
    CHECK_RESULT(mach_vm_msync(SELF, TEST_TOP, 2 * PAGE_SIZE, 0), KERN_INVALID_ARGUMENT,
                 "and a range that wraps");
    test_deallocate(a + PAGE_SIZE, PAGE_SIZE);
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_SYNCHRONOUS), KERN_SUCCESS, "holes are no error");
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_KILLPAGES | VM_SYNC_CONTIGUOUS), KERN_INVALID_ADDRESS,
                 "unless one says so");
    CHECK_EQUAL(*byte_at(a, 0), 1, "then nothing happens");
    test_deallocate(a, SIZE);
    test_deallocate(b, SIZE);
    test_deallocate(c, SIZE);
}

static struct vm_region_extended_info extended_of(mach_vm_address_t address)
{
    struct vm_region_extended_info info = {.protection = 0};
    mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;
    mach_vm_size_t size;
    mach_port_t object;

    REQUIRE_OK(mach_vm_region(SELF, &address, &size, VM_REGION_EXTENDED_INFO, (vm_region_info_t)&info, &count,
                              &object));
    REQUIRE(count == VM_REGION_EXTENDED_INFO_COUNT);
    return info;
}

static struct vm_region_top_info top_of(mach_vm_address_t address)
{
    struct vm_region_top_info info = {.share_mode = 0};
    mach_msg_type_number_t count = VM_REGION_TOP_INFO_COUNT;
    mach_vm_size_t size;
    mach_port_t object;

    REQUIRE_OK(
        mach_vm_region(SELF, &address, &size, VM_REGION_TOP_INFO, (vm_region_info_t)&info, &count, &object));
    REQUIRE(count == VM_REGION_TOP_INFO_COUNT);
    return info;
}

static void test_regions(void)
{
    mach_vm_address_t a = TEST_PLACE, b;

    REQUIRE_OK(mach_vm_allocate(SELF, &a, SIZE, VM_FLAGS_FIXED));
    CHECK(extended_of(a).share_mode == SM_EMPTY && top_of(a).ref_count == 0, "nothing was touched yet");
    *byte_at(a, 0) = *byte_at(a, 5) = 1;
    CHECK_EQUAL(extended_of(a).pages_resident, 2, "pages that are there are counted");
    CHECK(extended_of(a).protection == VM_PROT_DEFAULT && extended_of(a).share_mode == SM_PRIVATE,
          "nobody else has them");
    CHECK(top_of(a).private_pages_resident == 2 && top_of(a).shared_pages_resident == 0, "in short, too");
    b = remap(a, TRUE);
    CHECK_EQUAL(extended_of(a).pages_shared_now_private, 2, "a copy shares them");
    CHECK(top_of(a).share_mode == SM_COW && top_of(a).shared_pages_resident == 2, "until one side writes");
    *byte_at(b, 5) = 2;
    CHECK(top_of(a).shared_pages_resident == 1 && top_of(b).private_pages_resident == 1,
          "which takes a page");
    test_deallocate(b, SIZE);
    b = remap(a, FALSE);
    CHECK(top_of(a).share_mode == SM_SHARED && top_of(a).ref_count == 2, "memory in two places is shared");
    CHECK(top_of(b).shared_pages_resident == 2 && top_of(b).private_pages_resident == 0,
          "with all its pages");
    test_deallocate(b, SIZE);
    test_deallocate(a, SIZE);
}

static void test_page_range(void)
{
    mach_vm_address_t a = touched();
    integer_t said[PAGES + 1] = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
    const mach_vm_address_t to = (mach_vm_address_t)said;
    mach_vm_size_t count = PAGES + 1;

    test_deallocate(a + 2 * PAGE_SIZE, PAGE_SIZE);
    CHECK_RESULT(mach_vm_page_range_query(SELF, a, SIZE, to, &count), KERN_SUCCESS,
                 "one can ask for many pages at once");
    CHECK(count == PAGES && said[PAGES] == -1, "there is one answer for each");
    CHECK(said[0] == VM_PAGE_QUERY_PAGE_PRESENT && said[1] == said[0] && said[PAGES - 1] == said[0],
          "they are there");
    CHECK_EQUAL(said[2], 0, "where no memory is, there is no page");
    count = 2;
    said[2] = -1;
    CHECK_RESULT(mach_vm_page_range_query(SELF, a, SIZE, to, &count), KERN_SUCCESS, "room for fewer");
    CHECK(count == 2 && said[2] == -1, "gets the first ones");
    CHECK_RESULT(mach_vm_page_range_query(SELF, TEST_TOP, 2 * PAGE_SIZE, to, &count), KERN_INVALID_ARGUMENT,
                 "a range that wraps is refused");
    CHECK_RESULT(mach_vm_page_range_query(SELF, a, SIZE, a + 2 * PAGE_SIZE, &count), KERN_INVALID_ADDRESS,
                 "so is a place that is not there");
    REQUIRE_OK(mach_vm_protect(SELF, a, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(mach_vm_page_range_query(SELF, a, SIZE, a, &count), KERN_PROTECTION_FAILURE,
                 "and one that can't be written");
    test_deallocate(a, SIZE);
    a = test_allocate(5000 * sizeof(integer_t));
    count = 5000;
    /* limit: mach_vm_page_range_query */
    CHECK_RESULT(mach_vm_page_range_query(SELF, a, 5000 * PAGE_SIZE, a, &count), KERN_SUCCESS,
                 "a call tells of so many pages");
    CHECK_EQUAL(count, 4096, "and of no more");
    test_deallocate(a, 5000 * sizeof(integer_t));
}

static __attribute__((noinline)) int says_one(void)
{
    return 1;
}

static __attribute__((noinline)) int says_two(void)
{
    return 2;
}

/* What the function does is done at `to`, too: it is short, and needs nothing around it. */
static void write_code(mach_vm_address_t to, int (*function)(void))
{
    memcpy((void *)to, (const void *)(uintptr_t)function, 16);
}

static void test_caches(void)
{
    mach_vm_address_t a = touched(), b = remap(a, FALSE);
    int (*const code)(void) = (int (*)(void))(uintptr_t)b;
    vm_machine_attribute_val_t value = MATTR_VAL_GET;

    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, SIZE, MATTR_CACHE, &value), KERN_SUCCESS,
                 "one can ask how memory is cached");
    CHECK_EQUAL(value, MATTR_VAL_ON, "it is");
    write_code(a, says_one);
    REQUIRE_OK(mach_vm_protect(SELF, b, PAGE_SIZE, FALSE, VM_PROT_READ | VM_PROT_EXECUTE));
    CHECK_EQUAL(code(), 1, "what becomes executable is what was written");
    write_code(a, says_two);
    value = MATTR_VAL_CACHE_SYNC;
    CHECK_RESULT(mach_vm_machine_attribute(SELF, b, PAGE_SIZE, MATTR_CACHE, &value), KERN_SUCCESS,
                 "where it is already, caches can be told of what was written elsewhere");
    CHECK_EQUAL(code(), 2, "then that is done");
    CHECK_EQUAL(value, MATTR_VAL_CACHE_SYNC, "the value stays");
    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, 0, MATTR_CACHE, &value), KERN_SUCCESS,
                 "nothing is no error");
    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, SIZE, 2, &value), KERN_INVALID_ARGUMENT,
                 "there are no other attributes");
    /* limit: mach_vm_machine_attribute */
    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, (1u << 20) + 1, MATTR_CACHE, &value),
                 KERN_INVALID_ARGUMENT, "so much takes several calls");
    CHECK_RESULT(mach_vm_machine_attribute(SELF, TEST_TOP, 2 * PAGE_SIZE, MATTR_CACHE, &value),
                 KERN_INVALID_ARGUMENT, "a range that wraps is refused");
    CHECK_RESULT(mach_vm_machine_attribute(test_host(), a, SIZE, MATTR_CACHE, &value), KERN_INVALID_ARGUMENT,
                 "a host has no memory");
    value = 77;
    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, SIZE, MATTR_CACHE, &value), KERN_INVALID_ARGUMENT,
                 "there are only so many values");
    value = MATTR_VAL_OFF;
    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, SIZE, MATTR_CACHE, &value), KERN_NOT_SUPPORTED,
                 "memory can't be uncached");
    test_deallocate(a + PAGE_SIZE, PAGE_SIZE);
    value = MATTR_VAL_ICACHE_FLUSH;
    CHECK_RESULT(mach_vm_machine_attribute(SELF, a, SIZE, MATTR_CACHE, &value), KERN_INVALID_ADDRESS,
                 "a hole is refused");
    test_deallocate(a, SIZE);
    test_deallocate(b, SIZE);
}

static void test_wire_refused(void)
{
    mach_vm_address_t a = touched();

    CHECK_RESULT(mach_vm_wire(test_host(), SELF, a, SIZE, VM_PROT_READ), KERN_INVALID_HOST,
                 "who is not privileged can wire no memory");
    CHECK_EQUAL(test_region_info(a).user_wired_count, 0, "nothing is");
    test_deallocate(a, SIZE);
}

int main(void)
{
    test_begin("usage");
    test_behavior();
    test_msync();
    test_regions();
    test_page_range();
    test_caches();
    test_wire_refused();
    return test_end();
}
