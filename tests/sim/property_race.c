/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages among threads on several CPUs, while others abort, suspend and resume them and pass rights about: each message is
 * received once, in the order of its sender; each call gets its own answer; at the end the kernel's memory is back.
 *
 * Each task has a receiver, a sender, a server, a client, and a thread that makes trouble.  What was received is noted by the
 * sequence number that the port gave it, since two threads that receive from one port may note theirs in any order.
 */
#include "driver.h"
#include "property_counts.h"
#include "user.h"

#include <mach/rpc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TASKS 3u
#define MESSAGES 30u    /* of each sender */
#define CALLS 25u       /* of each client */
#define PRANKS 40u      /* of each troublemaker */
#define NOTES 1024u     /* messages that a port receives, at most */
#define PRANKSTER TASKS /* stands for a sender whose messages may get lost */
#define QUIET_EVERY 500u

#define NAME(index) ((mach_port_name_t)(index) << 8 | 1)
#define TASK_NAME(i)                                                                                         \
    NAME(0x40 + (i)) /* in every task: of all tasks, the ports that senders send to, the servers' */
#define PORT_NAME(i) NAME(0x48 + (i))
#define SERVER_NAME(i) NAME(0x50 + (i))
#define THREAD_NAME(role) NAME(0x58 + (role)) /* of the own task's threads */
#define SET_NAME NAME(0x60)                   /* has the own port as its only member */

enum role { RECEIVER, SENDER, SERVER, CLIENT, TROUBLE, ROLES };

struct note {
    bool taken;
    uint32_t sender, number;
};

static struct {
    struct note note[TASKS][NOTES];
    uint32_t sent[TASKS][TASKS]; /* by sender and port */
    uint32_t received;           /* of those */
    uint32_t finished;           /* senders, clients and troublemakers */
} r;

struct letter {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right;
    uint32_t sender, number;
    mach_msg_max_trailer_t trailer;
};
#define LETTER_SIZE ((mach_msg_size_t)offsetof(struct letter, trailer))

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(sim_random() % limit);
}

static void finish(void)
{
    __atomic_add_fetch(&r.finished, 1, __ATOMIC_ACQ_REL);
    user_thread_exit();
}

/* --- letters --- */

static void note(uint32_t port, const struct letter *m)
{
    const mach_port_seqno_t seqno = m->trailer.msgh_seqno;

    SIM_CHECK(m->head.msgh_size == LETTER_SIZE && seqno < NOTES && m->sender <= PRANKSTER);
    SIM_CHECK(!r.note[port][seqno].taken);
    r.note[port][seqno] = (struct note){.taken = true, .sender = m->sender, .number = m->number};
    if (m->sender != PRANKSTER)
        __atomic_add_fetch(&r.received, 1, __ATOMIC_ACQ_REL);
}

static mach_msg_return_t letter_receive(mach_port_name_t from, uint32_t port, mach_msg_timeout_t timeout)
{
    struct letter m;
    const mach_msg_return_t mr =
        mach_msg(&m.head,
                 MACH_RCV_MSG | MACH_RCV_TIMEOUT |
                     (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SEQNO),
                 0, sizeof(m), from, timeout, MACH_PORT_NULL);

    if (mr != MACH_MSG_SUCCESS)
        return mr;
    if (m.head.msgh_id >= MACH_NOTIFY_FIRST && m.head.msgh_id <= MACH_NOTIFY_LAST) {
        SIM_CHECK(m.trailer.msgh_trailer_type == 0);
        mach_msg_destroy(&m.head);
        return mr;
    }
    note(port, &m);
    mach_msg_destroy(&m.head);
    return mr;
}

static bool all_received(void)
{
    return __atomic_load_n(&r.received, __ATOMIC_ACQUIRE) == TASKS * MESSAGES;
}

