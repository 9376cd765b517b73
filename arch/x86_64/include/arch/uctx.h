/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved user context.
 *
 * What every trap saves fills the first cache line; the argument registers, which the register form of RPC
 * never stores, come behind it.  Segment selectors are not part of a context: in 64-bit mode they mean
 * nothing to a program, and what they hold after an entry to the kernel is not defined.
 */
#ifndef ARCH_UCTX_H
#define ARCH_UCTX_H

#include <arch/offsets.h>
#include <hal/types.h>

struct uctx {
    uint64_t rbp, r14, r15;
    uint64_t kind; /* UCTX_CALL, UCTX_RESULT, UCTX_FULL */
    uint64_t rsp, rip;
    uint64_t fs_base;
    uint64_t rax; /* number of a trap (bits 32-63: mach/rpc.h), then its result */
    uint64_t rbx, r12, r13;
    uint64_t rdi, rsi, rdx, r8, r9, r10;
    uint64_t rcx, r11, rflags; /* full frames only */
    struct cpu *cpu;           /* that resumed it last */
} __attribute__((aligned(64)));

#define UCTX_ASSERT(field, offset) _Static_assert(offsetof(struct uctx, field) == (offset), "offsets.h")
UCTX_ASSERT(rbp, UCTX_RBP);
UCTX_ASSERT(r14, UCTX_R14);
UCTX_ASSERT(r15, UCTX_R15);
UCTX_ASSERT(kind, UCTX_KIND);
UCTX_ASSERT(rsp, UCTX_RSP);
UCTX_ASSERT(rip, UCTX_RIP);
UCTX_ASSERT(fs_base, UCTX_FS_BASE);
UCTX_ASSERT(rax, UCTX_RAX);
UCTX_ASSERT(rbx, UCTX_RBX);
UCTX_ASSERT(r12, UCTX_R12);
UCTX_ASSERT(r13, UCTX_R13);
UCTX_ASSERT(rdi, UCTX_RDI);
UCTX_ASSERT(rsi, UCTX_RSI);
UCTX_ASSERT(rdx, UCTX_RDX);
UCTX_ASSERT(r8, UCTX_R8);
UCTX_ASSERT(r9, UCTX_R9);
UCTX_ASSERT(r10, UCTX_R10);
UCTX_ASSERT(rcx, UCTX_RCX);
UCTX_ASSERT(r11, UCTX_R11);
UCTX_ASSERT(rflags, UCTX_RFLAGS);
UCTX_ASSERT(cpu, UCTX_CPU);

static inline bool arch_uctx_is_call(const struct uctx *u)
{
    return u->kind != UCTX_FULL;
}

static inline uint64_t hal_uctx_arg(const struct uctx *u, unsigned i)
{
    switch (i) {
    case 0:
        return u->rdi;
    case 1:
        return u->rsi;
    case 2:
        return u->rdx;
    case 3:
        return u->r8;
    case 4:
        return u->r9;
    case 5:
        return u->r10;
    default:
        return u->rbx;
    }
}

static inline void hal_uctx_set_result(struct uctx *u, uint64_t value)
{
    u->rax = value;
    u->kind = UCTX_RESULT;
}

static inline void hal_uctx_get_rpc(const struct uctx *u, struct hal_rpc *m)
{
    m->remote = (uint32_t)u->rdi;
    m->local = (uint32_t)(u->rdi >> 32);
    m->label = 0;
    m->header = u->rsi;
    m->more = (uint32_t)(u->rax >> 32);
    m->word[0] = u->r8;
    m->word[1] = u->r9;
    m->word[2] = u->r10;
    m->word[3] = u->rbx;
    m->word[4] = u->r12;
    m->word[5] = u->r13;
}

static inline void hal_uctx_set_rpc(struct uctx *u, const struct hal_rpc *m, uint64_t result)
{
    u->rdi = m->remote;
    u->rdx = m->label;
    u->rsi = m->header;
    u->r8 = m->word[0];
    u->r9 = m->word[1];
    u->r10 = m->word[2];
    u->rbx = m->word[3];
    u->r12 = m->word[4];
    u->r13 = m->word[5];
    u->rax = result;
    u->kind = UCTX_CALL;
}

#endif
