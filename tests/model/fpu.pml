/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state moves with its thread: the real kern/fpu.c and kern/fpu.h, on two CPUs (fpu/world.h stands for the rest).
 *
 * Threads run anywhere, use vector state or not, leave the CPU as thread_block() or a short path does, end, and are made anew.
 * The C functions work on data of one owner, so each call is one step; what must be in order around them is a step of its own.
 *
 *   run move: -DSTEPS=1
 *   bug 1 (move): a thread can be run elsewhere before its state is saved
 *   bug 2 (move): a thread leaves the CPU with its state in the registers
 *   bug 3 (move): the state of a thread that ended is not forgotten
 */
#ifndef BUG
#define BUG 0
#endif

c_decl {
\#include "kern/fpu.c"
}
c_state "struct world w" "Global"

byte ready = 3; /* threads that some CPU may run: bit t */
byte ok;


proctype Cpu(byte c)
{
    byte t, uses;

    do
    :: /* make_current(), or the switch of a short path */
        atomic {
            if
            :: ready & 1 -> t = 0
            :: ready & 2 -> t = 1
            fi;
            ready = ready & ~(1 << t)
        }
        c_code {
            now.w.self = PCpu->c;
            now.w.cpu[PCpu->c].current = &now.w.thread[PCpu->t];
            fpu_resume(&now.w.cpu[PCpu->c], &now.w.thread[PCpu->t]);
        };
        uses = 0;
        do
        :: uses < STEPS -> /* user code works with it; kern_fpu_fault() if it can't */
            c_code {
                now.w.self = PCpu->c;
                if (!now.w.enabled[PCpu->c])
                    now.ok = fpu_acquire(&now.w.cpu[PCpu->c], &now.w.thread[PCpu->t]) == KERN_SUCCESS;
                else
                    now.ok = 1;
                now.ok = now.ok && !now.w.broken && now.w.value[PCpu->c] == now.w.expect[PCpu->t];
                now.w.expect[PCpu->t] = now.w.value[PCpu->c] = (now.w.value[PCpu->c] + 1) % 2;
                if (now.w.thread[PCpu->t].fpu_credit > 2)
                    now.w.thread[PCpu->t].fpu_credit = 2; /* more is not different, only longer */
            };
            assert(ok);
            uses++
        :: true -> break
        od;
        if
        :: true -> /* thread_block(), wait_begin() */
#if BUG == 1
            ready = ready | (1 << t);
#endif
#if BUG != 2
            c_code { now.w.self = PCpu->c; fpu_release(&now.w.cpu[PCpu->c]); };
#endif
            c_code { now.w.cpu[PCpu->c].current = NULL; };
            ready = ready | (1 << t)
        :: true -> /* thread_end(), and a new thread */
            c_code {
                now.w.self = PCpu->c;
#if BUG != 3
                fpu_discard(&now.w.thread[PCpu->t]);
#endif
                now.w.cpu[PCpu->c].current = NULL;
                now.w.thread[PCpu->t].fpu_credit = 0;
                now.w.expect[PCpu->t] = 0;
            };
            ready = ready | (1 << t)
        fi;
        d_step {
            c_code {
                now.ok = !now.w.broken;
                for (int i = 0; i < CPUS; i++) /* what nobody may look at any more is all alike */
                    if (!now.w.enabled[i])
                        now.w.value[i] = 9;
                for (int i = 0; i < THREADS; i++)
                    if (!now.w.area[i].used)
                        now.w.area[i].value = 9;
                now.w.self = 0;
            };
            assert(ok);
            t = 0;
            uses = 0
        }
    od
}

init
{
    c_code {
        world = &now.w;
        for (unsigned t = 0; t < THREADS; t++)
            now.w.thread[t].task = &task;
    };
    atomic {
        run Cpu(0);
        run Cpu(1)
    }
}
