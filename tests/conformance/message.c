/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages: mach_msg() in the buffer form. */
#include "lib/ports.h"
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#define SELF mach_task_self()
#define LARGE_SIZE 32768u
#define SIZE_LIMIT 65536u /* of a message, trailer not included */

static mach_port_t port;

static mach_msg_return_t send_header(mach_msg_bits_t bits, mach_msg_size_t size, mach_port_t remote,
                                     mach_port_t local, mach_msg_option_t option)
{
    struct test_message m = {.header = {bits, size, remote, local, MACH_PORT_NULL, 1}};

    return mach_msg(&m.header, MACH_SEND_MSG | MACH_SEND_TIMEOUT | option, size, 0, MACH_PORT_NULL, 0,
                    MACH_PORT_NULL);
}

static void test_round_trip(void)
{
    struct test_message m;

    CHECK_RESULT(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1234, 5), MACH_MSG_SUCCESS,
                 "a message can be sent");
    CHECK_EQUAL(test_status(port).mps_msgcount, 1, "it waits in the queue");
    memset(&m, 0xff, sizeof(m));
    CHECK_RESULT(test_receive(port, &m, sizeof(m), 0), MACH_MSG_SUCCESS, "it can be received");
    CHECK_EQUAL(m.header.msgh_id, 1234, "it has the same id");
    CHECK_EQUAL(m.header.msgh_size, sizeof(mach_msg_header_t) + 20, "and the same size");
    CHECK_EQUAL(m.header.msgh_local_port, port, "it tells the port it came to");
    CHECK_EQUAL(m.header.msgh_remote_port, MACH_PORT_NULL, "it has no reply right");
    CHECK_EQUAL(MACH_MSGH_BITS_LOCAL(m.header.msgh_bits), MACH_MSG_TYPE_PORT_SEND,
                "it tells the right it came over");
    CHECK(m.word[0] == 0 && m.word[4] == 4, "the data is the same");
    CHECK_EQUAL(m.word[5], MACH_MSG_TRAILER_FORMAT_0, "a trailer follows");
    CHECK_EQUAL(m.word[6], MACH_MSG_TRAILER_MINIMUM_SIZE, "the smallest one if none was asked for");
    CHECK_EQUAL(m.word[7], ~0u, "nothing is written behind it");
}

static bool sizes_work(void)
{
    uint8_t *buffer = malloc(LARGE_SIZE + MAX_TRAILER_SIZE);
    mach_msg_header_t *h = (void *)buffer;
    bool ok = true;

    REQUIRE(buffer != NULL);
    for (mach_msg_size_t size = sizeof(*h); size <= LARGE_SIZE; size = size < 512 ? size + 4 : size * 2) {
        for (mach_msg_size_t i = sizeof(*h); i < size; i++)
            buffer[i] = (uint8_t)(i * 7);
        *h = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), size, port, 0, 0, (int)size};
        ok &= mach_msg(h, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) == MACH_MSG_SUCCESS;
        memset(buffer, 0, size);
        ok &= test_receive(port, buffer, LARGE_SIZE + MAX_TRAILER_SIZE, 0) == MACH_MSG_SUCCESS;
        ok &= h->msgh_size == size && h->msgh_id == (int)size;
        for (mach_msg_size_t i = sizeof(*h); i < size; i++)
            ok &= buffer[i] == (uint8_t)(i * 7);
    }
    free(buffer);
    return ok;
}

