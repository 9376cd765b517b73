/* SPDX-License-Identifier: BSD-2-Clause */
/* RPC in the register form and the buffer form, and every mixture of them. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/rpc.h>
#include <libmach/thread.h>
#include <string.h>

#define SELF mach_task_self()
#define LABEL UINT64_C(0x1122334455667788)
#define ID_ECHO 1000  /* answer the words plus 1 */
#define ID_LARGE 1001 /* answer with more than fits in registers */
#define ID_LABEL 1002 /* answer with the label that came with the request */
#define ID_KEEP 1003  /* don't answer: destroy the reply right */
#define ID_LATE 1004  /* answer after LATE_MS */
#define ID_STOP 1099

#define LATE_MS 300u
#define SHORT_MS 100u /* less than that */
#define TIMED_CALLS 50u

#define FLOAT_CALLS 1000u

static mach_port_t server;
static mach_port_t reply;

/* A message with room for the words of a register-form message and more. */
struct word_message {
    mach_msg_header_t header;
    uint64_t word[20];
    mach_msg_max_trailer_t trailer;
};

/* Server in the register form. */
static void serve_registers(void)
{
    struct mach_rpc m = {.local = server};

    for (;;) {
        kern_return_t kr = mach_rpc_reply_wait(&m);
        m.local = server;
        if (kr == MACH_RCV_TOO_LARGE) { /* come back with a buffer */
            struct word_message large;
            REQUIRE_OK(test_receive(server, &large, sizeof(large), TEST_SOON_MS));
            m.remote = large.header.msgh_remote_port;
            m.header = MACH_RPC_HEADER(large.header.msgh_id, 1);
            m.word[0] = large.header.msgh_size;
            continue;
        }
        if (kr != MACH_MSG_SUCCESS || MACH_RPC_ID(m.header) == ID_STOP)
            break;
        if (MACH_RPC_ID(m.header) == ID_LABEL) {
            m.header = MACH_RPC_HEADER(ID_LABEL, 1);
            m.word[0] = m.label;
        } else if (MACH_RPC_ID(m.header) == ID_KEEP) {
            REQUIRE_OK(mach_port_deallocate(SELF, m.remote));
            m.remote = MACH_PORT_NULL;
        } else {
            if (MACH_RPC_ID(m.header) == ID_LATE)
                test_sleep(LATE_MS);
            for (unsigned i = 0; i < MACH_RPC_COUNT(m.header); i++)
                m.word[i]++;
        }
    }
    if (m.remote != MACH_PORT_NULL)
        (void)mach_port_deallocate(SELF, m.remote);
}

/* Server in the buffer form. */
static void serve_buffers(void)
{
    struct word_message m;

    for (;;) {
        REQUIRE_OK(mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), server, 0, MACH_PORT_NULL));
        mach_msg_size_t words = (m.header.msgh_size - (mach_msg_size_t)sizeof(m.header)) / 8;
        if (m.header.msgh_id == ID_STOP)
            break;
        m.header.msgh_local_port = MACH_PORT_NULL;
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        if (m.header.msgh_id == ID_LARGE) {
            memset(m.word, 0x5a, sizeof(m.word));
            m.header.msgh_size = sizeof(m.header) + sizeof(m.word);
        }
        for (mach_msg_size_t i = 0; i < words && i < 20; i++)
            m.word[i]++;
        REQUIRE_OK(
            mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    }
    mach_msg_destroy(&m.header);
}

/* The same, but an answer and the next request are one call. */
static void serve_at_once(void)
{
    struct word_message m;

    REQUIRE_OK(mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), server, 0, MACH_PORT_NULL));
    while (m.header.msgh_id != ID_STOP) {
        m.word[0]++;
        m.header.msgh_local_port = MACH_PORT_NULL;
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        REQUIRE_OK(mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, m.header.msgh_size, sizeof(m), server, 0,
                            MACH_PORT_NULL));
    }
    mach_msg_destroy(&m.header);
}

static void run_server(void *serve)
{
    ((void (*)(void))serve)();
}

/* A call in the register form: words 10, 20 ... Returns: its result; *m is the answer. */
static kern_return_t call_registers(struct mach_rpc *m, mach_port_t to, int id, unsigned words)
{
    *m = (struct mach_rpc){.remote = to, .local = reply, .header = MACH_RPC_HEADER(id, words)};
    for (unsigned i = 0; i < words; i++)
        m->word[i] = 10 * (i + 1);
    return mach_rpc_call(m);
}

/* Three words, the last of which counts by its low half. */
static kern_return_t call_half(struct mach_rpc *m)
{
    *m = (struct mach_rpc){.remote = server,
                           .local = reply,
                           .header = MACH_RPC_HEADER(ID_ECHO, 3) | MACH_RPC_HALF,
                           .word = {10, 20, UINT64_C(7) << 32 | 30}};
    return mach_rpc_call(m);
}

