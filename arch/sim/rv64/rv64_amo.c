/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomics of RISC-V, by the host's, all of them sequentially consistent.  A reservation is the value that lr saw: sc is
 * a compare-and-swap.
 */
#include "rv64_i.h"

enum { AMO_ADD = 0, AMO_SWAP = 1, LR = 2, SC = 3, AMO_XOR = 4, AMO_OR = 8, AMO_AND = 12 };
enum { AMO_MIN = 16, AMO_MAX = 20, AMO_MINU = 24, AMO_MAXU = 28 };

/* What the operation stores. 32-bit operands come sign-extended, which keeps the order of unsigned ones too. */
static uint64_t combine(unsigned function, uint64_t old, uint64_t operand)
{
    switch (function) {
    case AMO_ADD:
        return old + operand;
    case AMO_SWAP:
        return operand;
    case AMO_XOR:
        return old ^ operand;
    case AMO_OR:
        return old | operand;
    case AMO_AND:
        return old & operand;
    case AMO_MIN:
        return (int64_t)old < (int64_t)operand ? old : operand;
    case AMO_MAX:
        return (int64_t)old > (int64_t)operand ? old : operand;
    case AMO_MINU:
        return old < operand ? old : operand;
    default:
        return old > operand ? old : operand;
    }
}

static bool valid(uint32_t insn)
{
    unsigned function = insn >> 27, funct3 = rv64_funct3(insn);

    if (funct3 != 2 && funct3 != 3)
        return false;
    return (function <= AMO_XOR || (function % 4 == 0 && function <= AMO_MAXU)) &&
           !(function == LR && rv64_rs2(insn) != 0);
}

static uint64_t read_word(const void *p, unsigned size)
{
    return size == 4 ? rv64_sext32(__atomic_load_n((const uint32_t *)p, __ATOMIC_SEQ_CST))
                     : __atomic_load_n((const uint64_t *)p, __ATOMIC_SEQ_CST);
}

/* Replace `old` (sign-extended) by `value`; false: it was not there. */
static bool replace(void *p, unsigned size, uint64_t old, uint64_t value)
{
    if (size == 4) {
        uint32_t expected = (uint32_t)old;
        return __atomic_compare_exchange_n((uint32_t *)p, &expected, (uint32_t)value, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }
    return __atomic_compare_exchange_n((uint64_t *)p, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

enum rv64_stop rv64_atomic(struct rv64_hart *h)
{
    struct rv64_regs *r = h->r;
    unsigned function = h->insn >> 27, size = 1u << rv64_funct3(h->insn);
    bool reads = function == LR;

    if (!valid(h->insn))
        return RV64_ILLEGAL;
    uint64_t va = r->x[rv64_rs1(h->insn)];
    if (va % size != 0)
        return rv64_stop_at(h, reads ? RV64_LOAD_MISALIGNED : RV64_STORE_MISALIGNED, va);
    void *p = h->bus->translate(h->bus->context, va, reads ? RV64_READ : RV64_WRITE);
    if (p == NULL)
        return rv64_stop_at(h, reads ? RV64_LOAD_FAULT : RV64_STORE_FAULT, va);

    uint64_t operand = size == 4 ? rv64_sext32(r->x[rv64_rs2(h->insn)]) : r->x[rv64_rs2(h->insn)];
    uint64_t result;
    if (function == LR) {
        result = read_word(p, size);
        r->reserved = true;
        r->reserved_va = va;
        r->reserved_value = result;
    } else if (function == SC) {
        result = !(r->reserved && r->reserved_va == va && replace(p, size, r->reserved_value, operand));
        r->reserved = false;
    } else {
        do
            result = read_word(p, size);
        while (!replace(p, size, result, combine(function, result, operand)));
    }
    rv64_set(h, rv64_rd(h->insn), result);
    return RV64_DONE;
}
