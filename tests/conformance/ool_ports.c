/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays of ports out of line: rights, memory, limits, and what a refused message leaves. */
#include <string.h>

#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGE 4096u
#define RIGHTS_MAX 1024u

/* A message with an array between two port descriptors. */
struct array_message {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t first;
    mach_msg_ool_ports_descriptor_t array;
    mach_msg_port_descriptor_t last;
    uint32_t word;
    mach_msg_max_trailer_t trailer;
};

static mach_port_t carrier; /* messages go through it */

static struct array_message array_of(const mach_port_t *names, unsigned count, unsigned disposition)
{
    return (struct array_message){
        .header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   offsetof(struct array_message, trailer), carrier, MACH_PORT_NULL, MACH_PORT_NULL, 7},
        .body = {3},
        .first = {.disposition = MACH_MSG_TYPE_COPY_SEND, .type = MACH_MSG_PORT_DESCRIPTOR},
        .array = {.address = (void *)names,
                  .count = count,
                  .copy = MACH_MSG_VIRTUAL_COPY,
                  .disposition = disposition & 0xffu,
                  .type = MACH_MSG_OOL_PORTS_DESCRIPTOR},
        .last = {.disposition = MACH_MSG_TYPE_COPY_SEND, .type = MACH_MSG_PORT_DESCRIPTOR},
        .word = 0x600d,
    };
}

static mach_msg_return_t send(struct array_message *m)
{
    return test_send_now(&m->header, m->header.msgh_size);
}

static mach_msg_return_t receive(struct array_message *m)
{
    return test_receive(carrier, m, sizeof(*m), 0);
}

/* Send and receive. Returns: the names that came. */
static const mach_port_t *pass(struct array_message *m)
{
    REQUIRE_OK(send(m));
    memset(m, 0x5a, sizeof(*m));
    REQUIRE_OK(receive(m));
    return m->array.address;
}

static bool is_mapped(const void *address)
{
    mach_vm_size_t size;
    char byte;

    return mach_vm_read_overwrite(SELF, (mach_vm_address_t)address, 1, (mach_vm_address_t)&byte, &size) ==
           KERN_SUCCESS;
}

static mach_port_t *page_of_names(void)
{
    return (mach_port_t *)test_allocate(PAGE);
}

static void test_send_rights(void)
{
    mach_port_t p = test_port(), q = test_port();
    mach_port_t names[] = {p, q, p};
    struct array_message m = array_of(names, 3, MACH_MSG_TYPE_MAKE_SEND);

    m.first.name = carrier;
    m.last.name = MACH_PORT_DEAD;
    const mach_port_t *came = pass(&m);
    CHECK(m.header.msgh_size == offsetof(struct array_message, trailer) && m.word == 0x600d,
          "a message with an array arrives whole");
    CHECK(m.first.name == carrier && m.last.name == MACH_PORT_DEAD, "so do the descriptors beside it");
    CHECK(m.array.type == MACH_MSG_OOL_PORTS_DESCRIPTOR && m.array.count == 3, "the array has its length");
    CHECK_EQUAL(m.array.disposition, MACH_MSG_TYPE_PORT_SEND, "MAKE_SEND arrives as send rights");
    CHECK(came != names && came[0] == p && came[1] == q && came[2] == p, "its names are in new memory");
    CHECK(m.array.deallocate, "which goes with the message if that is sent on");
    CHECK(test_refs(p, MACH_PORT_RIGHT_SEND) == 2 && test_refs(q, MACH_PORT_RIGHT_SEND) == 1,
          "each element is a right");
    mach_msg_destroy(&m.header);
    CHECK(!is_mapped(came), "destroying the message releases the memory");
    CHECK(test_type(p) == MACH_PORT_TYPE_RECEIVE && test_type(q) == MACH_PORT_TYPE_RECEIVE, "and the rights");

    REQUIRE_OK(mach_port_insert_right(SELF, p, p, MACH_MSG_TYPE_MAKE_SEND));
    m = array_of((mach_port_t[]){p, p}, 2, MACH_MSG_TYPE_COPY_SEND);
    (void)pass(&m);
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 3, "COPY_SEND adds rights");
    m = array_of((mach_port_t[]){p, p, p}, 3, MACH_MSG_TYPE_MOVE_SEND);
    REQUIRE_OK(send(&m));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 0, "MOVE_SEND takes them");
    REQUIRE_OK(receive(&m));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 3, "and they arrive");
    mach_msg_destroy(&m.header);
    test_port_destroy(p);
    test_port_destroy(q);
}

