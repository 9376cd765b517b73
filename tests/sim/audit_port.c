/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of ports, port sets and messages; rights and references are compared with what was found. */
#include <inttypes.h>

#include "audit_i.h"

/* --- what is found --- */

void audit_port_ref(const struct ipc_port *port, const void *holder)
{
    audit_object(AUDIT_PORT, port, holder)->refs++;
}

void audit_right(const struct ipc_port *port, enum audit_right right, const void *holder)
{
    if (!IPC_PORT_VALID(port))
        return;
    struct audit_object *o = audit_object(AUDIT_PORT, port, holder);
    o->refs++;
    if (right == AUDIT_RECEIVE)
        o->places++;
    else if (right == AUDIT_SEND)
        o->srights++;
    else
        o->sorights++;
}

/* The right that a message holds with the disposition `type` (0: none). */
static void message_right(struct ipc_port *port, mach_msg_type_name_t type, const struct ipc_kmsg *kmsg,
                          struct ipc_port *queue)
{
    if (!IPC_PORT_VALID(port))
        return;
    switch (type) {
    case MACH_MSG_TYPE_PORT_RECEIVE: {
        struct audit_object *o = audit_object(AUDIT_PORT, port, kmsg);
        audit_right(port, AUDIT_RECEIVE, kmsg);
        o->queue = queue;
        AUDIT(port->place == IPC_PORT_IN_TRANSIT, "receive-place", port,
              "its receive right is in message %p; the port says place %u", (const void *)kmsg, port->place);
        break;
    }
    case MACH_MSG_TYPE_PORT_SEND:
        audit_right(port, AUDIT_SEND, kmsg);
        break;
    case MACH_MSG_TYPE_PORT_SEND_ONCE:
        audit_right(port, AUDIT_SEND_ONCE, kmsg);
        break;
    default:
        audit_fail("message-right", kmsg, "has port %p with disposition %u", (void *)port, type);
    }
}

/* What the i-th descriptor holds. Returns the descriptor behind it. */
static const void *message_descriptor(const struct ipc_kmsg *kmsg, uint32_t i, const mach_msg_descriptor_t *d,
                                      struct ipc_port *queue)
{
    if (d->type.type == MACH_MSG_PORT_DESCRIPTOR) {
        message_right(kmsg->port[i], d->port.disposition, kmsg, queue);
        return &d->port + 1;
    }
    if (d->type.type == MACH_MSG_OOL_DESCRIPTOR) {
        if (d->out_of_line.address != 0)
            audit_copy((const void *)(uintptr_t)d->out_of_line.address, d->out_of_line.size, "message");
        return &d->out_of_line + 1;
    }
    AUDIT(d->type.type == MACH_MSG_OOL_PORTS_DESCRIPTOR, "message-descriptor", kmsg, "kind %u", d->type.type);
    struct ipc_port **port = (struct ipc_port **)(uintptr_t)d->ool_ports.address;
    uint32_t count = d->ool_ports.count;
    if (count > 0)
        audit_own_memory(port, count * sizeof(*port), "array of ports of a message");
    for (uint32_t k = 0; k < count; k++)
        message_right(port[k], d->ool_ports.disposition, kmsg, queue);
    return &d->ool_ports + 1;
}

void audit_message_memory(struct ipc_kmsg *kmsg, const char *holder)
{
    AUDIT(audit_is_memory(kmsg, sizeof(*kmsg)), "pointer", kmsg, "no message, held by %s", holder);
    size_t size = offsetof(struct ipc_kmsg, head) + kmsg->capacity;
    if (size <= KMSG_SMALL)
        audit_own(AUDIT_KMSG, kmsg, holder);
    else
        audit_own_memory(kmsg, size, holder);
    AUDIT(kmsg->head.msgh_size <= kmsg->capacity - MAX_TRAILER_SIZE, "message-size", kmsg,
          "%u bytes, room for %u and a trailer", kmsg->head.msgh_size, kmsg->capacity);
    if (kmsg->payer != NULL)
        audit_charge(kmsg->payer, kmsg->charged, kmsg);
    if (kmsg->port != kmsg->port_inline)
        audit_own_memory(kmsg->port, kmsg->port_count * sizeof(*kmsg->port), "rights of a message");
    else
        AUDIT(kmsg->port_count <= IPC_KMSG_PORTS_INLINE, "message-rights", kmsg, "%u", kmsg->port_count);
}