static mach_msg_return_t call_buffer(struct word_message *m, mach_port_t to, int id, unsigned words)
{
    m->header = (mach_msg_header_t){
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
        (mach_msg_size_t)(sizeof(m->header) + words * 8),
        to,
        reply,
        MACH_PORT_NULL,
        id,
    };
    for (unsigned i = 0; i < words; i++)
        m->word[i] = 10 * (i + 1);
    return mach_msg(&m->header, MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_TIMEOUT, m->header.msgh_size,
                    sizeof(*m), reply, TEST_SOON_MS, MACH_PORT_NULL);
}

static bool words_are(const uint64_t *word, unsigned count)
{
    bool ok = true;

    for (unsigned i = 0; i < count; i++)
        ok &= word[i] == 10 * (i + 1) + 1;
    return ok;
}

static void stop_server(void)
{
    REQUIRE_OK(test_send(server, MACH_MSG_TYPE_COPY_SEND, ID_STOP, 0));
    while (mach_thread_reap() > 0)
        test_sleep(1);
}

static void test_register_server(void)
{
    struct mach_rpc m;
    struct word_message b;

    REQUIRE_OK(mach_port_set_context(SELF, server, LABEL));
    REQUIRE_OK(mach_thread_start(run_server, (void *)(uintptr_t)serve_registers, NULL));
    for (unsigned words = 0; words <= MACH_RPC_WORDS; words += 3) {
        CHECK_RESULT(call_registers(&m, server, ID_ECHO, words), MACH_MSG_SUCCESS,
                     "registers to registers: a call");
        CHECK_EQUAL(m.header, MACH_RPC_HEADER(ID_ECHO, words),
                    "registers to registers: the header of the answer");
        CHECK(words_are(m.word, words), "registers to registers: the words of the answer");
    }
    CHECK_EQUAL(m.remote, MACH_PORT_NULL, "an answer has no reply right");
    CHECK_RESULT(call_half(&m), MACH_MSG_SUCCESS, "registers to registers: half a word");
    CHECK_EQUAL(m.header, MACH_RPC_HEADER(ID_ECHO, 3) | MACH_RPC_HALF, "its half is told");
    CHECK(words_are(m.word, 3), "and only that is passed on");
    CHECK_RESULT(call_registers(&m, server, ID_LABEL, 0), MACH_MSG_SUCCESS, "a call for the label");
    CHECK_EQUAL(m.word[0], LABEL, "a receiver is told the label of its port");
    CHECK_RESULT(call_buffer(&b, server, ID_ECHO, 4), MACH_MSG_SUCCESS, "buffer to registers: a call");
    CHECK_EQUAL(b.header.msgh_size, sizeof(b.header) + 32, "buffer to registers: the size of the answer");
    CHECK(b.header.msgh_id == ID_ECHO && words_are(b.word, 4), "buffer to registers: the answer");
    CHECK_RESULT(call_buffer(&b, server, ID_ECHO, 20), MACH_MSG_SUCCESS,
                 "buffer to registers: too large a call");
    CHECK_EQUAL(b.word[0], sizeof(b.header) + 160, "the receiver came back with a buffer");
    CHECK_RESULT(call_registers(&m, server, ID_KEEP, 0), MACH_MSG_SUCCESS,
                 "a reply right is destroyed unused");
    CHECK_EQUAL(MACH_RPC_ID(m.header), MACH_NOTIFY_SEND_ONCE, "then a send-once notification is the answer");
    CHECK_EQUAL(test_status(reply).mps_msgcount, 0, "no answer is left over");
    stop_server();
}

static void test_buffer_server(void)
{
    struct mach_rpc m;
    struct word_message b;

    REQUIRE_OK(mach_thread_start(run_server, (void *)(uintptr_t)serve_buffers, NULL));
    for (unsigned words = 0; words <= MACH_RPC_WORDS; words += 3) {
        CHECK_RESULT(call_registers(&m, server, ID_ECHO, words), MACH_MSG_SUCCESS,
                     "registers to buffer: a call");
        CHECK(m.header == MACH_RPC_HEADER(ID_ECHO, words) && words_are(m.word, words),
              "registers to buffer: the answer");
    }
    CHECK_RESULT(call_half(&m), MACH_MSG_SUCCESS, "registers to buffer: half a word");
    CHECK(m.header == (MACH_RPC_HEADER(ID_ECHO, 3) | MACH_RPC_HALF) && words_are(m.word, 2) &&
              m.word[2] == 30,
          "registers to buffer: half a word comes back");
    /* limit: words of an RPC in registers */
    CHECK_RESULT(call_registers(&m, server, ID_LARGE, 2), MACH_RCV_TOO_LARGE,
                 "an answer too large for registers");
    CHECK_RESULT(test_receive(reply, &b, sizeof(b), 0), MACH_MSG_SUCCESS, "waits for a buffer");
    CHECK_EQUAL(b.header.msgh_size, sizeof(b.header) + sizeof(b.word), "and is whole");
    CHECK_RESULT(call_buffer(&b, server, ID_ECHO, 20), MACH_MSG_SUCCESS, "buffer to buffer: a call");
    CHECK(words_are(b.word, 20), "buffer to buffer: the answer");
    stop_server();
}

