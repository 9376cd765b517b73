/* SPDX-License-Identifier: BSD-2-Clause */
/* The server of hello.defs. */
#include "hello_server.h"

#include <libmach/service.h>
#include <mach/mach.h>
#include <stdio.h>

kern_return_t do_hello_greet(mach_port_t server, hello_text_t name, hello_text_t greeting, int *caller)
{
    static int callers;

    (void)server;
    snprintf(greeting, sizeof(hello_text_t), "Hello, %s!", name);
    *caller = ++callers;
    return KERN_SUCCESS;
}

int main(void)
{
    mach_port_t service;

    kern_return_t kr = service_create(HELLO_SERVICE, &service);
    if (kr == KERN_SUCCESS)
        kr = mach_msg_server(hello_server, hello_subsystem.maxsize, service, MACH_MSG_OPTION_NONE);
    printf("hello: %s\n", mach_error_string(kr));
    return 1;
}
