/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: names, user references, attributes of receive rights (mach_port.defs). */
#include "scenario_run.h"

static mach_port_t self(void)
{
    return mach_task_self();
}

static kern_return_t allocate_receive(mach_port_t name, mach_port_t arg)
{
    (void)arg;
    return mach_port_allocate_name(self(), MACH_PORT_RIGHT_RECEIVE, name);
}

static void port_names(void)
{
    mach_port_t port = scenario_port_send(), set = 0, dead = 0;
    mach_port_type_t type;
    mach_port_urefs_t refs;
    mach_port_t chosen, other;

    CALL(mach_port_type(self(), port, &type));
    SIM_CHECK(type == MACH_PORT_TYPE_SEND_RECEIVE);
    CALL(mach_port_mod_refs(self(), port, MACH_PORT_RIGHT_SEND, 3));
    CALL(mach_port_get_refs(self(), port, MACH_PORT_RIGHT_SEND, &refs));
    SIM_CHECK(refs == 4);
    CALL_IS(KERN_UREFS_OVERFLOW, mach_port_mod_refs(self(), port, MACH_PORT_RIGHT_SEND, 65535));
    CALL_IS(KERN_INVALID_VALUE, mach_port_mod_refs(self(), port, MACH_PORT_RIGHT_SEND, -5));
    CALL(mach_port_allocate(self(), MACH_PORT_RIGHT_PORT_SET, &set));
    CALL(mach_port_allocate(self(), MACH_PORT_RIGHT_DEAD_NAME, &dead));
    CALL(mach_port_mod_refs(self(), dead, MACH_PORT_RIGHT_DEAD_NAME, 1));
    chosen = scenario_named(allocate_receive, 0);
    CALL_IS(KERN_NAME_EXISTS, mach_port_allocate_name(self(), MACH_PORT_RIGHT_RECEIVE, chosen));
    other = scenario_named(scenario_rename, chosen);
    CALL_IS(KERN_INVALID_NAME, mach_port_rename(self(), chosen, other));
    CALL_IS(KERN_NAME_EXISTS, mach_port_rename(self(), other, set));
    set = scenario_named(scenario_rename, set);
    CALL(mach_port_destroy(self(), set));
    CALL(mach_port_destroy(self(), other));
    CALL(mach_port_deallocate(self(), dead));
    CALL(mach_port_deallocate(self(), dead));
    CALL_IS(KERN_INVALID_NAME, mach_port_deallocate(self(), dead));
    CALL(mach_port_mod_refs(self(), port, MACH_PORT_RIGHT_RECEIVE, -1));
    CALL(mach_port_type(self(), port, &type));
    SIM_CHECK(type == MACH_PORT_TYPE_DEAD_NAME);
    CALL(mach_port_mod_refs(self(), port, MACH_PORT_RIGHT_DEAD_NAME, -4));
}

static void port_attributes(void)
{
    mach_port_t port = scenario_port_send();
    mach_port_status_t status;
    mach_port_limits_t limits = {.mpl_qlimit = 2};
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;
    mach_port_context_t context = 0;
    mach_port_rights_t srights = 0;
    unsigned kind = 99, address = 99;

    CALL(mach_port_set_mscount(self(), port, 7));
    CALL(mach_port_set_seqno(self(), port, 9));
    CALL(mach_port_set_context(self(), port, 0x1234));
    CALL(mach_port_get_context(self(), port, &context));
    SIM_CHECK(context == 0x1234);
    CALL(mach_port_set_attributes(self(), port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                  MACH_PORT_LIMITS_INFO_COUNT));
    CALL(mach_port_get_attributes(self(), port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&status, &count));
    SIM_CHECK(status.mps_mscount == 7 && status.mps_seqno == 9 && status.mps_qlimit == 2);
    CALL(mach_port_get_srights(self(), port, &srights));
    SIM_CHECK(srights == 1);
    CALL(mach_port_kernel_object(self(), port, &kind, &address));
    SIM_CHECK(kind == 0 && address == 0);
    CALL_IS(KERN_INVALID_VALUE,
            mach_port_set_attributes(self(), port, MACH_PORT_LIMITS_INFO,
                                     (mach_port_info_t) & (mach_port_limits_t){.mpl_qlimit = 1025},
                                     MACH_PORT_LIMITS_INFO_COUNT));
    scenario_port_end(port);
}

