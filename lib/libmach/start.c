/* SPDX-License-Identifier: BSD-2-Clause */
/* The beginning and the end of a program. */
#include <libmach/program.h>
#include <libmach/thread_block.h>
#include <mach/mach.h>
#include <mach/program.h>
#include <stdlib.h>

mach_port_t mach_task_self_;
mach_port_t bootstrap_port;
const struct mach_startup *mach_startup;

static struct mach_thread_block first_thread;

void mach_start(const struct mach_startup *startup)
{
    first_thread.self = &first_thread;
    (void)mach_thread_set_tls((vm_address_t)&first_thread);

    mach_startup = startup;
    mach_task_self_ = mach_task_self_trap();
    (void)task_get_bootstrap_port(mach_task_self(), &bootstrap_port);
    exit(main((int)startup->argc, (char **)startup->argv));
}

void exit(int status)
{
    if (MACH_PORT_VALID(bootstrap_port))
        (void)program_exit(bootstrap_port, status);
    for (;;)
        (void)task_terminate(mach_task_self());
}
