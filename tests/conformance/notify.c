/* SPDX-License-Identifier: BSD-2-Clause */
/* Notifications: dead names, no senders, room, send-once rights, destroyed ports. */
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()

static mach_port_t listener;

/* Ask for a notification. Returns: the result; the right of the request replaced is in *previous. */
static kern_return_t request(mach_port_t name, mach_msg_id_t id, mach_port_mscount_t sync,
                             mach_port_t *previous)
{
    *previous = MACH_PORT_NULL;
    return mach_port_request_notification(SELF, name, id, sync, listener, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                          previous);
}

static void test_dead_name(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;
    mach_dead_name_notification_t n;

    CHECK_RESULT(request(p, MACH_NOTIFY_DEAD_NAME, 0, &previous), KERN_SUCCESS,
                 "a dead name can be asked for");
    CHECK_EQUAL(previous, MACH_PORT_NULL, "there was no request before");
    CHECK((test_type(p) & MACH_PORT_TYPE_DNREQUEST) != 0, "the type of the name tells of the request");
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "nothing comes while the port lives");
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_RESULT(test_receive(listener, &n, sizeof(n), TEST_SOON_MS), MACH_MSG_SUCCESS,
                 "when it dies, we are told");
    CHECK_EQUAL(n.not_header.msgh_id, MACH_NOTIFY_DEAD_NAME, "by a dead-name notification");
    CHECK_EQUAL(n.not_port, p, "with the name");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_DEAD_NAME), 2,
                "which has a reference more, for the notification");
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "we are told once");
    CHECK_RESULT(request(p, MACH_NOTIFY_DEAD_NAME, 0, &previous), KERN_INVALID_ARGUMENT,
                 "a name that is dead already is refused");
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "the right of a refused request is used up");
    CHECK_RESULT(request(p, MACH_NOTIFY_DEAD_NAME, 1, &previous), KERN_SUCCESS,
                 "unless we say that we reckon with it");
    CHECK(test_receive_id(listener, MACH_NOTIFY_DEAD_NAME), "then we are told at once");
    test_port_destroy(p);
}

static void test_replace(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous, none;

    REQUIRE_OK(request(p, MACH_NOTIFY_DEAD_NAME, 0, &previous));
    CHECK_RESULT(request(p, MACH_NOTIFY_DEAD_NAME, 0, &previous), KERN_SUCCESS, "a request can be replaced");
    CHECK_EQUAL(test_type(previous), MACH_PORT_TYPE_SEND_ONCE, "the right of the old one comes back");
    REQUIRE_OK(mach_port_deallocate(SELF, previous));
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "it is ours to release");
    REQUIRE_OK(mach_port_request_notification(SELF, p, MACH_NOTIFY_DEAD_NAME, 0, MACH_PORT_NULL,
                                              MACH_MSG_TYPE_MAKE_SEND_ONCE, &none));
    CHECK_EQUAL(test_type(none), MACH_PORT_TYPE_SEND_ONCE, "a request can be taken back");
    REQUIRE_OK(mach_port_deallocate(SELF, none));
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "and its right released");
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "then nobody is told");
    test_port_destroy(p);
}

static void test_port_deleted(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;

    REQUIRE_OK(request(p, MACH_NOTIFY_DEAD_NAME, 0, &previous));
    test_port_destroy(p);
    CHECK(test_receive_id(listener, MACH_NOTIFY_PORT_DELETED), "when the name goes first, we are told that");
}

static void test_no_senders(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;
    mach_no_senders_notification_t n;

    CHECK_RESULT(request(p, MACH_NOTIFY_NO_SENDERS, 0, &previous), KERN_SUCCESS,
                 "no senders can be asked for");
    CHECK(test_status(p).mps_nsrequest, "the port tells of the request");
    REQUIRE_OK(mach_port_insert_right(SELF, p, p, MACH_MSG_TYPE_MAKE_SEND));
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1));
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT,
                 "nothing comes while there is a send right");
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1));
    CHECK_RESULT(test_receive(listener, &n, sizeof(n), TEST_SOON_MS), MACH_MSG_SUCCESS,
                 "when the last one goes, we are told");
    CHECK_EQUAL(n.not_header.msgh_id, MACH_NOTIFY_NO_SENDERS, "by a no-senders notification");
    CHECK_EQUAL(n.not_count, 2, "with the make-send count");
    CHECK(!test_status(p).mps_nsrequest, "the request is used up");
    CHECK_RESULT(request(p, MACH_NOTIFY_NO_SENDERS, 2, &previous), KERN_SUCCESS, "if there are none already");
    CHECK(test_receive_id(listener, MACH_NOTIFY_NO_SENDERS), "we are told at once");
    CHECK_RESULT(request(p, MACH_NOTIFY_NO_SENDERS, 3, &previous), KERN_SUCCESS,
                 "unless a send right is still to be made");
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "by the make-send count");
    test_port_destroy(p);
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "a request dies with its port");
}

