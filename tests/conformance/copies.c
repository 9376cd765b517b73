/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of tasks' memory: mach_vm_read, mach_vm_read_list, mach_vm_write, mach_vm_copy. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()
#define PAGES 40u /* as many are shared, not copied */
#define SIZE (PAGES * PAGE_SIZE)
#define LARGE ((mach_vm_size_t)4 << 20) /* more than is copied byte by byte */

static task_t other;
static mach_vm_address_t theirs; /* SIZE bytes of its */

static volatile uint32_t *word_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint32_t *)(base + page * PAGE_SIZE);
}

/* New memory with `tag` and its number at the start of each page. */
static mach_vm_address_t marked(uint32_t tag)
{
    mach_vm_address_t base = test_allocate(SIZE);

    for (unsigned i = 0; i < PAGES; i++)
        *word_at(base, i) = tag + i;
    return base;
}

static bool is_marked(mach_vm_address_t base, uint32_t tag)
{
    bool good = true;

    for (unsigned i = 0; i < PAGES; i++)
        good &= *word_at(base, i) == tag + i;
    return good;
}

static uint32_t their_word(unsigned page)
{
    uint32_t word = 0;
    mach_msg_type_number_t count = sizeof(word);

    REQUIRE_OK(mach_vm_read_inband(other, theirs + page * PAGE_SIZE, sizeof(word), (uint8_t *)&word, &count));
    return word;
}

static vm_offset_t data_of(mach_vm_address_t address)
{
    return (vm_offset_t)address;
}

/* --- mach_vm_read, mach_vm_read_list --- */

static void test_read(void)
{
    vm_offset_t copy = 0;
    mach_msg_type_number_t count = 0;
    const mach_vm_address_t base = marked(100);

    CHECK_RESULT(mach_vm_read(SELF, base + 2, SIZE - 2, &copy, &count), KERN_SUCCESS,
                 "memory is read as new memory");
    CHECK(count == SIZE - 2 && (copy & PAGE_MASK) == 2, "of that size, at the same place in its page");
    CHECK_EQUAL(*(volatile uint16_t *)(copy - 2), 0, "what is in front of it is not read");
    CHECK_EQUAL(*word_at(copy - 2, 1), 101, "it holds the same");
    *word_at(base, 1) = 7;
    *word_at(copy - 2, 2) = 8;
    CHECK(*word_at(copy - 2, 1) == 101 && *word_at(base, 2) == 102, "whatever either side writes");
    test_deallocate(copy, count);
    CHECK_RESULT(mach_vm_read(other, theirs, PAGE_SIZE, &copy, &count), KERN_SUCCESS, "so is another task's");
    CHECK_EQUAL(*word_at(copy, 0), 0, "which was not touched yet");
    test_deallocate(copy, count);
    CHECK_RESULT(mach_vm_read(SELF, base, 0, &copy, &count), KERN_SUCCESS, "nothing can be read");
    CHECK(copy == 0 && count == 0, "and is nothing");
    test_deallocate(base, SIZE);
}

static void test_read_refused(void)
{
    const mach_vm_address_t base = test_allocate(2 * PAGE_SIZE);
    vm_offset_t copy = 0;
    mach_msg_type_number_t count = 0;

    CHECK_RESULT(mach_vm_read(mach_host_self(), base, 1, &copy, &count), KERN_INVALID_ARGUMENT,
                 "a port without memory");
    /* limit: mach_vm_read */
    CHECK_RESULT(mach_vm_read(SELF, base, (mach_vm_size_t)1 << 32, &copy, &count), KERN_INVALID_ARGUMENT,
                 "more than a message can tell");
    CHECK_RESULT(mach_vm_read(SELF, TEST_TOP, 2 * PAGE_SIZE, &copy, &count), KERN_INVALID_ADDRESS,
                 "a range that wraps is not there");
    CHECK_RESULT(mach_vm_read(SELF, machine_kernel_address, 8, &copy, &count), KERN_INVALID_ADDRESS,
                 "nor is the kernel's memory");
    REQUIRE_OK(mach_vm_protect(SELF, base + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_NONE));
    CHECK_RESULT(mach_vm_read(SELF, base, 2 * PAGE_SIZE, &copy, &count), KERN_PROTECTION_FAILURE,
                 "what may not be read is not");
    test_deallocate(base, 2 * PAGE_SIZE);
}

