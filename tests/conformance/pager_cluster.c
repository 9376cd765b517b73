/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests for several pages: memory_object_set_cluster_size, VM_BEHAVIOR_SEQUENTIAL, answers to a part of what was asked for. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGES 32u
#define SIZE (PAGES * PAGE_SIZE)
#define CLUSTER 4u

static mach_vm_address_t a;
static mach_port_t object;
static memory_object_control_t control;

static void begin(unsigned cluster)
{
    object = pager_object(PAGES, &a);
    control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    REQUIRE_OK(memory_object_set_cluster_size(control, cluster * PAGE_SIZE));
}

static void end(void)
{
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

static void read_start(struct pager_access *access, unsigned page)
{
    pager_access_start(access, a + page * PAGE_SIZE, false, 0);
}

/* The next message asks for `count` pages from `page` on. */
static bool asks(unsigned page, unsigned count)
{
    struct pager_message m = pager_receive(object, TEST_SOON_MS);

    return m.id == PAGER_DATA_REQUEST && m.offset == page * PAGE_SIZE && m.length == count * PAGE_SIZE;
}

static void supply(unsigned page, unsigned count)
{
    mach_vm_address_t data = test_allocate(count * PAGE_SIZE);

    for (unsigned i = 0; i < count; i++)
        *(uint32_t *)(data + i * PAGE_SIZE) = page + i;
    REQUIRE_OK(memory_object_data_supply(control, page * PAGE_SIZE, data, count * PAGE_SIZE, FALSE,
                                         VM_PROT_NONE, FALSE, MACH_PORT_NULL));
    test_deallocate(data, count * PAGE_SIZE);
}

/* The access ends, and has read the page's number. */
static bool has_read(struct pager_access *access, unsigned page)
{
    return pager_access_end(access, TEST_SOON_MS) == KERN_SUCCESS && access->word == page;
}

static void test_all(void)
{
    struct pager_access first, second;

    begin(CLUSTER);
    read_start(&first, 1);
    CHECK(asks(1, CLUSTER), "as many pages are asked for as the pager said");
    read_start(&second, 3);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "one of them is not asked for once more");
    supply(1, CLUSTER);
    CHECK(has_read(&first, 1), "an answer to all of them");
    CHECK(has_read(&second, 3), "is for all who wait");
    CHECK_EQUAL(*(volatile uint32_t *)(a + CLUSTER * PAGE_SIZE), CLUSTER,
                "and a page that nobody waited for is there");
    end();
}

static void test_part(void)
{
    struct pager_access first, second;

    begin(CLUSTER);
    read_start(&first, 0);
    CHECK(asks(0, CLUSTER), "some are asked for");
    read_start(&second, 2);
    CHECK_EQUAL(pager_access_end(&second, TEST_NEVER_MS), KERN_OPERATION_TIMED_OUT,
                "who needs another waits, too");
    supply(0, 1);
    CHECK(has_read(&first, 0), "the first alone comes");
    CHECK(asks(2, CLUSTER), "then who needs another asks for that");
    REQUIRE_OK(memory_object_data_error(control, 2 * PAGE_SIZE, CLUSTER * PAGE_SIZE, KERN_FAILURE));
    CHECK_RESULT(pager_access_end(&second, TEST_SOON_MS), KERN_MEMORY_ERROR, "an error may be for several");
    read_start(&first, 2);
    CHECK(asks(2, CLUSTER), "which can be asked for again");
    read_start(&second, 4);
    test_until_waiting(second.thread);
    supply(4, 2);
    CHECK(has_read(&second, 4), "those behind the first may come before it");
    CHECK_EQUAL(pager_access_end(&first, 0), KERN_OPERATION_TIMED_OUT, "which is waited for");
    REQUIRE_OK(memory_object_data_unavailable(control, 2 * PAGE_SIZE, 2 * PAGE_SIZE));
    CHECK(has_read(&first, 0), "until the pager has none");
    end();
}

static void test_ends(void)
{
    struct pager_access access;

    begin(CLUSTER);
    supply(3, 1);
    read_start(&access, 1);
    CHECK(asks(1, 2), "nothing is asked for from a page on that is there");
    supply(1, 2);
    CHECK(has_read(&access, 1), "it comes");
    read_start(&access, PAGES - 2);
    CHECK(asks(PAGES - 2, 2), "nor behind the end of the mapping");
    supply(PAGES - 2, 1);
    CHECK(has_read(&access, PAGES - 2), "it comes");
    end();
}

static void test_behavior(void)
{
    struct pager_access access;

    begin(1);
    REQUIRE_OK(mach_vm_behavior_set(SELF, a, SIZE, VM_BEHAVIOR_SEQUENTIAL));
    read_start(&access, 0);
    CHECK(asks(0, 16), "memory that is read in sequence is asked for ahead");
    supply(0, 16);
    CHECK(has_read(&access, 0), "it comes");
    REQUIRE_OK(memory_object_set_cluster_size(control, CLUSTER * PAGE_SIZE));
    REQUIRE_OK(mach_vm_behavior_set(SELF, a, SIZE, VM_BEHAVIOR_RANDOM));
    read_start(&access, 20);
    CHECK(asks(20, 1), "memory that is not, page by page");
    supply(20, 1);
    CHECK(has_read(&access, 20), "it comes");
    end();
}

static void test_refused(void)
{
    static const vm_size_t wrong[] = {0, 1, PAGE_SIZE + 1, 65 * PAGE_SIZE, UINT64_MAX};
    struct pager_access access;

    begin(CLUSTER);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        REQUIRE_OK(memory_object_set_cluster_size(control, wrong[i]));
    read_start(&access, 0);
    CHECK(asks(0, CLUSTER), "sizes that make no sense change nothing");
    supply(0, 1);
    CHECK(has_read(&access, 0), "it comes");
    /* limit: pages that one request asks a pager for */
    REQUIRE_OK(memory_object_set_cluster_size(control, 64 * PAGE_SIZE));
    read_start(&access, 1);
    CHECK(asks(1, PAGES - 1), "64 pages are the most");
    supply(1, 1);
    CHECK(has_read(&access, 1), "it comes");
    end();
}

int main(void)
{
    test_begin("pager_cluster");
    test_all();
    test_part();
    test_ends();
    test_behavior();
    test_refused();
    return test_end();
}
