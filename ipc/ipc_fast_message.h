/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of mach_msg: a call, or an answer and the wait for the next request, by a message in memory on both sides.
 *
 * It handles simple messages of up to IPC_DIRECT_SIZE_MAX bytes without options, between threads that both wait in the buffer form.
 * What happens between the two copies is ipc/ipc_fast.h, with the same conditions and the same argument; what the copies add is that of
 * ipc/direct.c, the way that everything else takes, with nothing changed.  One body is compiled by each ISA (arch/<isa>/fastpath.c); it
 * starts when all arguments are in the current thread's context, so it has all registers.
 *
 * An ISA defines beside the macros of ipc/ipc_fast.h:
 *   IPC_FAST_MESSAGE_ARGS             declares and sets: struct thread *cur
 *   IPC_FAST_COPYIN(to, from, n)      as hal_copyin()
 *   IPC_FAST_COPYOUT(to, from, n)     as hal_copyout()
 *   IPC_FAST_RIGHT(of, step)          kern_message_right(), on the CPU's stack
 *   IPC_FAST_MESSAGE_EXIT(next)       resumes `next` (a call frame) on this CPU with the result MACH_MSG_SUCCESS
 *   IPC_FAST_MESSAGE_GENERAL(thread)  the trap of `thread`, which is current, goes on in kern_syscall()
 *
 * What the general path need not do again is in the CPU's message_state.
 */
#ifndef IPC_IPC_FAST_MESSAGE_H
#define IPC_IPC_FAST_MESSAGE_H

#include <ipc/direct.h>
#include <ipc/ipc_fast.h>

#define TRAILER_ELEMENTS 0x0f000000u /* of a receive's option */

/* May a message of any size that goes this way be at this address of a user's? */
IPC_FAST_INLINE bool ipc_fast_message_place(const struct cpu *cpu, uint64_t address)
{
    return address - cpu->message_base <= cpu->message_span;
}

/* Has the trap a message that may go this way, as far as its arguments tell? */
IPC_FAST_INLINE bool ipc_fast_message_wanted(const struct thread *cur)
{
    const uint32_t head = (uint32_t)sizeof(mach_msg_header_t);
    uint32_t size = (uint32_t)hal_uctx_arg(&cur->uctx, 2);

    return (uint32_t)hal_uctx_arg(&cur->uctx, 1) == IPC_DIRECT_OPTIONS &&
           size - head <= IPC_DIRECT_SIZE_MAX - head && size % 4 == 0 &&
           ipc_fast_message_place(cur->cpu, hal_uctx_arg(&cur->uctx, 0));
}

/* 2: has next, whose port is locked, room for the message, in memory that may be there? It wants no more than a plain trailer. */
IPC_FAST_INLINE bool ipc_fast_message_fits(const struct ipc_fast *f)
{
    const struct uctx *u = &f->next->uctx;
    uint64_t size = f->size + (uint32_t)sizeof(mach_msg_trailer_t);
    bool good = ((uint32_t)hal_uctx_arg(u, 1) & TRAILER_ELEMENTS) == 0 &&
                size <= (uint32_t)hal_uctx_arg(u, 3) && ipc_fast_message_place(f->cpu, hal_uctx_arg(u, 0));

    if (IPC_FAST_UNLIKELY(!good))
        ipc_fast_put_back(f);
    return good;
}

/* The rest of a large message is read only when somebody waits for it. */
IPC_FAST_INLINE bool ipc_fast_message_rest(const struct ipc_fast *f)
{
    const uint64_t head = sizeof(mach_msg_header_t);
    uint64_t rx = __atomic_load_n(&f->port->rx, __ATOMIC_RELAXED);

    return (rx & 3) == IPC_PORT_RX_BUFFER &&
           IPC_FAST_COPYIN(f->cpu->message->body, hal_uctx_arg(&f->cur->uctx, 0) + head, f->size - head) == 0;
}

/* The steps between the copies. Returns false: nothing changed. */
IPC_FAST_INLINE bool ipc_fast_message_switch(struct ipc_fast *f)
{
    f->top = f->cpu->top_priority;
    if (IPC_FAST_UNLIKELY(f->cpu->fpu_owner != NULL) && !ipc_fast_fpu_release(f))
        return false;
    if (IPC_FAST_UNLIKELY(!(f->reply ? ipc_fast_find_reply(f) : ipc_fast_find_call(f))))
        return false;
    if (!f->carries && IPC_FAST_UNLIKELY(f->size > IPC_DIRECT_SMALL) && !ipc_fast_message_rest(f))
        return false;
    uint64_t rx = IPC_FAST_SWAP(&f->port->rx, IPC_PORT_RX_LOCKED);
    uint64_t next = rx - IPC_PORT_RX_BUFFER;
    f->next = (struct thread *)next;
    if (IPC_FAST_UNLIKELY(next & 3)) {
        if (rx != IPC_PORT_RX_LOCKED)
            IPC_FAST_STORE(&f->port->rx, rx);
        return false;
    }
    if (!ipc_fast_take(f) || !ipc_fast_message_fits(f) || !ipc_fast_wait(f))
        return false;
    ipc_fast_switch(f);
    return true;
}