static void test_read_list(void)
{
    static mach_vm_read_entry_t list;
    const mach_vm_address_t base = marked(200);

    list[0] = (mach_vm_range_t){base + 4 * PAGE_SIZE, 2 * PAGE_SIZE};
    list[1] = (mach_vm_range_t){base, 0};
    list[2] = (mach_vm_range_t){base + 1, 3};
    CHECK_RESULT(mach_vm_read_list(SELF, list, 3), KERN_SUCCESS, "several ranges are read at once");
    CHECK(*word_at(list[0].address, 0) == 204 && *word_at(list[0].address, 1) == 205, "the first is there");
    CHECK(list[1].address == 0 && list[0].size == 2 * PAGE_SIZE, "nothing of an empty one");
    CHECK((list[2].address & PAGE_MASK) == 1 && *(uint8_t *)list[2].address == 0, "and the last");
    *word_at(list[0].address, 0) = 1;
    CHECK_EQUAL(*word_at(base, 4), 204, "they are copies");
    test_deallocate(list[0].address, list[0].size);
    test_deallocate(list[2].address, list[2].size);
    test_deallocate(base, SIZE);
}

/* Ranges that leave no address in user space free. */
static struct {
    mach_vm_range_t range[256];
    unsigned count;
} fill;

static void fill_space(void)
{
    for (mach_vm_size_t size = (mach_vm_size_t)1 << 62; size >= PAGE_SIZE; size >>= 1) {
        mach_vm_address_t at = 0;
        while (mach_vm_allocate(SELF, &at, size, VM_FLAGS_ANYWHERE) == KERN_SUCCESS) {
            REQUIRE(fill.count < 256);
            fill.range[fill.count++] = (mach_vm_range_t){at, size};
            at = 0;
        }
    }
}

static void test_read_list_refused(void)
{
    static mach_vm_read_entry_t list;
    const mach_vm_address_t base = test_allocate(2 * PAGE_SIZE);

    list[0] = (mach_vm_range_t){base, PAGE_SIZE};
    CHECK_RESULT(mach_vm_read_list(mach_host_self(), list, 1), KERN_INVALID_ARGUMENT,
                 "a port without memory");
    /* limit: mach_vm_read_list */
    CHECK_RESULT(mach_vm_read_list(SELF, list, VM_MAP_ENTRY_MAX + 1), KERN_INVALID_ARGUMENT,
                 "more ranges than a list has");
    list[1] = (mach_vm_range_t){machine_kernel_address, 8};
    CHECK_RESULT(mach_vm_read_list(SELF, list, 2), KERN_INVALID_ADDRESS, "one range is not there");
    CHECK_EQUAL(list[0].address, base, "the list stays as it was");
    REQUIRE_OK(mach_vm_protect(SELF, base + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_NONE));
    list[1] = (mach_vm_range_t){base + PAGE_SIZE, 8};
    CHECK_RESULT(mach_vm_read_list(SELF, list, 2), KERN_PROTECTION_FAILURE, "one may not be read");
    fill_space();
    CHECK_RESULT(mach_vm_read_list(SELF, list, 1), KERN_NO_SPACE, "without room nothing is read");
    for (unsigned i = 0; i < fill.count; i++)
        test_deallocate(fill.range[i].address, fill.range[i].size);
    test_deallocate(base, 2 * PAGE_SIZE);
}

/* --- mach_vm_write --- */

