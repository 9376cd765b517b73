/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports made to measure, guards, and looks into queues.  (What is refused: refused_ports.c.) */
#include "lib/ports.h"
#include "lib/test.h"

#include <mach/notify.h>
#include <string.h>

#define SELF mach_task_self()
#define GUARD UINT64_C(0x1122334455667788)
#define OTHER UINT64_C(0x99aabbccddeeff00)
#define PEEK_MAX 1024u

static mach_port_context_t label(mach_port_t port)
{
    mach_port_context_t context = 1;

    REQUIRE_OK(mach_port_get_context(SELF, port, &context));
    return context;
}

static mach_port_t construct(uint32_t flags, mach_port_msgcount_t qlimit, mach_port_context_t context)
{
    mach_port_options_t options = {.flags = flags, .mpl.mpl_qlimit = qlimit};
    mach_port_t port = MACH_PORT_NULL;

    REQUIRE_OK(mach_port_construct(SELF, &options, context, &port));
    return port;
}

static void test_guarded(void)
{
    mach_port_t p = test_port_send();
    struct test_message m;

    CHECK_EQUAL(test_status(p).mps_flags, 0, "a new port has no guard");
    CHECK_RESULT(mach_port_guard(SELF, p, GUARD, FALSE), KERN_SUCCESS, "a receive right can be guarded");
    CHECK_EQUAL(test_status(p).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED, "which the status tells");
    CHECK(label(p) == GUARD, "the guard is the label");
    REQUIRE_OK(test_send(p, MACH_MSG_TYPE_COPY_SEND, 5, 0));
    m.header.msgh_local_port = p;
    REQUIRE_OK(mach_msg(&m.header,
                        MACH_RCV_MSG | MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) |
                            MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX),
                        0, sizeof(m), p, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL));
    const mach_msg_max_trailer_t *trailer = (const void *)((const char *)&m + m.header.msgh_size);
    CHECK(trailer->msgh_context == GUARD, "and comes with messages");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1), KERN_SUCCESS,
                 "send rights are not guarded");
    CHECK_RESULT(mach_port_set_context(SELF, p, OTHER), KERN_SUCCESS, "a new label is a new guard");
    CHECK_RESULT(mach_port_swap_guard(SELF, p, OTHER, GUARD), KERN_SUCCESS, "guards can be swapped");
    CHECK(label(p) == GUARD, "the new one is the label");
    CHECK_RESULT(mach_port_unguard(SELF, p, GUARD), KERN_SUCCESS, "who knows the guard can take it off");
    CHECK_EQUAL(test_status(p).mps_flags, 0, "the status tells that");
    CHECK(label(p) == 0, "there is no label any more");
    CHECK_RESULT(mach_port_destroy(SELF, p), KERN_SUCCESS, "and the right can be destroyed");
}

static void test_strict(void)
{
    mach_port_t p = test_port();

    REQUIRE_OK(mach_port_guard(SELF, p, GUARD, TRUE));
    CHECK_EQUAL(test_status(p).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED | MACH_PORT_STATUS_FLAG_STRICT_GUARD,
                "a guard can be strict");
    CHECK(label(p) == 0, "then the label is not told");
    CHECK_RESULT(mach_port_unguard(SELF, p, GUARD), KERN_SUCCESS, "it is taken off like another");
    REQUIRE_OK(mach_port_guard(SELF, p, 0, TRUE));
    CHECK_RESULT(mach_port_destroy(SELF, p), KERN_INVALID_RIGHT, "0 is a guard, too");
    CHECK_RESULT(mach_port_destruct(SELF, p, 0, 0), KERN_SUCCESS, "that destruct must be given");
}

/* Receive the right that a message of this program carries. */
static mach_port_t receive_right(mach_port_t from)
{
    struct test_port_message m;

    REQUIRE_OK(test_receive(from, &m, sizeof(m), TEST_SOON_MS));
    REQUIRE(m.port.disposition == MACH_MSG_TYPE_PORT_RECEIVE);
    return m.port.name;
}

