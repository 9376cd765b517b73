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
 *   IPC_FAST_MESSAGE_ARGS             declares and sets: struct thread *cur; uint64_t address, option, size, name (the trap's arguments 0,
 *                                     1, 2 and 4; of size, the low half counts)
 *   IPC_FAST_READ(m, from, body, first, ports)
 *                                     copies in a header and `body` bytes, a multiple of 4 not above IPC_DIRECT_BODY_MAX; sets the
 *                                     header's first two words.  0: done; else it can't, but a copy by the next one perhaps can
 *   IPC_FAST_WRITE(to, m, body, bits, name, port)
 *                                     copies out a header with these, no voucher and the id of *m, `body` bytes of *m as above, and a
 *                                     plain trailer.  Returns: likewise
 *   IPC_FAST_COPYIN(to, from, n, small)
 *                                     as hal_copyin(), but `from` may be below user space, where nothing is mapped.  small: a constant;
 *                                     n is that of a small message, perhaps with a plain trailer
 *   IPC_FAST_COPYOUT(to, from, n, small)
 *                                     as hal_copyout(), likewise
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

/* Of a check that is not joined to others. */
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HEAD_SIZE ((uint32_t)sizeof(mach_msg_header_t))

/* What a message is, beside a call or an answer. Each kind has a path of its own. */
enum ipc_fast_kind {
    IPC_FAST_SMALL,        /* it has been read */
    IPC_FAST_LARGE,        /* only its header has been read */
    IPC_FAST_RIGHT_INSIDE, /* small, and it has one right */
};

/* The first two words of the header in the buffer. */
IPC_FAST_INLINE uint64_t ipc_fast_head_word(const struct thread *cur, unsigned i)
{
    return ((const ipc_fast_word_t *)(const void *)cur->cpu->message)[i];
}

/* 2: has next, whose port is locked, room for the message? That the room may be there is in its form (ipc/port.h). */
IPC_FAST_INLINE bool ipc_fast_message_fits(const struct ipc_fast *f)
{
    bool good = f->body + HEAD_SIZE + (uint32_t)sizeof(mach_msg_trailer_t) <=
                (uint32_t)hal_uctx_arg(&f->next->uctx, 3);

    if (IPC_FAST_UNLIKELY(!good))
        ipc_fast_put_back(f);
    return good;
}

/* The rest of a large message is read only when somebody waits for it. */
IPC_FAST_INLINE bool ipc_fast_message_rest(const struct ipc_fast *f)
{
    uint64_t rx = __atomic_load_n(&f->port->rx, __ATOMIC_RELAXED);

    return (rx & 7) == IPC_PORT_RX_FORM &&
           IPC_FAST_COPYIN(f->cpu->message->body, hal_uctx_arg(&f->cur->uctx, 0) + HEAD_SIZE, f->body,
                           false) == 0;
}

/* The steps between the copies. Returns false: nothing changed. */
IPC_FAST_INLINE bool ipc_fast_message_switch(struct ipc_fast *f)
{
    f->top = f->cpu->top_priority;
    if (IPC_FAST_UNLIKELY(f->cpu->fpu_owner != NULL) && !ipc_fast_fpu_release(f))
        return false;
    if (IPC_FAST_UNLIKELY(!(f->reply ? ipc_fast_find_reply(f) : ipc_fast_find_call(f))))
        return false;
    if (f->large && !ipc_fast_message_rest(f))
        return false;
    uint64_t rx = IPC_FAST_SWAP(&f->port->rx, IPC_PORT_RX_LOCKED);
    uint64_t next = rx - IPC_PORT_RX_FORM;
    f->next = (struct thread *)next;
    if (IPC_FAST_UNLIKELY(next & 7)) {
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

IPC_FAST_INLINE mach_msg_bits_t ipc_fast_message_bits(const struct ipc_fast *f)
{
    return (f->reply ? MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE)
                     : MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND)) |
           (f->carries ? MACH_MSGH_BITS_COMPLEX : 0);
}

/* The message in next's address space, by way of the buffer. Returns whether it could be written, and its right got a name. */
IPC_FAST_INLINE bool ipc_fast_message_deliver(const struct ipc_fast *f)
{
    struct direct_message *m = f->cpu->message;
    uint64_t size = f->body + HEAD_SIZE;
    mach_msg_trailer_t *trailer = (void *)((char *)m + size);

    m->head.msgh_bits = ipc_fast_message_bits(f);
    m->head.msgh_size = (mach_msg_size_t)size;
    m->head.msgh_remote_port = (mach_port_name_t)f->name;
    m->head.msgh_local_port = f->port_name;
    m->head.msgh_voucher_port = MACH_PORT_NULL;
    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = sizeof(*trailer);
    if (f->carries && IPC_FAST_RIGHT(ipc_fast_current(f), HAL_RIGHT_PASS) != MACH_MSG_SUCCESS)
        return false;
    return IPC_FAST_COPYOUT(hal_uctx_arg(&ipc_fast_current(f)->uctx, 0), m, size + sizeof(*trailer),
                            !f->large) == 0;
}

