/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls and messages that need memory which a pager has: they wait as an access does, and the pager's errors are theirs. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()
#define PAGES 12u
#define SIZE (PAGES * PAGE_SIZE)

static mach_port_t other; /* a port of this task, to talk to itself */

/* --- what is called; `address` is of memory that is not there --- */

static kern_return_t call_send(struct pager_access *access)
{
    struct test_message *m = (struct test_message *)access->address;

    return mach_msg(&m->header, MACH_SEND_MSG, sizeof(m->header) + 4, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static kern_return_t call_receive(struct pager_access *access)
{
    struct test_message *m = (struct test_message *)access->address;

    return mach_msg(&m->header, MACH_RCV_MSG, 0, sizeof(*m), other, 0, MACH_PORT_NULL);
}

/* Take a call to `other`, and answer it with its own id. */
static kern_return_t call_serve(struct pager_access *access)
{
    struct test_message *m = (struct test_message *)access->address;
    kern_return_t kr = call_receive(access);

    if (kr != KERN_SUCCESS)
        return kr;
    m->header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
    m->header.msgh_local_port = MACH_PORT_NULL;
    return mach_msg(&m->header, MACH_SEND_MSG, m->header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

/* A call to `other`, with a right if that is set; its answer comes to memory that is not there. */
static mach_port_t passed;

static kern_return_t call_rpc(struct pager_access *access)
{
    const mach_port_t reply = mach_reply_port();
    struct test_port_message m = {
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                   .msgh_size = sizeof(m.header) + 8,
                   .msgh_remote_port = other,
                   .msgh_local_port = reply,
                   .msgh_id = 44}};

    (void)access;
    if (passed != MACH_PORT_NULL) {
        m.header.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
        m.header.msgh_size = offsetof(struct test_port_message, word);
        m.body.msgh_descriptor_count = 1;
        m.port = (mach_msg_port_descriptor_t){
            .name = passed, .disposition = MACH_MSG_TYPE_COPY_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    }
    kern_return_t kr = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, m.header.msgh_size, sizeof(m), reply,
                                0, MACH_PORT_NULL);
    test_port_destroy(reply);
    return kr;
}

static kern_return_t call_read(struct pager_access *access)
{
    vm_offset_t data;
    mach_msg_type_number_t count;
    kern_return_t kr = mach_vm_read(SELF, (mach_vm_address_t)access->address + 4, 4, &data, &count);

    if (kr == KERN_SUCCESS) {
        access->word = *(const uint32_t *)data;
        test_deallocate(data, 4);
    }
    return kr;
}

static kern_return_t call_read_inband(struct pager_access *access)
{
    mach_msg_type_number_t count = 4;

    return mach_vm_read_inband(SELF, (mach_vm_address_t)access->address, 4, (uint8_t *)&access->word, &count);
}

static kern_return_t call_write_inband(struct pager_access *access)
{
    uint32_t word = 77;

    return mach_vm_write_inband(SELF, (mach_vm_address_t)access->address, (uint8_t *)&word, 4);
}

static kern_return_t call_overwrite(struct pager_access *access)
{
    mach_vm_size_t size;
    uint32_t word = 78;

    return mach_vm_read_overwrite(SELF, (mach_vm_address_t)&word, 4, (mach_vm_address_t)access->address,
                                  &size);
}

static kern_return_t call_copy(struct pager_access *access)
{
    const mach_vm_address_t from = (mach_vm_address_t)access->address;
    uint32_t to = 0;
    kern_return_t kr = mach_vm_copy(SELF, from, 4, (mach_vm_address_t)&to);

    access->word = to;
    return kr;
}

static kern_return_t call_ool(struct pager_access *access)
{
    struct {
        mach_msg_base_t base;
        mach_msg_ool_descriptor_t ool;
    } m = {
        .base.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                        .msgh_size = sizeof(m),
                        .msgh_remote_port = other},
        .base.body.msgh_descriptor_count = 1,
        .ool = {.type = MACH_MSG_OOL_DESCRIPTOR, .address = (void *)access->address, .size = PAGE_SIZE},
    };

    return mach_msg(&m.base.header, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static kern_return_t call_print(struct pager_access *access)
{
    return mach_print((const char *)access->address);
}

/* --- the tests --- */

static mach_vm_address_t base;
static mach_port_t object;
static memory_object_control_t control;

/* A page for a message to `other`. */
static void supply_message(memory_object_offset_t offset)
{
    mach_vm_address_t data = test_allocate(PAGE_SIZE);
    struct test_message m = {.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
                                        .msgh_size = sizeof(m.header) + 4,
                                        .msgh_remote_port = other,
                                        .msgh_id = 42}};

    memcpy((void *)data, &m, sizeof(m.header));
    REQUIRE_OK(memory_object_data_supply(control, offset, data, PAGE_SIZE, TRUE, VM_PROT_NONE, FALSE,
                                         MACH_PORT_NULL));
}

/* Start the call on page `page`, and take the request that comes of it. */
static void start(struct pager_access *access, kern_return_t (*call)(struct pager_access *), unsigned page)
{
    pager_call_start(access, call, base + page * PAGE_SIZE);
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == page * PAGE_SIZE);
}

static void test_messages(void)
{
    struct pager_access access;

    start(&access, call_send, 0);
    CHECK(test_receive_nothing(other) == MACH_RCV_TIMED_OUT,
          "a message in memory that is not there is not sent");
    supply_message(0);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "until it is there");
    CHECK(test_receive_id(other, 42), "as the pager wrote it");
    pager_call_start(&access, call_receive, base + PAGE_SIZE);
    REQUIRE_OK(test_send(other, MACH_MSG_TYPE_COPY_SEND, 43, 2));
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == PAGE_SIZE);
    REQUIRE_OK(memory_object_data_unavailable(control, PAGE_SIZE, PAGE_SIZE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS,
                 "a message is received when its place is there");
    CHECK(((struct test_message *)(base + PAGE_SIZE))->header.msgh_id == 43, "and is written to it");
}

/* The partner of a call waits already: it is switched to, and then its buffer is not there. */
static void test_rpc(mach_port_t right, unsigned page, const char *what)
{
    const struct test_message *came = (const struct test_message *)(base + page * PAGE_SIZE);
    struct pager_access server, client;

    passed = right;
    pager_call_start(&server, call_serve, base + page * PAGE_SIZE);
    test_until_waiting(server.thread);
    pager_call_start(&client, call_rpc, 0);
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == page * PAGE_SIZE);
    CHECK_EQUAL(pager_access_end(&client, 0), KERN_OPERATION_TIMED_OUT, what);
    REQUIRE_OK(memory_object_data_unavailable(control, page * PAGE_SIZE, PAGE_SIZE));
    CHECK_RESULT(pager_access_end(&server, TEST_SOON_MS), KERN_SUCCESS, "it comes when its place is there");
    CHECK_RESULT(pager_access_end(&client, TEST_SOON_MS), KERN_SUCCESS, "and is answered");
    CHECK_EQUAL(came->header.msgh_id, 44, "it is as it was sent");
}

