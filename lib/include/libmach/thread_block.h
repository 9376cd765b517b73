/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library keeps for each thread, found through the thread pointer. */
#ifndef LIBMACH_THREAD_BLOCK_H
#define LIBMACH_THREAD_BLOCK_H

#include <mach/port.h>
#include <mach/vm_types.h>

struct mach_thread_block {
    struct mach_thread_block *self; /* first: where the thread pointer can only be read through memory */
    mach_port_t reply_port;         /* receive right for MIG calls, or MACH_PORT_NULL */
    boolean_t destroys_reply_port;  /* in mig_dealloc_reply_port() */

    /* of threads that mach_thread_start() made; null for others */
    mach_port_t thread; /* send right, the library's own */
    void (*function)(void *argument);
    void *argument;
    mach_vm_address_t stack; /* lowest address, guard page included */
    struct mach_thread_block *next;
};

#endif
