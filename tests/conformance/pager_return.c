/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages on their way back to their pager: memory_object_lock_request, and the end of an object; locks; attributes. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGES 8u
#define SIZE (PAGES * PAGE_SIZE)

static mach_vm_address_t a;
static mach_port_t object;
static memory_object_control_t control;

static volatile uint32_t *word_at(mach_vm_address_t base, unsigned page)
{
    return (volatile uint32_t *)(base + page * PAGE_SIZE);
}

static void begin(void)
{
    object = pager_object(PAGES, &a);
    control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
}

static void lock(unsigned page, unsigned count, memory_object_return_t give, bool flush, vm_prot_t value)
{
    REQUIRE_OK(
        memory_object_lock_request(control, page * PAGE_SIZE, count * PAGE_SIZE, give, flush, value, object));
}

/* The next message gives back `count` pages from `page` on, the first of which begins with `word`. */
static bool returned(unsigned page, unsigned count, uint32_t word, bool dirty, bool kept)
{
    struct pager_message m = pager_receive(object, TEST_SOON_MS);

    return m.id == PAGER_DATA_RETURN && m.control == control && m.offset == page * PAGE_SIZE &&
           m.length == count * PAGE_SIZE && m.word == word && m.dirty == dirty && m.kept == kept;
}

static bool says_completed(const struct pager_message *m, unsigned page, unsigned count)
{
    return m->id == PAGER_LOCK_COMPLETED && m->offset == page * PAGE_SIZE && m->length == count * PAGE_SIZE;
}

static bool completed(unsigned page, unsigned count)
{
    struct pager_message m = pager_receive(object, TEST_SOON_MS);

    return says_completed(&m, page, count);
}

static void test_clean(void)
{
    begin();
    for (unsigned i = 0; i < 4; i++)
        pager_supply(control, i * PAGE_SIZE, 10 + i);
    *word_at(a, 1) = 21;
    *word_at(a, 2) = 22;
    lock(0, PAGES, MEMORY_OBJECT_RETURN_DIRTY, false, VM_PROT_NO_CHANGE);
    CHECK(returned(1, 2, 21, true, true), "pages that were changed are given back, in one message");
    CHECK(completed(0, PAGES), "then the pager is told that it is done");
    lock(0, PAGES, MEMORY_OBJECT_RETURN_DIRTY, false, VM_PROT_NO_CHANGE);
    CHECK(completed(0, PAGES), "and no other time");
    *word_at(a, 1) = 31;
    lock(0, PAGES, MEMORY_OBJECT_RETURN_DIRTY, false, VM_PROT_NO_CHANGE);
    CHECK(returned(1, 1, 31, true, true), "but when they were changed again");
    CHECK(completed(0, PAGES), "it is done");
    CHECK(*word_at(a, 1) == 31 && *word_at(a, 2) == 22, "they stay in memory");
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "an object without changes ends");
    test_port_destroy(object);
}

static void test_flush(void)
{
    struct pager_access access;

    begin();
    pager_supply(control, 0, 1);
    pager_supply(control, PAGE_SIZE, 2);
    *word_at(a, 0) = 3;
    lock(0, 2, MEMORY_OBJECT_RETURN_DIRTY, true, VM_PROT_NO_CHANGE);
    CHECK(returned(0, 1, 3, true, false), "what was changed and leaves memory is given back");
    CHECK(completed(0, 2), "it is done");
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    CHECK_EQUAL(pager_expect(object, PAGER_DATA_REQUEST).offset, PAGE_SIZE, "the others are gone as well");
    pager_supply(control, PAGE_SIZE, 4);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and are asked for");
    CHECK_EQUAL(access.word, 4, "as they are now");
    *word_at(a, 1) = 5;
    lock(1, 1, MEMORY_OBJECT_RETURN_NONE, true, VM_PROT_NO_CHANGE);
    CHECK(completed(1, 1), "changes can be thrown away");
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    pager_supply(control, PAGE_SIZE, 6);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "then the page is as the pager says");
    CHECK_EQUAL(access.word, 6, "it");
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

