/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel may tell a pager (memory_object.defs).  A pager defines what it has use for; the rest, which it never asked for, is refused
 * here, and the loop of the server releases what came with it.
 */
#include <mach/mach.h>
#include <mach/memory_object_server.h>

static kern_return_t not_supported(void)
{
    return KERN_NOT_SUPPORTED;
}

/* None of the arguments is looked at, so one function serves for all: they are the caller's to put away. */
#define REFUSED(name) extern __typeof__(name) name __attribute__((weak, alias("not_supported")))

REFUSED(memory_object_init);
REFUSED(memory_object_terminate);
REFUSED(memory_object_copy);
REFUSED(memory_object_data_request);
REFUSED(memory_object_data_unlock);
REFUSED(memory_object_data_return);
REFUSED(memory_object_lock_completed);
REFUSED(memory_object_supply_completed);
REFUSED(memory_object_change_completed);
REFUSED(memory_object_synchronize);
