/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch: an RPC whose partner waits, on this CPU, without a message object, a queue or the scheduler.
 *
 * It is the middle way between ipc/ipc_fast.h, which knows registers only, and the general path: it serves both forms on both
 * sides, for a simple message of up to DIRECT_SIZE_MAX bytes or one with a few rights (ipc/direct_rights.c), with or without a
 * receive timeout, and threads that use vector state.  As there, everything is checked before anything is changed; whatever does not fit goes to the general path, which starts
 * over.  The argument for its safety is the one of ipc/ipc_fast.h.
 *
 * The message passes through a buffer of the CPU's: it is read in the sender's address space and written in the receiver's.  The
 * switch neither blocks nor takes interrupts in between, so one buffer is enough.
 */
#include <ipc/direct.h>
#include <ipc/kernel_rpc.h>
#include <ipc/msg.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <mach/rpc.h>

#define DIRECT_SIZE_MAX (IPC_DIRECT_BUFFER_SIZE - MAX_TRAILER_SIZE)
#define RPC_OPTIONS ((uint32_t)(MACH_SEND_MSG | MACH_RCV_MSG))
#define EASY_OPTIONS ((uint32_t)(MACH_RCV_LARGE | MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT) | 0xff000000u)

void ipc_direct_wait_undo(const struct direct *d, uint64_t priority)
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
}

void ipc_direct_lost(struct thread *next, mach_port_name_t reply_name)
{
    struct ipc_port *reply;

    if (reply_name != MACH_PORT_NULL &&
        ipc_right_copyin(next->space, reply_name, MACH_MSG_TYPE_MOVE_SEND_ONCE, &reply) == KERN_SUCCESS)
        ipc_right_destroy(reply, MACH_MSG_TYPE_PORT_SEND_ONCE);
    hal_uctx_set_result(&next->uctx, (uint32_t)MACH_RCV_INVALID_DATA);
}

/* --- what self wants --- */

/* Perhaps the partner is the kernel. */
static struct uctx *kernel_run(struct thread *self, struct direct_message *m, uint32_t size)
{
    struct ipc_kernel_request request = {
        .head = &m->head, .remote = m->head.msgh_remote_port, .rcv_name = m->head.msgh_local_port};

    m->head.msgh_size = size;
    return size <= IPC_DIRECT_SMALL && ipc_kernel_rpc(self, &request) ? trap_exit(self) : NULL;
}

/* Does somebody wait at the destination, as far as one can see without its lock? */
static bool receiver_waits(const struct thread *self, mach_port_name_t remote, bool reply)
{
    const struct ipc_entry *entry = reply ? self->reply_entry : ipc_entry_peek(self->space, remote);

    if (entry == NULL)
        return false;
    const struct ipc_object *object = entry->object;
    uint64_t rx = __atomic_load_n(&object->rx, __ATOMIC_RELAXED);
    if ((rx & 1) == 0)
        return true;
    const struct ipc_pset *set = ipc_port_rx_set(rx); /* type-stable: it may be gone, but can be looked at */
    return set != NULL && (__atomic_load_n(&set->rx, __ATOMIC_RELAXED) & 1) == 0;
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
    if (d->size > IPC_DIRECT_SMALL && !read_rest(d->self, d->reply, address, d->size))
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
    if (hal_copyin(m, address, size > IPC_DIRECT_SMALL ? sizeof(m->head) : size) != HAL_OK)
        return NULL;
    if (MACH_MSGH_BITS_IS_COMPLEX(m->head.msgh_bits))
        return ipc_direct_rights(self, m, (uint32_t)size, d.timeout_ms);
    if (m->head.msgh_bits == IPC_DIRECT_CALL && m->head.msgh_local_port == d.rcv_name) {
        struct uctx *next = message_run(&d, m, address);
        return next != NULL ? next : kernel_run(self, m, (uint32_t)size);
    }
    if (m->head.msgh_bits == IPC_DIRECT_CALL) {
        struct direct apart = d;
        return ipc_direct_apart(&apart, m);
    }
    d.reply = true;
    if (m->head.msgh_bits == IPC_DIRECT_REPLY && m->head.msgh_local_port == MACH_PORT_NULL)
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