/* next, after the switch. A call would need one more register for it, which there is not. */
IPC_FAST_INLINE struct thread *ipc_fast_current(const struct ipc_fast *f)
{
    if (!f->carries)
        return f->next;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return f->cpu->current;
}

/* The message in next's address space. Returns whether it could be written, and its right got a name. */
IPC_FAST_INLINE bool ipc_fast_message_deliver(const struct ipc_fast *f)
{
    struct direct_message *m = f->cpu->message;
    mach_msg_trailer_t *trailer = (void *)((char *)m + f->size);

    m->head.msgh_bits = (f->reply ? MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE)
                                  : MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND)) |
                        (f->carries ? MACH_MSGH_BITS_COMPLEX : 0);
    m->head.msgh_size = f->size;
    m->head.msgh_remote_port = (mach_port_name_t)f->name;
    m->head.msgh_local_port = f->port_name;
    m->head.msgh_voucher_port = MACH_PORT_NULL;
    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = sizeof(*trailer);
    if (f->carries && IPC_FAST_RIGHT(ipc_fast_current(f), HAL_RIGHT_PASS) != MACH_MSG_SUCCESS)
        return false;
    return IPC_FAST_COPYOUT(hal_uctx_arg(&ipc_fast_current(f)->uctx, 0), m, f->size + sizeof(*trailer)) == 0;
}

/* The message has been read. Returns 0: it can't go this way, nothing changed. */
IPC_FAST_INLINE uint64_t ipc_fast_message_run(struct thread *cur, uint64_t local, const bool reply,
                                              const bool carries)
{
    struct ipc_fast f = {
        .cur = cur,
        .cpu = cur->cpu,
        .entry = reply ? cur->reply_entry : cur->call_entry,
        .remote = cur->cpu->message->head.msgh_remote_port,
        .local = local,
        .size = (uint32_t)hal_uctx_arg(&cur->uctx, 2),
        .reply = reply,
        .buffer = true,
        .carries = carries,
    };

    if (!ipc_fast_message_switch(&f))
        return 0;
    if (IPC_FAST_UNLIKELY(!ipc_fast_message_deliver(&f))) {
        f.cpu->message_state = CPU_MESSAGE_LATE;
        IPC_FAST_MESSAGE_GENERAL(ipc_fast_current(&f));
    }
    IPC_FAST_MESSAGE_EXIT(ipc_fast_current(&f));
}

/* The same of a message that perhaps has one right. */
IPC_FAST_INLINE uint64_t ipc_fast_message_right(struct thread *cur, uint64_t local, const bool reply)
{
    if (IPC_FAST_RIGHT(cur, HAL_RIGHT_BEGIN) == 0)
        return 0;
    uint64_t resumed = ipc_fast_message_run(cur, local, reply, true);
    return resumed != 0 ? resumed : IPC_FAST_RIGHT(cur, HAL_RIGHT_UNDO);
}

/* The same of a message that has something in its body. */
IPC_FAST_INLINE uint64_t ipc_fast_message_complex(struct thread *cur, uint64_t local)
{
    const mach_msg_header_t *head = &cur->cpu->message->head;
    mach_msg_bits_t bits = head->msgh_bits ^ MACH_MSGH_BITS_COMPLEX;

    if (bits == IPC_DIRECT_CALL && head->msgh_local_port == local)
        return ipc_fast_message_right(cur, local, false);
    if (bits == IPC_DIRECT_REPLY && head->msgh_local_port == MACH_PORT_NULL)
        return ipc_fast_message_right(cur, local, true);
    return 0;
}

IPC_FAST_INLINE uint64_t ipc_fast_message_body(void)
{
    IPC_FAST_MESSAGE_ARGS;
    const struct uctx *u = &cur->uctx;

    if (IPC_FAST_UNLIKELY(!ipc_fast_message_wanted(cur)))
        goto slow;
    uint64_t size = (uint32_t)hal_uctx_arg(u, 2);
    if (IPC_FAST_UNLIKELY(size > IPC_DIRECT_SMALL))
        size = sizeof(mach_msg_header_t);
    if (IPC_FAST_UNLIKELY(IPC_FAST_COPYIN(cur->cpu->message, hal_uctx_arg(u, 0), size) != 0))
        goto slow;
    const mach_msg_header_t *head = &cur->cpu->message->head;
    uint64_t local = (uint32_t)hal_uctx_arg(u, 4);
    uint64_t resumed = 0; /* and so it stays where IPC_FAST_MESSAGE_EXIT() does not come back */
    if (head->msgh_bits == IPC_DIRECT_CALL && head->msgh_local_port == local)
        resumed = ipc_fast_message_run(cur, local, false, false);
    else if (head->msgh_bits == IPC_DIRECT_REPLY && head->msgh_local_port == MACH_PORT_NULL)
        resumed = ipc_fast_message_run(cur, local, true, false);
    else if (MACH_MSGH_BITS_IS_COMPLEX(head->msgh_bits))
        resumed = ipc_fast_message_complex(cur, local);
    if (resumed != 0)
        return resumed;
    if ((uint32_t)hal_uctx_arg(u, 2) <= IPC_DIRECT_SMALL)
        cur->cpu->message_state = CPU_MESSAGE_READ;
slow:
    IPC_FAST_MESSAGE_GENERAL(cur);
}

#endif
