/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLB shootdown by cross-call: when pmap_remove() returns, no TLB has the old entry, and nobody waits for ever
 * (vm/pmap.c: gather_finish(); vm/pmap_asid.c: pmap_activate_slow(); kern/smp.c; kern/spinlock.c: waiters serve their mailbox).
 *
 * Initiators take a page away.  Users run in the address space: their TLBs load the entry from memory at any moment; they leave it
 * and come back, and one faults, which takes the pmap's lock.  The stores of an initiator to page tables pass through a store
 * buffer of one entry, which empties at any moment, and at a barrier: this is where the order of stores and loads matters most.
 * With APART each initiator has a pmap of its own.
 *
 *   run user: -DINITIATORS=1 -DUSERS=2
 *   run both: -DINITIATORS=2 -DUSERS=1
 *   run apart: -DINITIATORS=2 -DUSERS=0 -DAPART
 *   bug 1 (user): the CPUs are read before the entry is written
 *   bug 2 (user): no barrier between the entry's store and the load of the CPUs
 *   bug 3 (user): a CPU answers before it has flushed
 *   bug 4 (user): the first activation on a CPU does not flush
 *   bug 5 (user): a CPU enters itself after it activated and flushed
 *   bug 6 (both): a CPU that waits for a lock does not serve its mailbox
 *   bug 7 (apart): a caller does not serve its own mailbox while it waits
 *   bug 8 (both): the pmap's lock is released before the TLBs have forgotten
 */
#ifndef BUG
#define BUG 0
#endif
#define CPUS (INITIATORS + USERS)
#define BIT(i) (1 << (i))
#define MAPPED 1 /* the entry; 0: a hole. Initiator i takes away mapping i + 1. */

byte pte = MAPPED, buffered = 255; /* memory; what is in the initiator's store buffer, or 255 */
byte tlb[CPUS];                    /* the entry as cached, 0: not */
bool in_user[CPUS];                /* runs user code in the address space */
bool activating[CPUS];             /* will flush before it does */
byte cpus;                         /* pmap->cpus */
bool pmap_lock[CPUS];
#ifdef APART
#define LOCK pmap_lock[c]
#else
#define LOCK pmap_lock[0]
#endif
byte calls[CPUS];   /* mailbox: callers */
byte waiting[CPUS]; /* of each CPU's one outgoing request */
byte finished;

/* smp_poll(), smp_serve(): on CPU c */
inline poll()
{
    atomic { callers = calls[c]; calls[c] = 0 }
    do
    :: callers == 0 -> break
    :: else ->
        d_step {
            caller = 0;
            do
            :: (callers & BIT(caller)) == 0 -> caller++
            :: else -> break
            od;
            callers = callers & ~BIT(caller)
        }
#if BUG == 3
        atomic { waiting[caller] = waiting[caller] & ~BIT(c) }
        tlb[c] = 0
#else
        tlb[c] = 0; /* gather_flush_here() */
        atomic { waiting[caller] = waiting[caller] & ~BIT(c) }
#endif
    od;
    caller = 0
}

/* spin_lock(&pmap->lock) */
inline lock()
{
    do
    :: atomic { !LOCK -> LOCK = true }; break
#if BUG != 6
    :: LOCK && calls[c] != 0 -> poll()
#endif
    od
}

/* pmap_remove(), or pmap_change_leaf() that takes rights away */
proctype Initiator(byte c)
{
    byte callers, caller, others;

    lock();
    if
    :: pte == 0 && buffered == 255 -> skip /* somebody else did it: nothing to gather */
    :: else ->
#if BUG == 1
        others = cpus & ~BIT(c);
#endif
        buffered = 0; /* pmap_slot_write() */
#if BUG != 2
        buffered == 255; /* __atomic_thread_fence(__ATOMIC_SEQ_CST) */
#endif
#if BUG != 1
        others = cpus & ~BIT(c);
#endif
#if BUG == 8
        buffered == 255;
        LOCK = false;
#endif
        waiting[c] = others; /* smp_call() */
        do
        :: others == 0 -> break
        :: else ->
            d_step {
                caller = 0;
                do
                :: (others & BIT(caller)) == 0 -> caller++
                :: else -> break
                od;
                others = others & ~BIT(caller)
            }
            atomic { calls[caller] = calls[caller] | BIT(c) } /* and an interrupt */
        od;
        tlb[c] = 0;
        do
        :: waiting[c] == 0 -> break
#if BUG != 7
        :: waiting[c] != 0 && calls[c] != 0 -> poll()
#endif
        od;
        buffered == 255 /* at the latest here: the lock's release */
    fi;
    d_step {
        for (caller : 0 .. CPUS - 1) {
            assert(activating[caller] || tlb[caller] == 0 || tlb[caller] == pte); /* nobody can use what was taken away */
        }
        caller = 0
    }
#if BUG != 8
    LOCK = false;
#endif
    finished++;
end_kernel:
    do
    :: calls[c] != 0 -> poll()
    od
}

/* The store buffer of whoever holds the lock. */
active proctype Memory()
{
end_off:
    do
    :: atomic { buffered != 255 -> pte = buffered; buffered = 255 }
    od
}

/* A CPU whose threads use the address space. */
proctype User(byte c; bool faults)
{
    byte callers, caller, turns, early;

end_user:
    do
    :: calls[c] != 0 -> poll() /* interrupt */
    :: in_user[c] && tlb[c] == 0 && pte != 0 -> tlb[c] = pte /* the hardware walks */
    :: in_user[c] && turns < 2 -> in_user[c] = false; turns++ /* to another address space: its entries stay */
    :: !in_user[c] && turns < 2 -> /* pmap_activate() */
        if
        :: (cpus & BIT(c)) != 0 -> skip
        :: else -> /* pmap_activate_slow() */
#if BUG == 5
            tlb[c] = 0;
            in_user[c] = true;
            if
            :: pte != 0 -> tlb[c] = pte /* the walker is at work from here on */
            :: pte == 0 -> skip
            fi;
            atomic { cpus = cpus | BIT(c) }
#else
            d_step { early = pte; activating[c] = true }
            atomic { cpus = cpus | BIT(c) }
            if
            :: early != 0 -> tlb[c] = early /* nothing orders the hardware's walks behind the bit, but the flush */
            :: true -> skip
            fi;
#if BUG != 4
            tlb[c] = 0; /* hal_tlb_flush_asid() */
#endif
            activating[c] = false
#endif
        fi;
        in_user[c] = true;
        assert(finished == 0 || tlb[c] == 0 || tlb[c] == pte)
    :: faults && in_user[c] && pte == 0 && turns < 2 -> /* vm_fault(): spins for the lock, finds nothing */
        in_user[c] = false;
        lock();
        LOCK = false;
        turns = 2
    od
}

init
{
    byte i;

    atomic {
        for (i : 0 .. CPUS - 1) {
            if
            :: i < INITIATORS -> cpus = cpus | BIT(i); run Initiator(i)
#if USERS
            :: i >= INITIATORS -> run User(i, i == INITIATORS)
#endif
            fi
        }
    }
    timeout;
    assert(finished == INITIATORS)
}
