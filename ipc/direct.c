/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch: an RPC whose partner waits, on this CPU, without a message object, a queue or the scheduler.
 *
 * It is the middle way between ipc/ipc_fast.h, which knows registers only, and the general path: it serves both forms on both
 * sides, for a simple message of up to DIRECT_SIZE_MAX bytes, with or without a receive timeout, and threads that use vector
 * state.  As there, everything is checked before anything is changed; whatever does not fit goes to the general path, which starts
 * over.  The argument for its safety is the one of ipc/ipc_fast.h.
 *
 * The message passes through a buffer of the CPU's: it is read in the sender's address space and written in the receiver's.  The
 * switch neither blocks nor takes interrupts in between, so one buffer is enough.
 */
#include <hal/hal.h>
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/kernel_rpc.h>
#include <ipc/msg.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/fpu.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/trap.h>
#include <mach/rpc.h>
#include <vm/pmap.h>
#include <vm/vm_map.h>

#define DIRECT_SIZE_MAX (IPC_DIRECT_BUFFER_SIZE - MAX_TRAILER_SIZE)
#define DIRECT_SMALL                                                                                         \
    256u /* a message up to this size is read before it is known whether it can go this way */
#define CALL_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define REPLY_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0)
#define RPC_OPTIONS ((uint32_t)(MACH_SEND_MSG | MACH_RCV_MSG))
#define EASY_OPTIONS ((uint32_t)(MACH_RCV_LARGE | MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT) | 0xff000000u)

/* Each way through is compiled by itself: the forms and the direction are constants there. */
#define SPECIALISED static inline __attribute__((always_inline))

/* The buffer of a CPU. Its trailer is behind the bytes of a message. */
struct direct_message {
    mach_msg_header_t head;
    uint64_t body[(IPC_DIRECT_BUFFER_SIZE - sizeof(mach_msg_header_t)) / sizeof(uint64_t)];
};
_Static_assert(sizeof(struct direct_message) == IPC_DIRECT_BUFFER_SIZE, "a whole number of pages");

struct direct {
    struct thread *self;
    struct cpu *cpu;
    bool reply;     /* by a send-once right, else a call by a send right */
    bool registers; /* self's form */
    mach_port_name_t remote;
    mach_port_name_t rcv_name;
    uint32_t timeout_ms; /* 0: none */
    uint32_t size;       /* of the message */

    struct ipc_entry *entry; /* of the destination, in self's space */
    struct ipc_port *port;
    struct thread *next;
    bool next_registers; /* next's form */
    uint64_t token;      /* of next's address space */

    /* what the receiver is told */
    uint32_t trailer_size; /* in the buffer form */
    uint64_t label;
    uint32_t seqno;
    mach_port_name_t name; /* of the port */
    mach_port_name_t reply_name;
};

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

/* Can `next` take the message in the form in which it waits? */
SPECIALISED bool receiver_accepts(struct direct *d)
{
    if (d->next_registers)
        return d->size <= sizeof(mach_msg_header_t) + HAL_RPC_WORDS * sizeof(uint64_t) && d->size % 8 == 0;
    const struct uctx *u = &d->next->uctx;
    d->trailer_size = (uint32_t)REQUESTED_TRAILER_SIZE((uint32_t)hal_uctx_arg(u, 1));
    return d->size + d->trailer_size <= (uint32_t)hal_uctx_arg(u, 3);
}

/* Take the partner out of rx and lock its port; false: everything is as before. */
SPECIALISED bool take_receiver(struct direct *d)
{
    struct ipc_port *port = d->port;
    uint64_t rx = __atomic_exchange_n(&port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);

    if ((rx & 1) != 0) {
        if (rx != IPC_PORT_RX_LOCKED)
            __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
        return false;
    }
    struct thread *next = (struct thread *)(uintptr_t)(rx & ~IPC_PORT_RX_BUFFER);
    uint64_t priority = d->reply ? next->priority : d->self->priority;
    d->next = next;
    d->next_registers = (rx & IPC_PORT_RX_BUFFER) == 0;
    d->token = __atomic_load_n(&next->pmap->token, __ATOMIC_RELAXED);
    if (entry_holds(d) && d->entry->object == port && next->cpu == d->cpu && d->token != 0 &&
        priority >= __atomic_load_n(&d->cpu->top_priority, __ATOMIC_RELAXED) &&
        (d->reply || __atomic_load_n(&next->reply_entry->bits, __ATOMIC_ACQUIRE) == 0) && receiver_accepts(d))
        return true;
    __atomic_store_n(&port->rx, rx, __ATOMIC_RELEASE);
    return false;
}

/* --- the switch --- */

