/* SPDX-License-Identifier: BSD-2-Clause */
/* Servers in tasks of their own, and calls to them: inlined, so that a figure is that of a client's own code. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "bench.h"

#include <libmach/rpc.h>

#define BENCH_ID 100           /* of messages */
#define BENCH_DATA_MAX 32768u  /* bytes behind a header */
#define BENCH_TIMEOUT_MS 1000u /* with MACH_RCV_TIMEOUT */

/* A message with room for the largest data, aligned as memory of an allocator is. */
struct bench_message {
    _Alignas(8) mach_msg_header_t header;
    uint8_t data[BENCH_DATA_MAX];
    mach_msg_max_trailer_t trailer;
};

extern mach_port_t bench_service; /* send right to the server that runs */
extern mach_port_t bench_reply;   /* receive right for answers */
extern struct bench_message bench_message;

/* Run `serve` in a task of its own, with the receive right TEST_CHILD_PORT(0). / End that task. */
task_t bench_server_start(void (*serve)(void));
void bench_server_stop(task_t task);

/* Servers: answer calls in registers; answer messages with themselves, rights and all. */
void bench_serve_registers(mach_port_t port);
void bench_child_serves_registers(void);
void bench_child_serves_buffers(void);
/* Answer small messages, and call `pause` between an answer and the next receive. */
void bench_serve_late(mach_port_t port, void (*pause)(void));

/* Every argument is set anew for each call, as a stub would. */
static inline __attribute__((always_inline)) void bench_call_registers(unsigned words)
{
    struct mach_rpc m = {
        .remote = bench_service, .local = bench_reply, .header = MACH_RPC_HEADER(BENCH_ID, words)};

    for (unsigned i = 0; i < MACH_RPC_WORDS; i++)
        m.word[i] = i < words ? i + 1 : 0;
    kern_return_t kr = mach_rpc_call(&m);
    if (__builtin_expect(kr != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_rpc_call");
}

/* A call with `data` bytes behind the header, answered with as much. */
static inline void bench_call_buffer(mach_msg_size_t data, mach_msg_option_t option, mach_port_t from)
{
    const mach_msg_size_t size = sizeof(mach_msg_header_t) + data;

    bench_message.header =
        (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                            size,
                            bench_service,
                            bench_reply,
                            0,
                            BENCH_ID};
    mach_msg_return_t result = mach_msg(&bench_message.header, MACH_SEND_MSG | MACH_RCV_MSG | option, size,
                                        sizeof(bench_message), from, BENCH_TIMEOUT_MS, MACH_PORT_NULL);
    if (__builtin_expect(result != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

/* The send right `passed` goes there and comes back. */
static inline void bench_call_right(mach_port_t passed)
{
    static struct test_port_message m;
    const mach_msg_size_t size = offsetof(struct test_port_message, word);

    m.header = (mach_msg_header_t){MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) |
                                       MACH_MSGH_BITS_COMPLEX,
                                   size,
                                   bench_service,
                                   bench_reply,
                                   0,
                                   BENCH_ID};
    m.body.msgh_descriptor_count = 1;
    m.port = (mach_msg_port_descriptor_t){
        .name = passed, .disposition = MACH_MSG_TYPE_MOVE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    mach_msg_return_t result =
        mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, size, sizeof(m), bench_reply, 0, MACH_PORT_NULL);
    if (__builtin_expect(result != MACH_MSG_SUCCESS || m.port.name != passed, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

/* A message without data, by a right of `disposition` (MACH_MSG_TYPE_*). */
static inline void bench_send(mach_port_t port, mach_msg_type_name_t disposition)
{
    mach_msg_header_t m = {MACH_MSGH_BITS(disposition, 0), sizeof(m), port, MACH_PORT_NULL, 0, BENCH_ID};
    mach_msg_return_t result = mach_msg(&m, MACH_SEND_MSG, sizeof(m), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);

    if (__builtin_expect(result != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

static inline void bench_receive(mach_port_t port)
{
    struct test_message m;
    mach_msg_return_t result = mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL);

    if (__builtin_expect(result != MACH_MSG_SUCCESS, 0))
        test_give_up(__FILE__, __LINE__, "mach_msg");
}

#endif