/* The message, as far as `kind` says, has been read. Returns 0: it can't go this way, nothing changed. */
IPC_FAST_INLINE uint64_t ipc_fast_message_run(struct thread *cur, uint64_t remote, uint64_t local,
                                              uint64_t body, const bool reply, const enum ipc_fast_kind kind)
{
    struct ipc_fast f = {
        .cur = cur,
        .cpu = cur->cpu,
        .entry = reply ? cur->reply_entry : cur->call_entry,
        .remote = remote,
        .local = local,
        .body = body,
        .reply = reply,
        .buffer = true,
        .large = kind == IPC_FAST_LARGE,
        .carries = kind == IPC_FAST_RIGHT_INSIDE,
    };

    if (!ipc_fast_message_switch(&f))
        return 0;
    if (kind == IPC_FAST_SMALL &&
        !UNLIKELY(IPC_FAST_WRITE(hal_uctx_arg(&f.next->uctx, 0), f.cpu->message, body,
                                 ipc_fast_message_bits(&f), (uint32_t)f.name, f.port_name) != 0))
        IPC_FAST_MESSAGE_EXIT(f.next);
    if (IPC_FAST_UNLIKELY(!ipc_fast_message_deliver(&f))) {
        f.cpu->message_state = CPU_MESSAGE_LATE;
        IPC_FAST_MESSAGE_GENERAL(ipc_fast_current(&f));
    }
    IPC_FAST_MESSAGE_EXIT(ipc_fast_current(&f));
}

/* The same of a message that perhaps has one right. */
IPC_FAST_INLINE uint64_t ipc_fast_message_right(struct thread *cur, uint64_t local, uint64_t body,
                                                const bool reply)
{
    if (IPC_FAST_RIGHT(cur, HAL_RIGHT_BEGIN) == 0)
        return 0;
    uint64_t resumed = ipc_fast_message_run(cur, cur->cpu->message->head.msgh_remote_port, local, body, reply,
                                            IPC_FAST_RIGHT_INSIDE);
    return resumed != 0 ? resumed : IPC_FAST_RIGHT(cur, HAL_RIGHT_UNDO);
}

/* The same of a message that has something in its body. */
IPC_FAST_INLINE uint64_t ipc_fast_message_complex(struct thread *cur, uint64_t local, uint64_t body)
{
    const mach_msg_header_t *head = &cur->cpu->message->head;
    mach_msg_bits_t bits = head->msgh_bits ^ MACH_MSGH_BITS_COMPLEX;

    if (bits == IPC_DIRECT_CALL && head->msgh_local_port == local)
        return ipc_fast_message_right(cur, local, body, false);
    if (bits == IPC_DIRECT_REPLY && head->msgh_local_port == MACH_PORT_NULL)
        return ipc_fast_message_right(cur, local, body, true);
    return 0;
}

/* A message that begins with these words. */
IPC_FAST_INLINE uint64_t ipc_fast_message_any(struct thread *cur, uint64_t first, uint64_t ports,
                                              uint64_t local, uint64_t body, const enum ipc_fast_kind kind)
{
    if ((uint32_t)first == IPC_DIRECT_CALL)
        return ports >> 32 == local ? ipc_fast_message_run(cur, (uint32_t)ports, local, body, false, kind)
                                    : 0;
    if ((uint32_t)first == IPC_DIRECT_REPLY)
        return ports >> 32 == MACH_PORT_NULL
                   ? ipc_fast_message_run(cur, (uint32_t)ports, local, body, true, kind)
                   : 0;
    if (kind == IPC_FAST_SMALL && MACH_MSGH_BITS_IS_COMPLEX((mach_msg_bits_t)first))
        return ipc_fast_message_complex(cur, local, body);
    return 0;
}

IPC_FAST_INLINE uint64_t ipc_fast_message_body(void)
{
    IPC_FAST_MESSAGE_ARGS;
    const uint32_t bytes = (uint32_t)size - HEAD_SIZE;
    const uint64_t body = bytes & IPC_DIRECT_BODY_MAX; /* if it is not large */
    uint64_t first, ports;
    uint64_t resumed = 0; /* and so it stays where IPC_FAST_MESSAGE_EXIT() does not come back */

    if (UNLIKELY(option != IPC_DIRECT_OPTIONS) || UNLIKELY(address > cur->cpu->message_end))
        goto slow;
    if (UNLIKELY((bytes & IPC_DIRECT_BODY_LARGE) != 0))
        goto large;
    if (UNLIKELY(IPC_FAST_READ(cur->cpu->message, address, body, first, ports) != 0)) {
        if (IPC_FAST_COPYIN(cur->cpu->message, hal_uctx_arg(&cur->uctx, 0), body + HEAD_SIZE, true) != 0)
            goto slow;
        first = ipc_fast_head_word(cur, 0);
        ports = ipc_fast_head_word(cur, 1);
    }
    resumed = ipc_fast_message_any(cur, first, ports, name, body, IPC_FAST_SMALL);
    if (resumed != 0)
        return resumed;
    cur->cpu->message_state = CPU_MESSAGE_READ;
    goto slow;

large:
    if (bytes % 4 == 0 && bytes <= IPC_DIRECT_SIZE_MAX - HEAD_SIZE &&
        IPC_FAST_COPYIN(cur->cpu->message, address, HEAD_SIZE, true) == 0)
        resumed = ipc_fast_message_any(cur, ipc_fast_head_word(cur, 0), ipc_fast_head_word(cur, 1),
                                       (uint32_t)hal_uctx_arg(&cur->uctx, 4),
                                       (uint32_t)hal_uctx_arg(&cur->uctx, 2) - HEAD_SIZE, IPC_FAST_LARGE);
    if (resumed != 0)
        return resumed;
slow:
    IPC_FAST_MESSAGE_GENERAL(cur);
}

#endif
