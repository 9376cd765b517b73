/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that need memory which a pager has, to be written: the places of a scatter list, the list itself, and the buffer of a message
 * that comes back unsent.  Who receives, or sends, waits for each page, as for a buffer that a message comes to.
 */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()
#define PAGES 14u
#define SIZE 6000u /* of a piece: more than a page */
#define RIGHTS 3u

static mach_port_t other; /* a port of this task, to talk to itself */
static mach_vm_address_t base;
static mach_port_t object;
static memory_object_control_t control;
static uint8_t source[SIZE];

/* A right, memory, an array of ports, and memory once more. */
struct pieces {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t port;
    mach_msg_ool_descriptor_t first;
    mach_msg_ool_ports_descriptor_t ports;
    mach_msg_ool_descriptor_t second;
    mach_msg_max_trailer_t trailer;
};
#define MESSAGE_SIZE ((mach_msg_size_t)offsetof(struct pieces, trailer))

static mach_vm_address_t page(unsigned number)
{
    return base + number * PAGE_SIZE;
}

/* Memory at `first` and `second`, names at `names`. */
static struct pieces pieces(mach_vm_address_t first, mach_vm_address_t names, mach_vm_address_t second,
                            mach_msg_copy_options_t copy)
{
    return (struct pieces){
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   .msgh_size = MESSAGE_SIZE,
                   .msgh_remote_port = other,
                   .msgh_id = 9},
        .body = {4},
        .port = {.name = other, .disposition = MACH_MSG_TYPE_COPY_SEND, .type = MACH_MSG_PORT_DESCRIPTOR},
        .first = {(void *)first, .copy = copy & 0xff, .type = MACH_MSG_OOL_DESCRIPTOR, .size = SIZE},
        .ports = {(void *)names, .copy = copy & 0xff, .disposition = MACH_MSG_TYPE_COPY_SEND,
                  .type = MACH_MSG_OOL_PORTS_DESCRIPTOR, .count = RIGHTS},
        .second = {(void *)second, .copy = copy & 0xff, .type = MACH_MSG_OOL_DESCRIPTOR, .size = SIZE},
    };
}

static void send_pieces(void)
{
    mach_port_name_t names[RIGHTS] = {other, MACH_PORT_NULL, other};
    struct pieces m = pieces((mach_vm_address_t)source, (mach_vm_address_t)names, (mach_vm_address_t)source,
                             MACH_MSG_VIRTUAL_COPY);

    REQUIRE_OK(mach_msg(&m.header, MACH_SEND_MSG, MESSAGE_SIZE, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
}

/* The buffer has the list. */
static kern_return_t receive(struct pieces *m)
{
    return mach_msg_overwrite(NULL, MACH_RCV_MSG | MACH_RCV_OVERWRITE, 0, sizeof(*m), other, 0,
                              MACH_PORT_NULL, &m->header, MESSAGE_SIZE);
}

static struct pieces came;

static kern_return_t call_scatter(struct pager_access *access)
{
    (void)access;
    return receive(&came);
}

static kern_return_t call_list(struct pager_access *access)
{
    return receive((struct pieces *)access->address);
}

/* The thread waits for the page, which is zeros. */
static void give(unsigned number)
{
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == number * PAGE_SIZE);
    REQUIRE_OK(memory_object_data_unavailable(control, number * PAGE_SIZE, PAGE_SIZE));
}

static bool is_source(const void *data)
{
    return memcmp(data, source, SIZE) == 0;
}

/* Rights that `count` names more than one stand for. */
static void release(int count)
{
    CHECK_EQUAL(test_refs(other, MACH_PORT_RIGHT_SEND), 1 + count, "each right has come once");
    REQUIRE_OK(mach_port_mod_refs(SELF, other, MACH_PORT_RIGHT_SEND, -count));
}

static void test_places(void)
{
    const mach_port_name_t *names = (const mach_port_name_t *)(page(3) - 6);
    struct pager_access access;

    came = pieces(page(0) + 1, (mach_vm_address_t)names, page(4) + 100, MACH_MSG_OVERWRITE);
    send_pieces();
    pager_call_start(&access, call_scatter, 0);
    give(0);
    give(1);
    give(2); /* the names are in two pages */
    give(3);
    CHECK_EQUAL(pager_access_end(&access, 0), KERN_OPERATION_TIMED_OUT,
                "a place that is not there is waited for");
    give(4);
    give(5);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), MACH_MSG_SUCCESS, "page by page");
    CHECK(is_source((void *)(page(0) + 1)) && is_source((void *)(page(4) + 100)), "then the memory is there");
    CHECK(came.first.address == (void *)(page(0) + 1) && came.first.copy == MACH_MSG_OVERWRITE &&
              came.second.size == SIZE && came.header.msgh_id == 9,
          "as the message says");
    CHECK(names[0] == other && names[1] == MACH_PORT_NULL && names[2] == other && came.port.name == other,
          "with the rights");
    release(3);
}

