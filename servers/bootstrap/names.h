/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name service: services by name, in order of names.  The routines themselves are those of
 * mach/bootstrap.defs.
 */
#ifndef BOOTSTRAP_NAMES_H
#define BOOTSTRAP_NAMES_H

#include <mach/port.h>
#include <stdbool.h>

/* Notifications about services go to `notify`. */
void names_init(mach_port_t notify);

/* A dead-name notification for `name`: forget the services behind it. Returns: whether there were any. */
bool names_port_died(mach_port_name_t name);

#endif