static void test_sizes(void)
{
    const mach_msg_bits_t bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
    uint8_t *buffer = malloc(SIZE_LIMIT + 8);

    CHECK(sizes_work(), "messages of all sizes arrive unchanged");
    CHECK_RESULT(send_header(bits, sizeof(mach_msg_header_t) - 4, port, 0, 0), MACH_SEND_MSG_TOO_SMALL,
                 "less than a header is too small");
    CHECK_RESULT(send_header(bits, 0, port, 0, 0), MACH_SEND_MSG_TOO_SMALL, "nothing is too small");
    CHECK_RESULT(send_header(bits, sizeof(mach_msg_header_t) + 2, port, 0, 0), MACH_SEND_MSG_TOO_SMALL,
                 "a size that is no multiple of 4 is refused");
    REQUIRE(buffer != NULL);
    mach_msg_header_t *h = (void *)buffer;
    *h = (mach_msg_header_t){bits, SIZE_LIMIT + 4, port, 0, 0, 1};
    /* limit: bytes of a message */
    CHECK_RESULT(mach_msg(h, MACH_SEND_MSG, SIZE_LIMIT + 4, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_SEND_TOO_LARGE, "there is a largest size");
    CHECK_RESULT(mach_msg(h, MACH_SEND_MSG, ~3u, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL), MACH_SEND_TOO_LARGE,
                 "a huge size is refused");
    free(buffer);
    CHECK_EQUAL(test_status(port).mps_msgcount, 0, "what was refused was not queued");
}

static void test_bad_headers(void)
{
    const mach_msg_size_t size = sizeof(mach_msg_header_t);
    mach_port_t receive_only = test_port();

    CHECK_RESULT(send_header(MACH_MSGH_BITS(0, 0), size, port, 0, 0), MACH_SEND_INVALID_HEADER,
                 "a destination needs a disposition");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_RECEIVE, 0), size, port, 0, 0),
                 MACH_SEND_INVALID_HEADER, "a message can't be sent over a receive right");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_LAST, 0), size, port, 0, 0),
                 MACH_SEND_INVALID_HEADER, "an unknown disposition is refused");
    CHECK_RESULT(
        send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MOVE_RECEIVE), size, port, port, 0),
        MACH_SEND_INVALID_HEADER, "a receive right is no reply right");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), size, MACH_PORT_NULL, 0, 0),
                 MACH_SEND_INVALID_DEST, "the null port is no destination");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), size, MACH_PORT_DEAD, 0, 0),
                 MACH_SEND_INVALID_DEST, "the dead port is no destination");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), size, receive_only, 0, 0),
                 MACH_SEND_INVALID_DEST, "a receive right can't be copied as send right");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE), size,
                             port, 0x7fffff07, 0),
                 MACH_SEND_INVALID_REPLY, "an invalid name is no reply right");
    CHECK_RESULT(send_header(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_COPY_SEND), size, port,
                             receive_only, 0),
                 MACH_SEND_INVALID_REPLY, "a reply right must be what its disposition says");
    CHECK_EQUAL(test_refs(port, MACH_PORT_RIGHT_SEND), 1, "refused messages take no rights");
    CHECK_RESULT(mach_msg((mach_msg_header_t *)8, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_SEND_INVALID_DATA, "an unreadable message is refused");
    CHECK_RESULT(mach_msg(NULL, MACH_MSG_OPTION_NONE, 0, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_MSG_SUCCESS, "neither sending nor receiving is no error");
    test_port_destroy(receive_only);
}

static void test_order_and_limit(void)
{
    struct test_message m;
    mach_port_limits_t limits = {.mpl_qlimit = 4};
    bool ordered = true;

    REQUIRE_OK(mach_port_set_seqno(SELF, port, 100));
    REQUIRE_OK(mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    for (int i = 0; i < 4; i++)
        REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, i, 1));
    /* limit: queued messages of a port */
    CHECK_RESULT(test_send(port, MACH_MSG_TYPE_COPY_SEND, 4, 1), MACH_SEND_TIMED_OUT,
                 "a full queue takes no more");
    CHECK_EQUAL(test_status(port).mps_msgcount, 4, "it holds its limit");
    for (int i = 0; i < 4; i++) {
        REQUIRE_OK(mach_msg(&m.header, MACH_RCV_MSG | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SEQNO), 0,
                            sizeof(m), port, 0, MACH_PORT_NULL));
        mach_msg_seqno_trailer_t *trailer = (mach_msg_seqno_trailer_t *)&m.word[1];
        ordered &= m.header.msgh_id == i && trailer->msgh_seqno == 100u + (unsigned)i;
    }
    CHECK(ordered, "messages arrive in order, with sequence numbers");
    CHECK_RESULT(test_send(port, MACH_MSG_TYPE_COPY_SEND, 5, 1), MACH_MSG_SUCCESS, "there is room again");
    CHECK(test_receive_id(port, 5), "and the message arrives");
    limits.mpl_qlimit = MACH_PORT_QLIMIT_DEFAULT;
    REQUIRE_OK(mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
}