/* What the receive needs to know later is in the arguments of self's trap: ipc_receive_decode(). */
SPECIALISED void wait_begin(struct direct *d)
{
    struct thread *self = d->self;

    self->op.ipc.registers = d->registers;
    if (d->timeout_ms != 0)
        thread_set_timeout(self, d->timeout_ms);
    self->state = THREAD_RECEIVING;
    if (d->reply) {
        d->entry->bits = 0; /* the right is used; the name steps to its next generation */
        d->entry->generation--;
        self->priority = self->own_priority;
    } else {
        self->rcv_loan--;
    }
}

static __attribute__((noinline)) void wait_undo(const struct direct *d, uint64_t priority)
{
    struct thread *self = d->self;

    if (d->timeout_ms != 0)
        thread_clear_timeout(self);
    self->state = THREAD_RUNNING;
    if (d->reply) {
        self->priority = priority;
        d->entry->generation++;
        d->entry->bits = MACH_PORT_TYPE_SEND_ONCE;
    } else {
        self->rcv_loan++;
    }
    uint64_t rx = (uint64_t)(uintptr_t)d->next | (d->next_registers ? 0 : IPC_PORT_RX_BUFFER);
    __atomic_store_n(&d->port->rx, rx, __ATOMIC_RELEASE);
}

/* Self becomes the waiter of its receive port, its right is used; false: it can't, everything is as before. */
SPECIALISED bool become_waiter(struct direct *d)
{
    struct thread *self = d->self;
    uint64_t priority = self->priority;
    uint64_t idle = self->rcv_idle;
    uint64_t waiter = (uint64_t)(uintptr_t)self | (d->registers ? 0 : IPC_PORT_RX_BUFFER);

    fpu_release(d->cpu);
    wait_begin(d);
    if (!__atomic_compare_exchange_n(&self->rcv_port->rx, &idle, waiter, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED)) {
        struct direct undo = *d;
        wait_undo(&undo, priority);
        return false;
    }
    /* self is not touched any more */
    if (!d->reply && d->next->priority < priority)
        d->next->priority = priority;
    return true;
}

/* The partner gets the reply right and the CPU; its port is unlocked. receive: where self waits. */
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
    next->state = THREAD_RUNNING;
    __atomic_store_n(&port->rx, port->idle, __ATOMIC_RELEASE);
    d->cpu->current = next;
    if (d->cpu->pmap != next->pmap) {
        d->cpu->pmap = next->pmap;
        hal_pt_activate(d->token);
    }
    if (next->timeout.function != NULL) {
        thread_clear_timeout(next);
        timeout_wait(&next->timeout); /* it may not meet the next wait */
        next->timeout.function = NULL;
    }
}

/* --- the message, in next's address space --- */

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
    hal_uctx_set_rpc(&d->next->uctx, &rpc, MACH_MSG_SUCCESS);
}

/* The buffer can't be written: the message is lost, and with it the reply right. */
static __attribute__((noinline)) void deliver_failed(struct thread *next, mach_port_name_t reply_name)
{
    struct ipc_port *reply;

    if (reply_name != MACH_PORT_NULL &&
        ipc_right_copyin(next->space, reply_name, MACH_MSG_TYPE_MOVE_SEND_ONCE, &reply) == KERN_SUCCESS)
        ipc_right_destroy(reply, MACH_MSG_TYPE_PORT_SEND_ONCE);
    hal_uctx_set_result(&next->uctx, (uint32_t)MACH_RCV_INVALID_DATA);
}

SPECIALISED void trailer_write(const struct direct *d, struct direct_message *m)
{
    mach_msg_max_trailer_t *trailer = (void *)((char *)m + d->size);
    uint32_t size = d->trailer_size;

    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = size;
    if (size > sizeof(mach_msg_trailer_t)) {
        trailer->msgh_seqno = d->seqno;
        if (size > sizeof(mach_msg_seqno_trailer_t))
            task_token_get(d->self->task, &trailer->msgh_sender);
        if (size == sizeof(*trailer))
            trailer->msgh_context = d->label;
    }
}

SPECIALISED void deliver_buffer(const struct direct *d, struct direct_message *m)
{
    struct thread *next = d->next;
    hal_va_t buffer = hal_uctx_arg(&next->uctx, 0);
    uint32_t size = d->size + d->trailer_size;

    trailer_write(d, m);
    m->head.msgh_bits = d->reply ? MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE)
                                 : MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND);
    m->head.msgh_size = d->size;
    m->head.msgh_remote_port = d->reply_name;
    m->head.msgh_local_port = d->name;
    m->head.msgh_voucher_port = MACH_PORT_NULL;
    hal_uctx_set_result(&next->uctx, MACH_MSG_SUCCESS);
    if ((!HAL_USER_RANGE(buffer, size) || hal_copyout(buffer, m, size) != HAL_OK) &&
        vm_copyout(next->task->map, buffer, m, size) != KERN_SUCCESS)
        deliver_failed(next, d->reply_name);
}

