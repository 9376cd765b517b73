/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory in two places: mach_vm_remap. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()
#define PAGES 3u
#define SIZE (PAGES * PAGE_SIZE)

static volatile uint32_t *word_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint32_t *)(base + page * PAGE_SIZE);
}

static vm_prot_t protection, maximum; /* that remap() was told */

/* Memory of this task, in this task or another. */
static kern_return_t remap(mach_port_t task, mach_vm_address_t *to, int flags, mach_vm_address_t from,
                           mach_vm_size_t size, boolean_t copy)
{
    return mach_vm_remap(task, to, size, 0, flags, SELF, from, copy, &protection, &maximum, VM_INHERIT_NONE);
}

static void test_share(void)
{
    mach_vm_address_t a = test_allocate(SIZE), b = 0;

    *word_at(a, 0) = 1;
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_ANYWHERE, a, SIZE, FALSE), KERN_SUCCESS,
                 "memory can be had at a second place");
    CHECK((b >= a + SIZE || a >= b + SIZE) && (b & PAGE_MASK) == 0, "which is another");
    CHECK(protection == VM_PROT_DEFAULT && maximum == VM_PROT_ALL, "with its protection");
    CHECK_EQUAL(test_region_info(b).inheritance, VM_INHERIT_NONE, "and the inheritance asked for");
    CHECK(test_region_info(a).shared && test_region_info(b).shared, "both are told to be shared");
    CHECK_EQUAL(*word_at(b, 0), 1, "what was written shows there");
    *word_at(b, 0) = 2;
    CHECK_EQUAL(*word_at(a, 0), 2, "what is written there shows here");
    *word_at(a, 1) = 3;
    CHECK_EQUAL(*word_at(b, 1), 3, "a page that is first used later is shared, too");
    *word_at(b, 2) = 4;
    CHECK_EQUAL(*word_at(a, 2), 4, "on either side");
    test_deallocate(a, SIZE);
    CHECK(*word_at(b, 0) == 2 && *word_at(b, 2) == 4, "the one place stays when the other goes");
    test_deallocate(b, SIZE);
}

static void test_copy(void)
{
    mach_vm_address_t a = test_allocate(SIZE), b = 0, c = 0;

    *word_at(a, 0) = 1;
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_ANYWHERE, a, SIZE, TRUE), KERN_SUCCESS, "or a copy of it");
    CHECK_EQUAL(*word_at(b, 0), 1, "with what was written before");
    *word_at(a, 0) = 2;
    *word_at(b, 1) = 3;
    CHECK_EQUAL(*word_at(b, 0), 1, "but not after");
    CHECK_EQUAL(*word_at(a, 1), 0, "on either side");
    REQUIRE_OK(remap(SELF, &c, VM_FLAGS_ANYWHERE, b, SIZE, FALSE));
    *word_at(c, 0) = 5;
    CHECK(*word_at(b, 0) == 5 && *word_at(a, 0) == 2, "a copy can be shared, too");
    test_deallocate(a, SIZE);
    test_deallocate(b, SIZE);
    test_deallocate(c, SIZE);
}

static void test_protection(void)
{
    mach_vm_address_t a = test_allocate(SIZE), b = 0;

    *word_at(a, 1) = 7;
    REQUIRE_OK(mach_vm_protect(SELF, a + PAGE_SIZE, PAGE_SIZE, TRUE, VM_PROT_READ));
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_ANYWHERE, a, SIZE, FALSE), KERN_SUCCESS,
                 "memory of several protections");
    CHECK(protection == VM_PROT_READ && maximum == VM_PROT_READ, "tells what holds for all of it");
    CHECK_RESULT(mach_vm_write_inband(SELF, b + PAGE_SIZE, (uint8_t[1]){1}, 1), KERN_PROTECTION_FAILURE,
                 "a page that may only be read may be nothing else there");
    CHECK_RESULT(mach_vm_protect(SELF, b + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_DEFAULT),
                 KERN_PROTECTION_FAILURE, "nor become more");
    *word_at(b, 2) = 8;
    CHECK(*word_at(b, 1) == 7 && *word_at(a, 2) == 8, "the others may");
    test_deallocate(a, SIZE);
    test_deallocate(b, SIZE);
}

static void test_place(void)
{
    const mach_vm_offset_t mask = (UINT64_C(1) << 24) - 1;
    mach_vm_address_t a = test_allocate(SIZE), b = TEST_PLACE + 100;

    *word_at(a, 0) = 1;
    *word_at(a, 1) = 2;
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_FIXED, a + 10, PAGE_SIZE, FALSE), KERN_SUCCESS, "a fixed place");
    CHECK_EQUAL(b, TEST_PLACE, "is rounded down to its page");
    CHECK(*word_at(b, 0) == 1 && *word_at(b, 1) == 2, "the source is rounded outwards to pages");
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_FIXED, a, PAGE_SIZE, FALSE), KERN_NO_SPACE,
                 "a place in use is refused");
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, a + PAGE_SIZE, PAGE_SIZE, FALSE),
                 KERN_SUCCESS, "unless what is there is to go");
    CHECK_EQUAL(*word_at(b, 0), 2, "then it is replaced");
    test_deallocate(b, 2 * PAGE_SIZE);
    b = a + PAGE_SIZE;
    CHECK_RESULT(remap(SELF, &b, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, a, 2 * PAGE_SIZE, FALSE), KERN_SUCCESS,
                 "even by its neighbour");
    CHECK(*word_at(a, 0) == 1 && *word_at(a, 1) == 1 && *word_at(a, 2) == 2, "as it was before");
    *word_at(a, 1) = 9;
    CHECK_EQUAL(*word_at(a, 0), 9, "which is now at both");
    b = 0;
    CHECK_RESULT(mach_vm_remap(SELF, &b, SIZE, mask, VM_FLAGS_ANYWHERE, SELF, a, FALSE, &protection, &maximum,
                               VM_INHERIT_DEFAULT),
                 KERN_SUCCESS, "an aligned place can be asked for");
    CHECK(b != 0 && (b & mask) == 0, "and is aligned");
    test_deallocate(b, SIZE);
    test_deallocate(a, SIZE);
}

