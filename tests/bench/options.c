/* SPDX-License-Identifier: BSD-2-Clause */
/* A header there and back, in ways that are not the shortest. */
#include "client.h"

#include <libmach/thread.h>
#include <mach/thread_switch.h>

#define SELF mach_task_self()

/* The server receives from a set that its port is in. */
static void child_serves_set(void)
{
    struct test_message m;
    mach_port_t set;

    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set));
    REQUIRE_OK(mach_port_move_member(SELF, TEST_CHILD_PORT(0), set));
    mach_msg_return_t result = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), set, 0, MACH_PORT_NULL);
    while (result == MACH_MSG_SUCCESS) {
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        m.header.msgh_local_port = MACH_PORT_NULL;
        result = mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, m.header.msgh_size, sizeof(m), set, 0,
                          MACH_PORT_NULL);
    }
}

static void let_others_run(void)
{
    (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_NONE, 0);
}

/* The server is never there when a message comes: it answers, lets others run, and only then receives. */
static void child_serves_late(void)
{
    bench_serve_late(TEST_CHILD_PORT(0), let_others_run);
}

static mach_port_t from; /* where the client receives: its reply port, or a set with that */

static uint64_t header(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_buffer(0, 0, from));
}

static void measure(const char *key, void (*serve)(void))
{
    task_t task = bench_server_start(serve);

    (void)bench_run(key, header, BENCH_LOOPS / 10);
    bench_server_stop(task);
}

void bench_options(void)
{
    mach_port_t set;

    bench_reply = from = test_port();
    measure("rpc_through_set", child_serves_set);
    measure("rpc_busy_receiver", child_serves_late);
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set));
    REQUIRE_OK(mach_port_move_member(SELF, bench_reply, set));
    from = set;
    measure("rpc_reply_through_set", bench_child_serves_buffers);
    test_port_destroy(bench_reply);
    REQUIRE_OK(mach_port_mod_refs(SELF, set, MACH_PORT_RIGHT_PORT_SET, -1));
}
