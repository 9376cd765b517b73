/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interpreter of RISC-V user mode: fetch, integer instructions, memory, control registers.
 *
 * One function for each major opcode decodes, checks, and only then writes a register or memory; so a stop leaves
 * everything as it was.  The page that pc is in is translated once per run and page: rv64.h says that this is good.
 */
#include "rv64_i.h"

#include <string.h>

enum opcode { /* bits 6-2; bits 1-0 are 3 in all of them */
              LOAD = 0,
              LOAD_FP = 1,
              MISC_MEM = 3,
              OP_IMM = 4,
              AUIPC = 5,
              OP_IMM_32 = 6,
              STORE = 8,
              STORE_FP = 9,
              AMO = 11,
              OP = 12,
              LUI = 13,
              OP_32 = 14,
              MADD = 16,
              MSUB = 17,
              NMSUB = 18,
              NMADD = 19,
              OP_FP = 20,
              BRANCH = 24,
              JALR = 25,
              JAL = 27,
              SYSTEM = 28,
};

#define INSN_ECALL 0x00000073u
#define INSN_EBREAK 0x00100073u

/* ---- Memory ---- */

/* An aligned access is one atomic access of the host, so that CPUs that are host threads see no halves. */
static inline uint64_t read_aligned(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
    case 2:
        return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
    case 4:
        return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
    default:
        return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
    }
}

static inline void write_aligned(void *p, unsigned size, uint64_t value)
{
    switch (size) {
    case 1:
        __atomic_store_n((uint8_t *)p, (uint8_t)value, __ATOMIC_RELAXED);
        break;
    case 2:
        __atomic_store_n((uint16_t *)p, (uint16_t)value, __ATOMIC_RELAXED);
        break;
    case 4:
        __atomic_store_n((uint32_t *)p, (uint32_t)value, __ATOMIC_RELAXED);
        break;
    default:
        __atomic_store_n((uint64_t *)p, value, __ATOMIC_RELAXED);
        break;
    }
}

/*
 * The host addresses of the bytes at va: the first `*split` of them at part[0], the others, behind the end of the
 * page, at part[1].  Returns false, with tval set, if one of them is refused.
 */
static bool translate_split(struct rv64_hart *h, uint64_t va, unsigned size, enum rv64_access access,
                            unsigned char *part[2], unsigned *split)
{
    uint64_t left = RV64_PAGE - va % RV64_PAGE;

    *split = left < size ? (unsigned)left : size;
    h->r->tval = va;
    part[0] = h->bus->translate(h->bus->context, va, access);
    part[1] = NULL;
    if (part[0] == NULL)
        return false;
    if (*split == size)
        return true;
    h->r->tval = va + left;
    part[1] = h->bus->translate(h->bus->context, va + left, access);
    return part[1] != NULL;
}

static enum rv64_stop load_misaligned(struct rv64_hart *h, uint64_t va, unsigned size, uint64_t *value)
{
    unsigned char *part[2];
    unsigned split;

    if (!translate_split(h, va, size, RV64_READ, part, &split))
        return RV64_LOAD_FAULT;
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        const unsigned char *p = i < split ? part[0] + i : part[1] + (i - split);
        *value |= read_aligned(p, 1) << 8 * i;
    }
    return RV64_DONE;
}

static enum rv64_stop store_misaligned(struct rv64_hart *h, uint64_t va, unsigned size, uint64_t value)
{
    unsigned char *part[2];
    unsigned split;

    if (!translate_split(h, va, size, RV64_WRITE, part, &split))
        return RV64_STORE_FAULT;
    for (unsigned i = 0; i < size; i++)
        write_aligned(i < split ? part[0] + i : part[1] + (i - split), 1, value >> 8 * i);
    return RV64_DONE;
}

enum rv64_stop rv64_load(struct rv64_hart *h, uint64_t va, unsigned size, uint64_t *value)
{
    if (va % size != 0)
        return load_misaligned(h, va, size, value);

