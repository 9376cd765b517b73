/* SPDX-License-Identifier: BSD-2-Clause */
/* The host: one object with three ports, one for everybody, a privileged one, and the device master port. */
#ifndef KERN_HOST_H
#define KERN_HOST_H

#include <hal/types.h>
#include <kern/spinlock.h>
#include <mach/exception_types.h>

struct ipc_port;

struct host {
    struct ipc_port *port;
    struct ipc_port *priv_port;
    struct ipc_port *device_port;
    spinlock_t lock; /* rank LOCK_RANK_TASK; nobody holds a task's lock beside it */
    struct ipc_port *exception_port[EXC_TYPES_COUNT] GUARDED_BY(lock);
    int exception_behavior[EXC_TYPES_COUNT] GUARDED_BY(lock);
    int exception_flavor[EXC_TYPES_COUNT] GUARDED_BY(lock);
};

extern struct host host_self;

/* Boot: make the ports. */
void host_init(void);

/* A send right for the host's port, for the privileged one, for the device master port. Context: no port locked. */
struct ipc_port *host_make_port(void);
struct ipc_port *host_make_priv_port(void);
struct ipc_port *host_make_device_port(void);

#endif