#define END_WORDS 16u /* more than registers hold */
#define END_SIZE ((mach_msg_size_t)(sizeof(mach_msg_header_t) + END_WORDS * sizeof(uint64_t)))

/* A call from `m`, which has room for the answer with a trailer. */
static mach_msg_return_t call_from(struct word_message *m)
{
    m->header = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                    END_SIZE,
                                    server,
                                    reply,
                                    MACH_PORT_NULL,
                                    ID_ECHO};
    m->word[0] = 10;
    return mach_msg(&m->header, MACH_SEND_MSG | MACH_RCV_MSG, END_SIZE, END_SIZE + sizeof(mach_msg_trailer_t),
                    reply, 0, MACH_PORT_NULL);
}

/* The message ends with a page, so its trailer goes to the next one, which is not there, may not be written, or is good. */
static void test_page_end(void)
{
    struct word_message near_end;
    mach_vm_address_t base;
    thread_act_t thread;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, 2 * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    struct word_message *m = (struct word_message *)(uintptr_t)(base + PAGE_SIZE - END_SIZE);
    REQUIRE_OK(mach_thread_start(run_server, (void *)serve_at_once, &thread));
    for (unsigned i = 0; i < 3; i++)
        REQUIRE_OK(call_from(&near_end));
    CHECK_RESULT(call_from(m), MACH_MSG_SUCCESS, "an answer comes to a page that was not there");
    CHECK(m->word[0] == 11 && m->header.msgh_remote_port == MACH_PORT_NULL, "as it was sent");
    REQUIRE_OK(mach_vm_protect(SELF, base + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(call_from(m), MACH_RCV_INVALID_DATA, "none comes to one that may not be written");
    REQUIRE_OK(mach_vm_protect(SELF, base + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_DEFAULT));
    CHECK(call_from(m) == MACH_MSG_SUCCESS && m->word[0] == 11, "the next one comes when it may");
    REQUIRE_OK(mach_vm_deallocate(SELF, base + PAGE_SIZE, PAGE_SIZE));
    CHECK_RESULT(call_from(m), MACH_RCV_INVALID_DATA, "none comes to one that is gone");
    REQUIRE_OK(mach_vm_deallocate(SELF, base, PAGE_SIZE));
    stop_server();
}

struct right_message {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right;
    mach_msg_trailer_t trailer;
};
#define RIGHT_SIZE ((mach_msg_size_t)offsetof(struct right_message, trailer))

/* Answer each message that comes to `port` with its right. */
static void serve_rights(void *port)
{
    mach_port_t service = (mach_port_t)(uintptr_t)port;
    struct right_message m;

    mach_msg_return_t mr = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), service, 0, MACH_PORT_NULL);
    while (mr == MACH_MSG_SUCCESS) {
        m.header.msgh_bits = MACH_MSGH_BITS_COMPLEX | MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        m.header.msgh_local_port = MACH_PORT_NULL;
        m.right.disposition = MACH_MSG_TYPE_MOVE_SEND;
        mr = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, RIGHT_SIZE, sizeof(m), service, 0,
                      MACH_PORT_NULL);
    }
}

