/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of the register form of RPC, machine independent: one body, compiled twice by each ISA
 * (arch/<isa>/fastpath.c): call, and reply + wait.  docs/design/ipc.md explains it step by step.
 *
 * It handles: a plain send right (call) or the send-once right that an earlier fast call minted for this thread
 * (reply), to a port whose only waiter is a thread in the register form that last ran on this CPU; a receive port that is idle.
 * Everything else goes to the general path, with nothing changed.
 *
 * The payload never appears here: it stays in registers that the compiler is kept away from.  There is no stack: the
 * functions are naked, the body must be inlined and may not spill (the build checks it).
 *
 * An ISA defines before it includes this file:
 *   IPC_FAST_ARGS                     declares and sets: struct thread *cur; uint64_t remote, local (names, zero-extended),
 *                                     header
 *   IPC_FAST_SLOW()                   goes to the general path of this trap
 *   IPC_FAST_EXIT(here, name, label, next)
 *                                     resumes `next` (a call frame) on CPU `here`, perhaps not the one that resumed it
 *                                     last, with these results and the payload; clears the rest
 *   IPC_FAST_SWAP(p, v)               atomic exchange, acquire
 *   IPC_FAST_CAS(p, old, new, fail)   atomic compare and swap, release; goes to label `fail` if *p is not old
 *   IPC_FAST_STORE(p, v)              store, release
 *   IPC_FAST_OR                       how to join cheap checks: | or ||
 *   IPC_FAST_FPU                      whether this path can hand over vector state; then also
 *   IPC_FAST_FPU_SAVE(area)           as hal_fpu_save()
 *   IPC_FAST_FPU_LOAD(area)           as hal_fpu_load()
 *
 * Why it is safe with other CPUs at work (numbers as in the code):
 * 1  Entries are read without the space's lock. They never move; what one points to begins with a word that may be
 *    exchanged, whatever it is (struct ipc_object), and that memory keeps its type while this CPU is in the kernel.
 * 2  Taking the lock of the port and its waiter is one exchange.  Now the entry is checked again: rights leave entries only under
 *    the port's lock, so the right is there and stays there until the port is unlocked.
 * 3  The waiter is ours, and no other CPU touches it: it is in no rx word and on no list.  It had no request pending when it began
 *    to wait, and who makes a request takes it out of rx first (kern/thread.c), or waits until we are done.
 * 4  Before the compare-and-swap that publishes us as waiter, everything of ours is in its final state; after it, another CPU may run
 *    us, so `cur` is not touched any more.
 */
#ifndef IPC_IPC_FAST_H
#define IPC_IPC_FAST_H

#include <hal/hal.h>
#include <ipc/port.h>
#include <ipc/space.h>
#include <kern/cpu.h>
#include <kern/thread.h>
#include <vm/pmap.h>

#define IPC_FAST_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define IPC_FAST_INLINE static inline __attribute__((always_inline))

/* What the steps hand on; after inlining all of it is in registers, `reply` is a constant. */
struct ipc_fast {
    struct thread *cur;
    struct cpu *cpu;
    uint64_t remote;
    uint64_t local;
    bool reply;
    struct ipc_entry *entry; /* of the destination */
    struct ipc_port *port;
    struct ipc_port *receive; /* where cur waits */
    struct thread *next;
    struct pmap *pmap; /* next's */
    uint64_t token;
    uint64_t priority; /* cur's */
    uint64_t name;     /* of the reply right, for next */
    uint64_t label;
};

/* 0: vector state leaves with the thread; if we decline later, it comes back by a fault. */
IPC_FAST_INLINE bool ipc_fast_fpu_release(const struct ipc_fast *f)
{
    if (!IPC_FAST_FPU)
        return false;
    IPC_FAST_FPU_SAVE(f->cur->fpu);
    f->cpu->fpu_owner = NULL;
    return true;
}

/* 1: the destination, and whether we may and can. */
IPC_FAST_INLINE bool ipc_fast_find(struct ipc_fast *f)
{
    const struct thread *cur = f->cur;

    if (f->reply) {
        f->entry = cur->reply_entry;
        f->port = f->entry->object;
        return !IPC_FAST_UNLIKELY((~f->entry->key != f->remote) IPC_FAST_OR(
            f->entry->bits != MACH_PORT_TYPE_SEND_ONCE) IPC_FAST_OR(cur->rcv_name != f->local));
    }
    const struct ipc_space *space = cur->space;
    uint64_t index = f->remote >> 8;
    /* acquire: the directory is one that is large enough */
    if (IPC_FAST_UNLIKELY(index >= __atomic_load_n(&space->size, __ATOMIC_ACQUIRE)))
        return false;
    f->entry = &space->leaf[index >> IPC_LEAF_SHIFT][index & (IPC_LEAF_ENTRIES - 1)];
    f->port = f->entry->object;
    return !IPC_FAST_UNLIKELY((f->entry->key != f->remote) IPC_FAST_OR(cur->rcv_name != f->local) IPC_FAST_OR(
        cur->rcv_loan == 0) IPC_FAST_OR(cur->priority < f->cpu->top_priority));
}

