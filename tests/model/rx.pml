/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port word: RPC by the short paths (ipc/ipc_fast.h, ipc/direct.c) beside the general path (ipc/mqueue.c, ipc/receive.c),
 * with whatever ends a wait from outside (kern/thread.c, kern/kick.c, ipc/port.c).
 *
 * CPUs run threads; what a thread does, its CPU does for it.  Clients call a server and wait for the answer, each on a port of its
 * own; they alternate between the forms.  Further CPUs do what KILL and KILL2 say; with TIMER the waits of client 0 have a timeout.
 * What happens under a thread's lock, or on data with one owner, is one step.  Every access to a port word, and to data that others
 * read without the lock that protects it, is a step of its own.
 *
 *   run plain: -DCLIENTS=2 -DCALLS=1
 *   run again: -DCLIENTS=1 -DCALLS=2
 *   run destroy: -DCLIENTS=1 -DCALLS=1 -DKILL=DESTROY
 *   run destroy_abort: -DCPUS=1 -DCLIENTS=1 -DCALLS=1 -DKILL=DESTROY -DKILL2=ABORT_SERVER
 *   run move: -DCLIENTS=1 -DCALLS=1 -DKILL=MOVE
 *   run server_ends: -DCLIENTS=1 -DCALLS=1 -DKILL=END_SERVER
 *   run joined_ends: -DCPUS=1 -DCLIENTS=1 -DCALLS=1 -DKILL=END_SERVER -DKILL2=JOIN_SERVER
 *   run client_ends: -DCLIENTS=1 -DCALLS=1 -DKILL=END_CLIENT
 *   run abort: -DCLIENTS=1 -DCALLS=1 -DKILL=ABORT_CLIENT
 *   run suspend: -DCLIENTS=1 -DCALLS=1 -DKILL=SUSPEND_CLIENT
 *   run timer: -DCLIENTS=1 -DCALLS=2 -DTIMER
 *   bug 1 (again): the form of a waiter is what it waited in before, not the tag in rx
 *   bug 2 (plain): a caller is published in rx before its state is final
 *   bug 3 (plain): the short path does not look on which CPU the partner waits
 *   bug 4 (move): the idle value of rx stays the same when the receive right moves
 *   bug 5 (abort): a waiter is claimed in rx without the port's lock
 *   bug 6 (suspend): a request does not look for a thread that waits in rx
 *   bug 7 (timer): a thread is made current while the function of its timeout runs
 *   bug 8 (plain): a short answer does not use up its right
 *   bug 9 (destroy_abort): the waiters of a dying port can be claimed by others
 *   bug 10 (server_ends): a right in the reserved entry is forgotten when the server ends
 *   bug 11 (joined_ends): who ends a wait looks what the thread waits for before it looks in rx
 *   bug 12 (joined_ends): a thread that is to end, and could not be claimed, is left alone if it waits
 *   bug 13 (again): the right of an answer goes on loan beside one that is
 */
#ifndef BUG
#define BUG 0
#endif
#define DESTROY 1
#define MOVE 2
#define END_SERVER 3
#define END_CLIENT 4
#define ABORT_CLIENT 5
#define ABORT_SERVER 6
#define SUSPEND_CLIENT 7
#define JOIN_SERVER 8 /* another thread comes to wait beside it */
#ifndef KILL
#define KILL 0
#endif
#ifndef KILL2
#define KILL2 0
#endif

#ifndef CPUS
#define CPUS 2 /* that run threads; KILL and KILL2 have one each */
#endif
#define SERVER CLIENTS        /* the thread, and the port that it receives from */
#define THREADS (CLIENTS + 1) /* thread t receives from port t */
#define NIL 7
#define BIT(t) (1 << (t))

/* Values of rx: ipc/port.h. The second form is RX_BUFFER. */
#define RX_LOCKED 1
#define RX_COMPLEX 2
#define RX_IDLE(incarnation) (4 + (incarnation))
#define RX_WAITER(t, registers) (16 + (t) + ((registers) -> 0 : 8))
#define RX_IS_WAITER(w) ((w) >= 16)
#define RX_THREAD(w) ((w) & 7)
#define RX_REGISTERS(w) ((w) < 24)

