/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPC to a kernel object, the short way.
 *
 * The routine runs on the request as it came, in registers or in a buffer on the stack, and its reply goes straight back to the
 * caller, if that is alone with its receive port: the queue that both messages would pass through is empty, and nobody could
 * tell the difference.  A message object for the reply is there before the routine runs: if the port is not as it was when the
 * routine is done (another thread sent to it, moved it, destroyed it), the reply is sent to it like any other message.
 *
 * Why it is safe with other CPUs at work:
 * 1  The destination is found without the space's lock, as on the fast path (ipc/ipc_fast.h): taking the port's lock is one
 *    exchange on a word that may be exchanged whatever the entry points to, and then the entry is checked again.  The reference
 *    that is taken under the lock keeps the port while the routine runs.  That of self's own task is kept by the task.
 * 2  The reply port is the one that self has cached, or is found in the same way.  Its `idle` is the value of rx while it
 *    is idle, in this space, under this name; no other incarnation has it.  So the exchange at the end, which locks the
 *    port, proves that the send-once right that the request would have made from it could be used there and then.
 *
 * Atomic read-modify-writes: one exchange and a reference (there and back) for each of the two ports, the own task's excepted.
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
#include <kern/trap.h>
#include <mach/rpc.h>
#include <vm/memory_object.h>

/* Each form is compiled by itself: it is a constant there. */
#define SPECIALISED static inline __attribute__((always_inline))

#define REPLY_ID 100 /* added to the id of the request */

struct kernel_rpc {
    struct thread *self;
    struct ipc_kernel_request request;
    const struct mig_kernel_entry *routine;
    struct ipc_port *object; /* destination: a reference, unless it is that of self's task */
    bool own;                /* it is */
    struct ipc_port *port;   /* where self receives: a reference */
    uint64_t idle;           /* its rx */

    /* what the receiver is told */
    uint64_t label;
    uint32_t seqno;
};

/* --- the two ports --- */

struct ipc_port *ipc_kernel_object_find(const struct ipc_entry *entry, mach_port_name_t name)
{
    struct ipc_port *port = entry->object;

    if (entry->key != name)
        return NULL;
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    bool held = rx == IPC_PORT_RX_KERNEL && entry->key == name && entry->object == port &&
                port->kotype != IPC_KOTYPE_EXCEPTION_REPLY;
    if (held)
        ipc_port_ref(port);
    if (rx != IPC_PORT_RX_LOCKED)
        __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return held ? port : NULL;
}

/* entry: where the destination's name is. */
SPECIALISED bool object_hold(struct kernel_rpc *k, const struct ipc_entry *entry)
{
    if (k->own) {
        k->object = k->self->task->self_port;
        return true;
    }
    k->object = ipc_kernel_object_find(entry, k->request.remote);
    return k->object != NULL;
}

SPECIALISED void object_release(const struct kernel_rpc *k)
{
    if (__builtin_expect(!k->own, 0))
        ipc_port_unref(k->object);
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
            self->rcv_for_calls = ipc_thread_cache(self, port);
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

/*
 * Both ports, and no debt: the reply is not queued, as a rule, and paid for only if it is.
 * Returns false: nothing changed.
 */
SPECIALISED bool hold(struct kernel_rpc *k, const struct ipc_entry *entry)
{
    if (!object_hold(k, entry))
        return false;
    if (ledger_is_solvent(&k->self->task->ledger->messages) && port_hold(k))
        return true;
    object_release(k);
    return false;
}

/* --- the reply --- */

void ipc_kernel_rpc_init(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        cpu_table[i]->reply = ipc_kmsg_alloc_unpaid(IPC_KMSG_ROOM_MIN);
        if (cpu_table[i]->reply == NULL)
            panic("no memory for replies of CPU %u", i);
    }
}

/* All of them leave in registers; the first is the NDR record of every reply. */
SPECIALISED void words_clear(mach_msg_header_t *head)
{
    uint64_t *word = (void *)(head + 1);

    for (unsigned i = 1; i < HAL_RPC_WORDS; i++)
        word[i] = 0;
}

/* Run the routine; *head: where the reply goes. Returns: its result; MIG_NO_REPLY: there is none; KERN_PAGE_WAIT it did nothing, since a
 * pager has what it needs, and the general path can wait. */
SPECIALISED kern_return_t serve(const struct kernel_rpc *k, mach_msg_header_t *head, struct ipc_port **port)
{
    mach_msg_header_t *request = k->request.head;
    struct mig_kernel_message in = {.head = request, .port = NULL};
    struct mig_kernel_message out = {.head = head, .port = port};

    words_clear(head);
    head->msgh_bits = 0;
    kern_return_t kr = k->routine->serve(k->object, &in, &out);
    if (__builtin_expect(kr != KERN_SUCCESS, 0)) {
        words_clear(head);
        mig_kernel_reply_result(head, kr);
    }
    head->msgh_id = request->msgh_id + REPLY_ID;
    return kr;
}

/* The reply leaves in registers. */
SPECIALISED void give_registers(const struct kernel_rpc *k, const mach_msg_header_t *head)
{
    const uint64_t *word = (const void *)(head + 1);
    struct hal_rpc rpc = {.label = k->label, .header = ipc_rpc_header(head)};

    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        rpc.word[i] = word[i];
    hal_uctx_set_rpc(&k->self->uctx, &rpc, MACH_MSG_SUCCESS);
}

