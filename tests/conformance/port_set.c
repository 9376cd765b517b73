/* SPDX-License-Identifier: BSD-2-Clause */
/* Port sets: receiving from any of several ports. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>

#define SELF mach_task_self()
#define PORTS 3

static mach_port_t set;
static mach_port_t port[PORTS];

static mach_port_t new_set(void)
{
    mach_port_t name;

    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &name));
    return name;
}

static void test_members(void)
{
    mach_port_name_array_t members = NULL;
    mach_msg_type_number_t count = 0;
    bool ordered = true;

    CHECK_EQUAL(test_type(set), MACH_PORT_TYPE_PORT_SET, "a port set is a right of its own");
    for (int i = 0; i < PORTS; i++)
        REQUIRE_OK(mach_port_insert_member(SELF, port[i], set));
    CHECK_RESULT(mach_port_insert_member(SELF, port[0], set), KERN_ALREADY_IN_SET, "a port is a member once");
    CHECK_EQUAL(test_status(port[0]).mps_pset, 1, "it tells in how many sets it is");
    CHECK_RESULT(mach_port_get_set_status(SELF, set, &members, &count), KERN_SUCCESS, "a set can be listed");
    CHECK_EQUAL(count, PORTS, "it has the members it was given");
    for (unsigned i = 0; i < count; i++)
        ordered &= members[i] == port[i];
    CHECK(ordered, "in their order");
    test_memory_free(members, count * sizeof(*members));
    CHECK_RESULT(mach_port_extract_member(SELF, port[2], set), KERN_SUCCESS, "a member can be taken out");
    CHECK_RESULT(mach_port_extract_member(SELF, port[2], set), KERN_NOT_IN_SET, "once");
    CHECK_RESULT(mach_port_insert_member(SELF, set, set), KERN_INVALID_RIGHT, "a set is no member of a set");
    CHECK_RESULT(mach_port_move_member(SELF, port[2], port[0]), KERN_INVALID_RIGHT, "a port is no set");
    CHECK_RESULT(mach_port_move_member(SELF, port[2], set), KERN_SUCCESS, "a port can be moved into a set");
}

static void test_receive_any(void)
{
    struct test_message m;
    bool all = true;

    for (int i = 0; i < PORTS; i++)
        REQUIRE_OK(test_send(port[i], MACH_MSG_TYPE_COPY_SEND, i, 0));
    unsigned seen = 0;
    for (int i = 0; i < PORTS; i++) {
        all &= test_receive(set, &m, sizeof(m), 0) == MACH_MSG_SUCCESS;
        all &= m.header.msgh_local_port == port[m.header.msgh_id];
        seen |= 1u << m.header.msgh_id;
    }
    CHECK(all, "a receive from the set tells which port a message came to");
    CHECK_EQUAL(seen, 7, "messages of all members come");
    CHECK_RESULT(test_receive_nothing(set), MACH_RCV_TIMED_OUT, "then there are no more");
    REQUIRE_OK(test_send(port[1], MACH_MSG_TYPE_COPY_SEND, 1, 0));
    CHECK(test_receive_id(port[1], 1), "a member can still be received from itself");
    CHECK_RESULT(test_send(set, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_SEND_INVALID_DEST,
                 "a set is no destination");
}

static volatile int received_id;
static volatile mach_msg_return_t received_result;

static void receive_from_set(void *unused)
{
    struct test_message m;

    (void)unused;
    received_result = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), set, 0, MACH_PORT_NULL);
    received_id = received_result == MACH_MSG_SUCCESS ? m.header.msgh_id : -1;
}

static void test_waiting(void)
{
    mach_port_t late = test_port_send();

    test_waiting_start(receive_from_set, NULL);
    REQUIRE_OK(test_send(port[0], MACH_MSG_TYPE_COPY_SEND, 21, 0));
    CHECK(test_wait(&received_id, TEST_SOON_MS) && received_id == 21,
          "a message to a member wakes who waits");
    received_id = 0;
    test_waiting_start(receive_from_set, NULL);
    REQUIRE_OK(test_send(late, MACH_MSG_TYPE_COPY_SEND, 22, 0));
    REQUIRE_OK(mach_port_insert_member(SELF, late, set));
    CHECK(test_wait(&received_id, TEST_SOON_MS) && received_id == 22,
          "so does a port that joins with a message");
    test_port_destroy(late);
    received_id = 0;
    test_waiting_start(receive_from_set, NULL);
    test_port_destroy(set);
    CHECK(test_wait(&received_id, TEST_SOON_MS), "so does the end of the set");
    CHECK_RESULT(received_result, MACH_RCV_PORT_DIED, "with an error");
    CHECK_EQUAL(test_status(port[0]).mps_pset, 0, "its members are in no set then");
}

static void test_two_sets(void)
{
    mach_port_t a = new_set();
    mach_port_t b = new_set();

    REQUIRE_OK(mach_port_insert_member(SELF, port[0], a));
    CHECK_RESULT(mach_port_insert_member(SELF, port[0], b), KERN_SUCCESS, "a port can be in two sets");
    CHECK_EQUAL(test_status(port[0]).mps_pset, 2, "and tells so");
    REQUIRE_OK(test_send(port[0], MACH_MSG_TYPE_COPY_SEND, 1, 0));
    REQUIRE_OK(test_send(port[0], MACH_MSG_TYPE_COPY_SEND, 2, 0));
    CHECK(test_receive_id(b, 1), "its messages come through one set");
    CHECK(test_receive_id(a, 2), "or the other");
    CHECK_RESULT(mach_port_move_member(SELF, port[0], MACH_PORT_NULL), KERN_SUCCESS,
                 "it can be taken out of both");
    CHECK_EQUAL(test_status(port[0]).mps_pset, 0, "at once");
    test_port_destroy(a);
    test_port_destroy(b);
}

#define TURN_SECONDS 2u

/* Send each message that comes to port[0] on to port[1], which is in no set, until the set is destroyed. */
static void echo(void *unused)
{
    struct test_message m;

    (void)unused;
    for (int turn = 1;
         mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), set, 0, MACH_PORT_NULL) == MACH_MSG_SUCCESS; turn++)
        REQUIRE_OK(test_send(port[1], MACH_MSG_TYPE_COPY_SEND, turn, 0));
}

/* With several CPUs, messages come at every moment of a receiver's way to sleep. */
static void test_turns(void)
{
    uint64_t end = test_now() + TURN_SECONDS * NSEC_PER_SEC;
    bool came = true;

    set = new_set();
    REQUIRE_OK(mach_port_insert_member(SELF, port[0], set));
    REQUIRE_OK(mach_thread_start(echo, NULL, NULL));
    for (int turn = 1; came && (turn % 100 != 0 || test_now() < end); turn++) {
        REQUIRE_OK(test_send(port[0], MACH_MSG_TYPE_COPY_SEND, turn, 0));
        came = test_receive_id(port[1], turn);
    }
    CHECK(came, "no message is overlooked by a receiver that begins to wait");
    test_port_destroy(set);
}

int main(void)
{
    test_begin("port_set");
    set = new_set();
    for (int i = 0; i < PORTS; i++)
        port[i] = test_port_send();
    test_members();
    test_receive_any();
    test_waiting();
    test_two_sets();
    test_turns();
    for (int i = 0; i < PORTS; i++)
        test_port_destroy(port[i]);
    return test_end();
}
