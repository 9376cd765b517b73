/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages inside the kernel.  `head` and what follows it are the bytes of the message as the sender wrote them, except that the
 * rights are held by the pointers remote, local and port[] instead of the names, that the dispositions are in received form
 * (MACH_MSG_TYPE_PORT_RECEIVE, _SEND, _SEND_ONCE), and that the address in a descriptor of something out of line is the kernel's:
 *   array of ports    struct ipc_port *[count] (kmem_alloc()), each with a right or NULL or IPC_PORT_DEAD; 0 for none
 *   memory            struct vm_map_copy; 0 for none
 */
#ifndef IPC_KMSG_H
#define IPC_KMSG_H

#include <hal/types.h>
#include <ipc/check.h>
#include <ipc/port.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/list.h>
#include <mach/message.h>

struct cpu;
struct ipc_scatter;
struct task;

#define IPC_KMSG_PORTS_INLINE 7u
#define IPC_KMSG_ROOM_MIN                                                                                    \
    72u /* every message has room for the result of a call, and for what registers hold */

struct ipc_kmsg {
    struct list link;    /* port->messages */
    uint32_t capacity;   /* bytes from head on */
    uint32_t port_count; /* descriptors */
    bool from_user;      /* the sender's tokens are in the room for the trailer; else it is the kernel's */
    uint32_t charged;    /* bytes: it, and the arrays that belong to it */
    struct ledger_account *payer; /* NULL: nobody */
    struct ipc_port *remote;      /* destination: a right by MACH_MSGH_BITS_REMOTE(head.msgh_bits) */
    struct ipc_port *local;       /* reply: a right by MACH_MSGH_BITS_LOCAL, or NULL */
    struct ipc_port **
        port; /* right of the i-th descriptor, if it is of a port; NULL, IPC_PORT_DEAD; port_inline or own memory */
    struct ipc_port *port_inline[IPC_KMSG_PORTS_INLINE];
    mach_msg_header_t head __attribute__((aligned(8)));
    mach_msg_body_t body; /* of a complex message: this, the descriptors, then data */
};
_Static_assert(offsetof(struct ipc_kmsg, body) - offsetof(struct ipc_kmsg, head) ==
                   offsetof(mach_msg_base_t, body),
               "head and body are the bytes of a message");

/* The first of the port_count descriptors. */
static inline mach_msg_descriptor_t *ipc_kmsg_descriptors(struct ipc_kmsg *kmsg)
{
    return (mach_msg_descriptor_t *)(void *)(&kmsg->body + 1);
}

/* The room for its trailer. */
static inline mach_msg_max_trailer_t *ipc_kmsg_trailer(struct ipc_kmsg *kmsg)
{
    return (mach_msg_max_trailer_t *)(void *)((char *)&kmsg->head + kmsg->head.msgh_size);
}

void ipc_kmsg_init_module(void);

/* A message with room for `size` bytes from head on (24 .. IPC_KMSG_SIZE_MAX), or for IPC_KMSG_ROOM_MIN, and a trailer; no
 * rights; charged to `payer` until it is freed.  NULL without memory, or beyond a limit. */
HAL_NODISCARD struct ipc_kmsg *ipc_kmsg_alloc(uint32_t size, struct ledger_account *payer);
/* The same as ipc_kmsg_alloc(), but nobody pays: for what is not queued. */
HAL_NODISCARD struct ipc_kmsg *ipc_kmsg_alloc_unpaid(uint32_t size);
/* From now on `payer` does. Returns false above a limit. */
HAL_NODISCARD bool ipc_kmsg_pay(struct ipc_kmsg *kmsg, struct ledger_account *payer);
/* Charge `bytes` more, which go back with the message. Returns false above a limit. */
HAL_NODISCARD bool ipc_kmsg_charge(struct ipc_kmsg *kmsg, uint64_t bytes);
/*
 * A reply of the kernel is to be queued, and can't be refused any more: charge what `payer` did not pay yet of it and of the
 * arrays that the routine has put into it.
 */
void ipc_kmsg_charge_forced(struct ipc_kmsg *kmsg, struct ledger_account *payer);
/* Room for the rights of `count` descriptors; all NULL. KERN_SUCCESS, KERN_RESOURCE_SHORTAGE. */
HAL_NODISCARD kern_return_t ipc_kmsg_alloc_ports(struct ipc_kmsg *kmsg, uint32_t count);
/* Undo it: none of them holds a right. */
void ipc_kmsg_free_ports(struct ipc_kmsg *kmsg);
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
 * --- small messages ---
 * Bytes of a struct ipc_kmsg with its message that come from their own cache; the bytes of that from head on; and without the trailer.
 */
#define IPC_KMSG_SMALL 256u
#define IPC_KMSG_SMALL_ROOM (IPC_KMSG_SMALL - (uint32_t)offsetof(struct ipc_kmsg, head))
#define IPC_KMSG_SMALL_MAX (IPC_KMSG_SMALL_ROOM - (uint32_t)MAX_TRAILER_SIZE)
_Static_assert(IPC_KMSG_SMALL_MAX >= IPC_KMSG_ROOM_MIN, "a small message has the least room");
extern struct cache ipc_kmsg_cache;

/* Without rights, and without a message. */
static inline void ipc_kmsg_construct(struct ipc_kmsg *kmsg, uint32_t capacity, uint32_t charged,
                                      struct ledger_account *payer)
{
    kmsg->capacity = capacity;
    kmsg->port_count = 0;
    kmsg->from_user = false;
    kmsg->charged = charged;
    kmsg->payer = payer;
    kmsg->remote = NULL;
    kmsg->local = NULL;
    kmsg->port = kmsg->port_inline;
}

