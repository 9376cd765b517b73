/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the kernel's message code and the stubs that MIG generates for the kernel's services.
 *
 * In the kernel a message is its bytes plus the port rights of its port descriptors, which travel beside
 * them: descriptor i belongs to port[i], and its `name` field means nothing.  A right is a pointer with the
 * references that its disposition implies, or IPC_PORT_NULL, or IPC_PORT_DEAD.
 *
 * What is out of line is held by its descriptor: `address` is that of the kernel's array of rights, or of what holds the memory
 * (ipc/kmsg.h).
 *
 * Serving a request (subsystem modifier KernelServer):
 *   1. The message code takes the message in: header and descriptors hold dispositions in received form
 *      (MACH_MSG_TYPE_PORT_RECEIVE, _SEND or _SEND_ONCE), msgh_size is that of the bytes that are there and
 *      at least sizeof(mach_msg_header_t).  Nothing else is checked yet.
 *   2. It finds the stub with mig_kernel_lookup() and calls it.
 *   3. The stub checks the message, converts ports to objects, calls the routine.  A right, or an array of rights or memory
 *      out of line, that was handed to a routine which returned KERN_SUCCESS belongs to the routine: the stub has set its
 *      port[i] to IPC_PORT_NULL, its address to 0.  In every other case all of it stays in the request.
 *   4. The message code destroys the rights that are left in the request, the destination's included.
 *   5. The stub's result decides about the reply:
 *        KERN_SUCCESS   *reply is complete: msgh_bits (MACH_MSGH_BITS_COMPLEX or 0), msgh_size,
 *                       everything behind the header, and the rights in port[].  The message code fills
 *                       in the rest of the header.
 *        MIG_NO_REPLY   no reply now: the routine took care of it.  If the reply right is an argument of the routine, it
 *                       now belongs to the routine.
 *        anything else  the message code replies with mig_kernel_reply_result().
 *
 * Sending to a user (subsystem modifier KernelUser): for each routine MIG generates NAME_request(), which
 * fills in a message in the same way as a stub fills in a reply, plus msgh_id; and NAME_reply(), which checks
 * the answer, takes it apart and returns its result.
 */
#ifndef KERN_MIG_KERNEL_H
#define KERN_MIG_KERNEL_H

#include <mach/message.h>
#include <mach/mig.h>
#include <mach/mig_errors.h>
#include <stddef.h>

struct mig_kernel_message {
    mach_msg_header_t *head;     /* the bytes of the message: 8-byte aligned */
    struct ipc_port **port;      /* the rights of its descriptors */
    struct ipc_port *reply_port; /* request: its reply right, for a routine that asks for it */
};

/*
 * Serve one request.
 * dest: the port it was sent to; stays the caller's.
 * request: port[] has as many elements as the message has descriptors (none if it is not complex).
 * reply: room for the reply_size bytes and reply_ports rights of its entry, nothing set.
 * Context: that of the trap; no lock is held.
 * Returns: see above.
 */
typedef kern_return_t (*mig_kernel_routine_t)(struct ipc_port *dest, struct mig_kernel_message *request,
                                              struct mig_kernel_message *reply);

struct mig_kernel_entry {
    mig_kernel_routine_t serve; /* NULL: no routine has this id */
    mach_msg_size_t reply_size; /* bytes, at most, at least those of an error; trailer not included */
    uint32_t reply_ports;       /* descriptors of the reply */
};

struct mig_kernel_subsystem {
    mach_msg_id_t first;
    mach_msg_id_t end; /* last id + 1 */
    mach_msg_size_t max_reply_size;
    const struct mig_kernel_entry *entry; /* [end - first] */
};

/* The stub for message id `id`. Returns: NULL if the subsystem has none. */
static inline const struct mig_kernel_entry *mig_kernel_lookup(const struct mig_kernel_subsystem *subsystem,
                                                               mach_msg_id_t id)
{
    const struct mig_kernel_entry *entry;

    if (id < subsystem->first || id >= subsystem->end)
        return NULL;
    entry = &subsystem->entry[id - subsystem->first];
    return entry->serve != NULL ? entry : NULL;
}

/* Result for a request whose destination is no port of the kind that the routine's first argument is. */
#define MIG_KERNEL_INVALID(object)                                                                           \
    _Generic((object),                                                                                       \
        struct ipc_space *: KERN_INVALID_TASK,                                                               \
        struct host *: KERN_INVALID_HOST,                                                                    \
        default: KERN_INVALID_ARGUMENT)

/* Put an array of rights into a message: `used` of them, and none in the rest of the `room` places. */
static inline void mig_kernel_put_ports(struct ipc_port **place, struct ipc_port *const *port,
                                        mach_msg_size_t used, mach_msg_size_t room)
{
    for (mach_msg_size_t i = 0; i < room; i++)
        place[i] = i < used ? port[i] : NULL;
}

/* What the descriptor held was handed on. */
static inline void mig_kernel_forget_memory(mach_msg_ool_descriptor_t *descriptor)
{
    descriptor->address = 0;
    descriptor->size = 0;
}

static inline void mig_kernel_forget_ool_ports(mach_msg_ool_ports_descriptor_t *descriptor)
{
    descriptor->address = 0;
    descriptor->count = 0;
}

/* Make *head a simple reply that carries `result` and nothing else. */
static inline void mig_kernel_reply_result(mach_msg_header_t *head, kern_return_t result)
{
    mig_reply_error_t *reply = (mig_reply_error_t *)head;

    reply->Head.msgh_bits = MACH_MSGH_BITS_ZERO;
    reply->Head.msgh_size = (mach_msg_size_t)sizeof(*reply);
    reply->NDR = NDR_record;
    reply->RetCode = result;
}

#endif
