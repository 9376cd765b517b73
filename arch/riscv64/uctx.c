/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User contexts.  No register of a user is privileged: user mode and masks are in sstatus, which is the CPU's, not
 * the context's.  So every value is safe to resume with; only a pc that can't be executed is refused.
 */
#include "machine.h"

#include <arch/uctx.h>
#include <mach/riscv64/thread_status.h>

#define ECALL_SIZE 4u

void hal_uctx_init(struct uctx *u, hal_va_t pc, hal_va_t sp, hal_va_t tls, uint64_t arg)
{
    *u = (struct uctx){.form = UCTX_FULL, .pc = pc, .sp = sp, .tp = tls, .a0 = arg};
}

void hal_uctx_restart(struct uctx *u)
{
    HAL_REQUIRE(u->form == UCTX_CALL);

    u->pc -= ECALL_SIZE;
    u->form = UCTX_MESSAGE; /* all argument registers, a2 = the number among them */
    u->cpu = NULL;
}

enum hal_status hal_uctx_set_tls(struct uctx *u, hal_va_t tls)
{
    if (tls > hal_info.user_limit)
        return HAL_INVALID;
    u->tp = tls;
    return HAL_OK;
}

void hal_uctx_where(const struct uctx *u, hal_va_t *pc, hal_va_t *sp)
{
    *pc = u->pc;
    *sp = u->sp;
}

kern_return_t hal_uctx_get_state(const struct uctx *u, int flavor, uint32_t *state, uint32_t *count)
{
    if (flavor != RISCV64_THREAD_STATE || *count < RISCV64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;

    bool full = u->form == UCTX_FULL;
    struct riscv64_thread_state s = {
        .pc = u->pc,
        .sp = u->sp,
        .gp = u->gp,
        .tp = u->tp,
        .s0 = u->s[0],
        .s1 = u->s[1],
        .s2 = u->s[2],
        .s3 = u->s[3],
        .s4 = u->s[4],
        .s5 = u->s[5],
        .s6 = u->s[6],
        .s7 = u->s[7],
        .s8 = u->s[8],
        .s9 = u->s[9],
        .s10 = u->s[10],
        .s11 = u->s[11],
        .a0 = u->a0,
        .a1 = u->a1,
        .a2 = u->a2,
        .a3 = u->payload[0],
        .a4 = u->payload[1],
        .a5 = u->payload[2],
        .a6 = u->payload[3],
        .a7 = u->payload[4],
        .t3 = u->payload[5],
        .t2 = u->t2,
        .t0 = full ? u->t0 : 0,
        .t1 = full ? u->t1 : 0,
        .t4 = full ? u->t4 : 0,
        .t5 = full ? u->t5 : 0,
        .t6 = full ? u->t6 : 0,
        .ra = full ? u->ra : 0,
    };
    __builtin_memcpy(state, &s, sizeof s);
    *count = RISCV64_THREAD_STATE_COUNT;
    return KERN_SUCCESS;
}

kern_return_t hal_uctx_set_state(struct uctx *u, int flavor, const uint32_t *state, uint32_t count)
{
    struct riscv64_thread_state s;

    if (flavor != RISCV64_THREAD_STATE || count != RISCV64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    __builtin_memcpy(&s, state, sizeof s);
    if (s.pc % 2 != 0 || s.pc >= hal_info.user_limit)
        return KERN_INVALID_ARGUMENT;

    *u = (struct uctx){
        .form = UCTX_FULL,
        .pc = s.pc,
        .sp = s.sp,
        .gp = s.gp,
        .tp = s.tp,
        .ra = s.ra,
        .s = {s.s0, s.s1, s.s2, s.s3, s.s4, s.s5, s.s6, s.s7, s.s8, s.s9, s.s10, s.s11},
        .a0 = s.a0,
        .a1 = s.a1,
        .a2 = s.a2,
        .payload = {s.a3, s.a4, s.a5, s.a6, s.a7, s.t3},
        .t0 = s.t0,
        .t1 = s.t1,
        .t2 = s.t2,
        .t4 = s.t4,
        .t5 = s.t5,
        .t6 = s.t6,
    };
    return KERN_SUCCESS;
}
