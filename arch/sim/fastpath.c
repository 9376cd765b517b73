/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of register-form RPC (ipc/ipc_fast.h) in plain C.  At entry the callee-saved registers, sp, tp, gp and pc
 * are in the current thread and the trap's arguments in the CPU's registers, as on every ISA.
 */
#include "machine.h"

#include <kern/thread.h>
#include <mach/rpc.h>

/* The payload goes from register to register: from this CPU's into the context that it resumes. */
static struct uctx *fast_exit(const struct rv64_regs *r, struct uctx *next, uint64_t name, uint64_t label,
                              uint64_t result)
{
    next->x[UCTX_A0] = name;
    next->x[UCTX_A1] = label;
    next->x[UCTX_A2] = result;
    next->x[UCTX_T2] = r->x[UCTX_T2] & ~(MACH_RPC_TIMED | MACH_RPC_APART);
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        next->x[uctx_word(i)] = r->x[uctx_word(i)];
    next->form = UCTX_MESSAGE;
    return next;
}

static uint64_t fast_flagged(bool reply, uint64_t flag);

#define IPC_FAST_ARGS                                                                                        \
    struct sim_cpu *machine = sim_this;                                                                      \
    struct thread *cur = (struct thread *)(void *)machine->uctx;                                             \
    uint64_t remote = machine->regs.x[UCTX_A0];                                                              \
    uint64_t local = (uint32_t)machine->regs.x[UCTX_A1];                                                     \
    uint64_t header = machine->regs.x[UCTX_T2] & ~flag;                                                      \
    uint64_t more = machine->regs.x[UCTX_A1] >> 32

#define IPC_FAST_SLOW(fresh) return 0
#define IPC_FAST_FLAGGED(other) return fast_flagged(reply, other)
#define IPC_FAST_NOW() hal_time_now()

#define IPC_FAST_EXIT(here, name, label, next) IPC_FAST_EXIT_MEMBER(here, name, label, next, 0)
#define IPC_FAST_EXIT_MEMBER(here, name, label, next, result)                                                \
    return (uint64_t)(uintptr_t)fast_exit(&machine->regs, &(next)->uctx, name, label, result)

#define IPC_FAST_SWAP(p, v) __atomic_exchange_n(p, v, __ATOMIC_ACQUIRE)

#define IPC_FAST_CAS(p, old, new, fail)                                                                      \
    do {                                                                                                     \
        uint64_t old_ = (old);                                                                               \
        if (!__atomic_compare_exchange_n(p, &old_, new, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))          \
            goto fail;                                                                                       \
    } while (0)

#define IPC_FAST_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define IPC_FAST_AND &&
#define IPC_FAST_AGAIN(kept, memory) (kept)
#define IPC_FAST_TOO_LONG(header) ((header) >> 32 > HAL_RPC_WORDS)

#define IPC_FAST_FPU true
#define IPC_FAST_FPU_SAVE(area) hal_fpu_save(area)
#define IPC_FAST_FPU_LOAD(area) hal_fpu_load(area)

#define IPC_FAST_MESSAGE_ARGS                                                                                \
    struct thread *cur = (struct thread *)(void *)sim_this->uctx;                                            \
    uint64_t address = hal_uctx_arg(&cur->uctx, 0), option = hal_uctx_arg(&cur->uctx, 1),                    \
             size = hal_uctx_arg(&cur->uctx, 2), name = hal_uctx_arg(&cur->uctx, 4)
/* The next ones can. */
#define IPC_FAST_READ(m, from, body, first, ports) ((first) = 0, (ports) = 0, HAL_FAULT)
#define IPC_FAST_WRITE(to, m, body, bits, name, port) HAL_FAULT
#define IPC_FAST_COPYIN(to, from, n, small) (HAL_USER_RANGE(from, n) ? hal_copyin(to, from, n) : HAL_FAULT)
#define IPC_FAST_COPYOUT(to, from, n, small) (HAL_USER_RANGE(to, n) ? hal_copyout(to, from, n) : HAL_FAULT)
#define IPC_FAST_RIGHT(of, step) kern_message_right(&(of)->uctx, step)
#define GOES_ON 1 /* no context: the trap of the CPU's goes on */
#define IPC_FAST_MESSAGE_GENERAL(going)                                                                      \
    do {                                                                                                     \
        sim_this->uctx = &(going)->uctx;                                                                     \
        return GOES_ON;                                                                                      \
    } while (0)
#define IPC_FAST_MESSAGE_EXIT(next)                                                                          \
    do {                                                                                                     \
        hal_uctx_set_result(&(next)->uctx, MACH_MSG_SUCCESS);                                                \
        return (uint64_t)(uintptr_t)(next);                                                                  \
    } while (0)

#include <ipc/ipc_fast.h>
#include <ipc/ipc_fast_message.h>

static uint64_t fast_flagged(bool reply, uint64_t flag)
{
    if (flag == MACH_RPC_APART)
        return ipc_fast_body(false, MACH_RPC_APART);
    return reply ? ipc_fast_body(true, MACH_RPC_TIMED) : ipc_fast_body(false, MACH_RPC_TIMED);
}

struct uctx *sim_fast_call(struct sim_cpu *cpu)
{
    (void)cpu;
    return (struct uctx *)(uintptr_t)ipc_fast_body(false, 0);
}

struct uctx *sim_fast_reply_wait(struct sim_cpu *cpu)
{
    (void)cpu;
    return (struct uctx *)(uintptr_t)ipc_fast_body(true, 0);
}

struct uctx *sim_fast_message(void)
{
    uint64_t next = ipc_fast_message_body();

    return next != GOES_ON ? (struct uctx *)(uintptr_t)next : NULL;
}
