/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual memory: mach_vm.defs. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()

static bool all_zero(mach_vm_address_t address, size_t size)
{
    const uint8_t *byte = (const uint8_t *)address;
    uint8_t any = 0;

    for (size_t i = 0; i < size; i++)
        any |= byte[i];
    return any == 0;
}

/* Can one byte be read as the kernel sees it? */
static kern_return_t probe(mach_vm_address_t address)
{
    uint8_t data[1];
    mach_msg_type_number_t count = sizeof(data);

    return mach_vm_read_inband(SELF, address, 1, data, &count);
}

static void test_allocation(void)
{
    mach_vm_address_t a = 0, b = TEST_PLACE, c;

    CHECK_RESULT(mach_vm_allocate(SELF, &a, 5 * PAGE_SIZE, VM_FLAGS_ANYWHERE), KERN_SUCCESS,
                 "memory anywhere");
    CHECK(a != 0 && (a & PAGE_MASK) == 0, "begins at a page");
    CHECK(all_zero(a, 5 * PAGE_SIZE), "and is zero");
    memset((void *)a, 0xa5, 5 * PAGE_SIZE);
    CHECK_RESULT(mach_vm_deallocate(SELF, a, 5 * PAGE_SIZE), KERN_SUCCESS, "it can be given back");
    CHECK_RESULT(probe(a), KERN_INVALID_ADDRESS, "then it is gone");
    REQUIRE_OK(mach_vm_allocate(SELF, &a, 5 * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    CHECK(all_zero(a, 5 * PAGE_SIZE), "what comes instead is zero again");
    test_deallocate(a, 5 * PAGE_SIZE);
    CHECK_RESULT(mach_vm_allocate(SELF, &b, PAGE_SIZE, VM_FLAGS_FIXED), KERN_SUCCESS,
                 "memory at a fixed place");
    CHECK_EQUAL(b, TEST_PLACE, "is there");
    c = TEST_PLACE;
    CHECK_RESULT(mach_vm_allocate(SELF, &c, PAGE_SIZE, VM_FLAGS_FIXED), KERN_NO_SPACE,
                 "a place in use is refused");
    c = TEST_PLACE + 100;
    CHECK_RESULT(mach_vm_allocate(SELF, &c, PAGE_SIZE, VM_FLAGS_FIXED), KERN_NO_SPACE,
                 "wherever in the page");
    test_deallocate(b, PAGE_SIZE);
    c = TEST_PLACE + 100;
    CHECK_RESULT(mach_vm_allocate(SELF, &c, 1, VM_FLAGS_FIXED), KERN_SUCCESS, "an odd address");
    CHECK_EQUAL(c, TEST_PLACE, "is rounded down to its page");
    CHECK(all_zero(TEST_PLACE, PAGE_SIZE), "and an odd size up");
    test_deallocate(TEST_PLACE, PAGE_SIZE);
}

static void test_bad_allocate(void)
{
    mach_vm_address_t a = TEST_PLACE;

    CHECK_RESULT(mach_vm_allocate(SELF, &a, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS, "no memory is no error");
    a = TEST_PLACE;
    CHECK_RESULT(mach_vm_allocate(SELF, &a, ~UINT64_C(0), VM_FLAGS_FIXED), KERN_INVALID_ARGUMENT,
                 "a size that wraps is refused");
    a = TEST_TOP;
    CHECK_RESULT(mach_vm_allocate(SELF, &a, 2 * PAGE_SIZE, VM_FLAGS_FIXED), KERN_INVALID_ARGUMENT,
                 "a range that wraps is refused");
    a = machine_kernel_address & ~PAGE_MASK;
    /* limit: user addresses */
    CHECK_RESULT(mach_vm_allocate(SELF, &a, PAGE_SIZE, VM_FLAGS_FIXED), KERN_INVALID_ADDRESS,
                 "an address of the kernel is refused");
    a = 0;
    CHECK_RESULT(mach_vm_allocate(SELF, &a, PAGE_SIZE, VM_FLAGS_FIXED), KERN_INVALID_ADDRESS,
                 "page 0 is refused");
    a = 0;
    /* limit: room in an address space */
    CHECK_RESULT(mach_vm_allocate(SELF, &a, UINT64_C(1) << 56, VM_FLAGS_ANYWHERE), KERN_NO_SPACE,
                 "more than there are addresses is refused");
}

static void test_deallocation(void)
{
    mach_vm_address_t a = test_allocate(5 * PAGE_SIZE);

    *(volatile uint8_t *)(a + 4 * PAGE_SIZE) = 7;
    CHECK_RESULT(mach_vm_deallocate(SELF, a + PAGE_SIZE, PAGE_SIZE), KERN_SUCCESS,
                 "a page in the middle can go");
    CHECK_RESULT(probe(a), KERN_SUCCESS, "the one before stays");
    CHECK_RESULT(probe(a + PAGE_SIZE), KERN_INVALID_ADDRESS, "it is gone itself");
    CHECK_EQUAL(*(volatile uint8_t *)(a + 4 * PAGE_SIZE), 7, "the ones behind stay as they are");
    CHECK_RESULT(mach_vm_deallocate(SELF, a, 5 * PAGE_SIZE), KERN_SUCCESS, "holes are no error");
    CHECK_RESULT(mach_vm_deallocate(SELF, a, 5 * PAGE_SIZE), KERN_SUCCESS, "nothing at all is none either");
    CHECK_RESULT(mach_vm_deallocate(SELF, TEST_TOP, 2 * PAGE_SIZE), KERN_INVALID_ARGUMENT,
                 "a range that wraps is refused");
    CHECK_RESULT(mach_vm_deallocate(SELF, a, 0), KERN_SUCCESS, "an empty range is no error");
}

static void test_protect(void)
{
    mach_vm_address_t a = test_allocate(3 * PAGE_SIZE);
    const mach_vm_address_t middle = a + PAGE_SIZE;
    uint8_t data[1];
    mach_msg_type_number_t count = sizeof(data);

    CHECK_RESULT(mach_vm_protect(SELF, middle, PAGE_SIZE, FALSE, VM_PROT_NONE), KERN_SUCCESS,
                 "access can be taken away");
    CHECK_RESULT(mach_vm_read_inband(SELF, middle, 1, data, &count), KERN_PROTECTION_FAILURE,
                 "then the kernel does not read it for us either");
    CHECK_RESULT(mach_vm_write_inband(SELF, middle - 2, (uint8_t[4]){1, 2, 3, 4}, 4), KERN_PROTECTION_FAILURE,
                 "nor write");
    CHECK_RESULT(mach_vm_protect(SELF, middle, PAGE_SIZE, FALSE, VM_PROT_READ), KERN_SUCCESS, "and given");
    CHECK_RESULT(probe(middle), KERN_SUCCESS, "as asked for");
    /* limit: write and execute on one page */
    CHECK_RESULT(mach_vm_protect(SELF, a, 3 * PAGE_SIZE, FALSE, VM_PROT_ALL), KERN_PROTECTION_FAILURE,
                 "memory is not writable and executable");
    CHECK_RESULT(mach_vm_protect(SELF, middle, PAGE_SIZE, FALSE, VM_PROT_READ | VM_PROT_EXECUTE),
                 KERN_SUCCESS, "but it can be one after the other");
    CHECK_RESULT(mach_vm_protect(SELF, middle, PAGE_SIZE, TRUE, VM_PROT_READ), KERN_SUCCESS,
                 "the most that it can get can be limited");
    CHECK_RESULT(mach_vm_protect(SELF, middle, PAGE_SIZE, FALSE, VM_PROT_READ | VM_PROT_WRITE),
                 KERN_PROTECTION_FAILURE, "then it gets no more");
    CHECK_RESULT(mach_vm_protect(SELF, a, 3 * PAGE_SIZE, FALSE, VM_PROT_READ | VM_PROT_WRITE),
                 KERN_PROTECTION_FAILURE, "not even among others");
    *(volatile uint8_t *)a = 1;
    CHECK_EQUAL(*(volatile uint8_t *)a, 1, "which stay as they are");
    test_deallocate(middle, PAGE_SIZE);
    CHECK_RESULT(mach_vm_protect(SELF, a, 3 * PAGE_SIZE, FALSE, VM_PROT_READ), KERN_INVALID_ADDRESS,
                 "a hole can't be protected");
    test_deallocate(a, 3 * PAGE_SIZE);
}

static void test_region(void)
{
    mach_vm_address_t a = TEST_PLACE, at = TEST_PLACE - PAGE_SIZE;
    mach_vm_size_t size = 0;
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t object;

    REQUIRE_OK(mach_vm_allocate(SELF, &a, 3 * PAGE_SIZE, VM_FLAGS_FIXED));
    REQUIRE_OK(mach_vm_protect(SELF, a, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(
        mach_vm_region(SELF, &at, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count, &object),
        KERN_SUCCESS, "a region is described");
    CHECK_EQUAL(at, a, "the one at or above the address");
    CHECK_EQUAL(size, PAGE_SIZE, "as far as it is alike");
    CHECK_EQUAL(info.protection, VM_PROT_READ, "with its protection");
    CHECK_EQUAL(info.inheritance, VM_INHERIT_DEFAULT, "and its inheritance");
    at = machine_kernel_address;
    CHECK_RESULT(
        mach_vm_region(SELF, &at, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count, &object),
        KERN_INVALID_ADDRESS, "there is no region above all");
    test_deallocate(a, 3 * PAGE_SIZE);
}

/* The share mode of the region at `address`, and in *references the ranges that show its object. */
static unsigned share_mode(mach_vm_address_t address, unsigned *references)
{
    mach_vm_address_t at = address;
    mach_vm_size_t size = 0;
    struct vm_region_submap_short_info_64 info = {.share_mode = 0};
    mach_msg_type_number_t count = VM_REGION_SUBMAP_SHORT_INFO_COUNT_64;
    natural_t depth = 5;

    REQUIRE_OK(mach_vm_region_recurse(SELF, &at, &size, &depth, (vm_region_info_t)&info, &count));
    REQUIRE(at <= address && address < at + size && depth == 0 && !info.is_submap);
    *references = info.ref_count;
    return info.share_mode;
}

static integer_t disposition_of(mach_vm_address_t address)
{
    integer_t disposition = -1, references = -1;

    REQUIRE_OK(mach_vm_page_query(SELF, address, &disposition, &references));
    return disposition;
}

static void test_share_mode(void)
{
    mach_vm_address_t a = TEST_PLACE, b = 0;
    vm_prot_t protection, maximum;
    unsigned references = 9;

    REQUIRE_OK(mach_vm_allocate(SELF, &a, 2 * PAGE_SIZE, VM_FLAGS_FIXED));
    CHECK(share_mode(a, &references) == SM_EMPTY && references == 0, "memory that was not touched is empty");
    CHECK_EQUAL(disposition_of(a), 0, "its pages are not there");
    *(volatile uint8_t *)a = 1;
    CHECK(share_mode(a, &references) == SM_PRIVATE && references == 1, "then it is private");
    CHECK_EQUAL(disposition_of(a + 5), VM_PAGE_QUERY_PAGE_PRESENT, "the page is there");
    CHECK_EQUAL(disposition_of(a + PAGE_SIZE), 0, "its neighbour is not");
    REQUIRE_OK(mach_vm_remap(SELF, &b, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, a, TRUE, &protection, &maximum,
                             VM_INHERIT_NONE));
    CHECK_EQUAL(disposition_of(a), VM_PAGE_QUERY_PAGE_PRESENT | VM_PAGE_QUERY_PAGE_COPIED,
                "a copy shares it");
    *(volatile uint8_t *)b = 2;
    CHECK_EQUAL(disposition_of(a), VM_PAGE_QUERY_PAGE_PRESENT, "until it is written");
    test_deallocate(b, PAGE_SIZE);
    b = 0;
    REQUIRE_OK(mach_vm_remap(SELF, &b, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, a, FALSE, &protection, &maximum,
                             VM_INHERIT_NONE));
    CHECK(share_mode(a, &references) == SM_SHARED && references == 2, "memory in two places is shared");
    test_deallocate(b, PAGE_SIZE);
    test_deallocate(a, 2 * PAGE_SIZE);
}

static void test_share_mode_refused(void)
{
    mach_vm_address_t at = machine_kernel_address;
    mach_vm_size_t size = 0;
    struct vm_region_submap_short_info_64 info;
    mach_msg_type_number_t count = VM_REGION_SUBMAP_SHORT_INFO_COUNT_64, few = count - 1;
    natural_t depth = 0;
    integer_t disposition, references;

    CHECK_RESULT(mach_vm_region_recurse(SELF, &at, &size, &depth, (vm_region_info_t)&info, &count),
                 KERN_INVALID_ADDRESS, "there is no region above all");
    CHECK_RESULT(mach_vm_region_recurse(SELF, &at, &size, &depth, (vm_region_info_t)&info, &few),
                 KERN_INVALID_ARGUMENT, "there must be room for what it tells");
    CHECK_RESULT(mach_vm_page_query(SELF, machine_kernel_address, &disposition, &references),
                 KERN_INVALID_ADDRESS, "pages of the kernel are not told of");
    CHECK_RESULT(mach_vm_page_query(mach_host_self(), TEST_PLACE, &disposition, &references),
                 KERN_INVALID_ARGUMENT, "a host has no pages");
}

/* Memory that children see in different ways. */
static volatile uint32_t *shared, *copied;
static mach_vm_address_t absent;

static void child_writes(void)
{
    uint8_t data[1];
    mach_msg_type_number_t count = sizeof(data);

    shared[0] = shared[0] + 1;
    copied[0] = copied[0] + 1;
    shared[1] = copied[0];
    shared[2] = mach_vm_read_inband(mach_task_self(), absent, 1, data, &count) == KERN_INVALID_ADDRESS;
}

static void test_inherit(void)
{
    mach_vm_address_t s = test_allocate(PAGE_SIZE), c = test_allocate(PAGE_SIZE);

    absent = test_allocate(PAGE_SIZE);
    shared = (volatile uint32_t *)s;
    copied = (volatile uint32_t *)c;
    shared[0] = copied[0] = 10;
    CHECK_RESULT(mach_vm_inherit(SELF, s, PAGE_SIZE, VM_INHERIT_SHARE), KERN_SUCCESS,
                 "memory can be shared with children");
    CHECK_RESULT(mach_vm_inherit(SELF, absent, PAGE_SIZE, VM_INHERIT_NONE), KERN_SUCCESS,
                 "or be kept from them");
    CHECK_RESULT(mach_vm_inherit(SELF, c, PAGE_SIZE, 77), KERN_INVALID_ARGUMENT,
                 "an unknown inheritance is refused");
    task_t task = test_child(child_writes, NULL, 0);
    CHECK(test_child_wait(task), "a child uses its memory");
    CHECK_EQUAL(shared[0], 11, "what it wrote to shared memory is seen here");
    CHECK_EQUAL(shared[1], 11, "its copy had our data");
    CHECK_EQUAL(copied[0], 10, "what it wrote to its copy is not seen here");
    CHECK_EQUAL(shared[2], 1, "what was kept from it was not there");
    test_deallocate(s, PAGE_SIZE);
    test_deallocate(c, PAGE_SIZE);
    test_deallocate(absent, PAGE_SIZE);
}

static void test_other_task(void)
{
    static uint8_t data[4096], back[4096];
    mach_msg_type_number_t count = sizeof(back);
    mach_vm_address_t theirs = TEST_PLACE;
    mach_vm_size_t copied_size = 0;
    task_t task;

    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 3);
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    CHECK_RESULT(mach_vm_write_inband(task, theirs, data, sizeof(data)), KERN_INVALID_ADDRESS,
                 "a task without memory can't be written");
    REQUIRE_OK(mach_vm_allocate(task, &theirs, 2 * PAGE_SIZE, VM_FLAGS_FIXED));
    CHECK_RESULT(probe(theirs), KERN_INVALID_ADDRESS, "memory of another task is not here");
    CHECK_RESULT(mach_vm_write_inband(task, theirs + 100, data, sizeof(data)), KERN_SUCCESS,
                 "memory of another task can be written");
    CHECK_RESULT(mach_vm_read_inband(task, theirs + 100, sizeof(back), back, &count), KERN_SUCCESS,
                 "and read");
    CHECK(count == sizeof(back) && memcmp(data, back, sizeof(data)) == 0, "unchanged");
    memset(back, 0, sizeof(back));
    CHECK_RESULT(
        mach_vm_read_overwrite(task, theirs + 100, sizeof(back), (mach_vm_address_t)back, &copied_size),
        KERN_SUCCESS, "it can be read to a place of ours");
    CHECK(copied_size == sizeof(back) && memcmp(data, back, sizeof(data)) == 0, "unchanged, too");
    CHECK_RESULT(mach_vm_read_overwrite(task, theirs + PAGE_SIZE, 2 * PAGE_SIZE, (mach_vm_address_t)back,
                                        &copied_size),
                 KERN_INVALID_ADDRESS, "not beyond its end");
    CHECK_RESULT(mach_vm_read_overwrite(task, theirs, PAGE_SIZE, 8, &copied_size), KERN_INVALID_ADDRESS,
                 "nor to no place of ours");
    REQUIRE_OK(mach_vm_protect(task, theirs + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_NONE));
    CHECK_RESULT(mach_vm_read_overwrite(task, theirs, 2 * PAGE_SIZE, (mach_vm_address_t)data, &copied_size),
                 KERN_PROTECTION_FAILURE, "nor what may not be read");
    /* limit: mach_vm_read_overwrite */
    CHECK_RESULT(mach_vm_read_overwrite(task, theirs, (1u << 20) + 1, (mach_vm_address_t)back, &copied_size),
                 KERN_INVALID_ARGUMENT, "nor more than 1 MiB");
    /* limit: mach_vm_read_inband */
    CHECK_RESULT(mach_vm_read_inband(task, theirs, 4097, back, &count), KERN_INVALID_ARGUMENT,
                 "nor more than fits in a message");
    CHECK_RESULT(mach_vm_read_inband(task, machine_kernel_address, 8, back, &count), KERN_INVALID_ADDRESS,
                 "memory of the kernel is not read");
    CHECK_RESULT(mach_vm_write_inband(task, machine_kernel_address, data, 8), KERN_INVALID_ADDRESS,
                 "nor written");
    REQUIRE_OK(mach_vm_protect(task, theirs, 2 * PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(mach_vm_write_inband(task, theirs, data, 8), KERN_PROTECTION_FAILURE,
                 "protection holds for us, too");
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
    CHECK_RESULT(mach_vm_allocate(MACH_PORT_NULL, &theirs, PAGE_SIZE, VM_FLAGS_ANYWHERE),
                 MACH_SEND_INVALID_DEST, "no task, no memory");
}

static void test_many(void)
{
    enum { RANGES = 500 };
    const mach_vm_address_t base = TEST_PLACE;
    bool ok = true;

    for (unsigned i = 0; i < RANGES; i++) { /* every other page: no two ranges can join */
        mach_vm_address_t a = base + 2 * i * PAGE_SIZE;
        ok &= mach_vm_allocate(SELF, &a, PAGE_SIZE, VM_FLAGS_FIXED) == KERN_SUCCESS;
        *(volatile uint32_t *)a = i;
    }
    for (unsigned i = 0; i < RANGES; i++)
        ok &= *(volatile uint32_t *)(base + 2 * i * PAGE_SIZE) == i;
    CHECK(ok, "many ranges live side by side");
    CHECK_RESULT(mach_vm_deallocate(SELF, base, 2 * RANGES * PAGE_SIZE), KERN_SUCCESS, "and go at once");
}

/* The last page that can be allocated: the addresses end at a power of two, but for a page. */
static mach_vm_address_t last_page(void)
{
    for (unsigned bit = 63; bit > 32; bit--) {
        mach_vm_address_t address = ((mach_vm_address_t)1 << bit) - 2 * PAGE_SIZE;
        const kern_return_t kr = mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_FIXED);
        if (kr == KERN_SUCCESS)
            return address;
        REQUIRE(kr == KERN_INVALID_ADDRESS);
    }
    return 0;
}

#define PIECES 4096u
#define USED 64u /* one in so many is used */

static bool mine[PIECES];

/* The i-th of PIECES equal parts of the range begins at i * step: a page there, unless this program has it. */
static bool pieces_allocate(mach_vm_address_t step)
{
    bool good = true;

    for (unsigned i = 1; i < PIECES; i++) {
        mach_vm_address_t address = i * step;
        const kern_return_t kr = mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_FIXED);
        mine[i] = kr == KERN_SUCCESS;
        good = good && (mine[i] || kr == KERN_NO_SPACE);
        if (mine[i] && i % USED == 0)
            *(volatile uint64_t *)address = address;
    }
    return good;
}

static bool is_found(mach_vm_address_t page)
{
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_address_t address = page;
    mach_vm_size_t size;
    mach_port_t object;

    return mach_vm_region(SELF, &address, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                          &object) == KERN_SUCCESS &&
           address <= page;
}

/* Are all of the pieces there, with what was written?  They are given back. */
static bool pieces_end(mach_vm_address_t step)
{
    bool good = true;

    for (unsigned i = 1; i < PIECES; i++) {
        good = good && is_found(i * step);
        if (!mine[i])
            continue;
        good = good && (i % USED != 0 || *(volatile uint64_t *)(i * step) == i * step);
        REQUIRE_OK(mach_vm_deallocate(SELF, i * step, PAGE_SIZE));
    }
    return good;
}

static void test_whole_range(void)
{
    const mach_vm_address_t last = last_page(), step = last / PIECES & ~PAGE_MASK;
    mach_vm_address_t beyond = last + PAGE_SIZE;

    REQUIRE(last != 0);
    *(volatile uint64_t *)last = last;
    CHECK_RESULT(mach_vm_allocate(SELF, &beyond, PAGE_SIZE, VM_FLAGS_FIXED), KERN_INVALID_ADDRESS,
                 "above the last page there is none");
    CHECK(pieces_allocate(step), "pages in all parts of the range can be allocated");
    CHECK(is_found(last) && *(volatile uint64_t *)last == last, "beside the last one");
    CHECK(pieces_end(step), "and are found, with what was written there");
    REQUIRE_OK(mach_vm_deallocate(SELF, last, PAGE_SIZE));
    CHECK(probe(last) == KERN_INVALID_ADDRESS, "then they are gone");
}

int main(void)
{
    test_begin("memory");
    test_allocation();
    test_bad_allocate();
    test_deallocation();
    test_protect();
    test_region();
    test_share_mode();
    test_share_mode_refused();
    test_inherit();
    test_other_task();
    test_many();
    test_whole_range();
    return test_end();
}