void audit_message(struct ipc_kmsg *kmsg, struct ipc_port *queue, const char *holder)
{
    audit_message_memory(kmsg, holder);
    message_right(kmsg->remote, MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits), kmsg, NULL);
    message_right(kmsg->local, MACH_MSGH_BITS_LOCAL(kmsg->head.msgh_bits), kmsg, NULL);
    const mach_msg_descriptor_t *d = (const void *)((const char *)&kmsg->head + sizeof(mach_msg_base_t));
    for (uint32_t i = 0; i < kmsg->port_count; i++)
        d = message_descriptor(kmsg, i, d, queue);
}

void audit_message_rest(struct ipc_kmsg *kmsg, uint32_t next, bool named, const char *holder)
{
    const mach_msg_descriptor_t *d = (const void *)((const char *)&kmsg->head + sizeof(mach_msg_base_t));

    audit_message_memory(kmsg, holder);
    AUDIT(kmsg->remote == NULL && kmsg->local == NULL && next < kmsg->port_count, "message-rest", kmsg,
          "%u of %u descriptors, ports %p and %p", next, kmsg->port_count, (void *)kmsg->remote,
          (void *)kmsg->local);
    for (uint32_t i = 0; i < kmsg->port_count; i++) {
        if (i > next || (i == next && !named)) {
            d = message_descriptor(kmsg, i, d, NULL);
            continue;
        }
        if (i == next)
            audit_own_memory((const void *)(uintptr_t)d->ool_ports.address,
                             d->ool_ports.count * sizeof(struct ipc_port *), "array of names of a message");
        d = (const void *)((const char *)d + ipc_descriptor_size(d));
    }
}

/* --- port sets --- */

static void check_member(const struct ipc_pset *pset, const struct ipc_pset_link *link)
{
    audit_own(AUDIT_PSET_LINK, link, "port set");
    AUDIT(link->pset == pset, "set-link", link, "in set %p, says %p", (const void *)pset, (void *)link->pset);
    audit_port_ref(link->port, link);
    audit_object(AUDIT_PSET, pset, link)->refs++;
    AUDIT(audit_on_list(&link->port->sets, &link->port_link), "set-link", link, "port %p does not know of it",
          (void *)link->port);
    AUDIT(link->port->place == IPC_PORT_IN_SPACE, "set-member", link, "port %p is in no space",
          (void *)link->port);
    bool ready = audit_on_list(&pset->ready, &link->ready_link);
    AUDIT(ready == !list_empty(&link->ready_link), "set-ready", link, "it is on another list");
    AUDIT(ready || link->port->msgcount == 0, "set-ready", link,
          "port %p has messages, the set does not know", (void *)link->port);
}

static const struct thread *waiter_in_rx(uint64_t rx)
{
    return (rx & 1) != 0 ? NULL : (const struct thread *)(uintptr_t)(rx & ~IPC_PORT_RX_FORM);
}

static void check_set_rx(const struct ipc_pset *pset)
{
    const struct thread *t = waiter_in_rx(pset->rx);
    bool idle = pset->active && list_empty(&pset->ready) && list_empty(&pset->receivers);

    if (t != NULL) {
        (void)audit_object(AUDIT_THREAD, t, pset);
        AUDIT(idle && thread_state_is_receiving(t->state) && t->rcv_rx == &pset->rx &&
                  t->continuation == NULL,
              "set-waiter", pset, "idle %d, thread %p in rx: state %u, receives from %p", idle,
              (const void *)t, t->state, (void *)t->rcv_rx);
    } else {
        AUDIT(pset->rx == (idle ? pset->idle : IPC_PORT_RX_COMPLEX), "set-rx", pset, "rx is 0x%" PRIx64,
              pset->rx);
    }
    t = pset->cacher;
    if (t == NULL)
        return;
    (void)audit_object(AUDIT_THREAD, t, pset);
    AUDIT(t->rcv_set == pset && t->rcv_rx == &pset->rx && t->rcv_idle == pset->idle &&
              (t->rcv_name == pset->name || t->rcv_port != NULL),
          "set-cacher", pset, "thread %p has cached set %p, name 0x%" PRIx64 ", idle 0x%" PRIx64,
          (const void *)t, (void *)t->rcv_set, t->rcv_name, t->rcv_idle);
}

static void check_set(struct ipc_pset *pset)
{
    uint32_t members = 0;

    check_set_rx(pset);
    AUDIT_LIST(node, &pset->members)
    {
        check_member(pset, CONTAINER_OF(node, struct ipc_pset_link, set_link));
        members++;
    }
    AUDIT(audit_list_count(&pset->ready) <= members, "set-ready", pset, "more ports are ready than members");
    AUDIT(pset->active || (members == 0 && list_empty(&pset->receivers)), "set-dead", pset,
          "%u members or receivers", members);
    AUDIT(list_empty(&pset->receivers) || list_empty(&pset->ready), "set-sleep", pset,
          "threads wait on it while a member has messages");
}

