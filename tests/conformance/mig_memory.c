/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and arrays of rights through stubs that MIG generated for both sides, and requests that lie about them. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>
#include <stddef.h>
#include <string.h>

#include "mig_service.h"
#include "mig_service_server.h"

#define SELF mach_task_self()
#define NO_ROUTINE 1 /* id of no request */
#define LABEL 0x123456789abcull
#define LARGE 100000u
#define RIGHTS 20u

static mach_port_t service;

/* --- the server --- */

kern_return_t do_reverse(mach_port_t server, data_t data, mach_msg_type_number_t dataCnt, data_t *reversed,
                         mach_msg_type_number_t *reversedCnt)
{
    (void)server;
    *reversed = test_memory(dataCnt);
    for (mach_msg_type_number_t i = 0; i < dataCnt; i++)
        (*reversed)[i] = data[dataCnt - 1 - i];
    *reversedCnt = dataCnt;
    test_memory_free(data, dataCnt);
    return KERN_SUCCESS;
}

kern_return_t do_reverse_given(mach_port_t server, data_t *data, mach_msg_type_number_t *dataCnt)
{
    return do_reverse(server, *data, *dataCnt, data, dataCnt);
}

kern_return_t do_fill(mach_port_t server, uint32_t length, data_t *data, mach_msg_type_number_t *dataCnt)
{
    (void)server;
    *data = test_memory(length);
    memset(*data, 'x', length);
    *dataCnt = length;
    return KERN_SUCCESS;
}

kern_return_t do_rights(mach_port_t server, few_t few, mach_msg_type_number_t fewCnt, many_t many,
                        mach_msg_type_number_t manyCnt, few_t few_back, mach_msg_type_number_t *few_backCnt,
                        many_t *many_back, mach_msg_type_number_t *many_backCnt)
{
    (void)server;
    memcpy(few_back, few, fewCnt * sizeof(*few));
    *few_backCnt = fewCnt;
    *many_back = many;
    *many_backCnt = manyCnt;
    return KERN_SUCCESS;
}

kern_return_t do_pairs(mach_port_t server, numbers_t numbers, mach_msg_type_number_t numbersCnt, few_t ports,
                       uint32_t *sum)
{
    (void)server;
    *sum = 0;
    for (mach_msg_type_number_t i = 0; i < numbersCnt; i++) {
        *sum += numbers[i];
        REQUIRE_OK(mach_port_deallocate(SELF, ports[i]));
    }
    return KERN_SUCCESS;
}

kern_return_t do_label(mach_port_t server, mach_port_context_t context, uint64_t *result)
{
    (void)server;
    *result = context;
    return KERN_SUCCESS;
}

static void serve(void *argument)
{
    (void)argument;
    (void)mach_msg_server(mig_service_server, mig_service_subsystem.maxsize, service,
                          MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX));
    mach_thread_exit();
}

/* --- the client --- */

static void test_data(void)
{
    uint8_t *data = test_memory(LARGE), *back = NULL;
    mach_msg_type_number_t count = 0;
    uint8_t room[100];

    data[0] = 1;
    data[LARGE - 1] = 2;
    CHECK_RESULT(reverse(service, data, LARGE, &back, &count), KERN_SUCCESS,
                 "memory goes there and comes back");
    CHECK(count == LARGE && back != data && back[0] == 2 && back[LARGE - 1] == 1, "with all its bytes");
    CHECK(data[0] == 1 && data[LARGE - 1] == 2, "and stays with its owner");
    test_memory_free(back, count);
    CHECK_RESULT(reverse(service, data + 1, 0, &back, &count), KERN_SUCCESS, "no memory at all");
    CHECK(count == 0 && back == NULL, "is nothing on the other side");
    back = data;
    count = LARGE;
    CHECK_RESULT(reverse_given(service, &back, &count), KERN_SUCCESS, "memory can be given away");
    CHECK(count == LARGE && back[0] == 2, "and other memory comes for it");
    test_memory_free(back, count);
    count = sizeof(room);
    CHECK_RESULT(fill(service, 50, room, &count), KERN_SUCCESS,
                 "memory that comes may go to a place of ours");
    CHECK(count == 50 && room[49] == 'x', "and is there");
    count = 49;
    CHECK_RESULT(fill(service, 50, room, &count), MIG_ARRAY_TOO_LARGE, "but not beyond its room");
}

