/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time of a wait: the reminder that stays in a queue from an earlier wait, and who ends the wait meanwhile (kern/thread.c,
 * sched/timeout.c, ipc/ipc_fast.h).
 *
 * A thread waits again and again, with or without a time, in an rx word or on a list.  Each wait is ended by the short paths on the CPU
 * where it began, which touch no time; by thread_wakeup() on any CPU; or by the reminder's function.  Who wakes it in the second
 * or third way may run it on the other CPU.
 * Shown: only a wait with a time ends by a time, and not before it; one with a time that nobody else ends does end (else there is an
 * end that is none); a wait ends once; the reminder is in one queue.
 *
 *   run few: -DWAITS=2 -DMESSAGES=2
 *   run more: -DWAITS=3 -DMESSAGES=2
 *   bug 1 (few): the thread is made current without a look at the function, which still runs
 *   bug 2 (more): a thread that goes to another CPU leaves its reminder behind
 *   bug 3 (few): the function does not ask the state which of the two times counts
 *   bug 4 (few): who takes the thread from the rx word to the list forgets its time
 *   bug 5 (few): the function finds a later time, and does not enter itself again
 *   bug 6 (more): thread_wakeup() leaves the time of the wait that it ends
 *   bug 7 (few): a reminder that is due too late is left alone
 *   bug 8 (few): the function is not marked as running before it is off the queue
 *   bug 9 (more): after the look at the queue there is none whether the function runs, which may have entered itself again
 */
#ifndef BUG
#define BUG 0
#endif
#define CPUS 2
#define NIL CPUS
#define END 4 /* of time; it begins at 1: 0 means none */

#define RUNNING 0
#define READY 1
#define WAITING 2
#define RECEIVING 3
#define RECEIVING_TIMED 4

byte now = 1;
byte waits = WAITS, messages = MESSAGES; /* what is left of them */

/* the thread */
byte state = RUNNING, cpu_of;
byte wake_time, rcv_wake_time;
bool in_rx, on_list, in_runq;
bool port_lock; /* of where it waits: the short paths decline while somebody has it */
bool timed_out; /* how its wait ended */

/* its timeout */
byte queue = NIL, deadline;
bool running;

/* the wait, as the thread meant it */
bool timed;
byte due;

#define waiting (in_rx || on_list)
#define over ((waits == 0 && state == RUNNING) || (waiting && !timed && messages == 0))

/* ipc_wait_make_slow(), ipc_waiter_to_list(), thread_receiving_to_wait() */
inline rx_to_list()
{
    atomic { !port_lock -> port_lock = true };
    if
    :: in_rx ->
        in_rx = false;
        if
        :: state == RECEIVING_TIMED && BUG != 4 -> wake_time = rcv_wake_time
        :: else -> skip
        fi;
        state = WAITING;
        on_list = true
    :: else -> skip
    fi;
    port_lock = false
}

/* What does not depend on the thread: time, messages, requests (a suspension) that look where it waits. */
proctype Others()
{
    bool looked;

    do
    :: now < END -> now++
    :: atomic { messages > 0 -> messages-- } /* one that goes elsewhere */
    :: !looked ->
        looked = true;
        rx_to_list()
    :: over || now == END -> break
    od
}

/* timeout_set() */
inline timeout_set(time_)
{
    d_step {
        assert(queue == NIL);
        deadline = time_;
        queue = c
    }
}

/* timeout_cancel(): a look without the lock, then one with it */
inline timeout_cancel()
{
    seen = queue;
    d_step {
        if
        :: seen != NIL && queue == seen -> queue = NIL
        :: else -> skip
        fi;
        seen = 0
    }
}

/* remind() */
inline remind(time_)
{
    if
    :: queue != NIL && (BUG == 7 || deadline <= time_) -> skip
    :: else ->
        timeout_cancel();
        timeout_set(time_)
    fi;
    assert(queue == c && deadline <= time_)
}