static void test_in_transit(void)
{
    mach_port_t p = test_port_send();
    mach_port_t carrier = test_port_send();
    mach_port_t previous;

    REQUIRE_OK(request(p, MACH_NOTIFY_NO_SENDERS, 0, &previous));
    REQUIRE_OK(test_send_right(carrier, 1, p, MACH_MSG_TYPE_MOVE_SEND));
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "a right in a message counts");
    test_port_destroy(carrier);
    CHECK(test_receive_id(listener, MACH_NOTIFY_NO_SENDERS), "until the message is destroyed");
    test_port_destroy(p);
}

static void test_port_destroyed(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;
    struct test_port_message m;

    CHECK_RESULT(request(p, MACH_NOTIFY_PORT_DESTROYED, 0, &previous), KERN_SUCCESS,
                 "a receive right can be asked for when it would die");
    CHECK(test_status(p).mps_pdrequest, "the port tells of the request");
    REQUIRE_OK(test_send(p, MACH_MSG_TYPE_COPY_SEND, 8, 0));
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_RESULT(test_receive(listener, &m, sizeof(m), TEST_SOON_MS), MACH_MSG_SUCCESS,
                 "when it would, it comes");
    CHECK_EQUAL(m.header.msgh_id, MACH_NOTIFY_PORT_DESTROYED, "by a port-destroyed notification");
    CHECK_EQUAL(m.port.disposition, MACH_MSG_TYPE_PORT_RECEIVE, "that carries the receive right");
    CHECK(m.port.name == p && test_receive_id(p, 8), "with its messages");
    test_port_destroy(p);
}

static void test_bad_requests(void)
{
    mach_port_t p = test_port();
    mach_port_t previous;

    CHECK_RESULT(request(0x7fffff07, MACH_NOTIFY_DEAD_NAME, 0, &previous), KERN_INVALID_NAME,
                 "a name of nothing is refused");
    CHECK_RESULT(request(p, 9999, 0, &previous), KERN_INVALID_VALUE, "an unknown notification is refused");
    mach_port_t dead;
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead));
    CHECK_RESULT(request(dead, MACH_NOTIFY_NO_SENDERS, 0, &previous), KERN_INVALID_RIGHT,
                 "no senders are a matter of a receive right");
    test_port_destroy(dead);
    test_port_destroy(p);
    struct test_message m;
    while (test_receive(listener, &m, sizeof(m), 0) == MACH_MSG_SUCCESS)
        CHECK_EQUAL(m.header.msgh_id, MACH_NOTIFY_SEND_ONCE, "the right of a refused request is released");
}

static void fill(mach_port_t p)
{
    while (test_send(p, MACH_MSG_TYPE_COPY_SEND, 1, 0) == MACH_MSG_SUCCESS)
        continue;
}