static void test_trailers(void)
{
    struct test_message m;

    REQUIRE_OK(mach_port_set_context(SELF, port, UINT64_C(0xabcdef)));
    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0));
    CHECK_RESULT(mach_msg(&m.header, MACH_RCV_MSG | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX), 0,
                          sizeof(m), port, 0, MACH_PORT_NULL),
                 MACH_MSG_SUCCESS, "the largest trailer can be asked for");
    mach_msg_context_trailer_t *trailer = (mach_msg_context_trailer_t *)&m.word[0];
    CHECK_EQUAL(trailer->msgh_trailer_size, sizeof(*trailer), "it tells its size");
    CHECK_EQUAL(trailer->msgh_context, 0xabcdef, "it has the label of the port");
    REQUIRE_OK(mach_port_set_context(SELF, port, 0));
    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0));
    CHECK_RESULT(mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m.header) + 4, port, 0, MACH_PORT_NULL),
                 MACH_RCV_TOO_LARGE, "the trailer needs room, too");
}

static void test_too_large(void)
{
    struct test_message m;
    const mach_msg_size_t small = sizeof(mach_msg_header_t) + MACH_MSG_TRAILER_MINIMUM_SIZE;

    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 3, 8));
    CHECK_RESULT(mach_msg(&m.header, MACH_RCV_MSG | MACH_RCV_LARGE, 0, small, port, 0, MACH_PORT_NULL),
                 MACH_RCV_TOO_LARGE, "a message larger than the buffer is not received");
    CHECK_EQUAL(m.header.msgh_size, sizeof(mach_msg_header_t) + 32, "RCV_LARGE tells how large it is");
    CHECK_EQUAL(test_status(port).mps_msgcount, 1, "and leaves it in the queue");
    m.header.msgh_id = 77;
    CHECK_RESULT(mach_msg(&m.header, MACH_RCV_MSG | MACH_RCV_LARGE, 0, 8, port, 0, MACH_PORT_NULL),
                 MACH_RCV_TOO_LARGE, "nor into a buffer that has no room for a header");
    CHECK_EQUAL(m.header.msgh_id, 77, "which is left alone");
    CHECK_RESULT(mach_msg(&m.header, MACH_RCV_MSG, 0, small, port, 0, MACH_PORT_NULL), MACH_RCV_TOO_LARGE,
                 "without RCV_LARGE it fails alike");
    CHECK_EQUAL(test_status(port).mps_msgcount, 0, "but the message is destroyed");
    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 3, 8));
    CHECK_RESULT(mach_msg((mach_msg_header_t *)8, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL),
                 MACH_RCV_INVALID_DATA, "a buffer that can't be written is an error");
    CHECK_EQUAL(test_status(port).mps_msgcount, 0, "that costs the message");
}

/* Receive with the largest trailer. */
static mach_msg_return_t receive_whole(struct test_message *m)
{
    memset(m, 0x5a, sizeof(*m));
    return mach_msg(&m->header, MACH_RCV_MSG | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX), 0, sizeof(*m),
                    port, 0, MACH_PORT_NULL);
}

