/* SPDX-License-Identifier: BSD-2-Clause */
/* Round trips: a client in this task, a server in another one (or, where it says so, in this one). */
#include "client.h"

#include <libmach/thread.h>

#define SELF mach_task_self()
#define SETTLE_MS 20u

static mach_port_t passed; /* a right that travels */

static void thread_serves_registers(void *port)
{
    bench_serve_registers((mach_port_t)(uintptr_t)port);
}

static uint64_t register_6w(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_registers(6));
}

static uint64_t register_0w(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_registers(0));
}

static mach_msg_size_t data_size; /* of buffer() */

static uint64_t buffer(unsigned loops)
{
    const mach_msg_size_t size = data_size;

    return BENCH_LOOP(loops, bench_call_buffer(size, 0, bench_reply));
}

static uint64_t receive_timeout(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_buffer(0, MACH_RCV_TIMEOUT, bench_reply));
}

static uint64_t one_right(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_right(passed));
}

static uint64_t send_receive(unsigned loops)
{
    return BENCH_LOOP(loops, bench_send(bench_service, MACH_MSG_TYPE_COPY_SEND);
                      bench_receive(bench_service));
}

static uint64_t kernel_rpc(unsigned loops)
{
    mach_port_type_t type;

    return BENCH_LOOP(loops, (void)mach_port_type(SELF, bench_reply, &type));
}

static void bench_registers(void)
{
    thread_act_t thread;

    task_t task = bench_server_start(bench_child_serves_registers);
    (void)bench_run("rpc_register_6w", register_6w, BENCH_LOOPS);
    (void)bench_run("rpc_register_0w", register_0w, BENCH_LOOPS);
    bench_server_stop(task);

    bench_service = test_port_send();
    REQUIRE_OK(mach_thread_start(thread_serves_registers, (void *)(uintptr_t)bench_service, &thread));
    test_sleep(SETTLE_MS);
    (void)bench_run("rpc_register_same_task", register_6w, BENCH_LOOPS);
    REQUIRE_OK(thread_terminate(thread));
    REQUIRE(test_child_wait(thread));
    test_port_destroy(bench_service);
}

static uint64_t buffer_of(mach_msg_size_t size, const char *key)
{
    data_size = size;
    return bench_run(key, buffer, BENCH_LOOPS / 50);
}

/* Every size by the same call: where a way ends, and the next one begins, is for the library and the kernel to find. */
static void bench_sizes(void)
{
    (void)buffer_of(0, "rpc_buffer_header");
    (void)buffer_of(8, "rpc_buffer_8B");
    (void)buffer_of(16, "rpc_buffer_16B");
    (void)buffer_of(24, "rpc_buffer_24B");
    (void)buffer_of(32, "rpc_buffer_32B");
    (void)buffer_of(40, "rpc_buffer_40B");
    (void)buffer_of(48, "rpc_buffer_48B");
    (void)buffer_of(56, "rpc_buffer_56B");
    (void)buffer_of(64, "rpc_buffer_64B");
    (void)buffer_of(128, "rpc_buffer_128B");
    (void)buffer_of(256, "rpc_buffer_256B");
    (void)buffer_of(512, "rpc_buffer_512B");
    (void)buffer_of(1024, "rpc_buffer_1KiB");
    uint64_t half = buffer_of(2048, "rpc_buffer_2KiB");
    uint64_t whole = buffer_of(4096, "rpc_buffer_4KiB");
    /* The second half costs what bytes cost; what is left of the first has none of it. */
    bench_report("rpc_4KiB_net", half > whole - half ? half - (whole - half) : 0, "instructions");
    (void)buffer_of(8192, "rpc_buffer_8KiB");
    (void)buffer_of(16384, "rpc_buffer_16KiB");
    (void)buffer_of(32768, "rpc_buffer_32KiB");
}

static void bench_buffers(void)
{
    task_t task = bench_server_start(bench_child_serves_buffers);

    bench_sizes();
    (void)bench_run("rpc_receive_timeout", receive_timeout, BENCH_LOOPS / 10);
    passed = test_port_send();
    (void)bench_run("rpc_one_right", one_right, BENCH_LOOPS / 10);
    test_port_destroy(passed);
    bench_server_stop(task);
}

void bench_rpc(void)
{
    bench_reply = test_port();
    bench_registers();
    bench_buffers();
    bench_service = test_port_send();
    (void)bench_run("send_receive_queued", send_receive, BENCH_LOOPS / 10);
    test_port_destroy(bench_service);
    (void)bench_run("kernel_rpc_mig", kernel_rpc, BENCH_LOOPS / 10);
    test_port_destroy(bench_reply);
}