static void receiver(uint64_t task)
{
    while (!all_received()) {
        const mach_msg_return_t mr = letter_receive(PORT_NAME(task), (uint32_t)task, 2);
        SIM_CHECK(mr == MACH_MSG_SUCCESS || mr == MACH_RCV_TIMED_OUT);
    }
    user_thread_exit();
}

/* A letter with a right in it: to a port of nobody else's, to none, or a receive right. */
static void letter_write(struct letter *m, uint32_t port, uint32_t sender, uint32_t number)
{
    static const mach_msg_type_name_t how[] = {MACH_MSG_TYPE_MAKE_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                               MACH_MSG_TYPE_MOVE_RECEIVE};
    mach_port_name_t fresh = MACH_PORT_NULL;

    *m = (struct letter){
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                 .msgh_size = LETTER_SIZE,
                 .msgh_remote_port = PORT_NAME(port),
                 .msgh_id = 1000},
        .body = {.msgh_descriptor_count = 1},
        .sender = sender,
        .number = number,
    };
    if (below(2) == 0)
        SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &fresh) == KERN_SUCCESS);
    mig_put_port(&m->right, fresh, how[below(3)]);
}

static void sender(uint64_t task)
{
    struct letter m;

    for (uint32_t i = 0; i < MESSAGES; i++) {
        const uint32_t port = below(TASKS);
        const mach_msg_option_t timeout = below(2) == 0 ? MACH_SEND_TIMEOUT : 0;
        mach_msg_return_t mr;
        letter_write(&m, port, (uint32_t)task, r.sent[task][port]++);
        do /* a message that could not be sent is in the form in which it can be sent again */
            mr =
                mach_msg(&m.head, MACH_SEND_MSG | timeout, LETTER_SIZE, 0, MACH_PORT_NULL, 1, MACH_PORT_NULL);
        while (mr == MACH_SEND_TIMED_OUT);
        SIM_CHECK(mr == MACH_MSG_SUCCESS);
    }
    finish();
}

/* --- calls --- */

/* One in registers; interrupted halves are done again. */
static void call_registers(uint32_t server, mach_port_name_t reply, uint64_t question)
{
    struct sim_rpc m = {.header = MACH_RPC_HEADER(2000, 1)};
    mach_msg_return_t mr;

    do {
        m = (struct sim_rpc){
            .remote = SERVER_NAME(server), .local = reply, .header = MACH_RPC_HEADER(2000, 1)};
        m.word[0] = question;
        mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_CALL, &m);
    } while (mr == MACH_SEND_INTERRUPTED);
    while (mr == MACH_RCV_INTERRUPTED) {
        m = (struct sim_rpc){.remote = MACH_PORT_NULL, .local = reply};
        mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m);
    }
    if (mr != MACH_MSG_SUCCESS || m.word[0] != question + 1)
        sim_fail("call in registers: result %#x, answer %#lx to %#lx", mr, m.word[0], question);
}

struct question {
    mach_msg_header_t head;
    uint64_t word;
    mach_msg_max_trailer_t trailer;
} __attribute__((packed, aligned(8)));
#define QUESTION_SIZE ((mach_msg_size_t)offsetof(struct question, trailer))

static void call_memory(uint32_t server, mach_port_name_t reply, uint64_t question)
{
    struct question m = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                 .msgh_size = QUESTION_SIZE,
                 .msgh_remote_port = SERVER_NAME(server),
                 .msgh_local_port = reply,
                 .msgh_id = 2000},
        .word = question};
    const mach_msg_return_t mr =
        mach_msg(&m.head, MACH_SEND_MSG | MACH_RCV_MSG, QUESTION_SIZE, sizeof(m), reply, 0, MACH_PORT_NULL);

    if (mr != MACH_MSG_SUCCESS || m.word != question + 1)
        sim_fail("call in memory: result %#x, answer %#lx to %#lx", mr, m.word, question);
}