/* enum thread_state */
#define RUNNING 0
#define READY 1
#define WAITING 2
#define RECEIVING 3
#define STOPPED 4
#define DEAD 5

#define TERMINATE 1
#define SUSPEND 2

/* What a receive ends with. */
#define NOTHING 0
#define REQUEST 1 /* + c: from client c */
#define ANSWER 8
#define NOTICE 9 /* MACH_NOTIFY_SEND_ONCE */
#define INTERRUPTED 10
#define TIMED_OUT 11
#define DIED 12

/* --- ports --- */
byte rx[THREADS];
byte incarnation[THREADS];
byte fast[THREADS]; /* while locked */
byte cacher[THREADS];
bool named[THREADS];   /* the receive right is in the receiver's space */
bool foreign[THREADS]; /* ... in another one */
bool alive[THREADS];
byte receivers[THREADS]; /* bit t */
byte sorights[THREADS];
chan queue[THREADS] = [2] of { byte };
byte msgcount[THREADS];

/* --- threads --- */
byte state[THREADS];
byte cpu_of[THREADS];
byte ast[THREADS];
bool kicked[THREADS];
bool lock_of[THREADS]; /* t->lock */
bool continuation[THREADS];
bool wait_object[THREADS]; /* is its port */
bool wait_link[THREADS];   /* is on some list */
bool rcv_port[THREADS];    /* is its port */
bool rcv_name[THREADS];    /* is not THREAD_RCV_NONE */
byte rcv_idle[THREADS];
byte loan[THREADS];
bool op_registers[THREADS];
byte op_kmsg[THREADS]; /* the message, or how the receive failed */

/* --- the server's reserved entry, and the right with which it answers --- */
bool entry_used; /* bits == MACH_PORT_TYPE_SEND_ONCE */
byte entry_object = NIL;
byte held = NIL; /* the client whose request it serves */

/* --- CPUs --- */
byte ready; /* all run queues together: bit t */
byte kick_list[CPUS + 2];
bool armed, timer_runs; /* client 0's timeout */
byte armed_wait;        /* for its wait number */
bool fired;             /* it expires once */

/* --- what is to be shown --- */
bool on_cpu[THREADS];       /* a CPU works for it */
bool in_registers[THREADS]; /* the form in which it waits */
byte waits[THREADS];
byte ended[THREADS]; /* how its last receive ended */
byte sent[CLIENTS], answered[CLIENTS];
bool held_back; /* thread_hold() of client 0 returned, and thread_release() was not called yet */

#define MUST_STOP(t) (ast[t] == SUSPEND && !continuation[t]) /* thread_must_stop() */

/* --- ipc/port.c --- */

/* port_lock(); w: what rx was */
inline port_lock(p_)
{
    d_step {
        rx[p_] != RX_LOCKED;
        w = rx[p_];
        rx[p_] = RX_LOCKED;
        fast[p_] = (RX_IS_WAITER(w) -> RX_THREAD(w) : NIL);
        if
        :: BUG != 1 && fast[p_] != NIL -> op_registers[fast[p_]] = RX_REGISTERS(w)
        :: else -> skip
        fi
    }
}

/* ipc_port_unlock(): port_is_idle(), then what rx says next */
inline port_unlock(p_)
{
    d_step {
        if
        :: (named[p_] || foreign[p_]) && alive[p_] && msgcount[p_] == 0 && receivers[p_] == 0 ->
            if
            :: fast[p_] == NIL -> rx[p_] = RX_IDLE(incarnation[p_])
            :: else -> rx[p_] = RX_WAITER(fast[p_], op_registers[fast[p_]])
            fi
        :: else -> assert(fast[p_] == NIL); rx[p_] = RX_COMPLEX
        fi;
        fast[p_] = NIL
    }
}

/* ipc_port_fast_to_list(). Context: locked. */
inline fast_to_list(p_)
{
    if
    :: fast[p_] != NIL ->
        d_step {
            t = fast[p_];
            fast[p_] = NIL;
            receivers[p_] = receivers[p_] | BIT(t);
            assert(op_registers[t] == in_registers[t]); /* ipc_receive_decode() */
            continuation[t] = true;
            wait_object[t] = true;
            wait_link[t] = true
        }
        state[t] = WAITING /* here without t->lock */
    :: else -> skip
    fi
}

