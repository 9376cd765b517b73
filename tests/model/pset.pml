/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving from a port set: no message waits while a receiver sleeps (ipc/mqueue.c, ipc/pset.c, ipc/receive.c).
 *
 * A sender holds its port's lock all the time, the set's only at two moments; who begins to wait holds the set's alone.  SENDERS
 * threads send one message each to PORTS member ports, RECEIVERS threads receive from the set until all arrived; with LEAVE one
 * port, which nobody sends to, joins with a message that is queued already.
 *
 *   run two: -DRECEIVERS=1 -DPORTS=2
 *   run one: -DRECEIVERS=1 -DPORTS=1
 *   run crowd: -DRECEIVERS=2 -DPORTS=1
 *   run join: -DRECEIVERS=1 -DPORTS=1 -DJOIN
 *   bug 1 (two): a message is queued without a second look for somebody who began to wait meanwhile
 *   bug 2 (two): a receiver waits without looking at the ready list again under the set's lock
 *   bug 3 (one): a port that was found empty leaves the ready list after its lock was released
 *   bug 4 (join): a port joins with messages and tells nobody
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

bool port_lock[ALL], set_lock;
byte msgcount[ALL];
bool in_set[ALL];
byte ready;           /* pset->ready, as a set: bit p = port p is linked */
byte waiting;         /* pset->receivers: bit r */
bool claimed[RECEIVERS], has[RECEIVERS]; /* woken; op.ipc.kmsg is not NULL */
byte received;

inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

/* ipc_pset_claim_receiver(). who: RECEIVERS means NULL. Context: the port's lock is held. */
inline claim_receiver(who)
{
    lock(set_lock);
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
    unlock(set_lock)
}

/* ipc_mqueue_feed_sets() */
inline feed_sets(p, who, waited_for)
{
    /* ipc_pset_mark_ready() */
    lock(set_lock);
    d_step {
        ready = ready | (1 << p);
        waited_for = (waiting != 0)
    }
    unlock(set_lock);
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

/* ipc_mqueue_send() */
proctype Sender(byte p)
{
    byte who;
    bool waited_for;

    lock(port_lock[p]);
    claim_receiver(who); /* deliver() */
    if
    :: who < RECEIVERS -> has[who] = true
    :: else ->
        msgcount[p]++; /* enqueue() */
#if BUG == 1
        lock(set_lock);
        ready = ready | (1 << p);
        unlock(set_lock)
#else
        feed_sets(p, who, waited_for)
#endif
    fi;
    unlock(port_lock[p]);
    if
    :: who < RECEIVERS && has[who] -> assert(!claimed[who]); claimed[who] = true /* thread_wakeup() by the sender */
    :: else -> skip
    fi
}

#ifdef JOIN
/* ipc_pset_insert() of a port that has a message */
proctype Joiner()
{
    byte who;
    bool waited_for;

    lock(port_lock[LATE]);
    lock(set_lock); /* the link */
    unlock(set_lock);
    in_set[LATE] = true;
#if BUG != 4
    feed_sets(LATE, who, waited_for);
#endif
    unlock(port_lock[LATE])
}
#endif

/* receive_from_set(), again and again */
proctype Receiver(byte me)
{
    byte p;
    bool taken;

    do
    :: received == MESSAGES -> break
    :: else ->
        /* take_from_set() */
        do
        :: lock(set_lock); /* ipc_pset_next_ready() */
            if
            :: ready == 0 -> unlock(set_lock); taken = false; break
            :: ready & 1 -> p = 0; unlock(set_lock)
#if ALL > 1
            :: ready & 2 -> p = 1; unlock(set_lock)
#endif
            fi;
            lock(port_lock[p]);
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
                unlock(port_lock[p]);
                lock(set_lock);
                ready = ready & ~(1 << p);
                unlock(set_lock)
#else
                lock(set_lock);
                ready = ready & ~(1 << p);
                unlock(set_lock);
                unlock(port_lock[p])
#endif
            :: else -> unlock(port_lock[p])
            fi;
            if
            :: taken -> break
            :: else -> skip
            fi
        od;
        if
        :: taken -> skip
        :: else -> /* wait_on_set() */
            d_step { has[me] = false; claimed[me] = false }
            lock(set_lock);
            if
#if BUG != 2
            :: ready != 0 -> unlock(set_lock)
#endif
            :: BUG == 2 || ready == 0 ->
                waiting = waiting | (1 << me);
                unlock(set_lock);
end_wait:       claimed[me]; /* until a claimer wakes it */
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
        for (i : 0 .. PORTS - 1) { in_set[i] = true }
#ifdef JOIN
        msgcount[LATE] = 1
#endif
    }
    atomic {
        for (i : 0 .. SENDERS - 1) { run Sender(i % PORTS) }
        for (i : 0 .. RECEIVERS - 1) { run Receiver(i) }
#ifdef JOIN
        run Joiner()
#endif
    }
    timeout; /* nothing can happen any more */
    assert(received == MESSAGES)
}