/* 2: its lock and its waiter. */
IPC_FAST_INLINE bool ipc_fast_take(struct ipc_fast *f)
{
    uint64_t rx = IPC_FAST_SWAP(&f->port->rx, IPC_PORT_RX_LOCKED);
    if (IPC_FAST_UNLIKELY(rx & 3)) {
        if (rx != IPC_PORT_RX_LOCKED)
            IPC_FAST_STORE(&f->port->rx, rx);
        return false;
    }
    struct thread *next = (struct thread *)rx;
    f->next = next;
    f->pmap = next->pmap;
    f->token = f->pmap->token;
    bool declined; /* acquire, below: pairs with entry_vacate() in ipc/space.c */
    if (f->reply)
        declined = (~f->entry->key != f->remote) IPC_FAST_OR(f->entry->bits != MACH_PORT_TYPE_SEND_ONCE)
            IPC_FAST_OR((void *)f->port != f->entry->object) IPC_FAST_OR(next->cpu != f->cpu)
                IPC_FAST_OR(next->priority < f->cpu->top_priority) IPC_FAST_OR(f->token == 0);
    else
        declined = (f->entry->key != f->remote) IPC_FAST_OR((void *)f->port != f->entry->object)
            IPC_FAST_OR(next->cpu != f->cpu)
                IPC_FAST_OR(__atomic_load_n(&next->reply_entry->bits, __ATOMIC_ACQUIRE) != 0)
                    IPC_FAST_OR(f->token == 0);
    if (IPC_FAST_UNLIKELY(declined))
        IPC_FAST_STORE(&f->port->rx, (uint64_t)next);
    return !declined;
}

/* 4: become the waiter of the receive port. */
IPC_FAST_INLINE bool ipc_fast_wait(struct ipc_fast *f)
{
    struct thread *cur = f->cur;

    f->priority = cur->priority;
    if (f->reply) {
        f->entry->bits = 0; /* the right is used; the name steps to its next generation */
        f->entry->generation--;
        cur->priority = cur->own_priority;
    } else {
        cur->rcv_loan--;
    }
    cur->state = THREAD_RECEIVING;
    IPC_FAST_CAS(&f->receive->rx, cur->rcv_idle, (uint64_t)cur, busy);
    return true;

busy:
    cur->state = THREAD_RUNNING;
    if (f->reply) {
        cur->priority = f->priority;
        f->entry->generation++;
        f->entry->bits = MACH_PORT_TYPE_SEND_ONCE;
    } else {
        cur->rcv_loan++;
    }
    IPC_FAST_STORE(&f->port->rx, (uint64_t)f->next);
    return false;
}

/* 3: the other one goes on. */
IPC_FAST_INLINE void ipc_fast_switch(struct ipc_fast *f)
{
    struct thread *next = f->next;

    f->label = f->port->context;
    f->port->seqno++;
    f->name = 0;
    if (f->reply) {
        next->rcv_loan++;
    } else {
        struct ipc_entry *mint = next->reply_entry;
        mint->object = f->receive;
        IPC_FAST_STORE(&mint->bits, MACH_PORT_TYPE_SEND_ONCE);
        f->name = (uint32_t)~mint->key;
        if (next->priority < f->priority)
            next->priority = f->priority; /* the client lends its own */
    }
    next->state = THREAD_RUNNING;
    IPC_FAST_STORE(&f->port->rx, f->port->idle);
    f->cpu->current = next;
    if (f->pmap != f->cpu->pmap) {
        f->cpu->pmap = f->pmap;
        hal_pt_activate(f->token);
    }
    if (IPC_FAST_FPU && IPC_FAST_UNLIKELY(next->fpu_credit != 0)) {
        next->fpu_credit--;
        IPC_FAST_FPU_LOAD(next->fpu);
        f->cpu->fpu_owner = next;
    }
}

IPC_FAST_INLINE uint64_t ipc_fast_body(const bool reply)
{
    IPC_FAST_ARGS;
    struct ipc_fast f = {.cur = cur,
                         .cpu = cur->cpu,
                         .remote = remote,
                         .local = local,
                         .reply = reply,
                         .receive = cur->rcv_port};

    /* all above the number of words is the kernel's to say */
    if (IPC_FAST_UNLIKELY(header >> 32 > HAL_RPC_WORDS))
        IPC_FAST_SLOW();
    if (IPC_FAST_UNLIKELY(f.cpu->fpu_owner != NULL) && !ipc_fast_fpu_release(&f))
        IPC_FAST_SLOW();
    if (!ipc_fast_find(&f) || !ipc_fast_take(&f) || !ipc_fast_wait(&f))
        IPC_FAST_SLOW();
    ipc_fast_switch(&f);
    IPC_FAST_EXIT(f.cpu, f.name, f.label, f.next);
}

#endif
