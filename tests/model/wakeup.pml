/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking by continuation, wake-up on several CPUs, idling (kern/thread.c, kern/reaper.c, sched/sched.c, hal_cpu_idle()).
 *
 * A thread waits for events under an object's lock, as the reaper does; others post them and wake it.  Each CPU has a run queue;
 * a woken thread goes to an idle CPU or to its own one, idle CPUs steal, and an interrupt is sent only if the queue was empty.  With COMPUTE a
 * poster never gives its CPU away by itself.
 * Lost wake-ups show as a posted event that is never taken, lost interrupts as a CPU that idles beside a full queue.
 *
 *   run one: -DPOSTERS=1 -DEVENTS=2
 *   run busy: -DPOSTERS=1 -DEVENTS=2 -DCOMPUTE
 *   run two: -DPOSTERS=2 -DEVENTS=1
 *   bug 1 (one): the thread looks for events before it takes the lock under which it begins to wait
 *   bug 2 (one): a blocking thread is published before its CPU has let go of it
 *   bug 3 (busy): the interrupt is sent before the thread is in the queue
 *   bug 4 (busy): no interrupt for a CPU that is not marked idle
 *   bug 5 (busy): an interrupt that arrives just before the CPU idles is lost
 *   bug 6 (two): a poster does not take `waiting` away: two wake one wait
 */
#ifndef BUG
#define BUG 0
#endif
#define CPUS 2
#define THREADS (POSTERS + 1)
#define WAITER 0
#define NIL 7
#define BIT(i) (1 << (i))
#define RUNNING 0
#define READY 1
#define WAITING 2
#define DEAD 3

byte state[THREADS], cpu_of[THREADS];
bool on_cpu[THREADS];      /* a CPU's stack still works for it */
bool thread_lock[THREADS]; /* t->lock */
bool object_lock, waiting; /* reaper.lock, reaper.waiting */
byte events, taken;
byte posted[THREADS];
bool runq_lock[CPUS];
byte runq[CPUS]; /* bit t */
bool interrupt[CPUS];
byte idle_cpus;

inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

/* sched_enqueue(): sched_claim_idle(), sched_queue_insert(). Context: t->lock held. */
inline enqueue(t_)
{
    seen = idle_cpus; /* a hint */
    target = cpu_of[t_];
    if
    :: seen == 0 -> skip
    :: else ->
        if
        :: (seen & BIT(target)) != 0 -> skip
        :: else -> target = 1 - target
        fi;
        atomic {
            if
            :: (idle_cpus & BIT(target)) == 0 -> target = cpu_of[t_]
            :: else -> idle_cpus = idle_cpus & ~BIT(target)
            fi
        }
    fi;
    seen = 0;
#if BUG == 3
    interrupt[target] = (target != c -> true : interrupt[target]);
#endif
    lock(runq_lock[target]);
    d_step {
        cpu_of[t_] = target;
        first = (runq[target] == 0);
        runq[target] = runq[target] | BIT(t_)
    }
    unlock(runq_lock[target]);
    if
    :: target != c && first && BUG != 3 && (BUG != 4 || (idle_cpus & BIT(target)) != 0) -> interrupt[target] = true /* smp_kick() */
    :: else -> skip
    fi;
    d_step { first = false; target = 0 }
}

/* sched_queue_pop() of CPU i; next: what was popped */
inline pop(i)
{
    if
    :: runq[i] == 0 -> skip /* sched_queue_count(), without the lock */
    :: else ->
        lock(runq_lock[i]);
        atomic {
            if
            :: runq[i] & 1 -> next = 0
            :: runq[i] & 2 -> next = 1
            :: runq[i] & 4 -> next = 2
            :: runq[i] == 0 -> skip
            fi;
            if
            :: next != NIL -> runq[i] = runq[i] & ~BIT(next)
            :: else -> skip
            fi
        }
        unlock(runq_lock[i])
    fi
}