/* --- ports --- */

/* What rx is of a port that a message can't be given to at once. */
static uint64_t rx_of_busy(const struct ipc_port *port, bool alone)
{
    if (port->place == IPC_PORT_IN_KERNEL)
        return IPC_PORT_RX_KERNEL;
    if (!alone || list_empty(&port->sets))
        return IPC_PORT_RX_COMPLEX;
    return IPC_PORT_RX_COMPLEX +
           (uint64_t)(uintptr_t)CONTAINER_OF(port->sets.next, struct ipc_pset_link, port_link)->pset;
}

static void check_rx(const struct ipc_port *port)
{
    const struct thread *t = waiter_in_rx(port->rx);
    bool alone = port->place == IPC_PORT_IN_SPACE && port->msgcount == 0 && list_empty(&port->receivers) &&
                 list_empty(&port->senders);
    bool idle = alone && !port->in_set;

    AUDIT(port->rx != IPC_PORT_RX_LOCKED, "port-locked", port, "nobody is in the kernel");
    AUDIT(port->idle >= IPC_PORT_IDLE_FIRST && port->idle % IPC_PORT_IDLE_STEP == 1, "port-idle", port,
          "idle is 0x%" PRIx64, port->idle);
    if (!idle) {
        AUDIT(port->rx == rx_of_busy(port, alone), "port-rx", port,
              "rx is 0x%" PRIx64 ", the port is not idle", port->rx);
    } else if (t == NULL) {
        AUDIT(port->rx == port->idle, "port-rx", port, "rx is 0x%" PRIx64 ", idle 0x%" PRIx64, port->rx,
              port->idle);
    } else {
        (void)audit_object(AUDIT_THREAD, t, port);
        AUDIT(thread_state_is_receiving(t->state) && t->rcv_rx == &port->rx && t->continuation == NULL,
              "port-waiter", port, "thread %p in rx: state %u, receives from %p", (const void *)t, t->state,
              (void *)t->rcv_rx);
    }
}

static void check_waiters(const struct ipc_port *port, const struct list *list, enum thread_wait wait)
{
    AUDIT_LIST(node, list)
    {
        const struct thread *t = CONTAINER_OF(node, struct thread, wait_link);
        (void)audit_object(AUDIT_THREAD, t, port);
        AUDIT(t->state == THREAD_WAITING && t->wait == wait && t->wait_object == port, "wait-queue", port,
              "thread %p on its queue: state %u, wait %u for %p", (const void *)t, t->state, t->wait,
              t->wait_object);
        AUDIT(t->continuation != NULL, "wait-queue", t, "on a queue without continuation");
    }
}

static void check_queue(struct ipc_port *port)
{
    uint32_t messages = 0;

    AUDIT_LIST(node, &port->messages)
    {
        struct ipc_kmsg *kmsg = CONTAINER_OF(node, struct ipc_kmsg, link);
        audit_message(kmsg, port, "queue of a port");
        AUDIT(kmsg->remote == port, "message-queue", kmsg, "for port %p, in the queue of %p",
              (void *)kmsg->remote, (void *)port);
        messages++;
    }
    messages += port->owed;
    AUDIT(messages == port->msgcount, "port-messages", port, "%u messages in the queue or owed, counted %u",
          messages, port->msgcount);
    AUDIT(port->qlimit <= MACH_PORT_QLIMIT_MAX, "port-limit", port, "%u", port->qlimit);
    check_waiters(port, &port->receivers, THREAD_WAIT_RECEIVE);
    check_waiters(port, &port->senders, THREAD_WAIT_SEND);
    AUDIT(list_empty(&port->senders) || port->msgcount >= port->qlimit, "port-senders", port,
          "threads wait to send, %u messages of %u", port->msgcount, port->qlimit);
    bool receivers = !list_empty(&port->receivers);
    AUDIT(!receivers || messages == 0, "port-receivers", port, "threads wait to receive, %u messages",
          messages);
    AUDIT(!receivers || list_empty(&port->senders), "port-rendezvous", port,
          "threads wait to send and threads wait to receive");
}

