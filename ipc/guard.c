/* SPDX-License-Identifier: BSD-2-Clause */
/* mach_port.defs, third part: guards and labels of receive rights; a look at what waits in their queues. */
#include <ipc/guard.h>
#include <ipc/kmsg.h>
#include <ipc/right.h>
#include <kern/exception.h>
#include <kern/string.h>
#include <kern/token.h>
#include <mach/mach_port_server.h>

#define PEEK_MAX MACH_PORT_QLIMIT_MAX /* messages that are walked over with the port locked */

bool ipc_guard_permits(struct ipc_port *port, mach_port_name_t name, const mach_port_context_t *guard,
                       uint32_t flavor)
{
    ipc_port_lock(port);
    const mach_port_context_t right = port->context;
    bool permits = port->guard == IPC_PORT_UNGUARDED || (guard != NULL && *guard == right);
    ipc_port_unlock(port);
    if (!permits)
        exception_guard(flavor, name, right);
    return permits;
}

/* --- labels and guards --- */

kern_return_t mach_port_get_context(ipc_space_t space, mach_port_name_t name, mach_port_context_t *context)
{
    struct ipc_port *port;

    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    *context = port->guard == IPC_PORT_GUARDED_STRICTLY ? 0 : port->context;
    ipc_port_unlock(port);
    return KERN_SUCCESS;
}

/* From `guard`, or or_guard, which `context` must be if there is one, to another guard with another context. */
struct change {
    enum ipc_port_guard guard, or_guard;
    enum ipc_port_guard to_guard;
    mach_port_context_t context;
    mach_port_context_t to_context;
};

/* The change does not fit the port. To put a guard where there is a label or guard violates none. Context: port locked. */
static void change_refused(const struct ipc_port *port, mach_port_name_t name, const struct change *change)
{
    if (change->guard == IPC_PORT_UNGUARDED)
        return;
    exception_guard(port->guard == IPC_PORT_UNGUARDED ? kGUARD_EXC_UNGUARDED : kGUARD_EXC_INCORRECT_GUARD,
                    name, port->context);
}

static kern_return_t guard_change(ipc_space_t space, mach_port_name_t name, const struct change *change)
{
    struct ipc_port *port;

    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    bool fits =
        (port->guard == change->guard || port->guard == change->or_guard) && port->context == change->context;
    if (fits) {
        port->guard = (uint8_t)change->to_guard;
        port->context = change->to_context;
    } else {
        change_refused(port, name, change);
    }
    ipc_port_unlock(port);
    return fits ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

kern_return_t mach_port_set_context(ipc_space_t space, mach_port_name_t name, mach_port_context_t context)
{
    struct ipc_port *port;

    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    bool strict = port->guard == IPC_PORT_GUARDED_STRICTLY;
    if (strict)
        exception_guard(kGUARD_EXC_SET_CONTEXT, name, port->context);
    else
        port->context = context;
    ipc_port_unlock(port);
    return strict ? KERN_INVALID_ARGUMENT : KERN_SUCCESS;
}

kern_return_t mach_port_guard(ipc_space_t space, mach_port_name_t name, mach_port_context_t guard,
                              boolean_t strict)
{
    const struct change change = {
        .to_guard = strict ? IPC_PORT_GUARDED_STRICTLY : IPC_PORT_GUARDED,
        .to_context = guard,
    };

    return guard_change(space, name, &change);
}

kern_return_t mach_port_unguard(ipc_space_t space, mach_port_name_t name, mach_port_context_t guard)
{
    const struct change change = {
        .guard = IPC_PORT_GUARDED, .or_guard = IPC_PORT_GUARDED_STRICTLY, .context = guard};

    return guard_change(space, name, &change);
}

kern_return_t mach_port_swap_guard(ipc_space_t space, mach_port_name_t name, mach_port_context_t old_guard,
                                   mach_port_context_t new_guard)
{
    const struct change change = {
        .guard = IPC_PORT_GUARDED,
        .or_guard = IPC_PORT_GUARDED,
        .to_guard = IPC_PORT_GUARDED,
        .context = old_guard,
        .to_context = new_guard,
    };

    return guard_change(space, name, &change);
}

/* --- a look into the queue --- */

/* The message that is received as the n-th from now on, or NULL. Context: port locked. */
static struct ipc_kmsg *message_at(struct ipc_port *port, uint32_t n)
{
    if (n >= PEEK_MAX)
        return NULL;
    LIST_FOR_EACH(node, &port->messages)
    {
        if (n-- == 0)
            return CONTAINER_OF(node, struct ipc_kmsg, link);
    }
    return NULL;
}

static void trailer_fill(mach_msg_max_trailer_t *trailer, struct ipc_kmsg *kmsg, mach_port_seqno_t seqno,
                         uint32_t size)
{
    *trailer = (mach_msg_max_trailer_t){
        .msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0, .msgh_trailer_size = size, .msgh_seqno = seqno};
    if (kmsg->from_user)
        memcpy(&trailer->msgh_sender, &ipc_kmsg_trailer(kmsg)->msgh_sender, TOKEN_WORDS * sizeof(uint64_t));
    else
        kernel_token_get(&trailer->msgh_sender);
}

kern_return_t mach_port_peek(ipc_space_t space, mach_port_name_t name, mach_msg_trailer_type_t trailer_type,
                             mach_port_seqno_t *request_seqno, mach_msg_size_t *msg_size,
                             mach_msg_id_t *msg_id, mach_msg_trailer_info_t trailer_info,
                             mach_msg_type_number_t *trailer_count)
{
    const uint32_t size = (uint32_t)REQUESTED_TRAILER_SIZE(trailer_type);
    mach_msg_max_trailer_t trailer;
    struct ipc_port *port;

    if (GET_RCV_ELEMENTS(trailer_type) > MACH_RCV_TRAILER_AUDIT || size > *trailer_count)
        return KERN_INVALID_VALUE;
    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    const mach_port_seqno_t seqno = *request_seqno != 0 ? *request_seqno : port->seqno;
    struct ipc_kmsg *kmsg = message_at(port, seqno - port->seqno);
    if (kmsg != NULL) {
        *request_seqno = seqno;
        *msg_size = kmsg->head.msgh_size;
        *msg_id = kmsg->head.msgh_id;
        trailer_fill(&trailer, kmsg, seqno, size);
    }
    ipc_port_unlock(port);
    if (kmsg == NULL)
        return KERN_FAILURE;
    memcpy(trailer_info, &trailer, size);
    *trailer_count = size;
    return KERN_SUCCESS;
}