static mach_msg_return_t send_notify(mach_port_t p, mach_msg_type_name_t disposition)
{
    struct test_message m = {
        .header = {MACH_MSGH_BITS(disposition, 0), sizeof(m.header), p, MACH_PORT_NULL, MACH_PORT_NULL, 2}};

    return mach_msg(&m.header, MACH_SEND_MSG | MACH_SEND_TIMEOUT | MACH_SEND_NOTIFY, sizeof(m.header), 0,
                    MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static void test_send_possible(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;
    mach_send_possible_notification_t n;

    CHECK_RESULT(request(p, MACH_NOTIFY_SEND_POSSIBLE, 1, &previous), KERN_SUCCESS,
                 "it can be asked whether a message can be sent");
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_POSSIBLE), "if there is room, we are told at once");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND_RECEIVE, "and no request is left");
    fill(p);
    REQUIRE_OK(request(p, MACH_NOTIFY_SEND_POSSIBLE, 1, &previous));
    CHECK_EQUAL(previous, MACH_PORT_NULL, "there was none before");
    CHECK((test_type(p) & MACH_PORT_TYPE_SPREQUEST) != 0, "the type of a name tells of such a request");
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "a full queue is no news");
    CHECK(test_receive_id(p, 1), "a message leaves");
    CHECK_RESULT(test_receive(listener, &n, sizeof(n), TEST_SOON_MS), MACH_MSG_SUCCESS, "then we are told");
    CHECK(n.not_header.msgh_id == MACH_NOTIFY_SEND_POSSIBLE && n.not_port == p, "that this name has room");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND_RECEIVE, "the request is done with");
    CHECK(test_receive_id(p, 1) && test_receive_nothing(listener) == MACH_RCV_TIMED_OUT, "we are told once");

    fill(p);
    REQUIRE_OK(request(p, MACH_NOTIFY_SEND_POSSIBLE, 1, &previous));
    mach_port_limits_t limits = {MACH_PORT_QLIMIT_MAX};
    REQUIRE_OK(mach_port_set_attributes(SELF, p, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_POSSIBLE), "a higher limit makes room, too");
    test_port_destroy(p);
}

static void test_send_notify(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;

    REQUIRE_OK(request(p, MACH_NOTIFY_SEND_POSSIBLE, 0, &previous));
    fill(p);
    CHECK(test_receive_id(p, 1) && test_receive_nothing(listener) == MACH_RCV_TIMED_OUT,
          "a request can wait for a send that fails");
    CHECK_RESULT(send_notify(p, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS, "one that succeeds is none");
    CHECK_RESULT(send_notify(p, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_TIMED_OUT, "the next one finds no room");
    CHECK_RESULT(test_receive_nothing(listener), MACH_RCV_TIMED_OUT, "there is none yet");
    CHECK(test_receive_id(p, 1), "a message leaves");
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_POSSIBLE), "and we are told");
    CHECK_RESULT(send_notify(p, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS, "the message can be sent");
    CHECK_RESULT(send_notify(p, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_TIMED_OUT, "once");
    CHECK(test_receive_id(p, 1) && test_receive_nothing(listener) == MACH_RCV_TIMED_OUT,
          "without a request nobody is told");

    REQUIRE_OK(request(p, MACH_NOTIFY_SEND_POSSIBLE, 0, &previous));
    CHECK_RESULT(request(p, MACH_NOTIFY_DEAD_NAME, 0, &previous), KERN_SUCCESS,
                 "a name has one request of either kind");
    REQUIRE_OK(mach_port_deallocate(SELF, previous));
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "the old one comes back");
    REQUIRE_OK(request(p, MACH_NOTIFY_SEND_POSSIBLE, 0, &previous));
    REQUIRE_OK(mach_port_deallocate(SELF, previous));
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "either way");
    mach_port_urefs_t refs = test_refs(p, MACH_PORT_RIGHT_SEND); /* the right of a failed send comes back */
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK(test_receive_id(listener, MACH_NOTIFY_DEAD_NAME), "who waits for room hears of the port's death");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_DEAD_NAME), refs + 1, "which counts as a reference");
    test_port_destroy(p);

    p = test_port_send();
    fill(p);
    REQUIRE_OK(request(p, MACH_NOTIFY_SEND_POSSIBLE, 1, &previous));
    REQUIRE(test_receive_id(p, 1) && test_receive_id(listener, MACH_NOTIFY_SEND_POSSIBLE));
    refs = test_refs(p, MACH_PORT_RIGHT_SEND);
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK(test_refs(p, MACH_PORT_RIGHT_DEAD_NAME) == refs &&
              test_receive_nothing(listener) == MACH_RCV_TIMED_OUT,
          "who was told of room does not hear of it");
    test_port_destroy(p);
    p = test_port();
    CHECK_RESULT(request(p, MACH_NOTIFY_SEND_POSSIBLE, 0, &previous), KERN_INVALID_RIGHT,
                 "only of a send right can be asked");
    CHECK(test_receive_id(listener, MACH_NOTIFY_SEND_ONCE), "a refused request is released");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("notify");
    listener = test_port();
    test_dead_name();
    test_replace();
    test_port_deleted();
    test_no_senders();
    test_in_transit();
    test_send_possible();
    test_send_notify();
    test_port_destroyed();
    test_bad_requests();
    test_port_destroy(listener);
    return test_end();
}