static void check_requests(const struct ipc_port *port)
{
    bool armed = true;

    AUDIT_LIST(node, &port->requests)
    {
        const struct ipc_port_request *request = CONTAINER_OF(node, struct ipc_port_request, link);
        audit_object(AUDIT_REQUEST, request, port)->refs++;
        AUDIT(request->message != NULL && IPC_PORT_VALID(request->message->remote), "request-notify", request,
              "nobody to notify");
        AUDIT(!request->spent && (request->possible || !request->armed), "request-state", request,
              "possible %d, armed %d, spent %d", request->possible, request->armed, request->spent);
        AUDIT(armed || !request->armed, "request-order", request, "armed, behind one that is not");
        AUDIT(!request->armed || !ipc_port_has_room(port), "request-room", request, "there is room");
        armed = request->armed;
        audit_message(request->message, NULL, "request");
    }
}

static void check_cacher(const struct ipc_port *port)
{
    const struct thread *t = port->cacher;

    if (t == NULL)
        return;
    (void)audit_object(AUDIT_THREAD, t, port);
    bool waits_here = t->rcv_rx == &port->rx && t->rcv_name == port->name && t->rcv_idle == port->idle;
    AUDIT(t->rcv_port == port && (waits_here || t->rcv_set != NULL) && port->place == IPC_PORT_IN_SPACE &&
              port->receiver == t->space,
          "port-cacher", port, "thread %p has cached port %p, name 0x%" PRIx64 ", idle 0x%" PRIx64,
          (const void *)t, (void *)t->rcv_port, t->rcv_name, t->rcv_idle);
}

static void check_sets(const struct ipc_port *port)
{
    AUDIT(port->in_set == !list_empty(&port->sets), "port-in-set", port, "in_set is %d", port->in_set);
    AUDIT_LIST(node, &port->sets)
    {
        const struct ipc_pset_link *link = CONTAINER_OF(node, struct ipc_pset_link, port_link);
        AUDIT(link->port == port, "set-link", link, "with port %p, says %p", (const void *)port,
              (void *)link->port);
        AUDIT(audit_on_list(&link->pset->members, &link->set_link), "set-link", link,
              "set %p does not know of it", (void *)link->pset);
    }
}

/* Only a live port has what a queue has. */
static void check_dead(const struct ipc_port *port)
{
    AUDIT(port->msgcount == 0 && list_empty(&port->messages) && list_empty(&port->receivers) &&
              list_empty(&port->senders) && list_empty(&port->sets) && list_empty(&port->requests) &&
              port->no_senders == NULL && port->port_destroyed == NULL && port->cacher == NULL &&
              port->kotype == IPC_KOTYPE_NONE,
          "port-dead", port, "it is dead and has something yet");
}

/* An interrupt, which a port alone holds. */
static bool interrupt_valid(const struct interrupt *interrupt)
{
    audit_own(AUDIT_INTERRUPT, interrupt, "port");
    if (interrupt->message != NULL)
        audit_message(interrupt->message, NULL, "interrupt");
    return interrupt->refs == 1 && interrupt->line < hal_info.irq_count &&
           interrupt_table[interrupt->line] == interrupt;
}

static bool kobject_valid(const struct ipc_port *port)
{
    const void *object = port->kobject;

    switch (port->kotype) {
    case IPC_KOTYPE_TASK:
        (void)audit_object(AUDIT_TASK, object, port);
        return ((const struct task *)object)->self_port == port;
    case IPC_KOTYPE_THREAD:
        (void)audit_object(AUDIT_THREAD, object, port);
        return ((const struct thread *)object)->self_port == port;
    case IPC_KOTYPE_EXCEPTION_REPLY:
        (void)audit_object(AUDIT_THREAD, object, port);
        return ((const struct thread *)object)->exception_reply == port;
    case IPC_KOTYPE_MEMORY_ENTRY:
        audit_right(port, AUDIT_RECEIVE, object); /* it is nobody's but the port's own */
        audit_memory_entry(object);
        return (port->srights > 0) == (port->no_senders != NULL); /* else the notification is to be buried */
    case IPC_KOTYPE_INTERRUPT:
        audit_right(port, AUDIT_RECEIVE, object);
        return interrupt_valid(object) && (port->srights > 0) == (port->no_senders != NULL);
    case IPC_KOTYPE_MEMORY_CONTROL:
        (void)audit_object(AUDIT_PAGER, object, port);
        return ((const struct memory_object *)object)->control == port;
    case IPC_KOTYPE_MEMORY_NAME:
        (void)audit_object(AUDIT_PAGER, object, port);
        return ((const struct memory_object *)object)->name == port;
    case IPC_KOTYPE_HOST:
        return object == &host_self && host_self.port == port;
    case IPC_KOTYPE_HOST_PRIV:
        return object == &host_self && host_self.priv_port == port;
    case IPC_KOTYPE_DEVICE_MASTER:
        return object == &host_self && host_self.device_port == port;
    default:
        return false;
    }
}

