/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch with rights and through port sets, on several CPUs, while others take away what it uses.
 *
 * Callers in one task send rights to a port and to a port set of another, whose servers send them back. Meanwhile the
 * rights die, lose their references and get other names; a caller that waits on a set loses its reply port; the port
 * leaves its set and comes back, the set goes; requests are stolen; threads are aborted and suspended, waits time
 * out, and at the end of a round both tasks end wherever their threads are. Each call has one answer, its own, with
 * as many rights as it had; no right gets lost or is there twice (the audit, and the memory at the end).
 */
#include "driver.h"
#include "property_counts.h"
#include "short_ways.h"
#include "user.h"

#include <mach/notify.h>
#include <mach/rpc.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 3u
#define CALLS 40u         /* answered in a round, until it ends */
#define PATIENCE_MS 4000u /* for them */
#define RIGHTS_MAX 2u
#define QUIET_EVERY 500u
#define ID_CALL 1000
#define ID_ANSWER 1100

#define NAME(index) ((mach_port_name_t)(index) << 8 | 1)
#define SERVICE(i) NAME(0x40 + (i))      /* SERVICE(1) is in the set */
#define THREAD(role) NAME(0x44 + (role)) /* of the own task */
#define REPLY NAME(0x60)                 /* of CALLER_TOO, who waits on a set of its own */

enum role { CALLER, CALLER_TOO, CALLER_REGISTERS, CALLER_TROUBLE, CALLER_ROLES };
enum server_role { SERVER_PORT, SERVER_SET, SERVER_SET_TOO, SERVER_TROUBLE, SERVER_ROLES };

static struct {
    mach_port_name_t goods; /* what callers send: receive and send right */
    mach_port_name_t set;
    uint32_t answered; /* calls of this round */
    bool ending;
} r;

struct letter {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right[RIGHTS_MAX];
    mach_msg_max_trailer_t trailer;
};

/* A letter's word is behind its rights. */
struct word {
    uint64_t value;
} __attribute__((packed, aligned(4)));

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(sim_random() % limit);
}

/* A name that another thread of the task writes. */
static mach_port_name_t read_name(const mach_port_name_t *name)
{
    return __atomic_load_n(name, __ATOMIC_ACQUIRE);
}

/* While a task ends, its space is gone before its threads are. */
static _Noreturn void unexpected(int result)
{
    if (!__atomic_load_n(&r.ending, __ATOMIC_ACQUIRE))
        sim_fail("unexpected: %#x", result);
    user_thread_exit();
}

/* --- letters --- */

static void must(kern_return_t kr)
{
    if (kr != KERN_SUCCESS)
        unexpected(kr);
}

static uint32_t rights_of(const struct letter *m)
{
    return MACH_MSGH_BITS_IS_COMPLEX(m->head.msgh_bits) ? m->body.msgh_descriptor_count : 0;
}

static struct word *word_of(struct letter *m)
{
    return MACH_MSGH_BITS_IS_COMPLEX(m->head.msgh_bits) ? (void *)&m->right[rights_of(m)] : (void *)&m->body;
}

static mach_msg_size_t size_of(struct letter *m)
{
    return (mach_msg_size_t)((char *)(word_of(m) + 1) - (char *)m);
}

/* --- callers --- */

static struct letter letter(uint32_t service, mach_port_name_t reply, uint32_t rights, uint64_t question)
{
    static const mach_msg_type_name_t how[] = {MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND,
                                               MACH_MSG_TYPE_MOVE_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE};
    struct letter m = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) |
                              (rights > 0 ? MACH_MSGH_BITS_COMPLEX : 0),
                 .msgh_remote_port = SERVICE(service),
                 .msgh_local_port = reply,
                 .msgh_id = ID_CALL},
        .body = {rights}};

    for (uint32_t i = 0; i < rights; i++)
        mig_put_port(&m.right[i], read_name(&r.goods), how[below(4)]);
    word_of(&m)->value = question;
    return m;
}