/* ipc_port_moved(). Context: locked. */
inline moved(p_)
{
    d_step {
        if
        :: BUG != 4 -> incarnation[p_]++
        :: else -> skip
        fi;
        if
        :: cacher[p_] != NIL -> rcv_name[cacher[p_]] = false; cacher[p_] = NIL
        :: else -> skip
        fi
    }
}

/* --- kern/thread.c, kern/kick.c --- */

inline thread_lock(t_) { atomic { !lock_of[t_] -> lock_of[t_] = true } }
inline thread_unlock(t_) { lock_of[t_] = false }

/* kick_thread() */
inline kick(t_, target_)
{
    d_step {
        if
        :: !kicked[t_] -> kicked[t_] = true; kick_list[target_] = kick_list[target_] | BIT(t_)
        :: else -> skip
        fi
    }
}

/* thread_wakeup() of a claimed thread, or thread_handoff() */
inline wake(t_, handoff_)
{
    if
    :: t_ == 0 -> armed = false /* timeout_cancel() */
    :: else -> skip
    fi;
    thread_lock(t_);
    d_step {
        assert(state[t_] == WAITING || state[t_] == RECEIVING); /* claimed once */
        assert(!on_cpu[t_]);
        wait_object[t_] = false;
        if
        :: MUST_STOP(t_) -> state[t_] = STOPPED
        :: else ->
            state[t_] = READY;
            if
            :: handoff_ -> next = t_
            :: else -> ready = ready | BIT(t_)
            fi
        fi
    }
    thread_unlock(t_)
}

/* ipc_wait_make_slow() */
inline make_slow(v_)
{
    if
    :: !rcv_port[v_] -> skip
    :: rcv_port[v_] ->
        port_lock(v_);
        if
        :: fast[v_] == v_ -> fast_to_list(v_)
        :: else -> skip
        fi;
        port_unlock(v_)
    fi
}

/* thread_claim(): ipc_wait_claim() with this end of the wait. mine: whether it was claimed */
inline claim(v_, how_)
{
    mine = false;
#if BUG == 11
    object = wait_object[v_];
    make_slow(v_);
#elif BUG == 5
    if
    :: rcv_port[v_] && RX_IS_WAITER(rx[v_]) && RX_THREAD(rx[v_]) == v_ -> rx[v_] = RX_IDLE(incarnation[v_]); mine = true
    :: else -> skip
    fi;
    object = wait_object[v_];
#else
    make_slow(v_);
    object = wait_object[v_];
#endif
    if
    :: !mine && object ->
        port_lock(v_); /* claim_from_port(), claim_listed() */
        d_step {
            mine = (state[v_] == WAITING && wait_object[v_] && wait_link[v_]);
            if
            :: mine -> wait_link[v_] = false; receivers[v_] = receivers[v_] & ~BIT(v_)
            :: else -> skip
            fi
        }
        port_unlock(v_)
    :: else -> skip
    fi;
    if
    :: mine -> d_step { op_kmsg[v_] = how_; continuation[v_] = true } /* ipc_receiver_fail() */
    :: else -> skip
    fi;
    object = false
}

/* kick_examine() on CPU c */
inline examine_all(c_)
{
    do
    :: kick_list[c_] == 0 -> break
    :: else ->
        d_step {
            v = 0;
            do
            :: (kick_list[c_] & BIT(v)) == 0 -> v++
            :: else -> break
            od;
            kick_list[c_] = kick_list[c_] & ~BIT(v);
            kicked[v] = false
        }
        do /* examine() */
        :: true ->
            terminate = ((ast[v] & TERMINATE) != 0);
            mine = false;
            if
            :: terminate -> claim(v, INTERRUPTED)
            :: else -> make_slow(v)
            fi;
            if
            :: mine -> wake(v, false); break
            :: else -> skip
            fi;
            thread_lock(v); /* state_of() */
            seen = state[v];
            thread_unlock(v);
            if
            :: seen == RECEIVING -> /* a short path, or a claimer, is at work on it */
                state[v] != RECEIVING || (RX_IS_WAITER(rx[v]) && RX_THREAD(rx[v]) == v)
            :: seen == WAITING && terminate && BUG != 11 && BUG != 12 -> state[v] != WAITING || wait_link[v]
            :: seen == RUNNING && cpu_of[v] != c_ -> kick(v, cpu_of[v]); break
            :: else -> break
            fi
        od
    od;
    skip;
    d_step { v = 0; seen = 0; terminate = false; mine = false }
}

