/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of memory whose pager changes the data itself: made at once (MEMORY_OBJECT_COPY_NONE), or by the pager (MEMORY_OBJECT_COPY_CALL). */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <mach/memory_object_control.h>

#define SELF mach_task_self()
#define PAGES 4u
#define LARGE 257u

static mach_port_t object;
static memory_object_control_t control;
static mach_vm_address_t a;

static volatile uint32_t *word_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint32_t *)(base + page * PAGE_SIZE);
}

static void begin(memory_object_copy_strategy_t strategy)
{
    object = pager_object(PAGES, &a);
    control = pager_begin(object, strategy);
}

static void end(void)
{
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK(pager_finished(object), "the object ends");
    test_port_destroy(object);
}

/* The pager takes its page and provides another. */
static void change(unsigned page, uint32_t word)
{
    REQUIRE_OK(memory_object_lock_request(control, page * PAGE_SIZE, PAGE_SIZE, MEMORY_OBJECT_RETURN_NONE,
                                          TRUE, VM_PROT_NO_CHANGE, MACH_PORT_NULL));
    pager_supply(control, page * PAGE_SIZE, word);
}

/* --- at once --- */

static mach_vm_address_t copied;
static task_t child;

static kern_return_t call_map_copy(struct pager_access *access)
{
    copied = 0;
    return mach_vm_map(SELF, &copied, 2 * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, object,
                       (mach_vm_address_t)access->address - a, TRUE, VM_PROT_DEFAULT, VM_PROT_ALL,
                       VM_INHERIT_NONE);
}

