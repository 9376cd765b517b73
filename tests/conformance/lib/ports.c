/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports and messages, as tests need them all the time. */
#include "ports.h"

#include "test.h"

mach_port_t test_port(void)
{
    mach_port_t name;

    REQUIRE_OK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &name));
    return name;
}

mach_port_t test_port_send(void)
{
    mach_port_t name = test_port();

    REQUIRE_OK(mach_port_insert_right(mach_task_self(), name, name, MACH_MSG_TYPE_MAKE_SEND));
    return name;
}

void test_port_destroy(mach_port_t name)
{
    REQUIRE_OK(mach_port_destroy(mach_task_self(), name));
}

mach_port_urefs_t test_refs(mach_port_t name, mach_port_right_t right)
{
    mach_port_urefs_t refs;

    return mach_port_get_refs(mach_task_self(), name, right, &refs) == KERN_SUCCESS ? refs : ~0u;
}

mach_port_type_t test_type(mach_port_t name)
{
    mach_port_type_t type;

    return mach_port_type(mach_task_self(), name, &type) == KERN_SUCCESS ? type : MACH_PORT_TYPE_NONE;
}

mach_port_status_t test_status(mach_port_t name)
{
    mach_port_status_t status;
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;

    REQUIRE_OK(mach_port_get_attributes(mach_task_self(), name, MACH_PORT_RECEIVE_STATUS,
                                        (mach_port_info_t)&status, &count));
    return status;
}

mach_msg_return_t test_send_now(mach_msg_header_t *header, mach_msg_size_t size)
{
    return mach_msg(header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

mach_msg_return_t test_send(mach_port_t to, mach_msg_type_name_t disposition, mach_msg_id_t id,
                            unsigned words)
{
    struct test_message m = {
        .header = {.msgh_bits = MACH_MSGH_BITS(disposition, 0),
                   .msgh_size = (mach_msg_size_t)(sizeof(mach_msg_header_t) + words * sizeof(uint32_t)),
                   .msgh_remote_port = to,
                   .msgh_id = id},
    };

    for (unsigned i = 0; i < words; i++)
        m.word[i] = i;
    return test_send_now(&m.header, m.header.msgh_size);
}

mach_msg_return_t test_send_right(mach_port_t to, mach_msg_id_t id, mach_port_t port,
                                  mach_msg_type_name_t disposition)
{
    struct test_port_message m = {
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   .msgh_size = offsetof(struct test_port_message, word),
                   .msgh_remote_port = to,
                   .msgh_id = id},
        .body = {.msgh_descriptor_count = 1},
        .port = {.name = port, .disposition = disposition & 0xff, .type = MACH_MSG_PORT_DESCRIPTOR},
    };

    return test_send_now(&m.header, m.header.msgh_size);
}

mach_msg_return_t test_receive(mach_port_t from, void *m, mach_msg_size_t size, unsigned ms)
{
    return mach_msg(m, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, size, from, ms, MACH_PORT_NULL);
}

mach_msg_return_t test_receive_nothing(mach_port_t from)
{
    struct test_message m;

    return test_receive(from, &m, sizeof(m), TEST_NEVER_MS);
}

int test_receive_id(mach_port_t from, mach_msg_id_t id)
{
    struct test_message m;

    if (test_receive(from, &m, sizeof(m), TEST_SOON_MS) != MACH_MSG_SUCCESS)
        return FALSE;
    mach_msg_destroy(&m.header);
    return m.header.msgh_id == id;
}