static void check_port(struct ipc_port *port)
{
    check_rx(port);
    check_queue(port);
    check_sets(port);
    check_requests(port);
    check_cacher(port);
    if (port->no_senders != NULL)
        audit_message(port->no_senders, NULL, "no-senders request");
    if (port->port_destroyed != NULL)
        audit_message(port->port_destroyed, NULL, "port-destroyed request");
    for (uint32_t i = 0; i < port->owed; i++)
        audit_right(port, AUDIT_SEND_ONCE, port);
    if (port->destination != NULL)
        audit_port_ref(port->destination, port);
    AUDIT(
        port->guard <= IPC_PORT_GUARDED_STRICTLY &&
            (port->guard == IPC_PORT_UNGUARDED || port->place == IPC_PORT_IN_SPACE || !ipc_port_alive(port)),
        "port-guard", port, "guard %u in place %u", port->guard, port->place);
    if (!ipc_port_alive(port))
        check_dead(port);
    if (port->place == IPC_PORT_IN_KERNEL)
        AUDIT(kobject_valid(port), "kobject", port, "kind %u, object %p does not have it", port->kotype,
              port->kobject);
    else
        AUDIT(port->kotype == IPC_KOTYPE_NONE, "kobject", port, "kind %u in place %u", port->kotype,
              port->place);
}

void audit_ports(void)
{
    AUDIT_EACH(port, AUDIT_PORT)
    check_port((void *)port->address);
    AUDIT_EACH(pset, AUDIT_PSET)
    check_set((void *)pset->address);
    audit_right(host_self.port, AUDIT_RECEIVE, &host_self);
    audit_right(host_self.priv_port, AUDIT_RECEIVE, &host_self);
    audit_right(host_self.device_port, AUDIT_RECEIVE, &host_self);
    for (unsigned i = 0; i < EXC_TYPES_COUNT; i++)
        audit_right(host_self.exception_port[i], AUDIT_SEND, &host_self);
}

/* --- the sums --- */

/* The chain of ports whose receive rights are in messages ends at one that somebody can receive from. */
static void check_transit(const struct ipc_port *port, const struct audit_object *o)
{
    uint32_t steps = 0;

    AUDIT(port->destination == o->queue, "transit-destination", port,
          "its receive right is in a message at %p, it says %p", (void *)o->queue, (void *)port->destination);
    for (const struct ipc_port *to = port->destination; to != NULL; to = to->destination) {
        (void)audit_object(AUDIT_PORT, to, port);
        AUDIT(++steps <= audit_objects(AUDIT_PORT)->count, "transit-cycle", port,
              "messages in each other's queues hold it");
    }
}

static void check_port_counts(const struct ipc_port *port, const struct audit_object *o)
{
    bool alive = ipc_port_alive(port);

    AUDIT(o->places == alive, "receive-right", port, "place %u: %u receive rights", port->place, o->places);
    AUDIT(!alive || o->srights == port->srights, "send-rights", port,
          "%" PRIu64 " send rights, counted %" PRIu64, o->srights, port->srights);
    AUDIT(!alive || o->sorights == port->sorights, "send-once-rights", port,
          "%u send-once rights, counted %u", o->sorights, port->sorights);
    AUDIT(o->refs == port->refs, "port-refs", port,
          "place %u, kind %u: %" PRIu64 " references, counted %" PRIu64, port->place, port->kotype, o->refs,
          port->refs);
    check_transit(port, o);
}

void audit_port_counts(void)
{
    AUDIT_EACH(o, AUDIT_PORT)
    {
        check_port_counts((const void *)o->address, o);
        o->owner = "references";
    }
    AUDIT_EACH(o, AUDIT_PSET)
    {
        uint64_t refs = ((const struct ipc_pset *)(const void *)o->address)->refs;
        AUDIT(o->refs == refs, "set-refs", o->address, "%" PRIu64 " references, counted %" PRIu64, o->refs,
              refs);
        o->owner = "references";
    }
    AUDIT_EACH(o, AUDIT_REQUEST)
    {
        uint32_t owners = ((const struct ipc_port_request *)(const void *)o->address)->owners;
        AUDIT(o->refs == owners, "request-owners", o->address, "%" PRIu64 " owners, counted %u", o->refs,
              owners);
        o->owner = "references";
    }
}
