/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages inside the kernel: memory, and the end of unwanted ones.
 *
 * Destroying a message may destroy a port, whose queue holds messages that may hold ports ...  So whoever destroys a message
 * only puts it on a list of the CPU's; the way out of the kernel buries what is there, one by one, with an empty stack
 * and interrupts served in between (kern/exit.c).
 */
#include <hal/hal.h>
#include <ipc/kmsg.h>
#include <ipc/kobject.h>
#include <ipc/mqueue.h>
#include <ipc/notify.h>
#include <ipc/ool.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/cpu.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/thread.h>
#include <vm/vm_map_copy.h>

struct cache ipc_kmsg_cache;

void ipc_kmsg_init_module(void)
{
    cache_init(&ipc_kmsg_cache, "ipc_kmsg", IPC_KMSG_SMALL, 64);
}

struct ipc_kmsg *ipc_kmsg_alloc_unpaid(uint32_t size)
{
    size_t total = offsetof(struct ipc_kmsg, head) + size + MAX_TRAILER_SIZE;

    KASSERT(size >= sizeof(mach_msg_header_t) && size <= IPC_KMSG_SIZE_MAX);
    struct ipc_kmsg *kmsg = total <= IPC_KMSG_SMALL ? cache_alloc_inline(&ipc_kmsg_cache) : kmem_alloc(total);
    if (kmsg == NULL)
        return NULL;
    if (total <= IPC_KMSG_SMALL)
        ipc_kmsg_construct(kmsg, IPC_KMSG_SMALL_ROOM, IPC_KMSG_SMALL, NULL);
    else
        ipc_kmsg_construct(kmsg, size + MAX_TRAILER_SIZE, (uint32_t)total, NULL);
    return kmsg;
}

bool ipc_kmsg_pay(struct ipc_kmsg *kmsg, struct ledger_account *payer)
{
    if (!ledger_charge(payer, kmsg->charged))
        return false;
    kmsg->payer = payer;
    return true;
}

struct ipc_kmsg *ipc_kmsg_alloc(uint32_t size, struct ledger_account *payer)
{
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc_unpaid(size);

    if (kmsg == NULL || ipc_kmsg_pay(kmsg, payer))
        return kmsg;
    ipc_kmsg_free(kmsg);
    return NULL;
}

bool ipc_kmsg_charge(struct ipc_kmsg *kmsg, uint64_t bytes)
{
    if (kmsg->payer != NULL && !ledger_charge(kmsg->payer, bytes))
        return false;
    kmsg->charged += (uint32_t)bytes;
    return true;
}

void ipc_kmsg_charge_forced(struct ipc_kmsg *kmsg, struct ledger_account *payer)
{
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(kmsg);
    uint32_t before = kmsg->payer != NULL ? kmsg->charged : 0;

    for (uint32_t i = 0; i < kmsg->port_count; i++, d = ipc_descriptor_next(d)) {
        if (d->type.type == MACH_MSG_OOL_PORTS_DESCRIPTOR)
            kmsg->charged += d->ool_ports.count * (uint32_t)sizeof(struct ipc_port *);
    }
    kmsg->payer = payer;
    ledger_charge_forced(payer, kmsg->charged - before);
}