static void test_moved(void)
{
    mach_port_t p = test_port(), mail = test_port_send(), other;
    mach_msg_type_name_t type;

    REQUIRE_OK(mach_port_guard(SELF, p, GUARD, TRUE));
    CHECK_RESULT(test_send_right(mail, 1, p, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS,
                 "a guarded right can be sent");
    p = receive_right(mail);
    CHECK_EQUAL(test_status(p).mps_flags, 0, "who gets it finds no guard");
    CHECK(label(p) == 0, "and no label");
    REQUIRE_OK(mach_port_set_context(SELF, p, OTHER));
    REQUIRE_OK(test_send_right(mail, 1, p, MACH_MSG_TYPE_MOVE_RECEIVE));
    p = receive_right(mail);
    CHECK(label(p) == OTHER, "a label without guard goes along");
    REQUIRE_OK(mach_port_set_context(SELF, p, 0));
    REQUIRE_OK(mach_port_guard(SELF, p, GUARD, FALSE));
    REQUIRE_OK(mach_port_extract_right(SELF, p, MACH_MSG_TYPE_MOVE_RECEIVE, &other, &type));
    CHECK_EQUAL(test_status(other).mps_flags, 0, "one that is extracted has no guard either");
    test_port_destroy(other);
    test_port_destroy(mail);
}

static void child_ends_guarded(void)
{
    mach_port_t p = TEST_CHILD_PORT(0);

    REQUIRE_OK(mach_port_guard(SELF, p, GUARD, TRUE));
}

static void test_task_ends(void)
{
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MOVE_RECEIVE};
    task_t task = test_child(child_ends_guarded, &right, 1);

    REQUIRE(test_child_wait(task));
    for (unsigned ms = 0; ms < TEST_SOON_MS && test_type(p) == MACH_PORT_TYPE_SEND; ms++)
        test_sleep(1); /* the names of a task that ended go in the background */
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_DEAD_NAME, "a guarded right ends with its task");
    REQUIRE_OK(mach_port_deallocate(SELF, p));
}

static void test_construct(void)
{
    mach_port_t p = construct(0, 0, OTHER);

    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_RECEIVE, "construct makes a receive right");
    CHECK(label(p) == OTHER, "with a label");
    CHECK_EQUAL(test_status(p).mps_qlimit, MACH_PORT_QLIMIT_DEFAULT, "and the usual queue");
    CHECK_RESULT(mach_port_destruct(SELF, p, 0, GUARD), KERN_SUCCESS, "without a guard, any will do");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_NONE, "destruct takes the name");

    p = construct(MPO_QLIMIT | MPO_INSERT_SEND_RIGHT | MPO_CONTEXT_AS_GUARD | MPO_STRICT, 1, GUARD);
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND_RECEIVE, "with a send right");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 1, "of one user reference");
    CHECK_EQUAL(test_status(p).mps_mscount, 1, "which was made");
    CHECK_EQUAL(test_status(p).mps_qlimit, 1, "a queue of one message");
    CHECK_EQUAL(test_status(p).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED | MACH_PORT_STATUS_FLAG_STRICT_GUARD,
                "and a strict guard");
    CHECK_RESULT(test_send(p, MACH_MSG_TYPE_COPY_SEND, 3, 0), MACH_MSG_SUCCESS, "one message is queued");
    CHECK_RESULT(test_send(p, MACH_MSG_TYPE_COPY_SEND, 3, 0), MACH_SEND_TIMED_OUT, "a second finds no room");
    CHECK_RESULT(mach_port_destruct(SELF, p, -2, GUARD), KERN_SUCCESS,
                 "all goes with the guard, what came back with that message included");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_NONE, "the send right, too");

    p = construct(MPO_INSERT_SEND_RIGHT | MPO_CONTEXT_AS_GUARD, 0, GUARD);
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, 2));
    CHECK(label(p) == GUARD, "a guard that is not strict is told");
    CHECK_RESULT(mach_port_destruct(SELF, p, -2, GUARD), KERN_SUCCESS, "one user reference may stay");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_DEAD_NAME, "of what is a dead name then");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_DEAD_NAME), 1, "of one user reference");
    REQUIRE_OK(mach_port_deallocate(SELF, p));
}

/* --- peek --- */

struct seen {
    mach_port_seqno_t seqno;
    mach_msg_size_t size;
    mach_msg_id_t id;
    mach_msg_max_trailer_t trailer;
};

static kern_return_t peek(mach_port_t port, mach_port_seqno_t seqno, uint32_t elements, struct seen *seen)
{
    mach_msg_type_number_t count = sizeof(seen->trailer);

    seen->seqno = seqno;
    kern_return_t kr = mach_port_peek(
        SELF, port, MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) | MACH_RCV_TRAILER_ELEMENTS(elements),
        &seen->seqno, &seen->size, &seen->id, (mach_msg_trailer_info_t)&seen->trailer, &count);
    return kr == KERN_SUCCESS && count != seen->trailer.msgh_trailer_size ? KERN_INVALID_VALUE : kr;
}

