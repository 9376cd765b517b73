/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel objects in use before and after a program: a difference is a leak, in the kernel. */
#ifndef BOOTSTRAP_USAGE_H
#define BOOTSTRAP_USAGE_H

#include <mach/mach_types.h>
#include <stdbool.h>

void usage_init(mach_port_t host);

/* Note what is in use now. */
void usage_note(void);

/*
 * Is as much in use as was noted?  What the kernel frees in the background gets a few seconds; a difference
 * is printed.
 */
bool usage_is_as_noted(void);

#endif
