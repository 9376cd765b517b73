/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One send right that goes directly from task A to task B (ipc/direct_rights.c: right_begin(), right_pass(), cross(); ipc/right_steps.h), while
 * the port dies, A's space ends, another thread of A sends by the same right on the fast path, and one more looks its name up.
 *
 * Mover is the switch.  What comes after it is no longer A's thread, which waits and may be ended; the lock of A's space, taken before
 * the switch, keeps the entry.  COPY: the right is copied, else moved.  FRESH: B has no right to the port yet.  A right crosses in one
 * step if the other space and the port are not locked, else it is taken and then named.  BACK: B gives it back, into the entry that it
 * left vacant.  GIVEN: B gets another right to the port from somebody else.  A step is what happens under one lock, or an access
 * without one.
 *
 * Shown: references and counts are exact, the memory goes once and last; who sends on the fast path has the right at that moment, under the
 * name that it used; who moves the only right there is need not look whether the receiver has another; no-senders is due once.
 *
 *   run moves: -DFRESH
 *   run moves_joins:
 *   run copies: -DFRESH -DCOPY
 *   run copies_joins: -DCOPY
 *   run moves_there_and_back: -DFRESH -DBACK
 *   run moves_beside_another: -DFRESH -DGIVEN
 *   bug 1 (moves): the space is unlocked before the right is taken
 *   bug 2 (moves): the fast path does not look at the entry again
 *   bug 3 (moves): a right to a port that died keeps its reference
 *   bug 4 (moves_joins): a right joins another one without a look whether the port died
 *   bug 5 (copies): a right is copied without a look whether the port died
 *   bug 6 (moves): the entry changes without the lock of the port
 *   bug 7 (moves_there_and_back): the name of a vacant entry does not step
 *   bug 8 (moves_beside_another): the number of rights is looked at without the lock of the port
 *   bug 9 (moves_there_and_back): a right crosses into the vacant entry of a space that has ended
 */
#ifndef BUG
#define BUG 0
#endif
#define ALIVE 0
#define DEAD 1

/* --- the port --- */
bool port_lock;
byte place = ALIVE;
short refs;
short srights;
bool freed;

/* --- A's entry (its user references are one), B's entry --- */
bool space_a, space_b; /* their locks */
bool a_active = true;
bool a_has;
bool b_has;
bool a_vacant; /* its right left while it was `recent` */
byte a_key;    /* its name */
bool a_first = true; /* it has had no other right than the one that its first name denotes */

byte no_senders;
bool ends;    /* the end of the space has cleared the entry, and still has its right */
bool sending; /* the fast path holds the port, and has seen the right */

inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

/* ipc_port_ref(), ipc_port_unref() */
inline ref() { atomic { assert(!freed && refs > 0); refs++ } }
inline unref()
{
    atomic {
        assert(!freed && refs > 0);
        refs--;
        if
        :: refs == 0 -> assert(place == DEAD); freed = true
        :: else -> skip
        fi
    }
}

/* ipc_port_send_drop(). Context: port locked, alive. */
inline send_drop() { d_step { assert(place == ALIVE && srights > 0); srights--; no_senders = no_senders + (srights == 0) } }

/* ipc_port_release_send() */
inline release_send()
{
    lock(port_lock);
    if
    :: place == ALIVE -> send_drop()
    :: else -> skip
    fi;
    unlock(port_lock);
    unref()
}

/* right_add(). got: the right, else IPC_PORT_DEAD. */
inline right_add(got)
{
    lock(port_lock);
    got = (place == ALIVE || BUG == 5);
    if
    :: got -> assert(place == ALIVE); ref(); srights++
    :: else -> skip
    fi;
    unlock(port_lock)
}

/* take_last_send() */
inline take_last_send(got)
{
#if BUG == 6
    got = (place == ALIVE);
    a_has = false;
    a_first = false;
    assert(!sending);
#else
    lock(port_lock);
    got = (place == ALIVE);
    a_has = false;
    a_first = false;
    assert(!sending);
    unlock(port_lock);
#endif
    if
    :: !got && BUG != 3 -> unref()
    :: else -> skip
    fi
}

/*
 * right_pass(), right_cross(): from A to B in one step, if B's space and the port are not locked. done: it crossed.
 * Context: A's space locked.
 */
inline cross(done)
{
    only = (srights == 1); /* without the port's lock */
    atomic { locked = !space_b; space_b = true };
    if
    :: locked ->
        atomic { locked = !port_lock; port_lock = true };
        if
        :: locked ->
            if
            :: place == ALIVE && (only -> srights == 1 || BUG == 8 : !b_has) ->
                assert(!b_has && !sending);
                b_has = true;
#ifdef COPY
                ref();
                srights++;
#else
                d_step { a_has = false; a_first = false; a_vacant = true; a_key = a_key + (BUG != 7) };
#endif
                done = true
            :: else -> skip
            fi;
            unlock(port_lock)
        :: else -> skip
        fi;
        unlock(space_b)
    :: else -> skip
    fi
}

