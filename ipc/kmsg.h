/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages inside the kernel.  `head` and what follows it are the bytes of the message as the sender wrote them, except that the
 * rights are held by the pointers remote, local and port[] instead of the names, and that the dispositions are in received form
 * (MACH_MSG_TYPE_PORT_RECEIVE, _SEND, _SEND_ONCE).
 */
#ifndef IPC_KMSG_H
#define IPC_KMSG_H

#include <hal/types.h>
#include <ipc/check.h>
#include <ipc/port.h>
#include <kern/list.h>
#include <mach/message.h>

struct cpu;

#define IPC_KMSG_PORTS_INLINE 8u
#define IPC_KMSG_ROOM_MIN 36u /* every message has room for the result of a call (mig_reply_error_t) */

struct ipc_kmsg {
    struct list link;        /* port->messages */
    uint32_t capacity;       /* bytes from head on */
    uint32_t port_count;     /* descriptors */
    struct ipc_port *remote; /* destination: a right by MACH_MSGH_BITS_REMOTE(head.msgh_bits) */
    struct ipc_port *local;  /* reply: a right by MACH_MSGH_BITS_LOCAL, or NULL */
    struct ipc_port **port; /* right of the i-th descriptor; NULL, IPC_PORT_DEAD; port_inline or own memory */
    struct ipc_port *port_inline[IPC_KMSG_PORTS_INLINE];
    mach_msg_header_t head __attribute__((aligned(8)));
    mach_msg_body_t body;                    /* of a complex message: this, the descriptors, then data */
    mach_msg_port_descriptor_t descriptor[]; /* [body.msgh_descriptor_count] */
};
_Static_assert(offsetof(struct ipc_kmsg, descriptor) - offsetof(struct ipc_kmsg, head) ==
                   sizeof(mach_msg_base_t),
               "head, body and descriptors are the bytes of a message");

void ipc_kmsg_init_module(void);

/* A message with room for `size` bytes from head on (24 .. IPC_KMSG_SIZE_MAX), or for IPC_KMSG_ROOM_MIN, and a trailer; no
 * rights; NULL without memory. */
HAL_NODISCARD struct ipc_kmsg *ipc_kmsg_alloc(uint32_t size);
/* Room for `count` descriptors' rights; all NULL. KERN_SUCCESS, KERN_RESOURCE_SHORTAGE. */
HAL_NODISCARD kern_return_t ipc_kmsg_alloc_ports(struct ipc_kmsg *kmsg, uint32_t count);
/* Free the memory only: all rights were moved out. */
void ipc_kmsg_free(struct ipc_kmsg *kmsg);
/* Free it and destroy every right in it, before this CPU leaves the kernel. Context: any. */
void ipc_kmsg_destroy(struct ipc_kmsg *kmsg);
/* Do so at once. Context: no lock; not on the way from the destruction of a right. */
void ipc_kmsg_bury(struct ipc_kmsg *kmsg);
/* Do so for the message that waits longest for it. Context: the way out of the kernel, no lock; cpu->graves is not empty. */
void ipc_kmsg_bury_first(struct cpu *cpu);
/* Destroy every right in it, and keep its memory. Context: no lock. */
void ipc_kmsg_release(struct ipc_kmsg *kmsg);

/*
 * Send a message made by the kernel: remote set, bits in received form.  Ignores queue limits; never blocks. Consumes kmsg
 * (destroys it if the port is dead).
 * Context: no lock.
 */
void ipc_kmsg_send_from_kernel(struct ipc_kmsg *kmsg);

/*
 * Take the rights that the message names out of `space`: header and descriptors as a user wrote them, msgh_size that of the bytes.
 * Returns: MACH_MSG_SUCCESS: in kernel form; MACH_SEND_*: nothing changed in the space, kmsg holds no right.
 * Context: no lock.
 */
HAL_NODISCARD mach_msg_return_t ipc_kmsg_copyin(struct ipc_space *space, struct ipc_kmsg *kmsg);

/*
 * Give the rights in the message names in `space` and write the names into it.  destination: name for
 * msgh_local_port.  Header in received form: reply right remote.
 * Returns: MACH_MSG_SUCCESS; MACH_RCV_HEADER_ERROR, MACH_RCV_BODY_ERROR, with MACH_MSG_IPC_SPACE or MACH_MSG_IPC_KERNEL: rights
 * that found no room were destroyed, their names are MACH_PORT_NULL.  No pointer is left in kmsg.
 * Context: no lock.
 */
mach_msg_return_t ipc_kmsg_copyout(struct ipc_space *space, struct ipc_kmsg *kmsg,
                                   mach_port_name_t destination);

/* The same for a message that could not be sent: header stays in sendable form. */
mach_msg_return_t ipc_kmsg_copyout_unsent(struct ipc_space *space, struct ipc_kmsg *kmsg);

/* Undo a copyout whose message could not be written to the user: the names die. */
void ipc_kmsg_copyout_undo(struct ipc_space *space, struct ipc_kmsg *kmsg);

#endif
