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
 *   IPC_FAST_ARGS                     declares and sets: struct thread *cur; uint64_t remote, local (names, zero-extended)
 *   IPC_FAST_SLOW()                   goes to the general path of this trap
 *   IPC_FAST_EXIT(name, label, next)  resumes `next` (a call frame) with these results and the payload; clears the rest
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

static inline __attribute__((always_inline)) uint64_t ipc_fast_body(const bool reply)
{
    IPC_FAST_ARGS;
    struct cpu *cpu = cur->cpu;
    struct ipc_port *receive = cur->rcv_port;
    struct ipc_entry *entry;
    struct ipc_port *port;
    uint64_t name = 0;

    /* 0: vector state leaves with the thread; if we decline later, it comes back by a fault */
    if (IPC_FAST_UNLIKELY(cpu->fpu_owner != NULL)) {
        if (!IPC_FAST_FPU)
            IPC_FAST_SLOW();
        IPC_FAST_FPU_SAVE(cur->fpu);
        cpu->fpu_owner = NULL;
    }

    /* 1: the destination, and whether we may and can */
    if (reply) {
        entry = cur->reply_entry;
        port = entry->object;
        if (IPC_FAST_UNLIKELY((~entry->key != remote) IPC_FAST_OR(entry->bits != MACH_PORT_TYPE_SEND_ONCE)
                                  IPC_FAST_OR(cur->rcv_name != local)))
            IPC_FAST_SLOW();
    } else {
        struct ipc_space *space = cur->space;
        uint64_t index = remote >> 8;
        if (IPC_FAST_UNLIKELY(index >= space->size))
            IPC_FAST_SLOW();
        entry = &space->leaf[index >> IPC_LEAF_SHIFT][index & (IPC_LEAF_ENTRIES - 1)];
        port = entry->object;
        if (IPC_FAST_UNLIKELY((entry->key != remote) IPC_FAST_OR(cur->rcv_name != local)
                                  IPC_FAST_OR(cur->rcv_loan == 0)
                                      IPC_FAST_OR(cur->priority < cpu->top_priority)))
            IPC_FAST_SLOW();
    }

    /* 2: its lock and its waiter */
    uint64_t rx = IPC_FAST_SWAP(&port->rx, IPC_PORT_RX_LOCKED);
    if (IPC_FAST_UNLIKELY(rx & 3)) {
        if (rx != IPC_PORT_RX_LOCKED)
            IPC_FAST_STORE(&port->rx, rx);
        IPC_FAST_SLOW();
    }
    struct thread *next = (struct thread *)rx;
    struct pmap *pmap = next->pmap;
    uint64_t token = pmap->token;
    if (reply) {
        if (IPC_FAST_UNLIKELY((~entry->key != remote) IPC_FAST_OR(entry->bits != MACH_PORT_TYPE_SEND_ONCE)
                                  IPC_FAST_OR((void *)port != entry->object) IPC_FAST_OR(next->cpu != cpu)
                                      IPC_FAST_OR(next->priority < cpu->top_priority) IPC_FAST_OR(token == 0)))
            goto undo;
    } else {
        if (IPC_FAST_UNLIKELY((entry->key != remote) IPC_FAST_OR((void *)port != entry->object)
                                  IPC_FAST_OR(next->cpu != cpu) IPC_FAST_OR(next->reply_entry->bits != 0)
                                      IPC_FAST_OR(token == 0)))
            goto undo;
    }

    /* 4: become the waiter of the receive port */
    uint64_t priority = cur->priority;
    if (reply) {
        entry->bits = 0; /* the right is used; the name steps to its next generation */
        entry->generation--;
        cur->priority = cur->own_priority;
    } else {
        cur->rcv_loan--;
    }
    cur->state = THREAD_RECEIVING;
    IPC_FAST_CAS(&receive->rx, cur->rcv_idle, (uint64_t)cur, busy);

    /* 3: the other one goes on */
    uint64_t label = port->context;
    port->seqno++;
    if (reply) {
        next->rcv_loan++;
    } else {
        struct ipc_entry *mint = next->reply_entry;
        mint->object = receive;
        IPC_FAST_STORE(&mint->bits, MACH_PORT_TYPE_SEND_ONCE);
        name = (uint32_t)~mint->key;
        if (next->priority < priority)
            next->priority = priority; /* the client lends its own */
    }
    next->state = THREAD_RUNNING;
    IPC_FAST_STORE(&port->rx, port->idle);
    cpu->current = next;
    if (pmap != cpu->pmap) {
        cpu->pmap = pmap;
        hal_pt_activate(token);
    }
    if (IPC_FAST_FPU && IPC_FAST_UNLIKELY(next->fpu_credit != 0)) {
        next->fpu_credit--;
        IPC_FAST_FPU_LOAD(next->fpu);
        cpu->fpu_owner = next;
    }
    IPC_FAST_EXIT(name, label, next);

busy:
    cur->state = THREAD_RUNNING;
    if (reply) {
        cur->priority = priority;
        entry->generation++;
        entry->bits = MACH_PORT_TYPE_SEND_ONCE;
    } else {
        cur->rcv_loan++;
    }
undo:
    IPC_FAST_STORE(&port->rx, (uint64_t)next);
    IPC_FAST_SLOW();
}

#endif