/* As ipc_kmsg_alloc(), for up to IPC_KMSG_SMALL_MAX bytes. */
HAL_NODISCARD static inline struct ipc_kmsg *ipc_kmsg_alloc_small(struct ledger_account *payer)
{
    if (!ledger_charge(payer, IPC_KMSG_SMALL))
        return NULL;
    struct ipc_kmsg *kmsg = cache_alloc_inline(&ipc_kmsg_cache);
    if (kmsg == NULL) {
        ledger_uncharge(payer, IPC_KMSG_SMALL);
        return NULL;
    }
    ipc_kmsg_construct(kmsg, IPC_KMSG_SMALL_ROOM, IPC_KMSG_SMALL, payer);
    return kmsg;
}

/*
 * Send a message made by the kernel: remote set, bits in received form.  Ignores queue limits; never blocks. Consumes kmsg
 * (destroys it if the port is dead).
 * Context: no lock.
 */
void ipc_kmsg_send_from_kernel(struct ipc_kmsg *kmsg);
/* The same for a thread that has just begun to wait for the answer: who receives the message has the CPU next. */
void ipc_kmsg_send_and_handoff(struct ipc_kmsg *kmsg);

/*
 * Walk over the rights in the body of a message: those of port descriptors and those of arrays out of line.
 * Before the first call: {.kmsg = kmsg}.  Returns false: there is none left.
 */
struct ipc_kmsg_walk {
    struct ipc_kmsg *kmsg;
    struct ipc_port **port;    /* the right */
    mach_msg_type_name_t type; /* and its kind */
    mach_msg_descriptor_t *descriptor;
    uint32_t index;   /* of the descriptor */
    uint32_t element; /* of its rights, the one that comes next */
};
HAL_NODISCARD bool ipc_kmsg_walk_next(struct ipc_kmsg_walk *w);

/*
 * Take the rights that the message names out of task's space, and what it names out of line from its memory: header and descriptors
 * as a user wrote them, msgh_size that of the bytes.
 * Returns: MACH_MSG_SUCCESS: in kernel form; MACH_SEND_*: nothing changed in the task, kmsg holds no right.  Memory to be
 * deallocated stays if there is no memory to split its range in two.
 * Context: no lock; task is current.
 */
HAL_NODISCARD mach_msg_return_t ipc_kmsg_copyin(const struct task *task, struct ipc_kmsg *kmsg);

/*
 * Give the rights in the message names in task's space and write the names into it; what is out of line gets new memory there, or
 * goes where the scatter list (or NULL) says.  destination: name for msgh_local_port.  Header in received form: reply right remote.
 * Returns: MACH_MSG_SUCCESS; MACH_RCV_HEADER_ERROR, MACH_RCV_BODY_ERROR, with the shortages that were met (MACH_MSG_IPC_SPACE,
 * MACH_MSG_IPC_KERNEL, MACH_MSG_VM_SPACE, MACH_MSG_VM_KERNEL): rights that found no room were destroyed, their names are
 * MACH_PORT_NULL; arrays and memory that found none are empty, at address 0.  No pointer is left in kmsg.
 * With a scatter list also MACH_RCV_IN_PROGRESS: a pager has a page of the receiver's that is needed; when the current thread has waited
 * (memory_object_wait()), ipc_kmsg_copyout_rest() goes on, with the list from its beginning, or without one to put the rest into new memory.
 * Context: no lock; task is current.
 */
mach_msg_return_t ipc_kmsg_copyout(const struct task *task, struct ipc_kmsg *kmsg,
                                   mach_port_name_t destination, struct ipc_scatter *scatter);

mach_msg_return_t ipc_kmsg_copyout_rest(const struct task *task, struct ipc_kmsg *kmsg,
                                        struct ipc_scatter *scatter);

/* The part of it that is the header's. remote: the name of the reply right. */
static inline void ipc_kmsg_head_out(mach_msg_header_t *head, mach_port_name_t remote,
                                     mach_port_name_t destination)
{
    head->msgh_bits =
        (head->msgh_bits & MACH_MSGH_BITS_COMPLEX) |
        MACH_MSGH_BITS(MACH_MSGH_BITS_LOCAL(head->msgh_bits), MACH_MSGH_BITS_REMOTE(head->msgh_bits));
    head->msgh_remote_port = remote;
    head->msgh_local_port = destination;
    head->msgh_voucher_port = MACH_PORT_NULL;
}

/* The same for a message that could not be sent: header stays in sendable form. */
mach_msg_return_t ipc_kmsg_copyout_unsent(const struct task *task, struct ipc_kmsg *kmsg);

/* Undo a copyout whose message could not be written to the user: the names die, the memory goes. d: its `count` descriptors. */
void ipc_copyout_undo(const struct task *task, const mach_msg_header_t *head, mach_msg_descriptor_t *d,
                      uint32_t count);
static inline void ipc_kmsg_copyout_undo(const struct task *task, struct ipc_kmsg *kmsg)
{
    ipc_copyout_undo(task, &kmsg->head, ipc_kmsg_descriptors(kmsg), kmsg->port_count);
}

/*
 * One right of a message gets a name in `space`; MACH_PORT_NULL: there was no room, the right was destroyed, *shortage collects why.
 * Nameless: ipc_right_copyout() said why there is no room: the right is destroyed. Returns: the shortage.
 * Undo: the name dies, and the right with it.
 * Context: no lock.
 */
mach_port_name_t ipc_kmsg_name_right(struct ipc_space *space, struct ipc_port *port,
                                     mach_msg_type_name_t type, mach_msg_return_t *shortage);
mach_msg_return_t ipc_kmsg_nameless(kern_return_t why, struct ipc_port *port, mach_msg_type_name_t type);
void ipc_kmsg_name_undo(struct ipc_space *space, mach_port_name_t name, mach_msg_type_name_t type);

#endif