/* A call, too, when the pager has no page for it: what came with it goes. */
static void test_rpc_error(unsigned page)
{
    struct pager_access server, client;

    pager_call_start(&server, call_serve, base + page * PAGE_SIZE);
    test_until_waiting(server.thread);
    pager_call_start(&client, call_rpc, 0);
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == page * PAGE_SIZE);
    REQUIRE_OK(memory_object_data_error(control, page * PAGE_SIZE, PAGE_SIZE, 0));
    CHECK_RESULT(pager_access_end(&server, TEST_SOON_MS), MACH_RCV_INVALID_DATA,
                 "a call is lost if the pager has no page for it");
    CHECK_RESULT(pager_access_end(&client, TEST_SOON_MS), KERN_SUCCESS, "and who made it is told");
}

static void test_ool(void)
{
    struct {
        mach_msg_base_t base;
        mach_msg_ool_descriptor_t ool;
        mach_msg_max_trailer_t trailer;
    } m;
    struct pager_access access;

    pager_call_start(&access, call_ool, base + 2 * PAGE_SIZE);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS,
                 "whole pages are sent as they are: nobody waits");
    REQUIRE_OK(test_receive(other, &m, sizeof(m), TEST_SOON_MS));
    pager_access_start(&access, (mach_vm_address_t)m.ool.address, false, 0);
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == 2 * PAGE_SIZE);
    pager_supply(control, 2 * PAGE_SIZE, 5);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "but who looks at them");
    CHECK_EQUAL(access.word, 5, "what comes is the pager's");
    test_deallocate((mach_vm_address_t)m.ool.address, PAGE_SIZE);
    start(&access, call_read, 3);
    pager_supply(control, 3 * PAGE_SIZE, 6);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "parts of pages are waited for");
    CHECK_EQUAL(access.word, 6, "and are read");
}

