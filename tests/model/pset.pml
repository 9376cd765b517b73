/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving from a port set: no message waits while a receiver sleeps, and no receiver is taken twice (ipc/mqueue.c, ipc/pset.c,
 * ipc/receive.c; the short ways: ipc/ipc_fast.h, ipc/direct_set.c).
 *
 * The word of a set is its lock, its single waiter and its state, as that of a port is; that of a member that is idle otherwise names
 * the set.  A sender holds its port's lock all the time, the set's only at moments; who begins to wait holds the set's alone,
 * or none: then it is a compare-and-swap.  SENDERS threads send one message each to PORTS member ports, each by the short
 * way if it can; RECEIVERS threads receive from the set until all arrived.  With JOIN one port, which nobody sends to, joins with a
 * message that is queued already; with LEAVE a port leaves the set and comes back; with RENAME the set gets another name.
 *
 *   run two: -DRECEIVERS=1 -DPORTS=2
 *   run one: -DRECEIVERS=1 -DPORTS=1
 *   run crowd: -DRECEIVERS=2 -DPORTS=1
 *   run join: -DRECEIVERS=1 -DPORTS=1 -DJOIN
 *   run leave: -DRECEIVERS=1 -DPORTS=1 -DLEAVE
 *   run rename: -DRECEIVERS=1 -DPORTS=1 -DRENAME
 *   bug 1 (two): a message is queued without a second look for somebody who began to wait meanwhile
 *   bug 2 (two): a receiver waits without looking at the ready list again under the set's lock
 *   bug 3 (one): a port that was found empty leaves the ready list after its lock was released
 *   bug 4 (join): a port joins with messages and tells nobody
 *   bug 5 (two): the short way takes the waiter out of the set's word without locking it
 *   bug 6 (two): a set that has a ready member looks idle to who begins to wait by compare-and-swap
 *   bug 7 (crowd): who comes to wait beside one in the word leaves that one there
 *   bug 8 (leave): the word of a member that left still names the set
 *   bug 9 (rename): the idle value of the set's word stays the same when the set is renamed
 */
#ifndef BUG
#define BUG 0
#endif
#define SENDERS 2
#ifdef JOIN
#define MESSAGES (SENDERS + 1)
#define LATE PORTS /* index of the port that joins */
#define ALL (PORTS + 1)
#else
#define MESSAGES SENDERS
#define ALL PORTS
#endif

/* Values of rx: ipc/port.h. A waiter is 16 + its number; a member's names the set. */
#define RX_LOCKED 1
#define RX_COMPLEX 2
#define RX_MEMBER 3
#define RX_IDLE(incarnation) (4 + (incarnation))
#define RX_WAITER(r) (16 + (r))
#define RX_IS_WAITER(w) ((w) >= 16)
#define NIL RECEIVERS

byte port_rx[ALL];
byte msgcount[ALL];
bool in_set[ALL];
byte set_rx, incarnation;
byte fast = NIL;      /* while the set is locked */
byte ready;           /* pset->ready, as a set: bit p = port p is linked */
byte waiting;         /* pset->receivers: bit r */
bool claimed[RECEIVERS], has[RECEIVERS]; /* woken; op.ipc.kmsg is not NULL */
byte received;
byte sleeping; /* bit r: it waits, and was not claimed */
bool renamed; /* the set has another name than those who waited first know */

/* ipc_port_lock(), ipc_port_unlock() */
inline port_lock(p_) { atomic { port_rx[p_] != RX_LOCKED -> port_rx[p_] = RX_LOCKED } }
inline port_unlock(p_)
{
    port_rx[p_] = ((in_set[p_] || BUG == 8) && msgcount[p_] == 0 -> RX_MEMBER : RX_COMPLEX)
}

/* ipc_pset_lock(), ipc_pset_unlock() */
inline set_lock()
{
    d_step {
        set_rx != RX_LOCKED;
        fast = (RX_IS_WAITER(set_rx) -> set_rx - 16 : NIL);
        set_rx = RX_LOCKED
    }
}
inline set_unlock()
{
    d_step {
        if
        :: fast != NIL && (BUG == 7 || (ready == 0 && waiting == 0)) -> set_rx = RX_WAITER(fast)
        :: fast == NIL && (BUG == 6 || ready == 0) && waiting == 0 -> set_rx = RX_IDLE(incarnation)
        :: else -> assert(fast == NIL); set_rx = RX_COMPLEX
        fi;
        fast = NIL
    }
}

