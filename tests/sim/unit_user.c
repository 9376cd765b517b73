/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit_user.h"

struct unit_own own;

static mach_port_t new_port(void)
{
    mach_port_t port;

    EXPECT(mach_port_allocate(own.task, MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    EXPECT(mach_port_insert_right(own.task, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    return port;
}

void unit_begin(uint64_t arg)
{
    own.host_priv = user_start(arg);
    own.task = mach_task_self();
    own.thread = mach_thread_self();
    own.host = mach_host_self();
    own.port = new_port();
    own.other = new_port();
    EXPECT(mach_port_allocate(own.task, MACH_PORT_RIGHT_PORT_SET, &own.set), KERN_SUCCESS);
    EXPECT(mach_port_allocate(own.task, MACH_PORT_RIGHT_DEAD_NAME, &own.dead), KERN_SUCCESS);
}
