/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: rights in messages, by every disposition; notifications of what becomes of them. */
#include "scenario_run.h"

#define COPY SCENARIO_COPY
#define MAKE SCENARIO_MAKE
#define ONCE SCENARIO_ONCE
#define NONE SCENARIO_NONE

static mach_port_t self(void)
{
    return mach_task_self();
}

/* Every disposition in one message, and back. */
static void right_dispositions(void)
{
    mach_port_t mail = scenario_port(), a = scenario_port_send(), b = scenario_port_send();
    struct scenario_message m;
    mach_msg_type_name_t type;
    mach_port_t once = 0;

    CALL(mach_port_extract_right(self(), a, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &type));
    const struct scenario_right rights[] = {
        COPY(a),
        MAKE(a),
        ONCE(a),
        {a, MACH_MSG_TYPE_MOVE_SEND},
        {once, MACH_MSG_TYPE_MOVE_SEND_ONCE},
        {b, MACH_MSG_TYPE_MOVE_RECEIVE},
        {MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND},
        {MACH_PORT_DEAD, MACH_MSG_TYPE_COPY_SEND},
        COPY(b),
        MAKE(a),
    };
    const uint32_t count = sizeof(rights) / sizeof(rights[0]);
    scenario_post(MAKE(mail), ONCE(mail), 700, rights, count);
    scenario_take(mail, &m, 700);
    SIM_CHECK(m.base.body.msgh_descriptor_count == count && m.right[0].name == a && m.right[1].name == a);
    SIM_CHECK(m.right[5].disposition == MACH_MSG_TYPE_PORT_RECEIVE && m.right[5].name == b);
    SIM_CHECK(m.right[6].name == MACH_PORT_NULL && m.right[7].name == MACH_PORT_DEAD);
    scenario_release(m.right[2].name);
    scenario_release(m.right[4].name);
    scenario_release(m.base.header.msgh_remote_port);
    scenario_notified(mail, MACH_NOTIFY_SEND_ONCE, NULL);
    scenario_port_end(mail);
    scenario_port_end(b);
    scenario_port_end(a);
}

/* A message that can't be sent changes nothing: more references than there are, a stale name, a full queue. */
static void right_refused(void)
{
    mach_port_t mail = scenario_port(), a = scenario_port_send(), dead = 0;
    const struct scenario_right twice[] = {{a, MACH_MSG_TYPE_MOVE_SEND}, {a, MACH_MSG_TYPE_MOVE_SEND}};
    const struct scenario_right moved[] = {COPY(a), {a, MACH_MSG_TYPE_MOVE_RECEIVE}, {mail + 1, 20}};
    mach_port_urefs_t refs = 0;

    CALL_IS(MACH_SEND_INVALID_RIGHT, scenario_send(MAKE(mail), NONE, 701, twice, 2, 0, 0));
    CALL_IS(MACH_SEND_INVALID_RIGHT, scenario_send(MAKE(mail), NONE, 701, moved, 3, 0, 0));
    CALL(mach_port_get_refs(self(), a, MACH_PORT_RIGHT_SEND, &refs));
    SIM_CHECK(refs == 1);
    CALL(mach_port_allocate(self(), MACH_PORT_RIGHT_DEAD_NAME, &dead));
    CALL_IS(MACH_SEND_INVALID_DEST, scenario_send(COPY(dead), NONE, 701, NULL, 0, 0, 0));
    CALL_IS(MACH_SEND_INVALID_REPLY, scenario_send(MAKE(mail), ONCE(dead), 701, NULL, 0, 0, 0));
    for (unsigned i = 0; i < MACH_PORT_QLIMIT_DEFAULT; i++)
        scenario_post(MAKE(mail), NONE, 702, NULL, 0);
    struct scenario_message m;
    CALL_IS(MACH_SEND_TIMED_OUT, scenario_try(&m, MAKE(mail), ONCE(a), 703, moved, 2, MACH_SEND_TIMEOUT, 0));
    /* the rights came back; the one that was made for the message has a name of its own */
    SIM_CHECK(m.base.header.msgh_remote_port == mail && m.right[1].name == a);
    scenario_release(m.base.header.msgh_local_port);
    scenario_notified(a, MACH_NOTIFY_SEND_ONCE, NULL);
    CALL_IS(MACH_SEND_TIMED_OUT, scenario_send(MAKE(mail), NONE, 703, NULL, 0, MACH_SEND_TIMEOUT, 3));
    CALL(mach_port_get_refs(self(), mail, MACH_PORT_RIGHT_SEND, &refs));
    SIM_CHECK(refs == 2);
    scenario_release(dead);
    scenario_port_end(mail);
    scenario_port_end(a);
}