/* ipc_pset_fast_to_list(). Context: set locked. */
inline fast_to_list()
{
    d_step {
        if
        :: fast != NIL -> waiting = waiting | (1 << fast); fast = NIL
        :: else -> skip
        fi
    }
}

/* ipc_pset_claim_receiver(). who: NIL means NULL. Context: the port's lock is held. */
inline claim_receiver(who)
{
    set_lock();
    fast_to_list();
    d_step {
        who = 0;
        do
        :: who < RECEIVERS && (waiting & (1 << who)) == 0 -> who++
        :: else -> break
        od;
        if
        :: who < RECEIVERS -> waiting = waiting & ~(1 << who)
        :: else -> skip
        fi
    }
    set_unlock()
}

/* ipc_mqueue_feed_sets() */
inline feed_sets(p, who, waited_for)
{
    /* ipc_pset_mark_ready() */
    set_lock();
    fast_to_list();
    d_step {
        ready = ready | (1 << p);
        waited_for = (waiting != 0)
    }
    set_unlock();
    do
    :: waited_for ->
        claim_receiver(who);
        if
        :: who < RECEIVERS -> assert(!claimed[who]); claimed[who] = true /* MACH_RCV_IN_PROGRESS, thread_wakeup() */
        :: else -> break
        fi
    :: else -> break
    od
}

/* ipc_fast_take(), ipc_direct_member(): sent: whether it went this way */
inline short_way(p, who, w, sent)
{
    d_step { w = port_rx[p]; port_rx[p] = RX_LOCKED }
    if
    :: w == RX_MEMBER ->
        assert(in_set[p]);
#if BUG == 5
        w = set_rx;
#else
        d_step { w = set_rx; set_rx = RX_LOCKED }
#endif
        if
        :: RX_IS_WAITER(w) ->
            who = w - 16;
            if
            :: set_rx = RX_IDLE(incarnation); sent = true
            :: set_rx = w /* another CPU, a priority, ...: put_back() */
            fi
        :: else ->
            if
            :: w != RX_LOCKED && BUG != 5 -> set_rx = w
            :: else -> skip
            fi
        fi;
        port_rx[p] = RX_MEMBER
    :: else ->
        if
        :: w != RX_LOCKED -> port_rx[p] = w
        :: else -> skip
        fi
    fi
}

/* ipc_mqueue_send(), if the short way is not open */
proctype Sender(byte p)
{
    byte who, w;
    bool waited_for, sent;

    short_way(p, who, w, sent);
    if
    :: sent -> d_step { assert(!claimed[who] && !has[who]); has[who] = true; claimed[who] = true }
    :: else ->
        port_lock(p);
        who = NIL;
        if
        :: in_set[p] -> claim_receiver(who) /* deliver() */
        :: else -> skip
        fi;
        if
        :: who < RECEIVERS -> assert(!has[who]); has[who] = true
        :: else ->
            msgcount[p]++; /* enqueue() */
            if
#if BUG == 1
            :: in_set[p] -> set_lock(); fast_to_list(); ready = ready | (1 << p); set_unlock()
#else
            :: in_set[p] -> feed_sets(p, who, waited_for)
#endif
            :: else -> skip
            fi
        fi;
        port_unlock(p);
        if
        :: who < RECEIVERS && has[who] -> assert(!claimed[who]); claimed[who] = true /* thread_wakeup() by the sender */
        :: else -> skip
        fi
    fi
}

#if defined(JOIN) || defined(LEAVE)
/* ipc_pset_insert(). Context: port locked. */
inline insert(p, who, waited_for)
{
    set_lock(); /* the link */
    set_unlock();
    in_set[p] = true;
    if
    :: msgcount[p] > 0 && BUG != 4 -> feed_sets(p, who, waited_for)
    :: else -> skip
    fi
}
#endif

#ifdef JOIN
/* Of a port that has a message. */
proctype Joiner()
{
    byte who;
    bool waited_for;

    port_lock(LATE);
    insert(LATE, who, waited_for);
    port_unlock(LATE)
}
#endif