SPECIALISED struct uctx *direct_run(struct direct *d, struct direct_message *m)
{
    struct ipc_port *receive = d->self->rcv_port;

    if (!find_destination(d) || !take_receiver(d) || !become_waiter(d))
        return NULL;
    switch_to_next(d, receive);
    if (d->next_registers)
        deliver_registers(d, m);
    else
        deliver_buffer(d, m);
    fpu_resume(d->cpu, d->next);
    return &d->next->uctx;
}

/* --- what self wants --- */

/* Perhaps the partner is the kernel. */
static struct uctx *kernel_run(struct thread *self, struct direct_message *m, uint32_t size)
{
    struct ipc_kernel_request request = {
        .head = &m->head, .remote = m->head.msgh_remote_port, .rcv_name = m->head.msgh_local_port};

    m->head.msgh_size = size;
    return size <= DIRECT_SMALL && ipc_kernel_rpc(self, &request) ? trap_exit(self) : NULL;
}

/* Does somebody wait at the destination, as far as one can see without its lock? */
static bool receiver_waits(const struct thread *self, mach_port_name_t remote, bool reply)
{
    const struct ipc_entry *entry = reply ? self->reply_entry : ipc_entry_peek(self->space, remote);

    if (entry == NULL)
        return false;
    const struct ipc_object *object = entry->object;
    return (__atomic_load_n(&object->rx, __ATOMIC_RELAXED) & 1) == 0;
}

/* The rest of a message of which the header is there, if it can go this way. */
static __attribute__((noinline)) bool read_rest(const struct thread *self, bool reply, hal_va_t address,
                                                uint32_t size)
{
    struct direct_message *m = self->cpu->message;

    return receiver_waits(self, m->head.msgh_remote_port, reply) &&
           hal_copyin(m->body, address + sizeof(m->head), size - sizeof(m->head)) == HAL_OK;
}

/* m: the message; of a large one, the header. */
SPECIALISED struct uctx *message_run(struct direct *d, struct direct_message *m, hal_va_t address)
{
    d->remote = m->head.msgh_remote_port;
    if (d->size > DIRECT_SMALL && !read_rest(d->self, d->reply, address, d->size))
        return NULL;
    return direct_run(d, m);
}

struct uctx *ipc_direct_msg(struct thread *self)
{
    const struct uctx *u = &self->uctx;
    hal_va_t address = hal_uctx_arg(u, 0);
    uint32_t option = (uint32_t)hal_uctx_arg(u, 1);
    uint64_t size = (uint32_t)hal_uctx_arg(u, 2);
    struct direct_message *m = self->cpu->message;

    if ((option & ~EASY_OPTIONS) != RPC_OPTIONS || GET_RCV_ELEMENTS(option) > MACH_RCV_TRAILER_CTX ||
        size < sizeof(m->head) || size > DIRECT_SIZE_MAX || size % 4 != 0 || !HAL_USER_RANGE(address, size))
        return NULL;
    struct direct d = {.self = self,
                       .cpu = self->cpu,
                       .size = (uint32_t)size,
                       .rcv_name = (mach_port_name_t)hal_uctx_arg(u, 4)};
    if ((option & MACH_RCV_TIMEOUT) != 0 && (d.timeout_ms = (uint32_t)hal_uctx_arg(u, 5)) == 0)
        return NULL;
    if (hal_copyin(m, address, size > DIRECT_SMALL ? sizeof(m->head) : size) != HAL_OK)
        return NULL;
    if (m->head.msgh_bits == CALL_BITS && m->head.msgh_local_port == d.rcv_name) {
        struct uctx *next = message_run(&d, m, address);
        return next != NULL ? next : kernel_run(self, m, (uint32_t)size);
    }
    d.reply = true;
    if (m->head.msgh_bits == REPLY_BITS && m->head.msgh_local_port == MACH_PORT_NULL)
        return message_run(&d, m, address);
    return NULL;
}

struct uctx *ipc_direct_rpc(struct thread *self, bool reply)
{
    struct direct_message *m = self->cpu->message;
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    uint64_t words = rpc.header >> 32;
    if (words > HAL_RPC_WORDS)
        return NULL;
    struct direct d = {
        .self = self,
        .cpu = self->cpu,
        .registers = true,
        .reply = reply,
        .remote = rpc.remote,
        .rcv_name = rpc.local,
        .size = (uint32_t)(sizeof(m->head) + words * sizeof(uint64_t)),
    };
    m->head.msgh_id = (mach_msg_id_t)(uint32_t)rpc.header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m->body[i] = rpc.word[i];
    return direct_run(&d, m);
}

void ipc_direct_init(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        cpu_table[i]->message = kmem_alloc(sizeof(struct direct_message));
        if (cpu_table[i]->message == NULL)
            panic("no memory for messages of CPU %u", i);
    }
}