/* --- ipc/mqueue.c, ipc/receive.c --- */

/* ipc_port_send_once_use(): it is on loan again, if none is. Context: port locked; t_ is current, or claimed. */
inline right_use(p_, t_)
{
    if
    :: cacher[p_] == t_ && (loan[t_] == 0 || BUG == 13) -> loan[t_] = 1
    :: else -> sorights[p_]--
    fi
}

/* ipc_mqueue_send(). who: the receiver that was claimed, or NIL; dead: the message is the caller's still */
inline send(p_, message_)
{
    who = NIL;
    port_lock(p_);
    d_step {
        dead = !alive[p_];
        if
        :: dead -> skip
        :: !dead && fast[p_] != NIL -> /* claim_receiver() */
            who = fast[p_];
            fast[p_] = NIL;
            assert(op_registers[who] == in_registers[who]) /* ipc_receive_decode() */
        :: !dead && fast[p_] == NIL && receivers[p_] != 0 ->
            who = p_; /* each port has one receiver */
            receivers[p_] = 0;
            wait_link[who] = false
        :: else -> queue[p_] ! message_; msgcount[p_]++
        fi;
        if
        :: who != NIL -> op_kmsg[who] = message_; continuation[who] = true /* message_leave() */
        :: else -> skip
        fi;
        if
        :: message_ >= ANSWER && dead -> sorights[p_]-- /* the right dies */
        :: message_ >= ANSWER && !dead && who != NIL -> right_use(p_, who)
        :: else -> skip
        fi
    }
    port_unlock(p_)
}

/* A send-once right to port p is destroyed: ipc_port_release_send_once(). Context: no claimed receiver. */
inline release_send_once(p_)
{
    send(p_, NOTICE);
    if
    :: who != NIL -> wake(who, false); who = NIL
    :: else -> skip
    fi
}

/* Undo what ipc_port_uncache() by others leaves: ipc_thread_settle() */
inline settle(t_)
{
    if
    :: rcv_port[t_] && !rcv_name[t_] ->
        d_step { rcv_port[t_] = false; settled = loan[t_]; loan[t_] = 0 }
        port_lock(t_);
        d_step {
            assert(cacher[t_] != t_ && sorights[t_] >= settled);
            sorights[t_] = sorights[t_] - settled;
            settled = 0
        }
        port_unlock(t_)
    :: else -> skip
    fi
}

/* ipc_thread_uncache() */
inline uncache(t_)
{
    if
    :: rcv_port[t_] ->
        port_lock(t_);
        if
        :: cacher[t_] == t_ -> d_step { rcv_name[t_] = false; cacher[t_] = NIL }
        :: else -> skip
        fi;
        port_unlock(t_);
        settle(t_)
    :: else -> skip
    fi
}

/* --- a CPU and the threads it runs --- */