static void test_other_rights(void)
{
    mach_port_t p = test_port(), q = test_port_send();
    struct array_message m = array_of((mach_port_t[]){p, p}, 2, MACH_MSG_TYPE_MAKE_SEND_ONCE);

    const mach_port_t *came = pass(&m);
    mach_port_t once[] = {came[0], came[1]};
    CHECK(once[0] != once[1] && test_type(once[0]) == MACH_PORT_TYPE_SEND_ONCE,
          "MAKE_SEND_ONCE arrives as send-once rights, each with a name");
    m = array_of(once, 2, MACH_MSG_TYPE_MOVE_SEND_ONCE);
    REQUIRE_OK(send(&m));
    CHECK(test_type(once[0]) == MACH_PORT_TYPE_NONE, "MOVE_SEND_ONCE takes them");
    REQUIRE_OK(receive(&m));
    CHECK_EQUAL(m.array.disposition, MACH_MSG_TYPE_PORT_SEND_ONCE, "and they arrive");
    mach_msg_destroy(&m.header);
    CHECK(test_receive_id(p, MACH_NOTIFY_SEND_ONCE) && test_receive_id(p, MACH_NOTIFY_SEND_ONCE),
          "each that dies says so");

    REQUIRE_OK(test_send(q, MACH_MSG_TYPE_COPY_SEND, 3, 0));
    m = array_of((mach_port_t[]){p, q}, 2, MACH_MSG_TYPE_MOVE_RECEIVE);
    REQUIRE_OK(send(&m));
    CHECK(test_type(p) == MACH_PORT_TYPE_NONE && test_type(q) == MACH_PORT_TYPE_SEND,
          "MOVE_RECEIVE takes receive rights");
    REQUIRE_OK(receive(&m));
    came = m.array.address;
    CHECK(came[1] == q && test_type(q) == MACH_PORT_TYPE_SEND_RECEIVE && test_receive_id(q, 3),
          "they arrive with their messages");
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(test_type(q), MACH_PORT_TYPE_DEAD_NAME, "destroying the message destroys the ports");
    m = array_of((mach_port_t[]){MACH_PORT_NULL, MACH_PORT_DEAD, q}, 3, MACH_MSG_TYPE_MOVE_SEND);
    came = pass(&m);
    CHECK(came[0] == MACH_PORT_NULL && came[1] == MACH_PORT_DEAD && came[2] == MACH_PORT_DEAD,
          "null and dead rights travel");
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(test_type(q), MACH_PORT_TYPE_NONE, "a moved dead name is gone");
}

static void test_array_memory(void)
{
    mach_port_t *names = page_of_names();
    struct array_message m = array_of(names, 1, MACH_MSG_TYPE_COPY_SEND);

    names[0] = carrier;
    mach_msg_destroy((pass(&m), &m.header));
    CHECK(is_mapped(names), "the sender keeps its array");
    m = array_of(names, 1, MACH_MSG_TYPE_COPY_SEND);
    m.array.deallocate = TRUE;
    mach_msg_destroy((pass(&m), &m.header));
    CHECK(!is_mapped(names), "unless it gives it away");
    m = array_of((void *)8, 0, MACH_MSG_TYPE_COPY_SEND);
    CHECK(pass(&m) == NULL && m.array.count == 0, "an empty array has no address");
    m = array_of(&carrier, 1, MACH_MSG_TYPE_COPY_SEND);
    m.array.copy = MACH_MSG_PHYSICAL_COPY;
    CHECK(pass(&m)[0] == carrier, "an array can be copied physically");
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(test_refs(carrier, MACH_PORT_RIGHT_SEND), 1, "the rights are balanced");
}

static void test_refused(void)
{
    mach_port_t *names = page_of_names();
    mach_port_t p = test_port_send();
    struct array_message m = array_of(names, 3, MACH_MSG_TYPE_MOVE_SEND);

    m.array.deallocate = TRUE;
    names[0] = p;
    names[1] = p;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_RIGHT, "rights that are not there refuse the message");
    names[1] = 0x7fffff05;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_RIGHT, "a name of nothing does");
    m.array.disposition = 99;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_TYPE, "an unknown disposition does");
    m.array.disposition = MACH_MSG_TYPE_MOVE_SEND;
    m.array.copy = MACH_MSG_OVERWRITE;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_TYPE, "an unknown way to copy does");
    m.array.copy = MACH_MSG_VIRTUAL_COPY;
    m.array.type = 77;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_TYPE, "an unknown kind of descriptor does");
    m.array.type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
    m.array.address = (void *)8;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_MEMORY, "memory that can't be read does");
    m.array.address = (char *)names + PAGE - 4;
    mach_vm_address_t behind = (mach_vm_address_t)names + PAGE;
    CHECK(
        mach_vm_allocate(SELF, &behind, PAGE, VM_FLAGS_FIXED) != KERN_SUCCESS ||
            (mach_vm_deallocate(SELF, behind, PAGE) == KERN_SUCCESS && send(&m) == MACH_SEND_INVALID_MEMORY),
        "so does an array that reaches beyond memory");
    m.array.address = names;
    m.body.msgh_descriptor_count = 1;
    m.header.msgh_size = offsetof(struct array_message, array);
    m.first.type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
    CHECK_RESULT(send(&m), MACH_SEND_MSG_TOO_SMALL, "a descriptor must be within the message");
    CHECK_EQUAL(test_status(carrier).mps_msgcount, 0, "nothing was sent");
    CHECK(test_refs(p, MACH_PORT_RIGHT_SEND) == 1 && is_mapped(names), "nothing was taken");
    test_port_destroy(p);
    REQUIRE_OK(mach_vm_deallocate(SELF, (mach_vm_address_t)names, PAGE));
}

