/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that a user-level pager provides: memory_object.defs, memory_object_control.defs, mach_vm_map with the pager's port. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGES 8u

static volatile uint32_t *word_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint32_t *)(base + page * PAGE_SIZE);
}

static void test_begin_and_end(void)
{
    mach_vm_address_t a, b;
    mach_port_t object = pager_object(PAGES, &a);
    struct pager_message m = pager_receive(object, TEST_SOON_MS);

    CHECK_EQUAL(m.id, PAGER_INIT, "the pager is told of the first mapping");
    CHECK(m.length == PAGE_SIZE && test_type(m.control) == MACH_PORT_TYPE_SEND &&
              test_type(m.name) == MACH_PORT_TYPE_SEND && m.control != m.name,
          "with send rights to two ports of the kernel's");
    b = pager_map(SELF, object, PAGE_SIZE, 1, FALSE);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "but not of the second");
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "nor of the end of one of both");
    test_deallocate(b, PAGE_SIZE);
    struct pager_message end = pager_receive(object, TEST_SOON_MS);
    CHECK_EQUAL(end.id, PAGER_TERMINATE, "it is told when the last one ends");
    CHECK(end.control == m.control && end.name == m.name &&
              (test_type(m.control) & MACH_PORT_TYPE_RECEIVE) != 0,
          "and gets the two ports");
    test_port_destroy(m.control);
    test_port_destroy(m.name);
    a = pager_map(SELF, object, 0, 1, FALSE);
    CHECK_EQUAL(pager_receive(object, TEST_SOON_MS).id, PAGER_INIT, "then it begins anew");
    test_deallocate(a, PAGE_SIZE);
    CHECK(pager_ended(object), "and ends, though the pager never was ready");
    test_port_destroy(object);
}

static void test_request(void)
{
    mach_vm_address_t a;
    mach_port_t object = pager_object(PAGES, &a);
    struct pager_access first, second;
    struct pager_message m = pager_expect(object, PAGER_INIT);

    pager_access_start(&first, a + 2 * PAGE_SIZE + 8, false, 0);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "nothing is asked for before the pager is ready");
    REQUIRE_OK(memory_object_ready(m.control, FALSE, MEMORY_OBJECT_COPY_DELAY));
    m = pager_receive(object, TEST_SOON_MS);
    CHECK(m.id == PAGER_DATA_REQUEST && m.offset == 2 * PAGE_SIZE && m.length == PAGE_SIZE &&
              m.access == VM_PROT_READ,
          "a page that is read is asked for");
    pager_access_start(&second, a + 2 * PAGE_SIZE, false, 0);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "once, however many threads wait for it");
    CHECK_EQUAL(pager_access_end(&first, 0), KERN_OPERATION_TIMED_OUT, "the threads wait");
    pager_supply(m.control, m.offset, 7);
    CHECK_RESULT(pager_access_end(&first, TEST_SOON_MS), KERN_SUCCESS, "until it is supplied");
    CHECK_RESULT(pager_access_end(&second, TEST_SOON_MS), KERN_SUCCESS, "all of them");
    CHECK(first.word == 7 && second.word == 7, "with its contents");
    *word_at(a, 2) = 8;
    CHECK_EQUAL(*word_at(a, 2), 8, "it can be written");
    pager_access_start(&first, a + 3 * PAGE_SIZE, true, 9);
    m = pager_expect(object, PAGER_DATA_REQUEST);
    CHECK(m.offset == 3 * PAGE_SIZE && m.access == VM_PROT_DEFAULT, "a write asks for a page to be written");
    REQUIRE_OK(memory_object_data_unavailable(m.control, m.offset, m.length));
    CHECK_RESULT(pager_access_end(&first, TEST_SOON_MS), KERN_SUCCESS, "a pager without data is no error");
    CHECK(word_at(a, 3)[0] == 9 && word_at(a, 3)[1] == 0, "the page is zero");
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK(pager_finished(object), "the object ends");
    test_port_destroy(object);
}