kern_return_t ipc_kmsg_alloc_ports(struct ipc_kmsg *kmsg, uint32_t count)
{
    KASSERT(count <= IPC_KMSG_DESCRIPTORS_MAX);
    if (count > IPC_KMSG_PORTS_INLINE) {
        if (!ipc_kmsg_charge(kmsg, count * sizeof(*kmsg->port)))
            return KERN_RESOURCE_SHORTAGE;
        kmsg->port = kmem_alloc(count * sizeof(*kmsg->port));
        if (kmsg->port == NULL) {
            kmsg->port = kmsg->port_inline;
            return KERN_RESOURCE_SHORTAGE;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        kmsg->port[i] = NULL;
    kmsg->port_count = count;
    return KERN_SUCCESS;
}

void ipc_kmsg_free_ports(struct ipc_kmsg *kmsg)
{
    if (kmsg->port != kmsg->port_inline)
        kmem_free(kmsg->port, kmsg->port_count * sizeof(*kmsg->port));
    kmsg->port = kmsg->port_inline;
    kmsg->port_count = 0;
}

void ipc_kmsg_free(struct ipc_kmsg *kmsg)
{
    if (kmsg->port != kmsg->port_inline)
        ipc_kmsg_free_ports(kmsg);
    if (kmsg->payer != NULL)
        ledger_uncharge(kmsg->payer, kmsg->charged);
    if (kmsg->capacity <= IPC_KMSG_SMALL_ROOM)
        cache_free_inline(&ipc_kmsg_cache, kmsg);
    else
        kmem_free(kmsg, offsetof(struct ipc_kmsg, head) + kmsg->capacity);
}

/* --- what is in it --- */

/* The rights of a descriptor. Returns how many there are. */
static uint32_t descriptor_rights(struct ipc_kmsg_walk *w)
{
    const mach_msg_descriptor_t *d = w->descriptor;

    if (d->type.type == MACH_MSG_PORT_DESCRIPTOR) {
        w->port = &w->kmsg->port[w->index];
        w->type = d->port.disposition;
        return 1;
    }
    if (d->type.type == MACH_MSG_OOL_DESCRIPTOR)
        return 0;
    w->port = ipc_ool_ports(&d->ool_ports);
    w->type = d->ool_ports.disposition;
    return w->port != NULL ? d->ool_ports.count : 0;
}

bool ipc_kmsg_walk_next(struct ipc_kmsg_walk *w)
{
    if (w->descriptor == NULL)
        w->descriptor = ipc_kmsg_descriptors(w->kmsg);
    while (w->index < w->kmsg->port_count) {
        if (w->element < descriptor_rights(w)) {
            w->port += w->element++;
            return true;
        }
        w->index++;
        w->element = 0;
        w->descriptor = ipc_descriptor_next(w->descriptor);
    }
    return false;
}

void ipc_kmsg_release(struct ipc_kmsg *kmsg)
{
    struct ipc_kmsg_walk walk = {.kmsg = kmsg};

    ipc_right_destroy(kmsg->remote, MACH_MSGH_BITS_REMOTE(kmsg->head.msgh_bits));
    ipc_right_destroy(kmsg->local, MACH_MSGH_BITS_LOCAL(kmsg->head.msgh_bits));
    while (ipc_kmsg_walk_next(&walk)) {
        if (walk.type == MACH_MSG_TYPE_PORT_RECEIVE && IPC_PORT_VALID(*walk.port))
            ipc_transit_end(*walk.port);
        ipc_right_destroy(*walk.port, walk.type);
    }
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(kmsg);
    for (uint32_t i = 0; i < kmsg->port_count; i++, d = ipc_descriptor_next(d)) {
        if (d->type.type == MACH_MSG_OOL_PORTS_DESCRIPTOR)
            ipc_ool_ports_free(&d->ool_ports);
        else if (d->type.type == MACH_MSG_OOL_DESCRIPTOR)
            vm_map_copy_discard(ipc_ool_copy(&d->out_of_line));
    }
    if (kmsg->port != kmsg->port_inline)
        kmem_free(kmsg->port, kmsg->port_count * sizeof(*kmsg->port));
    kmsg->port = kmsg->port_inline;
    kmsg->port_count = 0;
    kmsg->remote = NULL;
    kmsg->local = NULL;
}

void ipc_kmsg_destroy(struct ipc_kmsg *kmsg)
{
    struct cpu *cpu = hal_cpu_self();

    list_insert_tail(&cpu->graves, &kmsg->link);
    smp_kick(cpu); /* the short ways out do not look */
}

/* The right of a client that waits for an answer to this message, taken out of it; NULL if there is none. */
static struct ipc_port *take_reply_right(struct ipc_kmsg *kmsg)
{
    struct ipc_port *reply = kmsg->local;

    if (MACH_MSGH_BITS_LOCAL(kmsg->head.msgh_bits) != MACH_MSG_TYPE_PORT_SEND_ONCE ||
        !IPC_PORT_VALID(reply) || ipc_port_place(reply) == IPC_PORT_IS_DEAD ||
        ipc_port_kotype(reply) != IPC_KOTYPE_NONE)
        return NULL;
    kmsg->local = NULL;
    return reply;
}

void ipc_kmsg_bury(struct ipc_kmsg *kmsg)
{
    struct ipc_port *reply = take_reply_right(kmsg);

    ipc_kobject_forget(kmsg);
    ipc_kmsg_release(kmsg);
    if (reply != NULL)
        ipc_notify_send_once_in(kmsg, reply);
    else
        ipc_kmsg_free(kmsg);
}

void ipc_kmsg_bury_first(struct cpu *cpu)
{
    ipc_kmsg_bury(CONTAINER_OF(list_pop(&cpu->graves), struct ipc_kmsg, link));
}

/* Returns: who was given the message, claimed, or NULL. */
static struct thread *send_from_kernel(struct ipc_kmsg *kmsg)
{
    struct thread *receiver = NULL;

    if (ipc_port_kotype(kmsg->remote) != IPC_KOTYPE_NONE) {
        ipc_kobject_tell(kmsg);
        return NULL;
    }
    if (kmsg->port_count > 0 && !ipc_transit_begin(kmsg)) {
        ipc_kmsg_destroy(kmsg);
        return NULL;
    }
    switch (ipc_mqueue_send(kmsg, true, NULL, NULL, &receiver)) {
    case IPC_SEND_DELIVERED:
        return receiver;
    case IPC_SEND_DEAD:
        ipc_kmsg_destroy(kmsg);
        return NULL;
    default:
        return NULL;
    }
}

void ipc_kmsg_send_from_kernel(struct ipc_kmsg *kmsg)
{
    struct thread *receiver = send_from_kernel(kmsg);

    if (receiver != NULL)
        thread_wakeup(receiver, THREAD_AWAKENED);
}

void ipc_kmsg_send_and_handoff(struct ipc_kmsg *kmsg)
{
    struct thread *receiver = send_from_kernel(kmsg);

    if (receiver != NULL)
        thread_handoff(receiver);
}
