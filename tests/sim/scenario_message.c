/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: queues, limits, timeouts and options of mach_msg(); port sets. */
#include "scenario_run.h"

#include <string.h>

#define COPY SCENARIO_COPY
#define MAKE SCENARIO_MAKE
#define ONCE SCENARIO_ONCE
#define NONE SCENARIO_NONE

static mach_port_t self(void)
{
    return mach_task_self();
}

static void limit(mach_port_t port, mach_port_msgcount_t messages)
{
    mach_port_limits_t limits = {.mpl_qlimit = messages};

    CALL(mach_port_set_attributes(self(), port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                  MACH_PORT_LIMITS_INFO_COUNT));
}

/* --- threads that send and receive --- */

static struct {
    mach_port_t port;
    mach_msg_return_t result;
} job;

static void send_three(uint64_t port)
{
    for (mach_msg_id_t id = 800; id < 803; id++)
        scenario_post(COPY((mach_port_t)port), NONE, id, NULL, 0);
}

static void send_interruptible(uint64_t arg)
{
    const struct scenario_right itself = COPY(job.port);

    (void)arg;
    do
        job.result = scenario_send(COPY(job.port), NONE, 803, &itself, 1, MACH_SEND_INTERRUPT, 0);
    while (scenario_fails() && job.result == MACH_SEND_NO_BUFFER);
}

static void receive_one(uint64_t option)
{
    struct scenario_message m;

    job.result = scenario_receive(job.port, &m, (mach_msg_option_t)option, 5);
}

/* Senders wait for room and are served in order; a limit that rises lets them in. */
static void message_queue(void)
{
    struct scenario_thread sender;
    struct scenario_message m;

    job.port = scenario_port_send();
    limit(job.port, 1);
    scenario_thread_start(&sender, self(), send_three, job.port);
    scenario_thread_until(&sender, TH_STATE_WAITING);
    scenario_take(job.port, &m, 800);
    limit(job.port, 2);
    scenario_take(job.port, &m, 801);
    scenario_take(job.port, &m, 802);
    scenario_thread_join(&sender);
    scenario_silent(job.port);
    scenario_port_end(job.port);
}

/* A limit of nothing: a message passes only from hand to hand. */
static void message_rendezvous(void)
{
    struct scenario_thread sender;
    struct scenario_message m;

    job.port = scenario_port_send();
    limit(job.port, 0);
    CALL_IS(MACH_SEND_TIMED_OUT, scenario_send(COPY(job.port), NONE, 804, NULL, 0, MACH_SEND_TIMEOUT, 0));
    scenario_thread_start(&sender, self(), send_three, job.port);
    scenario_thread_until(&sender, TH_STATE_WAITING);
    for (mach_msg_id_t id = 800; id < 803; id++)
        scenario_take(job.port, &m, id);
    scenario_thread_join(&sender);
    scenario_port_end(job.port);
}

/* A sender is interrupted, one loses its port, one is killed. */
static void message_send_ends(void)
{
    struct scenario_thread t;
    mach_port_urefs_t refs = 0;

    job.port = scenario_port_send();
    limit(job.port, 0);
    scenario_thread_start(&t, self(), send_interruptible, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    CALL(thread_abort(t.thread));
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_SEND_INTERRUPTED);
    CALL(mach_port_get_refs(self(), job.port, MACH_PORT_RIGHT_SEND, &refs));
    SIM_CHECK(refs == 3); /* that of the header and that of the body came back */
    scenario_thread_start(&t, self(), send_interruptible, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_thread_kill(&t);
    scenario_thread_start(&t, self(), send_interruptible, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_port_end(job.port);
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_MSG_SUCCESS);
}

/* A receiver's wait ends by time, by an interruption, with its port, with itself. */
static void message_receive_ends(void)
{
    struct scenario_thread t;

    job.port = scenario_port();
    scenario_thread_start(&t, self(), receive_one, MACH_RCV_TIMEOUT);
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_RCV_TIMED_OUT);
    scenario_thread_start(&t, self(), receive_one, MACH_RCV_INTERRUPT);
    scenario_thread_until(&t, TH_STATE_WAITING);
    CALL(thread_abort_safely(t.thread));
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_RCV_INTERRUPTED);
    scenario_thread_start(&t, self(), receive_one, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_thread_kill(&t);
    scenario_thread_start(&t, self(), receive_one, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_port_end(job.port);
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_RCV_PORT_DIED);
}