/* The list, and one of its places, are in memory that is not there. */
static void test_list(void)
{
    struct pieces list = pieces(page(7), page(6) + 2048, 0, MACH_MSG_OVERWRITE);
    mach_vm_address_t data = test_allocate(PAGE_SIZE);
    const struct pieces *m = (const struct pieces *)page(6);
    struct pager_access access;

    list.second.copy = MACH_MSG_ALLOCATE;
    memcpy((void *)data, &list, sizeof(list));
    send_pieces();
    pager_call_start(&access, call_list, page(6));
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == 6 * PAGE_SIZE);
    REQUIRE_OK(memory_object_data_supply(control, 6 * PAGE_SIZE, data, PAGE_SIZE, TRUE, VM_PROT_NONE, FALSE,
                                         MACH_PORT_NULL));
    give(7);
    give(8);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), MACH_MSG_SUCCESS,
                 "a list that is not there is waited for");
    CHECK(m->first.address == (void *)page(7) && is_source(m->first.address), "and followed");
    CHECK(m->second.deallocate && is_source(m->second.address), "new memory is new");
    test_deallocate((mach_vm_address_t)m->second.address, SIZE);
    release(3);
}

/* A piece whose page the pager has not is lost, the rest comes. */
static void test_error(void)
{
    struct pager_access access;

    came = pieces(page(9), page(3), page(4), MACH_MSG_OVERWRITE);
    send_pieces();
    pager_call_start(&access, call_scatter, 0);
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == 9 * PAGE_SIZE);
    REQUIRE_OK(memory_object_data_error(control, 9 * PAGE_SIZE, PAGE_SIZE, 0));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE,
                 "a piece is lost if the pager fails");
    CHECK(came.first.address == NULL && came.first.size == 0 && is_source(came.second.address),
          "the others come");
    release(3);
}

static void test_abort(void)
{
    struct pager_access access;

    came = pieces(page(10), page(3), page(4), MACH_MSG_OVERWRITE);
    send_pieces();
    pager_call_start(&access, call_scatter, 0);
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == 10 * PAGE_SIZE);
    REQUIRE_OK(thread_abort(access.thread));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), MACH_RCV_INVALID_DATA, "the wait can be aborted");
    CHECK_EQUAL(test_refs(other, MACH_PORT_RIGHT_SEND), 1, "the message goes with its rights");
    CHECK_EQUAL(test_status(other).mps_msgcount, 0, "it is not there any more");
}

/* A call with memory that goes directly to a thread that waits, whose buffer is not there. */
struct call {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_ool_descriptor_t memory;
    mach_msg_max_trailer_t trailer;
};

static mach_vm_address_t given;

static kern_return_t call_serve(struct pager_access *access)
{
    return mach_msg((mach_msg_header_t *)access->address, MACH_RCV_MSG, 0, sizeof(struct call), other, 0,
                    MACH_PORT_NULL);
}

static kern_return_t call_memory(struct pager_access *access)
{
    const mach_port_t reply = mach_reply_port();
    struct call m = {
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) |
                                MACH_MSGH_BITS_COMPLEX,
                   .msgh_remote_port = other,
                   .msgh_local_port = reply},
        .body = {1},
        .memory = {(void *)given, .deallocate = TRUE, .copy = MACH_MSG_VIRTUAL_COPY,
                   .type = MACH_MSG_OOL_DESCRIPTOR, .size = SIZE}};

    (void)access;
    kern_return_t kr = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, offsetof(struct call, trailer),
                                sizeof(m), reply, 0, MACH_PORT_NULL);
    test_port_destroy(reply);
    return kr;
}

/* The pager has the page, or fails: then the memory is gone. */
static void test_call(unsigned number, bool fails)
{
    const struct call *m = (const struct call *)page(number);
    struct pager_access server, client;

    given = test_allocate(SIZE);
    memcpy((void *)given, source, SIZE);
    pager_call_start(&server, call_serve, page(number));
    test_until_waiting(server.thread);
    pager_call_start(&client, call_memory, 0);
    if (fails) {
        REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == number * PAGE_SIZE);
        REQUIRE_OK(memory_object_data_error(control, number * PAGE_SIZE, PAGE_SIZE, 0));
        CHECK_RESULT(pager_access_end(&server, TEST_SOON_MS), MACH_RCV_INVALID_DATA,
                     "a call with memory is lost if the pager has no page for it");
    } else {
        give(number);
        CHECK_RESULT(pager_access_end(&server, TEST_SOON_MS), MACH_MSG_SUCCESS,
                     "a call with memory waits for the receiver's buffer");
        CHECK(is_source(m->memory.address) && m->memory.deallocate && m->memory.size == SIZE,
              "the memory comes with it");
        test_deallocate((mach_vm_address_t)m->memory.address, SIZE);
        REQUIRE_OK(mach_port_deallocate(SELF, m->header.msgh_remote_port));
    }
    CHECK_RESULT(pager_access_end(&client, TEST_SOON_MS), KERN_SUCCESS, "who made it is told");
    vm_size_t size;
    CHECK(mach_vm_read_overwrite(SELF, given, 1, (mach_vm_address_t)&size, &size) == KERN_INVALID_ADDRESS,
          "and has the memory no more");
}

