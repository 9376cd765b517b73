/* SPDX-License-Identifier: BSD-2-Clause */
/* Services by name: a friendly face of the name service (mach/bootstrap.defs). */
#ifndef LIBMACH_SERVICE_H
#define LIBMACH_SERVICE_H

#include <mach/bootstrap_types.h>
#include <mach/message.h>
#include <mach/port.h>

/*
 * Make a port, and register a send right to it as `name`.  *port: its name here, a receive right.
 * Returns: KERN_SUCCESS; BOOTSTRAP_NAME_IN_USE, or an error of the calls: nothing is left behind.
 */
kern_return_t service_create(const char *name, mach_port_t *port);

/*
 * A send right for the service `name`; if nobody has registered it yet, wait for at most `timeout`
 * milliseconds.
 * Returns: KERN_SUCCESS; BOOTSTRAP_UNKNOWN_SERVICE; or an error of the call.
 */
kern_return_t service_find(const char *name, mach_msg_timeout_t timeout, mach_port_t *port);

#endif
