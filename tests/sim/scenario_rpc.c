/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: remote procedure calls, in registers and by mach_msg(), within a task and between tasks. */
#include "scenario_run.h"

#include <stddef.h>

#define CALLS 24u
#define PACKET_SIZE ((mach_msg_size_t)offsetof(struct packet, trailer))
#define ID_ADD 900
#define ID_END 901

static mach_port_t self(void)
{
    return mach_task_self();
}

/* --- servers --- */

struct packet {
    mach_msg_header_t head;
    uint64_t word[2];
    mach_msg_max_trailer_t trailer;
};

static void serve_registers(uint64_t port)
{
    struct sim_rpc m = {.remote = MACH_PORT_NULL}, answer;

    for (;;) {
        uint64_t result;
        do {
            answer = m;
            answer.local = (uint32_t)port;
            result = sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &answer);
        } while ((uint32_t)result == MACH_SEND_NO_BUFFER && scenario_fails());
        scenario_check((kern_return_t)result, MACH_MSG_SUCCESS, "reply and wait", __FILE__, __LINE__);
        m = answer;
        if ((uint32_t)m.header == ID_END)
            break;
        m.word[0] += m.word[1];
    }
    if (m.remote != MACH_PORT_NULL)
        scenario_release(m.remote);
}

static void serve_memory(uint64_t port)
{
    struct packet m;

    CALL(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), (mach_port_t)port, 0, MACH_PORT_NULL));
    while (m.head.msgh_id != ID_END) {
        m.word[0] += m.word[1];
        m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        m.head.msgh_local_port = MACH_PORT_NULL;
        CALL(mach_msg(&m.head, MACH_SEND_MSG | MACH_RCV_MSG, PACKET_SIZE, sizeof(m), (mach_port_t)port, 0,
                      MACH_PORT_NULL));
    }
    if (m.head.msgh_remote_port != MACH_PORT_NULL)
        scenario_release(m.head.msgh_remote_port);
}

/* --- clients --- */

/* One call. Returns the trap's result. */
static uint64_t call_registers(mach_port_t server, mach_port_t reply, uint64_t *a, uint64_t b)
{
    struct sim_rpc m;
    uint64_t result;

    do {
        m = (struct sim_rpc){
            .remote = server, .local = reply, .header = MACH_RPC_HEADER(ID_ADD, 2), .word = {*a, b}};
        result = sim_trap_rpc(MACH_TRAP_RPC_CALL, &m);
    } while ((uint32_t)result == MACH_SEND_NO_BUFFER && scenario_fails());
    *a = m.word[0];
    return result;
}

static mach_msg_return_t call_memory(mach_port_t server, mach_port_t reply, uint64_t *a, uint64_t b,
                                     mach_msg_option_t option)
{
    struct packet m;
    unsigned tries = 0;
    mach_msg_return_t mr;

    do {
        m = (struct packet){
            .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                     .msgh_remote_port = server,
                     .msgh_local_port = reply,
                     .msgh_id = ID_ADD},
            .word = {*a, b}};
        mr = mach_msg(&m.head, MACH_SEND_MSG | MACH_RCV_MSG | option, PACKET_SIZE, sizeof(m), reply, 50,
                      MACH_PORT_NULL);
    } while (scenario_again(mr, &tries));
    *a = m.word[0];
    return mr;
}

static void client(mach_port_t server, mach_port_t reply)
{
    uint64_t sum = 5;

    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t before = sum;
        if (i % 3 == 0)
            scenario_check((kern_return_t)call_registers(server, reply, &sum, i), MACH_MSG_SUCCESS, "call",
                           __FILE__, __LINE__);
        else
            SIM_CHECK(call_memory(server, reply, &sum, i, i % 3 == 1 ? MACH_RCV_TIMEOUT : 0) ==
                      MACH_MSG_SUCCESS);
        SIM_CHECK(sum == before + i);
    }
    scenario_post(SCENARIO_COPY(server), SCENARIO_NONE, ID_END, NULL, 0);
}

/* The main thread calls a server thread of its own task. */
static void rpc_threads(void (*serve)(uint64_t port))
{
    struct scenario_thread server;
    mach_port_t port = scenario_port_send(), reply = scenario_port();

    scenario_thread_start(&server, self(), serve, port);
    client(port, reply);
    scenario_thread_join(&server);
    scenario_port_end(reply);
    scenario_port_end(port);
}

static void rpc_registers(void)
{
    rpc_threads(serve_registers);
}

static void rpc_memory(void)
{
    rpc_threads(serve_memory);
}

/* The server is another task, and takes its rights along when it ends. */
static void rpc_tasks(void)
{
    const mach_port_t there = MACH_PORT_MAKE(30, 0);
    struct scenario_thread server;
    mach_port_t task = scenario_task(), port = scenario_port_in(task, there), reply = scenario_port();

    scenario_thread_start(&server, task, serve_registers, there);
    client(port, reply);
    scenario_thread_join(&server);
    scenario_task_end(task);
    scenario_port_end(reply);
    scenario_release(port);
}