static void test_precious(void)
{
    mach_vm_address_t data = test_allocate(PAGE_SIZE);

    begin();
    *word_at(data, 0) = 7;
    REQUIRE_OK(
        memory_object_data_supply(control, 0, data, PAGE_SIZE, TRUE, VM_PROT_NONE, TRUE, MACH_PORT_NULL));
    lock(0, 1, MEMORY_OBJECT_RETURN_DIRTY, false, VM_PROT_NO_CHANGE);
    CHECK(completed(0, 1), "a precious page was not changed");
    lock(0, 1, MEMORY_OBJECT_RETURN_ALL, true, VM_PROT_NO_CHANGE);
    CHECK(returned(0, 1, 7, false, false), "and is given back all the same when all are");
    CHECK(completed(0, 1), "it is done");
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

/* With the last mapping what was changed is given back, and then the object ends. */
static void test_last(void)
{
    begin();
    for (unsigned i = 0; i < PAGES; i++)
        pager_supply(control, i * PAGE_SIZE, i);
    for (unsigned i = 2; i < 5; i++)
        *word_at(a, i) = 40 + i;
    test_deallocate(a, SIZE);
    CHECK(returned(2, 3, 42, true, true), "what was changed is given back at the end");
    CHECK(pager_ended(object), "before the object ends");
    a = pager_map(SELF, object, 0, PAGES, FALSE);
    struct pager_message m = pager_expect(object, PAGER_INIT);
    control = m.control;
    REQUIRE_OK(memory_object_ready(control, FALSE, MEMORY_OBJECT_COPY_TEMPORARY));
    pager_supply(control, 0, 1);
    *word_at(a, 0) = 2;
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "but for what is temporary");
    test_port_destroy(object);
}

static void test_locks(void)
{
    mach_vm_address_t data = test_allocate(PAGE_SIZE);
    struct pager_access access;
    struct pager_message m;

    begin();
    *word_at(data, 0) = 8;
    REQUIRE_OK(
        memory_object_data_supply(control, 0, data, PAGE_SIZE, TRUE, VM_PROT_WRITE, FALSE, MACH_PORT_NULL));
    CHECK_EQUAL(*word_at(a, 0), 8, "a page that may not be written can be read");
    pager_access_start(&access, a, true, 9);
    m = pager_receive(object, TEST_SOON_MS);
    CHECK(m.id == PAGER_DATA_UNLOCK && m.offset == 0 && (m.access & VM_PROT_WRITE) != 0,
          "who writes to it waits for the pager");
    CHECK_EQUAL(pager_access_end(&access, TEST_NEVER_MS), KERN_OPERATION_TIMED_OUT, "as long as it takes");
    lock(0, 1, MEMORY_OBJECT_RETURN_NONE, false, VM_PROT_NONE);
    CHECK(completed(0, 1), "that lets it through");
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and then goes on");
    CHECK_EQUAL(*word_at(a, 0), 9, "writing");
    lock(0, 1, MEMORY_OBJECT_RETURN_DIRTY, false, VM_PROT_WRITE);
    CHECK(returned(0, 1, 9, true, true) && completed(0, 1), "a page that is written can be locked again");
    pager_access_start(&access, a, true, 10);
    CHECK_EQUAL(pager_receive(object, TEST_SOON_MS).id, PAGER_DATA_UNLOCK, "for who has it mapped");
    lock(0, 1, MEMORY_OBJECT_RETURN_NONE, true, VM_PROT_NO_CHANGE);
    m = pager_receive(object, TEST_SOON_MS);
    struct pager_message other = pager_receive(object, TEST_SOON_MS);
    const bool first = m.id == PAGER_LOCK_COMPLETED; /* or the thread that waits was faster than the answer */
    CHECK(says_completed(first ? &m : &other, 0, 1), "a locked page can be taken out of memory");
    CHECK_EQUAL(first ? other.id : m.id, PAGER_DATA_REQUEST, "who waits for it asks for the page, then");
    pager_supply(control, 0, 11);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and has it");
    lock(0, 1, MEMORY_OBJECT_RETURN_NONE, false, VM_PROT_READ | VM_PROT_WRITE);
    CHECK(completed(0, 1), "a page can be locked for everybody");
    pager_access_start(&access, a, false, 0);
    m = pager_receive(object, TEST_SOON_MS);
    CHECK(m.id == PAGER_DATA_UNLOCK && m.access == VM_PROT_READ, "who reads it waits, too");
    lock(0, 1, MEMORY_OBJECT_RETURN_NONE, false, VM_PROT_NONE);
    CHECK(completed(0, 1), "until it is not");
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "locked any more");
    CHECK_EQUAL(access.word, 10, "and finds what is there");
    test_deallocate(a, SIZE);
    CHECK(returned(0, 1, 10, true, true), "which was changed");
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