static void client(uint64_t task)
{
    const mach_port_name_t reply = mach_reply_port();

    for (uint32_t i = 0; i < CALLS; i++) {
        const uint64_t question = task << 32 | i << 4;
        if (below(2) == 0)
            call_registers(below(TASKS), reply, question);
        else
            call_memory(below(TASKS), reply, question);
    }
    finish();
}

/* Answers for ever: it is ended with its task, wherever it is. */
static void server_registers(uint64_t task)
{
    struct sim_rpc m = {.remote = MACH_PORT_NULL};

    for (;;) {
        const mach_port_name_t to = m.remote;
        m.local = SERVER_NAME(task);
        m.header = MACH_RPC_HEADER(2100, 1);
        const mach_msg_return_t mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m);
        SIM_CHECK(mr == MACH_MSG_SUCCESS || mr == MACH_RCV_INTERRUPTED || mr == MACH_SEND_INTERRUPTED);
        if (mr == MACH_SEND_INTERRUPTED)
            m.remote = to;
        else if (mr == MACH_RCV_INTERRUPTED)
            m.remote = MACH_PORT_NULL;
        else
            m.word[0]++;
    }
}

static void server_memory(uint64_t task)
{
    struct question m = {.head = {.msgh_size = 0}};
    mach_msg_option_t send = 0;

    for (;;) {
        const mach_msg_return_t mr = mach_msg(&m.head, send | MACH_RCV_MSG, send != 0 ? QUESTION_SIZE : 0,
                                              sizeof(m), SERVER_NAME(task), 0, MACH_PORT_NULL);
        SIM_CHECK(mr == MACH_MSG_SUCCESS && m.head.msgh_size == QUESTION_SIZE);
        m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        m.head.msgh_local_port = MACH_PORT_NULL;
        m.word++;
        send = MACH_SEND_MSG;
    }
}

static void server(uint64_t task)
{
    if (task % 2 == 0)
        server_registers(task);
    else
        server_memory(task);
}

/* --- trouble --- */

/* Send a port about, with somebody asking for its death. */
static void prank_rights(void)
{
    struct letter m;
    mach_port_name_t port, previous;

    SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    SIM_CHECK(mach_port_request_notification(mach_task_self(), port, MACH_NOTIFY_DEAD_NAME, 0, port,
                                             MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous) == KERN_SUCCESS);
    letter_write(&m, below(TASKS), PRANKSTER, 0);
    if (MACH_PORT_VALID(m.right.name))
        SIM_CHECK(mach_port_mod_refs(mach_task_self(), m.right.name, MACH_PORT_RIGHT_RECEIVE, -1) ==
                  KERN_SUCCESS);
    mig_put_port(&m.right, port, below(2) == 0 ? MACH_MSG_TYPE_MOVE_SEND : MACH_MSG_TYPE_MOVE_RECEIVE);
    if (mach_msg(&m.head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, LETTER_SIZE, 0, MACH_PORT_NULL, 0,
                 MACH_PORT_NULL) != MACH_MSG_SUCCESS)
        port = m.right.name; /* its name may be another one now */
    (void)mach_port_destroy(mach_task_self(), port);
}

static void prank(uint32_t task)
{
    const mach_port_name_t victim = THREAD_NAME(below(ROLES - 1));

    switch (below(6)) {
    case 0:
        (void)thread_abort(victim);
        break;
    case 1:
        (void)thread_abort_safely(victim);
        break;
    case 2:
        if (thread_suspend(victim) == KERN_SUCCESS)
            (void)thread_resume(victim);
        break;
    case 3:
        (void)letter_receive(SET_NAME, task, 0);
        break;
    case 4:
        user_sleep(below(2));
        break;
    default:
        prank_rights();
        break;
    }
}

static void trouble(uint64_t task)
{
    for (uint32_t i = 0; i < PRANKS; i++)
        prank((uint32_t)task);
    finish();
}

/* --- the first task --- */

static void insert(mach_port_t task, mach_port_name_t name, mach_port_t port, mach_msg_type_name_t how)
{
    SIM_CHECK(mach_port_insert_right(task, name, port, how) == KERN_SUCCESS);
}