static void test_write(void)
{
    const mach_vm_address_t base = marked(300);
    const mach_vm_address_t mine = marked(0);

    CHECK_RESULT(mach_vm_write(other, theirs, data_of(base), SIZE), KERN_SUCCESS,
                 "many pages are written to another task");
    CHECK(their_word(0) == 300 && their_word(PAGES - 1) == 300 + PAGES - 1, "which has them");
    *word_at(base, 3) = 1;
    CHECK_EQUAL(their_word(3), 303, "as they were when they were written");
    CHECK_RESULT(mach_vm_write(other, theirs + PAGE_SIZE - 2, data_of(base), 2), KERN_SUCCESS,
                 "so are bytes");
    CHECK(their_word(0) == 300 && their_word(1) == 301, "and nothing beside them");
    REQUIRE_OK(mach_vm_protect(SELF, mine + 8 * PAGE_SIZE, PAGE_SIZE, TRUE, VM_PROT_DEFAULT));
    REQUIRE_OK(mach_vm_inherit(SELF, mine, PAGE_SIZE, VM_INHERIT_NONE));
    *word_at(base, 3) = 303;
    CHECK_RESULT(mach_vm_write(SELF, mine, data_of(base), SIZE), KERN_SUCCESS, "a task can write its own");
    CHECK(is_marked(mine, 300), "several ranges at once");
    CHECK_RESULT(mach_vm_protect(SELF, mine + 8 * PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_EXECUTE),
                 KERN_PROTECTION_FAILURE, "which keep what holds for them");
    CHECK_RESULT(mach_vm_write(SELF, mine, data_of(base), 0), KERN_SUCCESS, "nothing can be written");
    test_deallocate(mine, SIZE);
    test_deallocate(base, SIZE);
}

/* Memory that two places share is written where it is. */
static void test_write_shared(void)
{
    const mach_vm_address_t base = marked(400), mine = test_allocate(LARGE);
    mach_vm_address_t twin = 0;
    vm_prot_t protection, maximum;

    REQUIRE_OK(mach_vm_remap(SELF, &twin, LARGE, 0, VM_FLAGS_ANYWHERE, SELF, mine, FALSE, &protection,
                             &maximum, VM_INHERIT_NONE));
    CHECK_RESULT(mach_vm_write(SELF, mine, data_of(base), SIZE), KERN_SUCCESS, "shared memory is written");
    CHECK(is_marked(twin, 400), "and seen by those that share it");
    const mach_vm_address_t much = test_allocate(LARGE);
    *word_at(much, 0) = 401;
    *word_at(much, LARGE / PAGE_SIZE - 1) = 402;
    CHECK_RESULT(mach_vm_write(SELF, twin, data_of(much), LARGE), KERN_SUCCESS, "so is much of it");
    CHECK(*word_at(mine, 0) == 401 && *word_at(mine, LARGE / PAGE_SIZE - 1) == 402 && *word_at(mine, 1) == 0,
          "to its end");
    test_deallocate(much, LARGE);
    test_deallocate(twin, LARGE);
    test_deallocate(mine, LARGE);
    test_deallocate(base, SIZE);
}

