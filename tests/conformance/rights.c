/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights in messages: every disposition, in descriptors and as reply right. */
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()

static mach_port_t carrier; /* messages go through it */

/* Send one right and receive it. Returns: the descriptor received. */
static mach_msg_port_descriptor_t pass(mach_port_t port, mach_msg_type_name_t disposition)
{
    struct test_port_message m;

    REQUIRE_OK(test_send_right(carrier, 1, port, disposition));
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    REQUIRE(MACH_MSGH_BITS_IS_COMPLEX(m.header.msgh_bits) && m.body.msgh_descriptor_count == 1);
    return m.port;
}

static void test_send_dispositions(void)
{
    mach_port_t p = test_port();

    mach_msg_port_descriptor_t d = pass(p, MACH_MSG_TYPE_MAKE_SEND);
    CHECK_EQUAL(d.disposition, MACH_MSG_TYPE_PORT_SEND, "MAKE_SEND arrives as a send right");
    CHECK_EQUAL(d.name, p, "under the name of the receive right");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 1, "with one reference");
    d = pass(p, MACH_MSG_TYPE_COPY_SEND);
    CHECK_EQUAL(d.disposition, MACH_MSG_TYPE_PORT_SEND, "COPY_SEND arrives as a send right");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 2, "one more than before");
    d = pass(p, MACH_MSG_TYPE_MOVE_SEND);
    CHECK_EQUAL(d.disposition, MACH_MSG_TYPE_PORT_SEND, "MOVE_SEND arrives as a send right");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 2, "as many as before");
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1));
    REQUIRE_OK(test_send_right(carrier, 1, p, MACH_MSG_TYPE_MOVE_SEND));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 0,
                "a moved right is away while the message is on its way");
    CHECK_RESULT(test_send(p, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_SEND_INVALID_DEST, "and can't be used");
    struct test_port_message m;
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 1, "it is back with the message");
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 0, "destroying the message releases it");
    test_port_destroy(p);
}

static void test_send_once_dispositions(void)
{
    mach_port_t p = test_port();

    mach_msg_port_descriptor_t d = pass(p, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    CHECK_EQUAL(d.disposition, MACH_MSG_TYPE_PORT_SEND_ONCE, "MAKE_SEND_ONCE arrives as a send-once right");
    CHECK_EQUAL(test_type(d.name), MACH_PORT_TYPE_SEND_ONCE, "under a name of its own");
    mach_msg_port_descriptor_t e = pass(d.name, MACH_MSG_TYPE_MOVE_SEND_ONCE);
    CHECK_EQUAL(e.disposition, MACH_MSG_TYPE_PORT_SEND_ONCE, "MOVE_SEND_ONCE arrives as a send-once right");
    CHECK_EQUAL(test_status(p).mps_sorights, 1, "there is still one");
    REQUIRE_OK(mach_port_deallocate(SELF, e.name));
    CHECK(test_receive_id(p, MACH_NOTIFY_SEND_ONCE), "it is used up by a notification");
    test_port_destroy(p);
}

static void test_receive_disposition(void)
{
    mach_port_t p = test_port_send();

    REQUIRE_OK(test_send(p, MACH_MSG_TYPE_COPY_SEND, 3, 0));
    REQUIRE_OK(test_send_right(carrier, 1, p, MACH_MSG_TYPE_MOVE_RECEIVE));
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND, "a moved receive right is away, the send right stays");
    CHECK_RESULT(test_send(p, MACH_MSG_TYPE_COPY_SEND, 4, 0), MACH_MSG_SUCCESS,
                 "the port still takes messages");
    struct test_port_message m;
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    CHECK_EQUAL(m.port.disposition, MACH_MSG_TYPE_PORT_RECEIVE, "MOVE_RECEIVE arrives as the receive right");
    CHECK_EQUAL(m.port.name, p, "under the name of the send right");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND_RECEIVE, "both are there again");
    CHECK(test_receive_id(p, 3) && test_receive_id(p, 4), "with the messages in order");

    REQUIRE_OK(test_send_right(carrier, 1, p, MACH_MSG_TYPE_MOVE_RECEIVE));
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_DEAD_NAME, "destroying the message destroys the port");
    test_port_destroy(p);
}

