/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel objects as ports: finding the object behind a port, and serving requests to it. */
#include <ipc/kmsg.h>
#include <ipc/kobject.h>
#include <kern/exception.h>
#include <kern/mig_kernel.h>
#include <kern/panic.h>
#include <mach/host_priv_server.h>
#include <mach/mach_host_server.h>
#include <mach/mach_port_server.h>
#include <mach/mach_vm_server.h>
#include <mach/portolan_server.h>
#include <mach/task_server.h>
#include <mach/thread_act_server.h>

#define ID_RANGE_SHIFT 9u /* no two subsystems of the kernel share ids with the same high bits */
#define ID_RANGES 16u

_Static_assert(sizeof(mig_reply_error_t) >= sizeof(mach_msg_header_t), "a reply has room for a header");

/* By msgh_id / 512. host (200) and host_priv (400) share the first range. */
static const struct mig_kernel_subsystem *const subsystem_by_range[ID_RANGES] = {
    [0] = &mach_host_subsystem,
    [3200u >> ID_RANGE_SHIFT] = &mach_port_subsystem,
    [3600u >> ID_RANGE_SHIFT] = &thread_act_subsystem,
    [4800u >> ID_RANGE_SHIFT] = &mach_vm_subsystem,
    [5200u >> ID_RANGE_SHIFT] = &portolan_subsystem,
};

struct ipc_port *ipc_kobject_create(enum ipc_kotype type, void *object)
{
    struct ipc_port *port = ipc_port_alloc();
    if (port == NULL)
        return NULL;
    ipc_port_lock(port);
    port->place = IPC_PORT_IN_KERNEL;
    port->kobject = object;
    port->kotype = (uint8_t)type;
    ipc_port_unlock(port);
    return port;
}

void ipc_kobject_destroy(struct ipc_port *port)
{
    ipc_port_destroy(port);
}

void *ipc_kobject_get(struct ipc_port *port, enum ipc_kotype type, void (*ref)(void *object))
{
    void *object = NULL;

    if (!IPC_PORT_VALID(port))
        return NULL;
    ipc_port_lock(port);
    if (port->place == IPC_PORT_IN_KERNEL && port->kotype == type) {
        object = port->kobject;
        ref(object);
    }
    ipc_port_unlock(port);
    return object;
}

static const struct mig_kernel_entry *find_routine(mach_msg_id_t id)
{
    static const struct mig_kernel_subsystem *const crowded[] = {&mach_host_subsystem, &host_priv_subsystem,
                                                                 &mach_port_subsystem, &task_subsystem};
    uint32_t range = (uint32_t)id >> ID_RANGE_SHIFT;

    if (range >= ID_RANGES || subsystem_by_range[range] == NULL)
        return NULL;
    const struct mig_kernel_entry *entry = mig_kernel_lookup(subsystem_by_range[range], id);
    for (uint32_t i = 0; entry == NULL && i < sizeof(crowded) / sizeof(crowded[0]); i++)
        entry = mig_kernel_lookup(crowded[i], id);
    return entry;
}

/* Call the routine; the reply's bytes and rights are in `reply`. */
static kern_return_t call_routine(const struct mig_kernel_entry *entry, struct ipc_kmsg *request,
                                  struct ipc_kmsg *reply)
{
    struct mig_kernel_message in = {.head = &request->head, .port = request->port};
    struct mig_kernel_message out = {.head = &reply->head, .port = reply->port_inline};

    _Static_assert(MIG_KERNEL_PORTS_MAX <= IPC_KMSG_PORTS_INLINE, "rights of a reply fit in the message");
    kern_return_t kr = entry->serve(request->remote, &in, &out);
    if (kr == KERN_SUCCESS && MACH_MSGH_BITS_IS_COMPLEX(reply->head.msgh_bits))
        reply->port_count = ((const mach_msg_base_t *)&reply->head)->body.msgh_descriptor_count;
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

static struct ipc_kmsg *serve_request(struct ipc_kmsg *request)
{
    const struct mig_kernel_entry *entry = find_routine(request->head.msgh_id);
    uint32_t size = entry != NULL ? entry->reply_size : 0;
    struct ipc_kmsg *reply =
        ipc_kmsg_alloc(size > sizeof(mig_reply_error_t) ? size : sizeof(mig_reply_error_t));
    if (reply == NULL)
        return NULL;
    reply->head.msgh_bits = 0;
    kern_return_t kr = entry != NULL ? call_routine(entry, request, reply) : MIG_BAD_ID;
    if (kr == MIG_NO_REPLY || !IPC_PORT_VALID(request->local)) {
        ipc_kmsg_destroy(reply);
        return NULL;
    }
    if (kr != KERN_SUCCESS)
        mig_kernel_reply_result(&reply->head, kr);
    address_reply(request, reply);
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

struct ipc_kmsg *ipc_kobject_serve(struct ipc_kmsg *kmsg)
{
    struct ipc_kmsg *reply = NULL;

    if (kmsg->remote->kotype == IPC_KOTYPE_EXCEPTION_REPLY)
        exception_reply(kmsg->remote, kmsg); /* not a request, but news for the thread that waits */
    else
        reply = serve_request(kmsg);
    consume_remote(kmsg);
    ipc_kmsg_destroy(kmsg);
    return reply;
}
