/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel objects as ports: finding the object behind a port, and serving requests to it. */
#include <ipc/kmsg.h>
#include <ipc/kobject.h>
#include <ipc/notify.h>
#include <kern/exception.h>
#include <kern/interrupt.h>
#include <kern/mig_convert.h>
#include <kern/mig_kernel.h>
#include <kern/panic.h>
#include <mach/device_server.h>
#include <mach/host_priv_server.h>
#include <mach/host_security_server.h>
#include <mach/mach_host_server.h>
#include <mach/mach_port_server.h>
#include <mach/mach_vm_server.h>
#include <mach/memory_object_control_server.h>
#include <mach/portolan_server.h>
#include <mach/task_server.h>
#include <mach/thread_act_server.h>
#include <vm/vm_memory_entry.h>

_Static_assert(sizeof(mig_reply_error_t) >= sizeof(mach_msg_header_t), "a reply has room for a header");

/* A call that goes the short way (ipc/kernel_rpc.c) has made no reply right yet that a routine could have. */
_Static_assert(mach_host_reply_rights + host_priv_reply_rights + host_security_reply_rights +
                       mach_port_reply_rights + task_reply_rights + thread_act_reply_rights +
                       mach_vm_reply_rights + portolan_reply_rights + device_reply_rights +
                       memory_object_control_reply_rights ==
                   0,
               "no routine of the kernel takes the reply right");

#define IDS IPC_KOBJECT_IDS

const struct mig_kernel_subsystem *const ipc_kobject_subsystem[IPC_KOBJECT_SUBSYSTEMS] = {
    [200u / IDS] = &mach_host_subsystem,     [400u / IDS] = &host_priv_subsystem,
    [600u / IDS] = &host_security_subsystem, [2000u / IDS] = &memory_object_control_subsystem,
    [2800u / IDS] = &device_subsystem,       [3200u / IDS] = &mach_port_subsystem,
    [3400u / IDS] = &task_subsystem,         [3600u / IDS] = &thread_act_subsystem,
    [4800u / IDS] = &mach_vm_subsystem,      [5200u / IDS] = &portolan_subsystem,
};

struct ipc_port *ipc_kobject_create(enum ipc_kotype type, void *object, struct ledger_account *payer)
{
    struct ipc_port *port = ipc_port_alloc(payer);
    if (port == NULL)
        return NULL;
    ipc_port_lock(port);
    __atomic_store_n(&port->place, IPC_PORT_IN_KERNEL, __ATOMIC_RELAXED);
    port->kobject = object;
    port->kotype = (uint8_t)type;
    ipc_port_unlock(port);
    return port;
}

/* The port asks itself for the no-senders notification, which ipc_kobject_tell() gets. */
struct ipc_port *ipc_kobject_create_counted(enum ipc_kotype type, void *object, struct ledger_account *payer)
{
    struct ipc_port *port = ipc_kobject_create(type, object, payer);

    if (port == NULL)
        return NULL;
    struct ipc_port *notify = ipc_port_make_send_once(port);
    struct ipc_kmsg *message = ipc_notify_reserve(notify, payer);
    if (message == NULL) {
        ipc_port_drop_send_once(notify);
        ipc_kobject_destroy(port);
        return NULL;
    }
    ipc_port_lock(port);
    port->no_senders = message;
    ipc_port_unlock(port);
    return ipc_port_make_send(port);
}

static bool kotype_is_counted(enum ipc_kotype kotype)
{
    return kotype == IPC_KOTYPE_MEMORY_ENTRY || kotype == IPC_KOTYPE_INTERRUPT;
}

/* A send-once right to such a port is in its own notification only. */
void ipc_kobject_forget(const struct ipc_kmsg *kmsg)
{
    struct ipc_port *port = kmsg->remote;

    if (MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) != MACH_MSG_TYPE_PORT_SEND_ONCE ||
        !IPC_PORT_VALID(port) || !kotype_is_counted(ipc_port_kotype(port)))
        return;
    const enum ipc_kotype kotype = port->kotype;
    void *object = port->kobject;
    ipc_kobject_destroy(port);
    if (kotype == IPC_KOTYPE_MEMORY_ENTRY)
        vm_memory_entry_unref(object);
    else
        interrupt_release(object);
}

void ipc_kobject_destroy(struct ipc_port *port)
{
    ipc_port_destroy(port);
}

/* Call the routine; the reply's bytes and rights are in `reply`. */
static kern_return_t call_routine(const struct mig_kernel_entry *entry, struct ipc_kmsg *request,
                                  struct ipc_kmsg *reply)
{
    struct mig_kernel_message in = {
        .head = &request->head, .port = request->port, .reply_port = request->local};
    struct mig_kernel_message out = {.head = &reply->head, .port = reply->port};

    kern_return_t kr = entry->serve(request->remote, &in, &out);
    request->local = in.reply_port;
    if (kr != KERN_SUCCESS)
        ipc_kmsg_free_ports(reply);
    return kr;
}

