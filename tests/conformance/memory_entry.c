/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that a port stands for: mach_make_memory_entry_64, mach_vm_map. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()
#define PAGES 6u
#define SIZE (PAGES * PAGE_SIZE)

static volatile uint32_t *word_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint32_t *)(base + page * PAGE_SIZE);
}

/* A port for memory of this task. */
static mach_port_t entry_for(mach_vm_address_t address, mach_vm_size_t size, vm_prot_t permission)
{
    mach_port_t entry;

    REQUIRE_OK(mach_make_memory_entry_64(SELF, &size, address, permission, &entry, MACH_PORT_NULL));
    return entry;
}

static void port_release(mach_port_t name)
{
    REQUIRE_OK(mach_port_deallocate(SELF, name));
}

/* All of an entry anywhere in a task, to be read and written. */
static mach_vm_address_t map(task_t task, mach_port_t entry, boolean_t copy)
{
    mach_vm_address_t at = 0;

    REQUIRE_OK(mach_vm_map(task, &at, SIZE, 0, VM_FLAGS_ANYWHERE, entry, 0, copy, VM_PROT_DEFAULT,
                           VM_PROT_DEFAULT, VM_INHERIT_NONE));
    return at;
}

static void test_fresh(void)
{
    const mach_vm_offset_t mask = (UINT64_C(1) << 24) - 1;
    mach_vm_address_t a = 0, b = TEST_PLACE + 5;

    CHECK_RESULT(mach_vm_map(SELF, &a, SIZE - 1, mask, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, FALSE,
                             VM_PROT_READ, VM_PROT_DEFAULT, VM_INHERIT_SHARE),
                 KERN_SUCCESS, "fresh memory is mapped");
    CHECK(a != 0 && (a & mask) == 0, "at an aligned address");
    CHECK(test_region_info(a).protection == VM_PROT_READ &&
              test_region_info(a).max_protection == VM_PROT_DEFAULT &&
              test_region_info(a).inheritance == VM_INHERIT_SHARE,
          "with the attributes asked for");
    CHECK_EQUAL(*word_at(a, PAGES - 1), 0, "in whole pages, zero");
    CHECK_RESULT(mach_vm_protect(SELF, a, SIZE, FALSE, VM_PROT_READ | VM_PROT_EXECUTE),
                 KERN_PROTECTION_FAILURE, "it gets no more");
    CHECK_RESULT(mach_vm_map(SELF, &b, PAGE_SIZE, 0, VM_FLAGS_FIXED, MACH_PORT_NULL, 0, FALSE,
                             VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_COPY),
                 KERN_SUCCESS, "so it is at a fixed place");
    CHECK_EQUAL(b, TEST_PLACE, "whose page it takes");
    *word_at(b, 0) = 1;
    CHECK_RESULT(mach_vm_map(SELF, &b, PAGE_SIZE, 0, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, MACH_PORT_NULL, 0,
                             FALSE, VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_COPY),
                 KERN_SUCCESS, "or in place of what is there");
    CHECK_EQUAL(*word_at(b, 0), 0, "which is gone");
    test_deallocate(a, SIZE);
    test_deallocate(b, PAGE_SIZE);
}

static void test_share(void)
{
    mach_vm_address_t a = test_allocate(SIZE), b, c, d = 0;
    mach_vm_size_t size = SIZE - PAGE_SIZE - 10;
    mach_port_t entry;

    *word_at(a, 0) = 1;
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, a + 10, VM_PROT_DEFAULT, &entry, MACH_PORT_NULL),
                 KERN_SUCCESS, "a port stands for memory");
    CHECK_EQUAL(size, SIZE - PAGE_SIZE, "of whole pages");
    port_release(entry);
    entry = entry_for(a, SIZE, VM_PROT_DEFAULT);
    b = map(SELF, entry, FALSE);
    c = map(SELF, entry, TRUE);
    CHECK(*word_at(b, 0) == 1 && *word_at(c, 0) == 1, "what was written shows where it is mapped");
    *word_at(b, 1) = 2;
    *word_at(a, 0) = 3;
    CHECK(*word_at(a, 1) == 2 && *word_at(b, 0) == 3, "so does what is written later");
    CHECK(*word_at(c, 0) == 1 && *word_at(c, 1) == 0, "but in a copy");
    *word_at(c, 2) = 4;
    CHECK_EQUAL(*word_at(a, 2), 0, "which is its own");
    CHECK_RESULT(mach_vm_map(SELF, &d, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, entry, PAGE_SIZE, FALSE, VM_PROT_READ,
                             VM_PROT_READ, VM_INHERIT_NONE),
                 KERN_SUCCESS, "a part can be mapped");
    CHECK_EQUAL(*word_at(d, 0), 2, "by its offset");
    test_deallocate(a, SIZE);
    test_deallocate(b, SIZE);
    b = map(SELF, entry, FALSE);
    CHECK_EQUAL(*word_at(b, 0), 3, "the port keeps the memory");
    test_deallocate(b, SIZE);
    port_release(entry);
    CHECK_EQUAL(*word_at(d, 0), 2, "and so does a mapping");
    test_deallocate(c, SIZE);
    test_deallocate(d, PAGE_SIZE);
}

