/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPC to a kernel object, the short way.
 *
 * The routine runs on the request as it came, in registers or in a buffer on the stack, and its reply goes straight back to the
 * caller, if that is alone with its receive port: the queue that both messages would pass through is empty, and nobody could
 * tell the difference.  Only the reply is a message object, taken before the routine runs: if the port is not as it was when the
 * routine is done (another thread sent to it, moved it, destroyed it), the reply is sent to it like any other message.
 *
 * Why it is safe with other CPUs at work:
 * 1  The destination is found without the space's lock, as on the fast path (ipc/ipc_fast.h): taking the port's lock is one
 *    exchange on a word that may be exchanged whatever the entry points to, and then the entry is checked again.  The reference
 *    that is taken under the lock keeps the port while the routine runs.
 * 2  The reply port is the one that self has cached, or is found in the same way.  Its `idle` is the value of rx while it
 *    is idle, in this space, under this name; no other incarnation has it.  So the exchange at the end, which locks the
 *    port, proves that the send-once right that the request would have made from it could be used there and then.
 *
 * Atomic read-modify-writes: one exchange and a reference (there and back) for each of the two ports.
 */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/kernel_rpc.h>
#include <ipc/kmsg.h>
#include <ipc/kobject.h>
#include <ipc/msg.h>
#include <ipc/right.h>
#include <kern/ledger.h>
#include <kern/mig_kernel.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/task.h>
#include <mach/rpc.h>
#include <vm/vm_map.h>

/* Each form is compiled by itself: it is a constant there. */
#define SPECIALISED static inline __attribute__((always_inline))

#define REPLY_ID 100 /* added to the id of the request */

struct kernel_rpc {
    struct thread *self;
    struct ipc_kernel_request request;
    struct ipc_port *object; /* destination: a reference */
    struct ipc_port *port;   /* where self receives: a reference */
    uint64_t idle;           /* its rx */

    /* what the receiver is told */
    uint64_t label;
    uint32_t seqno;
};

/* --- the two ports --- */

SPECIALISED bool object_hold(struct kernel_rpc *k)
{
    mach_port_name_t name = k->request.remote;
    const struct ipc_entry *entry = ipc_entry_peek(k->self->space, name);

    if (entry == NULL || entry->key != name)
        return false;
    struct ipc_port *port = entry->object;

    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    bool held = rx == IPC_PORT_RX_KERNEL && entry->key == name && entry->object == port &&
                port->kotype != IPC_KOTYPE_EXCEPTION_REPLY;
    if (held) {
        k->object = port;
        ipc_port_ref(port);
    }
    if (rx != IPC_PORT_RX_LOCKED)
        __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return held;
}

/*
 * The port is not the one that self has cached.  It becomes that if self has none; a server that calls the kernel between
 * two requests keeps the port of its service.
 */
static __attribute__((noinline)) struct ipc_port *port_find(struct thread *self, mach_port_name_t name,
                                                            uint64_t *idle)
{
    const struct ipc_entry *entry = ipc_entry_peek(self->space, name);

    ipc_thread_settle(self);
    if (entry == NULL || ~entry->key != name)
        return NULL;
    struct ipc_port *port = entry->object;
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (rx == IPC_PORT_RX_LOCKED)
        return NULL;
    bool found = (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0 && ~entry->key == name &&
                 entry->object == port && rx == port->idle;
    if (found) {
        *idle = rx;
        ipc_port_ref(port);
        if (self->rcv_port == NULL)
            (void)ipc_thread_cache(self, port);
    }
    __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return found ? port : NULL;
}

SPECIALISED bool port_hold(struct kernel_rpc *k)
{
    struct thread *self = k->self;
    uint64_t idle = 0;

    if (__builtin_expect(self->rcv_name != k->request.rcv_name || self->rcv_set != NULL, 0)) {
        k->port = port_find(self, k->request.rcv_name, &idle);
        k->idle = idle;
        return k->port != NULL;
    }
    k->port = self->rcv_port;
    k->idle = self->rcv_idle;
    if (__atomic_load_n(&k->port->rx, __ATOMIC_RELAXED) != k->idle)
        return false;
    ipc_port_ref(k->port);
    return true;
}

/* Is the port as it was? Then a message has come to it and was taken. */
SPECIALISED bool port_pass(struct kernel_rpc *k)
{
    struct ipc_port *port = k->port;
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);

    if (__builtin_expect(rx != k->idle, 0)) { /* somebody has its lock, or it changed */
        if (rx != IPC_PORT_RX_LOCKED)
            __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
        return false;
    }
    k->label = port->context;
    k->seqno = port->seqno++;
    __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return true;
}