    const void *p = h->bus->translate(h->bus->context, va, RV64_READ);
    if (p == NULL)
        return rv64_stop_at(h, RV64_LOAD_FAULT, va);
    *value = read_aligned(p, size);
    return RV64_DONE;
}

enum rv64_stop rv64_store(struct rv64_hart *h, uint64_t va, unsigned size, uint64_t value)
{
    if (va % size != 0)
        return store_misaligned(h, va, size, value);

    void *p = h->bus->translate(h->bus->context, va, RV64_WRITE);
    if (p == NULL)
        return rv64_stop_at(h, RV64_STORE_FAULT, va);
    write_aligned(p, size, value);
    return RV64_DONE;
}

static enum rv64_stop op_load(struct rv64_hart *h)
{
    static const unsigned char sizes[8] = {1, 2, 4, 8, 1, 2, 4, 0}; /* lb lh lw ld lbu lhu lwu - */
    unsigned funct3 = rv64_funct3(h->insn);
    unsigned size = sizes[funct3];
    uint64_t value;

    if (size == 0)
        return RV64_ILLEGAL;
    uint64_t va = h->r->x[rv64_rs1(h->insn)] + rv64_imm_i(h->insn);
    enum rv64_stop stop = rv64_load(h, va, size, &value);
    if (stop != RV64_DONE)
        return stop;
    if (funct3 < 3) { /* signed */
        unsigned unused = 64 - 8 * size;
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    }
    rv64_set(h, rv64_rd(h->insn), value);
    return RV64_DONE;
}

static enum rv64_stop op_store(struct rv64_hart *h)
{
    unsigned funct3 = rv64_funct3(h->insn);

    if (funct3 > 3)
        return RV64_ILLEGAL;
    uint64_t va = h->r->x[rv64_rs1(h->insn)] + rv64_imm_s(h->insn);
    return rv64_store(h, va, 1u << funct3, h->r->x[rv64_rs2(h->insn)]);
}

/* fence, fence.i */
static enum rv64_stop op_misc_mem(struct rv64_hart *h)
{
    if (rv64_funct3(h->insn) > 1)
        return RV64_ILLEGAL;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return RV64_DONE; /* instructions are fetched from memory every time, so fence.i has nothing more to do */
}

/* ---- Integers ---- */

static enum rv64_stop op_imm(struct rv64_hart *h)
{
    uint64_t a = h->r->x[rv64_rs1(h->insn)], imm = rv64_imm_i(h->insn), value;
    unsigned shift = h->insn >> 20 & 63, funct6 = h->insn >> 26;

    switch (rv64_funct3(h->insn)) {
    case 0:
        value = a + imm;
        break;
    case 1:
        if (funct6 != 0)
            return RV64_ILLEGAL;
        value = a << shift;
        break;
    case 2:
        value = (int64_t)a < (int64_t)imm;
        break;
    case 3:
        value = a < imm;
        break;
    case 4:
        value = a ^ imm;
        break;
    case 5:
        if ((funct6 & ~0x10u) != 0)
            return RV64_ILLEGAL;
        value = funct6 != 0 ? (uint64_t)((int64_t)a >> shift) : a >> shift;
        break;
    case 6:
        value = a | imm;
        break;
    default:
        value = a & imm;
        break;
    }
    rv64_set(h, rv64_rd(h->insn), value);
    return RV64_DONE;
}

/* addiw slliw srliw sraiw */
static enum rv64_stop op_imm_32(struct rv64_hart *h)
{
    uint32_t a = (uint32_t)h->r->x[rv64_rs1(h->insn)], value;
    unsigned shift = h->insn >> 20 & 31, funct7 = rv64_funct7(h->insn);