/* The send right of `passed` goes to the service, and comes back. */
static mach_msg_return_t call_with_right(struct right_message *m, mach_port_t service, mach_port_t passed)
{
    m->header = (mach_msg_header_t){MACH_MSGH_BITS_COMPLEX |
                                        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                    RIGHT_SIZE,
                                    service,
                                    reply,
                                    MACH_PORT_NULL,
                                    0};
    m->body.msgh_descriptor_count = 1;
    m->right = (mach_msg_port_descriptor_t){
        .name = passed, .disposition = MACH_MSG_TYPE_MOVE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    return mach_msg(&m->header, MACH_SEND_MSG | MACH_RCV_MSG, RIGHT_SIZE,
                    RIGHT_SIZE + sizeof(mach_msg_trailer_t), reply, 0, MACH_PORT_NULL);
}

/* As test_page_end(), with a right: it comes when the page has been found, and goes with a message that is lost. */
static void test_right_page_end(void)
{
    mach_port_t service = test_port_send(), passed = test_port_send();
    struct right_message near_end;
    mach_vm_address_t base;
    thread_act_t thread;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, 2 * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    struct right_message *m = (struct right_message *)(uintptr_t)(base + PAGE_SIZE - RIGHT_SIZE);
    REQUIRE_OK(mach_thread_start(serve_rights, (void *)(uintptr_t)service, &thread));
    for (unsigned i = 0; i < 3; i++)
        REQUIRE_OK(call_with_right(&near_end, service, passed));
    CHECK_RESULT(call_with_right(m, service, passed), MACH_MSG_SUCCESS,
                 "a right comes to a page that was not there");
    CHECK(m->right.name == passed && test_status(passed).mps_srights, "the one that was sent");
    REQUIRE_OK(mach_vm_protect(SELF, base + PAGE_SIZE, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(call_with_right(m, service, passed), MACH_RCV_INVALID_DATA,
                 "none comes to a page that may not be written");
    CHECK(!test_status(passed).mps_srights, "and it is gone");
    test_port_destroy(service);
    REQUIRE(test_child_wait(thread));
    test_port_destroy(passed);
    REQUIRE_OK(mach_vm_deallocate(SELF, base, 2 * PAGE_SIZE));
}

static void test_errors(void)
{
    struct mach_rpc m;
    mach_port_t dead = test_port_send();

    REQUIRE_OK(mach_port_mod_refs(SELF, dead, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_RESULT(call_registers(&m, dead, ID_ECHO, 1), MACH_SEND_INVALID_DEST,
                 "a dead name is no destination");
    CHECK_RESULT(call_registers(&m, MACH_PORT_NULL, ID_ECHO, 1), MACH_SEND_INVALID_DEST,
                 "nor is the null port");
    CHECK_RESULT(call_registers(&m, 0x7fffff01, ID_ECHO, 1), MACH_SEND_INVALID_DEST,
                 "nor is a name of nothing");
    m = (struct mach_rpc){.remote = server, .local = dead, .header = MACH_RPC_HEADER(ID_ECHO, 1)};
    kern_return_t kr = mach_rpc_call(&m);
    CHECK(kr == MACH_SEND_INVALID_REPLY || kr == MACH_RCV_INVALID_NAME,
          "the reply port must be a receive right");
    CHECK_EQUAL(test_status(server).mps_msgcount, 0, "a refused call sends nothing");
    kr = call_registers(&m, server, ID_ECHO, MACH_RPC_WORDS + 1);
    CHECK(kr != MACH_MSG_SUCCESS, "more words than there are registers are refused");
    CHECK_EQUAL(test_status(server).mps_msgcount, 0, "and nothing is sent");
    m = (struct mach_rpc){.remote = server, .local = reply, .header = MACH_RPC_HALF | ID_ECHO};
    CHECK_RESULT(mach_rpc_call(&m), MACH_SEND_TOO_LARGE, "nor is there half of no word");
    m = (struct mach_rpc){.local = dead};
    CHECK_RESULT(mach_rpc_reply_wait(&m), MACH_RCV_INVALID_NAME, "a dead name can't be received from");
    test_port_destroy(dead);
}

#define SIZE_LARGEST 65536u /* of a message */
#define SIZE_SMALL 300u
#define BEHIND 0x5a /* in memory that no message reaches */

/* A message of the largest size with the largest trailer. */
static union {
    _Alignas(8) mach_msg_header_t header;
    uint8_t byte[SIZE_LARGEST + MAX_TRAILER_SIZE + 8];
} large;

/* In another task: answers with the same bytes, but the first and the last, which are one more. */
static void child_echoes_bytes(void)
{
    const mach_port_t port = TEST_CHILD_PORT(0);
    mach_msg_return_t mr = mach_msg(&large.header, MACH_RCV_MSG, 0, sizeof(large), port, 0, MACH_PORT_NULL);

    while (mr == MACH_MSG_SUCCESS) {
        const mach_msg_size_t size = large.header.msgh_size;
        large.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        large.header.msgh_local_port = MACH_PORT_NULL;
        large.byte[sizeof(large.header)]++;
        large.byte[size - 1]++;
        mr = mach_msg(&large.header, MACH_SEND_MSG | MACH_RCV_MSG, size, sizeof(large), port, 0,
                      MACH_PORT_NULL);
    }
}

static uint8_t byte_at(mach_msg_size_t offset, mach_msg_size_t size)
{
    return (uint8_t)(offset * 31 + (offset >> 8) + size);
}

/* Has the answer in *head the bytes of the request, but the first and the last, which are one more? */
static bool bytes_echoed(const mach_msg_header_t *head, mach_msg_size_t size)
{
    const uint8_t *byte = (const uint8_t *)head;
    const mach_msg_size_t first = sizeof(*head);
    bool good = head->msgh_size == size && head->msgh_id == ID_ECHO && head->msgh_voucher_port == 0 &&
                head->msgh_local_port == reply && byte[first] == (uint8_t)(byte_at(first, size) + 1) &&
                byte[size - 1] == (uint8_t)(byte_at(size - 1, size) + 1);

    for (mach_msg_size_t i = first + 1; i < size - 1 && good; i++)
        good = byte[i] == byte_at(i, size);
    return good;
}

/* One call with `size` bytes that begin at `head`. elements: of the trailer. Returns whether the answer is whole, and has that trailer. */
static bool size_echoes(mach_msg_header_t *head, mach_msg_size_t size, mach_msg_option_t elements)
{
    const mach_msg_option_t option =
        MACH_SEND_MSG | MACH_RCV_MSG | (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS(elements);
    const mach_msg_size_t trailer_size = REQUESTED_TRAILER_SIZE(option);
    uint8_t *byte = (uint8_t *)head;

    for (mach_msg_size_t i = sizeof(*head); i < size; i++)
        byte[i] = byte_at(i, size);
    memset(byte + size, BEHIND, sizeof(mach_msg_max_trailer_t) + 1);
    *head = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                size,
                                server,
                                reply,
                                0,
                                ID_ECHO};
    mach_msg_return_t mr =
        mach_msg(head, option, size, SIZE_LARGEST + MAX_TRAILER_SIZE, reply, 0, MACH_PORT_NULL);
    const mach_msg_max_trailer_t *trailer = (const void *)(byte + size);
    return mr == MACH_MSG_SUCCESS && bytes_echoed(head, size) &&
           trailer->msgh_trailer_type == MACH_MSG_TRAILER_FORMAT_0 &&
           trailer->msgh_trailer_size == trailer_size && byte[size + trailer_size] == BEHIND &&
           (elements != MACH_RCV_TRAILER_CTX || trailer->msgh_context == LABEL);
}

/* Of every small size, aligned to 8 bytes and to 4. */
static bool small_sizes_echo(void)
{
    bool good = true;

    for (mach_msg_size_t size = sizeof(mach_msg_header_t) + 4; size <= SIZE_SMALL && good; size += 4)
        good = size_echoes(&large.header, size, MACH_RCV_TRAILER_NULL) &&
               size_echoes((void *)(large.byte + 4), size, MACH_RCV_TRAILER_NULL);
    return good;
}

/* On both sides of every size at which the kernel may change its way. */
static void test_sizes(void)
{
    /* limit: the largest message on the direct switch */
    static const mach_msg_size_t sizes[] = {28,   72,   76,   88,    252,   256,         260,
                                            1024, 4096, 8188, 65464, 65468, SIZE_LARGEST};
    mach_port_t p = test_port_send();
    const mach_port_t old = server;
    struct test_right right = {p, MACH_MSG_TYPE_MOVE_RECEIVE};

    REQUIRE_OK(mach_port_set_context(SELF, reply, LABEL));
    task_t task = test_child(child_echoes_bytes, &right, 1);
    server = p;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bool first = size_echoes(&large.header, sizes[i], MACH_RCV_TRAILER_CTX);
        CHECK(size_echoes(&large.header, sizes[i], MACH_RCV_TRAILER_CTX) && first,
              "a message of any size arrives whole");
    }
    CHECK(small_sizes_echo(), "so do those of every small size, wherever they begin");
    server = old;
    REQUIRE_OK(task_terminate(task));
    CHECK(test_child_wait(task), "the server is gone");
    test_port_destroy(p);
    REQUIRE_OK(mach_port_set_context(SELF, reply, 0));
}

/* A server in another task that dies instead of answering. */
static void child_dies(void)
{
    struct mach_rpc m = {.local = TEST_CHILD_PORT(0)};

    (void)mach_rpc_reply_wait(&m);
}

static void child_echoes(void)
{
    struct mach_rpc m = {.local = TEST_CHILD_PORT(0)};

    for (int calls = 0; calls < 3 && mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS; calls++) {
        m.local = TEST_CHILD_PORT(0);
        for (unsigned i = 0; i < MACH_RPC_WORDS; i++)
            m.word[i]++;
    }
    test_sleep(TEST_NEVER_MS); /* the third call waits for an answer that will not come */
}

static void test_other_task(void)
{
    struct mach_rpc m;
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MOVE_RECEIVE};

    task_t task = test_child(child_dies, &right, 1);
    CHECK_RESULT(call_registers(&m, p, ID_ECHO, 2), MACH_MSG_SUCCESS, "a server that dies while it serves");
    CHECK_EQUAL(MACH_RPC_ID(m.header), MACH_NOTIFY_SEND_ONCE, "lets its client know");
    CHECK(test_child_wait(task), "it is dead");
    test_port_destroy(p);

    p = right.name = test_port_send();
    task = test_child(child_echoes, &right, 1);
    CHECK_RESULT(call_registers(&m, p, ID_ECHO, 6), MACH_MSG_SUCCESS, "another task answers");
    CHECK(words_are(m.word, 6), "with the right words");
    CHECK_RESULT(call_registers(&m, p, ID_ECHO, 6), MACH_MSG_SUCCESS, "and answers again");
    CHECK(words_are(m.word, 6), "with the right words again");
    CHECK_RESULT(call_registers(&m, p, ID_ECHO, 6), MACH_MSG_SUCCESS, "until it ends");
    CHECK_EQUAL(MACH_RPC_ID(m.header), MACH_NOTIFY_SEND_ONCE, "which its client is told");
    CHECK(test_child_wait(task), "it is dead, too");
    test_port_destroy(p);
}

static void answer_with(uint64_t number)
{
    struct mach_rpc m = {.local = TEST_CHILD_PORT(0)};

    while (mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS) {
        m.local = TEST_CHILD_PORT(0);
        m.header = MACH_RPC_HEADER(ID_ECHO, 1);
        m.word[0] = number;
    }
}

static void child_first(void)
{
    answer_with(1);
}

static void child_second(void)
{
    answer_with(2);
}

/* What the server of `port` answers, or 0. */
static uint64_t ask(mach_port_t port)
{
    struct mach_rpc m;

    return call_registers(&m, port, ID_ECHO, 0) == MACH_MSG_SUCCESS ? m.word[0] : 0;
}

/* The kernel may remember where a thread's last call went; what counts is what the name means now. */
static void test_names(void)
{
    struct mach_rpc m;
    mach_port_t first = test_port_send(), second = test_port_send();
    struct test_right right = {first, MACH_MSG_TYPE_MOVE_RECEIVE};

    task_t first_task = test_child(child_first, &right, 1);
    right.name = second;
    task_t second_task = test_child(child_second, &right, 1);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQUAL(ask(first), 1, "a call goes to the first server");
        CHECK_EQUAL(ask(second), 2, "the next to the second one");
    }
    CHECK_EQUAL(ask(first), 1, "the first one serves again");
    REQUIRE_OK(mach_port_deallocate(SELF, first));
    CHECK_RESULT(call_registers(&m, first, ID_ECHO, 0), MACH_SEND_INVALID_DEST, "a name that is gone");
    CHECK_RESULT(mach_port_rename(SELF, second, first), KERN_SUCCESS, "becomes the other right's");
    CHECK_EQUAL(ask(first), 2, "and a call by it goes where that leads");
    CHECK_RESULT(call_registers(&m, second, ID_ECHO, 0), MACH_SEND_INVALID_DEST, "the other name is gone");
    REQUIRE_OK(task_terminate(first_task));
    REQUIRE_OK(task_terminate(second_task));
    CHECK(test_child_wait(first_task) && test_child_wait(second_task), "the servers end");
    test_port_destroy(first);
}

/* Echoes; destroys the reply right of ID_KEEP; ends after it. */
static void child_keeps(void)
{
    struct mach_rpc m = {.local = TEST_CHILD_PORT(0)};

    while (mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS && MACH_RPC_ID(m.header) != ID_KEEP) {
        m.local = TEST_CHILD_PORT(0);
        for (unsigned i = 0; i < MACH_RPC_COUNT(m.header); i++)
            m.word[i]++;
    }
    (void)mach_port_deallocate(SELF, m.remote);
}

/* One thread waits in one form, then in the other; what ends the second wait is no switch. */
static void test_change_of_form(void)
{
    struct mach_rpc m;
    struct word_message b;
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MOVE_RECEIVE};

    task_t task = test_child(child_keeps, &right, 1);
    CHECK_RESULT(call_registers(&m, p, ID_ECHO, 2), MACH_MSG_SUCCESS, "a call in registers");
    CHECK_RESULT(call_buffer(&b, p, ID_ECHO, 2), MACH_MSG_SUCCESS, "then one in memory");
    CHECK(words_are(b.word, 2), "its answer");
    CHECK_RESULT(call_registers(&m, p, ID_KEEP, 2), MACH_MSG_SUCCESS, "then one in registers again");
    CHECK_EQUAL(MACH_RPC_ID(m.header), MACH_NOTIFY_SEND_ONCE, "what the kernel answers is in registers");
    CHECK(test_child_wait(task), "the server ends");
    test_port_destroy(p);
}

/* A reply right answers once, whoever has it. */
static void test_reply_once(void)
{
    struct word_message b = {0};
    struct mach_rpc m = {.local = server};

    b.header = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                   sizeof(b.header),
                                   server,
                                   reply,
                                   0,
                                   5};
    REQUIRE_OK(mach_msg(&b.header, MACH_SEND_MSG, sizeof(b.header), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    CHECK_RESULT(mach_rpc_reply_wait(&m), MACH_MSG_SUCCESS, "a queued request is received in registers");
    mach_port_t once = m.remote;
    CHECK_EQUAL(test_type(once), MACH_PORT_TYPE_SEND_ONCE, "with a send-once right to answer");
    CHECK_RESULT(test_send(once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 6, 0), MACH_MSG_SUCCESS, "it can answer");
    CHECK_RESULT(test_send(once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 7, 0), MACH_SEND_INVALID_DEST,
                 "but once only");
    m = (struct mach_rpc){.remote = once, .local = server, .header = MACH_RPC_HEADER(8, 0)};
    CHECK_RESULT(mach_rpc_reply_wait(&m), MACH_SEND_INVALID_DEST, "in either form");
    CHECK(test_receive_id(reply, 6), "the answer arrives");
    CHECK_EQUAL(test_status(reply).mps_msgcount, 0, "and no other");
}

/* One step of a sum whose every bit depends on all before; noinline: its registers are taken anew each time. */
static __attribute__((noinline)) double mix(double x, unsigned i)
{
    return x * 1.0000001 + (double)i / 3.0;
}

static void child_computes(void)
{
    struct mach_rpc m = {.local = TEST_CHILD_PORT(0)};
    double x = -1.0;

    for (unsigned calls = 0; calls < FLOAT_CALLS && mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS; calls++) {
        x = mix(x, calls);
        memcpy(&m.word[0], &x, sizeof(x));
        m.local = TEST_CHILD_PORT(0);
        m.header = MACH_RPC_HEADER(1, 1);
    }
    m.local = MACH_PORT_NULL;
    (void)mach_rpc_reply_wait(&m);
}

/* Client and server keep floating-point values over their calls. */
static void test_floating_point(void)
{
    struct test_right right = {server, MACH_MSG_TYPE_MOVE_RECEIVE};
    double mine = 1.0, expected = 1.0, its = -1.0, seen = 0.0;
    bool same = true;

    task_t task = test_child(child_computes, &right, 1);
    for (unsigned i = 0; i < FLOAT_CALLS; i++) {
        struct mach_rpc m = {.remote = server, .local = reply, .header = MACH_RPC_HEADER(1, 0)};
        mine = mix(mine, i);
        REQUIRE_OK(mach_rpc_call(&m));
        its = mix(its, i);
        memcpy(&seen, &m.word[0], sizeof(seen));
        same &= seen == its;
    }
    for (unsigned i = 0; i < FLOAT_CALLS; i++)
        expected = mix(expected, i);
    CHECK(same, "the server's floating-point state is its own");
    CHECK(mine == expected, "and so is the client's");
    CHECK(test_child_wait(task), "the server ends");
}

static kern_return_t call_timed(struct mach_rpc *m, mach_port_t to, int id, mach_msg_timeout_t timeout)
{
    *m = (struct mach_rpc){.remote = to, .local = reply, .header = MACH_RPC_HEADER(id, 1), .word = {10}};
    return mach_rpc_call_timed(m, timeout);
}

/* The answer to a call that was given up comes after all. */
static bool late_answer_comes(void)
{
    struct word_message m;

    return test_receive(reply, &m, sizeof(m), TEST_SOON_MS) == MACH_MSG_SUCCESS &&
           m.header.msgh_id == ID_LATE && m.word[0] == 11;
}

/* A time counts for its call alone, whether that was answered in time or not. */
static void test_timed(void)
{
    const mach_port_t old = server;
    struct mach_rpc m;
    thread_act_t thread;
    bool good = true;

    server = test_port_send();
    REQUIRE_OK(mach_thread_start(run_server, (void *)serve_registers, &thread));
    for (unsigned i = 0; i < TIMED_CALLS; i++)
        good &= call_timed(&m, server, ID_ECHO, TEST_SOON_MS) == MACH_MSG_SUCCESS && m.word[0] == 11 &&
                m.header == MACH_RPC_HEADER(ID_ECHO, 1);
    CHECK(good, "calls with a time are answered");
    CHECK_RESULT(call_timed(&m, server, ID_LATE, SHORT_MS), MACH_RCV_TIMED_OUT, "a call ends with its time");
    CHECK(late_answer_comes(), "its answer comes after all");
    CHECK_RESULT(call_timed(&m, server, ID_LATE, 0), MACH_RCV_TIMED_OUT, "a call without time ends at once");
    CHECK(late_answer_comes(), "its answer comes, too");
    good = true;
    for (unsigned i = 0; i < 2; i++) {
        good &= call_timed(&m, server, ID_ECHO, SHORT_MS) == MACH_MSG_SUCCESS;
        good &= call_registers(&m, server, ID_LATE, 1) == MACH_MSG_SUCCESS && m.word[0] == 11;
    }
    CHECK(good, "the time of a call that was answered ends no later one");
    good = call_timed(&m, server, ID_ECHO, SHORT_MS) == MACH_MSG_SUCCESS;
    good &= call_timed(&m, server, ID_LATE, TEST_SOON_MS) == MACH_MSG_SUCCESS && m.word[0] == 11;
    CHECK(good, "nor one that has more time");
    good = call_timed(&m, server, ID_ECHO, TEST_SOON_MS) == MACH_MSG_SUCCESS;
    CHECK_RESULT(call_timed(&m, server, ID_LATE, SHORT_MS), MACH_RCV_TIMED_OUT,
                 "one that has less ends with its own");
    CHECK(good && late_answer_comes(), "and its answer comes");
    m = (struct mach_rpc){.remote = SELF, .local = reply, .header = MACH_RPC_HEADER(ID_ECHO, 0)};
    CHECK(mach_rpc_call_timed(&m, TEST_SOON_MS) == MACH_MSG_SUCCESS && MACH_RPC_ID(m.header) == ID_ECHO + 100,
          "the kernel answers a call with a time");
    kern_return_t kr = call_registers(&m, server, ID_ECHO, MACH_RPC_WORDS + 1);
    m = (struct mach_rpc){
        .remote = server, .local = reply, .header = MACH_RPC_HEADER(ID_ECHO, MACH_RPC_WORDS + 1)};
    CHECK_EQUAL(mach_rpc_call_timed(&m, SHORT_MS), kr, "a time excuses no words that are too many");
    m = (struct mach_rpc){.remote = server,
                          .local = reply,
                          .header = MACH_RPC_HEADER(ID_ECHO, 1) | MACH_RPC_HALF,
                          .word = {10}};
    CHECK(mach_rpc_call_timed(&m, TEST_SOON_MS) == MACH_MSG_SUCCESS && m.word[0] == 11,
          "half a word takes no time from a call");
    stop_server();
    test_port_destroy(server);
    server = old;
}

static kern_return_t call_from_set(struct mach_rpc *m, mach_port_t set, int id)
{
    *m = (struct mach_rpc){
        .remote = server, .local = reply, .header = MACH_RPC_HEADER(id, 2), .word = {10, 20}};
    return mach_rpc_call_from(m, set);
}

/* A call in registers that receives from a set, or from another port. */
static void test_from_set(void)
{
    const mach_port_t old = server, other = test_port_send();
    struct word_message b;
    struct mach_rpc m;
    thread_act_t thread;
    mach_port_t set;
    bool good = true;

    server = test_port_send();
    REQUIRE_OK(mach_thread_start(run_server, (void *)serve_registers, &thread));
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set));
    CHECK_RESULT(mach_port_move_member(SELF, reply, set), KERN_SUCCESS, "a reply port is in a set");
    for (unsigned i = 0; i < 5; i++)
        good &= call_from_set(&m, set, ID_ECHO) == MACH_MSG_SUCCESS && words_are(m.word, 2) &&
                m.header == MACH_RPC_HEADER(ID_ECHO, 2) && m.remote == MACH_PORT_NULL;
    CHECK(good, "calls in registers receive from the set");
    REQUIRE_OK(mach_port_move_member(SELF, other, set));
    REQUIRE_OK(test_send(other, MACH_MSG_TYPE_COPY_SEND, 5, 0));
    CHECK(call_from_set(&m, set, ID_ECHO) == MACH_MSG_SUCCESS && MACH_RPC_ID(m.header) == 5,
          "what comes to another member is received, too");
    CHECK_RESULT(test_receive(reply, &b, sizeof(b), TEST_SOON_MS), MACH_MSG_SUCCESS, "then the answer waits");
    REQUIRE_OK(test_send(other, MACH_MSG_TYPE_COPY_SEND, 6, 0));
    CHECK(call_from_set(&m, other, ID_ECHO) == MACH_MSG_SUCCESS && MACH_RPC_ID(m.header) == 6,
          "a call may receive from a port that its answer does not come to");
    CHECK_RESULT(test_receive(reply, &b, sizeof(b), TEST_SOON_MS), MACH_MSG_SUCCESS,
                 "and the answer as well");
    m = (struct mach_rpc){.remote = server, .local = reply, .header = MACH_RPC_TIMED};
    CHECK_RESULT(mach_rpc_call_from(&m, set), MACH_SEND_TOO_LARGE, "a call has no time beside a set");
    m = (struct mach_rpc){.remote = server, .local = reply, .header = MACH_RPC_APART};
    CHECK_RESULT(mach_rpc_reply_wait(&m), MACH_SEND_TOO_LARGE, "nor has an answer another port");
    stop_server();
    test_port_destroy(server);
    test_port_destroy(other);
    REQUIRE_OK(mach_port_move_member(SELF, reply, MACH_PORT_NULL));
    REQUIRE_OK(mach_port_mod_refs(SELF, set, MACH_PORT_RIGHT_PORT_SET, -1));
    server = old;
}

int main(void)
{
    test_begin("rpc");
    server = test_port_send();
    reply = test_port();
    test_register_server();
    test_buffer_server();
    test_sizes();
    test_page_end();
    test_right_page_end();
    test_errors();
    test_other_task();
    test_names();
    test_change_of_form();
    test_reply_once();
    test_floating_point();
    test_timed();
    test_from_set();
    REQUIRE_OK(mach_port_deallocate(SELF, server));
    test_port_destroy(reply);
    return test_end();
}