proctype Cpu(byte c)
{
    byte cur = NIL;  /* cpu->current */
    byte next = NIL; /* cpu->handoff, or the partner of a short path */
    byte who = NIL, w, t, v, p, seen, settled;
    bool mine, object, terminate, dead, reply, registers, blocked;

exit_loop: /* thread_exit_to_user() */
    examine_all(c);
    if
    :: cur != NIL -> goto requests
    :: cur == NIL && next != NIL -> t = next; next = NIL
    :: cur == NIL && next == NIL ->
end_idle:
        atomic {
            if
            :: ready & 1 -> t = 0
            :: ready & 2 -> t = 1
#if THREADS > 2
            :: ready & 4 -> t = 2
#endif
            :: kick_list[c] != 0 -> goto exit_loop
            fi;
            ready = ready & ~BIT(t)
        }
    fi;
    /* make_current() */
    if
    :: t == 0 && BUG != 7 -> !timer_runs /* timeout_wait() */
    :: else -> skip
    fi;
    thread_lock(t);
    d_step {
        assert(state[t] == READY);
        if
        :: MUST_STOP(t) -> state[t] = STOPPED
        :: else ->
            state[t] = RUNNING;
            cpu_of[t] = c;
            assert(!on_cpu[t]);
            on_cpu[t] = true;
            cur = t
        fi
    }
    thread_unlock(t);
    if
    :: cur == NIL -> goto exit_loop
    :: else -> skip
    fi;

requests:
    seen = ast[cur];
    if
    :: continuation[cur] ->
        d_step {
            continuation[cur] = false;
            ended[cur] = op_kmsg[cur]; /* ipc_rpc_finish(), ipc_msg_finish(), ipc_msg_receive_failed() */
            op_kmsg[cur] = NOTHING;
            if
            :: cur == SERVER && ended[cur] < ANSWER -> held = ended[cur] - REQUEST
            :: else -> skip
            fi
        }
        goto exit_loop
    :: !continuation[cur] && (seen & TERMINATE) != 0 -> goto thread_end
    :: !continuation[cur] && seen == SUSPEND -> /* thread_stop() */
        thread_lock(cur);
        d_step {
            if
            :: MUST_STOP(cur) -> state[cur] = STOPPED; on_cpu[cur] = false
            :: else -> skip
            fi;
            t = cur;
            cur = (on_cpu[cur] -> cur : NIL)
        }
        thread_unlock(t);
        goto exit_loop
    :: else -> skip
    fi;

user_mode: /* a kick may interrupt here, at once or later */
    if
    :: kick_list[c] != 0 -> goto exit_loop
    :: true -> skip
    fi;
    assert(cur != 0 || !held_back);
    assert(cur != SERVER || !entry_used || held == entry_object); /* no right that was used already */
    reply = (cur == SERVER);
    if
    :: cur == SERVER ->
        if
        :: ended[cur] == DIED -> goto thread_end
        :: held == NIL -> goto receive /* at first, or interrupted */
        :: else -> p = held
        fi
    :: else ->
        assert(ended[cur] == NOTHING || ended[cur] >= ANSWER);
        if
        :: ended[cur] == ANSWER || ended[cur] == NOTICE -> answered[cur]++; assert(answered[cur] <= sent[cur])
        :: else -> skip
        fi;
        if
        :: ended[cur] == DIED || (sent[cur] == CALLS && answered[cur] == CALLS) -> goto thread_end
        :: ended[cur] == INTERRUPTED || ended[cur] == TIMED_OUT -> goto receive
        :: else -> p = SERVER
        fi
    fi;
    registers = (cur == SERVER || sent[cur] % 2 == 0);
    if
    :: true -> skip
    :: true -> goto general /* something else keeps it from the short paths: a port set, a priority, ... */
    fi;

    /* ipc_fast_find(), find_destination() */
    if
    :: reply && (!entry_used || entry_object != p || !rcv_name[cur]) -> goto general
    :: !reply && (!rcv_name[cur] || loan[cur] == 0) -> goto general
    :: else -> skip
    fi;
    /* ipc_fast_take(), take_receiver() */
    d_step { w = rx[p]; rx[p] = RX_LOCKED }
    if
    :: !RX_IS_WAITER(w) ->
        if
        :: w != RX_LOCKED -> rx[p] = w
        :: else -> skip
        fi;
        goto general
    :: else -> skip
    fi;
    next = RX_THREAD(w);
    if
    :: (cpu_of[next] != c && BUG != 3) || (reply && !entry_used) || (!reply && entry_used) ->
        rx[p] = w;
        next = NIL;
        goto general
    :: else -> skip
    fi;
    assert(cpu_of[next] == c && !on_cpu[next]);
    /* ipc_fast_wait(), become_waiter() */
    d_step {
        if
        :: registers && RX_REGISTERS(w) -> skip /* the fast path: leaves op as it is */
        :: else -> op_registers[cur] = registers
        fi;
        in_registers[cur] = registers;
        waits[cur]++
    }
#ifdef TIMER
    if
    :: cur == 0 && !fired && !(registers && RX_REGISTERS(w)) -> d_step { armed = true; armed_wait = waits[0] } /* thread_set_timeout() */
    :: else -> skip
    fi;
#endif
    d_step {
        if
        :: reply -> entry_used = (BUG == 8); held = NIL
        :: else -> loan[cur]--
        fi;
        on_cpu[cur] = false
    }
#if BUG != 2
    state[cur] = RECEIVING;
#endif
    atomic {
        if
        :: rx[cur] == rcv_idle[cur] -> rx[cur] = RX_WAITER(cur, registers); mine = true; assert(!foreign[cur])
        :: else -> mine = false
        fi
    }
#if BUG == 2
    state[cur] = RECEIVING;
#endif
    if
    :: !mine -> /* everything as before */
        d_step {
            on_cpu[cur] = true;
            if
            :: reply -> entry_used = true; held = p
            :: else -> loan[cur]++
            fi;
            if
            :: cur == 0 -> armed = false
            :: else -> skip
            fi
        }
        state[cur] = RUNNING;
        rx[p] = w;
        next = NIL;
        goto general
    :: else -> mine = false
    fi;
    /* ipc_fast_switch(), switch_to_next(); the thread that waits is not touched any more */
    d_step {
        if
        :: reply -> loan[next]++; ended[next] = ANSWER
        :: else ->
            assert(!entry_used);
            entry_used = true;
            entry_object = cur;
            held = cur;
            sent[cur]++;
            ended[next] = REQUEST + cur
        fi;
        assert(!on_cpu[next]);
        on_cpu[next] = true
    }
    state[next] = RUNNING;
    rx[p] = RX_IDLE(incarnation[p]);
    cur = next;
    next = NIL;
#ifdef TIMER
    if
    :: cur == 0 -> armed = false; !timer_runs /* thread_clear_timeout(), timeout_wait() */
    :: else -> skip
    fi;
#endif
    goto user_mode;

general: /* ipc_trap_rpc_call(), ipc_trap_rpc_reply_wait(), ipc_trap_msg(): the send half */
    if
    :: reply ->
        port_lock(p); /* ipc_right_take(): the right leaves its entry */
        d_step {
            if
            :: entry_used && entry_object == p -> entry_used = false; entry_object = NIL
            :: else -> skip
            fi;
            held = NIL
        }
        port_unlock(p);
        send(p, ANSWER)
    :: else ->
        port_lock(cur); /* ipc_right_take(): MAKE_SEND_ONCE */
        sorights[cur]++;
        port_unlock(cur);
        if
        :: alive[SERVER] -> d_step { sent[cur]++; }; send(SERVER, REQUEST + cur)
        :: else -> d_step { sent[cur]++; }; who = NIL; dead = true /* MACH_SEND_INVALID_DEST: the call's own right dies */
        fi;
        if
        :: dead -> release_send_once(cur)
        :: else -> skip
        fi
    fi;

receive: /* ipc_msg_receive(); who is given the CPU or woken */
    skip;
    d_step {
        if
        :: cur == SERVER && entry_used -> entry_used = false /* ipc_entry_reserve(): another one is reserved */
        :: else -> skip
        fi;
        registers = (cur == SERVER || sent[cur] % 2 == 1)
    }
    if
    :: rcv_port[cur] && !rcv_name[cur] -> uncache(cur)
    :: else -> skip
    fi;
    port_lock(cur);
    blocked = false;
    if
    :: !named[cur] -> ended[cur] = DIED /* MACH_RCV_INVALID_NAME */
    :: named[cur] && msgcount[cur] > 0 -> /* ipc_mqueue_take() */
        d_step {
            queue[cur] ? ended[cur];
            msgcount[cur]--;
            if
            :: ended[cur] >= ANSWER -> right_use(cur, cur)
            :: else -> held = ended[cur] - REQUEST
            fi
        }
    :: else -> /* wait_on_port(), ipc_thread_cache() */
        blocked = true;
        d_step {
            waits[cur]++;
            in_registers[cur] = registers;
            op_registers[cur] = registers;
#ifdef TIMER
            if
            :: cur == 0 && !fired -> armed = true; armed_wait = waits[0]
            :: else -> skip
            fi;
#endif
            if
            :: cacher[cur] != cur && !rcv_port[cur] ->
                cacher[cur] = cur;
                rcv_port[cur] = true;
                loan[cur] = 0
            :: else -> skip
            fi;
            mine = (cacher[cur] == cur && fast[cur] == NIL && receivers[cur] == 0);
            if
            :: cacher[cur] == cur && loan[cur] == 0 -> loan[cur] = 1; sorights[cur]++
            :: else -> skip
            fi;
            if
            :: cacher[cur] == cur -> rcv_idle[cur] = RX_IDLE(incarnation[cur]); rcv_name[cur] = true
            :: else -> skip
            fi;
            if
            :: mine -> fast[cur] = cur
            :: else -> receivers[cur] = receivers[cur] | BIT(cur); wait_link[cur] = true
            fi
        }
        thread_lock(cur); /* thread_block() */
        d_step {
            wait_object[cur] = !mine;
            continuation[cur] = !mine;
            state[cur] = (mine -> RECEIVING : WAITING);
            on_cpu[cur] = false
        }
        if
        :: ast[cur] != 0 -> kick(cur, c)
        :: else -> skip
        fi;
        thread_unlock(cur)
    fi;
    port_unlock(cur);
    if
    :: blocked -> d_step { cur = NIL; mine = false; blocked = false }
    :: else -> skip
    fi;
    if
    :: who != NIL && cur == NIL -> wake(who, true) /* receiver_run() */
    :: who != NIL && cur != NIL -> wake(who, false)
    :: else -> skip
    fi;
    who = NIL;
    goto exit_loop;

thread_end:
    uncache(cur); /* ipc_thread_cleanup() */
    if
    :: cur == SERVER && entry_used && BUG != 10 -> entry_used = false /* ipc_entry_unreserve(): an entry like any other */
    :: cur == SERVER && entry_used && BUG == 10 -> d_step { entry_used = false; held = NIL }
    :: else -> skip
    fi;
    thread_lock(cur);
    d_step { state[cur] = DEAD; on_cpu[cur] = false }
    thread_unlock(cur);
    if
    :: cur == SERVER && held != NIL -> p = held; held = NIL; release_send_once(p) /* ipc_right_clear() by the reaper */
    :: else -> skip
    fi;
    cur = NIL;
    goto exit_loop
}