static void test_rights(void)
{
    mach_port_t port = test_port_send(), other = test_port_send();
    mach_port_t few[] = {port, other, port}, few_back[4] = {0}, many[RIGHTS];
    many_t many_back = NULL;
    mach_msg_type_number_t fewCnt = 0, manyCnt = 0;
    uint32_t numbers[] = {1, 2, 3, 4, 5}, sum = 0;
    bool all = true;

    for (unsigned i = 0; i < RIGHTS; i++)
        many[i] = i % 2 == 0 ? port : other;
    CHECK_RESULT(rights(service, few, 3, many, RIGHTS, few_back, &fewCnt, &many_back, &manyCnt), KERN_SUCCESS,
                 "arrays of rights go there and come back");
    CHECK(fewCnt == 3 && few_back[0] == port && few_back[1] == other && few_back[2] == port &&
              few_back[3] == MACH_PORT_NULL,
          "inside the message, under the names that they had");
    for (unsigned i = 0; i < RIGHTS; i++)
        all &= many_back[i] == many[i];
    CHECK(manyCnt == RIGHTS && all, "and out of line");
    CHECK_EQUAL(test_refs(port, MACH_PORT_RIGHT_SEND), 1 + 2 + RIGHTS / 2, "each with a reference");
    test_memory_free(many_back, manyCnt * sizeof(*many_back));
    CHECK_RESULT(pairs(service, numbers, 2, few, &sum), KERN_SUCCESS, "two arrays may share a count");
    CHECK_EQUAL(sum, 3, "of which all arrive");
    CHECK_RESULT(pairs(service, numbers, 5, few, &sum), MIG_ARRAY_TOO_LARGE, "which must fit both");
    test_port_destroy(port);
    test_port_destroy(other);
}

static void test_label(void)
{
    uint64_t result = 0;

    CHECK_RESULT(label(service, &result), KERN_SUCCESS, "a routine can ask for the label of its port");
    CHECK_EQUAL(result, LABEL, "and gets it from the trailer");
}

/* --- requests that lie --- */

static union {
    mach_msg_header_t head;
    mig_reply_error_t error;
    __Request__reverse_t reverse;
    __Request__rights_t rights;
    __Request__pairs_t pairs;
    uint8_t room[512];
} m;

/* Send what is in m as a request and take the answer. Returns: the result in it. */
static kern_return_t call(mach_msg_id_t id, mach_msg_size_t size)
{
    mach_port_t reply = mig_get_reply_port();

    m.head.msgh_bits =
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) | MACH_MSGH_BITS_COMPLEX;
    m.head.msgh_remote_port = service;
    m.head.msgh_local_port = reply;
    m.head.msgh_id = id;
    m.head.msgh_size = size;
    REQUIRE_OK(mach_msg(&m.head, MACH_SEND_MSG | MACH_RCV_MSG, size, sizeof(m), reply, MACH_MSG_TIMEOUT_NONE,
                        MACH_PORT_NULL));
    REQUIRE(m.head.msgh_size == sizeof(m.error));
    return m.error.RetCode;
}

static void prepare_reverse(uint8_t *data, mach_msg_size_t size)
{
    memset(&m, 0, sizeof(m));
    m.reverse.msgh_body.msgh_descriptor_count = 1;
    mig_put_memory(&m.reverse.data, data, size, FALSE, MACH_MSG_VIRTUAL_COPY);
    m.reverse.dataCnt = size;
}