    switch (rv64_funct3(h->insn)) {
    case 0:
        value = a + (uint32_t)rv64_imm_i(h->insn);
        break;
    case 1:
        if (funct7 != 0)
            return RV64_ILLEGAL;
        value = a << shift;
        break;
    case 5:
        if ((funct7 & ~0x20u) != 0)
            return RV64_ILLEGAL;
        value = funct7 != 0 ? (uint32_t)((int32_t)a >> shift) : a >> shift;
        break;
    default:
        return RV64_ILLEGAL;
    }
    rv64_set(h, rv64_rd(h->insn), rv64_sext32(value));
    return RV64_DONE;
}

/* M extension; division by zero and overflow have results, no traps. */
static uint64_t multiply_divide(unsigned funct3, uint64_t a, uint64_t b)
{
    int64_t sa = (int64_t)a, sb = (int64_t)b;

    switch (funct3) {
    case 0:
        return a * b;
    case 1:
        return (uint64_t)((__int128)sa * sb >> 64);
    case 2:
        return (uint64_t)((__int128)sa * (__int128)b >> 64);
    case 3:
        return (uint64_t)((unsigned __int128)a * b >> 64);
    case 4:
        return b == 0 ? UINT64_MAX : sb == -1 ? 0 - a : (uint64_t)(sa / sb);
    case 5:
        return b == 0 ? UINT64_MAX : a / b;
    case 6:
        return b == 0 ? a : sb == -1 ? 0 : (uint64_t)(sa % sb);
    default:
        return b == 0 ? a : a % b;
    }
}

static enum rv64_stop op(struct rv64_hart *h)
{
    uint64_t a = h->r->x[rv64_rs1(h->insn)], b = h->r->x[rv64_rs2(h->insn)], value;

    switch (rv64_funct7(h->insn) << 3 | rv64_funct3(h->insn)) {
    case 0:
        value = a + b;
        break;
    case 0x20 << 3:
        value = a - b;
        break;
    case 1:
        value = a << (b & 63);
        break;
    case 2:
        value = (int64_t)a < (int64_t)b;
        break;
    case 3:
        value = a < b;
        break;
    case 4:
        value = a ^ b;
        break;
    case 5:
        value = a >> (b & 63);
        break;
    case 0x20 << 3 | 5:
        value = (uint64_t)((int64_t)a >> (b & 63));
        break;
    case 6:
        value = a | b;
        break;
    case 7:
        value = a & b;
        break;
    default:
        if (rv64_funct7(h->insn) != 1)
            return RV64_ILLEGAL;
        value = multiply_divide(rv64_funct3(h->insn), a, b);
        break;
    }
    rv64_set(h, rv64_rd(h->insn), value);
    return RV64_DONE;
}

static enum rv64_stop op_32(struct rv64_hart *h)
{
    uint64_t a = h->r->x[rv64_rs1(h->insn)], b = h->r->x[rv64_rs2(h->insn)];
    uint32_t a32 = (uint32_t)a, b32 = (uint32_t)b, value;
    unsigned funct3 = rv64_funct3(h->insn);

    switch (rv64_funct7(h->insn) << 3 | funct3) {
    case 0:
        value = a32 + b32;
        break;
    case 0x20 << 3:
        value = a32 - b32;
        break;
    case 1:
        value = a32 << (b & 31);
        break;
    case 5:
        value = a32 >> (b & 31);
        break;
    case 0x20 << 3 | 5:
        value = (uint32_t)((int32_t)a32 >> (b & 31));
        break;
    case 1 << 3:     /* mulw */
    case 1 << 3 | 4: /* divw: overflow can't happen in 64 bits, and its low half is right */
    case 1 << 3 | 6:
        value = (uint32_t)multiply_divide(funct3, rv64_sext32(a), rv64_sext32(b));
        break;
    case 1 << 3 | 5: /* divuw remuw */
    case 1 << 3 | 7:
        value = (uint32_t)multiply_divide(funct3, a32, b32);
        break;
    default:
        return RV64_ILLEGAL;
    }
    rv64_set(h, rv64_rd(h->insn), rv64_sext32(value));
    return RV64_DONE;
}

