/* SPDX-License-Identifier: BSD-2-Clause */
/* Pagers that are slow, die, or talk nonsense: only who uses their memory is harmed, and is told. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGES 4u

static void test_death(void)
{
    mach_vm_address_t a;
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    struct pager_access access;

    pager_supply(control, 0, 1);
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    test_port_destroy(object);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "who waits for a pager that dies gets an exception");
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR, "so does who comes later");
    CHECK_EQUAL(*(volatile uint32_t *)a, 1, "what is there can be used");
    pager_supply(control, PAGE_SIZE, 2);
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "what the dead supply is not taken");
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK_RESULT(mach_vm_map(SELF, &a, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, object, 0, FALSE, VM_PROT_READ,
                             VM_PROT_READ, VM_INHERIT_NONE),
                 MACH_SEND_INVALID_RIGHT, "a name that is gone maps nothing");
    test_port_destroy(control);
}

/* Before the pager has taken its first message. */
static void test_death_unheard(void)
{
    mach_vm_address_t a;
    mach_port_t object = pager_object(PAGES, &a);
    struct pager_access access;

    pager_access_start(&access, a, true, 0);
    test_sleep(TEST_NEVER_MS);
    test_port_destroy(object);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "a pager that dies before it was ready");
    test_deallocate(a, PAGES * PAGE_SIZE);
}

static void test_abort(void)
{
    mach_vm_address_t a;
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    struct pager_access access;

    pager_access_start(&access, a, false, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    CHECK_RESULT(thread_abort(access.thread), KERN_SUCCESS, "a thread that waits is taken off");
    CHECK_EQUAL(pager_access_end(&access, TEST_NEVER_MS), KERN_OPERATION_TIMED_OUT,
                "and waits again, since it needs the page");
    CHECK_EQUAL(pager_receive(object, 0).id, 0, "which is not asked for twice");
    pager_supply(control, 0, 1);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "it gets it in the end");
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    REQUIRE_OK(thread_terminate(access.thread));
    CHECK(test_child_wait(access.thread), "a thread that waits can be ended");
    test_port_destroy(access.port);
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "what it asked for is still due");
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_INVALID_ADDRESS,
                 "a thread waits for no memory that was removed");
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

/* Nothing happens, and a message to the kernel that is no memory object's. */
static void test_nonsense(void)
{
    mach_vm_address_t a, data = test_allocate(4 * PAGE_SIZE);
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    const memory_object_offset_t top = ~PAGE_MASK;
    struct pager_access access;

    pager_access_start(&access, a, false, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
#define SUPPLY(offset, data, size, lock)                                                                     \
    REQUIRE_OK(memory_object_data_supply(control, offset, data, size, FALSE, lock, FALSE, MACH_PORT_NULL))
    SUPPLY(8, data, PAGE_SIZE, VM_PROT_NONE);
    SUPPLY(0, data + 8, PAGE_SIZE, VM_PROT_NONE);
    SUPPLY(0, data, PAGE_SIZE + 8, VM_PROT_NONE);
    SUPPLY(0, data, PAGE_SIZE, 0x100);
    SUPPLY(0, data, 0, VM_PROT_NONE);
    SUPPLY(top, data, 4 * PAGE_SIZE, VM_PROT_NONE);
    SUPPLY(PAGES * PAGE_SIZE, data, PAGE_SIZE, VM_PROT_NONE);
    REQUIRE_OK(memory_object_data_unavailable(control, 8, PAGE_SIZE));
    REQUIRE_OK(memory_object_data_unavailable(control, 0, 8));
    REQUIRE_OK(memory_object_data_unavailable(control, top, 4 * PAGE_SIZE));
    REQUIRE_OK(memory_object_data_error(control, 8, PAGE_SIZE, 0));
    REQUIRE_OK(memory_object_data_error(control, PAGE_SIZE, top - PAGE_SIZE, 0));
    REQUIRE_OK(memory_object_ready(control, FALSE, 99));
    REQUIRE_OK(memory_object_data_error(SELF, 0, PAGE_SIZE, 0));
    CHECK_EQUAL(pager_access_end(&access, TEST_NEVER_MS), KERN_OPERATION_TIMED_OUT,
                "nonsense of a pager does nothing");
    REQUIRE_OK(memory_object_data_unavailable(control, 0, top));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS,
                 "what it says of far too much is true of what is asked for");
    CHECK_EQUAL(access.word, 0, "which is zero");
    CHECK_EQUAL(pager_receive(object, 0).id, 0, "there was one request");
    test_deallocate(a, PAGES * PAGE_SIZE);
    test_deallocate(data, 4 * PAGE_SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

static void child_faults(void)
{
    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_BAD_ACCESS, TEST_CHILD_PORT(0), EXCEPTION_DEFAULT,
                                        THREAD_STATE_NONE));
    *(volatile uint32_t *)8 = 1;
}

/* An exception handler can be any port. */
static void test_exception_port(void)
{
    mach_vm_address_t a;
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    const struct test_right right = {control, MACH_MSG_TYPE_COPY_SEND};
    struct pager_access access;

    CHECK(test_child_wait(test_child(child_faults, &right, 1)), "a control port handles no exception");
    pager_access_start(&access, a, false, 0);
    CHECK_EQUAL(pager_receive(object, TEST_SOON_MS).id, PAGER_DATA_REQUEST,
                "and takes it for no news of its pager's");
    pager_supply(control, 0, 1);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "the object goes on");
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK(pager_ended(object), "to its end");
    test_port_destroy(object);
}

/* All in a child, whose memory and rights must be gone with it. */
static void child_leaves(void)
{
    mach_vm_address_t a, b;
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    struct pager_access access[2];

    pager_supply(control, 0, 1);
    b = pager_map(SELF, object, 0, PAGES, TRUE);
    *(volatile uint32_t *)b = 2;
    pager_access_start(&access[0], a + PAGE_SIZE, false, 0);
    pager_access_start(&access[1], b + 2 * PAGE_SIZE, true, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    REQUIRE_OK(task_terminate(SELF));
}

static void test_leave(void)
{
    test_leak_begin();
    for (unsigned i = 0; i < 4; i++)
        REQUIRE(test_child_wait(test_child(child_leaves, NULL, 0)));
    CHECK_NO_LEAK("a task that is its own pager, and waits for itself, ends as others do");
}

int main(void)
{
    test_begin("pager_hostile");
    test_death();
    test_death_unheard();
    test_abort();
    test_nonsense();
    test_exception_port();
    test_leave();
    return test_end();
}