static void test_supply(void)
{
    mach_vm_address_t a, data = test_allocate(2 * PAGE_SIZE);
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    struct pager_message m;

    *word_at(data, 0) = 1;
    REQUIRE_OK(memory_object_data_supply(control, PAGE_SIZE, data, 2 * PAGE_SIZE, FALSE, VM_PROT_NONE, FALSE,
                                         object));
    m = pager_receive(object, TEST_SOON_MS);
    CHECK(m.id == PAGER_SUPPLY_COMPLETED && m.control == control && m.offset == PAGE_SIZE &&
              m.result == KERN_SUCCESS,
          "who supplies is told that it is done");
    CHECK(*word_at(a, 1) == 1 && *word_at(a, 2) == 0, "nobody waits for pages that came before");
    *word_at(a, 1) = 2;
    CHECK_EQUAL(*word_at(data, 0), 1, "the pager keeps its own");
    REQUIRE_OK(memory_object_data_supply(control, 2 * PAGE_SIZE, data, 2 * PAGE_SIZE, FALSE, VM_PROT_NONE,
                                         FALSE, object));
    m = pager_receive(object, TEST_SOON_MS);
    CHECK(m.result == KERN_MEMORY_PRESENT && m.offset == 2 * PAGE_SIZE, "what is there already is told");
    CHECK(*word_at(a, 2) == 0 && *word_at(a, 3) == 0, "and stays as it is; the rest is used");
    CHECK_EQUAL(pager_receive(object, 0).id, 0, "nothing was asked for");
    test_deallocate(data, 2 * PAGE_SIZE);
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK(pager_finished(object), "the object ends");
    test_port_destroy(object);
}

static void test_error(void)
{
    mach_vm_address_t a;
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    struct pager_access access;
    struct pager_message m;

    pager_access_start(&access, a, false, 0);
    m = pager_expect(object, PAGER_DATA_REQUEST);
    REQUIRE_OK(memory_object_data_error(control, 0, PAGE_SIZE, KERN_FAILURE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "an error of the pager is an exception of who waits");
    pager_access_start(&access, a, false, 0);
    m = pager_receive(object, TEST_SOON_MS);
    CHECK_EQUAL(m.id, PAGER_DATA_REQUEST, "the next one asks again");
    pager_supply(control, 0, 3);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and may have better luck");
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

/* Copies see what was there when they were made, wherever it was. */
static void test_copy(void)
{
    mach_vm_address_t a, b, c;
    mach_port_t object = pager_object(PAGES, &a);
    memory_object_control_t control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    struct pager_access access;

    pager_supply(control, 0, 10);
    pager_supply(control, PAGE_SIZE, 11);
    *word_at(a, 1) = 12;
    b = pager_map(SELF, object, 0, PAGES, TRUE);
    CHECK(*word_at(b, 0) == 10 && *word_at(b, 1) == 12, "a copy has the pages that are there");
    *word_at(a, 0) = 13;
    *word_at(b, 1) = 14;
    CHECK(*word_at(b, 0) == 10 && *word_at(a, 1) == 12, "and both are written apart");
    pager_access_start(&access, b + 2 * PAGE_SIZE, true, 15);
    CHECK_EQUAL(pager_expect(object, PAGER_DATA_REQUEST).offset, 2 * PAGE_SIZE,
                "what is not there is asked for");
    pager_supply(control, 2 * PAGE_SIZE, 16);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "by who writes to the copy");
    CHECK(word_at(b, 2)[0] == 15 && word_at(b, 2)[1] == 16 && *word_at(a, 2) == 16,
          "which changes only that");
    pager_supply(control, 3 * PAGE_SIZE, 17);
    REQUIRE_OK(mach_vm_remap(SELF, &(mach_vm_address_t){0}, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, b, TRUE,
                             &(vm_prot_t){0}, &(vm_prot_t){0}, VM_INHERIT_NONE));
    c = 0;
    REQUIRE_OK(mach_vm_remap(SELF, &c, 3 * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, b + 2 * PAGE_SIZE, TRUE,
                             &(vm_prot_t){0}, &(vm_prot_t){0}, VM_INHERIT_NONE));
    *word_at(a, 3) = 18;
    CHECK_EQUAL(*word_at(b, 3), 17, "what came after the copy was made is changed for others alone");
    CHECK(*word_at(c, 0) == 15 && *word_at(c, 1) == 17, "a copy of a copy sees the same");
    test_deallocate(a, PAGES * PAGE_SIZE);
    test_deallocate(b, PAGES * PAGE_SIZE);
    pager_access_start(&access, c + 2 * PAGE_SIZE, false, 0);
    CHECK_EQUAL(pager_expect(object, PAGER_DATA_REQUEST).offset, 4 * PAGE_SIZE,
                "a copy keeps the object when its mappings are gone");
    pager_supply(control, 4 * PAGE_SIZE, 19);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and gets what it needs");
    CHECK_EQUAL(access.word, 19, "as it is");
    test_deallocate(c, 3 * PAGE_SIZE);
}

int main(void)
{
    test_begin("pager");
    test_begin_and_end();
    test_request();
    test_supply();
    test_error();
    test_copy();
    return test_end();
}
