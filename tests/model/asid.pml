/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ASIDs and their rollover: no two address spaces share an ASID in a TLB (vm/pmap_asid.c).
 *
 * CPUs switch between more address spaces than there are ASIDs, by pmap_activate() and as the fast path does, which holds no lock.
 * A TLB entry remembers the address space it was loaded for: user code must only ever meet its own.
 *
 *   run rollover: -DCPUS=2 -DPMAPS=3 -DSWITCHES=2
 *   bug 1 (rollover): a rollover does not flush
 *   bug 2 (rollover): a call is served between the load of a token and its activation
 *   bug 3 (rollover): ASIDs that are in use are handed out again
 *   bug 4 (rollover): the tokens are cleared after the call
 *   bug 5 (rollover): a CPU that waits for the allocator does not serve its mailbox
 */
#ifndef BUG
#define BUG 0
#endif
#define ASIDS 3 /* 1 .. ASIDS; a machine has more than CPUs + 1 */
#define NONE 7
#define GONE 6
#define BIT(i) (1 << (i))

byte token[PMAPS]; /* pmap->token: here the ASID, 0: none */
byte asid[PMAPS];  /* pmap->asid */
byte cpus[PMAPS];
bool asid_lock;
byte asid_next = 1;
byte kept; /* bit a: ASID a is kept */
byte reported[CPUS];     /* asid_active[] */
byte cpu_pmap[CPUS];     /* cpu->pmap */
byte hw_asid[CPUS];      /* what the MMU is told: ASID ... */
byte hw_root[CPUS];      /* ... and root */
byte tlb[CPUS * (ASIDS + 1)]; /* by CPU and ASID: for which address space an entry was loaded */
#define TLB(c, a) tlb[(c) * (ASIDS + 1) + (a)]
byte calls[CPUS]; /* mailbox: a caller waits (one at a time: it holds asid_lock) */
byte waiting;     /* CPUs that have not answered */

/* asid_rollover_here() */
inline rollover_here()
{
    reported[c] = cpu_pmap[c];
    d_step {
#if BUG != 1
        for (i : 0 .. ASIDS) { TLB(c, i) = NONE }
#endif
        i = 0
    }
}

/* smp_poll() */
inline poll()
{
    if
    :: calls[c] -> calls[c] = 0; rollover_here(); atomic { waiting = waiting & ~BIT(c) }
    :: else -> skip
    fi
}

/* asid_rollover() */
inline rollover()
{
#if BUG != 4
    d_step { for (i : 0 .. PMAPS - 1) { token[i] = 0 } }
#endif
    d_step {
        waiting = (BIT(CPUS) - 1) & ~BIT(c);
        for (i : 0 .. CPUS - 1) { calls[i] = (i != c) }
    }
    rollover_here();
    waiting == 0;
#if BUG == 4
    d_step { for (i : 0 .. PMAPS - 1) { token[i] = 0 } }
#endif
    d_step {
        kept = 0;
        for (i : 0 .. CPUS - 1) {
            if
            :: reported[i] != NONE ->
                kept = kept | BIT(asid[reported[i]]);
                token[reported[i]] = asid[reported[i]]
            :: else -> skip
            fi
        }
        asid_next = 1;
        i = 0
    }
}

inline skip_kept()
{
    d_step {
        do
        :: asid_next <= ASIDS && (kept & BIT(asid_next)) != 0 && BUG != 3 -> asid_next++
        :: else -> break
        od
    }
}

/* A CPU: activates an address space, runs in it, is interrupted, activates another one. */
proctype Cpu(byte c)
{
    byte p, i, seen, switches;

    do
    :: switches < SWITCHES ->
        if
        :: p = 0
        :: p = 1
        :: p = 2
        fi;
        switches++;
        poll(); /* it may have come by a spin loop until here */
        seen = token[p];
#if BUG == 2
        poll();
#endif
        if
        :: seen != 0 && (cpus[p] & BIT(c)) != 0 -> /* pmap_activate(), and the fast path */
            d_step { hw_asid[c] = seen; hw_root[c] = p } /* hal_pt_activate() */
            cpu_pmap[c] = p
        :: else -> /* pmap_activate_slow() */
            do
            :: atomic { !asid_lock -> asid_lock = true }; break
#if BUG != 5
            :: asid_lock && calls[c] -> poll()
#endif
            od;
            if
            :: token[p] != 0 -> skip
            :: else -> /* asid_assign() */
                skip_kept();
                if
                :: asid_next <= ASIDS -> skip
                :: else -> rollover()
                fi;
                if
                :: token[p] != 0 -> skip /* active on another CPU: it kept its own */
                :: else ->
                    skip_kept();
                    assert(asid_next <= ASIDS);
                    asid[p] = asid_next;
                    asid_next++;
                    token[p] = asid[p]
                fi
            fi;
            cpus[p] = cpus[p] | BIT(c);
            d_step { hw_asid[c] = token[p]; hw_root[c] = p }
            cpu_pmap[c] = p;
            TLB(c, asid[p]) = NONE; /* hal_tlb_flush_asid() */
            asid_lock = false
        fi;
        seen = 0
    :: hw_root[c] != NONE -> /* user code: the TLB loads, or has, an entry */
        d_step {
            if
            :: TLB(c, hw_asid[c]) == NONE -> TLB(c, hw_asid[c]) = hw_root[c]
            :: else -> skip
            fi;
            assert(TLB(c, hw_asid[c]) == hw_root[c]);
            for (i : 0 .. PMAPS - 1) {
                assert(i == hw_root[c] || token[i] != hw_asid[c]) /* nor will another one's be taken for it */
            }
            i = 0
        }
        if
        :: switches == SWITCHES -> break
        :: else -> skip
        fi
    :: calls[c] -> poll() /* interrupt */
    od;
end_kernel:
    do
    :: calls[c] -> poll()
    od
}

init
{
    byte i;

    d_step {
        for (i : 0 .. CPUS - 1) { cpu_pmap[i] = NONE; hw_root[i] = NONE }
        for (i : 0 .. CPUS * (ASIDS + 1) - 1) { tlb[i] = NONE }
        for (i : 0 .. CPUS - 1) { /* each CPU runs in one; another one, which is gone, had the last ASID */
            asid[i] = i + 1;
            token[i] = i + 1;
            cpus[i] = BIT(i);
            cpu_pmap[i] = i;
            hw_asid[i] = i + 1;
            hw_root[i] = i;
            TLB(i, i + 1) = i;
            TLB(i, ASIDS) = GONE
        }
        asid_next = ASIDS + 1
    }
    atomic {
        for (i : 0 .. CPUS - 1) { run Cpu(i) }
    }
}