/* Address the reply with the request's reply right. */
static void address_reply(struct ipc_kmsg *request, struct ipc_kmsg *reply)
{
    reply->head.msgh_bits = (reply->head.msgh_bits & MACH_MSGH_BITS_COMPLEX) |
                            MACH_MSGH_BITS(MACH_MSGH_BITS_LOCAL(request->head.msgh_bits), 0);
    reply->head.msgh_id = request->head.msgh_id + 100;
    reply->remote = request->local;
    request->local = NULL;
}

struct ipc_kmsg *ipc_kobject_reply_alloc(const struct mig_kernel_entry *entry)
{
    struct ipc_kmsg *reply =
        ipc_kmsg_alloc_unpaid(entry != NULL ? entry->reply_size : sizeof(mig_reply_error_t));

    if (reply != NULL && entry != NULL && entry->reply_ports > 0 &&
        ipc_kmsg_alloc_ports(reply, entry->reply_ports) != KERN_SUCCESS) {
        ipc_kmsg_free(reply);
        return NULL;
    }
    return reply;
}

/* The message has arrived: its right to the port is used up, which for a send-once right is no news to anybody. */
static void consume_remote(struct ipc_kmsg *kmsg)
{
    if (MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) == MACH_MSG_TYPE_PORT_SEND_ONCE) {
        ipc_port_drop_send_once(kmsg->remote);
        kmsg->remote = NULL;
    }
}

struct ipc_kmsg *ipc_kobject_refuse(struct ipc_kmsg *request, kern_return_t why)
{
    struct ipc_port *to = request->local;
    mach_msg_type_name_t type = MACH_MSGH_BITS_LOCAL(request->head.msgh_bits);

    _Static_assert(IPC_KMSG_ROOM_MIN >= sizeof(mig_reply_error_t), "every message has room for a result");
    consume_remote(request);
    if (!IPC_PORT_VALID(to)) {
        ipc_kmsg_destroy(request);
        return NULL;
    }
    request->local = NULL;
    request->from_user = false;
    ipc_kmsg_release(request);
    mig_kernel_reply_result(&request->head, why);
    request->head.msgh_bits = MACH_MSGH_BITS(type, 0);
    request->head.msgh_id += 100;
    request->remote = to;
    return request;
}

static struct ipc_kmsg *serve_request(struct ipc_kmsg *request, const struct mig_kernel_entry *entry,
                                      struct ipc_kmsg *reply, bool *wait)
{
    reply->head.msgh_bits = 0;
    kern_return_t kr = entry != NULL ? call_routine(entry, request, reply) : MIG_BAD_ID;
    *wait = kr == KERN_PAGE_WAIT;
    if (*wait || kr == MIG_NO_REPLY || !IPC_PORT_VALID(request->local)) {
        ipc_kmsg_destroy(reply);
        return NULL;
    }
    if (kr != KERN_SUCCESS)
        mig_kernel_reply_result(&reply->head, kr);
    if (reply->port_count > 0 && reply->payer != NULL)
        ipc_kmsg_charge_forced(reply, reply->payer);
    address_reply(request, reply);
    return reply;
}

/* The news for a memory object is that its pager's port died: only for that there is a send-once right. */
static void tell_memory_object(const struct ipc_kmsg *kmsg)
{
    struct memory_object *pager = convert_port_to_memory_object(kmsg->remote);

    if (pager == NULL)
        return;
    memory_object_pager_died(pager);
    memory_object_unref(pager);
}

void ipc_kobject_tell(struct ipc_kmsg *kmsg)
{
    const enum ipc_kotype kotype =
        ipc_port_kotype(kmsg->remote); /* now: the thread that is told may end the object */

    if (kotype == IPC_KOTYPE_EXCEPTION_REPLY) {
        struct mig_kernel_message reply = {.head = &kmsg->head, .port = kmsg->port};
        exception_reply(kmsg->remote, &reply);
    }
    if (kotype == IPC_KOTYPE_MEMORY_CONTROL &&
        MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits) == MACH_MSG_TYPE_PORT_SEND_ONCE)
        tell_memory_object(kmsg);
    if (!kotype_is_counted(kotype)) /* it ends when the message is buried */
        consume_remote(kmsg);
    ipc_kmsg_destroy(kmsg);
}

struct ipc_kmsg *ipc_kobject_serve(struct ipc_kmsg *kmsg, bool *wait)
{
    *wait = false;
    if (ipc_port_kotype(kmsg->remote) == IPC_KOTYPE_EXCEPTION_REPLY) {
        ipc_kobject_tell(kmsg); /* not a request, but news for the thread that waits */
        return NULL;
    }
    const struct mig_kernel_entry *entry = ipc_kobject_routine(kmsg->head.msgh_id);
    struct ipc_kmsg *reply = ipc_kobject_reply_alloc(entry);
    if (reply != NULL && kmsg->payer != NULL && !ipc_kmsg_pay(reply, kmsg->payer)) {
        ipc_kmsg_free(reply);
        reply = NULL;
    }
    if (reply == NULL)
        return ipc_kobject_refuse(kmsg,
                                  KERN_RESOURCE_SHORTAGE); /* so that the caller does not wait for ever */
    reply = serve_request(kmsg, entry, reply, wait);
    if (*wait)
        return NULL;
    consume_remote(kmsg);
    ipc_kmsg_bury(kmsg);
    return reply;
}