/* --- CPUs that make trouble --- */

/* ipc_port_destroy() of port p, after its right left the space: entry_drop(), ipc_right_clear() */
inline destroy(p_)
{
    port_lock(p_);
    fast_to_list(p_);
    moved(p_);
    named[p_] = false;
    port_unlock(p_);
    port_lock(p_); /* port_die() */
    d_step {
        alive[p_] = false;
        who = (receivers[p_] != 0 -> p_ : NIL); /* ipc_waiters_claim() */
        receivers[p_] = 0;
        if
        :: who != NIL && BUG != 9 -> wait_object[who] = false
        :: else -> skip
        fi
    }
    port_unlock(p_);
    if
    :: who != NIL -> /* remains_bury() */
        d_step { wait_link[who] = false; op_kmsg[who] = DIED; continuation[who] = true }
        wake(who, false);
        who = NIL
    :: else -> skip
    fi;
    do
    :: msgcount[p_] > 0 ->
        queue[p_] ? seen;
        msgcount[p_]--;
        if
        :: seen < ANSWER -> release_send_once(seen - REQUEST)
        :: else -> sorights[p_]--
        fi
    :: else -> break
    od;
    seen = 0
}

/* The right moves to another space: receive_leave(), name_write() */
inline move(p_)
{
    port_lock(p_);
    fast_to_list(p_);
    moved(p_);
    d_step {
        named[p_] = false;
        who = (receivers[p_] != 0 -> p_ : NIL);
        receivers[p_] = 0;
        if
        :: who != NIL -> wait_object[who] = false
        :: else -> skip
        fi
    }
    port_unlock(p_);
    if
    :: who != NIL ->
        d_step { wait_link[who] = false; op_kmsg[who] = DIED; continuation[who] = true } /* MACH_RCV_PORT_CHANGED */
        wake(who, false);
        who = NIL
    :: else -> skip
    fi;
    port_lock(p_);
    foreign[p_] = true;
    moved(p_);
    port_unlock(p_)
}