/* ---- Control transfer ---- */

static enum rv64_stop op_branch(struct rv64_hart *h)
{
    uint64_t a = h->r->x[rv64_rs1(h->insn)], b = h->r->x[rv64_rs2(h->insn)];
    uint32_t insn = h->insn;
    bool taken;

    switch (rv64_funct3(insn) >> 1) {
    case 0:
        taken = a == b;
        break;
    case 2:
        taken = (int64_t)a < (int64_t)b;
        break;
    case 3:
        taken = a < b;
        break;
    default:
        return RV64_ILLEGAL;
    }
    if (taken != (rv64_funct3(insn) & 1)) {
        uint64_t offset = (uint64_t)((int32_t)(insn & 0x80000000) >> 19) | (insn & 0x80) << 4 |
                          (insn >> 20 & 0x7e0) | (insn >> 7 & 0x1e);
        h->next = h->r->pc + offset;
    }
    return RV64_DONE;
}

static enum rv64_stop op_jal(struct rv64_hart *h)
{
    uint32_t insn = h->insn;
    uint64_t offset = (uint64_t)((int32_t)(insn & 0x80000000) >> 11) | (insn & 0xff000) |
                      (insn >> 9 & 0x800) | (insn >> 20 & 0x7fe);

    rv64_set(h, rv64_rd(insn), h->next);
    h->next = h->r->pc + offset;
    return RV64_DONE;
}

static enum rv64_stop op_jalr(struct rv64_hart *h)
{
    if (rv64_funct3(h->insn) != 0)
        return RV64_ILLEGAL;
    uint64_t target = (h->r->x[rv64_rs1(h->insn)] + rv64_imm_i(h->insn)) & ~(uint64_t)1;
    rv64_set(h, rv64_rd(h->insn), h->next);
    h->next = target;
    return RV64_DONE;
}

/* ---- Control and status registers ---- */

/* Returns false if user mode has no such register. */
static bool csr_read(struct rv64_hart *h, unsigned csr, uint64_t *value)
{
    switch (csr) {
    case 0x001: /* fflags */
        *value = h->r->fcsr & 0x1f;
        return true;
    case 0x002: /* frm */
        *value = h->r->fcsr >> 5 & 7;
        return true;
    case 0x003: /* fcsr */
        *value = h->r->fcsr & 0xff;
        return true;
    case 0xc00: /* cycle: one instruction takes one */
    case 0xc02: /* instret */
        *value = h->r->retired;
        return true;
    case 0xc01:
        *value = h->bus->time(h->bus->context);
        return true;
    default:
        return false;
    }
}

static void csr_write(struct rv64_hart *h, unsigned csr, uint64_t value)
{
    switch (csr) {
    case 0x001:
        h->r->fcsr = (h->r->fcsr & ~0x1fu) | (value & 0x1f);
        break;
    case 0x002:
        h->r->fcsr = (h->r->fcsr & ~0xe0u) | (uint32_t)(value & 7) << 5;
        break;
    default:
        h->r->fcsr = value & 0xff;
        break;
    }
}

static enum rv64_stop op_csr(struct rv64_hart *h)
{
    unsigned csr = h->insn >> 20, funct3 = rv64_funct3(h->insn), source = rv64_rs1(h->insn);
    uint64_t operand = funct3 & 4 ? source : h->r->x[source], value;
    bool writes = (funct3 & 3) == 1 || source != 0;

    if (csr <= 3 && !h->r->fp_on)
        return RV64_FP_OFF;
    if (!csr_read(h, csr, &value) || (writes && csr >= 0xc00))
        return RV64_ILLEGAL;
    if ((funct3 & 3) == 1)
        csr_write(h, csr, operand);
    else if (writes)
        csr_write(h, csr, (funct3 & 3) == 2 ? value | operand : value & ~operand);
    rv64_set(h, rv64_rd(h->insn), value);
    return RV64_DONE;
}