/* A port made to measure, with a message to be looked at; its guard is lost on the way to this task itself. */
static void port_guarded(void)
{
    mach_port_options_t options = {.flags = MPO_CONTEXT_AS_GUARD | MPO_STRICT | MPO_INSERT_SEND_RIGHT};
    mach_msg_type_number_t room = MAX_TRAILER_SIZE;
    mach_port_t port = 0, out = 0;
    mach_port_seqno_t seqno = 0;
    mach_msg_type_name_t type;
    mach_msg_size_t size = 0;
    mach_msg_id_t id = 0;
    char trailer[MAX_TRAILER_SIZE];

    CALL(mach_port_construct(self(), &options, 0x1234, &port));
    CALL_IS(KERN_INVALID_RIGHT, mach_port_destroy(self(), port));
    CALL_IS(KERN_INVALID_ARGUMENT, mach_port_unguard(self(), port, 0x4321));
    scenario_post(SCENARIO_COPY(port), SCENARIO_NONE, 7, NULL, 0);
    CALL(mach_port_peek(self(), port, 0, &seqno, &size, &id, trailer, &room));
    SIM_CHECK(id == 7 && room == sizeof(mach_msg_trailer_t));
    CALL_IS(KERN_INVALID_ARGUMENT, mach_port_destruct(self(), port, -1, 0x4321));
    CALL(mach_port_unguard(self(), port, 0x1234));
    CALL(mach_port_guard(self(), port, 0x77, FALSE));
    CALL(mach_port_swap_guard(self(), port, 0x77, 0x78));
    CALL(mach_port_extract_right(self(), port, MACH_MSG_TYPE_MOVE_RECEIVE, &out, &type));
    SIM_CHECK(out == port);
    CALL(mach_port_destruct(self(), out, -1, 0));
}

/* So many names that the table and the hash table of the task grow, in a task of its own that takes them along. */
static void port_many(void)
{
    enum { PORTS = 160 };
    mach_port_t task = scenario_task(), port = 0;
    mach_port_name_t names[512];
    mach_port_type_t types[512];
    uint32_t count = 0;

    for (unsigned i = 0; i < PORTS; i++)
        CALL(mach_port_allocate(task, MACH_PORT_RIGHT_RECEIVE, &port));
    CALL(mach_port_allocate_name(task, MACH_PORT_RIGHT_RECEIVE, MACH_PORT_MAKE(5000, 0)));
    CALL(user_port_names(task, names, types, 512, &count));
    SIM_CHECK(count == PORTS + 1 && types[PORTS] == MACH_PORT_TYPE_RECEIVE);
    scenario_task_end(task);
}

/* Rights that are put into another task, and taken out of it. */
static void port_insert_extract(void)
{
    mach_port_t task = scenario_task(), port = scenario_port(), out = 0;
    const mach_port_t there = MACH_PORT_MAKE(40, 0), once = MACH_PORT_MAKE(41, 0);
    mach_msg_type_name_t type;

    CALL(mach_port_insert_right(task, there, port, MACH_MSG_TYPE_MAKE_SEND));
    CALL(mach_port_insert_right(task, once, port, MACH_MSG_TYPE_MAKE_SEND_ONCE));
    CALL_IS(KERN_NAME_EXISTS, mach_port_insert_right(task, once, port, MACH_MSG_TYPE_MAKE_SEND_ONCE));
    CALL_IS(KERN_RIGHT_EXISTS,
            mach_port_insert_right(task, MACH_PORT_MAKE(42, 0), port, MACH_MSG_TYPE_MAKE_SEND));
    CALL(mach_port_extract_right(task, there, MACH_MSG_TYPE_MOVE_SEND, &out, &type));
    SIM_CHECK(out == port && type == MACH_MSG_TYPE_PORT_SEND);
    CALL(mach_port_extract_right(task, once, MACH_MSG_TYPE_MOVE_SEND_ONCE, &out, &type));
    SIM_CHECK(out != port && type == MACH_MSG_TYPE_PORT_SEND_ONCE);
    scenario_release(out);
    while (mach_port_insert_right(task, once, port, MACH_MSG_TYPE_MOVE_SEND) != KERN_SUCCESS) {
        SIM_CHECK(scenario_fails()); /* the right may have gone with the request */
        CALL(mach_port_insert_right(self(), port, port, MACH_MSG_TYPE_MAKE_SEND));
    }
    mach_port_type_t left;
    CALL(mach_port_type(self(), port, &left));
    if (left & MACH_PORT_TYPE_SEND)
        CALL(mach_port_mod_refs(self(), port, MACH_PORT_RIGHT_SEND, -1));
    CALL_IS(MACH_SEND_INVALID_RIGHT,
            mach_port_insert_right(task, MACH_PORT_MAKE(42, 0), port, MACH_MSG_TYPE_MOVE_SEND));
    scenario_task_end(task);
    struct scenario_message m;
    if (scenario_receive(port, &m, MACH_RCV_TIMEOUT, 100) == MACH_MSG_SUCCESS) /* the send-once right's end */
        SIM_CHECK(m.base.header.msgh_id == MACH_NOTIFY_SEND_ONCE);
    scenario_port_end(port);
}

const struct scenario scenarios_port[] = {
    {"port_names", port_names}, {"port_attributes", port_attributes},         {"port_guarded", port_guarded},
    {"port_many", port_many},   {"port_insert_extract", port_insert_extract}, {NULL, NULL},
};