static void test_peek(void)
{
    mach_port_t p = test_port_send();
    struct seen seen = {0};
    struct test_message m;

    REQUIRE_OK(mach_port_set_seqno(SELF, p, 40));
    CHECK_RESULT(peek(p, 0, MACH_RCV_TRAILER_NULL, &seen), KERN_FAILURE, "an empty queue shows nothing");
    REQUIRE_OK(test_send(p, MACH_MSG_TYPE_COPY_SEND, 7, 1));
    REQUIRE_OK(test_send(p, MACH_MSG_TYPE_COPY_SEND, 8, 3));
    CHECK_RESULT(peek(p, 0, MACH_RCV_TRAILER_NULL, &seen), KERN_SUCCESS, "a message can be looked at");
    CHECK(seen.id == 7 && seen.size == sizeof(m.header) + 4, "its id and size");
    CHECK_EQUAL(seen.seqno, 40, "its sequence number");
    CHECK_EQUAL(seen.trailer.msgh_trailer_size, sizeof(mach_msg_trailer_t), "its trailer");
    CHECK_RESULT(peek(p, 41, MACH_RCV_TRAILER_AUDIT, &seen), KERN_SUCCESS, "so can the one behind it");
    CHECK(seen.id == 8 && seen.size == sizeof(m.header) + 12 && seen.trailer.msgh_seqno == 41,
          "by its sequence number");
    CHECK_RESULT(peek(p, 42, MACH_RCV_TRAILER_NULL, &seen), KERN_FAILURE, "there is no third");
    CHECK_RESULT(peek(p, 39, MACH_RCV_TRAILER_NULL, &seen), KERN_FAILURE, "nor one before");
    CHECK_EQUAL(test_status(p).mps_msgcount, 2, "they stay in the queue");
    CHECK(test_receive_id(p, 7), "and are received");
    m.header.msgh_size = 0;
    REQUIRE_OK(mach_msg(&m.header,
                        MACH_RCV_MSG | MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) |
                            MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT),
                        0, sizeof(m), p, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL));
    CHECK(memcmp((const char *)&m + m.header.msgh_size, &seen.trailer, sizeof(mach_msg_audit_trailer_t)) == 0,
          "with the trailer that was seen");
    test_port_destroy(p);
}

static void test_peek_notification(void)
{
    mach_port_t p = test_port(), once;
    mach_msg_type_name_t type;
    struct seen seen = {0};
    const security_token_t kernel = {{0, 1}};

    REQUIRE_OK(mach_port_extract_right(SELF, p, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &type));
    REQUIRE_OK(mach_port_deallocate(SELF, once));
    CHECK_RESULT(peek(p, 0, MACH_RCV_TRAILER_SENDER, &seen), KERN_SUCCESS, "a notification can be looked at");
    CHECK(seen.id == MACH_NOTIFY_SEND_ONCE && seen.seqno == 0, "by its number, which may be 0");
    CHECK(memcmp(&seen.trailer.msgh_sender, &kernel, sizeof(kernel)) == 0, "its sender is the kernel");
    test_port_destroy(p);
}

static void test_peek_far(void)
{
    mach_port_t p = test_port();
    struct seen seen = {0};

    REQUIRE_OK(mach_port_set_seqno(SELF, p, 1));
    for (unsigned i = 0; i <= PEEK_MAX; i++)
        REQUIRE_OK(test_send(p, MACH_MSG_TYPE_MAKE_SEND_ONCE, (mach_msg_id_t)(i + 1), 0));
    CHECK_RESULT(peek(p, PEEK_MAX, MACH_RCV_TRAILER_NULL, &seen), KERN_SUCCESS,
                 "the last of 1,024 messages can be looked at");
    CHECK_EQUAL(seen.id, PEEK_MAX, "and is the one");
    /* limit: messages that mach_port_peek looks at */
    CHECK_RESULT(peek(p, PEEK_MAX + 1, MACH_RCV_TRAILER_NULL, &seen), KERN_FAILURE,
                 "the one behind them is too far");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("guard");
    test_guarded();
    test_strict();
    test_moved();
    test_task_ends();
    test_construct();
    test_peek();
    test_peek_notification();
    test_peek_far();
    return test_end();
}