/* What does not fit, with and without MACH_RCV_LARGE; trailers of every size. */
static void message_sizes(void)
{
    mach_port_t port = scenario_port_send();
    struct {
        mach_msg_header_t head;
        uint64_t data[32];
        mach_msg_max_trailer_t trailer;
    } m = {.head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_id = 805}};
    const mach_msg_size_t size = sizeof(m) - sizeof(m.trailer);
    static const mach_msg_size_t bytes[] = {24, 32, 88, 92, 256, 280};

    for (int elements = MACH_RCV_TRAILER_NULL; elements <= MACH_RCV_TRAILER_CTX; elements++) {
        const mach_msg_option_t option = MACH_RCV_TRAILER_ELEMENTS(elements);
        m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
        m.head.msgh_remote_port = port;
        m.head.msgh_local_port = MACH_PORT_NULL;
        CALL(mach_msg(&m.head, MACH_SEND_MSG, bytes[elements], 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
        CALL_IS(MACH_RCV_TOO_LARGE, mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_LARGE | option, 0,
                                             bytes[elements] + 7, port, 0, MACH_PORT_NULL));
        SIM_CHECK(m.head.msgh_size == bytes[elements]);
        CALL(
            mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_LARGE | option, 0, sizeof(m), port, 0, MACH_PORT_NULL));
        SIM_CHECK(m.head.msgh_size == bytes[elements] && m.head.msgh_id == 805);
    }
    m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    m.head.msgh_remote_port = m.head.msgh_local_port = port;
    CALL(mach_msg(&m.head, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    CALL_IS(MACH_RCV_TOO_LARGE, mach_msg(&m.head, MACH_RCV_MSG, 0, 40, port, 0, MACH_PORT_NULL)); /* lost */
    scenario_notified(port, MACH_NOTIFY_SEND_ONCE, NULL);
    m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
    m.head.msgh_local_port = MACH_PORT_NULL;
    CALL_IS(MACH_SEND_MSG_TOO_SMALL, mach_msg(&m.head, MACH_SEND_MSG, 20, 0, port, 0, MACH_PORT_NULL));
    CALL_IS(MACH_SEND_INVALID_OPTIONS,
            mach_msg(&m.head, MACH_SEND_MSG | MACH_SEND_TRAILER, 24, 0, port, 0, MACH_PORT_NULL));
    scenario_port_end(port);
}

/* Messages of many bytes and many rights take other memory. */
static void message_large(void)
{
    enum { BYTES = 12000, RIGHTS = 40 };
    mach_port_t port = scenario_port_send();
    union {
        mach_msg_header_t head;
        struct {
            mach_msg_base_t base;
            mach_msg_port_descriptor_t right[RIGHTS];
        } rights;
        char bytes[BYTES + sizeof(mach_msg_max_trailer_t)];
    } m;

    memset(&m, 0, sizeof(m));
    m.head = (mach_msg_header_t){.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
                                 .msgh_remote_port = port};
    CALL(mach_msg(&m.head, MACH_SEND_MSG, BYTES, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    CALL(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL));
    SIM_CHECK(m.head.msgh_size == BYTES);
    m.head =
        (mach_msg_header_t){.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                            .msgh_remote_port = port};
    m.rights.base.body.msgh_descriptor_count = RIGHTS;
    for (unsigned i = 0; i < RIGHTS; i++)
        m.rights.right[i] = (mach_msg_port_descriptor_t){
            .name = port, .disposition = MACH_MSG_TYPE_MAKE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    CALL(mach_msg(&m.head, MACH_SEND_MSG, sizeof(m.rights), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL));
    CALL(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), port, 0, MACH_PORT_NULL));
    SIM_CHECK(m.rights.right[RIGHTS - 1].name == port);
    scenario_port_end(port);
}

/* --- port sets --- */

static void set_members(void)
{
    mach_port_t a = scenario_port_send(), b = scenario_port_send(), set[2] = {0, 0};
    mach_port_name_t names[512];
    uint32_t count = 0;
    struct scenario_message m;

    CALL(mach_port_allocate(self(), MACH_PORT_RIGHT_PORT_SET, &set[0]));
    CALL(mach_port_allocate(self(), MACH_PORT_RIGHT_PORT_SET, &set[1]));
    CALL(mach_port_insert_member(self(), a, set[0]));
    CALL_IS(KERN_ALREADY_IN_SET, mach_port_insert_member(self(), a, set[0]));
    CALL(mach_port_insert_member(self(), a, set[1]));
    scenario_post(COPY(b), NONE, 806, NULL, 0);
    CALL(mach_port_insert_member(self(), b, set[1]));
    CALL(user_set_members(self(), set[1], names, 512, &count));
    SIM_CHECK(count == 2);
    scenario_post(COPY(a), NONE, 807, NULL, 0);
    scenario_take(set[0], &m, 807);
    scenario_take(set[1], &m, 806);
    scenario_silent(set[1]);
    CALL(mach_port_extract_member(self(), a, set[0]));
    CALL_IS(KERN_NOT_IN_SET, mach_port_extract_member(self(), a, set[0]));
    CALL(mach_port_move_member(self(), a, set[0]));
    CALL(mach_port_move_member(self(), b, MACH_PORT_NULL));
    CALL(mach_port_destroy(self(), set[0]));
    CALL(mach_port_insert_member(self(), a, set[1]));
    scenario_port_end(a); /* a member goes before the set */
    CALL(mach_port_destroy(self(), set[1]));
    scenario_port_end(b);
}

/* Threads wait on a set: for a message, while a port with one joins, while the set goes, or a limit rises. */
static void set_waiters(void)
{
    struct scenario_thread t, sender;
    mach_port_t port = scenario_port_send(), set = 0;

    CALL(mach_port_allocate(self(), MACH_PORT_RIGHT_PORT_SET, &set));
    CALL(mach_port_insert_member(self(), port, set));
    job.port = set;
    scenario_thread_start(&t, self(), receive_one, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_post(COPY(port), NONE, 808, NULL, 0);
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_MSG_SUCCESS);
    CALL(mach_port_extract_member(self(), port, set));
    scenario_thread_start(&t, self(), receive_one, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    scenario_post(COPY(port), NONE, 808, NULL, 0);
    CALL(mach_port_insert_member(self(), port, set));
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_MSG_SUCCESS);
    limit(port, 0);
    scenario_thread_start(&sender, self(), send_three, port);
    scenario_thread_until(&sender, TH_STATE_WAITING);
    scenario_thread_start(&t, self(), receive_one, 0);
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_MSG_SUCCESS);
    limit(port, 5);
    scenario_thread_kill(&sender);
    scenario_port_end(port);
    scenario_thread_start(&t, self(), receive_one, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    CALL(mach_port_destroy(self(), set));
    scenario_thread_join(&t);
    SIM_CHECK(job.result == MACH_RCV_PORT_DIED);
}

const struct scenario scenarios_message[] = {
    {"message_queue", message_queue},
    {"message_rendezvous", message_rendezvous},
    {"message_send_ends", message_send_ends},
    {"message_receive_ends", message_receive_ends},
    {"message_sizes", message_sizes},
    {"message_large", message_large},
    {"set_members", set_members},
    {"set_waiters", set_waiters},
    {NULL, NULL},
};