/* thread_wakeup(): cancel_timeout(), wait_end(), sched_enqueue(). Context: claimed. */
inline wakeup(by_time)
{
    if
    :: BUG != 6 ->
        wake_time = 0;
        rcv_wake_time = 0
    :: else -> skip
    fi;
    timeout_cancel();
    d_step {
        assert(state == WAITING || state == RECEIVING || state == RECEIVING_TIMED);
        timed_out = by_time;
        state = READY;
        in_runq = true
    }
}

/* wait_timed_out(), on the CPU in whose queue the timeout was */
inline function()
{
    seen = state;
    if
    :: seen == RECEIVING_TIMED || (BUG == 3 && rcv_wake_time != 0) -> time = rcv_wake_time
    :: else -> time = wake_time
    fi;
    seen = 0;
    if
    :: time == 0 -> skip
    :: time > now ->
        if
        :: BUG != 5 -> timeout_set(time)
        :: else -> skip
        fi
    :: else ->
        rx_to_list(); /* thread_claim() */
        atomic {
            !port_lock;
            mine = on_list;
            on_list = false
        }
        if
        :: mine -> wakeup(true)
        :: else -> skip
        fi;
        mine = false
    fi;
    time = 0
}

#define elsewhere (queue != NIL && queue != c && BUG != 2)

#define busy (running && BUG != 1)

/* thread_settle_timeout(), thread_settle_timeout_elsewhere() */
inline settle()
{
    if
    :: busy && BUG != 9 -> goto slow
    :: else -> skip
    fi;
    if
    :: elsewhere -> goto slow
    :: else -> skip
    fi;
    if
    :: busy -> goto slow
    :: else -> goto settled
    fi;
slow:
    if
    :: elsewhere -> timeout_cancel()
    :: else -> skip
    fi;
    !busy;
    if
    :: elsewhere -> goto slow
    :: else -> skip
    fi;
    if
    :: busy && BUG != 9 -> goto slow
    :: else -> skip
    fi;
settled:
    skip
}

/* A trap that waits: in the rx word, by the fast path or the direct switch, or on a list. */
inline begin_wait()
{
    d_step {
        timed = false;
        due = 0
    }
    if
    :: skip
    :: atomic { now + 1 <= END -> timed = true; due = now + 1 }
    :: atomic { now + 2 <= END -> timed = true; due = now + 2 }
    fi;
    if
    :: true -> /* thread_set_receive_timeout(), become_waiter() */
        if
        :: timed ->
            rcv_wake_time = due;
            remind(due);
            state = RECEIVING_TIMED
        :: else -> state = RECEIVING
        fi;
        atomic {
            !port_lock;
            here = false;
            in_rx = true;
            waits--
        }
    :: true -> /* thread_set_timeout(), thread_block() */
        if
        :: timed ->
            wake_time = due;
            remind(due)
        :: else -> skip
        fi;
        atomic {
            !port_lock;
            here = false;
            state = WAITING;
            on_list = true;
            waits--
        }
    fi
}

proctype Cpu(byte c)
{
    byte seen, time;
    bool mine;
    bool here = (c == 0); /* the thread runs here */

    do
    :: over -> break
    :: here && waits > 0 -> begin_wait()
    :: /* a short path: the thread is in rx, and ran here last */
        atomic {
            in_rx && !port_lock && cpu_of == c && messages > 0 ->
            in_rx = false;
            messages--
        }
        d_step {
            state = RUNNING;
            here = true
        }
    :: /* the general path */
        atomic {
            waiting && !port_lock && messages > 0 ->
            in_rx = false;
            on_list = false;
            messages--
        }
        wakeup(false)
    :: /* make_current() */
        atomic { in_runq && !here -> in_runq = false };
        settle();
        d_step {
            assert(!timed_out || (timed && now >= due));
            timed_out = false;
            cpu_of = c;
            state = RUNNING;
            here = true
        }
    :: /* timeout_expire(), timeout_take() */
        atomic {
            queue == c && deadline <= now ->
            queue = NIL;
            running = (BUG != 8)
        }
        running = true;
        function();
        running = false
    od
}

init
{
    atomic {
        run Others();
        run Cpu(0);
        run Cpu(1)
    }
}
