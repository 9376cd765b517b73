/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of the kernel calls of the IPC system. */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include <hal/hal.h>
#include <kern/thread.h>

/* Boot: caches of the module. */
void ipc_init(void);
/* Bytes of cpu->message. */
#define IPC_DIRECT_BUFFER_SIZE 65536u
/* Boot: what ipc/direct.c needs of each CPU. Context: all are in cpu_table; none but this one runs. */
void ipc_direct_init(void);

/* Traps. `u` is the current thread's context; each sets its result, or blocks. Context: upcall, no lock. */
void ipc_trap_msg(struct thread *self);            /* MACH_TRAP_MSG */
void ipc_trap_rpc_call(struct thread *self);       /* MACH_TRAP_RPC_CALL, when the fast path declined */
void ipc_trap_rpc_reply_wait(struct thread *self); /* MACH_TRAP_RPC_REPLY_WAIT, likewise */
void ipc_trap_reply_port(struct thread *self);     /* MACH_TRAP_REPLY_PORT */

/*
 * Take a thread out of the wait that it is in, if that is IPC's (WAIT_RECEIVE, WAIT_SEND, RECEIVING).
 * Returns true: the caller has claimed it and calls thread_wakeup(t, result); false: it was not waiting (any more).
 * For a RECEIVING thread the registers are filled with the error of `result` first.
 * Context: no lock; the caller has a reference to t.
 */
bool ipc_wait_claim(struct thread *t, enum thread_wait_result result);

/* A RECEIVING thread must be looked at before it runs again (suspended, terminated): move it from the rx word to the
 * list of the port or set, so that the fast path does not find it. Nothing if it is not RECEIVING. Context: no lock. */
void ipc_wait_make_slow(struct thread *t);

/* MACH_TRAP_MSG of the current thread, from where the fast path left it (kern/cpu.h: message_state): by the direct switch
 * (ipc/direct.c) or the general path. / By the general path.
 * Returns: the context to resume. */
struct uctx *ipc_direct_msg(struct thread *self);
struct uctx *ipc_direct_general(struct thread *self);
/*
 * Try the direct switch for MACH_TRAP_RPC_CALL or _REPLY_WAIT of the current thread.
 * Returns: the context of the partner, which is current now and resumes; NULL: nothing changed, take the general path.
 */
struct uctx *ipc_direct_rpc(struct thread *self, bool reply);

/* HAL_USER_RANGE() by one comparison: n is less than the size of user space. */
static inline bool is_user_range(hal_va_t va, uint64_t n)
{
    return va - hal_info.user_base <= hal_info.user_limit - hal_info.user_base - n;
}

/* The part of a new thread that is IPC's. Context: nobody else knows t. */
void ipc_thread_init(struct thread *t);

/* The thread is about to die: give back cached receive port and reserved entry. Context: current thread or dead. */
void ipc_thread_cleanup(struct thread *t);

#endif