static void test_other_task(void)
{
    mach_vm_address_t a = test_allocate(SIZE), theirs = 0, back = 0;
    uint32_t word = 0;
    mach_msg_type_number_t count = sizeof(word);
    task_t task;

    *word_at(a, 0) = 1;
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    CHECK_RESULT(remap(task, &theirs, VM_FLAGS_ANYWHERE, a, SIZE, FALSE), KERN_SUCCESS,
                 "another task can share memory");
    CHECK_RESULT(mach_vm_read_inband(task, theirs, sizeof(word), (uint8_t *)&word, &count), KERN_SUCCESS,
                 "it is there");
    CHECK_EQUAL(word, 1, "as we wrote it");
    CHECK_RESULT(mach_vm_write_inband(task, theirs, (uint8_t *)&(uint32_t){6}, sizeof(word)), KERN_SUCCESS,
                 "it can be written there");
    CHECK_EQUAL(*word_at(a, 0), 6, "and read here");
    CHECK_RESULT(mach_vm_remap(SELF, &back, SIZE, 0, VM_FLAGS_ANYWHERE, task, theirs, FALSE, &protection,
                               &maximum, VM_INHERIT_NONE),
                 KERN_SUCCESS, "its memory can be shared by us");
    CHECK_EQUAL(*word_at(back, 0), 6, "which here is the same again");
    REQUIRE_OK(task_terminate(task));
    REQUIRE_OK(mach_port_deallocate(SELF, task));
    CHECK_EQUAL(*word_at(back, 0), 6, "it outlives the task");
    test_deallocate(back, SIZE);
    test_deallocate(a, SIZE);
}

static void test_refused(void)
{
    const int anywhere = VM_FLAGS_ANYWHERE;
    const mach_vm_address_t kernel = machine_kernel_address & ~PAGE_MASK;
    mach_vm_address_t a = test_allocate(SIZE), to = TEST_PLACE;
    mach_port_t port = test_port_send();

    CHECK_RESULT(
        mach_vm_remap(SELF, &to, 0, 0, anywhere, SELF, a, FALSE, &protection, &maximum, VM_INHERIT_NONE),
        KERN_INVALID_ARGUMENT, "an empty range is refused");
    CHECK_RESULT(remap(SELF, &to, anywhere, TEST_TOP, 2 * PAGE_SIZE, FALSE), KERN_INVALID_ARGUMENT,
                 "a source that wraps is refused");
    CHECK_RESULT(
        mach_vm_remap(SELF, &to, SIZE, 5, anywhere, SELF, a, FALSE, &protection, &maximum, VM_INHERIT_NONE),
        KERN_INVALID_ARGUMENT, "a mask with holes is refused");
    CHECK_RESULT(remap(SELF, &to, 0x20, a, SIZE, FALSE), KERN_INVALID_ARGUMENT, "unknown flags are refused");
    CHECK_RESULT(mach_vm_remap(SELF, &to, SIZE, 0, anywhere, SELF, a, FALSE, &protection, &maximum, 77),
                 KERN_INVALID_ARGUMENT, "an unknown inheritance is refused");
    CHECK_RESULT(
        mach_vm_remap(SELF, &to, SIZE, 0, anywhere, port, a, FALSE, &protection, &maximum, VM_INHERIT_NONE),
        KERN_INVALID_ARGUMENT, "a source that is no task is refused");
    CHECK_RESULT(mach_vm_remap(SELF, &to, SIZE, ~UINT64_C(0), anywhere, SELF, a, FALSE, &protection, &maximum,
                               VM_INHERIT_NONE),
                 KERN_NO_SPACE, "there is no place that is aligned to everything");
    CHECK_RESULT(mach_vm_remap(SELF, &to, PAGE_SIZE, 0, anywhere, SELF, kernel, FALSE, &protection, &maximum,
                               VM_INHERIT_NONE),
                 KERN_INVALID_ADDRESS, "memory of the kernel is not to be had");
    to = TEST_TOP;
    CHECK_RESULT(remap(SELF, &to, VM_FLAGS_FIXED, a, SIZE, FALSE), KERN_INVALID_ARGUMENT,
                 "a place that wraps is refused");
    to = kernel;
    CHECK_RESULT(remap(SELF, &to, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, a, PAGE_SIZE, FALSE),
                 KERN_INVALID_ADDRESS, "nor is it replaced");
    test_deallocate(a + PAGE_SIZE, PAGE_SIZE);
    CHECK_RESULT(remap(SELF, &to, anywhere, a, SIZE, FALSE), KERN_INVALID_ADDRESS,
                 "a source with a hole is refused");
    *word_at(a, 0) = 1;
    CHECK_EQUAL(*word_at(a, 0), 1, "and stays as it is");
    test_deallocate(a, SIZE);
    test_port_destroy(port);
}

int main(void)
{
    test_begin("remap");
    test_share();
    test_copy();
    test_protection();
    test_place();
    test_other_task();
    test_refused();
    return test_end();
}
