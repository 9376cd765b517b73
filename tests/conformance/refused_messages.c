/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_msg: the results of docs/reference/mach_msg.md with what they leave behind.  (Want of memory and a full table of names:
 * tests/sim/unit_refused.c; scatter lists: scatter.c.)
 */
#include "lib/ports.h"
#include "lib/refused.h"
#include "lib/test.h"

#include <libmach/traps.h>
#include <string.h>

#define SELF mach_task_self()
#define NOBODY ((mach_port_t)(3000u << 8 | 5u)) /* a name that there is not */
#define RIGHTS_MAX 1024u

/* Rights to move, to make and to copy, and memory to give away. */
struct load {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t receive, send, once;
    mach_msg_ool_ports_descriptor_t array;
    mach_msg_ool_descriptor_t memory;
    mach_msg_max_trailer_t trailer;
};
#define LOAD_SIZE ((mach_msg_size_t)offsetof(struct load, trailer))

static mach_port_t port;  /* receive and send right */
static mach_port_t moved; /* a receive right */
static mach_port_t lone;  /* a receive right */
static mach_port_name_t names[2];
static uint8_t *memory; /* a page */

static struct load load(void)
{
    names[0] = port;
    names[1] = lone;
    return (struct load){
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) |
                                MACH_MSGH_BITS_COMPLEX,
                   .msgh_remote_port = port,
                   .msgh_local_port = lone,
                   .msgh_id = 5},
        .body = {.msgh_descriptor_count = 5},
        .receive = {.name = moved,
                    .disposition = MACH_MSG_TYPE_MOVE_RECEIVE,
                    .type = MACH_MSG_PORT_DESCRIPTOR},
        .send = {.name = port, .disposition = MACH_MSG_TYPE_MOVE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR},
        .once = {.name = lone, .disposition = MACH_MSG_TYPE_MAKE_SEND_ONCE, .type = MACH_MSG_PORT_DESCRIPTOR},
        .array = {.address = names,
                  .count = 2,
                  .disposition = MACH_MSG_TYPE_MAKE_SEND,
                  .type = MACH_MSG_OOL_PORTS_DESCRIPTOR},
        .memory = {.address = memory, .size = PAGE_SIZE, .deallocate = TRUE, .type = MACH_MSG_OOL_DESCRIPTOR},
    };
}

static mach_msg_return_t send(struct load *m, mach_msg_size_t size)
{
    return test_send_now(&m->header, size);
}

/* Send *m, which is to be refused: the buffer and the memory that it would give away stay, too. */
static mach_msg_return_t send_refused(struct load *m, mach_msg_size_t size)
{
    struct load before = *m;
    mach_msg_return_t result = send(m, size);

    memory[0]++; /* an exception, if it is gone */
    return memcmp(&before, m, sizeof(before)) == 0 ? result : MACH_MSG_SUCCESS;
}

static void test_header(void)
{
    struct load m = load();

    CHECK_REFUSED(mach_msg(&m.header, MACH_SEND_MSG | 0x00800000, LOAD_SIZE, 0, port, 0, MACH_PORT_NULL),
                  MACH_SEND_INVALID_OPTIONS, "an unknown option");
    CHECK_REFUSED(mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_TRAILER_ELEMENTS(5), LOAD_SIZE, 0, port, 0,
                           MACH_PORT_NULL),
                  MACH_SEND_INVALID_OPTIONS, "an unknown trailer");
    CHECK_REFUSED(mach_msg((void *)(uintptr_t)1024, MACH_SEND_MSG, LOAD_SIZE, 0, port, 0, MACH_PORT_NULL),
                  MACH_SEND_INVALID_DATA, "no buffer");
    CHECK_REFUSED(send_refused(&m, sizeof(m.header) - 4), MACH_SEND_MSG_TOO_SMALL, "less than a header");
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE - 4), MACH_SEND_MSG_TOO_SMALL, "less than its descriptors");
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE - 1), MACH_SEND_MSG_TOO_SMALL, "an odd size");
    CHECK_REFUSED(send_refused(&m, 65540), MACH_SEND_TOO_LARGE, "too many bytes");
    m.header.msgh_bits |= 0x20000000u;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_HEADER, "an unknown bit");
    m = load();
    m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_RECEIVE, 0) | MACH_MSGH_BITS_COMPLEX;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_HEADER, "a receive right to send to");
    m = load();
    m.header.msgh_bits |= MACH_MSG_TYPE_COPY_SEND << 16;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_VOUCHER, "a voucher");
    m = load();
    m.header.msgh_remote_port = NOBODY;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_DEST, "no such name");
    m.header.msgh_remote_port = MACH_PORT_NULL;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_DEST, "the null name");
    m.header.msgh_remote_port = lone;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_DEST, "no right to send to");
    m = load();
    m.header.msgh_local_port = NOBODY;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_REPLY, "no such reply port");
    m.header.msgh_local_port = SELF;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_REPLY, "a reply port of others");
}