/* What came instead of an answer: one that is late, or the news that there is none. Returns whether it is the answer. */
static bool is_answer(struct letter *m, uint32_t rights, uint64_t question)
{
    if (m->head.msgh_id == MACH_NOTIFY_SEND_ONCE)
        return true;
    SIM_CHECK(m->head.msgh_id == ID_ANSWER);
    if (word_of(m)->value != question + 1)
        return false;
    SIM_CHECK(rights_of(m) == rights);
    __atomic_add_fetch(&r.answered, 1, __ATOMIC_ACQ_REL);
    return true;
}

/* The right that was to be sent is not there: there may be one next time. */
static void restock(void)
{
    const mach_port_name_t goods = read_name(&r.goods);

    (void)mach_port_insert_right(mach_task_self(), goods, goods, MACH_MSG_TYPE_MAKE_SEND);
}

static void call(mach_port_name_t reply, mach_port_name_t where, uint64_t question)
{
    const uint32_t rights = below(RIGHTS_MAX + 1);
    const mach_msg_option_t timeout = where != reply || below(4) == 0 ? MACH_RCV_TIMEOUT : 0;
    struct letter m = letter(below(2), reply, rights, question);
    mach_msg_return_t mr = mach_msg(&m.head, MACH_SEND_MSG | MACH_RCV_MSG | timeout, size_of(&m), sizeof(m),
                                    where, 1, MACH_PORT_NULL);

    while (mr == MACH_MSG_SUCCESS && !is_answer(&m, rights, question)) {
        mach_msg_destroy(&m.head);
        mr = mach_msg(&m.head, MACH_RCV_MSG | timeout, 0, sizeof(m), where, 1, MACH_PORT_NULL);
    }
    if (mr == MACH_MSG_SUCCESS)
        mach_msg_destroy(&m.head);
    else if (mr == MACH_SEND_INVALID_RIGHT)
        restock();
    else if (mr == MACH_SEND_INVALID_DEST)
        user_thread_exit();
    else if (mr != MACH_RCV_TIMED_OUT && !(mr == MACH_SEND_INVALID_REPLY && where != reply))
        unexpected(mr);
}

static void caller(uint64_t role)
{
    const mach_port_name_t reply = mach_reply_port();

    for (uint64_t i = 0;; i++)
        call(reply, reply, role << 32 | i << 1);
}

/* A call in registers that waits on a set: for ever, if the port is not in it any more, until somebody interrupts it. */
static void ask_through_set(mach_port_name_t set, uint64_t question)
{
    struct sim_rpc m = {.remote = SERVICE(below(2)),
                        .local = REPLY,
                        .more = set,
                        .header = MACH_RPC_HEADER(ID_CALL, 1) | MACH_RPC_APART,
                        .word = {question}};
    const mach_msg_return_t mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_CALL, &m);

    if (mr == MACH_SEND_INVALID_DEST)
        user_thread_exit();
    else if (mr == MACH_MSG_SUCCESS && (uint32_t)m.header == ID_ANSWER && m.word[0] == question + 1)
        __atomic_add_fetch(&r.answered, 1, __ATOMIC_ACQ_REL);
    else if (mr != MACH_MSG_SUCCESS && mr != MACH_SEND_INTERRUPTED && mr != MACH_RCV_INTERRUPTED &&
             mr != MACH_SEND_INVALID_REPLY && mr != MACH_RCV_TOO_LARGE) /* a late answer with rights */
        unexpected(mr);
}

/* Who waits for its answers on a set; others take the port away from it now and then. */
static void caller_through_set(uint64_t role)
{
    mach_port_name_t set;

    must(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &set));
    for (uint64_t i = 0;; i++) {
        if (mach_port_allocate_name(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, REPLY) == KERN_SUCCESS)
            (void)mach_port_insert_member(mach_task_self(), REPLY, set);
        if (below(2) == 0)
            ask_through_set(set, role << 32 | i << 1);
        else
            call(REPLY, set, role << 32 | i << 1);
    }
}

