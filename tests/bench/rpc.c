/* SPDX-License-Identifier: BSD-2-Clause */
/* Round trips: a client in this task, a server in another one (or, where it says so, in this one). */
#include "bench.h"

#include <libmach/rpc.h>
#include <libmach/thread.h>

#define SELF mach_task_self()
#define LARGE 4096u
#define ID_CALL 100
#define SETTLE_MS 20u

static mach_port_t service; /* send right */
static mach_port_t reply;   /* receive right */
static mach_port_t passed;  /* a right that travels */

/* A message with room for the largest data. */
struct large_message {
    mach_msg_header_t header;
    uint8_t data[LARGE];
    mach_msg_max_trailer_t trailer;
};

/* --- servers --- */

static void serve_registers(mach_port_t port)
{
    struct mach_rpc m = {.local = port};

    while (mach_rpc_reply_wait(&m) == MACH_MSG_SUCCESS)
        m.local = port;
}

static void child_serves_registers(void)
{
    serve_registers(TEST_CHILD_PORT(0));
}

static void thread_serves_registers(void *port)
{
    serve_registers((mach_port_t)(uintptr_t)port);
}

/* Answer each request with itself, rights and all. */
static void child_serves_buffers(void)
{
    static struct large_message m;
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

static task_t start_server(void (*serve)(void))
{
    mach_port_t port = test_port_send();
    struct test_right right = {port, MACH_MSG_TYPE_MOVE_RECEIVE};
    task_t task = test_child(serve, &right, 1);

    service = port;
    test_sleep(SETTLE_MS);
    return task;
}

static void stop_server(task_t task)
{
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
    REQUIRE_OK(mach_port_destroy(SELF, service));
}

/* --- clients --- */

/* Every argument is set anew for each call, as a stub would. */
static inline __attribute__((always_inline)) void call_registers(unsigned words)
{
    struct mach_rpc m = {.remote = service, .local = reply, .header = MACH_RPC_HEADER(ID_CALL, words)};

    for (unsigned i = 0; i < MACH_RPC_WORDS; i++)
        m.word[i] = i < words ? i + 1 : 0;
    kern_return_t kr = mach_rpc_call(&m);
    if (__builtin_expect(kr != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_rpc_call");
}

static uint64_t register_6w(unsigned loops)
{
    return BENCH_LOOP(loops, call_registers(6));
}

static uint64_t register_0w(unsigned loops)
{
    return BENCH_LOOP(loops, call_registers(0));
}

static struct large_message large;

static inline void call_buffer(mach_msg_size_t size, mach_msg_option_t option)
{
    large.header = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                       size,
                                       service,
                                       reply,
                                       0,
                                       ID_CALL};
    mach_msg_return_t result = mach_msg(&large.header, MACH_SEND_MSG | MACH_RCV_MSG | option, size,
                                        sizeof(large), reply, 1000, MACH_PORT_NULL);
    if (__builtin_expect(result != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

static uint64_t buffer_header(unsigned loops)
{
    return BENCH_LOOP(loops, call_buffer(sizeof(mach_msg_header_t), 0));
}

static uint64_t buffer_64(unsigned loops)
{
    return BENCH_LOOP(loops, call_buffer(sizeof(mach_msg_header_t) + 64, 0));
}

static uint64_t buffer_4k(unsigned loops)
{
    return BENCH_LOOP(loops, call_buffer(sizeof(mach_msg_header_t) + LARGE, 0));
}

static uint64_t buffer_timeout(unsigned loops)
{
    return BENCH_LOOP(loops, call_buffer(sizeof(mach_msg_header_t), MACH_RCV_TIMEOUT));
}

/* A send right goes there and comes back. */
static inline void call_right(void)
{
    static struct test_port_message m;
    const mach_msg_size_t size = offsetof(struct test_port_message, word);

    m.header = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) |
                                       MACH_MSGH_BITS_COMPLEX,
                                   size,
                                   service,
                                   reply,
                                   0,
                                   ID_CALL};
    m.body.msgh_descriptor_count = 1;
    m.port = (mach_msg_port_descriptor_t){
        .name = passed, .disposition = MACH_MSG_TYPE_MOVE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    mach_msg_return_t result =
        mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, size, sizeof(m), reply, 0, MACH_PORT_NULL);
    if (__builtin_expect(result != MACH_MSG_SUCCESS || m.port.name != passed, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

static uint64_t one_right(unsigned loops)
{
    return BENCH_LOOP(loops, call_right());
}

/* A message to oneself. */
static inline void send_and_receive(mach_port_t port)
{
    static struct test_message m;

    m.header = (mach_msg_header_t){
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), sizeof(m.header), port, MACH_PORT_NULL, 0, ID_CALL};
    mach_msg_return_t result =
        mach_msg(&m.header, MACH_SEND_MSG, sizeof(m.header), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    if (result == MACH_MSG_SUCCESS)
        result = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL);
    if (__builtin_expect(result != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

static uint64_t send_receive(unsigned loops)
{
    return BENCH_LOOP(loops, send_and_receive(service));
}

static uint64_t kernel_rpc(unsigned loops)
{
    mach_port_type_t type;

    return BENCH_LOOP(loops, (void)mach_port_type(SELF, reply, &type));
}

static void bench_registers(void)
{
    thread_act_t thread;

    task_t task = start_server(child_serves_registers);
    bench_run("rpc_register_6w", register_6w, BENCH_LOOPS);
    bench_run("rpc_register_0w", register_0w, BENCH_LOOPS);
    stop_server(task);

    service = test_port_send();
    REQUIRE_OK(mach_thread_start(thread_serves_registers, (void *)(uintptr_t)service, &thread));
    test_sleep(SETTLE_MS);
    bench_run("rpc_register_same_task", register_6w, BENCH_LOOPS);
    REQUIRE_OK(thread_terminate(thread));
    REQUIRE(test_child_wait(thread));
    test_port_destroy(service);
}

static void bench_buffers(void)
{
    task_t task = start_server(child_serves_buffers);

    bench_run("rpc_buffer_header", buffer_header, BENCH_LOOPS);
    bench_run("rpc_buffer_64B", buffer_64, BENCH_LOOPS);
    bench_run("rpc_buffer_4KiB", buffer_4k, BENCH_LOOPS / 10);
    bench_run("rpc_buffer_timeout", buffer_timeout, BENCH_LOOPS);
    passed = test_port_send();
    bench_run("rpc_one_right", one_right, BENCH_LOOPS / 2);
    test_port_destroy(passed);
    stop_server(task);
}

void bench_rpc(void)
{
    reply = test_port();
    bench_registers();
    bench_buffers();
    service = test_port_send();
    bench_run("send_receive_queued", send_receive, BENCH_LOOPS);
    test_port_destroy(service);
    bench_run("kernel_rpc_mig", kernel_rpc, BENCH_LOOPS);
    test_port_destroy(reply);
}
