/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code changes on riscv64 (arch/riscv64/pt.c: hal_icache_sync(); arch/riscv64/trap.S: hal_cpu_idle, resume, resume_stale).
 *
 * A CPU changes code and calls hal_icache_sync(); another one runs user code, idles and resumes.  When that one enters user mode
 * after the call returned, it fetches the new code.  The flag and `idle` are written by one CPU and read by the other at the same
 * time, so both CPUs have store buffers of one entry here, which empty at any moment and at a fence.
 *
 *   run sync: -DTURNS=2
 *   bug 1 (sync): the caller has no fence between the flag and `idle`
 *   bug 2 (sync): a CPU that leaves idle has no fence between `idle` and the flag
 *   bug 3 (sync): the flag is cleared after the fence.i
 *   bug 4 (sync): a CPU that idles is sent no interrupt and does not look at the flag
 */
#ifndef BUG
#define BUG 0
#endif
#define EMPTY 255

byte code, stale, idle;                          /* memory */
byte store_stale = EMPTY;                        /* in the store buffer of the caller */
byte store_idle = EMPTY;                         /* ... of the other CPU */
byte fetched;                                    /* its instruction cache: version of the code */
bool ipi;
byte returned;                                   /* version for which the call has returned */

/* Store buffers drain. */
active proctype Memory()
{
end_off:
    do
    :: atomic { store_stale != EMPTY -> stale = store_stale; store_stale = EMPTY }
    :: atomic { store_idle != EMPTY -> idle = store_idle; store_idle = EMPTY }
    od
}

/* hal_icache_sync() */
active proctype Caller()
{
    byte turn = 1;

    do
    :: turn > TURNS -> break
    :: else ->
        code = turn; /* fence rw, rw follows */
        store_stale == EMPTY;
        store_stale = 1; /* atomic_store(): seq_cst */
#if BUG != 1
        store_stale == EMPTY; /* its fence before the load */
#endif
        if
        :: idle == 0 -> store_stale == EMPTY; ipi = true /* hal_ipi_send() has a fence */
        :: else -> skip
        fi;
        returned = turn;
        turn++
    od;
    store_stale == EMPTY
}

/* The other CPU. In user mode an interrupt may come at once or a little later: before the next entry all are taken. */
active proctype Other()
{
    byte rounds;

user:
    if
    :: rounds == TURNS + 2 -> goto out
    :: else -> rounds++
    fi;
    if
    :: ipi -> ipi = false /* kern_interrupt(), and back to user mode */
    :: true -> /* a trap; nothing to run: hal_cpu_idle */
        store_idle == EMPTY;
        store_idle = 1;
        skip; /* any interrupt, not only that of the caller, ends it */
        store_idle == EMPTY;
        store_idle = 0;
#if BUG != 2
        store_idle == EMPTY; /* fence rw, rw */
#endif
        if
        :: ipi -> ipi = false
        :: true -> skip
        fi
    fi;
    /* resume, resume_stale */
    do
#if BUG != 4
    :: stale != 0 ->
#if BUG == 3
        fetched = code;
        atomic { store_stale == EMPTY -> stale = 0 }
#else
        atomic { store_stale == EMPTY -> stale = 0 } /* amoswap.w.aqrl */
        fetched = code /* fence.i */
#endif
#endif
    :: BUG == 4 || stale == 0 -> break
    od;
    /* user mode: an interrupt that is pending is taken before the first instruction */
    assert(fetched >= returned || ipi);
    goto user;
out:
    skip
}
