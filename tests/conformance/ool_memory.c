/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory out of line: contents, copy-on-write, alignment, what a refused message leaves; and copies of tasks' memory. */
#include <string.h>

#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGE 4096u
#define LARGE ((mach_vm_size_t)64 << 30)
#define PIECES 3u /* of what can be sent in one message: a size has 32 bits */
#define PIECE ((mach_msg_size_t)0xfffff000u)

/* A message with memory and a port. */
struct memory_message {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_ool_descriptor_t memory;
    mach_msg_port_descriptor_t right;
    uint32_t word;
    mach_msg_max_trailer_t trailer;
};

static mach_port_t carrier; /* messages go through it */

static struct memory_message memory_of(const void *address, mach_msg_size_t size)
{
    return (struct memory_message){
        .header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   offsetof(struct memory_message, trailer), carrier, MACH_PORT_NULL, MACH_PORT_NULL, 7},
        .body = {2},
        .memory = {.address = (void *)address,
                   .size = size,
                   .copy = MACH_MSG_VIRTUAL_COPY,
                   .type = MACH_MSG_OOL_DESCRIPTOR},
        .right = {.name = MACH_PORT_NULL,
                  .disposition = MACH_MSG_TYPE_COPY_SEND,
                  .type = MACH_MSG_PORT_DESCRIPTOR},
        .word = 0x600d,
    };
}

static mach_msg_return_t send(struct memory_message *m)
{
    return test_send_now(&m->header, m->header.msgh_size);
}

static mach_msg_return_t receive(struct memory_message *m)
{
    memset(m, 0x5a, sizeof(*m));
    return test_receive(carrier, m, sizeof(*m), 0);
}

/* Send and receive. Returns: where the memory came. */
static uint8_t *pass(struct memory_message *m)
{
    REQUIRE_OK(send(m));
    REQUIRE_OK(receive(m));
    return m->memory.address;
}

static bool is_mapped(const void *address)
{
    mach_vm_size_t size;
    char byte;

    return mach_vm_read_overwrite(SELF, (mach_vm_address_t)address, 1, (mach_vm_address_t)&byte, &size) ==
           KERN_SUCCESS;
}

