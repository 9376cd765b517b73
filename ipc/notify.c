/* SPDX-License-Identifier: BSD-2-Clause */
/* Notifications. */
#include <ipc/kmsg.h>
#include <ipc/notify.h>
#include <kern/exception.h>
#include <kern/panic.h>
#include <kern/string.h>
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

static struct ipc_kmsg *notify_alloc(struct ipc_port *notify, mach_msg_id_t id, uint32_t size)
{
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc_unpaid(size);
    if (kmsg == NULL) {
        /* without memory for a message the right is used up unheard */
        ipc_port_drop_send_once(notify);
        return NULL;
    }
    notify_fill(kmsg, notify, id, size);
    return kmsg;
}

static void notify_word(struct ipc_port *notify, mach_msg_id_t id, uint32_t word)
{
    if (!IPC_PORT_VALID(notify))
        return;
    struct ipc_kmsg *kmsg = notify_alloc(notify, id, sizeof(struct notify_word));
    if (kmsg == NULL)
        return;
    struct notify_word *body = (struct notify_word *)&kmsg->head;
    body->ndr = NDR_record;
    body->word = word;
    ipc_kmsg_send_from_kernel(kmsg);
}

void ipc_notify_dead_name(struct ipc_port *notify, mach_port_name_t name)
{
    notify_word(notify, MACH_NOTIFY_DEAD_NAME, name);
}

void ipc_notify_port_deleted(struct ipc_port *notify, mach_port_name_t name)
{
    notify_word(notify, MACH_NOTIFY_PORT_DELETED, name);
}

void ipc_notify_send_possible(struct ipc_port *notify, mach_port_name_t name)
{
    notify_word(notify, MACH_NOTIFY_SEND_POSSIBLE, name);
}

void ipc_notify_no_senders(struct ipc_port *notify, uint32_t mscount)
{
    notify_word(notify, MACH_NOTIFY_NO_SENDERS, mscount);
}

void ipc_notify_send_once(struct ipc_port *notify)
{
    if (notify->kotype == IPC_KOTYPE_EXCEPTION_REPLY) {
        /* a thread of the kernel's own waits: it is told without a message, for which there may be no memory */
        exception_reply(notify, NULL);
        ipc_port_drop_send_once(notify);
        return;
    }
    struct ipc_kmsg *kmsg = notify_alloc(notify, MACH_NOTIFY_SEND_ONCE, sizeof(mach_msg_header_t));
    if (kmsg != NULL)
        ipc_kmsg_send_from_kernel(kmsg);
}

void ipc_notify_send_once_in(struct ipc_kmsg *kmsg, struct ipc_port *notify)
{
    notify_fill(kmsg, notify, MACH_NOTIFY_SEND_ONCE, sizeof(mach_msg_header_t));
    ipc_kmsg_send_from_kernel(kmsg);
}

struct notify_port {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t port;
} __attribute__((packed, aligned(4)));

bool ipc_notify_port_destroyed(struct ipc_port *notify, struct ipc_port *port)
{
    struct ipc_kmsg *kmsg = notify_alloc(notify, MACH_NOTIFY_PORT_DESTROYED, sizeof(struct notify_port));
    if (kmsg == NULL)
        return false;
    struct notify_port *body = (struct notify_port *)&kmsg->head;
    kmsg->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    body->body.msgh_descriptor_count = 1;
    body->port.type = MACH_MSG_PORT_DESCRIPTOR;
    body->port.disposition = MACH_MSG_TYPE_PORT_RECEIVE;
    kmsg->port_count = 1;
    kmsg->port[0] = port;
    ipc_kmsg_send_from_kernel(kmsg);
    return true;
}
