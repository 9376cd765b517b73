/* SPDX-License-Identifier: BSD-2-Clause */
/* A request of the kernel's that goes straight to the server that waits for it: ipc/kernel_give.c. */
#ifndef IPC_KERNEL_GIVE_H
#define IPC_KERNEL_GIVE_H

#include <hal/types.h>
#include <kern/mig_kernel.h>

struct ipc_port;
struct thread;

/* A server, taken from the port where it waited, with what it is told. */
struct ipc_kernel_server {
    struct thread *thread;
    struct ipc_port *right; /* that the message carries, if it has no name yet; NULL: `name` is it */
    mach_port_name_t name;
    mach_port_name_t port; /* name of the port that the message comes to */
    uint64_t label;        /* this, and the next two: of it */
    uint32_t seqno;
    uint32_t trailer_size;
};

/*
 * Would ipc_kernel_server_take() be likely to find somebody?  Context: any; a hint.
 */
bool ipc_kernel_server_waits(const struct ipc_port *port, uint32_t size);
/*
 * Take the thread that waits alone at a user's port, on this CPU, for a message in a buffer, if it can have one of `size` bytes that
 * carries a send right to `carried`, a port of the kernel's.  It runs next: the caller makes it current.
 * Returns false: nothing changed.  Context: self is current; locks of rank < LOCK_RANK_SPACE may be held.
 */
HAL_NODISCARD bool ipc_kernel_server_take(struct ipc_port *port, struct ipc_port *carried, uint32_t size,
                                          struct ipc_kernel_server *server);
/* Where the message is to be written; its first descriptor is that of the right. */
struct mig_kernel_message ipc_kernel_server_message(struct ipc_kernel_server *server);
/* It has been written: the server, which is current, gets it.  Context: no lock. */
void ipc_kernel_server_give(struct ipc_kernel_server *server);

#endif