static bool all_are(const uint8_t *bytes, mach_vm_size_t size, uint8_t value)
{
    for (mach_vm_size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static void test_pages(void)
{
    uint8_t *mine = test_memory(4 * PAGE);
    struct memory_message m = memory_of(mine, 4 * PAGE);

    memset(mine, 1, PAGE);
    memset(mine + 2 * PAGE, 3, PAGE);
    const uint8_t *came = pass(&m);
    CHECK(m.header.msgh_size == offsetof(struct memory_message, trailer) && m.word == 0x600d,
          "a message with memory arrives whole");
    CHECK(m.memory.type == MACH_MSG_OOL_DESCRIPTOR && m.memory.size == 4 * PAGE, "the memory has its size");
    CHECK(came != mine && (uintptr_t)came % PAGE == 0, "it is new memory");
    CHECK(m.memory.deallocate, "which goes with the message if that is sent on");
    CHECK(all_are(came, PAGE, 1) && all_are(came + 2 * PAGE, PAGE, 3), "with the contents that were sent");
    CHECK(all_are(came + PAGE, PAGE, 0) && all_are(came + 3 * PAGE, PAGE, 0), "and zeros where nothing was");
    mach_msg_destroy(&m.header);
    CHECK(!is_mapped(came) && !is_mapped(came + 3 * PAGE), "destroying the message releases it");
    CHECK(all_are(mine, PAGE, 1), "the sender keeps its own");
    test_memory_free(mine, 4 * PAGE);
}

static void test_copy_on_write(void)
{
    uint8_t *mine = test_memory(3 * PAGE);
    struct memory_message m = memory_of(mine, 3 * PAGE);

    memset(mine, 1, 3 * PAGE);
    REQUIRE_OK(send(&m));
    mine[0] = 9;
    REQUIRE_OK(receive(&m));
    uint8_t *came = m.memory.address;
    CHECK(all_are(came, 3 * PAGE, 1), "what the sender writes later is not in the message");
    came[PAGE] = 7;
    CHECK(mine[PAGE] == 1 && mine[0] == 9, "what the receiver writes is its own");
    mine[PAGE + 1] = 8;
    CHECK(came[PAGE] == 7 && came[PAGE + 1] == 1, "and stays so");
    struct memory_message second = memory_of(came, 3 * PAGE);
    uint8_t *copy = pass(&second);
    came[2 * PAGE] = 5;
    mine[2 * PAGE] = 6;
    CHECK(copy[0] == 1 && copy[PAGE] == 7 && copy[2 * PAGE] == 1, "a copy of a copy has its own contents");
    mach_msg_destroy(&m.header);
    copy[0] = 4;
    CHECK(copy[0] == 4 && copy[PAGE] == 7 && mine[0] == 9, "which outlive the copy that it came from");
    mach_msg_destroy(&second.header);
    m = memory_of(mine, 3 * PAGE);
    m.memory.copy = MACH_MSG_PHYSICAL_COPY;
    came = pass(&m);
    came[0] = 2;
    CHECK(mine[0] == 9 && came[PAGE + 1] == 8, "a physical copy is one as well");
    mach_msg_destroy(&m.header);
    test_memory_free(mine, 3 * PAGE);
}

static void test_alignment(void)
{
    uint8_t *mine = test_memory(4 * PAGE);
    struct memory_message m = memory_of(mine + 100, 3 * PAGE);

    memset(mine, 1, 4 * PAGE);
    uint8_t *came = pass(&m);
    CHECK((uintptr_t)came % PAGE == 100 && all_are(came, 3 * PAGE, 1), "memory keeps its place in its page");
    CHECK(all_are(came - 100, 100, 0) && all_are(came + 3 * PAGE, PAGE - 100, 0),
          "bytes of the sender around it are not in it");
    mach_msg_destroy(&m.header);
    CHECK(!is_mapped(came) && !is_mapped(came + 3 * PAGE), "all of its pages go with the message");
    m = memory_of(mine + 17, 5);
    came = pass(&m);
    CHECK(m.memory.size == 5 && all_are(came, 5, 1) && all_are(came - 17, 17, 0) &&
              all_are(came + 5, PAGE - 22, 0),
          "a few bytes can be sent");
    CHECK(all_are(mine, PAGE, 1), "the sender's page is as before");
    mach_msg_destroy(&m.header);
    m = memory_of(mine + PAGE - 1, 2);
    came = pass(&m);
    CHECK(came[0] == 1 && came[1] == 1 && came[2] == 0, "across a border as well");
    mach_msg_destroy(&m.header);
    m = memory_of((void *)8, 0);
    CHECK(pass(&m) == NULL && m.memory.size == 0, "no memory has no address");
    test_memory_free(mine, 4 * PAGE);
}

/* Memory that consists of several regions. */
static void test_regions(void)
{
    uint8_t *mine = test_memory(6 * PAGE);
    struct memory_message m = memory_of(mine, 6 * PAGE);

    for (unsigned i = 0; i < 6; i++)
        mine[i * PAGE] = (uint8_t)(i + 1);
    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)mine + PAGE, PAGE, FALSE, VM_PROT_READ));
    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)mine + 3 * PAGE, PAGE, FALSE,
                               VM_PROT_READ | VM_PROT_EXECUTE));
    uint8_t *came = pass(&m);
    bool same = true;
    for (unsigned i = 0; i < 6; i++) {
        same = same && came[i * PAGE] == i + 1;
        came[i * PAGE] = 77;
    }
    CHECK(same, "memory with several protections arrives, and may be written");
    CHECK(mine[0] == 1 && mine[PAGE] == 2 && mine[3 * PAGE] == 4, "by the receiver alone");
    mach_msg_destroy(&m.header);
    m = memory_of(mine + 2 * PAGE, 2 * PAGE);
    m.memory.deallocate = TRUE;
    REQUIRE_OK(send(&m));
    CHECK(is_mapped(mine) && !is_mapped(mine + 2 * PAGE) && !is_mapped(mine + 3 * PAGE) &&
              is_mapped(mine + 4 * PAGE),
          "the middle of memory can be given away");
    REQUIRE_OK(receive(&m));
    came = m.memory.address;
    CHECK(came[0] == 3 && came[PAGE] == 4, "and arrives");
    came[0] = 5;
    CHECK(came[0] == 5 && mine[PAGE] == 2 && mine[4 * PAGE] == 5, "the rest is as before");
    mach_msg_destroy(&m.header);
    test_memory_free(mine, 6 * PAGE);
}