static void test_senders(void)
{
    static const audit_token_t nobody;
    struct test_message m;
    mach_port_t once;
    mach_msg_type_name_t type;

    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 4));
    REQUIRE_OK(receive_whole(&m));
    mach_msg_max_trailer_t *trailer = (mach_msg_max_trailer_t *)&m.word[4];
    security_token_t mine = {{1, 1}};
    audit_token_t audit = {{1}};
    mach_msg_type_number_t count = TASK_SECURITY_TOKEN_COUNT;
    REQUIRE_OK(task_info(SELF, TASK_SECURITY_TOKEN, (task_info_t)&mine, &count));
    count = TASK_AUDIT_TOKEN_COUNT;
    REQUIRE_OK(task_info(SELF, TASK_AUDIT_TOKEN, (task_info_t)&audit, &count));
    CHECK(memcmp(&trailer->msgh_sender, &mine, sizeof(mine)) == 0 &&
              memcmp(&trailer->msgh_audit, &audit, sizeof(audit)) == 0,
          "a trailer tells who sent a message: the tokens of its task");
    CHECK(mine.val[0] == 0 && mine.val[1] == 0 && memcmp(&audit, &nobody, sizeof(nobody)) == 0,
          "which are zeros at first");
    REQUIRE_OK(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &type));
    REQUIRE_OK(mach_port_deallocate(SELF, once));
    REQUIRE_OK(receive_whole(&m));
    trailer = (mach_msg_max_trailer_t *)&m.word[0];
    const security_token_t kernel = KERNEL_SECURITY_TOKEN_VALUE;
    CHECK(memcmp(&trailer->msgh_sender, &kernel, sizeof(kernel)) == 0 &&
              memcmp(&trailer->msgh_audit, &nobody, sizeof(nobody)) == 0,
          "a notification is the kernel's");
    CHECK_RESULT(host_security_set_task_token(mach_host_self(), SELF, kernel, nobody), KERN_INVALID_HOST,
                 "only the privileged host port may change tokens");
}

/* A receiver that asks for more of the trailer gets that much. */
static void test_trailer_sizes(void)
{
    static const mach_msg_size_t sizes[] = {
        sizeof(mach_msg_trailer_t), sizeof(mach_msg_seqno_trailer_t), sizeof(mach_msg_security_trailer_t),
        sizeof(mach_msg_audit_trailer_t), sizeof(mach_msg_context_trailer_t)};
    struct test_message m;
    bool exact = true;

    for (unsigned i = 0; i < 5; i++) {
        const mach_msg_option_t option = MACH_RCV_MSG | (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS(i);
        const mach_msg_size_t size = (mach_msg_size_t)sizeof(m.header) + sizes[i];
        memset(&m, 0x5a, sizeof(m));
        REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0));
        REQUIRE_OK(mach_msg(&m.header, option, 0, size, port, 0, MACH_PORT_NULL));
        exact = exact && m.word[1] == sizes[i] && ((uint8_t *)&m)[size] == 0x5a &&
                ((uint8_t *)&m)[size - 1] != 0x5a;
        REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0));
        exact = exact && mach_msg(&m.header, option | MACH_RCV_LARGE, 0, size - 1, port, 0, MACH_PORT_NULL) ==
                             MACH_RCV_TOO_LARGE;
        REQUIRE(test_receive_id(port, 1));
    }
    CHECK(exact, "each kind of trailer takes its room, and no more");
    CHECK_RESULT(mach_msg(&m.header, MACH_RCV_MSG | (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS(5), 0,
                          sizeof(m), port, 0, MACH_PORT_NULL),
                 MACH_SEND_INVALID_OPTIONS, "there are no others");
}

static void test_identity(void)
{
    const mach_msg_option_t option = MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_LARGE_IDENTITY;
    struct test_message m;
    mach_port_t set;

    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set));
    REQUIRE_OK(mach_port_insert_member(SELF, port, set));
    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 2));
    CHECK_RESULT(mach_msg(&m.header, option, 0, sizeof(m.header), set, 0, MACH_PORT_NULL), MACH_RCV_TOO_LARGE,
                 "a message in a set can be too large");
    CHECK(m.header.msgh_local_port == port && m.header.msgh_size == sizeof(m.header) + 8,
          "with RCV_LARGE_IDENTITY we are told in which port it is");
    CHECK(test_receive_id(port, 1), "where it can be received");
    test_port_destroy(set);
}