/* The answer to a call in registers that was answered late, or not at all, comes before that to this one. */
static bool is_late(const struct sim_rpc *m, uint64_t question)
{
    return (uint32_t)m->header == ID_ANSWER && m->word[0] < question;
}

/* A call in registers, perhaps with a time; interrupted halves are done again. */
static mach_msg_return_t ask_registers(mach_port_name_t reply, struct sim_rpc *m, uint64_t question)
{
    const uint64_t timed = below(4) == 0 ? MACH_RPC_TIMED : 0;
    const uint32_t service = below(2);
    mach_msg_return_t mr;

    do {
        *m = (struct sim_rpc){.remote = SERVICE(service),
                              .local = reply,
                              .more = 1,
                              .header = MACH_RPC_HEADER(ID_CALL, 1) | timed};
        m->word[0] = question;
        mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_CALL, m);
    } while (mr == MACH_SEND_INTERRUPTED);
    while (mr == MACH_RCV_INTERRUPTED || (mr == MACH_MSG_SUCCESS && is_late(m, question))) {
        *m = (struct sim_rpc){.remote = MACH_PORT_NULL, .local = reply, .more = 1, .header = timed};
        mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, m);
    }
    return mr;
}

/* The same in registers, without rights. */
static void caller_registers(uint64_t role)
{
    const mach_port_name_t reply = mach_reply_port();

    for (uint64_t question = role << 32;; question += 2) {
        struct sim_rpc m;
        const mach_msg_return_t mr = ask_registers(reply, &m, question);

        if (mr == MACH_SEND_INVALID_DEST)
            user_thread_exit();
        if (mr == MACH_RCV_TIMED_OUT)
            continue;
        if (mr != MACH_MSG_SUCCESS)
            unexpected(mr);
        if ((uint32_t)m.header == MACH_NOTIFY_SEND_ONCE)
            continue;
        SIM_CHECK((uint32_t)m.header == ID_ANSWER && m.word[0] == question + 1);
        __atomic_add_fetch(&r.answered, 1, __ATOMIC_ACQ_REL);
    }
}

/* --- servers --- */

/* Make of a request its answer: what came goes back. */
static void answer(struct letter *m)
{
    const mach_msg_bits_t complex = m->head.msgh_bits & MACH_MSGH_BITS_COMPLEX;

    SIM_CHECK(m->head.msgh_id == ID_CALL && rights_of(m) <= RIGHTS_MAX);
    word_of(m)->value++;
    m->head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0) | complex;
    m->head.msgh_local_port = MACH_PORT_NULL;
    m->head.msgh_id = ID_ANSWER;
    for (uint32_t i = 0; i < rights_of(m); i++)
        m->right[i].disposition = m->right[i].disposition == MACH_MSG_TYPE_PORT_SEND_ONCE
                                      ? MACH_MSG_TYPE_MOVE_SEND_ONCE
                                      : MACH_MSG_TYPE_MOVE_SEND;
}

/* Send m, if there is one (its destination), and receive. The message is none afterwards if there is nothing to answer. */
static void serve_memory(struct letter *m, mach_port_name_t where)
{
    const mach_msg_option_t send = m->head.msgh_remote_port != MACH_PORT_NULL ? MACH_SEND_MSG : 0;
    const mach_msg_return_t mr = mach_msg(&m->head, send | MACH_RCV_MSG | MACH_RCV_TIMEOUT,
                                          send != 0 ? size_of(m) : 0, sizeof(*m), where, 5, MACH_PORT_NULL);

    if (mr == MACH_MSG_SUCCESS) {
        answer(m);
        return;
    }
    if (mr == MACH_SEND_INVALID_DEST) /* the caller has ended */
        mach_msg_destroy(&m->head);
    else if (mr != MACH_RCV_TIMED_OUT && mr != MACH_RCV_PORT_DIED && mr != MACH_RCV_INVALID_NAME)
        unexpected(mr);
    m->head.msgh_remote_port = MACH_PORT_NULL;
}