/* thread_terminate_request(), hold_begin(): a request, and what makes it noticed */
inline request(v_, what_, c_)
{
    thread_lock(v_);
    ast[v_] = ast[v_] | what_;
    seen = state[v_];
    if
    :: seen == RUNNING -> kick(v_, cpu_of[v_])
    :: seen == RECEIVING && BUG != 6 -> kick(v_, c_)
    :: seen == WAITING && what_ == TERMINATE -> kick(v_, c_)
    :: seen == STOPPED && what_ == TERMINATE -> d_step { state[v_] = READY; ready = ready | BIT(v_) }
    :: else -> skip
    fi;
    thread_unlock(v_)
}

proctype Killer(byte c; byte kind)
{
    byte next = NIL, who = NIL, w, t, v, seen, target;
    bool mine, object, terminate, dead;

    if
    :: kind == DESTROY -> destroy(SERVER)
    :: kind == MOVE -> move(SERVER)
    :: kind == JOIN_SERVER -> port_lock(SERVER); fast_to_list(SERVER); port_unlock(SERVER)
    :: kind == ABORT_CLIENT || kind == ABORT_SERVER -> /* thread_abort_wait() */
        target = (kind == ABORT_CLIENT -> 0 : SERVER);
        claim(target, INTERRUPTED);
        if
        :: mine -> wake(target, false); mine = false
        :: else -> skip
        fi
    :: kind == END_SERVER || kind == END_CLIENT ->
        target = (kind == END_CLIENT -> 0 : SERVER);
        request(target, TERMINATE, c);
        examine_all(c);
        state[target] == DEAD; /* the last thread of its task: the reaper takes the space apart */
        destroy(target)
    :: kind == SUSPEND_CLIENT ->
        if
        :: state[0] != DEAD ->
            request(0, SUSPEND, c);
            examine_all(c); /* at this CPU's exit */
            !kicked[0]; /* smp_enter_kernel(): the CPU that ran it is in the kernel */
            held_back = (state[0] != DEAD);
            held_back = false;
            thread_lock(0);
            d_step { /* hold_end() */
                ast[0] = ast[0] & ~SUSPEND;
                if
                :: state[0] == STOPPED -> state[0] = READY; ready = ready | 1
                :: else -> skip
                fi
            }
            thread_unlock(0)
        :: state[0] == DEAD -> skip
        fi
    fi
}

