/* SPDX-License-Identifier: BSD-2-Clause */
/* Notifications. */
#include <ipc/kmsg.h>
#include <ipc/mqueue.h>
#include <ipc/notify.h>
#include <kern/exception.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <mach/device_types.h>
#include <mach/ndr.h>
#include <mach/notify.h>

/* The body of a notification that tells a name or a count. */
struct notify_word {
    mach_msg_header_t head;
    NDR_record_t ndr;
    uint32_t word;
} __attribute__((packed, aligned(4)));

static void notify_fill(struct ipc_kmsg *kmsg, struct ipc_port *notify, mach_msg_id_t id, uint32_t size)
{
    memset(&kmsg->head, 0, size);
    kmsg->from_user = false;
    kmsg->head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, 0);
    kmsg->head.msgh_size = size;
    kmsg->head.msgh_id = id;
    kmsg->remote = notify;
}

struct notify_port {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t port;
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct notify_port) <= IPC_KMSG_ROOM_MIN &&
                   sizeof(struct notify_word) <= IPC_KMSG_ROOM_MIN,
               "every message has room for a notification");

struct ipc_kmsg *ipc_notify_reserve(struct ipc_port *notify, struct ledger_account *payer)
{
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc(sizeof(mach_msg_header_t), payer);
    if (kmsg != NULL)
        notify_fill(kmsg, notify, 0, sizeof(mach_msg_header_t));
    return kmsg;
}

struct ipc_port *ipc_notify_release(struct ipc_kmsg *message)
{
    if (message == NULL)
        return NULL;
    struct ipc_port *notify = message->remote;
    ipc_kmsg_free(message);
    return notify;
}

void ipc_notify_unused(struct ipc_kmsg *message)
{
    if (message == NULL)
        return;
    struct ipc_port *notify = message->remote;
    if (ipc_port_place(notify) == IPC_PORT_IS_DEAD || ipc_port_kotype(notify) != IPC_KOTYPE_NONE)
        ipc_port_release_send_once(ipc_notify_release(message));
    else
        ipc_notify_send_once_in(message, notify);
}

static void notify_word(struct ipc_kmsg *kmsg, mach_msg_id_t id, uint32_t word)
{
    if (kmsg == NULL)
        return;
    notify_fill(kmsg, kmsg->remote, id, sizeof(struct notify_word));
    struct notify_word *body = (struct notify_word *)&kmsg->head;
    body->ndr = NDR_record;
    body->word = word;
    ipc_kmsg_send_from_kernel(kmsg);
}

void ipc_notify_dead_name(struct ipc_kmsg *message, mach_port_name_t name)
{
    notify_word(message, MACH_NOTIFY_DEAD_NAME, name);
}

void ipc_notify_port_deleted(struct ipc_kmsg *message, mach_port_name_t name)
{
    notify_word(message, MACH_NOTIFY_PORT_DELETED, name);
}

void ipc_notify_send_possible(struct ipc_kmsg *message, mach_port_name_t name)
{
    notify_word(message, MACH_NOTIFY_SEND_POSSIBLE, name);
}

void ipc_notify_interrupt(struct ipc_kmsg *message, uint32_t line)
{
    notify_word(message, MACH_NOTIFY_INTERRUPT, line);
}

void ipc_notify_no_senders(struct ipc_kmsg *message, uint32_t mscount)
{
    notify_word(message, MACH_NOTIFY_NO_SENDERS, mscount);
}

void ipc_notify_send_once(struct ipc_port *notify)
{
    if (ipc_port_kotype(notify) == IPC_KOTYPE_EXCEPTION_REPLY) {
        /* a thread of the kernel's own waits: it is told without a message, for which there may be no memory */
        exception_reply(notify, NULL);
        ipc_port_drop_send_once(notify);
        return;
    }
    /* who made the port pays */
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc(sizeof(mach_msg_header_t), notify->payer);
    if (kmsg != NULL)
        ipc_notify_send_once_in(kmsg, notify);
    else
        ipc_mqueue_owe(notify);
}

struct ipc_kmsg *ipc_notify_owed(struct ipc_port *port)
{
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc_unpaid(sizeof(mach_msg_header_t));
    if (kmsg != NULL)
        notify_fill(kmsg, port, MACH_NOTIFY_SEND_ONCE, sizeof(mach_msg_header_t));
    return kmsg;
}

void ipc_notify_send_once_in(struct ipc_kmsg *kmsg, struct ipc_port *notify)
{
    notify_fill(kmsg, notify, MACH_NOTIFY_SEND_ONCE, sizeof(mach_msg_header_t));
    ipc_kmsg_send_from_kernel(kmsg);
}

void ipc_notify_port_destroyed(struct ipc_kmsg *message, struct ipc_port *port)
{
    struct notify_port *body = (struct notify_port *)&message->head;

    notify_fill(message, message->remote, MACH_NOTIFY_PORT_DESTROYED, sizeof(*body));
    message->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    body->body.msgh_descriptor_count = 1;
    body->port.type = MACH_MSG_PORT_DESCRIPTOR;
    body->port.disposition = MACH_MSG_TYPE_PORT_RECEIVE;
    message->port_count = 1;
    message->port[0] = port;
    ipc_kmsg_send_from_kernel(message);
}
