/* SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"

#define SETTLE_MS 20u

mach_port_t bench_service, bench_reply;
struct bench_message bench_message;

void bench_serve_registers(mach_port_t port)
{
    struct mach_rpc m = {.local = port};

    while (mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS)
        m.local = port;
}

void bench_child_serves_registers(void)
{
    bench_serve_registers(TEST_CHILD_PORT(0));
}

void bench_child_serves_buffers(void)
{
    static struct bench_message m;
    const mach_port_t port = TEST_CHILD_PORT(0);

    mach_msg_return_t result = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL);
    while (result == MACH_MSG_SUCCESS) {
        mach_msg_bits_t complex = m.header.msgh_bits & MACH_MSGH_BITS_COMPLEX;
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0) | complex;
        m.header.msgh_local_port = MACH_PORT_NULL;
        result = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, m.header.msgh_size, sizeof(m), port, 0,
                          MACH_PORT_NULL);
    }
}

void bench_serve_late(mach_port_t port, void (*pause)(void))
{
    struct test_message m;

    while (mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL) == MACH_MSG_SUCCESS) {
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        m.header.msgh_local_port = MACH_PORT_NULL;
        REQUIRE_OK(
            mach_msg(&m.header, MACH_SEND_MSG, m.header.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
        pause();
    }
}

task_t bench_server_start(void (*serve)(void))
{
    mach_port_t port = test_port_send();
    struct test_right right = {port, MACH_MSG_TYPE_MOVE_RECEIVE};
    task_t task = test_child(serve, &right, 1);

    bench_service = port;
    test_sleep(SETTLE_MS);
    return task;
}

void bench_server_stop(task_t task)
{
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
    REQUIRE_OK(mach_port_destroy(mach_task_self(), bench_service));
}