static void test_at_once(void)
{
    struct pager_access access;

    begin(MEMORY_OBJECT_COPY_NONE);
    pager_supply(control, 0, 10);
    pager_call_start(&access, call_map_copy, a);
    CHECK_EQUAL(pager_receive(object, TEST_SOON_MS).offset, PAGE_SIZE,
                "a page that is missing for a copy is asked for at once");
    CHECK_EQUAL(pager_access_end(&access, 0), KERN_OPERATION_TIMED_OUT, "who copies waits for it");
    pager_supply(control, PAGE_SIZE, 11);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and then has the copy");
    CHECK(*word_at(copied, 0) == 10 && *word_at(copied, 1) == 11, "with what was there");
    change(1, 12);
    *word_at(a, 0) = 13;
    CHECK(*word_at(a, 1) == 12 && *word_at(copied, 1) == 11 && *word_at(copied, 0) == 10,
          "which stays, whoever changes the object");
    const mach_vm_address_t kept = copied;
    pager_call_start(&access, call_map_copy, a + 2 * PAGE_SIZE);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    REQUIRE_OK(memory_object_data_error(control, 2 * PAGE_SIZE, PAGE_SIZE, KERN_FAILURE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "without a page there is no copy");
    const mach_vm_address_t large = pager_map(SELF, object, 0, LARGE, FALSE);
    vm_offset_t data;
    mach_msg_type_number_t size;
    /* limit: copy of memory whose pager wants no delayed ones */
    CHECK_RESULT(mach_vm_read(SELF, large, LARGE * PAGE_SIZE, &data, &size), KERN_RESOURCE_SHORTAGE,
                 "more than 1 MiB is not copied at once");
    CHECK_EQUAL(pager_receive(object, 0).id, 0, "nor asked for");
    test_deallocate(large, LARGE * PAGE_SIZE);
    end();
    CHECK_EQUAL(*word_at(kept, 1), 11, "and the copy does not need it");
    test_deallocate(kept, 2 * PAGE_SIZE);
}

static kern_return_t call_inherit(struct pager_access *access)
{
    (void)access;
    return task_create(SELF, TRUE, &child);
}

static uint32_t word_of(task_t task, mach_vm_address_t at)
{
    mach_msg_type_number_t size = sizeof(uint32_t);
    uint32_t word = 0;

    REQUIRE_OK(mach_vm_read_inband(task, at, size, (uint8_t *)&word, &size));
    return word;
}

static void test_inherited(void)
{
    struct pager_access access;

    begin(MEMORY_OBJECT_COPY_NONE);
    REQUIRE_OK(mach_vm_inherit(SELF, a, PAGE_SIZE, VM_INHERIT_COPY));
    REQUIRE_OK(mach_vm_inherit(SELF, a + PAGE_SIZE, (PAGES - 1) * PAGE_SIZE, VM_INHERIT_NONE));
    pager_call_start(&access, call_inherit, a);
    CHECK_EQUAL(pager_receive(object, TEST_SOON_MS).id, PAGER_DATA_REQUEST,
                "a child that inherits a copy waits for its pages");
    REQUIRE_OK(memory_object_data_error(control, 0, PAGE_SIZE, KERN_FAILURE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR, "or does not come to be");
    pager_call_start(&access, call_inherit, a);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    pager_supply(control, 0, 14);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "until they are there");
    change(0, 15);
    CHECK(word_of(child, a) == 14 && *word_at(a, 0) == 15, "it has what was there");
    REQUIRE_OK(task_terminate(child));
    REQUIRE(test_child_wait(child));
    REQUIRE_OK(mach_vm_inherit(SELF, a + PAGE_SIZE, PAGE_SIZE, VM_INHERIT_COPY));
    REQUIRE_OK(memory_object_destroy(control, KERN_FAILURE));
    CHECK_RESULT(task_create(SELF, TRUE, &child), KERN_MEMORY_ERROR, "nor without a pager");
    end();
}

/* --- by the pager --- */

/* Take the news of a copy. Returns: the new object. */
static mach_port_t copy_expect(unsigned page, unsigned pages)
{
    const struct pager_message m = pager_expect(object, PAGER_COPY);

    CHECK(m.control == control && m.offset == page * PAGE_SIZE && m.length == pages * PAGE_SIZE,
          "the pager is told which pages were copied");
    CHECK_EQUAL(test_type(m.name) & MACH_PORT_TYPE_RECEIVE, MACH_PORT_TYPE_RECEIVE,
                "and gets a new object for them");
    return m.name;
}

static void test_called(void)
{
    boolean_t ready, cache;
    memory_object_copy_strategy_t strategy;
    struct pager_access access;

    begin(MEMORY_OBJECT_COPY_CALL);
    pager_supply(control, 0, 20);
    pager_supply(control, PAGE_SIZE, 30);
    *word_at(a, 1) = 31;
    const mach_vm_address_t b = pager_map(SELF, object, PAGE_SIZE, 2, TRUE);
    const struct pager_message back = pager_receive(object, TEST_SOON_MS);
    CHECK(back.id == PAGER_DATA_RETURN && back.offset == PAGE_SIZE && back.word == 31 && back.kept,
          "what was changed comes back first");
    const mach_port_t other = copy_expect(1, 2);
    const memory_object_control_t its = pager_expect(other, PAGER_INIT).control;
    REQUIRE_OK(memory_object_get_attributes(its, &ready, &cache, &strategy));
    CHECK(!ready && !cache && strategy == MEMORY_OBJECT_COPY_TEMPORARY, "that is of no use beyond the copy");
    REQUIRE_OK(memory_object_ready(its, FALSE, MEMORY_OBJECT_COPY_TEMPORARY));
    *word_at(a, 1) = 32;
    pager_access_start(&access, b, false, 0);
    CHECK_EQUAL(pager_expect(other, PAGER_DATA_REQUEST).offset, 0, "its pages are asked for from 0 on");
    pager_supply(its, 0, 31);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "the pager provides them");
    CHECK(access.word == 31 && *word_at(a, 1) == 32, "as it has kept them");
    *word_at(b, 0) = 33;
    CHECK(*word_at(b, 0) == 33 && *word_at(a, 1) == 32, "and they are written apart");
    test_deallocate(b, 2 * PAGE_SIZE);
    CHECK(pager_ended(other), "the new object ends with the copy, and gives nothing back");
    test_port_destroy(other);
    CHECK_EQUAL(pager_receive(object, 0).id, 0, "the other goes on");
    end();
}

/* Parts of pages are read as they are. */
static void test_called_part(void)
{
    mach_msg_type_number_t size;
    vm_offset_t data;

    begin(MEMORY_OBJECT_COPY_CALL);
    pager_supply(control, 0, 40);
    pager_supply(control, PAGE_SIZE, 41);
    CHECK_RESULT(mach_vm_read(SELF, a + PAGE_SIZE - 4, 8, &data, &size), KERN_SUCCESS,
                 "a few bytes are copied at once");
    CHECK(size == 8 && ((uint32_t *)data)[0] == 40 && ((uint32_t *)data)[1] == 41, "as they are");
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "and the pager hears nothing of it");
    test_deallocate(data & ~PAGE_MASK, 2 * PAGE_SIZE);
    end();
}

static void test_called_refused(void)
{
    struct pager_access access;

    begin(MEMORY_OBJECT_COPY_CALL);
    const mach_vm_address_t b = pager_map(SELF, object, 0, 1, TRUE);
    const mach_port_t other = copy_expect(0, 1);
    pager_access_start(&access, b, false, 0);
    test_port_destroy(other);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "a pager that does not want the new object leaves the copy without memory");
    test_deallocate(b, PAGE_SIZE);
    end();
}

int main(void)
{
    test_begin("pager_copies");
    test_at_once();
    test_inherited();
    test_called();
    test_called_part();
    test_called_refused();
    return test_end();
}
