/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved user context.  While a CPU runs user code its SP_EL1 is the address of the context, so that an
 * entry saves registers straight into it (vectors.S).
 *
 * What every entry saves fills the first two cache lines; the argument registers, which the register form of
 * RPC never stores, come next.
 */
#ifndef ARCH_UCTX_H
#define ARCH_UCTX_H

#include <arch/offsets.h>
#include <hal/types.h>

struct uctx {
    uint64_t x19[10]; /* x19 - x28 */
    uint64_t fp;      /* x29 */
    uint64_t sp;      /* SP_EL0 */
    uint64_t pc;      /* ELR_EL1 */
    uint64_t tls;     /* TPIDR_EL0 */
    uint64_t x8;      /* result of a trap */
    uint64_t kind;    /* UCTX_CALL, UCTX_RPC, UCTX_FULL */
    uint64_t x0[8];   /* x0 - x7 */
    uint64_t x9[10];  /* x9 - x18 */
    uint64_t lr;      /* x30 */
    uint64_t pstate;  /* SPSR_EL1; a call frame does not keep it */
    uint64_t zero[2]; /* always 0: clears two registers with one load */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct uctx, x19) == UCTX_X19, "offsets.h");
_Static_assert(offsetof(struct uctx, fp) == UCTX_FP, "offsets.h");
_Static_assert(offsetof(struct uctx, pc) == UCTX_PC, "offsets.h");
_Static_assert(offsetof(struct uctx, x8) == UCTX_X8, "offsets.h");
_Static_assert(offsetof(struct uctx, kind) == UCTX_KIND, "offsets.h");
_Static_assert(offsetof(struct uctx, x0) == UCTX_X0, "offsets.h");
_Static_assert(offsetof(struct uctx, x9) == UCTX_X9, "offsets.h");
_Static_assert(offsetof(struct uctx, x9[7]) == UCTX_X16, "offsets.h");
_Static_assert(offsetof(struct uctx, x9[9]) == UCTX_X18, "offsets.h");
_Static_assert(offsetof(struct uctx, pstate) == UCTX_SPSR, "offsets.h");
_Static_assert(offsetof(struct uctx, zero) == UCTX_ZERO, "offsets.h");

static inline bool arch_uctx_is_call(const struct uctx *u)
{
    return u->kind != UCTX_FULL;
}

static inline uint64_t hal_uctx_arg(const struct uctx *u, unsigned i)
{
    return u->x0[i];
}

static inline void hal_uctx_set_result(struct uctx *u, uint64_t value)
{
    u->x8 = value;
    u->kind = UCTX_CALL;
}

static inline void hal_uctx_get_rpc(const struct uctx *u, struct hal_rpc *m)
{
    m->remote = (uint32_t)u->x0[0];
    m->local = (uint32_t)u->x0[1];
    m->label = 0;
    m->header = u->x9[0];
    m->more = (uint32_t)(u->x0[1] >> 32);
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m->word[i] = u->x0[2 + i];
}

static inline void hal_uctx_set_rpc(struct uctx *u, const struct hal_rpc *m, uint64_t result)
{
    u->x0[0] = m->remote;
    u->x0[1] = m->label;
    u->x9[0] = m->header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        u->x0[2 + i] = m->word[i];
    u->x8 = result;
    u->kind = UCTX_RPC;
}

#endif