static void test_many(void)
{
    static struct {
        mach_msg_base_t base;
        mach_msg_port_descriptor_t right[RIGHTS_MAX + 1]; /* all of them null */
    } many;

    many.base.header =
        (mach_msg_header_t){.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                            .msgh_remote_port = port};
    many.base.body.msgh_descriptor_count = RIGHTS_MAX + 1;
    for (unsigned i = 0; i < RIGHTS_MAX + 1; i++)
        many.right[i].disposition = MACH_MSG_TYPE_COPY_SEND;
    /* limit: descriptors of a message */
    CHECK_REFUSED(test_send_now(&many.base.header, sizeof(many)), MACH_SEND_TOO_LARGE,
                  "too many descriptors");
}

/* What is wrong comes last: all that is before it was right. */
static void test_body(void)
{
    struct load m = load();

    m.memory.type = 99;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_TYPE, "an unknown descriptor");
    m = load();
    m.memory.copy = MACH_MSG_OVERWRITE;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_TYPE, "a way to receive");
    m = load();
    m.array.disposition = MACH_MSG_TYPE_LAST;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_TYPE, "an unknown disposition");
    m = load();
    m.array.count = RIGHTS_MAX;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_TOO_LARGE, "too many rights");
    m = load();
    names[1] = SELF;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_RIGHT, "a right that is not there");
    names[1] = NOBODY;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_RIGHT, "a name that is not there");
    m = load();
    m.array.disposition = MACH_MSG_TYPE_MOVE_SEND;
    names[1] = MACH_PORT_NULL;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_RIGHT, "one reference, moved twice");
    m = load();
    m.array.disposition = MACH_MSG_TYPE_MOVE_RECEIVE;
    names[0] = moved;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_RIGHT, "a receive right, moved twice");
    m = load();
    m.memory.size = 2 * PAGE_SIZE;
    m.memory.address = (void *)(uintptr_t)1024;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_MEMORY, "memory that is not there");
    m = load();
    m.array.address = (void *)(uintptr_t)1024;
    CHECK_REFUSED(send_refused(&m, LOAD_SIZE), MACH_SEND_INVALID_MEMORY, "an array that is not there");
}

/* The message of load() as it comes back: what was made or copied is there once more, all would be moved. */
static void check_unsent(const struct load *m)
{
    const mach_msg_bits_t bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND, MACH_MSG_TYPE_MOVE_SEND_ONCE);
    const mach_port_name_t *array = m->array.address;

    CHECK_EQUAL(m->header.msgh_bits, bits | MACH_MSGH_BITS_COMPLEX,
                "the rights of its header would be moved");
    CHECK(m->header.msgh_remote_port == port && m->header.msgh_id == 5, "it is for the same port");
    CHECK_EQUAL(test_type(m->header.msgh_local_port), MACH_PORT_TYPE_SEND_ONCE, "the reply right was made");
    CHECK(test_type(m->receive.name) == MACH_PORT_TYPE_RECEIVE &&
              m->receive.disposition == MACH_MSG_TYPE_MOVE_RECEIVE,
          "the receive right is back");
    CHECK(m->send.name == port && m->send.disposition == MACH_MSG_TYPE_MOVE_SEND, "the send right is back");
    CHECK(m->once.disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE &&
              test_type(m->once.name) == MACH_PORT_TYPE_SEND_ONCE,
          "the send-once right was made");
    CHECK(m->array.count == 2 && array[0] == port && array[1] == lone && m->array.deallocate,
          "the array is back in new memory");
    CHECK_EQUAL(test_refs(port, MACH_PORT_RIGHT_SEND), 3,
                "with references for what was moved, copied and made");
    CHECK(m->memory.deallocate && m->memory.size == PAGE_SIZE && *(uint8_t *)m->memory.address == 77,
          "so is the memory");
}