static void test_refused(void)
{
    uint8_t *mine = test_memory(3 * PAGE);
    mach_port_t p = test_port_send();
    struct memory_message m = memory_of(mine, 3 * PAGE);

    mine[0] = 1;
    test_memory_free(mine + 2 * PAGE, PAGE);
    m.memory.deallocate = TRUE;
    m.right.name = p;
    m.right.disposition = MACH_MSG_TYPE_MOVE_SEND;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_MEMORY, "memory with a hole refuses the message");
    m.memory.size = PAGE;
    m.memory.address = (void *)~(uintptr_t)0;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_MEMORY, "memory that wraps around does");
    m.memory.address = (void *)8;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_MEMORY, "memory that does not exist does");
    m.memory.address = mine;
    REQUIRE_OK(mach_vm_protect(SELF, (mach_vm_address_t)mine + PAGE, PAGE, FALSE, VM_PROT_NONE));
    m.memory.size = PAGE + 1;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_MEMORY, "memory that may not be read does");
    m.memory.size = PAGE;
    m.memory.copy = MACH_MSG_OVERWRITE;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_TYPE, "an unknown way to copy does");
    m.memory.copy = MACH_MSG_VIRTUAL_COPY;
    m.right.disposition = MACH_MSG_TYPE_MOVE_RECEIVE;
    m.right.name = MACH_PORT_NULL + 0x7fffff05u;
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_RIGHT, "a right that is not there does");
    CHECK_EQUAL(test_status(carrier).mps_msgcount, 0, "nothing was sent");
    CHECK(test_refs(p, MACH_PORT_RIGHT_SEND) == 1 && mine[0] == 1, "nothing was taken");
    m.right.name = p;
    m.right.disposition = MACH_MSG_TYPE_MOVE_SEND;
    CHECK_RESULT(send(&m), MACH_MSG_SUCCESS, "with all in order it can be sent");
    CHECK(!is_mapped(mine), "and is taken");
    CHECK_RESULT(mach_msg((mach_msg_header_t *)8, MACH_RCV_MSG, 0, sizeof(m), carrier, 0, MACH_PORT_NULL),
                 MACH_RCV_INVALID_DATA, "a buffer that can't be written costs the message");
    test_port_destroy(p);
    test_memory_free(mine + PAGE, PAGE);
}