static void test_named(void)
{
    memory_object_size_t size = SIZE;
    mach_port_t entry;
    mach_vm_address_t a, theirs;
    task_t task;
    uint32_t word = 0;
    mach_msg_type_number_t count = sizeof(word);

    REQUIRE_OK(task_create(SELF, FALSE, &task));
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, 0, VM_PROT_DEFAULT | MAP_MEM_NAMED_CREATE, &entry,
                                           MACH_PORT_NULL),
                 KERN_SUCCESS, "a port can stand for fresh memory");
    a = map(SELF, entry, FALSE);
    theirs = map(task, entry, FALSE);
    CHECK_EQUAL(*word_at(a, 5), 0, "which is zero");
    *word_at(a, 5) = 6;
    CHECK_RESULT(mach_vm_read_inband(task, theirs + 5 * PAGE_SIZE, sizeof(word), (uint8_t *)&word, &count),
                 KERN_SUCCESS, "another task has it, too");
    CHECK_EQUAL(word, 6, "as it is");
    CHECK(test_region_info(a).shared, "it is told to be shared");
    port_release(entry);
    REQUIRE_OK(task_terminate(task));
    REQUIRE_OK(mach_port_deallocate(SELF, task));
    CHECK_EQUAL(*word_at(a, 5), 6, "it outlives the task and the port");
    test_deallocate(a, SIZE);
}