static void queue_limit(mach_port_msgcount_t messages)
{
    mach_port_limits_t limits = {.mpl_qlimit = messages};

    REQUIRE_OK(mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
}

/* Send again what came back, receive it, and put everything where it was. */
static void send_again(struct load *m)
{
    queue_limit(1);
    CHECK_RESULT(send(m, LOAD_SIZE), MACH_MSG_SUCCESS, "so it can be sent again");
    queue_limit(MACH_PORT_QLIMIT_DEFAULT);
    REQUIRE_OK(test_receive(port, m, sizeof(*m), 0));
    moved = m->receive.name;
    CHECK_EQUAL(test_type(moved), MACH_PORT_TYPE_RECEIVE, "and arrives complete");
    memory = m->memory.address;
    m->memory.size = 0;
    m->memory.address = NULL;
    m->receive.name = MACH_PORT_NULL;
    m->send.name = MACH_PORT_NULL;
    mach_msg_destroy(&m->header);
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE) && test_receive_id(lone, MACH_NOTIFY_SEND_ONCE),
          "with both send-once rights");
    CHECK_EQUAL(test_refs(port, MACH_PORT_RIGHT_SEND), 1, "and nothing twice");
}

static void test_timed_out(void)
{
    struct load m = load();

    memory[0] = 77;
    queue_limit(0);
    CHECK_RESULT(send(&m, LOAD_SIZE), MACH_SEND_TIMED_OUT, "a message for a full queue comes back");
    check_unsent(&m);
    send_again(&m);
}

/* What a thread of this task waits for. */
static struct load waiting;
static mach_msg_option_t waiting_option;
static volatile mach_msg_return_t result;
static volatile int ended;
static thread_act_t waiter;

static void wait(void *unused)
{
    (void)unused;
    result = mach_msg_trap(&waiting.header, waiting_option, LOAD_SIZE, sizeof(waiting), moved, 0, 0);
    ended = 1;
}

static void wait_begin(mach_msg_option_t option)
{
    waiting_option = option;
    ended = 0;
    waiter = test_waiting_thread(wait, NULL);
}

/* What it has of its own is gone, too: the names of the task change no more. */
static mach_msg_return_t wait_end(void)
{
    REQUIRE(test_wait(&ended, TEST_SOON_MS));
    REQUIRE(test_child_wait(waiter));
    return result;
}

static void test_interrupted(void)
{
    memory[0] = 77;
    waiting = load();
    queue_limit(0);
    wait_begin(MACH_SEND_MSG | MACH_SEND_INTERRUPT);
    REQUIRE_OK(thread_abort(waiter));
    CHECK_RESULT(wait_end(), MACH_SEND_INTERRUPTED,
                 "a message whose sender does not wait any more comes back");
    check_unsent(&waiting);
    send_again(&waiting);
}

/* How many send-once rights to `lone` were released? */
static unsigned notified(void)
{
    unsigned count = 0;

    while (test_status(lone).mps_msgcount > 0)
        count += (unsigned)test_receive_id(lone, MACH_NOTIFY_SEND_ONCE);
    return count;
}