static void test_write_refused(void)
{
    const mach_vm_address_t base = marked(500), mine = marked(600);

    CHECK_RESULT(mach_vm_write(mach_host_self(), mine, data_of(base), 8), KERN_INVALID_ARGUMENT,
                 "a port without memory");
    REQUIRE_OK(mach_vm_protect(SELF, mine + 30 * PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(mach_vm_write(SELF, mine, data_of(base), SIZE), KERN_PROTECTION_FAILURE,
                 "a page that may not be written");
    CHECK(is_marked(mine, 600), "none of the others is");
    test_deallocate(mine + 30 * PAGE_SIZE, PAGE_SIZE);
    CHECK_RESULT(mach_vm_write(SELF, mine, data_of(base), SIZE), KERN_INVALID_ADDRESS, "a hole");
    CHECK_RESULT(mach_vm_write(SELF, machine_kernel_address, data_of(base), 8), KERN_INVALID_ADDRESS,
                 "memory of the kernel");
    CHECK_EQUAL(*word_at(mine, 29), 629, "nothing is written");
    test_deallocate(mine, SIZE);
    test_deallocate(base, SIZE);
}

/* --- mach_vm_copy --- */

static void test_copy(void)
{
    const mach_vm_address_t base = marked(700), large = test_allocate(LARGE), to = test_allocate(LARGE);

    CHECK_RESULT(mach_vm_copy(SELF, base, 20 * PAGE_SIZE, base + 10 * PAGE_SIZE), KERN_SUCCESS,
                 "ranges that overlap");
    CHECK(*word_at(base, 9) == 709 && *word_at(base, 10) == 700 && *word_at(base, 29) == 719 &&
              *word_at(base, 30) == 730,
          "are copied as they were");
    CHECK_RESULT(mach_vm_copy(SELF, base + 1, 6, base + PAGE_SIZE + 1), KERN_SUCCESS, "so are bytes");
    CHECK_EQUAL(*word_at(base, 1), (701u & 0xff) | (700u & 0xffffff00), "at any address");
    *word_at(large, 1000) = 9;
    CHECK_RESULT(mach_vm_copy(SELF, large, LARGE, to), KERN_SUCCESS, "much memory of whole pages");
    *word_at(large, 1000) = 10;
    CHECK(*word_at(to, 1000) == 9 && *word_at(to, 1) == 0, "is a copy");
    CHECK_RESULT(mach_vm_copy(other, theirs, PAGE_SIZE, theirs + PAGE_SIZE), KERN_SUCCESS, "in another task");
    CHECK_EQUAL(their_word(1), their_word(0), "too");
    test_deallocate(base, SIZE);
    test_deallocate(large, LARGE);
    test_deallocate(to, LARGE);
}

/* Much that is not of whole pages is written in parts, from what was there at first. */
static void test_copy_parts(void)
{
    const mach_vm_size_t step = (mach_vm_size_t)1 << 20; /* of a part */
    const mach_vm_size_t size = 3 * step + 17;
    const mach_vm_address_t base = test_allocate(size + 2 * step);
    uint64_t *const words = (uint64_t *)base;
    bool same = true;

    for (mach_vm_size_t i = 0; i < (size + step) / 8; i += 64)
        words[i] = i + 1;
    CHECK_RESULT(mach_vm_copy(SELF, base, size, base + 8 * 64 + 3), KERN_SUCCESS, "megabytes at any address");
    for (mach_vm_size_t i = 0; i + 1 < size / 8; i += 64) {
        uint64_t came;
        memcpy(&came, (const char *)base + 8 * 64 + 3 + i * 8, sizeof(came));
        same = same && came == i + 1;
    }
    CHECK(same, "come whole where they overlap what they were");
    CHECK(words[0] == 1 && *word_at(base, 0) == 1, "and what is in front stays");
    test_deallocate(base + size, PAGE_SIZE);
    CHECK_RESULT(mach_vm_copy(SELF, base, 2 * step, base + 2 * step + 1), KERN_INVALID_ADDRESS,
                 "a hole is met behind many bytes");
    CHECK_RESULT(mach_vm_copy(SELF, base, 2 * step, base + 1), KERN_SUCCESS, "then another one can be made");
    test_deallocate(base, size + 2 * step);
}

static void test_copy_refused(void)
{
    const mach_vm_address_t base = marked(800), to = marked(900);

    CHECK_RESULT(mach_vm_copy(mach_host_self(), base, 8, to), KERN_INVALID_ARGUMENT, "a port without memory");
    CHECK_RESULT(mach_vm_copy(SELF, base, SIZE, machine_kernel_address), KERN_INVALID_ADDRESS,
                 "to the kernel's memory");
    CHECK_RESULT(mach_vm_copy(SELF, machine_kernel_address, 8, to), KERN_INVALID_ADDRESS, "or from there");
    REQUIRE_OK(mach_vm_protect(SELF, base, PAGE_SIZE, FALSE, VM_PROT_NONE));
    CHECK_RESULT(mach_vm_copy(SELF, base, SIZE, to), KERN_PROTECTION_FAILURE, "from a page without access");
    REQUIRE_OK(mach_vm_protect(SELF, base, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(mach_vm_copy(SELF, to, SIZE, base), KERN_PROTECTION_FAILURE, "to one that is only read");
    CHECK(is_marked(base, 800) && is_marked(to, 900), "nothing is written");
    test_deallocate(base, SIZE);
    test_deallocate(to, SIZE);
}

int main(void)
{
    test_begin("copies");
    REQUIRE_OK(task_create(SELF, FALSE, &other));
    REQUIRE_OK(mach_vm_allocate(other, &theirs, SIZE, VM_FLAGS_ANYWHERE));
    test_read();
    test_read_refused();
    test_read_list();
    test_read_list_refused();
    test_write();
    test_write_shared();
    test_write_refused();
    test_copy();
    test_copy_parts();
    test_copy_refused();
    REQUIRE_OK(task_terminate(other));
    REQUIRE_OK(mach_port_deallocate(SELF, other));
    return test_end();
}
