/* SPDX-License-Identifier: BSD-2-Clause */
/* Malformed requests to the kernel: each is answered with an error, and changes nothing. */
#include "lib/ports.h"
#include "lib/test.h"

#include <mach/ndr.h>
#include <string.h>

#define SELF mach_task_self()
#define ID_MACH_PORT_ALLOCATE 3204
#define ID_MACH_PORT_SKIPPED 3219 /* mach_port_allocate_qos */
#define ID_MACH_PORT_INSERT_RIGHT 3214
#define ID_TASK_SUSPEND 3407
#define ID_WRITE_INBAND 5203
#define ID_UNKNOWN 0x12345678

static mach_port_t reply;

/* A request of any form, and its answer. */
static union {
    mach_msg_header_t header;
    mig_reply_error_t error;
    struct {
        mach_msg_header_t header;
        uint32_t word[64];
    } simple;
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t port[4];
        NDR_record_t ndr;
        uint32_t word[8];
    } complex;
    uint8_t room[256];
} m;

/* Send what is in m to `to` and receive the answer. Returns: the result in it. */
static kern_return_t call(mach_port_t to, int id, mach_msg_size_t size, mach_msg_bits_t complex)
{
    m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) | complex;
    m.header.msgh_size = size;
    m.header.msgh_remote_port = to;
    m.header.msgh_local_port = reply;
    m.header.msgh_voucher_port = MACH_PORT_NULL;
    m.header.msgh_id = id;
    mach_msg_return_t result = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_TIMEOUT, size,
                                        sizeof(m), reply, TEST_SOON_MS, MACH_PORT_NULL);
    if (result != MACH_MSG_SUCCESS)
        return result;
    REQUIRE(m.header.msgh_id == id + 100 && m.header.msgh_size == sizeof(mig_reply_error_t));
    return m.error.RetCode;
}

static void put_port(unsigned i, mach_port_t name, mach_msg_type_name_t disposition)
{
    m.complex.port[i] = (mach_msg_port_descriptor_t){
        .name = name, .disposition = disposition & 0xff, .type = MACH_MSG_PORT_DESCRIPTOR};
}

static void test_ids(void)
{
    const mach_port_t host = mach_host_self();
    const mach_msg_size_t size = sizeof(mach_msg_header_t);

    memset(&m, 0, sizeof(m));
    CHECK_RESULT(call(SELF, ID_UNKNOWN, size, 0), MIG_BAD_ID, "an unknown id");
    CHECK_RESULT(call(SELF, -1, size, 0), MIG_BAD_ID, "a negative id");
    CHECK_RESULT(call(SELF, ID_MACH_PORT_SKIPPED, size, 0), MIG_BAD_ID, "an id that no routine has");
    CHECK_RESULT(call(host, ID_TASK_SUSPEND, size, 0), KERN_INVALID_ARGUMENT,
                 "a request for another kind of object");
    REQUIRE_OK(mach_port_deallocate(SELF, host));
}

static void test_sizes(void)
{
    const mach_msg_size_t head = sizeof(mach_msg_header_t) + sizeof(NDR_record_t);
    mach_msg_size_t size;
    bool all = true;

    for (size = sizeof(mach_msg_header_t); size <= 200; size += 4) {
        memset(&m, 0, sizeof(m));
        if (size != head + 4) /* the right one */
            all &= call(SELF, ID_MACH_PORT_ALLOCATE, size, 0) == MIG_BAD_ARGUMENTS;
    }
    CHECK(all, "a request of the wrong size");
    memset(&m, 0, sizeof(m));
    m.simple.word[4] = ~0u; /* the count, behind NDR record and address */
    CHECK_RESULT(call(SELF, ID_WRITE_INBAND, head + 12, 0), MIG_BAD_ARGUMENTS,
                 "a count that is larger than the message");
    m.simple.word[4] = 4;
    CHECK_RESULT(call(SELF, ID_WRITE_INBAND, head + 12 + 8, 0), MIG_BAD_ARGUMENTS,
                 "a count that is smaller than the message");
    m.simple.word[4] = 5000;
    CHECK_RESULT(call(SELF, ID_WRITE_INBAND, head + 12 + 8, 0), MIG_BAD_ARGUMENTS, "a count above its limit");
}

