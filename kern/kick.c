/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <ipc/ipc.h>
#include <kern/irq.h>
#include <kern/kick.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <kern/thread_i.h>

void kick_thread(struct thread *t, struct cpu *cpu)
{
    /*
     * seq_cst, here and in kick_examine(): either that exchange comes later and sees the request that was set
     * before this one, or this one comes later and finds `kicked` clear, so that the thread is put on the
     * list again.
     */
    if (__atomic_exchange_n(&t->kicked, 1, __ATOMIC_SEQ_CST) != 0)
        return;
    thread_ref(t);
    struct thread *head = __atomic_load_n(&cpu->kicked, __ATOMIC_RELAXED);
    do {
        t->kick_next = head;
        /* release: kick_next is set when the list shows */
    } while (!__atomic_compare_exchange_n(&cpu->kicked, &head, t, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    smp_kick(cpu);
}

static uint32_t state_of(struct thread *t)
{
    spin_lock(&t->lock);
    uint32_t state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);
    spin_unlock(&t->lock);
    return state;
}

/*
 * See that the requests of `t` are noticed.  READY, STOPPED: the CPU that runs it next looks.  RUNNING: that
 * CPU looks at its exit. WAITING: ends if the thread is to end; if it could not be claimed, somebody else is waking it, or it
 * began to wait only now.  RECEIVING: the fast path would run it without looking, so it must not stay so.
 */
static void examine(struct cpu *cpu, struct thread *t)
{
    struct cpu *where;

    for (;;) {
        bool terminate = (__atomic_load_n(&t->ast, __ATOMIC_SEQ_CST) & THREAD_AST_TERMINATE) != 0;

        if (terminate && thread_claim(t, THREAD_INTERRUPTED)) {
            thread_wakeup(t, THREAD_INTERRUPTED);
            return;
        }
        if (!terminate)
            ipc_wait_make_slow(t);
        switch (state_of(t)) {
        case THREAD_WAITING:
            if (!terminate)
                return;
            __attribute__((fallthrough));
        case THREAD_RECEIVING: /* the fast path is at work on it */
        case THREAD_RECEIVING_TIMED:
            smp_poll();
            hal_cpu_pause();
            continue;
        case THREAD_RUNNING:
            where = __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);
            if (where != cpu) {
                kick_thread(t, where);
                smp_enter_kernel((cpu_mask_t)1 << where->index);
            }
            return;
        default:
            return;
        }
    }
}

void kick_examine(struct cpu *cpu)
{
    struct thread *t;

    while (kick_pending(cpu)) {
        if (cpu->examined == NULL)
            cpu->examined = __atomic_exchange_n(&cpu->kicked, NULL, __ATOMIC_ACQUIRE);
        t = cpu->examined;
        cpu->examined = t->kick_next;
        (void)__atomic_exchange_n(&t->kicked, 0, __ATOMIC_SEQ_CST);
        examine(cpu, t);
        thread_unref(t);
        /* None may be left for a later exit: an idle CPU need not have one. */
        if (hal_irq_pending())
            irq_serve(cpu);
    }
}
