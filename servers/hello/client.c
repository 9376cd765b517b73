/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of hello.defs. */
#include "hello.h"

#include <libmach/service.h>
#include <mach/mach.h>
#include <stdio.h>

#define PATIENCE_MS 1000u /* the server may still be starting */

int main(void)
{
    hello_text_t name = "world", greeting;
    mach_port_t service;
    int caller;

    kern_return_t kr = service_find(HELLO_SERVICE, PATIENCE_MS, &service);
    for (int i = 0; i < 3 && kr == KERN_SUCCESS; i++) {
        kr = hello_greet(service, name, greeting, &caller);
        if (kr == KERN_SUCCESS)
            printf("hello-client: %s You are caller %d.\n", greeting, caller);
    }
    if (kr != KERN_SUCCESS)
        printf("hello-client: %s\n", mach_error_string(kr));
    return kr == KERN_SUCCESS ? 0 : 1;
}