static kern_return_t call_unsent(struct pager_access *access)
{
    return mach_msg((mach_msg_header_t *)access->address, MACH_SEND_MSG | MACH_SEND_TIMEOUT, MESSAGE_SIZE, 0,
                    MACH_PORT_NULL, 1, MACH_PORT_NULL);
}

/* A message in memory that may only be read, which can't be sent, comes back when it may be written. */
static void test_unsent(void)
{
    mach_port_name_t names[RIGHTS] = {other, MACH_PORT_NULL, other};
    const mach_port_limits_t full = {0}, usual = {MACH_PORT_QLIMIT_DEFAULT};
    struct pieces m = pieces((mach_vm_address_t)source, (mach_vm_address_t)names, (mach_vm_address_t)source,
                             MACH_MSG_VIRTUAL_COPY);
    struct pieces *back = (struct pieces *)page(11);
    mach_vm_address_t data = test_allocate(PAGE_SIZE);
    struct pager_access access;

    memcpy((void *)data, &m, sizeof(m));
    REQUIRE_OK(mach_port_set_attributes(SELF, other, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&full,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    pager_call_start(&access, call_unsent, page(11));
    REQUIRE(pager_expect(object, PAGER_DATA_REQUEST).offset == 11 * PAGE_SIZE);
    REQUIRE_OK(memory_object_data_supply(control, 11 * PAGE_SIZE, data, PAGE_SIZE, TRUE, VM_PROT_WRITE, FALSE,
                                         MACH_PORT_NULL));
    REQUIRE(pager_expect(object, PAGER_DATA_UNLOCK).offset == 11 * PAGE_SIZE);
    CHECK_EQUAL(pager_access_end(&access, 0), KERN_OPERATION_TIMED_OUT,
                "a message that comes back waits until it may be written");
    REQUIRE_OK(memory_object_lock_request(control, 11 * PAGE_SIZE, PAGE_SIZE, MEMORY_OBJECT_RETURN_NONE,
                                          FALSE, VM_PROT_NONE, MACH_PORT_NULL));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), MACH_SEND_TIMED_OUT, "then it is there again");
    CHECK(back->header.msgh_remote_port == other && back->first.address != source &&
              is_source(back->first.address),
          "with what was in it");
    REQUIRE_OK(mach_port_set_attributes(SELF, other, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&usual,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    mach_msg_destroy(&back->header);
    CHECK_EQUAL(test_refs(other, MACH_PORT_RIGHT_SEND), 1, "and no more");
}

#define MOVE (PAGE_SIZE * 3 / 4)

static kern_return_t call_copy(struct pager_access *access)
{
    const mach_vm_address_t start = (mach_vm_address_t)access->address;

    return mach_vm_copy(SELF, start, PAGE_SIZE, start + MOVE);
}

/* Memory is copied over its own end, of which the last part is not there yet. */
static void test_overlap(void)
{
    mach_vm_address_t own;
    mach_port_t port = pager_object(3, &own);
    memory_object_control_t ready = pager_begin(port, MEMORY_OBJECT_COPY_DELAY);
    const mach_vm_address_t start = own + PAGE_SIZE / 2;
    struct pager_access access;

    for (unsigned i = 0; i < 2; i++) {
        pager_access_start(&access, own + i * PAGE_SIZE, true, 0);
        REQUIRE(pager_expect(port, PAGER_DATA_REQUEST).offset == i * PAGE_SIZE);
        REQUIRE_OK(memory_object_data_unavailable(ready, i * PAGE_SIZE, PAGE_SIZE));
        REQUIRE_OK(pager_access_end(&access, TEST_SOON_MS));
    }
    memcpy((void *)start, source, PAGE_SIZE);
    pager_call_start(&access, call_copy, start);
    REQUIRE(pager_expect(port, PAGER_DATA_REQUEST).offset == 2 * PAGE_SIZE);
    REQUIRE_OK(memory_object_data_unavailable(ready, 2 * PAGE_SIZE, PAGE_SIZE));
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "a copy waits for its place");
    CHECK(memcmp((void *)(start + MOVE), source, PAGE_SIZE) == 0,
          "it is of what was there when the copy began, although it overlaps");
    test_deallocate(own, 3 * PAGE_SIZE);
    CHECK(pager_finished(port), "the object ends");
    test_port_destroy(port);
}

int main(void)
{
    test_begin("pager_places");
    for (unsigned i = 0; i < SIZE; i++)
        source[i] = (uint8_t)(i * 7 + i / 256 + 1); /* no part of it is another one */
    other = test_port_send();
    object = pager_object(PAGES, &base);
    control = pager_begin(object, MEMORY_OBJECT_COPY_DELAY);
    test_places();
    test_list();
    test_error();
    test_abort();
    test_unsent();
    test_overlap();
    test_call(12, false);
    test_call(13, true);
    test_deallocate(base, PAGES * PAGE_SIZE);
    CHECK(pager_finished(object), "the object ends");
    test_port_destroy(object);
    test_port_destroy(other);
    return test_end();
}
