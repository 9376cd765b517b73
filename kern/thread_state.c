/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of other threads.  The thread is held; if it runs on another CPU this one waits until it has left
 * user mode, which the kick makes soon.  Two threads that wait for each other are both held, hence both have
 * a request pending, and give up.  Under t->lock a thread that does not run cannot start to.
 */
#include <hal/hal.h>
#include <ipc/ipc.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <kern/thread_i.h>

/* Hold t and lock it in a state other than RUNNING and RECEIVING. On failure neither. */
static kern_return_t state_lock(struct thread *t) NO_THREAD_SAFETY_ANALYSIS
{
    struct thread *self = thread_current();

    if (t == self)
        return KERN_INVALID_ARGUMENT;
    (void)thread_kernel_hold(t);
    for (;;) {
        spin_lock(&t->lock);
        uint32_t state = t->state;
        if (state == THREAD_DEAD || (state != THREAD_RUNNING && !thread_state_is_receiving(state)))
            return KERN_SUCCESS;
        spin_unlock(&t->lock);
        if (thread_state_is_receiving(state))
            ipc_wait_make_slow(t);
        if (self != NULL && __atomic_load_n(&self->ast, __ATOMIC_RELAXED) != 0) {
            thread_kernel_release(t);
            return KERN_ABORTED;
        }
        smp_poll();
        hal_cpu_pause();
    }
}

static void state_unlock(struct thread *t) NO_THREAD_SAFETY_ANALYSIS
{
    spin_unlock(&t->lock);
    thread_kernel_release(t);
}

kern_return_t thread_state_get(struct thread *t, int flavor, uint32_t *state, uint32_t *count)
{
    kern_return_t kr = state_lock(t);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = t->state == THREAD_DEAD ? KERN_TERMINATED : hal_uctx_get_state(&t->uctx, flavor, state, count);
    state_unlock(t);
    return kr;
}

/* Whoever ends a wait, and continuations, write results into the registers: only where none is due may others
 * write. */
static bool registers_complete(const struct thread *t)
{
    if (t->state == THREAD_WAITING)
        return t->wait == THREAD_WAIT_EXCEPTION;
    return t->continuation == NULL;
}

kern_return_t thread_state_set(struct thread *t, int flavor, const uint32_t *state, uint32_t count)
{
    kern_return_t kr = state_lock(t);

    if (kr != KERN_SUCCESS)
        return kr;
    if (t->state == THREAD_DEAD)
        kr = KERN_TERMINATED;
    else if (!registers_complete(t))
        kr = KERN_FAILURE;
    else
        kr = hal_uctx_set_state(&t->uctx, flavor, state, count);
    state_unlock(t);
    return kr;
}