/* --- the reply --- */

/*
 * Does the reply fit the message that the CPU keeps for it?  In registers, without rights, most do: no allocation, no failure.
 */
SPECIALISED bool reply_is_kept(const struct kernel_rpc *k, const struct mig_kernel_entry *entry)
{
    return k->request.registers && entry->reply_ports == 0 && entry->reply_size <= IPC_KMSG_ROOM_MIN;
}

SPECIALISED struct ipc_kmsg *reply_alloc(const struct kernel_rpc *k, const struct mig_kernel_entry *entry)
{
    struct cpu *cpu = hal_cpu_self();
    struct ipc_kmsg *kept = cpu->reply;

    if (__builtin_expect(kept == NULL || !reply_is_kept(k, entry), 0))
        return ipc_kobject_reply_alloc(entry);
    cpu->reply = NULL;
    return kept;
}

SPECIALISED void reply_free(const struct kernel_rpc *k, const struct mig_kernel_entry *entry,
                            struct ipc_kmsg *reply)
{
    struct cpu *cpu = hal_cpu_self();

    if (__builtin_expect(cpu->reply != NULL || !reply_is_kept(k, entry), 0))
        ipc_kmsg_free(reply);
    else
        cpu->reply = reply;
}

void ipc_kernel_rpc_init(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        cpu_table[i]->reply = ipc_kmsg_alloc_unpaid(IPC_KMSG_ROOM_MIN);
        if (cpu_table[i]->reply == NULL)
            panic("no memory for replies of CPU %u", i);
    }
}

/* Run the routine. Returns false: there is no reply. */
SPECIALISED bool serve(struct kernel_rpc *k, const struct mig_kernel_entry *entry, struct ipc_kmsg *reply)
{
    mach_msg_header_t *head = k->request.head;
    struct mig_kernel_message in = {.head = head, .port = NULL};
    struct mig_kernel_message out = {.head = &reply->head, .port = reply->port};
    uint64_t *word = (void *)(&reply->head + 1);

    reply->head.msgh_bits = 0;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        word[i] = 0; /* all of them leave in registers */
    kern_return_t kr = entry->serve(k->object, &in, &out);
    if (__builtin_expect(kr != KERN_SUCCESS, 0)) {
        ipc_kmsg_free_ports(reply);
        if (kr == MIG_NO_REPLY)
            return false;
        for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
            word[i] = 0;
        mig_kernel_reply_result(&reply->head, kr);
    }
    reply->head.msgh_id = head->msgh_id + REPLY_ID;
    return true;
}

/* The reply leaves in registers. */
SPECIALISED void give_registers(const struct kernel_rpc *k, const struct mig_kernel_entry *entry,
                                struct ipc_kmsg *reply)
{
    const uint64_t *word = (const void *)(&reply->head + 1);
    struct hal_rpc rpc = {.label = k->label, .header = ipc_rpc_header(&reply->head)};

    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        rpc.word[i] = word[i];
    reply_free(k, entry, reply);
    hal_uctx_set_rpc(&k->self->uctx, &rpc, MACH_MSG_SUCCESS);
}