/* What could not be sent comes back. */
static void test_unsent(void)
{
    mach_port_limits_t limit = {1};
    uint8_t *mine = test_memory(2 * PAGE);
    struct memory_message m = memory_of(mine, 2 * PAGE);

    mine[PAGE] = 3;
    m.memory.deallocate = TRUE;
    REQUIRE_OK(mach_port_set_attributes(SELF, carrier, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limit,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    REQUIRE_OK(test_send(carrier, MACH_MSG_TYPE_COPY_SEND, 1, 0));
    CHECK_RESULT(send(&m), MACH_SEND_TIMED_OUT, "a message with memory can be too much for a queue");
    const uint8_t *back = m.memory.address;
    CHECK(!is_mapped(mine) || back == mine, "its memory was taken");
    CHECK(back[PAGE] == 3 && back[0] == 0, "and comes back");
    REQUIRE(test_receive_id(carrier, 1));
    const uint8_t *came = pass(&m);
    CHECK(came[PAGE] == 3 && (!is_mapped(back) || back == came), "then it can be sent as it is");
    mach_msg_destroy(&m.header);
    limit.mpl_qlimit = MACH_PORT_QLIMIT_DEFAULT;
    REQUIRE_OK(mach_port_set_attributes(SELF, carrier, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limit,
                                        MACH_PORT_LIMITS_INFO_COUNT));
}

/* 64 GiB, of which a few pages were touched. */
static void test_sparse(void)
{
    struct memory_message m[PIECES];
    uint8_t *mine = test_memory(LARGE);
    bool good = true;

    for (mach_vm_size_t at = 0; at < LARGE; at += LARGE / 16)
        mine[at] = (uint8_t)(1 + at / (LARGE / 16));
    for (unsigned i = 0; i < PIECES; i++) {
        m[i] = memory_of(mine + i * (mach_vm_size_t)PIECE, PIECE);
        REQUIRE_OK(send(&m[i]));
    }
    mine[0] = 99;
    for (unsigned i = 0; i < PIECES; i++) {
        REQUIRE_OK(receive(&m[i]));
        const uint8_t *came = m[i].memory.address;
        for (mach_vm_size_t at = 0; at < LARGE; at += LARGE / 16)
            if (at >= i * (mach_vm_size_t)PIECE && at - i * (mach_vm_size_t)PIECE < PIECE)
                good = good && came[at - i * (mach_vm_size_t)PIECE] == 1 + at / (LARGE / 16);
        good = good && came[PIECE - 1] == 0;
    }
    CHECK(good, "gigabytes can be sent, touched or not");
    for (unsigned i = 0; i < PIECES; i++)
        mach_msg_destroy(&m[i].header);
    test_memory_free(mine, LARGE);
}

/* A child without room for what it is sent. */
static void crowded(void)
{
    struct memory_message m;
    mach_vm_address_t address;

    REQUIRE(test_receive(TEST_CHILD_PORT(0), &m, sizeof(m), TEST_SOON_MS) == MACH_MSG_SUCCESS);
    REQUIRE(*(char *)m.memory.address == 42);
    mach_msg_destroy(&m.header);
    for (mach_vm_size_t size = (mach_vm_size_t)1 << 46; size >= PAGE; size /= 2) {
        address = 0;
        while (mach_vm_allocate(SELF, &address, size, VM_FLAGS_ANYWHERE) == KERN_SUCCESS)
            address = 0;
    }
    kern_return_t result = test_receive(TEST_CHILD_PORT(0), &m, sizeof(m), TEST_SOON_MS);
    bool lost =
        m.memory.address == NULL && m.memory.size == 0 && m.word == 0x600d && MACH_PORT_VALID(m.right.name);
    REQUIRE_OK(test_send(TEST_CHILD_PORT(1), MACH_MSG_TYPE_COPY_SEND, lost ? result : KERN_FAILURE, 0));
}

/* Does each page of [pages, pages + count) begin with its number, plus `more`? */
static bool are_numbered(const uint8_t *pages, unsigned count, unsigned more)
{
    for (unsigned i = 0; i < count; i++) {
        if (*(const uint32_t *)(const void *)(pages + i * PAGE) != i + more)
            return false;
    }
    return true;
}

static void number(uint8_t *pages, unsigned count, unsigned more)
{
    for (unsigned i = 0; i < count; i++)
        *(uint32_t *)(void *)(pages + i * PAGE) = i + more;
}

/* So many pages that were written are write-protected in several steps. */
static void test_written(void)
{
    enum { PAGES = 1100 };
    uint8_t *mine = test_memory(PAGES * PAGE);
    const mach_vm_address_t hole = (mach_vm_address_t)mine + 700 * PAGE;
    struct memory_message m = memory_of(mine, PAGES * PAGE);

    REQUIRE_OK(mach_vm_inherit(SELF, (mach_vm_address_t)mine + 600 * PAGE, PAGE, VM_INHERIT_NONE));
    number(mine, PAGES, 0);
    uint8_t *came = pass(&m);
    number(mine, PAGES, 1);
    CHECK(are_numbered(came, PAGES, 0),
          "of a large range that was written, all later writes stay with the sender");
    number(came, PAGES, 2);
    CHECK(are_numbered(mine, PAGES, 1), "and those of the receiver with him");
    mach_msg_destroy(&m.header);
    m = memory_of(mine + 1, PAGES * PAGE - 1);
    REQUIRE_OK(send(&m));
    number(mine, PAGES, 3);
    REQUIRE_OK(receive(&m));
    came = m.memory.address;
    CHECK(are_numbered(came + PAGE - 1, PAGES - 1, 2), "the same where it is not aligned");
    mach_msg_destroy(&m.header);
    REQUIRE_OK(mach_vm_deallocate(SELF, hole, PAGE));
    m = memory_of(mine, PAGES * PAGE);
    CHECK_RESULT(send(&m), MACH_SEND_INVALID_MEMORY, "a large range with a hole is refused");
    number(mine, 700, 4);
    CHECK(are_numbered(mine, 700, 4), "and can be written as before");
    test_memory_free(mine, PAGES * PAGE);
}

static void test_no_room(void)
{
    mach_port_t to = test_port_send();
    const struct test_right rights[] = {{to, MACH_MSG_TYPE_MOVE_RECEIVE}, {carrier, MACH_MSG_TYPE_COPY_SEND}};
    uint8_t *mine = test_memory(2 * PAGE);
    struct memory_message m;

    *mine = 42;
    for (unsigned i = 0; i < 2; i++) {
        m = memory_of(mine, 2 * PAGE);
        m.header.msgh_remote_port = to;
        m.right.name = carrier;
        REQUIRE_OK(send(&m));
    }
    REQUIRE(test_child_wait(test_child(crowded, rights, 2)));
    /* limit: room for it at the receiver */
    CHECK(test_receive_id(carrier, MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE),
          "a task without room for memory receives the rest of the message");
    test_memory_free(mine, 2 * PAGE);
    test_port_destroy(to);
}

/* Each generation changes its copy of what the one before has, and looks for what it inherited. */
#define GENERATIONS 12u
static volatile uint32_t heirloom[GENERATIONS * PAGE / sizeof(uint32_t)];

static void generation(void)
{
    const struct test_right right = {TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND};
    uint32_t own = heirloom[0] + 1;
    bool good = true;

    heirloom[0] = own;
    heirloom[own * PAGE / sizeof(uint32_t)] = own;
    if (own + 1 < GENERATIONS)
        good = test_child_wait(test_child(generation, &right, 1));
    for (uint32_t i = 0; i < GENERATIONS; i++)
        good = good && heirloom[i * PAGE / sizeof(uint32_t)] == (i == 0 ? own : i <= own ? i : 0);
    REQUIRE(good);
    REQUIRE_OK(test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, (int)own, 0));
}

static void test_generations(void)
{
    mach_port_t to = test_port_send();
    const struct test_right right = {to, MACH_MSG_TYPE_COPY_SEND};
    mach_port_limits_t limit = {GENERATIONS};

    REQUIRE_OK(mach_port_set_attributes(SELF, to, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limit,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    CHECK(test_child_wait(test_child(generation, &right, 1)), "tasks have copies of the memory of tasks");
    bool all = true;
    for (unsigned i = GENERATIONS - 1; i > 0; i--)
        all = all && test_receive_id(to, (int)i);
    CHECK(all, "through generations");
    CHECK(heirloom[0] == 0 && heirloom[PAGE / sizeof(uint32_t)] == 0, "and the first one sees nothing of it");
    test_port_destroy(to);
}

/* In a child, so that what this task's map and tables grow by is no leak. */
static void leak_child(void)
{
    uint8_t *mine = test_memory(80 * PAGE);

    memset(mine, 1, 80 * PAGE);
    for (unsigned i = 0; i < 3; i++) {
        struct memory_message m = memory_of(mine + i * PAGE + i, 70 * PAGE);
        m.header.msgh_remote_port = TEST_CHILD_PORT(0);
        REQUIRE_OK(send(&m));
        mine[30 * PAGE] = (uint8_t)i;
    }
}

static void test_leaks(void)
{
    struct memory_message m;

    test_leak_begin();
    mach_port_t queue = test_port();
    const struct test_right right = {queue, MACH_MSG_TYPE_MAKE_SEND};
    REQUIRE(test_child_wait(test_child(leak_child, &right, 1)));
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_OK(test_receive(queue, &m, sizeof(m), 0));
        CHECK(all_are(m.memory.address, PAGE, 1), "memory outlives its sender");
        mach_msg_destroy(&m.header);
    }
    test_port_destroy(queue);
    CHECK_NO_LEAK("memory that is received or destroyed is freed");
}

int main(void)
{
    test_begin("ool_memory");
    carrier = test_port_send();
    test_pages();
    test_copy_on_write();
    test_alignment();
    test_regions();
    test_refused();
    test_unsent();
    test_sparse();
    test_written();
    test_no_room();
    test_generations();
    test_leaks();
    test_port_destroy(carrier);
    return test_end();
}
