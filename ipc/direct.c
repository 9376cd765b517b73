/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch: an RPC whose partner waits, on this CPU, without a message object, a queue or the scheduler.
 *
 * It is the middle way between ipc/ipc_fast.h and ipc/ipc_fast_message.h, which know one form each, and the general path: it serves
 * both forms on both sides, for a simple message of up to IPC_DIRECT_SIZE_MAX bytes or one with a few rights (ipc/direct_rights.c),
 * with or without a receive timeout, and threads that use vector state. As there, everything is checked before
 * anything is changed; whatever does not fit goes to the general path, which starts over. The argument for its safety
 * is the one of ipc/ipc_fast.h.
 *
 * The message passes through a buffer of the CPU's (the fast path of messages has the same one): it is read in the sender's address
 * space and written in the receiver's.  The switch neither blocks nor takes interrupts in between, so one buffer is enough.
 */
#include <ipc/direct.h>
#include <ipc/kernel_rpc.h>
#include <ipc/kmsg.h>
#include <ipc/msg.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <mach/rpc.h>
#include <vm/memory_object.h>

#define EASY_OPTIONS ((uint32_t)(MACH_RCV_LARGE | MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT) | 0xff000000u)

void ipc_direct_wait_undo(struct thread *self, struct ipc_entry *used, uint64_t priority)
{
    __atomic_store_n(&self->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    if (used != NULL) {
        __atomic_store_n(&self->priority, priority, __ATOMIC_RELAXED);
        used->generation++;
        used->bits = MACH_PORT_TYPE_SEND_ONCE;
    } else {
        self->rcv_loan++;
    }
}

/* The buffer can't be written: the names in the message die, its reply right among them, and its memory goes. */
static void lost(struct thread *next, struct direct_message *m, uint32_t count)
{
    ipc_copyout_undo(next->task, &m->head, (void *)((char *)m + sizeof(mach_msg_base_t)), count);
    hal_uctx_set_result(&next->uctx, (uint32_t)MACH_RCV_INVALID_DATA);
}

/* A message object with what was to be written, so that the buffer of the CPU is free; NULL without memory. */
static struct ipc_kmsg *late_message(const struct direct_message *m, uint32_t count)
{
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc_unpaid(m->head.msgh_size);

    if (kmsg != NULL && ipc_kmsg_alloc_ports(kmsg, count) != KERN_SUCCESS) {
        ipc_kmsg_free(kmsg);
        return NULL;
    }
    if (kmsg != NULL)
        memcpy(&kmsg->head, m, m->head.msgh_size + sizeof(mach_msg_max_trailer_t));
    return kmsg;
}

struct uctx *ipc_direct_late(struct thread *next, struct direct_message *m, uint32_t count,
                             mach_msg_return_t result, uint32_t size)
{
    struct ipc_kmsg *kmsg = memory_object_must_wait(next) ? late_message(m, count) : NULL;

    if (kmsg == NULL) {
        lost(next, m, count);
        fpu_resume(next->cpu, next);
        return trap_exit_running(next);
    }
    ipc_msg_write_later(next, kmsg, size, result);
    return thread_exit_to_user();
}

void ipc_direct_again(struct thread *next, struct direct_message *m, uint32_t count, mach_msg_return_t result,
                      uint32_t size)
{
    struct ipc_kmsg *kmsg = late_message(m, count);

    if (kmsg == NULL)
        lost(next, m, count);
    else
        ipc_msg_write_again(next, kmsg, size, result);
}

/* --- what self wants --- */

/* The buffer form by the general path. */
NOINLINE struct uctx *ipc_direct_general(struct thread *self)
{
    ipc_trap_msg(self);
    return trap_exit(self);
}

/* The message, which no waiter of a port can take. */
static NOINLINE struct uctx *msg_otherwise(struct thread *self, bool reply)
{
    struct direct_message *m = self->cpu->message;
    uint32_t size = (uint32_t)hal_uctx_arg(&self->uctx, 2);
    struct ipc_kernel_request request = {
        .head = &m->head, .remote = m->head.msgh_remote_port, .rcv_name = m->head.msgh_local_port};

    m->head.msgh_size = size;
    if (reply ? ipc_kernel_answer(self, &m->head)
              : size <= IPC_DIRECT_SMALL && ipc_kernel_rpc(self, &request))
        return trap_exit(self);
    return ipc_direct_general(self);
}

SPECIALISED struct uctx *msg_run(struct thread *self, struct direct_message *m, uint32_t size,
                                 const bool reply, bool timed)
{
    struct direct d = {.self = self,
                       .cpu = self->cpu,
                       .reply = reply,
                       .timed = timed,
                       .remote = m->head.msgh_remote_port,
                       .rcv_name = (mach_port_name_t)hal_uctx_arg(&self->uctx, 4),
                       .size = size};
    struct uctx *next = direct_run(&d, m);

    return next != NULL ? next : msg_otherwise(self, reply);
}

static NOINLINE struct uctx *msg_call(struct thread *self, struct direct_message *m, uint32_t size)
{
    return msg_run(self, m, size, false, false);
}

static NOINLINE struct uctx *msg_reply(struct thread *self, struct direct_message *m, uint32_t size)
{
    return msg_run(self, m, size, true, false);
}

static NOINLINE struct uctx *msg_call_timed(struct thread *self, struct direct_message *m, uint32_t size)
{
    return msg_run(self, m, size, false, true);
}

static NOINLINE struct uctx *msg_reply_timed(struct thread *self, struct direct_message *m, uint32_t size)
{
    return msg_run(self, m, size, true, true);
}

enum kind { KIND_CALL, KIND_REPLY, KIND_OTHER };

/* An RPC, without rights in the body? */
SPECIALISED enum kind kind_of(const struct thread *self, const mach_msg_header_t *head)
{
    if (head->msgh_bits == IPC_DIRECT_CALL)
        return head->msgh_local_port == (mach_port_name_t)hal_uctx_arg(&self->uctx, 4) ? KIND_CALL
                                                                                       : KIND_OTHER;
    return head->msgh_bits == IPC_DIRECT_REPLY && head->msgh_local_port == MACH_PORT_NULL ? KIND_REPLY
                                                                                          : KIND_OTHER;
}

/* Does somebody wait at the destination, as far as one can see without its lock? */
static bool receiver_waits(const struct thread *self, mach_port_name_t remote, bool reply)
{
    const struct ipc_entry *entry = reply ? self->reply_entry : ipc_entry_peek(self->space, remote);

    if (entry == NULL)
        return false;
    const struct ipc_object *object = entry->object;
    uint64_t rx = __atomic_load_n(&object->rx, __ATOMIC_RELAXED);
    if ((rx & 1) == 0 || (reply && ipc_kernel_waits_for_answer(entry)))
        return true;
    const struct ipc_pset *set = ipc_port_rx_set(rx); /* type-stable: it may be gone, but can be looked at */
    return set != NULL && (__atomic_load_n(&set->rx, __ATOMIC_RELAXED) & 1) == 0;
}

/* A large message is read only when somebody waits for it. (One that is too small for its header comes here, too.) */
static NOINLINE struct uctx *msg_large(struct thread *self, struct direct_message *m, uint32_t size)
{
    hal_va_t address = hal_uctx_arg(&self->uctx, 0);

    if (size < sizeof(m->head) || size > IPC_DIRECT_SIZE_MAX || size % 4 != 0 ||
        !is_user_range(address, size) || hal_copyin(m, address, sizeof(m->head)) != HAL_OK)
        return ipc_direct_general(self);
    enum kind kind = kind_of(self, &m->head);
    if (kind == KIND_OTHER || !receiver_waits(self, m->head.msgh_remote_port, kind == KIND_REPLY) ||
        hal_copyin(m->body, address + sizeof(m->head), size - sizeof(m->head)) != HAL_OK)
        return ipc_direct_general(self);
    if (receive_is_timed(self, false))
        return kind == KIND_CALL ? msg_call_timed(self, m, size) : msg_reply_timed(self, m, size);
    return kind == KIND_CALL ? msg_call(self, m, size) : msg_reply(self, m, size);
}

/* A small message has been read. */
SPECIALISED struct uctx *msg_read(struct thread *self, const bool timed)
{
    struct direct_message *m = self->cpu->message;
    uint32_t size = (uint32_t)hal_uctx_arg(&self->uctx, 2);

    switch (kind_of(self, &m->head)) {
    case KIND_CALL:
        return timed ? msg_call_timed(self, m, size) : msg_call(self, m, size);
    case KIND_REPLY:
        return timed ? msg_reply_timed(self, m, size) : msg_reply(self, m, size);
    default: /* with rights, or with the answer to come to a port that self does not receive from */
        return MACH_MSGH_BITS_IS_COMPLEX(m->head.msgh_bits) ? ipc_direct_rights(self, m, size)
                                                            : ipc_direct_apart(self, m, size);
    }
}

/* A message of any size. Its buffer was not looked at yet. */
SPECIALISED struct uctx *msg_begin(struct thread *self, const bool timed)
{
    hal_va_t address = hal_uctx_arg(&self->uctx, 0);
    uint32_t size = (uint32_t)hal_uctx_arg(&self->uctx, 2);

    if (size - sizeof(mach_msg_header_t) > IPC_DIRECT_SMALL - sizeof(mach_msg_header_t))
        return msg_large(self, self->cpu->message, size);
    if (size % 4 != 0 || !is_user_range(address, size) ||
        hal_copyin(self->cpu->message, address, size) != HAL_OK)
        return ipc_direct_general(self);
    return msg_read(self, timed);
}

/* To send and to receive. */
static NOINLINE struct uctx *msg_options(struct thread *self)
{
    uint32_t option = (uint32_t)hal_uctx_arg(&self->uctx, 1);
    uint32_t timeout_ms = (uint32_t)hal_uctx_arg(&self->uctx, 5);

    if (option == IPC_DIRECT_OPTIONS)
        return msg_begin(self, false);
    if ((option & ~EASY_OPTIONS) != IPC_DIRECT_OPTIONS || GET_RCV_ELEMENTS(option) > MACH_RCV_TRAILER_CTX)
        return ipc_direct_general(self);
    if ((option & MACH_RCV_TIMEOUT) != 0) {
        if (timeout_ms == 0)
            return ipc_direct_general(self);
        thread_set_receive_timeout(self, timeout_ms);
        return msg_begin(self, true);
    }
    return msg_begin(self, false);
}

/* self has the message, but its buffer could not be written at once. */
static NOINLINE struct uctx *msg_late(struct thread *self)
{
    struct direct_message *m = self->cpu->message;
    const uint32_t size = (uint32_t)(m->head.msgh_size + sizeof(mach_msg_trailer_t));
    const bool right = MACH_MSGH_BITS_IS_COMPLEX(m->head.msgh_bits);
    const uint32_t result = right ? self->cpu->message_result : MACH_MSG_SUCCESS;

    if (vm_copyout(self->task->map, hal_uctx_arg(&self->uctx, 0), m, size) != KERN_SUCCESS)
        return ipc_direct_late(self, m, right, (mach_msg_return_t)result, size);
    hal_uctx_set_result(&self->uctx, result);
    return &self->uctx;
}

/* The fast path (ipc/ipc_fast_message.h) did nothing. */
SPECIALISED struct uctx *msg_fresh(struct thread *self)
{
    uint32_t option = (uint32_t)hal_uctx_arg(&self->uctx, 1);

    if (option == MACH_SEND_MSG)
        return ipc_simple_send_only(self);
    if ((option & ~EASY_OPTIONS) == MACH_RCV_MSG && GET_RCV_ELEMENTS(option) <= MACH_RCV_TRAILER_CTX)
        return ipc_simple_receive_only(self);
    return msg_options(self);
}

struct uctx *ipc_direct_msg(struct thread *self)
{
    struct cpu *cpu = self->cpu;
    enum cpu_message_state state = cpu->message_state;

    if (state == CPU_MESSAGE_NONE)
        return msg_fresh(self);
    cpu->message_state = CPU_MESSAGE_NONE;
    return state == CPU_MESSAGE_READ ? msg_read(self, false) : msg_late(self);
}

SPECIALISED struct uctx *rpc_run(struct thread *self, const struct hal_rpc *rpc, bool reply, uint64_t words,
                                 uint64_t rcv_name, const bool timed)
{
    struct direct_message *m = self->cpu->message;
    struct direct d = {
        .self = self,
        .cpu = self->cpu,
        .registers = true,
        .reply = reply,
        .timed = timed,
        .remote = rpc->remote,
        .rcv_name = rcv_name,
        .size = (uint32_t)(sizeof(m->head) + words * sizeof(uint64_t)),
    };

    m->head.msgh_id = (mach_msg_id_t)(uint32_t)rpc->header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m->body[i] = rpc->word[i];
    return direct_run(&d, m);
}

/* With more in the header than a number of words. */
static NOINLINE struct uctx *rpc_flags(struct thread *self, const struct hal_rpc *rpc, bool reply)
{
    const uint64_t words = (rpc->header ^ MACH_RPC_TIMED) >> 32;
    const uint64_t words_apart = (rpc->header ^ MACH_RPC_APART) >> 32;

    if (words <= HAL_RPC_WORDS && rpc->more != 0) {
        thread_set_receive_timeout(self, rpc->more);
        return rpc_run(self, rpc, reply, words, rpc->local, true);
    }
    if (words_apart <= HAL_RPC_WORDS && !reply && ipc_direct_receives_apart(self, rpc->more, rpc->local))
        return rpc_run(self, rpc, reply, words_apart, self->rcv_name, false);
    return NULL;
}

struct uctx *ipc_direct_rpc(struct thread *self, bool reply)
{
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    uint64_t words = rpc.header >> 32;
    if (words > HAL_RPC_WORDS) {
        struct hal_rpc flags = rpc; /* so that rpc itself can stay in registers */
        return rpc_flags(self, &flags, reply);
    }
    return rpc_run(self, &rpc, reply, words, rpc.local, false);
}

void ipc_direct_init(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        cpu_table[i]->message = kmem_alloc(sizeof(struct direct_message));
        if (cpu_table[i]->message == NULL)
            panic("no memory for messages of CPU %u", i);
        cpu_table[i]->message_end = hal_info.user_limit - IPC_DIRECT_BUFFER_SIZE;
    }
}