static void test_null_and_dead(void)
{
    mach_port_t dead;

    CHECK_EQUAL(pass(MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND).name, MACH_PORT_NULL, "the null right travels");
    CHECK_EQUAL(pass(MACH_PORT_DEAD, MACH_MSG_TYPE_COPY_SEND).name, MACH_PORT_DEAD, "the dead right travels");
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead));
    CHECK_EQUAL(pass(dead, MACH_MSG_TYPE_COPY_SEND).name, MACH_PORT_DEAD,
                "a dead name arrives as the dead right");
    CHECK_EQUAL(test_refs(dead, MACH_PORT_RIGHT_DEAD_NAME), 1, "a copied dead name keeps its reference");
    CHECK_EQUAL(pass(dead, MACH_MSG_TYPE_MOVE_SEND).name, MACH_PORT_DEAD, "so does a moved one");
    CHECK_EQUAL(test_type(dead), MACH_PORT_TYPE_NONE, "which loses its reference");
    mach_port_t p = test_port_send();
    REQUIRE_OK(test_send_right(carrier, 1, p, MACH_MSG_TYPE_MOVE_SEND));
    test_port_destroy(p);
    struct test_port_message m;
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    CHECK_EQUAL(m.port.name, MACH_PORT_DEAD,
                "a right to a port that died on the way arrives as the dead right");
}

static void test_errors(void)
{
    mach_port_t p = test_port();

    CHECK_RESULT(test_send_right(carrier, 1, p, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_RIGHT,
                 "a right that isn't there can't be copied");
    CHECK_RESULT(test_send_right(carrier, 1, p, MACH_MSG_TYPE_MOVE_SEND), MACH_SEND_INVALID_RIGHT,
                 "nor moved");
    CHECK_RESULT(test_send_right(carrier, 1, carrier, 99), MACH_SEND_INVALID_TYPE,
                 "nor passed in an unknown way");
    CHECK_RESULT(test_send_right(carrier, 1, 0x7fffff05, MACH_MSG_TYPE_MAKE_SEND), MACH_SEND_INVALID_RIGHT,
                 "a name of nothing has no rights");
    CHECK_EQUAL(test_status(carrier).mps_msgcount, 0, "a refused message is not sent");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_RECEIVE, "and takes no right");

    struct test_port_message m = {
        .header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   sizeof(mach_msg_base_t) + 8, carrier, 0, 0, 1},
        .body = {1},
    };
    CHECK_RESULT(mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_SEND_MSG_TOO_SMALL, "a descriptor must be within the message");
    m.body.msgh_descriptor_count = ~0u;
    m.header.msgh_size = sizeof(mach_msg_base_t) + sizeof(m.port);
    CHECK_RESULT(mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_SEND_MSG_TOO_SMALL, "all descriptors must be within the message");
    m.body.msgh_descriptor_count = 1;
    m.port.type = 77;
    CHECK_RESULT(mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_SEND_INVALID_TYPE, "an unknown kind of descriptor is refused");
    test_port_destroy(p);
}

/* One message takes several rights of one name, or none of them. */
static void test_all_or_nothing(void)
{
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t port[3];
        mach_msg_max_trailer_t trailer;
    } m = {.header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                      sizeof(mach_msg_base_t) + sizeof(m.port), carrier, 0, 0, 1},
           .body = {3}};
    mach_port_t p = test_port_send();

    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, 1));
    for (int i = 0; i < 3; i++)
        m.port[i] = (mach_msg_port_descriptor_t){
            .name = p, .disposition = MACH_MSG_TYPE_MOVE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    kern_return_t kr =
        mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    CHECK_RESULT(kr, MACH_SEND_INVALID_RIGHT, "three rights can't be moved where there are two");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 2, "and both are kept");
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, 1));
    kr = mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    CHECK_RESULT(kr, MACH_MSG_SUCCESS, "three rights can be moved where there are three");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 0, "and none is kept");
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 3, "all three arrive");
    test_port_destroy(p);
}

static void test_reply_right(void)
{
    mach_port_t reply = test_port();
    struct test_message m = {.header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                        sizeof(m.header), carrier, reply, 0, 1}};

    REQUIRE_OK(mach_msg(&m.header, MACH_SEND_MSG, sizeof(m.header), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    REQUIRE_OK(test_receive(carrier, &m, sizeof(m), 0));
    CHECK_EQUAL(MACH_MSGH_BITS_REMOTE(m.header.msgh_bits), MACH_MSG_TYPE_PORT_SEND_ONCE,
                "the header tells what reply right there is");
    CHECK_EQUAL(test_type(m.header.msgh_remote_port), MACH_PORT_TYPE_SEND_ONCE, "it is a send-once right");
    CHECK_RESULT(test_send(m.header.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 9, 0), MACH_MSG_SUCCESS,
                 "that can be answered over");
    CHECK(test_receive_id(reply, 9), "the answer comes to the reply port");
    test_port_destroy(reply);
}

int main(void)
{
    test_begin("rights");
    carrier = test_port_send();
    test_send_dispositions();
    test_send_once_dispositions();
    test_receive_disposition();
    test_null_and_dead();
    test_errors();
    test_all_or_nothing();
    test_reply_right();
    test_port_destroy(carrier);
    return test_end();
}