/* ipc_right_copyout() of a send right, in B */
inline copyout()
{
    bool alive;

    lock(space_b);
    lock(port_lock);
    alive = (place == ALIVE);
    if
    :: b_has && (alive || BUG == 4) -> send_drop() /* send_join() */
    :: !b_has && alive -> b_has = true; joined = false /* right_write() */
    :: else -> skip
    fi;
    unlock(port_lock);
    if
    :: alive && joined -> unref()
    :: else -> skip
    fi;
    unlock(space_b);
    if
    :: !alive -> release_send() /* ipc_right_destroy(), MACH_PORT_DEAD */
    :: else -> skip
    fi
}

/* Task A's thread calls B's, which waits. */
proctype Mover()
{
    bool got, fits, done, locked, only;
    bool joined = true;

    lock(space_a);
    fits = a_active && a_has; /* one_find() */
    if
    :: true -> skip /* partners_find(), switch_to_next() */
    :: true -> fits = false /* it does not go directly: nothing changed */
    fi;
    if
    :: fits && BUG != 1 ->
        cross(done);
        if
        :: done -> fits = false /* the rest is done */
        :: else -> skip
        fi
    :: fits -> skip /* its entry is in the hash table */
    :: else -> skip
    fi;
#if BUG == 1
    unlock(space_a);
#endif
    if
    :: fits ->
#ifdef COPY
        right_add(got)
#else
        take_last_send(got)
#endif
    :: else -> skip
    fi;
#if BUG != 1
    unlock(space_a);
#endif
    if
    :: fits && got -> copyout()
    :: else -> skip
    fi
}

/* Another thread of A on the fast path: no lock of the space. The port's is not waited for. */
proctype Sender()
{
    bool locked;

    if
    :: a_has && a_key == 0 -> /* one read */
        atomic { locked = !port_lock; port_lock = true }
        if
        :: locked && ((a_has && a_key == 0) || BUG == 2) && place == ALIVE ->
            sending = true;
            assert((a_has || ends) && a_first && !freed && srights > 0);
            sending = false;
            unlock(port_lock)
        :: locked && !(((a_has && a_key == 0) || BUG == 2) && place == ALIVE) -> unlock(port_lock)
        :: else -> skip
        fi
    :: else -> skip
    fi
}

/* A third one looks its name up: ipc_right_lookup(), entry_bury() */
proctype Looker()
{
    lock(space_a);
    if
    :: a_has && place == DEAD -> /* without the port's lock; then who killed it is waited for */
        lock(port_lock);
        assert(place == DEAD);
        unlock(port_lock);
        a_has = false;
        a_first = false;
        unref()
    :: else -> skip
    fi;
    unlock(space_a)
}

/* Task A ends: ipc_space_deactivate(), ipc_right_clear() */
proctype Ender()
{
    bool had;

    lock(space_a);
    a_active = false;
    a_vacant = a_vacant && BUG == 9; /* ipc_entry_vacant_free() */
    unlock(space_a);
    lock(space_a);
    d_step { had = a_has; a_has = false; ends = had } /* without the port's lock, under which the right itself goes */
    unlock(space_a);
    if
    :: had -> lock(port_lock); ends = false; unlock(port_lock); release_send()
    :: else -> skip
    fi
}

#ifdef BACK
/* B's thread answers with the right: cross(), from B to A */
proctype Back()
{
    bool locked;

    lock(space_b);
    if
    :: b_has ->
        atomic { locked = !space_a; space_a = true };
        if
        :: locked ->
            atomic { locked = !port_lock; port_lock = true };
            if
            :: locked ->
                if
                :: (a_active || BUG == 9) && place == ALIVE && srights == 1 && a_vacant ->
                    assert(!a_has && !sending);
                    d_step { b_has = false; a_has = true; a_vacant = false }
                :: else -> skip
                fi;
                unlock(port_lock)
            :: else -> skip
            fi;
            unlock(space_a)
        :: else -> skip
        fi
    :: else -> skip
    fi;
    unlock(space_b)
}
#endif

#ifdef GIVEN
/* The receiver makes a right, which comes to B. */
proctype Giver()
{
    bool got;
    bool joined = true;

    right_add(got);
    if
    :: got -> copyout()
    :: else -> skip
    fi
}
#endif

/* ipc_port_destroy(): port_die() */
proctype Killer()
{
    lock(port_lock);
    place = DEAD;
    unlock(port_lock);
    unref() /* the receive right's */
}

init
{
    d_step {
        a_has = true;
        srights = 1;
        refs = 2; /* receive right, A */
#ifndef FRESH
        b_has = true;
        srights++;
        refs++
#endif
    }
    atomic {
        run Mover();
        run Sender();
        run Looker();
        run Ender();
#ifdef BACK
        run Back();
#endif
#ifdef GIVEN
        run Giver();
#endif
        if
        :: run Killer()
        :: skip
        fi
    }
    timeout;
    assert(place == DEAD || srights == a_has + b_has);
    assert(refs == a_has + b_has + (place == ALIVE));
#ifndef GIVEN /* a right that is made later may have none before it */
    assert(no_senders <= 1 && (place == DEAD || no_senders == (srights == 0)));
#endif
    assert(freed == (refs == 0));
    assert(a_active || !a_has)
}
