/* SPDX-License-Identifier: BSD-2-Clause */
/* Services by name. */
#include <libmach/service.h>
#include <mach/bootstrap.h>
#include <mach/mach.h>
#include <string.h>

#define RETRY_MS 10u

kern_return_t service_create(const char *name, mach_port_t *port)
{
    mach_port_t made;
    name_t text;

    kern_return_t kr = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &made);
    if (kr != KERN_SUCCESS)
        return kr;
    strlcpy(text, name, sizeof(text));
    kr = mach_port_insert_right(mach_task_self(), made, made, MACH_MSG_TYPE_MAKE_SEND);
    if (kr == KERN_SUCCESS)
        kr = bootstrap_register(bootstrap_port, text, made);
    if (kr != KERN_SUCCESS) {
        (void)mach_port_destroy(mach_task_self(), made);
        return kr;
    }
    /* The name service has its own send right: when it is told no-senders, nobody is left. */
    (void)mach_port_deallocate(mach_task_self(), made);
    *port = made;
    return KERN_SUCCESS;
}

kern_return_t service_find(const char *name, mach_msg_timeout_t timeout, mach_port_t *port)
{
    name_t text;

    strlcpy(text, name, sizeof(text));
    for (;;) {
        kern_return_t kr = bootstrap_look_up(bootstrap_port, text, port);
        if (kr != BOOTSTRAP_UNKNOWN_SERVICE || timeout == 0)
            return kr;
        mach_msg_timeout_t pause = timeout < RETRY_MS ? timeout : RETRY_MS;
        (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, pause);
        timeout -= pause;
    }
}
