/* SPDX-License-Identifier: BSD-2-Clause */
/* Scatter lists: receiving what is out of line where the receiver wants it. */
#include "lib/ports.h"
#include "lib/test.h"

#include <string.h>

#define SELF mach_task_self()
#define SIZE 6000u /* of a piece: neither whole pages nor one */
#define FROM 100u  /* where it begins in its page */
#define LARGE ((1u << 20) + PAGE_SIZE)
#define RIGHTS 3u

/* Two pieces of memory and an array of ports, in this order: memory, right, ports, memory. */
struct pieces {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_ool_descriptor_t first;
    mach_msg_port_descriptor_t port;
    mach_msg_ool_ports_descriptor_t ports;
    mach_msg_ool_descriptor_t second;
    mach_msg_max_trailer_t trailer;
};
#define MESSAGE_SIZE ((mach_msg_size_t)offsetof(struct pieces, trailer))

static mach_port_t port;  /* receive and send right */
static mach_port_t right; /* what is sent */
static uint8_t *source;   /* SIZE bytes at FROM, then untouched memory, LARGE in all */
static uint8_t *place;
static mach_port_name_t names[RIGHTS];

static mach_msg_ool_descriptor_t piece(void *address, mach_msg_size_t size, mach_msg_copy_options_t copy)
{
    return (mach_msg_ool_descriptor_t){
        .address = address, .size = size, .copy = copy & 0xff, .type = MACH_MSG_OOL_DESCRIPTOR};
}

static mach_msg_ool_ports_descriptor_t array(void *address, mach_msg_size_t count,
                                             mach_msg_copy_options_t copy)
{
    return (mach_msg_ool_ports_descriptor_t){.address = address,
                                             .count = count,
                                             .copy = copy & 0xff,
                                             .disposition = MACH_MSG_TYPE_MAKE_SEND,
                                             .type = MACH_MSG_OOL_PORTS_DESCRIPTOR};
}

static void send_pieces(mach_msg_size_t second_size)
{
    mach_port_name_t rights[RIGHTS] = {right, MACH_PORT_NULL, right};
    struct pieces m = {
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   .msgh_remote_port = port,
                   .msgh_id = 7},
        .body = {.msgh_descriptor_count = 4},
        .first = piece(source + FROM, SIZE, MACH_MSG_VIRTUAL_COPY),
        .port = {.name = right, .disposition = MACH_MSG_TYPE_MAKE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR},
        .ports = array(rights, RIGHTS, MACH_MSG_PHYSICAL_COPY),
        .second = piece(source + FROM, second_size, MACH_MSG_VIRTUAL_COPY),
    };

    REQUIRE_OK(mach_msg(&m.header, MACH_SEND_MSG, MESSAGE_SIZE, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
}

/* A list for that message: all three of `copy`, at `place` and in `names`. */
static struct pieces list(mach_msg_copy_options_t copy)
{
    return (struct pieces){
        .body = {.msgh_descriptor_count = 4},
        .first = piece(place + 1, SIZE, copy),
        .port = {.type = MACH_MSG_PORT_DESCRIPTOR},
        .ports = array(names, RIGHTS, copy),
        .second = piece(place + 2 * PAGE_SIZE + 7, SIZE, copy),
    };
}

static mach_msg_return_t receive(struct pieces *m, mach_msg_size_t list_size)
{
    return mach_msg_overwrite(NULL, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_OVERWRITE, 0, sizeof(*m), port,
                              TEST_SOON_MS, MACH_PORT_NULL, &m->header, list_size);
}

static bool is_source(const void *data)
{
    return memcmp(data, source + FROM, SIZE) == 0;
}

/* One right in the message, two in the array. */
static void check_rights(const struct pieces *m)
{
    const mach_port_name_t *came = m->ports.address;

    CHECK(m->port.name == right && m->ports.count == RIGHTS, "the rights come in any case");
    CHECK(came[0] == right && came[1] == MACH_PORT_NULL && came[2] == right, "those of the array, too");
    CHECK_EQUAL(test_refs(right, MACH_PORT_RIGHT_SEND), 3, "each once");
}

/* Release them. */
static void release(const struct pieces *m)
{
    check_rights(m);
    REQUIRE_OK(mach_port_mod_refs(SELF, right, MACH_PORT_RIGHT_SEND, -3));
}

/* Release them, and all of the memory. */
static void destroy(struct pieces *m)
{
    check_rights(m);
    mach_msg_destroy(&m->header);
}

static void test_overwrite(void)
{
    struct pieces m = list(MACH_MSG_OVERWRITE);

    memset(place, 9, 5 * PAGE_SIZE);
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_MSG_SUCCESS,
                 "a message can be received into memory that is there");
    CHECK(m.first.address == place + 1 && m.second.address == place + 2 * PAGE_SIZE + 7 &&
              m.ports.address == names,
          "it tells where everything is");
    CHECK(m.first.size == SIZE && m.first.copy == MACH_MSG_OVERWRITE && !m.first.deallocate,
          "and that it was there before");
    CHECK(is_source(m.first.address) && is_source(m.second.address), "there it is");
    CHECK(place[0] == 9 && place[1 + SIZE] == 9 && place[2 * PAGE_SIZE + 6] == 9, "with nothing beside it");
    release(&m);
}

