/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reply port of a call to the kernel (ipc/kernel_rpc.c) that changes while the routine runs.
 *
 * A thread looks its port up, holds it by a reference, and has the routine run.  Meanwhile others send to the port, its right leaves
 * the space and comes to another one, or back (MOVE), or it dies (KILL).  At the end one exchange decides whether the reply
 * goes straight to the thread.  If not, it is sent like any other message, and the thread receives what comes first.
 *
 * Shown: the reply goes straight only if the port is the one that was found, in the same space, and idle, so that it overtakes no
 * message; it is received, queued or (on a dead port only) dropped, once; references are exact, and the memory goes last.
 *
 *   run sends:
 *   run moves: -DMOVE
 *   run dies: -DKILL
 *   run moves_dies: -DMOVE -DKILL
 *   bug 1 (sends): the reply goes straight without a look at the word
 *   bug 2 (moves): the word is the same after the right was away
 *   bug 3 (dies): the port is not held while the routine runs
 *   bug 4 (sends): the word is idle while a message is queued
 *   bug 5 (sends): a lock that somebody holds is taken for an idle port
 *   bug 6 (sends): the word is not put back where it was not idle
 *   bug 7 (dies): the reply is queued without a look whether the port is alive
 */
#ifndef BUG
#define BUG 0
#endif
#define SENDS 2
#ifdef MOVE
#define MOVERS 1
#else
#define MOVERS 0
#endif
#ifdef KILL
#define KILLERS 1
#else
#define KILLERS 0
#endif
#define PROCESSES (1 + SENDS + MOVERS + KILLERS)

/* rx */
#define LOCKED 1
#define COMPLEX 2
#define IDLE (10 + incarnation)

/* place: in self's space, in another one, on its way, dead */
#define HERE 0
#define ELSEWHERE 1
#define TRANSIT 2
#define DEAD 3

byte rx = 10;
byte incarnation; /* port->idle */
byte place = HERE;
byte refs = 1;    /* the receive right's */
bool freed;
byte waiting;     /* messages in its queue */

/* what became of the reply */
byte straight, queued, dropped;
bool declined;
byte ended;

inline lock()
{
    atomic { rx != LOCKED -> assert(!freed); rx = LOCKED }
}

/* ipc_port_rx_unlocked() */
inline unlock()
{
    d_step {
        assert(rx == LOCKED && !freed);
        if
        :: (place == HERE || place == ELSEWHERE) && (waiting == 0 || BUG == 4) -> rx = IDLE
        :: else -> rx = COMPLEX
        fi
    }
}

inline unref()
{
    d_step {
        assert(refs > 0);
        refs--;
        if
        :: refs == 0 -> assert(place == DEAD); freed = true
        :: else -> skip
        fi
    }
}

/* What a name denotes, if the port is still there: a reference, under the space's lock. */
inline hold(held_)
{
    d_step {
        held_ = (refs > 0);
        refs = (held_ -> refs + 1 : refs)
    }
}

#if BUG == 3
#define self_unref() skip
#else
#define self_unref() unref()
#endif

active proctype Self()
{
    byte idle, old;
    bool held;

    /* port_find() */
    hold(held);
    if
    :: !held -> declined = true; goto done
    :: else -> skip
    fi;
    lock();
    idle = (place == HERE && waiting == 0 -> IDLE : 0);
    unlock();
    if
    :: idle == 0 -> declined = true; unref(); goto done
    :: else -> skip
    fi;
#if BUG == 3
    unref();
#endif

    /* the routine runs; port_pass() */
    d_step { assert(!freed); old = rx; rx = LOCKED }
#if BUG == 1
    old = idle;
#endif
    if
#if BUG == 5
    :: old == idle || old == LOCKED ->
#else
    :: old == idle ->
#endif
        d_step {
            assert(place == HERE && waiting == 0); /* seqno, label */
            straight++
        }
        rx = old;
        self_unref();
        goto done
    :: else ->
#if BUG != 6
        if
        :: old != LOCKED -> rx = old
        :: else -> skip
        fi
#endif
    fi;

    /* receive_by_queue(): ipc_msg_dispatch() */
    lock();
    if
    :: place != DEAD || BUG == 7 -> waiting++; queued++
    :: else -> dropped++
    fi;
    unlock();
    self_unref();
    /* ipc_msg_receive(): the name may denote the port no more */
    hold(held);
    if
    :: held ->
        lock();
        if
        :: place == HERE && waiting > 0 -> waiting--
        :: else -> skip
        fi;
        unlock();
        unref()
    :: else -> skip
    fi;
done:
    ended++
}

active [SENDS] proctype Sender()
{
    bool held;

    hold(held);
    if
    :: held ->
        lock();
        if
        :: place != DEAD -> waiting++
        :: else -> skip
        fi;
        unlock();
        unref()
    :: else -> skip
    fi;
    ended++
}

#ifdef MOVE
/* The receive right goes with a message: ipc_port_leave(), then it enters a space. */
active proctype Mover()
{
    bool held;

    hold(held);
    if
    :: held ->
        lock();
        if
        :: place == HERE ->
            place = TRANSIT;
#if BUG != 2
            incarnation++ /* ipc_port_moved() */
#endif
        :: else -> skip
        fi;
        unlock();
        lock();
        if
        :: place == TRANSIT -> place = ELSEWHERE
        :: place == TRANSIT -> place = HERE
        :: else -> skip
        fi;
        unlock();
        unref()
    :: else -> skip
    fi;
    ended++
}
#endif

#ifdef KILL
/* ipc_port_destroy() */
active proctype Killer()
{
    lock();
    place = DEAD;
    waiting = 0;
    unlock();
    unref(); /* the receive right's */
    ended++
}
#endif

active proctype Check()
{
    ended == PROCESSES;
    assert(declined || straight + queued + dropped == 1);
    assert(dropped == 0 || place == DEAD);
    assert(place != DEAD || waiting == 0);
    assert(rx != LOCKED && freed == (refs == 0) && refs == (place != DEAD))
}