/* The same in registers: for an answer without rights. */
static void serve_registers(struct letter *m, mach_port_name_t where)
{
    struct sim_rpc rpc = {.remote = m->head.msgh_remote_port,
                          .local = where,
                          .more = 5,
                          .header = MACH_RPC_HEADER(ID_ANSWER, 1) | (below(2) == 0 ? MACH_RPC_TIMED : 0)};

    rpc.word[0] = word_of(m)->value;
    const mach_msg_return_t mr = (mach_msg_return_t)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &rpc);
    if (mr == MACH_SEND_INTERRUPTED)
        return;
    if (mr == MACH_MSG_SUCCESS) {
        *m = (struct letter){.head = {.msgh_remote_port = rpc.remote, .msgh_id = (mach_msg_id_t)rpc.header}};
        word_of(m)->value = rpc.word[0];
        answer(m);
        return;
    }
    if (mr == MACH_SEND_INVALID_DEST)
        mach_msg_destroy(&m->head);
    else if (mr != MACH_RCV_INTERRUPTED && mr != MACH_RCV_PORT_DIED && mr != MACH_RCV_INVALID_NAME &&
             mr != MACH_RCV_TIMED_OUT &&
             mr != MACH_RCV_TOO_LARGE) /* a request with rights waits for who receives it in memory */
        unexpected(mr);
    m->head.msgh_remote_port = MACH_PORT_NULL;
}

static void server(uint64_t role)
{
    struct letter m = {.head = {.msgh_bits = 0}};

    for (;;) {
        const mach_port_name_t where = role == SERVER_PORT ? SERVICE(0) : read_name(&r.set);
        if (rights_of(&m) == 0 && below(2) == 0)
            serve_registers(&m, where);
        else
            serve_memory(&m, where);
        if (m.head.msgh_remote_port == MACH_PORT_NULL)
            m.head.msgh_bits = 0;
    }
}

/* --- trouble --- */

static void disturb(mach_port_name_t thread)
{
    const uint32_t which = below(3);

    if (which == 0)
        (void)thread_abort(thread);
    else if (which == 1)
        (void)thread_abort_safely(thread);
    else if (thread_suspend(thread) == KERN_SUCCESS)
        (void)thread_resume(thread);
}

static void goods_make(void)
{
    mach_port_name_t name;

    must(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &name));
    must(mach_port_insert_right(mach_task_self(), name, name, MACH_MSG_TYPE_MAKE_SEND));
    __atomic_store_n(&r.goods, name, __ATOMIC_RELEASE);
}

static void caller_trouble(uint64_t spare)
{
    goods_make();
    for (;;) {
        const mach_port_name_t goods = r.goods;
        switch (below(6)) {
        case 4:
            (void)mach_port_destroy(mach_task_self(), REPLY);
            break;
        case 0:
            (void)mach_port_destroy(mach_task_self(), goods);
            goods_make();
            break;
        case 1:
            (void)mach_port_mod_refs(mach_task_self(), goods, MACH_PORT_RIGHT_SEND, -1);
            break;
        case 2:
            if (mach_port_rename(mach_task_self(), goods, (mach_port_name_t)spare) == KERN_SUCCESS)
                (void)mach_port_rename(mach_task_self(), (mach_port_name_t)spare, goods);
            break;
        case 3:
            disturb(THREAD(below(CALLER_TROUBLE)));
            break;
        default:
            user_sleep(1);
            break;
        }
    }
}

static void set_make(void)
{
    mach_port_name_t name;

    must(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &name));
    must(mach_port_insert_member(mach_task_self(), SERVICE(1), name));
    __atomic_store_n(&r.set, name, __ATOMIC_RELEASE);
}