static void test_new_memory(void)
{
    struct pieces m = list(MACH_MSG_ALLOCATE);

    memset(place, 9, PAGE_SIZE);
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_MSG_SUCCESS, "a list may ask for new memory");
    CHECK(m.first.address != place + 1 && m.ports.address != names && place[1] == 9, "which is elsewhere");
    CHECK(m.first.deallocate && is_source(m.first.address) && is_source(m.second.address),
          "and the receiver's to give back");
    destroy(&m);
}

static void test_short_list(void)
{
    struct pieces m = list(MACH_MSG_OVERWRITE);

    send_pieces(SIZE);
    m.body.msgh_descriptor_count = 1;
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_MSG_SUCCESS, "a list may be for the first pieces only");
    CHECK(m.first.address == place + 1 && m.ports.deallocate && m.second.deallocate,
          "the others come as new memory");
    m.first.address = NULL; /* not to be freed */
    m.first.size = 0;
    destroy(&m);
    m = list(MACH_MSG_OVERWRITE);
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE - 1), MACH_MSG_SUCCESS, "so may one whose end is missing");
    CHECK(m.first.address == place + 1 && m.ports.address == names && m.second.deallocate,
          "what is not wholly there is not in it");
    test_memory_free(m.second.address, m.second.size);
    release(&m);
    m = list(MACH_MSG_OVERWRITE);
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, 0), MACH_MSG_SUCCESS, "so may one that is not there at all");
    CHECK(m.first.deallocate && m.ports.deallocate && m.second.deallocate, "then all is new");
    destroy(&m);
}

/* The message is lost; its rights are released. */
static void check_lost(const struct pieces *m, const char *text)
{
    CHECK_EQUAL(m->header.msgh_size, MESSAGE_SIZE, text);
    CHECK_EQUAL(test_refs(right, MACH_PORT_RIGHT_SEND), 0, "its rights are released");
    CHECK(test_status(port).mps_msgcount == 0 && !test_status(right).mps_srights, "none is left anywhere");
}

static void test_refused(void)
{
    struct pieces m = list(MACH_MSG_OVERWRITE);

    memset(place, 9, PAGE_SIZE);
    m.second.size = SIZE - 1;
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_RCV_SCATTER_SMALL, "a place that is too small is refused");
    check_lost(&m, "the message is lost, and tells its size");
    m = list(MACH_MSG_OVERWRITE);
    m.ports.count = RIGHTS - 1;
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_RCV_SCATTER_SMALL, "so is one for too few ports");
    check_lost(&m, "that message is lost, too");
    m = list(MACH_MSG_OVERWRITE);
    m.second.copy = MACH_MSG_VIRTUAL_COPY;
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_RCV_INVALID_TYPE, "a way to send is none to receive");
    check_lost(&m, "so that message is lost");
    m = list(MACH_MSG_OVERWRITE);
    m.ports.type = MACH_MSG_OOL_DESCRIPTOR;
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_RCV_INVALID_TYPE, "memory is no place for ports");
    check_lost(&m, "so it is lost");
    CHECK_EQUAL(place[1], 9, "nothing was written");
}