static void test_descriptors(void)
{
    const mach_msg_size_t one = sizeof(mach_msg_header_t) + sizeof(mach_msg_body_t) +
                                sizeof(mach_msg_port_descriptor_t) + sizeof(NDR_record_t) + 4;
    mach_port_t p = test_port();

    memset(&m, 0, sizeof(m));
    m.complex.body.msgh_descriptor_count = 0;
    CHECK_RESULT(call(SELF, ID_MACH_PORT_INSERT_RIGHT, one, MACH_MSGH_BITS_COMPLEX), MIG_BAD_ARGUMENTS,
                 "no descriptor where there should be one");
    memset(&m, 0, sizeof(m));
    m.complex.body.msgh_descriptor_count = 2;
    put_port(0, p, MACH_MSG_TYPE_MAKE_SEND);
    put_port(1, p, MACH_MSG_TYPE_MAKE_SEND);
    CHECK_RESULT(call(SELF, ID_MACH_PORT_INSERT_RIGHT, one + 12, MACH_MSGH_BITS_COMPLEX), MIG_BAD_ARGUMENTS,
                 "two descriptors where there should be one");
    CHECK(!test_status(p).mps_srights, "the rights in a refused request are released");
    memset(&m, 0, sizeof(m));
    CHECK_RESULT(call(SELF, ID_MACH_PORT_INSERT_RIGHT, one, 0), MIG_BAD_ARGUMENTS,
                 "a simple request instead of a complex");
    memset(&m, 0, sizeof(m));
    m.complex.body.msgh_descriptor_count = 1;
    put_port(0, p, MACH_MSG_TYPE_MAKE_SEND);
    CHECK_RESULT(call(SELF, ID_TASK_SUSPEND, one - 12, MACH_MSGH_BITS_COMPLEX), MIG_BAD_ARGUMENTS,
                 "a complex request instead of a simple");
    CHECK(!test_status(p).mps_srights, "its rights are released, too");
    test_port_destroy(p);
}

/* Random requests with every id there is. */
static void test_random(void)
{
    static const int first[] = {200, 400, 3200, 3400, 3600, 4800, 5200};
    const mach_port_t host = mach_host_self();
    const mach_port_t me = mach_thread_self();
    unsigned answers = 0, calls = 0;

    for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        for (int id = first[i]; id < first[i] + 60; id++) {
            memset(&m, 0, sizeof(m));
            calls += 2;
            /* too short for any routine with arguments, and too long for all */
            kern_return_t kr = call(host, id, sizeof(mach_msg_header_t) + 4, 0);
            answers += kr == MIG_BAD_ID || kr == MIG_BAD_ARGUMENTS;
            kr = call(me, id, 248, 0);
            answers += kr == MIG_BAD_ID || kr == MIG_BAD_ARGUMENTS || kr == KERN_INVALID_ARGUMENT;
        }
    }
    CHECK_EQUAL(answers, calls, "every malformed request is answered with an error");
    REQUIRE_OK(mach_port_deallocate(SELF, host));
    REQUIRE_OK(mach_port_deallocate(SELF, me));
}

static void test_one_way(void)
{
    memset(&m, 0, sizeof(m));
    m.header = (mach_msg_header_t){
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), sizeof(m.header), SELF, 0, 0, ID_UNKNOWN};
    CHECK_RESULT(mach_msg(&m.header, MACH_SEND_MSG, sizeof(m.header), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                 MACH_MSG_SUCCESS, "a request without reply right goes unanswered");
}

int main(void)
{
    test_begin("mig");
    reply = test_port();
    test_ids();
    test_sizes();
    test_descriptors();
    test_random();
    test_one_way();
    CHECK_EQUAL(test_status(reply).mps_msgcount, 0, "there is one answer to each request");
    CHECK_EQUAL(test_status(reply).mps_sorights, 0, "and no reply right is left");
    test_port_destroy(reply);
    return test_end();
}
