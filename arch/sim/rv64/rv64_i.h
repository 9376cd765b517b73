/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the interpreter share: fields of an instruction, access to memory. */
#ifndef SIM_RV64_I_H
#define SIM_RV64_I_H

#include "rv64.h"

#include <stddef.h>

/* One run: the instruction at r->pc is `insn`, and `next` is where execution goes on unless the instruction stops. */
struct rv64_hart {
    struct rv64_regs *r;
    const struct rv64_bus *bus;
    uint32_t insn;
    uint64_t next;
    const unsigned char *code; /* host address of the page at `code_va`, from translate(); NULL: none yet */
    uint64_t code_va;
};

/* What an instruction function returns when the instruction is complete. No run ends with it. */
#define RV64_DONE RV64_BUDGET

static inline unsigned rv64_rd(uint32_t insn)
{
    return insn >> 7 & 31;
}

static inline unsigned rv64_rs1(uint32_t insn)
{
    return insn >> 15 & 31;
}

static inline unsigned rv64_rs2(uint32_t insn)
{
    return insn >> 20 & 31;
}

static inline unsigned rv64_funct3(uint32_t insn)
{
    return insn >> 12 & 7;
}

static inline unsigned rv64_funct7(uint32_t insn)
{
    return insn >> 25;
}

static inline uint64_t rv64_sext32(uint64_t value)
{
    return (uint64_t)(int32_t)(uint32_t)value;
}

static inline uint64_t rv64_imm_i(uint32_t insn)
{
    return (uint64_t)((int32_t)insn >> 20);
}

static inline uint64_t rv64_imm_s(uint32_t insn)
{
    return (uint64_t)((int32_t)(insn & 0xfe000000) >> 20) | rv64_rd(insn);
}

/* Write an integer register. */
static inline void rv64_set(struct rv64_hart *h, unsigned rd, uint64_t value)
{
    h->r->x[rd] = value;
    h->r->x[0] = 0;
}

static inline enum rv64_stop rv64_stop_at(struct rv64_hart *h, enum rv64_stop reason, uint64_t tval)
{
    h->r->tval = tval;
    return reason;
}

/*
 * Read `size` (1, 2, 4, 8) bytes at `va`, zero-extended, or write them.
 * Returns: RV64_DONE, or the stop, and then nothing was written.
 */
enum rv64_stop rv64_load(struct rv64_hart *h, uint64_t va, unsigned size, uint64_t *value);
enum rv64_stop rv64_store(struct rv64_hart *h, uint64_t va, unsigned size, uint64_t value);

/* The 32-bit instruction that the 16-bit instruction `half` stands for; 0 if it is illegal. */
uint32_t rv64_expand(uint16_t half);

/* Instructions of the A extension (opcode AMO). */
enum rv64_stop rv64_atomic(struct rv64_hart *h);

/* Instructions of F and D: opcodes LOAD-FP, STORE-FP, the four fused ones, OP-FP. r->fp_on. */
enum rv64_stop rv64_float_load(struct rv64_hart *h);
enum rv64_stop rv64_float_store(struct rv64_hart *h);
enum rv64_stop rv64_float_fused(struct rv64_hart *h);
enum rv64_stop rv64_float_op(struct rv64_hart *h);

#endif