/* Answer by an error. It can't come before the thread waits. */
static kern_return_t fail(struct pager_access *access, unsigned page)
{
    REQUIRE_OK(memory_object_data_error(control, page * PAGE_SIZE, PAGE_SIZE, 0));
    return pager_access_end(access, TEST_SOON_MS);
}

static void test_calls(void)
{
    struct pager_access access;

    start(&access, call_read_inband, 4);
    CHECK_RESULT(fail(&access, 4), KERN_MEMORY_ERROR, "an error of the pager is the result of a call");
    start(&access, call_send, 4);
    CHECK_RESULT(fail(&access, 4), MACH_SEND_INVALID_DATA, "or of a message");
    start(&access, call_read_inband, 4);
    REQUIRE_OK(thread_abort(access.thread));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_ABORTED, "a call that waits can be aborted");
    pager_call_start(&access, call_read_inband, base + 4 * PAGE_SIZE);
    pager_supply(control, 4 * PAGE_SIZE, 7);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "another has what it asked for");
    CHECK_EQUAL(access.word, 7, "read");
    start(&access, call_write_inband, 5);
    pager_supply(control, 5 * PAGE_SIZE, 8);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "memory is written");
    CHECK(((volatile uint32_t *)(base + 5 * PAGE_SIZE))[0] == 77 &&
              ((volatile uint32_t *)(base + 5 * PAGE_SIZE))[1] == 8,
          "where it is");
    start(&access, call_overwrite, 6);
    pager_supply(control, 6 * PAGE_SIZE, 9);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "what is read is written there");
    CHECK_EQUAL(*(volatile uint32_t *)(base + 6 * PAGE_SIZE), 78, "too");
    start(&access, call_copy, 7);
    pager_supply(control, 7 * PAGE_SIZE, 10);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "memory is copied");
    CHECK_EQUAL(access.word, 10, "from there");
}

static void test_print(void)
{
    struct pager_access access;
    mach_vm_address_t a;
    mach_port_t text = pager_object(1, &a);
    memory_object_control_t at = pager_begin(text, MEMORY_OBJECT_COPY_DELAY);

    pager_call_start(&access, call_print, a);
    (void)pager_expect(text, PAGER_DATA_REQUEST);
    REQUIRE_OK(memory_object_data_unavailable(at, 0, PAGE_SIZE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS,
                 "a string is printed when it is there");
    test_deallocate(a, PAGE_SIZE);
    CHECK(pager_ended(text), "the object ends");
    test_port_destroy(text);
}

int main(void)
{
    test_begin("pager_calls");
    other = test_port_send();
    object = pager_object(PAGES, &base);
    control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    test_messages();
    test_rpc(MACH_PORT_NULL, 8, "a call whose receiver's buffer is not there waits");
    test_rpc(other, 9, "one with a right, too");
    test_rpc_error(10);
    test_ool();
    test_calls();
    test_print();
    test_deallocate(base, SIZE);
    CHECK(pager_finished(object), "the object ends");
    test_port_destroy(object);
    return test_end();
}
