/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch: the steps that its ways share, for messages without a body (ipc/direct.c), with rights (ipc/direct_rights.c) and with memory
 * (ipc/direct_memory.c).
 */
#ifndef IPC_DIRECT_H
#define IPC_DIRECT_H

#include <hal/hal.h>
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/msg.h>
#include <ipc/pset.h>
#include <kern/fpu.h>
#include <kern/task.h>
#include <kern/trap.h>
#include <mach/message.h>
#include <mach/rpc.h>
#include <vm/pmap.h>
#include <vm/vm_map.h>

#define IPC_DIRECT_CALL MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define IPC_DIRECT_REPLY MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0)
/* Those of an RPC without any others. */
#define IPC_DIRECT_OPTIONS ((uint32_t)(MACH_SEND_MSG | MACH_RCV_MSG))
#define IPC_DIRECT_SIZE_MAX (IPC_DIRECT_BUFFER_SIZE - MAX_TRAILER_SIZE)
/*
 * A message up to this size is read before it is known whether it can go this way: one whose body has none of the bits of BODY_LARGE
 * in its size, so that this is a multiple of 4, too.
 */
#define IPC_DIRECT_BODY_MAX 0xfcu
#define IPC_DIRECT_BODY_LARGE (~IPC_DIRECT_BODY_MAX)
#define IPC_DIRECT_SMALL ((uint32_t)sizeof(mach_msg_header_t) + IPC_DIRECT_BODY_MAX)

/* Each way through is compiled by itself: the forms and the direction are constants there. */
#define SPECIALISED static inline __attribute__((always_inline))
/* What is rare is kept out of them, and out of the registers that they need. */
#define NOINLINE __attribute__((noinline))

/* The buffer of a CPU. Its trailer is behind the bytes of a message. */
struct direct_message {
    mach_msg_header_t head;
    uint64_t body[(IPC_DIRECT_BUFFER_SIZE - sizeof(mach_msg_header_t)) / sizeof(uint64_t)];
};
_Static_assert(sizeof(struct direct_message) == IPC_DIRECT_BUFFER_SIZE, "a whole number of pages");

struct direct {
    struct thread *self;
    struct cpu *cpu;
    uint64_t rcv_name;       /* what self's has to be */
    struct ipc_entry *entry; /* of the destination, in self's space */
    struct ipc_port *port;
    struct ipc_pset *set; /* that next waits on, if it is `member` */
    uint64_t rx;          /* what the rx held that next waits in */
    struct thread *next;
    uint64_t token; /* of next's address space */
    uint64_t label; /* this, and the next four: what the receiver is told */
    uint32_t seqno;
    mach_port_name_t name; /* of the port */
    mach_port_name_t reply_name;
    uint32_t trailer_size; /* in the buffer form */
    uint32_t size;         /* of the message */
    mach_port_name_t remote;
    bool reply;          /* by a send-once right, else a call by a send right */
    bool registers;      /* self's form */
    bool timed;          /* self waits until rcv_wake_time at the latest */
    bool next_registers; /* next's form */
    bool rights;         /* or memory: it has a body, for the buffer form only */
    bool member;         /* next waits on a set that the port is in */
};

SPECIALISED mach_msg_max_trailer_t *trailer_of(const struct direct *d, struct direct_message *m)
{
    return (void *)((char *)m + d->size);
}

/* Has the receive of self's trap a time? */
SPECIALISED bool receive_is_timed(const struct thread *self, bool registers)
{
    struct hal_rpc rpc;

    if (!registers)
        return ((uint32_t)hal_uctx_arg(&self->uctx, 1) & (uint32_t)MACH_RCV_TIMEOUT) != 0;
    hal_uctx_get_rpc(&self->uctx, &rpc);
    return (rpc.header & MACH_RPC_TIMED) != 0;
}

/* --- the partner --- */