/* Answer `caller`, if there is one, and wait. Returns: who calls next. */
static mach_port_t answer_registers(mach_port_t caller, uint64_t port)
{
    struct sim_rpc m;
    uint64_t result;

    do {
        m = (struct sim_rpc){.remote = caller, .local = (uint32_t)port};
        result = sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m);
    } while ((uint32_t)result == MACH_SEND_NO_BUFFER && scenario_fails());
    scenario_check((kern_return_t)result, MACH_MSG_SUCCESS, "wait", __FILE__, __LINE__);
    return (mach_port_t)m.remote;
}

/* A server asks to be told of the end of its reply right: the name goes when it answers. */
static void serve_watching(uint64_t port)
{
    mach_port_t mail = scenario_port(), caller = MACH_PORT_NULL, previous = 0;
    uint32_t name = 0;

    for (unsigned i = 0; i < 4; i++) {
        caller = answer_registers(caller, port);
        CALL(mach_port_request_notification(self(), caller, MACH_NOTIFY_DEAD_NAME, 0, mail,
                                            MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous));
    }
    scenario_post((struct scenario_right){caller, MACH_MSG_TYPE_MOVE_SEND_ONCE}, SCENARIO_NONE, ID_ADD, NULL,
                  0);
    for (unsigned i = 0; i < 4; i++)
        scenario_notified(mail, MACH_NOTIFY_PORT_DELETED, &name);
    scenario_port_end(mail);
}

static void rpc_watched(void)
{
    struct scenario_thread server;
    mach_port_t port = scenario_port_send(), reply = scenario_port();
    uint64_t sum = 1;

    scenario_thread_start(&server, self(), serve_watching, port);
    for (unsigned i = 0; i < 4; i++)
        scenario_check((kern_return_t)call_registers(port, reply, &sum, i), MACH_MSG_SUCCESS, "call",
                       __FILE__, __LINE__);
    scenario_thread_join(&server);
    scenario_port_end(reply);
    scenario_port_end(port);
}

/* --- what goes wrong --- */

static void serve_never(uint64_t port)
{
    struct sim_rpc m = {.remote = MACH_PORT_NULL, .local = (uint32_t)port};

    SIM_CHECK((uint32_t)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m) == MACH_MSG_SUCCESS);
    for (;;)
        scenario_sleep(100);
}

/* The server dies with the reply right: the client hears of it. */
static void rpc_server_dies(void)
{
    const mach_port_t there = MACH_PORT_MAKE(30, 0);
    struct scenario_thread server;
    mach_port_t task = scenario_task(), port = scenario_port_in(task, there), reply = scenario_port();
    struct packet m = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                 .msgh_remote_port = port,
                 .msgh_local_port = reply,
                 .msgh_id = ID_ADD}};

    scenario_thread_start(&server, task, serve_never, there);
    CALL(mach_msg(&m.head, MACH_SEND_MSG, PACKET_SIZE, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    scenario_thread_until(&server, TH_STATE_WAITING);
    scenario_release(server.thread);
    scenario_task_end(task);
    scenario_notified(reply, MACH_NOTIFY_SEND_ONCE, NULL);
    scenario_port_end(reply);
    scenario_release(port);
}

static struct {
    mach_port_t server, reply;
    uint64_t result;
} caller;

static void call_once(uint64_t arg)
{
    uint64_t sum = 1;

    (void)arg;
    caller.result = (uint32_t)call_registers(caller.server, caller.reply, &sum, 2);
}

/* A caller in registers is interrupted in each half, and killed. */
static void rpc_interrupted(void)
{
    struct scenario_thread t;
    struct scenario_message m;
    mach_port_t port = scenario_port_send();

    caller.server = port;
    caller.reply = scenario_port();
    scenario_thread_start(&t, self(), call_once, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    CALL(thread_abort(t.thread));
    scenario_thread_join(&t);
    scenario_check((kern_return_t)caller.result, MACH_RCV_INTERRUPTED, "call", __FILE__, __LINE__);
    for (unsigned i = 1; i < MACH_PORT_QLIMIT_DEFAULT; i++)
        scenario_post(SCENARIO_COPY(port), SCENARIO_NONE, ID_END, NULL, 0);
    scenario_thread_start(&t, self(), call_once, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    CALL(thread_abort(t.thread));
    scenario_thread_join(&t);
    SIM_CHECK(caller.result == MACH_SEND_INTERRUPTED);
    scenario_thread_start(&t, self(), call_once, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_take(port, &m, ID_ADD);                  /* lets the next call in */
    scenario_release(m.base.header.msgh_remote_port); /* the notification is an answer, too */
    if (!scenario_fails()) {
        scenario_thread_join(&t);
        SIM_CHECK(mach_msg(&m.base.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(m), caller.reply, 0,
                           MACH_PORT_NULL) == MACH_RCV_TIMED_OUT); /* the caller took it */
    } else {
        scenario_thread_kill(&t);
    }
    scenario_port_end(port);
    scenario_port_end(caller.reply);
}

const struct scenario scenarios_rpc[] = {
    {"rpc_registers", rpc_registers},
    {"rpc_memory", rpc_memory},
    {"rpc_tasks", rpc_tasks},
    {"rpc_watched", rpc_watched},
    {"rpc_server_dies", rpc_server_dies},
    {"rpc_interrupted", rpc_interrupted},
    {NULL, NULL},
};
