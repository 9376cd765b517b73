/* SPDX-License-Identifier: BSD-2-Clause */
/* The C extension: 16-bit instructions of RV64DC as the 32-bit instructions that they stand for. */
#include "rv64_i.h"

enum {
    OP_LOAD = 0x03,
    OP_LOAD_FP = 0x07,
    OP_IMM = 0x13,
    OP_IMM_32 = 0x1b,
    OP_STORE = 0x23,
    OP_STORE_FP = 0x27
};
enum { OP_REG = 0x33, OP_LUI = 0x37, OP_REG_32 = 0x3b, OP_BRANCH = 0x63, OP_JALR = 0x67, OP_JAL = 0x6f };

#define INSN_EBREAK 0x00100073u

/* `count` bits of `half` from bit `from`, at bit `to`. */
static inline uint32_t field(uint16_t half, unsigned from, unsigned count, unsigned to)
{
    return (half >> from & ((1u << count) - 1)) << to;
}

static inline uint32_t sign_extend(uint32_t value, unsigned bits)
{
    return (uint32_t)((int32_t)(value << (32 - bits)) >> (32 - bits));
}

static inline uint32_t type_r(uint32_t funct7, uint32_t rs2, uint32_t rs1, uint32_t funct3, uint32_t rd,
                              uint32_t opcode)
{
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static inline uint32_t type_i(uint32_t imm, uint32_t rs1, uint32_t funct3, uint32_t rd, uint32_t opcode)
{
    return imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static inline uint32_t type_s(uint32_t imm, uint32_t rs2, uint32_t rs1, uint32_t funct3, uint32_t opcode)
{
    return type_r(imm >> 5, rs2, rs1, funct3, imm & 31, opcode);
}

/* Registers x8 to x15 in three bits. */
static inline uint32_t low_rd(uint16_t half)
{
    return 8 + (half >> 2 & 7);
}

static inline uint32_t low_rs1(uint16_t half)
{
    return 8 + (half >> 7 & 7);
}

static inline uint32_t full_rd(uint16_t half)
{
    return half >> 7 & 31;
}

static inline uint32_t full_rs2(uint16_t half)
{
    return half >> 2 & 31;
}

static inline uint32_t imm6(uint16_t half)
{
    return sign_extend(field(half, 12, 1, 5) | field(half, 2, 5, 0), 6);
}

/* c.addi4spn, loads and stores by pointer */
static uint32_t quadrant0(uint16_t half)
{
    uint32_t rd = low_rd(half), rs1 = low_rs1(half);
    uint32_t word = field(half, 10, 3, 3) | field(half, 6, 1, 2) | field(half, 5, 1, 6);
    uint32_t dword = field(half, 10, 3, 3) | field(half, 5, 2, 6);
    uint32_t imm;

    switch (half >> 13) {
    case 0:
        imm = field(half, 11, 2, 4) | field(half, 7, 4, 6) | field(half, 6, 1, 2) | field(half, 5, 1, 3);
        return imm == 0 ? 0 : type_i(imm, 2, 0, rd, OP_IMM);
    case 1:
        return type_i(dword, rs1, 3, rd, OP_LOAD_FP);
    case 2:
        return type_i(word, rs1, 2, rd, OP_LOAD);
    case 3:
        return type_i(dword, rs1, 3, rd, OP_LOAD);
    case 5:
        return type_s(dword, rd, rs1, 3, OP_STORE_FP);
    case 6:
        return type_s(word, rd, rs1, 2, OP_STORE);
    case 7:
        return type_s(dword, rd, rs1, 3, OP_STORE);
    default:
        return 0;
    }
}

/* c.srli c.srai c.andi c.sub c.xor c.or c.and c.subw c.addw */
static uint32_t arithmetic(uint16_t half)
{
    static const unsigned char funct3[4] = {0, 4, 6, 7};
    uint32_t rd = low_rs1(half), rs2 = low_rd(half), which = half >> 5 & 3;
    uint32_t shift = imm6(half) & 63;

    switch (half >> 10 & 3) {
    case 0:
        return type_i(shift, rd, 5, rd, OP_IMM);
    case 1:
        return type_i(0x400 | shift, rd, 5, rd, OP_IMM);
    case 2:
        return type_i(imm6(half), rd, 7, rd, OP_IMM);
    default:
        break;
    }
    if (half >> 12 & 1)
        return which > 1 ? 0 : type_r(which == 0 ? 0x20 : 0, rs2, rd, 0, rd, OP_REG_32);
    return type_r(which == 0 ? 0x20 : 0, rs2, rd, funct3[which], rd, OP_REG);
}

static uint32_t jump(uint16_t half)
{
    uint32_t imm = sign_extend(field(half, 12, 1, 11) | field(half, 11, 1, 4) | field(half, 9, 2, 8) |
                                   field(half, 8, 1, 10) | field(half, 7, 1, 6) | field(half, 6, 1, 7) |
                                   field(half, 3, 3, 1) | field(half, 2, 1, 5),
                               12);

    return (imm & 0x100000) << 11 | (imm & 0x7fe) << 20 | (imm & 0x800) << 9 | (imm & 0xff000) | OP_JAL;
}

static uint32_t branch(uint16_t half, uint32_t funct3)
{
    uint32_t imm = sign_extend(field(half, 12, 1, 8) | field(half, 10, 2, 3) | field(half, 5, 2, 6) |
                                   field(half, 3, 2, 1) | field(half, 2, 1, 5),
                               9);

    return (imm & 0x1000) << 19 | (imm & 0x7e0) << 20 | low_rs1(half) << 15 | funct3 << 12 |
           (imm & 0x1e) << 7 | (imm & 0x800) >> 4 | OP_BRANCH;
}

/* c.lui and, where its register would be sp, c.addi16sp */
static uint32_t upper(uint16_t half)
{
    uint32_t rd = full_rd(half), imm;

    if (imm6(half) == 0)
        return 0;
    if (rd != 2)
        return imm6(half) << 12 | rd << 7 | OP_LUI;
    imm = sign_extend(field(half, 12, 1, 9) | field(half, 6, 1, 4) | field(half, 5, 1, 6) |
                          field(half, 3, 2, 7) | field(half, 2, 1, 5),
                      10);
    return type_i(imm, 2, 0, 2, OP_IMM);
}

static uint32_t quadrant1(uint16_t half)
{
    uint32_t rd = full_rd(half);

    switch (half >> 13) {
    case 0: /* c.addi c.nop */
        return type_i(imm6(half), rd, 0, rd, OP_IMM);
    case 1:
        return rd == 0 ? 0 : type_i(imm6(half), rd, 0, rd, OP_IMM_32);
    case 2: /* c.li */
        return type_i(imm6(half), 0, 0, rd, OP_IMM);
    case 3:
        return upper(half);
    case 4:
        return arithmetic(half);
    case 5:
        return jump(half);
    case 6:
        return branch(half, 0);
    default:
        return branch(half, 1);
    }
}

/* c.jr c.mv c.ebreak c.jalr c.add */
static uint32_t move_or_jump(uint16_t half)
{
    uint32_t rd = full_rd(half), rs2 = full_rs2(half);
    bool add = half >> 12 & 1;

    if (rs2 != 0)
        return type_r(0, rs2, add ? rd : 0, 0, rd, OP_REG);
    if (rd != 0)
        return type_i(0, rd, 0, add ? 1 : 0, OP_JALR);
    return add ? INSN_EBREAK : 0;
}

/* c.slli, loads and stores on the stack, and the above */
static uint32_t quadrant2(uint16_t half)
{
    uint32_t rd = full_rd(half), rs2 = full_rs2(half);
    uint32_t load_word = field(half, 12, 1, 5) | field(half, 4, 3, 2) | field(half, 2, 2, 6);
    uint32_t load_dword = field(half, 12, 1, 5) | field(half, 5, 2, 3) | field(half, 2, 3, 6);
    uint32_t store_word = field(half, 9, 4, 2) | field(half, 7, 2, 6);
    uint32_t store_dword = field(half, 10, 3, 3) | field(half, 7, 3, 6);

    switch (half >> 13) {
    case 0:
        return type_i(imm6(half) & 63, rd, 1, rd, OP_IMM);
    case 1:
        return type_i(load_dword, 2, 3, rd, OP_LOAD_FP);
    case 2:
        return rd == 0 ? 0 : type_i(load_word, 2, 2, rd, OP_LOAD);
    case 3:
        return rd == 0 ? 0 : type_i(load_dword, 2, 3, rd, OP_LOAD);
    case 4:
        return move_or_jump(half);
    case 5:
        return type_s(store_dword, rs2, 2, 3, OP_STORE_FP);
    case 6:
        return type_s(store_word, rs2, 2, 2, OP_STORE);
    default:
        return type_s(store_dword, rs2, 2, 3, OP_STORE);
    }
}

uint32_t rv64_expand(uint16_t half)
{
    switch (half & 3) {
    case 0:
        return quadrant0(half);
    case 1:
        return quadrant1(half);
    default:
        return quadrant2(half);
    }
}
