/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights on their way while their port dies, and the notifications (ipc/right.c, ipc/port.c, ipc/notify.c, ipc/mach_port.c).
 *
 * Task A has a send right to a port, with a dead-name request, and moves it in a message to task B, which has one already, or not
 * (FRESH).  At the same time B gives up what it has, the port dies (DIE), a no-senders notification is asked for, and A's
 * dead-name request waits.  A step is what happens under one lock, or an access without one.
 *
 * Shown: references and counts are exact, the memory goes once and last; of dead-name and port-deleted exactly one is sent; one
 * request for no-senders leads to one notification, when no send right is left and the port lives.
 *
 *   run lives: -DDIE=0
 *   run lives_fresh: -DDIE=0 -DFRESH
 *   run dies: -DDIE=1
 *   run dies_fresh: -DDIE=1 -DFRESH
 *   bug 1 (dies): a dead-name request is taken off a port without a look whether the port is alive
 *   bug 2 (lives): no-senders is forgotten when the last right goes
 *   bug 3 (lives_fresh): a moved right leaves its entry before the message has one of its own
 *   bug 4 (dies_fresh): a right is named without a look whether its port died on the way
 *   bug 5 (lives): a right that joins another one in B's entry stays counted
 *   bug 6 (dies): a right to a dead port keeps no reference
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
bool no_senders;        /* a request is registered */
bool on_requests;       /* A's dead-name request is on port->requests */
bool freed;

/* --- A's entry, B's entry, A's request --- */
bool space_a, space_b;  /* their locks */
bool a_has_send, a_has_request;
byte b_urefs;
byte owners;            /* of the request */

/* --- what was sent --- */
byte sent_dead_name, sent_deleted, sent_no_senders;
byte asked_no_senders;
bool moving;      /* a right is between A's entry and B's */
bool message_has; /* the message has arrived, or died */

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

/* ipc_port_drop_send_locked(). due: the notification to be sent. Context: port locked. */
inline drop_send(due)
{
    d_step {
        due = false;
        if
        :: place == DEAD -> skip
        :: else ->
            assert(srights > 0);
            srights--;
            if
            :: srights == 0 -> due = (no_senders && BUG != 2); no_senders = false
            :: else -> skip
            fi
        fi
    }
}

/* ipc_port_release_send() */
inline release_send(due)
{
    lock(port_lock);
    drop_send(due);
    unlock(port_lock);
    unref();
    if
    :: due -> assert(!moving); sent_no_senders++; due = false
    :: else -> skip
    fi
}

/* ipc_port_request_drop() */
inline request_drop() { atomic { assert(owners > 0); owners-- } }

/* Task A: ipc_right_take() of MOVE_SEND, then the message arrives in B: ipc_right_copyout() */
proctype Mover()
{
    bool due, alive, cancelled;

    lock(space_a);
    moving = true;
    /* claim(), ipc_right_lookup(): without the port's lock */
    alive = (place == ALIVE);
    if
    :: !alive -> /* entry_bury(): a dead name, its request was served; the message carries a dead right */
        lock(port_lock); /* who killed it has finished */
        unlock(port_lock);
        if
        :: a_has_request -> a_has_request = false; request_drop()
        :: else -> skip
        fi;
        a_has_send = false;
        unref();
        unlock(space_a);
        goto done
    :: else -> skip
    fi;
#if BUG == 3
    lock(port_lock);
    drop_send(due);
    unlock(port_lock);
    if
    :: due -> assert(!moving); sent_no_senders++; due = false
    :: else -> skip
    fi;
#endif
    /* commit(), right_add(): the message's own right */
    lock(port_lock);
    alive = (place == ALIVE);
    if
    :: alive -> ref(); srights++
    :: else -> skip
    fi;
    unlock(port_lock);
    /* commit_ends(), send_entry_end(): ipc_right_cancel_request() */
    a_has_request = false;
    lock(port_lock);
    if
    :: place == ALIVE || BUG == 1 -> on_requests = false; cancelled = true; atomic { owners-- }
    :: else -> skip
    fi;
    unlock(port_lock);
    request_drop();
#if BUG != 3
    lock(port_lock);
    if
    :: place == ALIVE -> assert(srights > 0); srights--
    :: else -> skip
    fi;
    a_has_send = false;
    unlock(port_lock);
#else
    a_has_send = false;
#endif
    unref();
    unlock(space_a);
    if
    :: cancelled -> sent_deleted++ /* ipc_notify_port_deleted() */
    :: else -> skip
    fi;
    if
    :: alive -> skip
    :: else -> goto done /* IPC_PORT_DEAD in the message */
    fi;
    /* ipc_right_copyout(): name_send() */
    lock(space_b);
    if
    :: b_urefs > 0 -> /* send_join() */
        b_urefs++;
        lock(port_lock);
        moving = false;
        if
        :: place == ALIVE && BUG != 5 -> srights--
        :: else -> skip
        fi;
        unlock(port_lock);
        unref();
        unlock(space_b)
    :: else -> /* right_write() */
        lock(port_lock);
        alive = (place == ALIVE || BUG == 4);
        if
        :: alive -> assert(place == ALIVE); b_urefs = 1; moving = false
        :: else -> skip
        fi;
        unlock(port_lock);
        unlock(space_b);
        if
        :: !alive -> moving = false; release_send(due) /* ipc_right_destroy(), MACH_PORT_DEAD */
        :: else -> skip
        fi
    fi;
done:
    moving = false;
    message_has = true
}

/* Task B gives up its name: entry_drop(), fallen_destroy() */
proctype Dropper()
{
    bool due;

#ifdef FRESH
    message_has; /* what came */
#endif
    lock(space_b);
    if
    :: b_urefs == 0 -> unlock(space_b)
    :: else ->
        lock(port_lock);
        b_urefs = 0;
        unlock(port_lock);
        unlock(space_b);
        release_send(due)
    fi
}

/* mach_port_request_notification(), MACH_NOTIFY_NO_SENDERS */
proctype Requester()
{
    lock(port_lock);
    if
    :: place == DEAD -> skip
    :: place == ALIVE && srights == 0 -> asked_no_senders++; sent_no_senders++
    :: else -> asked_no_senders++; no_senders = true
    fi;
    unlock(port_lock)
}

/* ipc_port_destroy(): port_die(), remains_bury() */
proctype Killer()
{
    bool tell;

    lock(port_lock);
    d_step {
        place = DEAD;
        tell = on_requests;
        on_requests = false;
        if
        :: no_senders -> no_senders = false; asked_no_senders-- /* its right dies: a send-once notification instead */
        :: else -> skip
        fi
    }
    unlock(port_lock);
    if
    :: tell -> sent_dead_name++; request_drop()
    :: else -> skip
    fi;
#if BUG == 6
    unref();
#endif
    unref() /* the receive right's */
}

init
{
    d_step {
        a_has_send = true;
        a_has_request = true;
        on_requests = true;
        owners = 2;
        srights = 1;
        refs = 2; /* receive right, A */
#ifndef FRESH
        b_urefs = 1;
        srights++;
        refs++
#endif
    }
    atomic {
        run Mover();
        run Dropper();
        run Requester();
#if DIE
        run Killer()
#endif
    }
    timeout;
    assert(!a_has_send && owners == 0);
    assert(sent_dead_name + sent_deleted == 1);
    assert(sent_no_senders + no_senders == asked_no_senders);
    assert(place == DEAD || srights == (b_urefs > 0));
    assert(!no_senders || srights > 0);
    assert(refs == (b_urefs > 0) + (place == ALIVE));
    assert(freed == (refs == 0))
}