static void test_map_refused(void)
{
    const int anywhere = VM_FLAGS_ANYWHERE;
    const vm_prot_t both = VM_PROT_DEFAULT;
    mach_vm_address_t a = test_allocate(SIZE), to = 0;
    const mach_port_t entry = entry_for(a, SIZE, VM_PROT_READ), port = test_port_send();

#define MAP(size, mask, flags, object, offset, protection, maximum, inheritance)                             \
    mach_vm_map(SELF, &to, size, mask, flags, object, offset, FALSE, protection, maximum, inheritance)
    CHECK_RESULT(mach_vm_map(mach_host_self(), &to, SIZE, 0, anywhere, MACH_PORT_NULL, 0, FALSE, both, both,
                             VM_INHERIT_NONE),
                 KERN_INVALID_ARGUMENT, "a port without memory");
    CHECK_RESULT(MAP(SIZE, 0, anywhere, mach_host_self(), 0, both, both, 0), KERN_INVALID_ARGUMENT,
                 "a port that is no object");
    CHECK_RESULT(MAP(0, 0, anywhere, MACH_PORT_NULL, 0, both, both, 0), KERN_INVALID_ARGUMENT, "nothing");
    CHECK_RESULT(MAP(SIZE, 5, anywhere, MACH_PORT_NULL, 0, both, both, 0), KERN_INVALID_ARGUMENT,
                 "a mask with holes");
    CHECK_RESULT(MAP(SIZE, 0, 0x20, MACH_PORT_NULL, 0, both, both, 0), KERN_INVALID_ARGUMENT,
                 "unknown flags");
    CHECK_RESULT(MAP(SIZE, 0, anywhere, MACH_PORT_NULL, 0, both, both, 77), KERN_INVALID_ARGUMENT,
                 "an unknown inheritance");
    CHECK_RESULT(MAP(SIZE, 0, anywhere, MACH_PORT_NULL, 0, both, VM_PROT_READ, 0), KERN_INVALID_ARGUMENT,
                 "more protection than the maximum");
    CHECK_RESULT(MAP(SIZE, 0, anywhere, MACH_PORT_NULL, 0, VM_PROT_ALL, VM_PROT_ALL, 0),
                 KERN_INVALID_ARGUMENT, "write and execute");
    CHECK_RESULT(MAP(SIZE, 0, anywhere, entry, PAGE_SIZE, VM_PROT_READ, VM_PROT_READ, 0),
                 KERN_INVALID_ARGUMENT, "more than the object has");
    CHECK_RESULT(MAP(PAGE_SIZE, 0, anywhere, entry, 8, VM_PROT_READ, VM_PROT_READ, 0), KERN_INVALID_ARGUMENT,
                 "an offset inside a page");
    CHECK_RESULT(
        mach_vm_map(SELF, &to, SIZE, 0, anywhere, entry, 0, FALSE, VM_PROT_READ, both, VM_INHERIT_NONE),
        KERN_INVALID_RIGHT, "more than the object allows");
    to = machine_kernel_address & ~PAGE_MASK;
    CHECK_RESULT(mach_vm_map(SELF, &to, PAGE_SIZE, 0, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, entry, 0, FALSE,
                             VM_PROT_READ, VM_PROT_READ, VM_INHERIT_NONE),
                 KERN_INVALID_ADDRESS, "the kernel's place");
    to = a;
    CHECK_RESULT(mach_vm_map(SELF, &to, PAGE_SIZE, 0, VM_FLAGS_FIXED, entry, 0, FALSE, VM_PROT_READ,
                             VM_PROT_READ, VM_INHERIT_NONE),
                 KERN_NO_SPACE, "a place in use");
    CHECK_EQUAL(test_refs(entry, MACH_PORT_RIGHT_SEND), 1, "the right to the object stays as it was");
    to = 0;
    CHECK_RESULT(
        mach_vm_map(SELF, &to, SIZE, 0, anywhere, entry, 0, TRUE, both, VM_PROT_ALL, VM_INHERIT_NONE),
        KERN_SUCCESS, "a copy of what may be read can be more");
#undef MAP
    test_deallocate(to, SIZE);
    test_deallocate(a, SIZE);
    port_release(entry);
    test_port_destroy(port);
}

static void test_entry_refused(void)
{
    mach_vm_address_t a = test_allocate(SIZE);
    const mach_port_t parent = entry_for(a, SIZE, VM_PROT_READ);
    memory_object_size_t size = SIZE, none = 0;
    mach_port_t entry = MACH_PORT_NULL;

    CHECK_RESULT(mach_make_memory_entry_64(mach_host_self(), &size, a, VM_PROT_READ, &entry, MACH_PORT_NULL),
                 KERN_INVALID_ARGUMENT, "a port without memory");
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, a, VM_PROT_READ, &entry, parent),
                 KERN_INVALID_ARGUMENT, "a parent");
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &none, a, VM_PROT_READ, &entry, MACH_PORT_NULL),
                 KERN_INVALID_ARGUMENT, "nothing");
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, a, 0x40, &entry, MACH_PORT_NULL),
                 KERN_INVALID_ARGUMENT, "an unknown permission");
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, TEST_TOP, VM_PROT_READ, &entry, MACH_PORT_NULL),
                 KERN_INVALID_ARGUMENT, "a range that wraps");
    REQUIRE_OK(mach_vm_protect(SELF, a, PAGE_SIZE, TRUE, VM_PROT_READ));
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, a, VM_PROT_DEFAULT, &entry, MACH_PORT_NULL),
                 KERN_PROTECTION_FAILURE, "more than the task may have");
    test_deallocate(a + PAGE_SIZE, PAGE_SIZE);
    CHECK_RESULT(mach_make_memory_entry_64(SELF, &size, a, VM_PROT_READ, &entry, MACH_PORT_NULL),
                 KERN_INVALID_ADDRESS, "a hole");
    test_deallocate(a, SIZE);
    port_release(parent);
}

int main(void)
{
    test_begin("memory_entry");
    test_fresh();
    test_share();
    test_named();
    test_map_refused();
    test_entry_refused();
    return test_end();
}
