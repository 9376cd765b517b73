/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of the register form of RPC, machine independent: one body, compiled five times by each ISA
 * (arch/<isa>/fastpath.c): call, and reply + wait, without and with a time for the wait; call, and wait on a set with the port that
 * the answer comes to.  docs/design/ipc.md explains it step by step.
 *
 * It handles: a plain send right (call) or the send-once right that an earlier fast call minted for this thread
 * (reply), to a port whose only waiter, or that of whose set, is a thread in the register form that last ran on this CPU;
 * a receive port, or (reply) set, that is idle.
 * Everything else goes to the general path, with nothing changed.
 *
 * The payload never appears here: it stays in registers that the compiler is kept away from.  There is no stack: the
 * functions are naked, the body must be inlined and may not spill (the build checks it).
 *
 * An ISA defines before it includes this file:
 *   IPC_FAST_ARGS                     declares and sets: struct thread *cur; uint64_t remote, local (names, zero-extended),
 *                                     header, more (what `flag` announces; that is taken from the payload's header)
 *   IPC_FAST_SLOW(fresh)              goes to the general path of this trap, arguments as they came; unless it is fresh or has a flag, without
 *                                     what a flag would announce.  fresh: nothing was looked at but the header
 *   IPC_FAST_FLAGGED(flag)            has no flag yet: goes to the entry for this one, with arguments as they came (their header is good)
 *   IPC_FAST_NOW()                    as hal_time_now()
 *   IPC_FAST_EXIT(here, name, label, next)
 *                                     resumes `next` (a call frame) on CPU `here`, perhaps not the one that resumed it
 *                                     last, with these results and the payload; clears the rest
 *   IPC_FAST_EXIT_MEMBER(here, name, label, next, result)
 *                                     the same, but with the result of a receive from a set
 *   IPC_FAST_SWAP(p, v)               atomic exchange, acquire
 *   IPC_FAST_CAS(p, old, new, fail)   atomic compare and swap, release; goes to label `fail` if *p is not old
 *   IPC_FAST_STORE(p, v)              store, release
 *   IPC_FAST_AND                      how to join cheap checks: & or &&
 *   IPC_FAST_AGAIN(kept, memory)      the same value twice: which one costs less, that in a register or that in memory
 *   IPC_FAST_TOO_LONG(header)         header >> 32 > HAL_RPC_WORDS
 *   IPC_FAST_FPU                      whether this path can hand over vector state; then also
 *   IPC_FAST_FPU_SAVE(area)           as hal_fpu_save()
 *   IPC_FAST_FPU_LOAD(area)           as hal_fpu_load()
 *
 * Why it is safe with other CPUs at work (numbers as in the code):
 * 1  Entries are read without the space's lock. They never move; what one points to begins with a word that may be
 *    exchanged, whatever it is (struct ipc_object), and that memory keeps its type while this CPU is in the kernel.
 *    An entry that was found once (call_entry) serves again while its key is the name: entries live as long as their space.
 * 2  Taking the lock of the port and its waiter is one exchange.  Now the entry is checked again: rights leave entries only under
 *    the port's lock, so the right is there and stays there until the port is unlocked.  Key and bits of an entry are read
 *    at once where both matter, so no order of reads does: a reserved entry that is free shows its next name.  What is
 *    written into it comes after that read because the branch on it does (a load and a store that depends on it are in order).
 *    A port that is idle but for its sets names the first one in its rx, and one more exchange, on the rx of that set, locks the set and
 *    yields its waiter.  The port stays in the set while it is locked, so the set is there, and that this one comes first.
 * 3  The waiter is ours, and no other CPU touches it: it was in this one rx word, and is on no list.  It had no request pending when it began
 *    to wait, and who makes a request takes it out of rx first (kern/thread.c), or waits until we are done.
 * 4  Before the compare-and-swap that publishes us as waiter, everything of ours is in its final state; after it, another CPU may run
 *    us, so `cur` is not touched any more.
 * A wait with a time differs by what is in `cur` before that: the time, and the state that says that it counts (kern/thread.c).  Its
 * reminder has to be in this CPU's queue already, as it is from the second such wait on; so no lock is taken and no timer is set.
 * Who ends the wait does not have to know.
 * A call that waits on a set, and asks for its answer at a port, needs a right on loan from the one and the word of the other; `cur`
 * remembers both together (ipc/direct_set.c).  The answer finds `cur` in the word of the set: it gives the loan back if it came to the
 * port that `cur` remembers, and is declined otherwise.
 */
#ifndef IPC_IPC_FAST_H
#define IPC_IPC_FAST_H

#include <hal/hal.h>
#include <ipc/port.h>
#include <ipc/pset.h>
#include <ipc/space.h>
#include <kern/cpu.h>
#include <kern/thread.h>
#include <vm/pmap.h>

#ifndef IPC_FAST_UNLIKELY /* an ISA may know better */
#define IPC_FAST_UNLIKELY(x) __builtin_expect(!!(x), 0)
#endif

#define IPC_FAST_INLINE static inline __attribute__((always_inline))

/* key and bits of an entry, read at once */
typedef uint64_t __attribute__((may_alias)) ipc_fast_word_t;
_Static_assert(offsetof(struct ipc_entry, key) == 0 && offsetof(struct ipc_entry, bits) == sizeof(uint32_t),
               "key and bits are one word");

/* What the steps hand on; after inlining all of it is in registers, `reply`, `timed`, `apart` and `buffer` are constants. */
struct ipc_fast {
    struct thread *cur;
    struct cpu *cpu;
    uint64_t remote;
    uint64_t local;
    uint64_t more; /* what the header's flag announces */
    uint64_t top;  /* priority that is ready */
    bool reply;
    bool timed;
    bool apart;              /* cur waits on a set, with a right on loan from a port */
    bool buffer;             /* both wait in the buffer form (ipc/ipc_fast_message.h) */
    bool large;              /* buffer form: not read yet, but for the header */
    bool carries;            /* buffer form: one right; then the message is small */
    bool member;             /* next waits on a set that the port is in */
    struct ipc_entry *entry; /* of the destination */
    struct ipc_port *port;
    struct ipc_pset *set;
    struct ipc_port *receive; /* where the answer to cur goes */
    struct thread *next;
    uint64_t right;         /* reply: what its entry's word is while it holds the right */
    struct ipc_entry *mint; /* call: next's reserved entry */
    uint64_t free;          /* call: its word, while it is free */
    struct pmap *pmap;      /* next's */
    uint64_t token;         /* of next's address space */
    uint64_t priority;      /* cur's */
    uint64_t name;          /* of the reply right, for next */
    uint64_t label;
    uint64_t result;            /* for a member: that of next's trap */
    uint64_t body;              /* buffer form: bytes of the message behind its header */
    mach_port_name_t port_name; /* buffer form: for next */
};

/* A thread as it stands in rx. */
IPC_FAST_INLINE uint64_t ipc_fast_waiter(const struct ipc_fast *f, const struct thread *t)
{
    return (uint64_t)t + (f->buffer ? IPC_PORT_RX_FORM : 0);
}

/* 0: vector state leaves with the thread; if we decline later, it comes back by a fault. */
IPC_FAST_INLINE bool ipc_fast_fpu_release(const struct ipc_fast *f)
{
    if (!IPC_FAST_FPU)
        return false;
    IPC_FAST_FPU_SAVE(f->cur->fpu);
    f->cpu->fpu_owner = NULL;
    return true;
}

/* The entry of a name that is not the one last called. Names that are not in use equal no key. */
IPC_FAST_INLINE bool ipc_fast_lookup(struct ipc_fast *f)
{
    const struct ipc_space *space = f->cur->space;
    uint64_t index = f->remote >> 8;

    /* acquire: the directory is one that is large enough */
    if (index >= __atomic_load_n(&space->size, __ATOMIC_ACQUIRE))
        return false;
    f->entry = &space->leaf[index >> IPC_LEAF_SHIFT][index & (IPC_LEAF_ENTRIES - 1)];
    if (f->entry->key != f->remote)
        return false;
    f->cur->call_entry = f->entry;
    return true;
}

IPC_FAST_INLINE uint64_t ipc_fast_word(const struct ipc_entry *entry)
{
    return __atomic_load_n((const ipc_fast_word_t *)(const void *)entry, __ATOMIC_RELAXED);
}

/* Does cur remember where a call receives? While it remembers a set apart, there is the port beside it (ipc/direct_set.c). */
IPC_FAST_INLINE bool ipc_fast_receives(const struct ipc_fast *f)
{
    const struct thread *cur = f->cur;

    if (!f->apart)
        return cur->rcv_name == f->local;
    return cur->rcv_name == (f->more | THREAD_RCV_APART) && cur->rcv_port->name == f->local;
}

/* 1: the destination, and whether we may and can. */
IPC_FAST_INLINE bool ipc_fast_find_call(struct ipc_fast *f)
{
    const struct thread *cur = f->cur;

    if (IPC_FAST_UNLIKELY(f->entry->key != f->remote) && !ipc_fast_lookup(f))
        return false;
    f->port = f->entry->object;
    f->priority = cur->priority;
    return ipc_fast_receives(f) IPC_FAST_AND(cur->rcv_loan != 0)
        IPC_FAST_AND(f->priority >= IPC_FAST_AGAIN(f->top, f->cpu->top_priority));
}

IPC_FAST_INLINE bool ipc_fast_find_reply(struct ipc_fast *f)
{
    f->right = ((uint64_t)MACH_PORT_TYPE_SEND_ONCE << 32 | UINT32_MAX) ^ f->remote;
    f->port = f->entry->object;
    return (ipc_fast_word(f->entry) == f->right) IPC_FAST_AND(f->cur->rcv_name == f->local);
}

/* Port and waiter are as before. */
IPC_FAST_INLINE void ipc_fast_put_back(const struct ipc_fast *f)
{
    if (f->member) {
        IPC_FAST_STORE(&f->set->rx, (uint64_t)f->next);
        IPC_FAST_STORE(&f->port->rx, (uint64_t)f->set + IPC_PORT_RX_COMPLEX);
    } else {
        IPC_FAST_STORE(&f->port->rx, ipc_fast_waiter(f, f->next));
    }
}

/* 2: nobody waits in the port's rx, which held this; in that of a set that it is in? */
IPC_FAST_INLINE bool ipc_fast_take_member(struct ipc_fast *f, uint64_t rx)
{
    f->set = ipc_port_rx_set(rx);
    if (f->set != NULL) {
        uint64_t waiter = IPC_FAST_SWAP(&f->set->rx, IPC_PORT_RX_LOCKED);
        f->next = (struct thread *)waiter;
        if ((waiter & 3) == 0)
            return true;
        if (waiter != IPC_PORT_RX_LOCKED)
            IPC_FAST_STORE(&f->set->rx, waiter);
    }
    if (rx != IPC_PORT_RX_LOCKED)
        IPC_FAST_STORE(&f->port->rx, rx);
    return false;
}

/* 2: both are locked; may we and can we? */
IPC_FAST_INLINE bool ipc_fast_take(struct ipc_fast *f)
{
    struct thread *next = f->next;
    bool good;

    f->pmap = next->pmap;
    if (f->reply) {
        f->token = __atomic_load_n(&f->pmap->token, __ATOMIC_RELAXED);
        good = (f->token != 0) IPC_FAST_AND(ipc_fast_word(f->entry) == f->right)
            IPC_FAST_AND(next->cpu == f->cpu) IPC_FAST_AND(next->priority >= f->cpu->top_priority)
                IPC_FAST_AND(!f->member || next->rcv_port == f->port /* whose right goes back on loan */);
    } else {
        f->mint = next->reply_entry;
        f->free = ipc_fast_word(f->mint);
        good = (f->free <= UINT32_MAX) /* each load where it is needed: else one check more is made of two */
            IPC_FAST_AND((f->token = __atomic_load_n(&f->pmap->token, __ATOMIC_RELAXED)) != 0)
                IPC_FAST_AND(f->entry->key == f->remote) IPC_FAST_AND((void *)f->port == f->entry->object)
                    IPC_FAST_AND(next->cpu == f->cpu);
    }
    if (IPC_FAST_UNLIKELY(!good))
        ipc_fast_put_back(f);
    return good;
}

/* 4: become the waiter of the receive port. */
IPC_FAST_INLINE bool ipc_fast_wait(struct ipc_fast *f)
{
    struct thread *cur = f->cur;

    if (f->reply) {
        f->entry->bits = 0; /* the right is used; the name steps to its next generation */
        f->entry->generation = (uint8_t)(IPC_FAST_AGAIN(f->right, f->entry->generation) - 1);
        __atomic_store_n(&cur->priority, __atomic_load_n(&cur->own_priority, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    } else {
        cur->rcv_loan--;
    }
    __atomic_store_n(&cur->state, f->timed ? THREAD_RECEIVING_TIMED : THREAD_RECEIVING, __ATOMIC_RELAXED);
    f->receive = cur->rcv_port;
    /* a name that equals `local`, and a right on loan: then what cur remembers is a port (ipc/port.h), not a set, unless it
     * is both */
    IPC_FAST_CAS(f->reply || f->apart ? cur->rcv_rx : &f->receive->rx, cur->rcv_idle, ipc_fast_waiter(f, cur),
                 busy);
    return true;

busy:
    __atomic_store_n(&cur->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    if (f->reply) {
        const uint64_t lent = __atomic_load_n(&f->next->priority, __ATOMIC_RELAXED);
        if (__atomic_load_n(&cur->priority, __ATOMIC_RELAXED) < lent) /* the client lends it again */
            __atomic_store_n(&cur->priority, lent, __ATOMIC_RELAXED);
        f->entry->generation++;
        f->entry->bits = MACH_PORT_TYPE_SEND_ONCE;
    } else {
        cur->rcv_loan++;
    }
    ipc_fast_put_back(f);
    return false;
}

/* 3: the other one goes on. */
IPC_FAST_INLINE void ipc_fast_switch(struct ipc_fast *f)
{
    struct thread *next = f->next;

    f->port->seqno++;
    f->name = 0;
    if (f->reply) {
        next->rcv_loan++;
    } else {
        struct ipc_entry *mint = IPC_FAST_AGAIN(f->mint, next->reply_entry);
        f->name = (uint32_t)~IPC_FAST_AGAIN(f->free, mint->key);
        mint->object = f->receive;
        IPC_FAST_STORE(&mint->bits, MACH_PORT_TYPE_SEND_ONCE);
        if (next->priority < f->priority)
            __atomic_store_n(&next->priority, f->priority, __ATOMIC_RELAXED); /* the client lends its own */
    }
    __atomic_store_n(&next->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    f->label = f->port->context;
    f->port_name = f->port->name;
    if (f->member) {
        f->result = (uint64_t)f->port->name << 32;
        IPC_FAST_STORE(&f->set->rx, f->set->idle);
        IPC_FAST_STORE(&f->port->rx, (uint64_t)f->set + IPC_PORT_RX_COMPLEX);
    } else {
        IPC_FAST_STORE(&f->port->rx, f->port->idle);
    }
    const struct pmap *active = f->cpu->pmap;
    f->cpu->current = next;
    __atomic_store_n(&f->cpu->pmap, IPC_FAST_AGAIN(f->pmap, next->pmap), __ATOMIC_RELAXED);
    if (f->cpu->pmap != active)
        hal_pt_activate(f->token);
    if (IPC_FAST_UNLIKELY(next->fpu_credit != 0) && IPC_FAST_FPU) {
        next->fpu_credit = IPC_FAST_AGAIN(next->fpu_credit, next->fpu_credit) - 1;
        IPC_FAST_FPU_LOAD(next->fpu);
        f->cpu->fpu_owner = next;
    }
}

/* The time for the wait. 0 only polls, which is for the general path. */
IPC_FAST_INLINE bool ipc_fast_set_timeout(const struct ipc_fast *f)
{
    struct thread *cur = f->cur;
    hal_ticks_t time = IPC_FAST_NOW() + f->more * f->cpu->ticks_per_ms;

    cur->rcv_timeout_ms = (uint32_t)f->more;
    cur->rcv_wake_time = time;
    return (f->more != 0) IPC_FAST_AND(cur->timeout.cpu != NULL) IPC_FAST_AND(cur->timeout.deadline <= time);
}

/* flag: 0, or the one that the header has. */
IPC_FAST_INLINE uint64_t ipc_fast_body(const bool reply, const uint64_t flag)
{
    IPC_FAST_ARGS;
    struct ipc_fast f = {
        .cur = cur,
        .cpu = cur->cpu,
        .entry = reply ? cur->reply_entry : cur->call_entry,
        .remote = remote,
        .local = local,
        .reply = reply,
        .timed = flag == MACH_RPC_TIMED,
        .apart = flag == MACH_RPC_APART,
        .more = more,
    };

    /* all above the number of words is the kernel's to say, but for a flag */
    if (flag == 0 && IPC_FAST_UNLIKELY(IPC_FAST_TOO_LONG(header)))
        goto flags;
    if (f.timed && !ipc_fast_set_timeout(&f))
        goto slow;
    f.top = f.cpu->top_priority;
    if (IPC_FAST_UNLIKELY(f.cpu->fpu_owner != NULL) && !ipc_fast_fpu_release(&f))
        goto slow;
    if (IPC_FAST_UNLIKELY(!(reply ? ipc_fast_find_reply(&f) : ipc_fast_find_call(&f))))
        goto slow;
    uint64_t rx = IPC_FAST_SWAP(&f.port->rx, IPC_PORT_RX_LOCKED);
    if (IPC_FAST_UNLIKELY(rx & 3))
        goto member;
    f.next = (struct thread *)rx;
    if (!ipc_fast_take(&f) || !ipc_fast_wait(&f))
        goto slow;
    ipc_fast_switch(&f);
    IPC_FAST_EXIT(f.cpu, f.name, f.label, f.next);

member:
    f.member = true;
    if (!ipc_fast_take_member(&f, rx) || !ipc_fast_take(&f) || !ipc_fast_wait(&f))
        goto slow;
    ipc_fast_switch(&f);
    IPC_FAST_EXIT_MEMBER(f.cpu, f.name, f.label, f.next, f.result);

flags:
    if ((header & (MACH_RPC_TIMED | MACH_RPC_APART)) != 0) {
        if ((header ^ MACH_RPC_TIMED) >> 32 <= HAL_RPC_WORDS)
            IPC_FAST_FLAGGED(MACH_RPC_TIMED);
        if (!reply && (header ^ MACH_RPC_APART) >> 32 <= HAL_RPC_WORDS)
            IPC_FAST_FLAGGED(MACH_RPC_APART);
    }
    IPC_FAST_SLOW(true);
slow:
    IPC_FAST_SLOW(false);
}

#endif