/* Receive rights in queues: chains, a ring that is destroyed at once, and a port in its own queue. */
static void right_transit(void)
{
    mach_port_t port[4];

    for (unsigned i = 0; i < 4; i++)
        port[i] = scenario_port_send();
    for (unsigned i = 0; i < 3; i++) {
        const struct scenario_right receive = {port[i], MACH_MSG_TYPE_MOVE_RECEIVE};
        scenario_post(COPY(port[i + 1]), NONE, 704, &receive, 1);
    }
    const struct scenario_right last = {port[3], MACH_MSG_TYPE_MOVE_RECEIVE};
    scenario_post(COPY(port[0]), NONE, 704, &last, 1); /* nobody could ever receive any of them */
    for (unsigned i = 0; i < 4; i++)
        scenario_release(port[i]);
    mach_port_t own = scenario_port_send();
    const struct scenario_right itself = {own, MACH_MSG_TYPE_MOVE_RECEIVE};
    scenario_post(COPY(own), NONE, 704, &itself, 1);
    scenario_release(own);
}

/* --- arrays of ports out of line --- */

#define ARRAY_MAX 12u

struct array_message {
    mach_msg_base_t base;
    mach_msg_ool_ports_descriptor_t array;
    mach_msg_max_trailer_t trailer;
};

/* Send an array of ports from a page of its own, which goes with the message. */
static void post_array(struct scenario_right to, const mach_port_t *names, uint32_t count,
                       mach_msg_type_name_t disposition)
{
    mach_vm_address_t page = 0;
    struct array_message m = {
        .base = {.header = {.msgh_bits = MACH_MSGH_BITS(to.disposition, 0) | MACH_MSGH_BITS_COMPLEX,
                            .msgh_size = offsetof(struct array_message, trailer),
                            .msgh_remote_port = to.name,
                            .msgh_id = 710},
                 .body = {.msgh_descriptor_count = 1}},
        .array = {.count = count,
                  .deallocate = TRUE,
                  .disposition = disposition & 0xff,
                  .type = MACH_MSG_OOL_PORTS_DESCRIPTOR}};

    CALL(mach_vm_allocate(self(), &page, 4096, VM_FLAGS_ANYWHERE));
    sim_store(page, names, count * sizeof(*names));
    m.array.address = (void *)(uintptr_t)page;
    mach_msg_return_t mr;
    do /* what can't be read for want of memory can be tried again */
        mr = mach_msg(&m.base.header, MACH_SEND_MSG, m.base.header.msgh_size, 0, MACH_PORT_NULL, 0,
                      MACH_PORT_NULL);
    while (scenario_fails() &&
           (mr == MACH_SEND_NO_BUFFER || mr == MACH_SEND_INVALID_MEMORY || mr == MACH_SEND_INVALID_DATA));
    SIM_CHECK(mr == MACH_MSG_SUCCESS);
}

/* Receive an array and give back its memory. Returns: how many names came; 0: it got lost, which only a failure excuses. */
static uint32_t take_array(mach_port_t from, mach_port_t *names)
{
    struct array_message m;
    mach_msg_return_t mr =
        mach_msg(&m.base.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(m), from, 1000, MACH_PORT_NULL);

    SIM_CHECK(mr == MACH_MSG_SUCCESS || scenario_fails());
    if (mr != MACH_MSG_SUCCESS && (mr & ~MACH_MSG_MASK) != MACH_RCV_BODY_ERROR)
        return 0;
    SIM_CHECK(m.array.count <= ARRAY_MAX && (m.array.count > 0) == (m.array.address != NULL));
    if (m.array.count > 0) {
        sim_load(names, (uintptr_t)m.array.address, m.array.count * sizeof(*names));
        CALL(mach_vm_deallocate(self(), (uintptr_t)m.array.address, m.array.count * sizeof(*names)));
    }
    return m.array.count;
}

static void release_all(const mach_port_t *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] != MACH_PORT_NULL && names[i] != MACH_PORT_DEAD)
            scenario_release(names[i]);
    }
}