static enum rv64_stop op_system(struct rv64_hart *h)
{
    if (h->insn == INSN_ECALL)
        return RV64_ECALL;
    if (h->insn == INSN_EBREAK)
        return RV64_BREAK;
    if ((rv64_funct3(h->insn) & 3) == 0)
        return RV64_ILLEGAL;
    return op_csr(h);
}

/* ---- The loop ---- */

static enum rv64_stop execute_float(struct rv64_hart *h)
{
    if (!h->r->fp_on)
        return RV64_FP_OFF;
    switch (h->insn >> 2 & 31) {
    case LOAD_FP:
        return rv64_float_load(h);
    case STORE_FP:
        return rv64_float_store(h);
    case OP_FP:
        return rv64_float_op(h);
    default:
        return rv64_float_fused(h);
    }
}

static inline enum rv64_stop execute(struct rv64_hart *h)
{
    switch (h->insn >> 2 & 31) {
    case LOAD:
        return op_load(h);
    case MISC_MEM:
        return op_misc_mem(h);
    case OP_IMM:
        return op_imm(h);
    case AUIPC:
        rv64_set(h, rv64_rd(h->insn), h->r->pc + rv64_sext32(h->insn & ~0xfffu));
        return RV64_DONE;
    case OP_IMM_32:
        return op_imm_32(h);
    case STORE:
        return op_store(h);
    case AMO:
        return rv64_atomic(h);
    case OP:
        return op(h);
    case LUI:
        rv64_set(h, rv64_rd(h->insn), rv64_sext32(h->insn & ~0xfffu));
        return RV64_DONE;
    case OP_32:
        return op_32(h);
    case BRANCH:
        return op_branch(h);
    case JALR:
        return op_jalr(h);
    case JAL:
        return op_jal(h);
    case SYSTEM:
        return op_system(h);
    case LOAD_FP:
    case STORE_FP:
    case MADD:
    case MSUB:
    case NMSUB:
    case NMADD:
    case OP_FP:
        return execute_float(h);
    default:
        return RV64_ILLEGAL;
    }
}

/* The 16 bits at va. */
static inline bool fetch_half(struct rv64_hart *h, uint64_t va, uint16_t *half)
{
    uint64_t page = va - va % RV64_PAGE;

    if (h->code == NULL || h->code_va != page) {
        const unsigned char *p = h->bus->translate(h->bus->context, va, RV64_FETCH);
        if (p == NULL) {
            h->r->tval = va;
            return false;
        }
        h->code = p - va % RV64_PAGE;
        h->code_va = page;
    }
    *half = (uint16_t)read_aligned(h->code + va % RV64_PAGE, 2);
    return true;
}

static inline enum rv64_stop step(struct rv64_hart *h)
{
    struct rv64_regs *r = h->r;
    uint16_t low, high;

    if (!fetch_half(h, r->pc, &low))
        return RV64_FETCH_FAULT;
    if ((low & 3) != 3) {
        h->insn = rv64_expand(low);
        h->next = r->pc + 2;
        high = 0;
    } else {
        if (!fetch_half(h, r->pc + 2, &high))
            return RV64_FETCH_FAULT;
        h->insn = (uint32_t)high << 16 | low;
        h->next = r->pc + 4;
    }

    enum rv64_stop stop = h->insn == 0 ? RV64_ILLEGAL : execute(h);
    if (stop == RV64_DONE) {
        r->pc = h->next;
        r->retired++;
    } else if (stop == RV64_ILLEGAL) {
        r->tval = (uint32_t)high << 16 | low;
    }
    return stop;
}

enum rv64_stop rv64_run(struct rv64_regs *r, const struct rv64_bus *bus, uint64_t max_instructions)
{
    struct rv64_hart h = {.r = r, .bus = bus};

    for (uint64_t i = 0; i < max_instructions; i++) {
        enum rv64_stop stop = step(&h);
        if (stop != RV64_DONE)
            return stop;
    }
    return RV64_BUDGET;
}