static void test_attributes(void)
{
    boolean_t ready, cache;
    memory_object_copy_strategy_t strategy;
    struct pager_message m;

    begin();
    CHECK_RESULT(memory_object_get_attributes(control, &ready, &cache, &strategy), KERN_SUCCESS,
                 "attributes are told");
    CHECK(ready && !cache && strategy == MEMORY_OBJECT_COPY_DELAY, "as they were set");
    CHECK_RESULT(memory_object_get_attributes(SELF, &ready, &cache, &strategy), KERN_INVALID_ARGUMENT,
                 "but those of no object");
    REQUIRE_OK(memory_object_change_attributes(control, TRUE, MEMORY_OBJECT_COPY_TEMPORARY, object));
    m = pager_receive(object, TEST_SOON_MS);
    CHECK(m.id == PAGER_CHANGE_COMPLETED && m.kept && m.result == MEMORY_OBJECT_COPY_TEMPORARY,
          "they can be changed");
    pager_supply(control, 0, 12);
    test_deallocate(a, SIZE);
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "an object that may be cached stays");
    a = pager_map(SELF, object, 0, PAGES, FALSE);
    CHECK_EQUAL(*word_at(a, 0), 12, "with its pages");
    test_deallocate(a, SIZE);
    REQUIRE_OK(memory_object_change_attributes(control, FALSE, MEMORY_OBJECT_COPY_DELAY, MACH_PORT_NULL));
    CHECK(pager_ended(object), "until it may not");
    test_port_destroy(object);
}

static void test_destroy(void)
{
    struct pager_access access;

    begin();
    pager_supply(control, 0, 1);
    *word_at(a, 0) = 2;
    pager_access_start(&access, a + PAGE_SIZE, false, 0);
    (void)pager_expect(object, PAGER_DATA_REQUEST);
    REQUIRE_OK(memory_object_destroy(control, KERN_FAILURE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR,
                 "who waits for an object that is given up gets an exception");
    pager_access_start(&access, a + 2 * PAGE_SIZE, false, 0);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR, "so does who comes later");
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "it ends, and nothing is given back");
    test_port_destroy(object);
}