static void test_limit(void)
{
    static mach_port_t names[RIGHTS_MAX + 1];
    mach_port_t p = test_port_send();

    for (unsigned i = 0; i < RIGHTS_MAX + 1; i++)
        names[i] = p;
    struct array_message m = array_of(names, RIGHTS_MAX - 1, MACH_MSG_TYPE_COPY_SEND);
    /* limit: rights in the body of a message */
    CHECK_RESULT(send(&m), MACH_SEND_TOO_LARGE, "a message names at most 1024 rights in its body");
    m.array.count = ~0u;
    CHECK_RESULT(send(&m), MACH_SEND_TOO_LARGE, "however many more");
    m.array.count = RIGHTS_MAX - 2;
    const mach_port_t *came = pass(&m);
    CHECK(came[0] == p && came[RIGHTS_MAX - 3] == p, "as many can be sent");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), RIGHTS_MAX - 1, "and each is a right");
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 1, "they can be released");
    test_port_destroy(p);
}

/* What nobody receives is destroyed; what can't be sent comes back. */
static void test_undelivered(void)
{
    mach_port_t p = test_port_send(), *names = page_of_names();
    struct array_message m = array_of(names, 2, MACH_MSG_TYPE_MOVE_SEND);

    names[0] = p;
    names[1] = MACH_PORT_NULL;
    m.array.deallocate = TRUE;
    REQUIRE_OK(test_send(carrier, MACH_MSG_TYPE_COPY_SEND, 1, 0));
    mach_port_limits_t limit = {1};
    REQUIRE_OK(mach_port_set_attributes(SELF, carrier, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limit,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    CHECK_RESULT(send(&m), MACH_SEND_TIMED_OUT, "a message with an array can be too much for a queue");
    const mach_port_t *back = m.array.address;
    CHECK(back[0] == p && test_refs(p, MACH_PORT_RIGHT_SEND) == 1, "its rights come back, in new memory");
    CHECK(test_receive_id(carrier, 1), "the queue is emptied");
    CHECK_RESULT(send(&m), MACH_MSG_SUCCESS, "then it can be sent as it is");
    CHECK(test_type(p) == MACH_PORT_TYPE_RECEIVE && !is_mapped(back), "with the memory");
    CHECK_RESULT(mach_msg((mach_msg_header_t *)8, MACH_RCV_MSG, 0, sizeof(m), carrier, 0, MACH_PORT_NULL),
                 MACH_RCV_INVALID_DATA, "a buffer that can't be written costs the message");
    CHECK_EQUAL(test_status(p).mps_srights, 0, "and the rights in its array");
    limit.mpl_qlimit = MACH_PORT_QLIMIT_DEFAULT;
    REQUIRE_OK(mach_port_set_attributes(SELF, carrier, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limit,
                                        MACH_PORT_LIMITS_INFO_COUNT));

    mach_port_t q = test_port_send();
    m = array_of((mach_port_t[]){q, p}, 2, MACH_MSG_TYPE_MOVE_RECEIVE);
    m.header.msgh_remote_port = q;
    CHECK_RESULT(send(&m), MACH_MSG_SUCCESS, "a port can be sent to itself in an array");
    CHECK_EQUAL(test_type(q), MACH_PORT_TYPE_DEAD_NAME, "and dies of it");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_NONE, "with the others in the array");
    test_port_destroy(q);
}

/* In a child, so that the memory of this task's tables is no leak. */
static void child(void)
{
    struct array_message m = array_of(NULL, 0, 0);

    carrier = TEST_CHILD_PORT(0);
    for (unsigned i = 0; i < 3; i++) {
        mach_port_t p = test_port(), q = test_port();
        m = array_of((mach_port_t[]){q, p}, 2, MACH_MSG_TYPE_MOVE_RECEIVE);
        m.header.msgh_remote_port = carrier;
        REQUIRE_OK(send(&m));
    }
}

static void test_other_task(void)
{
    const struct test_right right = {carrier, MACH_MSG_TYPE_MAKE_SEND};
    struct array_message m;

    test_leak_begin();
    REQUIRE(test_child_wait(test_child(child, &right, 1)));
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE_OK(receive(&m));
        const mach_port_t *came = m.array.address;
        CHECK(test_type(came[0]) == MACH_PORT_TYPE_RECEIVE && test_type(came[1]) == MACH_PORT_TYPE_RECEIVE,
              "rights from another task have names here");
        mach_msg_destroy(&m.header);
    }
    CHECK_NO_LEAK("nothing is left of them");
}

int main(void)
{
    test_begin("ool_ports");
    carrier = test_port_send();
    test_send_rights();
    test_other_rights();
    test_array_memory();
    test_refused();
    test_limit();
    test_undelivered();
    test_other_task();
    test_port_destroy(carrier);
    return test_end();
}
