/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User contexts and vector state.  A call frame holds what the contract says and poison elsewhere, so that whoever reads
 * a register that is not there sees that.
 */
#include "machine.h"

#include <mach/riscv64/thread_status.h>
#include <string.h>

#define ECALL_SIZE 4u
#define POISON 0xdeadc0de5eed0000ull

struct fpu_area {
    uint64_t f[32];
    uint64_t fcsr;
};
_Static_assert(sizeof(struct fpu_area) <= FPU_SIZE, "an area holds the state");

/* x8, x9, x18 - x27 by the ABI; sp, gp and tp are kept like them. */
static bool is_callee_saved(unsigned i)
{
    return (i >= UCTX_SP && i <= UCTX_TP) || i == 8 || i == 9 || (i >= 18 && i <= 27);
}

static bool is_argument(unsigned i)
{
    return (i >= UCTX_A0 && i <= UCTX_A7) || i == UCTX_T2 || i == UCTX_T3;
}

/* ---- entry and exit ---- */

void sim_save_callee(struct uctx *u, const struct rv64_regs *r)
{
    for (unsigned i = 0; i < UCTX_REGS; i++)
        u->x[i] = is_callee_saved(i) ? r->x[i] : POISON | i;
    u->pc = r->pc;
    u->form = UCTX_CALL;
}

void sim_save_arguments(struct uctx *u, const struct rv64_regs *r)
{
    for (unsigned i = 0; i < UCTX_REGS; i++)
        if (is_argument(i))
            u->x[i] = r->x[i];
}

void sim_save_full(struct uctx *u, const struct rv64_regs *r)
{
    memcpy(u->x, r->x, sizeof u->x);
    u->pc = r->pc;
    u->form = UCTX_FULL;
}

void sim_load_registers(struct rv64_regs *r, const struct uctx *u)
{
    r->x[0] = 0;
    for (unsigned i = 1; i < UCTX_REGS; i++) {
        bool loaded = u->form == UCTX_FULL || is_callee_saved(i) || i == UCTX_A2 ||
                      (u->form == UCTX_MESSAGE && is_argument(i));
        r->x[i] = loaded ? u->x[i] : 0;
    }
    r->pc = u->pc;
    r->reserved = false;
}

/* ---- HAL ---- */

void hal_uctx_init(struct uctx *u, hal_va_t pc, hal_va_t sp, hal_va_t tls, uint64_t arg)
{
    *u = (struct uctx){.form = UCTX_FULL, .pc = pc};
    u->x[UCTX_SP] = sp;
    u->x[UCTX_TP] = tls;
    u->x[UCTX_A0] = arg;
}

void hal_uctx_restart(struct uctx *u)
{
    HAL_REQUIRE(u->form == UCTX_CALL);

    u->pc -= ECALL_SIZE;
    u->form = UCTX_MESSAGE; /* all argument registers, a2 = the number among them */
}

enum hal_status hal_uctx_set_tls(struct uctx *u, hal_va_t tls)
{
    if (tls > hal_info.user_limit)
        return HAL_INVALID;
    u->x[UCTX_TP] = tls;
    return HAL_OK;
}

void hal_uctx_where(const struct uctx *u, hal_va_t *pc, hal_va_t *sp)
{
    *pc = u->pc;
    *sp = u->x[UCTX_SP];
}

/* struct riscv64_thread_state is pc and x1 - x31, so word i is register i, and word 0 is pc. */
_Static_assert(sizeof(struct riscv64_thread_state) == UCTX_REGS * sizeof(uint64_t) &&
                   offsetof(struct riscv64_thread_state, a0) == UCTX_A0 * sizeof(uint64_t) &&
                   offsetof(struct riscv64_thread_state, t3) == UCTX_T3 * sizeof(uint64_t),
               "by number");

kern_return_t hal_uctx_get_state(const struct uctx *u, int flavor, uint32_t *state, uint32_t *count)
{
    uint64_t words[UCTX_REGS] = {u->pc};

    if (flavor != RISCV64_THREAD_STATE || *count < RISCV64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    for (unsigned i = 1; i < UCTX_REGS; i++)
        if (u->form == UCTX_FULL || is_callee_saved(i) || is_argument(i))
            words[i] = u->x[i];
    memcpy(state, words, sizeof words);
    *count = RISCV64_THREAD_STATE_COUNT;
    return KERN_SUCCESS;
}

kern_return_t hal_uctx_set_state(struct uctx *u, int flavor, const uint32_t *state, uint32_t count)
{
    uint64_t words[UCTX_REGS];

    if (flavor != RISCV64_THREAD_STATE || count != RISCV64_THREAD_STATE_COUNT)
        return KERN_INVALID_ARGUMENT;
    memcpy(words, state, sizeof words);
    if (words[0] % 2 != 0 || words[0] >= hal_info.user_limit)
        return KERN_INVALID_ARGUMENT;
    *u = (struct uctx){.form = UCTX_FULL, .pc = words[0]};
    for (unsigned i = 1; i < UCTX_REGS; i++)
        u->x[i] = words[i];
    return KERN_SUCCESS;
}

/* ---- vector state ---- */

void hal_fpu_init(void *area)
{
    memset(area, 0, FPU_SIZE);
}

void hal_fpu_load(const void *area)
{
    const struct fpu_area *from = area;
    struct rv64_regs *r = &sim_this->regs;

    HAL_REQUIRE(!r->fp_on);
    memcpy(r->f, from->f, sizeof r->f);
    r->fcsr = (uint32_t)from->fcsr;
    r->fp_on = true;
}

void hal_fpu_save(void *area)
{
    struct fpu_area *to = area;
    struct rv64_regs *r = &sim_this->regs;

    HAL_REQUIRE(r->fp_on);
    if (to != NULL) {
        memcpy(to->f, r->f, sizeof r->f);
        to->fcsr = r->fcsr;
    }
    memset(r->f, 0xdf, sizeof r->f);
    r->fp_on = false;
}