#ifdef TIMER
/* timeout_expire(), wait_timed_out() */
active proctype Timer()
{
    byte next = NIL, w, t, taken;
    bool mine, object;

end_off:
    do
    :: atomic { armed -> armed = false; fired = true; timer_runs = true; taken = armed_wait } /* timeout_take() */
        claim(0, TIMED_OUT);
        if
        :: mine -> assert(taken == waits[0]); wake(0, false); mine = false
        :: else -> skip
        fi;
        timer_runs = false;
        break
    od
}
#endif

init
{
    byte i;

    d_step {
        for (i : 0 .. THREADS - 1) {
            rx[i] = RX_IDLE(0);
            fast[i] = NIL;
            cacher[i] = NIL;
            named[i] = true;
            alive[i] = true;
            state[i] = READY;
            ready = ready | BIT(i)
        }
        for (i : 0 .. CLIENTS - 1) { /* have called before */
            cacher[i] = i;
            rcv_port[i] = true;
            rcv_name[i] = true;
            rcv_idle[i] = RX_IDLE(0);
            loan[i] = 1;
            sorights[i] = 1
        }
    }
    atomic {
        run Cpu(0);
#if CPUS > 1
        run Cpu(1);
#endif
#if KILL
        run Killer(CPUS, KILL);
#endif
#if KILL2
        run Killer(CPUS + 1, KILL2);
#endif
    }
    timeout; /* nothing can happen any more: who waits now waits for ever */
    d_step {
        for (i : 0 .. THREADS - 1) {
            assert(rx[i] != RX_LOCKED && !lock_of[i] && !kicked[i]);
        }
        for (i : 0 .. CLIENTS - 1) {
            assert(sorights[i] == (KILL == END_CLIENT -> 0 : loan[i] + sent[i] - answered[i])); /* no right is left over */
            assert(state[i] == DEAD || KILL == MOVE);
            assert(answered[i] == sent[i] || KILL == MOVE || KILL == END_CLIENT)
        }
    }
}