/* Take a request away from the servers: its caller is told that there will be no answer. */
static void steal(void)
{
    struct letter m;

    if (mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(m), r.set, 0, MACH_PORT_NULL) ==
        MACH_MSG_SUCCESS)
        mach_msg_destroy(&m.head);
}

static void server_trouble(uint64_t unused)
{
    (void)unused;
    set_make();
    for (;;) {
        switch (below(6)) {
        case 0:
            must(mach_port_extract_member(mach_task_self(), SERVICE(1), r.set));
            must(mach_port_insert_member(mach_task_self(), SERVICE(1), r.set));
            break;
        case 1:
            must(mach_port_destroy(mach_task_self(), r.set));
            set_make();
            break;
        case 2:
            steal();
            break;
        case 3:
            disturb(THREAD(below(SERVER_TROUBLE)));
            break;
        default:
            user_sleep(1);
            break;
        }
    }
}

/* --- the first task --- */

static void start(mach_port_t task, const sim_program_t *program, uint32_t count)
{
    mach_port_t thread;

    for (uint32_t role = count; role-- > 0;) { /* the trouble first: it makes what the others use */
        const uint64_t arg = program[role] == caller_trouble ? NAME(0x60) : role;
        SIM_CHECK(user_thread_start(task, program[role], arg, &thread) == KERN_SUCCESS);
        SIM_CHECK(mach_port_insert_right(task, THREAD(role), thread, MACH_MSG_TYPE_MOVE_SEND) ==
                  KERN_SUCCESS);
        if (role == count - 1)
            user_sleep(1);
    }
}

static void end(mach_port_t task)
{
    SIM_CHECK(task_terminate(task) == KERN_SUCCESS);
    SIM_CHECK(mach_port_deallocate(mach_task_self(), task) == KERN_SUCCESS);
}

static void round_run(void)
{
    static const sim_program_t callers[CALLER_ROLES] = {caller, caller_through_set, caller_registers,
                                                        caller_trouble};
    static const sim_program_t servers[SERVER_ROLES] = {server, server, server, server_trouble};
    mach_port_t caller_task, server_task, port;

    r.answered = 0;
    r.ending = false;
    SIM_CHECK(task_create(mach_task_self(), FALSE, &caller_task) == KERN_SUCCESS);
    SIM_CHECK(task_create(mach_task_self(), FALSE, &server_task) == KERN_SUCCESS);
    for (uint32_t i = 0; i < 2; i++) {
        SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port) == KERN_SUCCESS);
        SIM_CHECK(mach_port_insert_right(caller_task, SERVICE(i), port, MACH_MSG_TYPE_MAKE_SEND) ==
                  KERN_SUCCESS);
        SIM_CHECK(mach_port_insert_right(server_task, SERVICE(i), port, MACH_MSG_TYPE_MOVE_RECEIVE) ==
                  KERN_SUCCESS);
    }
    start(server_task, servers, SERVER_ROLES);
    start(caller_task, callers, CALLER_ROLES);
    for (uint32_t ms = 0; __atomic_load_n(&r.answered, __ATOMIC_ACQUIRE) < CALLS; ms++) {
        SIM_CHECK(ms < PATIENCE_MS);
        user_sleep(1);
    }
    __atomic_store_n(&r.ending, true, __ATOMIC_RELEASE);
    const bool server_first = below(2) == 0;
    end(server_first ? server_task : caller_task);
    end(server_first ? caller_task : server_task);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);

    property_counts_begin();
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_run();
    property_counts_end();
    user_power_off(host_priv);
}

static void configure(struct sim_config *config)
{
    memset(&r, 0, sizeof(r));
    property_counts_watch(config, QUIET_EVERY);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "direct", .program = first_program, .configure = configure}};
    const int status = driver_main(argc, argv, table, 1);

    printf("# %lu messages with rights and %lu RPCs through sets went directly\n",
           (unsigned long)short_ways.rights, (unsigned long)short_ways.sets);
    return status != 0 || short_ways.rights == 0 || short_ways.sets == 0;
}