/* reaper_enter(): post an event, wake the thread if it waits */
inline post()
{
    lock(object_lock);
    d_step {
        events++;
        wakes = waiting;
        waiting = (BUG == 6 && waiting)
    }
    unlock(object_lock);
    if
    :: wakes -> /* thread_wakeup() */
        lock(thread_lock[WAITER]);
        assert(state[WAITER] == WAITING);
        state[WAITER] = READY;
        enqueue(WAITER);
        unlock(thread_lock[WAITER])
    :: else -> skip
    fi;
    wakes = false
}

proctype Cpu(byte c)
{
    byte cur = NIL, next = NIL, seen, target;
    bool first, wakes;

    do
    :: cur == NIL -> /* sched_pick() */
        pop(c);
        if
        :: next == NIL -> pop(1 - c) /* steal() */
        :: else -> skip
        fi;
        if
        :: next == NIL ->
            atomic { idle_cpus = idle_cpus | BIT(c) } /* sched_idle_enter() */
#if BUG == 5
            interrupt[c] = false;
#endif
end_idle:   interrupt[c]; /* hal_cpu_idle() */
            interrupt[c] = false;
            atomic { idle_cpus = idle_cpus & ~BIT(c) } /* sched_idle_leave() */
        :: else -> /* make_current() */
            lock(thread_lock[next]);
            d_step {
                assert(state[next] == READY && !on_cpu[next]);
                cpu_of[next] = c;
                state[next] = RUNNING;
                on_cpu[next] = true;
                cur = next;
                next = NIL
            }
            unlock(thread_lock[cur])
        fi
    :: cur == WAITER -> /* reaper_step(), reaper_next() */
#if BUG == 1
        if
        :: events > 0 -> skip
        :: else ->
            lock(object_lock);
            goto block
        fi;
#endif
        lock(object_lock);
        if
        :: events > 0 -> d_step { events--; taken++ }; unlock(object_lock)
        :: else ->
#if BUG == 1
block:
#endif
            waiting = true;
#if BUG == 2
            state[WAITER] = WAITING;
            unlock(object_lock);
            on_cpu[WAITER] = false;
#else
            lock(thread_lock[WAITER]); /* thread_block() */
            d_step { state[WAITER] = WAITING; on_cpu[WAITER] = false }
            unlock(thread_lock[WAITER]);
            unlock(object_lock);
#endif
            cur = NIL
        fi
    :: cur != NIL && cur != WAITER && posted[cur] < EVENTS -> post(); posted[cur]++
#ifdef COMPUTE
    :: cur != NIL && cur != WAITER && posted[cur] == EVENTS -> /* in user mode, until the end of its quantum */
end_compute:
        if
        :: runq[c] != 0 -> /* sched_preempt_current() */
            lock(thread_lock[cur]);
            state[cur] = READY;
            on_cpu[cur] = false;
            lock(runq_lock[c]);
            runq[c] = runq[c] | BIT(cur);
            unlock(runq_lock[c]);
            d_step { seen = cur; cur = NIL }
            unlock(thread_lock[seen]);
            seen = 0
        :: interrupt[c] -> interrupt[c] = false
        fi
#else
    :: cur != NIL && cur != WAITER && posted[cur] == EVENTS -> /* thread_end() */
        lock(thread_lock[cur]);
        d_step { state[cur] = DEAD; on_cpu[cur] = false; seen = cur; cur = NIL }
        unlock(thread_lock[seen]);
        seen = 0
#endif
    od
}

init
{
    byte i;

    d_step {
        for (i : 0 .. THREADS - 1) {
            state[i] = READY;
            runq[0] = runq[0] | BIT(i)
        }
    }
    atomic {
        for (i : 0 .. CPUS - 1) { run Cpu(i) }
    }
    timeout; /* nothing can happen any more */
    assert(taken == POSTERS * EVENTS)
}