static void test_bad_place(void)
{
    struct pieces m = list(MACH_MSG_OVERWRITE);

    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)place, PAGE_SIZE, FALSE, VM_PROT_READ));
    send_pieces(SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE,
                 "a place that can't be written has no room");
    CHECK(m.first.address == NULL && m.first.size == 0, "that piece is lost");
    CHECK(is_source(m.second.address), "the others come");
    release(&m);
    m = list(MACH_MSG_OVERWRITE);
    m.ports.address = place;
    send_pieces(SIZE);
    /* limit: memory for an array of ports */
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE, "so with ports");
    CHECK(m.ports.address == NULL && m.ports.count == 0, "the array is empty");
    REQUIRE_OK(mach_port_mod_refs(SELF, right, MACH_PORT_RIGHT_SEND, -1));
    CHECK_EQUAL(test_refs(right, MACH_PORT_RIGHT_SEND), 0, "and its rights are released");
    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)place, PAGE_SIZE, FALSE, VM_PROT_DEFAULT));
}

/* The list can be read, but the message can't be written over it. */
static void test_bad_buffer(void)
{
    struct pieces *m = (void *)test_memory(PAGE_SIZE);

    *m = list(MACH_MSG_OVERWRITE);
    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)m, PAGE_SIZE, FALSE, VM_PROT_READ));
    send_pieces(SIZE);
    CHECK_RESULT(receive(m, MESSAGE_SIZE), MACH_RCV_INVALID_DATA, "a buffer must be writable, all the same");
    CHECK(is_source(place + 1), "the receiver keeps the memory that it offered");
    CHECK_EQUAL(test_refs(right, MACH_PORT_RIGHT_SEND), 0, "but not the rights");
    test_memory_free(m, PAGE_SIZE);
}

static void test_large(void)
{
    struct pieces m = list(MACH_MSG_OVERWRITE);
    uint8_t *room = test_memory(LARGE);
    bool zero = true;

    memset(room, 9, 4 * PAGE_SIZE);
    /* limit: memory that a scatter list wants */
    m.second = piece(room, LARGE, MACH_MSG_OVERWRITE);
    send_pieces(4 * PAGE_SIZE);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_MSG_SUCCESS,
                 "memory that was never touched can be received");
    for (unsigned i = 2 * PAGE_SIZE; i < 4 * PAGE_SIZE; i++)
        zero &= room[i] == 0;
    CHECK(m.second.address == room && is_source(room) && zero, "as zeros");
    release(&m);
    m = list(MACH_MSG_OVERWRITE);
    m.second = piece(room, LARGE, MACH_MSG_OVERWRITE);
    send_pieces(LARGE - FROM);
    CHECK_RESULT(receive(&m, MESSAGE_SIZE), MACH_MSG_SUCCESS, "more than 1 MiB can be received");
    CHECK(m.second.address != room && m.second.deallocate && is_source(m.second.address), "as new memory");
    test_memory_free(m.second.address, m.second.size);
    release(&m);
    test_memory_free(room, LARGE);
}

int main(void)
{
    test_begin("scatter");
    port = test_port_send();
    right = test_port();
    source = test_memory(LARGE);
    place = test_memory(5 * PAGE_SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        source[FROM + i] = (uint8_t)(i * 7 + 1);
    test_overwrite();
    test_new_memory();
    test_short_list();
    test_refused();
    test_bad_place();
    test_bad_buffer();
    test_large();
    test_memory_free(source, LARGE);
    test_memory_free(place, 5 * PAGE_SIZE);
    test_port_destroy(right);
    test_port_destroy(port);
    return test_end();
}
