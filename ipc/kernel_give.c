/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of the kernel's to a server that waits for it on this CPU: without a message object, a queue or the scheduler.
 *
 * It is the direct switch (ipc/direct.c) with the kernel as the sender.  The thread is taken out of the rx word of its port by the
 * exchange that locks it; what has to fit is looked at then.  The message is built in the CPU's buffer, and written in the server's
 * address space.  The right that it carries is one to a port of the kernel's, which the server most often has from the message before:
 * then it gets one more user reference under the name that there is.
 */
#include <ipc/direct.h>
#include <ipc/hash.h>
#include <ipc/kernel_give.h>
#include <ipc/kmsg.h>
#include <ipc/msg.h>

/* Can the thread that waits in `rx` have a message of `size` bytes now? Context: its port is locked; or a hint. */
static bool waiter_fits(uint64_t rx, const struct cpu *cpu, uint32_t size)
{
    if ((rx & 3) != IPC_PORT_RX_BUFFER)
        return false;
    const struct thread *next = (const struct thread *)(uintptr_t)(rx & ~IPC_PORT_RX_FORM);
    const uint32_t trailer = (uint32_t)REQUESTED_TRAILER_SIZE((uint32_t)hal_uctx_arg(&next->uctx, 1));
    const uint64_t lent = __atomic_load_n(&cpu->current->priority, __ATOMIC_RELAXED);
    return next->cpu == cpu && lent >= __atomic_load_n(&cpu->top_priority, __ATOMIC_RELAXED) &&
           size + trailer <= (uint32_t)hal_uctx_arg(&next->uctx, 3);
}

bool ipc_kernel_server_waits(const struct ipc_port *port, uint32_t size)
{
    /* the memory of ports and threads is type-stable: what is read may be out of date, but is one */
    return waiter_fits(__atomic_load_n(&port->rx, __ATOMIC_RELAXED), hal_cpu_self(), size);
}

/* The right gets its name, if that is no more than a reference; else it is left in server->right. */
static void right_name(struct ipc_kernel_server *server, struct ipc_port *carried)
{
    struct ipc_space *space = server->thread->space;

    spin_lock(&space->lock);
    struct ipc_entry *entry = space->active ? ipc_hash_find(space, carried) : NULL;
    if (__builtin_expect(entry != NULL, 1)) {
        entry->urefs = ipc_urefs_add(entry->urefs);
        server->name = ipc_entry_name(entry);
    }
    spin_unlock(&space->lock);
    server->right = entry != NULL ? NULL : ipc_port_make_send(carried);
}

bool ipc_kernel_server_take(struct ipc_port *port, struct ipc_port *carried, uint32_t size,
                            struct ipc_kernel_server *server)
{
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);

    if (!waiter_fits(rx, hal_cpu_self(), size)) {
        if (rx != IPC_PORT_RX_LOCKED)
            __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
        return false;
    }
    struct thread *next = ipc_rx_waiter(rx);
    *server = (struct ipc_kernel_server){
        .thread = next,
        .port = port->name,
        .label = port->context,
        .seqno = port->seqno++,
        .trailer_size = (uint32_t)REQUESTED_TRAILER_SIZE((uint32_t)hal_uctx_arg(&next->uctx, 1))};
    __atomic_store_n(&next->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    __atomic_store_n(&port->rx, port->idle, __ATOMIC_RELEASE);
    right_name(server, carried);
    return true;
}

struct mig_kernel_message ipc_kernel_server_message(struct ipc_kernel_server *server)
{
    return (struct mig_kernel_message){.head = &hal_cpu_self()->message->head, .port = &server->right};
}

static void trailer_write_kernel(const struct ipc_kernel_server *server, mach_msg_header_t *head)
{
    mach_msg_max_trailer_t *trailer = (void *)((char *)head + head->msgh_size);

    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = server->trailer_size;
    if (server->trailer_size > sizeof(mach_msg_trailer_t)) {
        trailer->msgh_seqno = server->seqno;
        kernel_token_get(&trailer->msgh_sender);
        trailer->msgh_context = server->label;
    }
}

/* Header and descriptor, as the server is to have them. Returns: the result of its receive. */
static mach_msg_return_t message_finish(const struct ipc_kernel_server *server, mach_msg_header_t *head)
{
    mach_msg_port_descriptor_t *descriptor = (void *)((char *)head + sizeof(mach_msg_base_t));
    mach_msg_return_t shortage = 0;

    descriptor->name = server->right == NULL ? server->name
                                             : ipc_kmsg_name_right(server->thread->space, server->right,
                                                                   MACH_MSG_TYPE_PORT_SEND, &shortage);
    head->msgh_bits = MACH_MSGH_BITS_COMPLEX | MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND);
    head->msgh_remote_port = MACH_PORT_NULL;
    head->msgh_local_port = server->port;
    head->msgh_voucher_port = MACH_PORT_NULL;
    trailer_write_kernel(server, head);
    return shortage == 0 ? MACH_MSG_SUCCESS : MACH_RCV_BODY_ERROR | shortage;
}

void ipc_kernel_server_give(struct ipc_kernel_server *server)
{
    struct thread *next = server->thread;
    struct direct_message *m = next->cpu->message;
    const hal_va_t buffer = hal_uctx_arg(&next->uctx, 0);
    const mach_msg_return_t result = message_finish(server, &m->head);
    const uint32_t size = m->head.msgh_size + server->trailer_size;

    thread_activate(next);
    if (is_user_range(buffer, size) && hal_copyout(buffer, m, size) == HAL_OK)
        hal_uctx_set_result(&next->uctx, (uint32_t)result);
    else
        ipc_direct_again(next, m, 1, result, size);
}