static void right_arrays(void)
{
    mach_port_t mail = scenario_port(), a = scenario_port_send(), names[ARRAY_MAX], came[ARRAY_MAX];
    mach_port_urefs_t refs = 0;

    for (uint32_t i = 0; i < ARRAY_MAX; i++)
        names[i] = i == 5 ? MACH_PORT_NULL : a;
    post_array(MAKE(mail), names, ARRAY_MAX, MACH_MSG_TYPE_COPY_SEND);
    release_all(came, take_array(mail, came));
    post_array(MAKE(mail), names, 3, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    release_all(came, take_array(mail, came));
    post_array(MAKE(mail), names, ARRAY_MAX, MACH_MSG_TYPE_MAKE_SEND); /* nobody takes this one */
    scenario_port_end(mail);
    CALL(mach_port_get_refs(self(), a, MACH_PORT_RIGHT_SEND, &refs));
    SIM_CHECK(refs == 1);
    scenario_port_end(a);
}

/* Receive rights in arrays: through a message, and in a ring that dies at once. */
static void right_array_transit(void)
{
    mach_port_t mail = scenario_port(), moved[2] = {scenario_port(), scenario_port_send()}, came[ARRAY_MAX];
    mach_port_t ring[2] = {scenario_port_send(), scenario_port_send()};

    post_array(MAKE(mail), moved, 2, MACH_MSG_TYPE_MOVE_RECEIVE);
    release_all(&moved[1], 1);
    if (take_array(mail, came) == 2) {
        for (uint32_t i = 0; i < 2; i++) {
            if (came[i] != MACH_PORT_NULL)
                scenario_port_end(came[i]);
        }
    }
    post_array(COPY(ring[1]), ring, 1, MACH_MSG_TYPE_MOVE_RECEIVE);
    post_array(COPY(ring[1]), &ring[1], 1, MACH_MSG_TYPE_MOVE_RECEIVE);
    release_all(ring, 2);
    scenario_port_end(mail);
}

static void request(mach_port_t port, mach_msg_id_t id, mach_port_mscount_t sync, mach_port_t notify)
{
    mach_port_t previous = MACH_PORT_NULL;

    CALL(mach_port_request_notification(self(), port, id, sync, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                        &previous));
    if (previous != MACH_PORT_NULL)
        scenario_release(previous);
}

static void notify_no_senders(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port();
    uint32_t count = 0;

    CALL(mach_port_insert_right(self(), port, port, MACH_MSG_TYPE_MAKE_SEND));
    CALL(mach_port_set_mscount(self(), port, 1));
    request(port, MACH_NOTIFY_NO_SENDERS, 1, mail);
    scenario_post(COPY(port), COPY(port), 705, NULL, 0);
    scenario_release(port);
    scenario_silent(mail);
    struct scenario_message m;
    scenario_take(port, &m, 705); /* brings the reply right into the space; the other one is used up */
    scenario_release(m.base.header.msgh_remote_port);
    scenario_notified(mail, MACH_NOTIFY_NO_SENDERS, &count);
    SIM_CHECK(count == 1);
    request(port, MACH_NOTIFY_NO_SENDERS, 0, mail); /* due at once */
    scenario_notified(mail, MACH_NOTIFY_NO_SENDERS, &count);
    request(port, MACH_NOTIFY_NO_SENDERS, 9, mail);
    request(port, MACH_NOTIFY_NO_SENDERS, 9, mail); /* the first one's right comes back */
    scenario_notified(mail, MACH_NOTIFY_SEND_ONCE, NULL);
    scenario_port_end(port);
    scenario_notified(mail, MACH_NOTIFY_SEND_ONCE, NULL);
    scenario_port_end(mail);
}

/* The last send right is used up by a message that a receiver in registers takes. */
static void notify_no_senders_registers(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port_send();
    struct sim_rpc m = {.local = port};
    uint32_t count = 0;

    request(port, MACH_NOTIFY_NO_SENDERS, 1, mail);
    scenario_post((struct scenario_right){port, MACH_MSG_TYPE_MOVE_SEND}, NONE, 713, NULL, 0);
    scenario_silent(mail);
    CALL((kern_return_t)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m));
    SIM_CHECK((uint32_t)m.header == 713);
    scenario_notified(mail, MACH_NOTIFY_NO_SENDERS, &count);
    SIM_CHECK(count == 1);
    scenario_port_end(port);
    scenario_port_end(mail);
}

static void notify_dead_name(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port_send(), renamed;
    mach_port_urefs_t refs = 0;
    uint32_t name = 0;

    request(port, MACH_NOTIFY_DEAD_NAME, 0, mail);
    request(port, MACH_NOTIFY_DEAD_NAME, 0, mail);
    scenario_notified(mail, MACH_NOTIFY_SEND_ONCE, NULL);
    renamed = scenario_named(scenario_rename, port);
    CALL(mach_port_mod_refs(self(), renamed, MACH_PORT_RIGHT_RECEIVE, -1));
    scenario_notified(mail, MACH_NOTIFY_DEAD_NAME, &name);
    SIM_CHECK(name == renamed);
    CALL(mach_port_get_refs(self(), renamed, MACH_PORT_RIGHT_DEAD_NAME, &refs));
    SIM_CHECK(refs == 2);                             /* the notification has one */
    request(renamed, MACH_NOTIFY_DEAD_NAME, 1, mail); /* dead already: told at once */
    scenario_notified(mail, MACH_NOTIFY_DEAD_NAME, &name);
    CALL(mach_port_mod_refs(self(), renamed, MACH_PORT_RIGHT_DEAD_NAME, -3));
    port = scenario_port_send();
    request(port, MACH_NOTIFY_DEAD_NAME, 0, mail);
    CALL(mach_port_destroy(self(), port)); /* the name goes before the port */
    scenario_notified(mail, MACH_NOTIFY_PORT_DELETED, &name);
    scenario_port_end(mail);
}