/* The reply leaves in memory. */
SPECIALISED void give_buffer(const struct kernel_rpc *k, struct ipc_kmsg *reply)
{
    reply->head.msgh_bits |= MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, 0);
    ipc_msg_write(k->self, reply, k->request.rcv_name, k->label, k->seqno);
}

/* Does the reply fit what self has for it? */
static bool reply_fits(const struct kernel_rpc *k, const struct ipc_kmsg *reply)
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

/* --- in a message object: any reply, in either form --- */

/* Behind hold(). Returns false: nothing changed. */
static __attribute__((noinline)) bool serve_by_message(struct kernel_rpc *k)
{
    struct ipc_kmsg *reply = ipc_kobject_reply_alloc(k->routine);

    if (reply == NULL) {
        object_release(k);
        ipc_port_unref(k->port);
        return false;
    }
    kern_return_t kr = serve(k, &reply->head, reply->port);
    object_release(k);
    if (kr != KERN_SUCCESS)
        ipc_kmsg_free_ports(reply);
    if (kr == KERN_PAGE_WAIT) {
        ipc_kmsg_free(reply);
        ipc_port_unref(k->port);
        return false;
    }
    if (kr == MIG_NO_REPLY) {
        ipc_kmsg_free(reply);
        receive_by_queue(k, NULL);
    } else if (!reply_fits(k, reply) || !port_pass(k)) {
        receive_by_queue(k, reply);
    } else {
        ipc_port_unref(k->port);
        if (k->request.registers) {
            give_registers(k, &reply->head);
            ipc_kmsg_free(reply);
        } else {
            give_buffer(k, reply);
        }
    }
    return true;
}

bool ipc_kernel_rpc(struct thread *self, const struct ipc_kernel_request *request)
{
    struct kernel_rpc k = {
        .self = self, .request = *request, .routine = ipc_kobject_routine(request->head->msgh_id)};
    const struct ipc_entry *entry = ipc_entry_peek(self->space, request->remote);

    if (k.routine == NULL || entry == NULL)
        return false;
    k.own = ipc_entry_means_task(self, entry, request->remote);
    return hold(&k, entry) && serve_by_message(&k);
}

/* --- in registers, where most replies fit --- */

struct small_message {
    mach_msg_header_t head;
    uint64_t word[HAL_RPC_WORDS];
};
_Static_assert(sizeof(struct small_message) == IPC_KMSG_ROOM_MIN, "it fits the message that a CPU keeps");

/* Without rights, and the CPU has a message for it, should it have to be queued: no allocation, no failure. */
SPECIALISED bool reply_is_small(const struct mig_kernel_entry *routine)
{
    return routine->reply_ports == 0 && routine->reply_size <= IPC_KMSG_ROOM_MIN &&
           hal_cpu_self()->reply != NULL;
}

/* The port is not as it was. The CPU's message goes; without memory for another it has none till a later one. */
static __attribute__((noinline)) void queue_small(struct kernel_rpc *k, const struct small_message *m)
{
    struct cpu *cpu = hal_cpu_self();
    struct ipc_kmsg *reply = cpu->reply;

    memcpy(&reply->head, &m->head, m->head.msgh_size);
    cpu->reply = ipc_kmsg_alloc_unpaid(IPC_KMSG_ROOM_MIN);
    receive_by_queue(k, reply);
}

/* The slow ends take a copy, so that what is copied can stay in registers. */
SPECIALISED struct uctx *rest_by_message(struct kernel_rpc k)
{
    return serve_by_message(&k) ? trap_exit(k.self) : NULL;
}

/* kr: of serve(). Returns NULL: nothing changed. */
SPECIALISED struct uctx *rest_by_queue(struct kernel_rpc k, kern_return_t kr,
                                       const struct small_message *reply)
{
    if (kr == KERN_PAGE_WAIT) {
        ipc_port_unref(k.port);
        return NULL;
    }
    if (kr != MIG_NO_REPLY)
        queue_small(&k, reply);
    else
        receive_by_queue(&k, NULL);
    return trap_exit(k.self);
}

/* own, entry: as of ipc_kernel_rpc_own() and ipc_kernel_rpc_object(). */
SPECIALISED struct uctx *registers(struct thread *self, const bool own, const struct ipc_entry *entry)
{
    struct small_message in, out;
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    in.head.msgh_bits = 0;
    in.head.msgh_size = ipc_rpc_size(rpc.header);
    in.head.msgh_id = (mach_msg_id_t)(uint32_t)rpc.header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        in.word[i] = rpc.word[i];
    struct kernel_rpc k = {.self = self,
                           .request = {&in.head, rpc.remote, rpc.local, .registers = true},
                           .routine = ipc_kobject_routine(in.head.msgh_id),
                           .own = own};
    if (in.head.msgh_size == 0 || k.routine == NULL || !hold(&k, entry))
        return NULL;
    if (__builtin_expect(!reply_is_small(k.routine), 0))
        return rest_by_message(k);
    kern_return_t kr = serve(&k, &out.head, NULL);
    object_release(&k);
    if (__builtin_expect(kr == MIG_NO_REPLY || kr == KERN_PAGE_WAIT || !port_pass(&k), 0))
        return rest_by_queue(k, kr, &out);
    ipc_port_unref(k.port);
    give_registers(&k, &out.head);
    return trap_exit_running(self);
}

struct uctx *ipc_kernel_rpc_own(struct thread *self)
{
    return registers(self, true, NULL);
}

struct uctx *ipc_kernel_rpc_object(struct thread *self, const struct ipc_entry *entry)
{
    return registers(self, false, entry);
}