/* Does the entry still give the right that self uses? */
SPECIALISED bool entry_holds(const struct direct *d)
{
    if (d->reply)
        return ~d->entry->key == d->remote && d->entry->bits == MACH_PORT_TYPE_SEND_ONCE;
    /* a send right, alone or (key is ~name then) beside the receive right */
    return d->entry->key == d->remote ||
           (~d->entry->key == d->remote && d->entry->bits == MACH_PORT_TYPE_SEND_RECEIVE);
}

/* The entry of a call, found by the name; the one last called is remembered, as in ipc/ipc_fast.h. */
SPECIALISED struct ipc_entry *call_entry(const struct direct *d)
{
    struct thread *self = d->self;
    const struct ipc_space *space = self->space;
    uint32_t index = IPC_NAME_INDEX(d->remote);

    if (self->call_entry->key == d->remote)
        return self->call_entry;
    /* acquire: as in ipc/ipc_fast.h */
    if (index >= __atomic_load_n(&space->size, __ATOMIC_ACQUIRE))
        return NULL;
    struct ipc_entry *entry = &space->leaf[index >> IPC_LEAF_SHIFT][index & (IPC_LEAF_ENTRIES - 1)];
    if (entry->key == d->remote)
        self->call_entry = entry;
    return entry;
}

SPECIALISED bool find_destination(struct direct *d)
{
    const struct thread *self = d->self;

    if (self->rcv_name != d->rcv_name || (!d->reply && self->rcv_loan == 0))
        return false;
    d->entry = d->reply ? self->reply_entry : call_entry(d);
    if (d->entry == NULL)
        return false;
    d->port = d->entry->object;
    return entry_holds(d);
}

/*
 * Can `next` take the message in the form in which it waits?  Self's tokens are read here, if it wants them: later, self may have
 * ended.
 */
SPECIALISED bool receiver_accepts(struct direct *d, struct direct_message *m)
{
    if (d->next_registers)
        return !d->rights && d->size <= sizeof(mach_msg_header_t) + HAL_RPC_WORDS * sizeof(uint64_t) &&
               d->size % 8 == 0;
    const struct uctx *u = &d->next->uctx;
    d->trailer_size = (uint32_t)REQUESTED_TRAILER_SIZE((uint32_t)hal_uctx_arg(u, 1));
    if (d->trailer_size > sizeof(mach_msg_seqno_trailer_t))
        task_token_read(&d->self->task->token, &trailer_of(d, m)->msgh_sender);
    return d->size + d->trailer_size <= (uint32_t)hal_uctx_arg(u, 3);
}

/* Is next, whose port we locked, one to switch to? */
SPECIALISED bool partner_fits(struct direct *d, struct direct_message *m)
{
    const struct thread *next = d->next;
    uint64_t priority = __atomic_load_n(d->reply ? &next->priority : &d->self->priority, __ATOMIC_RELAXED);

    d->token = __atomic_load_n(&next->pmap->token, __ATOMIC_RELAXED);
    return entry_holds(d) && d->entry->object == d->port && next->cpu == d->cpu && d->token != 0 &&
           priority >= __atomic_load_n(&d->cpu->top_priority, __ATOMIC_RELAXED) &&
           (d->reply ? !d->member || next->rcv_port == d->port /* whose right goes back on loan */
                     : __atomic_load_n(&next->reply_entry->bits, __ATOMIC_ACQUIRE) == 0) &&
           receiver_accepts(d, m);
}

/* What was locked is as it was before. */
SPECIALISED void put_back(const struct direct *d)
{
    uint64_t rx = d->rx;

    if (d->member) {
        __atomic_store_n(&d->set->rx, rx, __ATOMIC_RELEASE);
        rx = (uint64_t)(uintptr_t)d->set + IPC_PORT_RX_COMPLEX;
    }
    __atomic_store_n(&d->port->rx, rx, __ATOMIC_RELEASE);
}

