/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of names that grows through all its sizes, with another task beside it, and shrinks again. */
#include "driver.h"
#include "user.h"

#define PORTS 5000u /* more than one array of pages of hash buckets holds (ipc/hash.c) */

#define NAME(i) ((mach_port_name_t)(1000 + (i)) << 8) /* in the other task */

static mach_port_t port[PORTS];

/* The right to `name` that comes back has the same name: the port knows it. */
static void check_found(mach_port_t name)
{
    mach_port_t found;
    mach_msg_type_name_t type;

    SIM_CHECK(mach_port_extract_right(mach_task_self(), name, MACH_MSG_TYPE_MAKE_SEND, &found, &type) ==
              KERN_SUCCESS);
    SIM_CHECK(found == name);
}

/* A send right that meets another one, of a task that has no receive right: the port is found in the table. */
static void check_joins(mach_port_t task, unsigned i)
{
    SIM_CHECK(mach_port_insert_right(task, NAME(i), port[i], MACH_MSG_TYPE_COPY_SEND) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(task, NAME(PORTS), port[i], MACH_MSG_TYPE_COPY_SEND) ==
              KERN_RIGHT_EXISTS);
}

static void many(uint64_t arg)
{
    mach_port_t host_priv = user_start(arg);
    mach_port_t task;

    for (unsigned i = 0; i < PORTS; i++)
        SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port[i]) == KERN_SUCCESS);
    SIM_CHECK(task_create(mach_task_self(), FALSE, &task) == KERN_SUCCESS);
    for (unsigned i = 0; i < PORTS; i++)
        check_found(port[i]);
    for (unsigned i = 0; i < PORTS; i++)
        check_joins(task, i);
    for (unsigned i = 0; i < PORTS; i++)
        check_joins(task, i);
    for (unsigned i = 0; i < PORTS; i++)
        SIM_CHECK(mach_port_destroy(task, NAME((i * 7) % PORTS)) == KERN_SUCCESS);
    SIM_CHECK(task_terminate(task) == KERN_SUCCESS);
    for (unsigned i = 0; i < PORTS; i++)
        SIM_CHECK(mach_port_destroy(mach_task_self(), port[(i * 7) % PORTS]) == KERN_SUCCESS);
    user_power_off(host_priv);
}

static const struct driver_scenario table[] = {
    {.name = "many", .program = many},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