/* A copy keeps what was there when the pager takes the pages of the object away, or others change them. */
static void test_copy(void)
{
    mach_vm_address_t b;

    begin();
    pager_supply(control, 0, 13);
    *word_at(a, 0) = 14;
    b = pager_map(SELF, object, 0, PAGES, TRUE);
    lock(0, 1, MEMORY_OBJECT_RETURN_NONE, true, VM_PROT_NO_CHANGE);
    CHECK(completed(0, 1), "a page that is shared with a copy is taken away");
    CHECK_EQUAL(*word_at(b, 0), 14, "and the copy has it");
    test_deallocate(a, SIZE);
    test_deallocate(b, SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

/* --- mach_vm_msync --- */

static vm_sync_t sync_flags;

static kern_return_t call_sync(struct pager_access *access)
{
    (void)access;
    return mach_vm_msync(SELF, a, SIZE, sync_flags);
}

/* The address is the name of a thread, which is aborted when it waits. */
static kern_return_t call_abort(struct pager_access *access)
{
    const thread_act_t thread = (thread_act_t)(uintptr_t)access->address;

    test_until_waiting(thread);
    return thread_abort(thread);
}

static void sync_start(struct pager_access *access, vm_sync_t flags)
{
    sync_flags = flags;
    pager_call_start(access, call_sync, 0);
}

static bool synchronize(unsigned page, unsigned count)
{
    struct pager_message m = pager_receive(object, TEST_SOON_MS);

    return m.id == PAGER_SYNCHRONIZE && m.offset == page * PAGE_SIZE && m.length == count * PAGE_SIZE &&
           m.access == VM_SYNC_SYNCHRONOUS;
}

static void safe(unsigned page, unsigned count)
{
    REQUIRE_OK(memory_object_synchronize_completed(control, page * PAGE_SIZE, count * PAGE_SIZE));
}

static void test_sync(void)
{
    struct pager_access access;

    begin();
    for (unsigned i = 0; i < 3; i++)
        pager_supply(control, i * PAGE_SIZE, 10 + i);
    *word_at(a, 1) = 21;
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_ASYNCHRONOUS), KERN_SUCCESS,
                 "changes can be given back");
    CHECK(returned(1, 1, 21, true, true), "to the pager");
    CHECK_EQUAL(pager_receive(object, TEST_NEVER_MS).id, 0, "which need not say anything");
    *word_at(a, 2) = 22;
    sync_start(&access, VM_SYNC_SYNCHRONOUS);
    CHECK(returned(2, 1, 22, true, true), "they can be waited for, too");
    CHECK(synchronize(0, PAGES), "the pager is asked to make them safe");
    safe(0, PAGES - 1);
    CHECK_EQUAL(pager_access_end(&access, TEST_NEVER_MS), KERN_OPERATION_TIMED_OUT,
                "what it says of another range does not count");
    safe(0, PAGES);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "until it says so");
    *word_at(a, 0) = 20;
    CHECK_RESULT(mach_vm_msync(SELF, a, PAGE_SIZE, VM_SYNC_INVALIDATE), KERN_SUCCESS,
                 "memory can be cleared");
    CHECK(returned(0, 1, 20, true, false), "changes are given back then");
    pager_access_start(&access, a, false, 0);
    CHECK_EQUAL(pager_expect(object, PAGER_DATA_REQUEST).offset, 0, "and the page is asked for");
    pager_supply(control, 0, 20);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "once more");
    test_deallocate(a, SIZE);
    CHECK(pager_ended(object), "the object ends");
    test_port_destroy(object);
}

/* A range with a hole; a wait that is ended; a pager that dies. */
static void test_sync_parts(void)
{
    struct pager_access access;

    begin();
    pager_supply(control, 0, 1);
    test_deallocate(a + 2 * PAGE_SIZE, PAGE_SIZE);
    sync_start(&access, VM_SYNC_SYNCHRONOUS);
    CHECK(synchronize(0, 2), "what is before a hole is waited for");
    safe(0, 2);
    CHECK(synchronize(3, PAGES - 3), "then what is behind it");
    safe(3, PAGES - 3);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and that is all");
    const thread_act_t self = mach_thread_self();
    pager_call_start(&access, call_abort, self);
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_SYNCHRONOUS), KERN_ABORTED, "the wait can be ended");
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "by another thread");
    REQUIRE_OK(mach_port_deallocate(SELF, self));
    CHECK(synchronize(0, 2), "after the pager was asked");
    sync_start(&access, VM_SYNC_SYNCHRONOUS);
    CHECK(synchronize(0, 2), "it is waited for");
    test_port_destroy(object);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR, "a pager that dies ends it");
    CHECK_RESULT(mach_vm_msync(SELF, a, SIZE, VM_SYNC_ASYNCHRONOUS), KERN_MEMORY_ERROR,
                 "and takes nothing any more");
    test_deallocate(a, 2 * PAGE_SIZE);
    test_deallocate(a + 3 * PAGE_SIZE, SIZE - 3 * PAGE_SIZE);
    test_port_destroy(control);
}

int main(void)
{
    test_begin("pager_return");
    test_clean();
    test_flush();
    test_precious();
    test_last();
    test_locks();
    test_attributes();
    test_destroy();
    test_copy();
    test_sync();
    test_sync_parts();
    CHECK_RESULT(host_set_pager_timeout(SELF, 1), KERN_INVALID_HOST, "not everybody sets how long to wait");
    return test_end();
}