#ifdef LEAVE
/* ipc_pset_remove(), and back */
proctype Leaver()
{
    byte who;
    bool waited_for;

    port_lock(0);
    set_lock(); /* link_detach() */
    ready = ready & ~1;
    set_unlock();
    in_set[0] = false;
    port_unlock(0);
    port_lock(0);
    insert(0, who, waited_for);
    port_unlock(0)
}
#endif

#ifdef RENAME
/* ipc_pset_rename() */
proctype Renamer()
{
    set_lock();
    fast_to_list();
    d_step {
        if
        :: BUG != 9 -> incarnation++
        :: else -> skip
        fi
    }
    renamed = true;
    set_unlock()
}
#endif

/* receive_from_set(), again and again */
proctype Receiver(byte me)
{
    byte p, idle = 0; /* rcv_idle */
    bool taken, waits, old;

    do
    :: received == MESSAGES -> break
    :: else ->
        /* a compare-and-swap on the word of the set that it remembers: ipc_fast_wait(), become_waiter() */
        waits = false;
        d_step { has[me] = false; claimed[me] = false }
        atomic {
            if
            :: idle != 0 && set_rx == idle ->
                set_rx = RX_WAITER(me);
                waits = true;
                sleeping = sleeping | (1 << me);
#ifdef RENAME
                assert(old == renamed) /* the name still means this set */
#endif
            :: true -> skip
            fi
        }
        if
        :: waits -> goto asleep
        :: else -> skip
        fi;
        /* take_from_set() */
        do
        :: set_lock(); /* ipc_pset_next_ready() */
            if
            :: ready == 0 -> set_unlock(); taken = false; break
            :: ready & 1 -> p = 0; set_unlock()
#if ALL > 1
            :: ready & 2 -> p = 1; set_unlock()
#endif
            fi;
            port_lock(p);
            d_step {
                taken = (in_set[p] && msgcount[p] > 0);
                if
                :: taken -> msgcount[p]--; received++
                :: else -> skip
                fi
            }
            if
            :: msgcount[p] == 0 -> /* ipc_pset_not_ready() */
#if BUG == 3
                port_unlock(p);
                set_lock();
                ready = ready & ~(1 << p);
                set_unlock()
#else
                set_lock();
                ready = ready & ~(1 << p);
                set_unlock();
                port_unlock(p)
#endif
            :: else -> port_unlock(p)
            fi;
            if
            :: taken -> break
            :: else -> skip
            fi
        od;
        if
        :: taken -> skip
        :: else -> /* wait_on_set(), set_waiter() */
            set_lock();
            if
#if BUG != 2
            :: ready != 0 -> set_unlock()
#endif
            :: BUG == 2 || ready == 0 ->
                if
                :: fast == NIL && waiting == 0 && ready == 0 ->
                    fast = me;
                    idle = RX_IDLE(incarnation); /* ipc_pset_cache() */
#ifdef RENAME
                    old = renamed
#endif
                :: BUG == 7 && fast != NIL -> fast = me
                :: else -> fast_to_list(); waiting = waiting | (1 << me)
                fi;
                sleeping = sleeping | (1 << me);
                set_unlock();
asleep:
end_wait:       atomic { claimed[me] -> sleeping = sleeping & ~(1 << me) } /* until a claimer wakes it */
                if
                :: has[me] -> received++
                :: else -> skip /* MACH_RCV_IN_PROGRESS: looks again */
                fi
            fi
        fi
    od
}

init
{
    byte i;

    d_step {
        for (i : 0 .. PORTS - 1) { in_set[i] = true; port_rx[i] = RX_MEMBER }
        set_rx = RX_IDLE(0);
#ifdef JOIN
        msgcount[LATE] = 1;
        port_rx[LATE] = RX_COMPLEX
#endif
    }
    atomic {
        for (i : 0 .. SENDERS - 1) { run Sender(i % PORTS) }
        for (i : 0 .. RECEIVERS - 1) { run Receiver(i) }
#ifdef JOIN
        run Joiner()
#endif
#ifdef LEAVE
        run Leaver()
#endif
#ifdef RENAME
        run Renamer()
#endif
    }
    timeout; /* nothing can happen any more */
    assert(received == MESSAGES);
    assert(sleeping == (waiting | (RX_IS_WAITER(set_rx) -> 1 << (set_rx - 16) : 0))) /* nobody is lost */
}
