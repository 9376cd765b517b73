/* SPDX-License-Identifier: BSD-2-Clause */
/* A user context: the registers of RISC-V, by their numbers, with its trap ABI (mach/rpc.h). */
#ifndef ARCH_UCTX_H
#define ARCH_UCTX_H

#include <hal/uctx.h>

enum uctx_form {
    UCTX_CALL,    /* call frame: callee-saved registers, sp, tp, gp and a2; the others resume as zero */
    UCTX_MESSAGE, /* the same with all argument registers */
    UCTX_FULL,    /* every register */
};

enum { /* numbers of registers */
       UCTX_RA = 1,
       UCTX_SP = 2,
       UCTX_GP = 3,
       UCTX_TP = 4,
       UCTX_T2 = 7,
       UCTX_A0 = 10,
       UCTX_A1 = 11,
       UCTX_A2 = 12,
       UCTX_A3 = 13,
       UCTX_A7 = 17,
       UCTX_T3 = 28,
       UCTX_REGS = 32
};

struct uctx {
    _Alignas(64) uint64_t x[UCTX_REGS]; /* x[0] is not used */
    uint64_t pc;
    enum uctx_form form;
};

/* Payload word i: a3 - a7, t3. */
static inline unsigned uctx_word(unsigned i)
{
    return i < HAL_RPC_WORDS - 1 ? UCTX_A3 + i : UCTX_T3;
}

static inline bool arch_uctx_is_call(const struct uctx *u)
{
    return u->form != UCTX_FULL;
}

static inline uint64_t hal_uctx_arg(const struct uctx *u, unsigned i)
{
    return u->x[i < 2 ? UCTX_A0 + i : UCTX_A3 + i - 2];
}

static inline void hal_uctx_set_result(struct uctx *u, uint64_t value)
{
    u->x[UCTX_A2] = value;
    u->form = UCTX_CALL;
}

static inline void hal_uctx_get_rpc(const struct uctx *u, struct hal_rpc *m)
{
    m->remote = (uint32_t)u->x[UCTX_A0];
    m->local = (uint32_t)u->x[UCTX_A1];
    m->label = 0;
    m->header = u->x[UCTX_T2];
    m->more = (uint32_t)(u->x[UCTX_A1] >> 32);
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m->word[i] = u->x[uctx_word(i)];
}

static inline void hal_uctx_set_rpc(struct uctx *u, const struct hal_rpc *m, uint64_t result)
{
    u->x[UCTX_A0] = m->remote;
    u->x[UCTX_A1] = m->label;
    u->x[UCTX_A2] = result;
    u->x[UCTX_T2] = m->header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        u->x[uctx_word(i)] = m->word[i];
    u->form = UCTX_MESSAGE;
}

#endif
