/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A user context of riscv64.  sscratch holds its address while its thread runs in user mode, so that trap entry
 * stores registers straight into it.
 *
 * `form` says what resuming loads.  Entry from user mode finds UCTX_CALL there (every resume leaves it so), hence a
 * trap need not write it; a fault or an interrupt sets UCTX_FULL.
 *
 * `cpu` is the CPU that resumed the context last.  Out of user mode it is NULL unless the form is UCTX_CALL: one comparison at
 * the end of a trap tells that the context is still what this CPU saved.
 */
#ifndef ARCH_UCTX_H
#define ARCH_UCTX_H

#define UCTX_S(n) ((n) * 8)
#define UCTX_SP 96
#define UCTX_PC 104
#define UCTX_TP 112
#define UCTX_GP 120
#define UCTX_FORM 128
#define UCTX_CPU 136
#define UCTX_A0 144
#define UCTX_A1 152
#define UCTX_A2 160
#define UCTX_A3 168
#define UCTX_A4 176
#define UCTX_A5 184
#define UCTX_A6 192
#define UCTX_A7 200
#define UCTX_T3 208
#define UCTX_T2 216
#define UCTX_T0 224
#define UCTX_T1 232
#define UCTX_T4 240
#define UCTX_T5 248
#define UCTX_T6 256
#define UCTX_RA 264

#define UCTX_CALL 0    /* call frame: callee-saved registers, sp, pc, tp, gp and a2; the others become zero */
#define UCTX_MESSAGE 1 /* the same with all argument registers */
#define UCTX_FULL 2    /* every register */

#ifndef __ASSEMBLER__
#include <hal/uctx.h>

struct hal_cpu;

struct uctx {
    _Alignas(64) uint64_t s[12];
    uint64_t sp, pc, tp, gp;
    uint64_t form;
    struct hal_cpu *cpu;
    uint64_t a0, a1, a2;
    uint64_t payload[HAL_RPC_WORDS]; /* a3 - a7, t3 */
    uint64_t t2;
    uint64_t t0, t1, t4, t5, t6, ra;
};

_Static_assert(offsetof(struct uctx, sp) == UCTX_SP && offsetof(struct uctx, pc) == UCTX_PC &&
                   offsetof(struct uctx, tp) == UCTX_TP && offsetof(struct uctx, gp) == UCTX_GP &&
                   offsetof(struct uctx, form) == UCTX_FORM && offsetof(struct uctx, cpu) == UCTX_CPU &&
                   offsetof(struct uctx, a0) == UCTX_A0 && offsetof(struct uctx, a2) == UCTX_A2 &&
                   offsetof(struct uctx, payload) == UCTX_A3 &&
                   offsetof(struct uctx, payload[5]) == UCTX_T3 && offsetof(struct uctx, t2) == UCTX_T2 &&
                   offsetof(struct uctx, t0) == UCTX_T0 && offsetof(struct uctx, t4) == UCTX_T4 &&
                   offsetof(struct uctx, ra) == UCTX_RA,
               "used by assembly");

static inline bool arch_uctx_is_call(const struct uctx *u)
{
    return u->form != UCTX_FULL;
}

static inline uint64_t hal_uctx_arg(const struct uctx *u, unsigned i)
{
    switch (i) {
    case 0:
        return u->a0;
    case 1:
        return u->a1;
    default:
        return u->payload[i - 2];
    }
}

static inline void hal_uctx_set_result(struct uctx *u, uint64_t value)
{
    u->a2 = value;
    u->form = UCTX_CALL;
}

static inline void hal_uctx_get_rpc(const struct uctx *u, struct hal_rpc *m)
{
    m->remote = (uint32_t)u->a0;
    m->local = (uint32_t)u->a1;
    m->label = 0;
    m->header = u->t2;
    m->more = (uint32_t)(u->a1 >> 32);
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m->word[i] = u->payload[i];
}

static inline void hal_uctx_set_rpc(struct uctx *u, const struct hal_rpc *m, uint64_t result)
{
    u->a0 = m->remote;
    u->a1 = m->label;
    u->a2 = result;
    u->t2 = m->header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        u->payload[i] = m->word[i];
    u->form = UCTX_MESSAGE;
    u->cpu = NULL;
}
#endif

#endif