/* The name of a send-once right goes when the right is used. */
static void notify_port_deleted(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port(), once = 0;
    struct scenario_message m;
    mach_msg_type_name_t type;
    uint32_t name = 0;

    CALL(mach_port_extract_right(self(), port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &type));
    request(once, MACH_NOTIFY_DEAD_NAME, 0, mail);
    scenario_post((struct scenario_right){once, MACH_MSG_TYPE_MOVE_SEND_ONCE}, NONE, 712, NULL, 0);
    scenario_notified(mail, MACH_NOTIFY_PORT_DELETED, &name);
    SIM_CHECK(name == once);
    scenario_take(port, &m, 712);
    scenario_port_end(port);
    scenario_port_end(mail);
}

/* Who waits for room is told of it, or of the port's end; by request, and after a send that found none. */
static void notify_send_possible(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port_send();
    struct scenario_message m;

    for (unsigned i = 0; i < MACH_PORT_QLIMIT_DEFAULT; i++)
        scenario_post(COPY(port), NONE, 711, NULL, 0);
    request(port, MACH_NOTIFY_SEND_POSSIBLE, 1, mail);
    scenario_silent(mail);
    scenario_take(port, &m, 711);
    scenario_notified(mail, MACH_NOTIFY_SEND_POSSIBLE, NULL);
    scenario_post(COPY(port), NONE, 711, NULL, 0);
    request(port, MACH_NOTIFY_SEND_POSSIBLE, 0, mail);
    CALL_IS(MACH_SEND_TIMED_OUT,
            scenario_send(COPY(port), NONE, 712, NULL, 0, MACH_SEND_TIMEOUT | MACH_SEND_NOTIFY, 0));
    mach_port_t renamed = scenario_named(scenario_rename, port);
    scenario_take(renamed, &m, 711);
    scenario_notified(mail, MACH_NOTIFY_SEND_POSSIBLE, NULL);
    scenario_post(COPY(renamed), NONE, 711, NULL, 0);
    request(renamed, MACH_NOTIFY_SEND_POSSIBLE, 1, mail);
    CALL(mach_port_mod_refs(self(), renamed, MACH_PORT_RIGHT_RECEIVE, -1));
    scenario_notified(mail, MACH_NOTIFY_DEAD_NAME, NULL);
    CALL(mach_port_destroy(self(), renamed));
    scenario_port_end(mail);
}

/* The receive right of a port comes back from its end, as often as that is asked for. */
static void notify_port_destroyed(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port();
    struct scenario_message m;

    request(port, MACH_NOTIFY_PORT_DESTROYED, 0, mail);
    scenario_post(MAKE(port), NONE, 706, NULL, 0);
    scenario_port_end(port);
    scenario_received(mail, &m, MACH_NOTIFY_PORT_DESTROYED);
    SIM_CHECK(m.right[0].disposition == MACH_MSG_TYPE_PORT_RECEIVE);
    port = m.right[0].name;
    scenario_take(port, &m, 706);
    request(port, MACH_NOTIFY_PORT_DESTROYED, 0, mail);
    scenario_port_end(mail); /* nobody to tell: */
    scenario_port_end(port); /* it dies */
}

/* Clients of a port that dies hear of it, whatever memory there is: each request's own is enough. */
static void notify_send_once(void)
{
    mach_port_t mail = scenario_port(), port = scenario_port();
    struct scenario_message m;
    unsigned heard = 0;

    for (unsigned i = 0; i < MACH_PORT_QLIMIT_DEFAULT; i++)
        scenario_post(MAKE(port), ONCE(mail), 707, NULL, 0);
    scenario_port_end(port);
    while (scenario_receive(mail, &m, MACH_RCV_TIMEOUT, 200) == MACH_MSG_SUCCESS)
        heard += m.base.header.msgh_id == MACH_NOTIFY_SEND_ONCE;
    SIM_CHECK(heard >= MACH_PORT_QLIMIT_DEFAULT);
    scenario_port_end(mail);
}

const struct scenario scenarios_right[] = {
    {"right_dispositions", right_dispositions},
    {"right_refused", right_refused},
    {"right_transit", right_transit},
    {"right_arrays", right_arrays},
    {"right_array_transit", right_array_transit},
    {"notify_no_senders", notify_no_senders},
    {"notify_no_senders_registers", notify_no_senders_registers},
    {"notify_dead_name", notify_dead_name},
    {"notify_port_deleted", notify_port_deleted},
    {"notify_send_possible", notify_send_possible},
    {"notify_port_destroyed", notify_port_destroyed},
    {"notify_send_once", notify_send_once},
    {NULL, NULL},
};