static void test_timeouts(void)
{
    struct test_message m;
    uint64_t start = test_now();

    CHECK_RESULT(test_receive(port, &m, sizeof(m), 0), MACH_RCV_TIMED_OUT,
                 "a receive can look without waiting");
    CHECK_RESULT(test_receive(port, &m, sizeof(m), 30), MACH_RCV_TIMED_OUT, "a receive can wait in vain");
    CHECK(test_now() - start >= 30 * NSEC_PER_MSEC, "not for less than it was told");
    mach_port_t send_only = test_port_send();
    mach_port_t name;
    mach_msg_type_name_t type;
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &name));
    CHECK_RESULT(test_receive(name, &m, sizeof(m), 0), MACH_RCV_INVALID_NAME,
                 "a dead name can't be received from");
    REQUIRE_OK(mach_port_extract_right(SELF, send_only, MACH_MSG_TYPE_MAKE_SEND_ONCE, &name, &type));
    CHECK_RESULT(test_receive(name, &m, sizeof(m), 0), MACH_RCV_INVALID_NAME, "nor a send-once right");
    test_port_destroy(send_only);
}

/* A sender that waits for room, and one that waits at a port that dies. */
static mach_port_t full;
static volatile mach_msg_return_t sender_result;
static volatile int sender_done;

static void blocked_sender(void *unused)
{
    struct test_message m = {
        .header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), sizeof(m.header), full, 0, 0, 99}};

    (void)unused;
    sender_result =
        mach_msg(&m.header, MACH_SEND_MSG, sizeof(m.header), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    sender_done = 1;
}

static void fill(mach_port_t p)
{
    while (test_send(p, MACH_MSG_TYPE_COPY_SEND, 0, 0) == MACH_MSG_SUCCESS)
        continue;
}

static void test_blocked_sender(void)
{
    struct test_message m;

    full = test_port_send();
    fill(full);
    sender_done = 0;
    test_waiting_start(blocked_sender, NULL);
    CHECK(!sender_done, "a sender waits while the queue is full");
    REQUIRE_OK(test_receive(full, &m, sizeof(m), 0));
    CHECK(test_wait(&sender_done, TEST_SOON_MS), "it goes on when there is room");
    CHECK_RESULT(sender_result, MACH_MSG_SUCCESS, "its message is sent");
    sender_done = 0;
    test_waiting_start(blocked_sender, NULL);
    REQUIRE_OK(mach_port_mod_refs(SELF, full, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK(test_wait(&sender_done, TEST_SOON_MS), "it goes on when the port dies");
    CHECK(sender_result == MACH_SEND_INVALID_DEST || sender_result == MACH_MSG_SUCCESS,
          "and is told, or its message died with the port");
    test_port_destroy(full);
}

/* A receiver whose port goes away. */
static volatile mach_msg_return_t receiver_result;
static volatile int receiver_done;

static void blocked_receiver(void *argument)
{
    struct test_message m;

    receiver_result =
        mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), *(mach_port_t *)argument, 0, MACH_PORT_NULL);
    receiver_done = 1;
}

static void test_blocked_receiver(void)
{
    mach_port_t p = test_port_send();

    receiver_done = 0;
    test_waiting_start(blocked_receiver, &p);
    CHECK(!receiver_done, "a receiver waits while there is no message");
    REQUIRE_OK(test_send(p, MACH_MSG_TYPE_COPY_SEND, 1, 4));
    CHECK(test_wait(&receiver_done, TEST_SOON_MS), "a message wakes it");
    CHECK_RESULT(receiver_result, MACH_MSG_SUCCESS, "and it has it");
    receiver_done = 0;
    test_waiting_start(blocked_receiver, &p);
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK(test_wait(&receiver_done, TEST_SOON_MS), "the death of the port wakes it");
    CHECK_RESULT(receiver_result, MACH_RCV_PORT_DIED, "and it is told");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("message");
    port = test_port_send();
    test_round_trip();
    test_sizes();
    test_bad_headers();
    test_order_and_limit();
    test_trailers();
    test_senders();
    test_trailer_sizes();
    test_too_large();
    test_identity();
    test_timeouts();
    test_blocked_sender();
    test_blocked_receiver();
    test_port_destroy(port);
    return test_end();
}