/* Take the partner out of rx, which held this, is locked now, and is even; false: everything is as before. */
SPECIALISED bool take_receiver(struct direct *d, struct direct_message *m, uint64_t rx)
{
    d->rx = rx;
    d->next = (struct thread *)(uintptr_t)(rx & ~IPC_PORT_RX_FORM);
    d->next_registers = (rx & IPC_PORT_RX_BUFFER) == 0;
    if (partner_fits(d, m))
        return true;
    put_back(d);
    return false;
}

/* Lock the destination. Returns: what its rx held. */
SPECIALISED uint64_t lock_port(const struct direct *d)
{
    return __atomic_exchange_n(&d->port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
}

/* Nobody is to be taken there. */
SPECIALISED void unlock_port(const struct direct *d, uint64_t rx)
{
    if (rx != IPC_PORT_RX_LOCKED)
        __atomic_store_n(&d->port->rx, rx, __ATOMIC_RELEASE);
}

/* --- the switch --- */

/* The right is used; the name steps to its next generation. */
SPECIALISED void reply_right_use(const struct direct *d)
{
    d->entry->bits = 0;
    d->entry->generation--;
    __atomic_store_n(&d->self->priority, __atomic_load_n(&d->self->own_priority, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
}

/* What the receive needs to know later is in the arguments of self's trap: ipc_receive_decode(). */
SPECIALISED void wait_begin(struct direct *d)
{
    struct thread *self = d->self;

    __atomic_store_n(&self->state, d->timed ? THREAD_RECEIVING_TIMED : THREAD_RECEIVING, __ATOMIC_RELAXED);
    if (d->reply)
        reply_right_use(d);
    else
        self->rcv_loan--;
}

/* Take all that back, self's priority too. used: the entry of the reply right; NULL: it was a call. */
void ipc_direct_wait_undo(struct thread *self, struct ipc_entry *used, uint64_t priority);

/* Self becomes the waiter of its receive port, its right is used; false: it can't, everything is as before. */
SPECIALISED bool become_waiter(struct direct *d)
{
    struct thread *self = d->self;
    uint64_t priority = __atomic_load_n(&self->priority, __ATOMIC_RELAXED);
    uint64_t idle = self->rcv_idle;
    uint64_t waiter = (uint64_t)(uintptr_t)self | (d->registers ? 0 : ipc_msg_rx_form(self));

    fpu_release(d->cpu);
    wait_begin(d);
    if (!__atomic_compare_exchange_n(self->rcv_rx, &idle, waiter, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED)) {
        ipc_direct_wait_undo(self, d->reply ? d->entry : NULL, priority);
        return false;
    }
    /* self is not touched any more */
    if (!d->reply && __atomic_load_n(&d->next->priority, __ATOMIC_RELAXED) < priority)
        __atomic_store_n(&d->next->priority, priority, __ATOMIC_RELAXED);
    return true;
}

/* The partner is ours and self waits; false: everything is as before. Context, rx: as take_receiver(). */
SPECIALISED bool partners_change(struct direct *d, struct direct_message *m, uint64_t rx)
{
    if (!take_receiver(d, m, rx))
        return false;
    if (become_waiter(d))
        return true;
    put_back(d);
    return false;
}

/* The same where no thread waits at the port, whose rx held this, but perhaps one on a set that it is in. */
SPECIALISED bool partners_change_member(struct direct *d, struct direct_message *m, uint64_t rx)
{
    uint64_t waiter = IPC_PORT_RX_LOCKED;

    d->member = true;
    d->set = ipc_port_rx_set(rx);
    if (d->set != NULL)
        waiter = __atomic_exchange_n(&d->set->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if ((waiter & 1) == 0)
        return partners_change(d, m, waiter);
    if (waiter != IPC_PORT_RX_LOCKED)
        __atomic_store_n(&d->set->rx, waiter, __ATOMIC_RELEASE);
    unlock_port(d, rx);
    return false;
}

/* The port, and the set, have no waiter any more. */
SPECIALISED void unlock(const struct direct *d)
{
    uint64_t rx = d->port->idle;

    if (d->member) {
        __atomic_store_n(&d->set->rx, d->set->idle, __ATOMIC_RELEASE);
        rx = (uint64_t)(uintptr_t)d->set + IPC_PORT_RX_COMPLEX;
    }
    __atomic_store_n(&d->port->rx, rx, __ATOMIC_RELEASE);
}

/* The partner gets the reply right and the CPU; its port is unlocked. receive: where the answer to self goes. */
SPECIALISED void switch_to_next(struct direct *d, struct ipc_port *receive)
{
    struct thread *next = d->next;
    struct ipc_port *port = d->port;

    d->label = port->context;
    d->name = port->name;
    d->seqno = port->seqno++;
    d->reply_name = MACH_PORT_NULL;
    if (d->reply) {
        next->rcv_loan++;
    } else {
        struct ipc_entry *mint = next->reply_entry;
        mint->object = receive;
        __atomic_store_n(&mint->bits, MACH_PORT_TYPE_SEND_ONCE, __ATOMIC_RELEASE);
        d->reply_name = ~mint->key;
    }
    __atomic_store_n(&next->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    unlock(d);
    d->cpu->current = next;
    if (d->cpu->pmap != next->pmap) {
        __atomic_store_n(&d->cpu->pmap, next->pmap, __ATOMIC_RELAXED);
        hal_pt_activate(d->token);
    }
}

/* --- the message, in next's address space --- */

SPECIALISED void trailer_write(const struct direct *d, struct direct_message *m)
{
    mach_msg_max_trailer_t *trailer = trailer_of(d, m);
    uint32_t size = d->trailer_size;

    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = size;
    if (size > sizeof(mach_msg_trailer_t)) {
        trailer->msgh_seqno = d->seqno;
        if (size == sizeof(*trailer))
            trailer->msgh_context = d->label;
    }
}

/* The rights of its header, as they arrive. */
SPECIALISED mach_msg_bits_t bits_received(const struct direct *d)
{
    return d->reply ? MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE)
                    : MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND);
}

/* Write the message to next's buffer, with this msgh_bits. Returns false: that buffer can't be written. */
SPECIALISED bool deliver_bits(const struct direct *d, struct direct_message *m, mach_msg_bits_t bits)
{
    struct thread *next = d->next;
    hal_va_t buffer = hal_uctx_arg(&next->uctx, 0);
    uint32_t size = d->size + d->trailer_size;

    trailer_write(d, m);
    m->head.msgh_bits = bits;
    m->head.msgh_size = d->size;
    m->head.msgh_remote_port = d->reply_name;
    m->head.msgh_local_port = d->name;
    m->head.msgh_voucher_port = MACH_PORT_NULL;
    return (is_user_range(buffer, size) && hal_copyout(buffer, m, size) == HAL_OK) ||
           vm_copyout(next->task->map, buffer, m, size) == KERN_SUCCESS;
}

/* The same; more: beside the rights. */
SPECIALISED bool deliver_buffer(const struct direct *d, struct direct_message *m, mach_msg_bits_t more)
{
    return deliver_bits(d, m, more | bits_received(d));
}

SPECIALISED void deliver_registers(const struct direct *d, const struct direct_message *m)
{
    uint64_t words = (d->size - sizeof(mach_msg_header_t)) / sizeof(uint64_t);
    struct hal_rpc rpc = {
        .remote = d->reply_name,
        .label = d->label,
        .header = words << 32 | (uint32_t)m->head.msgh_id,
    };

    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        rpc.word[i] = i < words ? m->body[i] : 0;
    hal_uctx_set_rpc(&d->next->uctx, &rpc, d->member ? (uint64_t)d->name << 32 : MACH_MSG_SUCCESS);
}

/*
 * The message in m, `size` bytes with its trailer, as next was to have it, could not be written to its buffer.  It is written later if a pager
 * has the page; else it is lost, and next told.  count: descriptors in the body, as next is to have them.  result: of next's receive, if all
 * goes well.
 * Returns: the context to resume.  Context: next is current, and its vector state is not the CPU's.
 */
struct uctx *ipc_direct_late(struct thread *next, struct direct_message *m, uint32_t count,
                             mach_msg_return_t result, uint32_t size);

/* The same where nothing more is known than that a plain copy failed: it is tried once more when next goes on. */
void ipc_direct_again(struct thread *next, struct direct_message *m, uint32_t count, mach_msg_return_t result,
                      uint32_t size);

/* The partner goes on with the message, which has no rights. */
SPECIALISED struct uctx *deliver(const struct direct *d, struct direct_message *m)
{
    if (d->next_registers)
        deliver_registers(d, m);
    else if (deliver_buffer(d, m, 0))
        hal_uctx_set_result(&d->next->uctx, MACH_MSG_SUCCESS);
    else
        return ipc_direct_late(d->next, m, 0, MACH_MSG_SUCCESS, d->size + d->trailer_size);
    fpu_resume(d->cpu, d->next);
    return &d->next->uctx;
}

/*
 * The message in m, of `size` bytes, which has rights (ipc/direct_rights.c).  Returns: the context to resume, of the partner or after
 * the general path.
 */
struct uctx *ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size);
/* The same of a message with something else in its body (ipc/direct_memory.c). */
struct uctx *ipc_direct_memory(struct thread *self, struct direct_message *m, uint32_t size);

/*
 * No thread waits at `port`, found in `entry`, whose rx held this and is locked now; perhaps one waits on a set that the port is in
 * (ipc/direct_set.c).  m: the message, without rights, its size and its destination's name.  registers: self's form.
 * Returns: the context of the partner, which is current now and resumes; NULL: nothing changed.
 */
struct uctx *ipc_direct_member_call(struct thread *self, struct ipc_entry *entry, struct ipc_port *port,
                                    struct direct_message *m, bool registers, uint64_t rx);
struct uctx *ipc_direct_member_reply(struct thread *self, struct ipc_entry *entry, struct ipc_port *port,
                                     struct direct_message *m, bool registers, uint64_t rx);

/*
 * Does self remember the set `rcv_name` together with the port `local`, for a call that receives from the one, its answer at the other?
 * As long as it remembers the set in this way, it remembers a port; who takes that from it says so in rcv_name.
 */
SPECIALISED bool ipc_direct_receives_apart(const struct thread *self, mach_port_name_t rcv_name,
                                           mach_port_name_t local)
{
    return self->rcv_name == (rcv_name | THREAD_RCV_APART) && self->rcv_port->name == local;
}

/* The message in m, if it is a call whose answer goes to a port that self does not receive from. Returns: as ipc_direct_rights(). */
struct uctx *ipc_direct_apart(struct thread *self, struct direct_message *m, uint32_t size);

/* The message is without rights. */
SPECIALISED struct uctx *direct_run(struct direct *d, struct direct_message *m)
{
    struct ipc_port *receive = d->self->rcv_port;

    if (!find_destination(d))
        return NULL;
    uint64_t rx = lock_port(d);
    if (__builtin_expect((rx & 1) != 0, 0)) {
        if (ipc_port_rx_set(rx) == NULL) {
            unlock_port(d, rx);
            return NULL;
        }
        m->head.msgh_remote_port = d->remote;
        m->head.msgh_size = d->size;
        return d->reply ? ipc_direct_member_reply(d->self, d->entry, d->port, m, d->registers, rx)
                        : ipc_direct_member_call(d->self, d->entry, d->port, m, d->registers, rx);
    }
    if (!partners_change(d, m, rx))
        return NULL;
    switch_to_next(d, receive);
    return deliver(d, m);
}

#endif
