/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port becomes a member of sets of a task while its receive right leaves the task's space in a message, and comes back: a
 * port whose right is not in the space is in none of its sets (the audit looks).
 */
#include "driver.h"
#include "property_counts.h"
#include "user.h"

#define ROUNDS 150u
#define QUIET_EVERY 20u
#define SETS 2u

static struct {
    mach_port_name_t port; /* a send right stays, so the name does, too */
    mach_port_name_t set[SETS];
    bool ended;
} r;

static bool expected(kern_return_t kr)
{
    return kr == KERN_SUCCESS || kr == KERN_ALREADY_IN_SET || kr == KERN_NOT_IN_SET ||
           kr == KERN_INVALID_RIGHT;
}

static void mover(uint64_t unused)
{
    (void)unused;
    while (!__atomic_load_n(&r.ended, __ATOMIC_ACQUIRE)) {
        const mach_port_name_t set = r.set[sim_random() % SETS];
        const uint32_t what = (uint32_t)(sim_random() % 4);
        if (what == 0)
            SIM_CHECK(expected(mach_port_extract_member(mach_task_self(), r.port, set)));
        else if (what == 1)
            SIM_CHECK(expected(mach_port_move_member(mach_task_self(), r.port, set)));
        else
            SIM_CHECK(expected(mach_port_insert_member(mach_task_self(), r.port, set)));
    }
    user_thread_exit();
}

struct letter {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right;
    mach_msg_max_trailer_t trailer;
};
#define LETTER_SIZE ((mach_msg_size_t)offsetof(struct letter, trailer))

/* The receive right goes through the queue of another port. */
static void round_trip(mach_port_name_t carrier)
{
    struct letter m = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                 .msgh_remote_port = carrier},
        .body = {.msgh_descriptor_count = 1}};

    mig_put_port(&m.right, r.port, MACH_MSG_TYPE_MOVE_RECEIVE);
    SIM_CHECK(mach_msg(&m.head, MACH_SEND_MSG, LETTER_SIZE, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) ==
              MACH_MSG_SUCCESS);
    user_yield();
    SIM_CHECK(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), carrier, 0, MACH_PORT_NULL) == MACH_MSG_SUCCESS);
    SIM_CHECK(m.right.name == r.port && m.right.disposition == MACH_MSG_TYPE_PORT_RECEIVE);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg), self = mach_task_self();
    mach_port_name_t carrier;

    r.ended = false;
    SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &carrier) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &r.port) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(self, r.port, r.port, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    for (uint32_t i = 0; i < SETS; i++)
        SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_PORT_SET, &r.set[i]) == KERN_SUCCESS);
    SIM_CHECK(user_thread_start(self, mover, 0, NULL) == KERN_SUCCESS);
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_trip(carrier);
    __atomic_store_n(&r.ended, true, __ATOMIC_RELEASE);
    user_power_off(host_priv);
}

static void configure(struct sim_config *config)
{
    property_counts_watch(config, QUIET_EVERY);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "members", .program = first_program, .configure = configure}};

    return driver_main(argc, argv, table, 1);
}