/* The reply leaves in memory. */
SPECIALISED void give_buffer(const struct kernel_rpc *k, struct ipc_kmsg *reply)
{
    reply->head.msgh_bits |= MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, 0);
    ipc_msg_write(k->self, reply, k->request.rcv_name, k->label, k->seqno);
}

/* Does the reply fit what self has for it? */
SPECIALISED bool reply_fits(const struct kernel_rpc *k, const struct ipc_kmsg *reply)
{
    const struct uctx *u = &k->self->uctx;

    if (k->request.registers)
        return ipc_rpc_fits(reply);
    return ipc_receive_size(reply, (uint32_t)hal_uctx_arg(u, 1)) <= (uint32_t)hal_uctx_arg(u, 3);
}

/* The reply, if there is one, goes through the queue after all; then self receives what comes first. */
static __attribute__((noinline)) void receive_by_queue(struct kernel_rpc *k, struct ipc_kmsg *reply)
{
    struct thread *self = k->self;
    struct thread *receiver = NULL;

    if (reply != NULL) {
        ipc_kmsg_charge_forced(reply, &self->task->ledger->messages);
        reply->head.msgh_bits |= MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, 0);
        reply->remote = ipc_port_make_send_once(k->port);
        (void)ipc_msg_dispatch(reply, NULL, NULL, &receiver); /* a send-once right always has room */
    }
    ipc_port_unref(k->port);
    self->op.ipc.registers = k->request.registers;
    ipc_receive_decode(self);
    if (k->request.registers)
        ipc_rpc_receive_options(self);
    self->op.ipc.rcv_name = k->request.rcv_name;
    ipc_msg_receive(self, receiver);
}

SPECIALISED bool kernel_rpc(struct thread *self, struct ipc_kernel_request request)
{
    struct kernel_rpc k = {.self = self, .request = request};
    const struct mig_kernel_entry *entry = ipc_kobject_routine(request.head->msgh_id);
    struct ipc_kmsg *reply;

    if (entry == NULL || !object_hold(&k))
        return false;
    if (!port_hold(&k))
        goto no_port;
    /* the reply is not queued, as a rule, and paid for only if it is */
    if (!ledger_is_solvent(&self->task->ledger->messages) || (reply = reply_alloc(&k, entry)) == NULL)
        goto no_reply;
    bool replies = serve(&k, entry, reply);
    ipc_port_unref(k.object);
    if (__builtin_expect(!replies || !reply_fits(&k, reply) || !port_pass(&k), 0)) {
        struct kernel_rpc rest = k; /* so that k itself can stay in registers */
        if (!replies)
            reply_free(&k, entry, reply);
        else if (hal_cpu_self()->reply == NULL)
            hal_cpu_self()->reply = ipc_kmsg_alloc_unpaid(
                IPC_KMSG_ROOM_MIN); /* this one goes; without memory, till a later one */
        receive_by_queue(&rest, replies ? reply : NULL);
        return true;
    }
    ipc_port_unref(k.port);
    if (request.registers)
        give_registers(&k, entry, reply);
    else
        give_buffer(&k, reply);
    return true;

no_reply:
    ipc_port_unref(k.port);
no_port:
    ipc_port_unref(k.object);
    return false;
}

bool ipc_kernel_rpc(struct thread *self, const struct ipc_kernel_request *request)
{
    return kernel_rpc(self, *request);
}

bool ipc_kernel_rpc_registers(struct thread *self)
{
    struct {
        mach_msg_header_t head;
        uint64_t word[HAL_RPC_WORDS];
    } m;
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    m.head = (mach_msg_header_t){.msgh_size = ipc_rpc_size(rpc.header),
                                 .msgh_id = (mach_msg_id_t)(uint32_t)rpc.header};
    if (m.head.msgh_size == 0)
        return false;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m.word[i] = rpc.word[i];
    struct ipc_kernel_request request = {
        .head = &m.head, .remote = rpc.remote, .rcv_name = rpc.local, .registers = true};
    return kernel_rpc(self, request);
}