/* The buffer is not written. */
static void test_no_message(void)
{
    struct load m = load();

    CHECK_REFUSED(test_receive(NOBODY, &m, sizeof(m), 0), MACH_RCV_INVALID_NAME, "no such name");
    CHECK_REFUSED(test_receive(SELF, &m, sizeof(m), 0), MACH_RCV_INVALID_NAME, "a send right");
    CHECK_REFUSED(test_receive(lone, &m, sizeof(m), 1), MACH_RCV_TIMED_OUT, "no message");
    CHECK(memcmp(&m, &(struct load){0}, sizeof(m)) != 0 && m.header.msgh_remote_port == port,
          "the buffer is as it was");
    waiting = m;
    wait_begin(MACH_RCV_MSG | MACH_RCV_INTERRUPT);
    REQUIRE_OK(thread_abort(waiter));
    CHECK_RESULT(wait_end(), MACH_RCV_INTERRUPTED, "a receiver can be called away");
    wait_begin(MACH_RCV_MSG);
    m.memory.deallocate = FALSE;
    REQUIRE_OK(send(&m, LOAD_SIZE));
    CHECK_RESULT(wait_end(), MACH_RCV_PORT_CHANGED, "a receiver is told if the receive right leaves");
    REQUIRE_OK(test_receive(port, &m, sizeof(m), 0));
    moved = m.receive.name;
    CHECK_EQUAL(test_type(moved), MACH_PORT_TYPE_RECEIVE, "and arrives");
    m.receive.name = MACH_PORT_NULL;
    m.send.name = MACH_PORT_NULL;
    mach_msg_destroy(&m.header);
    CHECK_EQUAL(notified(), 2, "with all that was with it");
    wait_begin(MACH_RCV_MSG);
    test_port_destroy(moved);
    CHECK_RESULT(wait_end(), MACH_RCV_PORT_DIED, "or if the port dies");
    CHECK(waiting.header.msgh_remote_port == port && waiting.memory.address == memory,
          "all of that leaves the buffer as it was");
    moved = test_port();
}

/* The message is lost, and with it all that it carried. */
static void check_lost(const char *text)
{
    CHECK_EQUAL(test_type(moved), MACH_PORT_TYPE_NONE, text);
    CHECK_EQUAL(test_status(port).mps_msgcount, 0, "it is not queued any more");
    CHECK_EQUAL(test_refs(port, MACH_PORT_RIGHT_SEND), 1, "its send rights are released");
    CHECK_EQUAL(notified(), 2, "and its send-once rights");
    CHECK_EQUAL(test_status(lone).mps_sorights, 0, "none of them is left");
    CHECK(!test_status(lone).mps_srights, "nor is a send right");
    moved = test_port();
    memory = test_memory(PAGE_SIZE);
}

static void test_lost(void)
{
    struct load m = load();
    const mach_msg_option_t poll = MACH_RCV_MSG | MACH_RCV_TIMEOUT;
    uint8_t *buffer = test_memory(PAGE_SIZE);

    REQUIRE_OK(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1));
    REQUIRE_OK(send(&m, LOAD_SIZE));
    CHECK_REFUSED(mach_msg(&m.header, poll | MACH_RCV_LARGE, 0, LOAD_SIZE, port, 0, MACH_PORT_NULL),
                  MACH_RCV_TOO_LARGE, "no room, with MACH_RCV_LARGE");
    CHECK(m.header.msgh_size == LOAD_SIZE && test_status(port).mps_msgcount == 1,
          "it tells its size, and waits");
    m.header.msgh_size = 0;
    CHECK_RESULT(mach_msg(&m.header, poll, 0, LOAD_SIZE, port, 0, MACH_PORT_NULL), MACH_RCV_TOO_LARGE,
                 "without that there is no room either");
    CHECK_EQUAL(m.header.msgh_size, LOAD_SIZE, "it tells its size");
    check_lost("but is lost");

    m = load();
    REQUIRE_OK(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1));
    REQUIRE_OK(send(&m, LOAD_SIZE));
    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)buffer, PAGE_SIZE, FALSE, VM_PROT_READ));
    CHECK_RESULT(mach_msg((void *)buffer, poll, 0, PAGE_SIZE, port, 0, MACH_PORT_NULL), MACH_RCV_INVALID_DATA,
                 "a buffer that can't be written gets no message");
    check_lost("which is lost");
    test_memory_free(buffer, PAGE_SIZE);
}

int main(void)
{
    test_begin("refused_messages");
    port = test_port_send();
    moved = test_port();
    lone = test_port();
    memory = test_memory(PAGE_SIZE);
    test_header();
    test_body();
    test_many();
    test_timed_out();
    test_interrupted();
    test_no_message();
    test_lost();
    return test_end();
}