static void test_lies_about_memory(void)
{
    uint8_t *data = test_memory(LARGE);

    prepare_reverse(data, LARGE);
    m.reverse.dataCnt = LARGE + 1;
    CHECK_RESULT(call(7700, sizeof(m.reverse)), MIG_BAD_ARGUMENTS, "a count beyond the memory");
    prepare_reverse(data, LARGE);
    m.reverse.dataCnt = ~0u;
    CHECK_RESULT(call(7700, sizeof(m.reverse)), MIG_BAD_ARGUMENTS, "the largest count");
    prepare_reverse(data, LARGE);
    CHECK_RESULT(call(7700, sizeof(m.reverse) - 4), MIG_BAD_ARGUMENTS, "memory without a count");
    prepare_reverse(NULL, 0);
    mig_put_ool_ports((mach_msg_ool_ports_descriptor_t *)&m.reverse.data, NULL, 0, FALSE,
                      MACH_MSG_TYPE_COPY_SEND);
    CHECK_RESULT(call(7700, sizeof(m.reverse)), MIG_BAD_ARGUMENTS, "rights instead of memory");
    test_memory_free(data, LARGE);
}

static void test_lies_about_rights(void)
{
    mach_port_t port = test_port(), names[] = {port, port, port, port};

    memset(&m, 0, sizeof(m));
    m.pairs.msgh_body.msgh_descriptor_count = 4;
    mig_put_ports(m.pairs.ports, names, 4, 4, MACH_MSG_TYPE_MAKE_SEND);
    m.pairs.numbersCnt = 2;
    CHECK_RESULT(call(7704, sizeof(m.pairs) - 6 * sizeof(uint32_t)), MIG_BAD_ARGUMENTS,
                 "more rights than the count says");
    CHECK(!test_status(port).mps_srights, "which are all destroyed");
    memset(&m, 0, sizeof(m));
    m.rights.msgh_body.msgh_descriptor_count = 5;
    mig_put_ports(m.rights.few, names, 4, 4, MACH_MSG_TYPE_MAKE_SEND);
    mig_put_ool_ports(&m.rights.many, names, 4, FALSE, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    m.rights.fewCnt = 4;
    m.rights.manyCnt = 4;
    CHECK_RESULT(call(7703, sizeof(m.rights)), MIG_BAD_ARGUMENTS, "rights of another kind");
    CHECK(!test_status(port).mps_srights && test_status(port).mps_msgcount == 4,
          "are destroyed as well, send-once rights with a message each");
    test_port_destroy(port);
}

/* A client whose queue takes no answer. */
static void test_deaf_client(void)
{
    mach_port_t deaf = test_port();
    mach_port_limits_t limits = {.mpl_qlimit = 0};
    mach_msg_header_t request = {
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND),
        .msgh_size = sizeof(request),
        .msgh_remote_port = service,
        .msgh_local_port = deaf,
        .msgh_id = NO_ROUTINE,
    };
    uint64_t result = 0;

    REQUIRE_OK(mach_port_set_attributes(SELF, deaf, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    REQUIRE_OK(mach_msg(&request, MACH_SEND_MSG, sizeof(request), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    CHECK_RESULT(label(service, &result), KERN_SUCCESS,
                 "a server does not wait for a client that takes no answer");
    CHECK_EQUAL(test_status(deaf).mps_msgcount, 0, "the answer is dropped");
    CHECK(!test_status(deaf).mps_srights, "with the right that it was to go over");
    test_port_destroy(deaf);
}

int main(void)
{
    mach_port_t thread;

    test_begin("mig_memory");
    service = test_port_send();
    REQUIRE_OK(mach_port_set_context(SELF, service, LABEL));
    REQUIRE_OK(mach_thread_start(serve, NULL, &thread));
    test_data();
    test_rights();
    test_label();
    test_lies_about_memory();
    test_lies_about_rights();
    test_deaf_client();
    test_port_destroy(service);
    REQUIRE_OK(mach_port_deallocate(SELF, thread));
    return test_end();
}