static void furnish(const mach_port_t *task)
{
    mach_port_t port[2];

    for (uint32_t i = 0; i < TASKS; i++) {
        for (uint32_t k = 0; k < 2; k++)
            SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port[k]) ==
                      KERN_SUCCESS);
        for (uint32_t other = 0; other < TASKS; other++) {
            insert(task[other], TASK_NAME(i), task[i], MACH_MSG_TYPE_COPY_SEND);
            insert(task[other], PORT_NAME(i), port[0], MACH_MSG_TYPE_MAKE_SEND);
            insert(task[other], SERVER_NAME(i), port[1], MACH_MSG_TYPE_MAKE_SEND);
        }
        insert(task[i], PORT_NAME(i), port[0], MACH_MSG_TYPE_MOVE_RECEIVE);
        insert(task[i], SERVER_NAME(i), port[1], MACH_MSG_TYPE_MOVE_RECEIVE);
        SIM_CHECK(mach_port_allocate_name(task[i], MACH_PORT_RIGHT_PORT_SET, SET_NAME) == KERN_SUCCESS);
        SIM_CHECK(mach_port_insert_member(task[i], PORT_NAME(i), SET_NAME) == KERN_SUCCESS);
    }
}

static void start(mach_port_t task, uint32_t i)
{
    static const sim_program_t program[ROLES] = {receiver, sender, server, client, trouble};
    mach_port_t thread;

    for (unsigned role = 0; role < ROLES; role++) {
        SIM_CHECK(user_thread_start(task, program[role], i, &thread) == KERN_SUCCESS);
        /* the troublemaker starts last: it finds the others' names */
        insert(task, THREAD_NAME(role), thread, MACH_MSG_TYPE_MOVE_SEND);
    }
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);
    mach_port_t task[TASKS];

    property_counts_begin();
    for (uint32_t i = 0; i < TASKS; i++)
        SIM_CHECK(task_create(mach_task_self(), FALSE, &task[i]) == KERN_SUCCESS);
    furnish(task);
    for (uint32_t i = 0; i < TASKS; i++)
        start(task[i], i);
    while (__atomic_load_n(&r.finished, __ATOMIC_ACQUIRE) < 3 * TASKS || !all_received())
        user_sleep(1);
    for (uint32_t i = 0; i < TASKS; i++) {
        SIM_CHECK(task_terminate(task[i]) == KERN_SUCCESS);
        SIM_CHECK(mach_port_deallocate(mach_task_self(), task[i]) == KERN_SUCCESS);
    }
    property_counts_end();
    user_power_off(host_priv);
}

/* --- the verdict --- */

static bool port_in_order(uint32_t port)
{
    uint32_t next[TASKS] = {0};

    for (uint32_t seqno = 0; seqno < NOTES && r.note[port][seqno].taken; seqno++) {
        const struct note *n = &r.note[port][seqno];
        if (n->sender != PRANKSTER && n->number != next[n->sender]++) {
            fprintf(stderr, "port %u, message %u: number %u of sender %u, must be %u\n", port, seqno,
                    n->number, n->sender, next[n->sender] - 1);
            return false;
        }
    }
    for (uint32_t s = 0; s < TASKS; s++) {
        if (next[s] != r.sent[s][port]) {
            fprintf(stderr, "port %u: %u messages of sender %u, must be %u\n", port, next[s], s,
                    r.sent[s][port]);
            return false;
        }
    }
    return true;
}

static bool check(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    if (result->end != SIM_POWEROFF)
        return false;
    for (uint32_t port = 0; port < TASKS; port++) {
        if (!port_in_order(port))
            return false;
    }
    return true;
}

static void configure(struct sim_config *config)
{
    memset(&r, 0, sizeof(r));
    property_counts_watch(config, QUIET_EVERY);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "race", .program = first_program, .configure = configure, .check = check}};

    return driver_main(argc, argv, table, 1);
}
