/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A RISC-V program for Linux that executes every instruction of RV64IMAFDC on operands that matter, and prints one line
 * for each: its name and a hash of its results and flags.  rv64_test compares what it prints in the interpreter with what
 * it prints in QEMU, so a line that differs names the instruction.
 */
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint64_t integers[] = {
    0,
    1,
    2,
    7,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x123456789abcdef0,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xffffffff80000000,
    0xffffffff7fffffff,
    0xfffffffffffffffe,
    0xffffffffffffffff,
};

static const uint64_t doubles[] = {
    0x0000000000000000,                     /* 0 */
    0x8000000000000000,                     /* -0 */
    0x3ff0000000000000,                     /* 1 */
    0xbff0000000000000,                     /* -1 */
    0x3fe0000000000000,                     /* 0.5 */
    0xc004000000000000,                     /* -2.5 */
    0x3fd5555555555555,                     /* 1/3 */
    0x4008000000000000,                     /* 3 */
    0x41dfffffffe00000,                     /* 2147483647.5 */
    0x41e0000000000000,                     /* 2^31 */
    0xc1e0000000200000,                     /* -2147483649 */
    0x43e0000000000000,                     /* 2^63 */
    0xc3e0000000000000,                     /* -2^63 */
    0x43f0000000000000,                     /* 2^64 */
    0x36a0000000000000,                     /* the least single */
    0x380fffffffffffff,                     /* just below the least normal single */
    0x47efffffe0000000,                     /* the largest single */
    0x0000000000000001,                     /* the least double */
    0x000fffffffffffff,                     /* the largest subnormal */
    0x0010000000000000,                     /* the least normal */
    0x8010000000000001, 0x7fefffffffffffff, /* the largest */
    0x7ff0000000000000, 0xfff0000000000000, /* infinities */
    0x7ff8000000000000, 0xfff8000000001234, /* quiet */
    0x7ff0000000000001, 0xfff4000000000000, /* signalling */
};

static const uint64_t singles[] = {
    0xffffffff00000000, 0xffffffff80000000, 0xffffffff3f800000, 0xffffffffbf800000,
    0xffffffff3f000000, 0xffffffffc0200000, 0xffffffff3eaaaaab, 0xffffffff40400000,
    0xffffffff4effffff, 0xffffffff4f000000, 0xffffffffcf000001, 0xffffffff5f000000,
    0xffffffff5f800000, 0xffffffff00000001, 0xffffffff007fffff, 0xffffffff00800000,
    0xffffffff80800001, 0xffffffff7f7fffff, 0xffffffff7f800000, 0xffffffffff800000,
    0xffffffff7fc00000, 0xffffffffffc01234, 0xffffffff7f800001, 0xffffffffffa00000,
    0x000000003f800000, /* no box */
    0xfffffffe40000000,
};

/* ---- Output ---- */

static uint64_t hash;

static void mix(uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
}

static long linux_call(long number, long a, long b, long c)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

/* Print the name and the hash of everything since the last line. */
static void line(const char *name)
{
    char text[64];
    size_t n = 0;

    while (*name != '\0')
        text[n++] = *name++;
    text[n++] = ' ';
    for (int shift = 60; shift >= 0; shift -= 4)
        text[n++] = "0123456789abcdef"[hash >> shift & 15];
    text[n++] = '\n';
    linux_call(64, 1, (long)text, (long)n);
    hash = 0;
}

/* ---- Integers ---- */

#define FOR_PAIRS(array)                                                                                     \
    for (size_t i = 0; i < COUNT(array); i++)                                                                \
        for (size_t j = 0; j < COUNT(array); j++)

#define REG_REG(name)                                                                                        \
    do {                                                                                                     \
        FOR_PAIRS(integers)                                                                                  \
        {                                                                                                    \
            uint64_t result;                                                                                 \
            __asm__ volatile(name " %0, %1, %2" : "=r"(result) : "r"(integers[i]), "r"(integers[j]));        \
            mix(result);                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define REG_IMM(name, imm)                                                                                   \
    for (size_t i = 0; i < COUNT(integers); i++) {                                                           \
        uint64_t result;                                                                                     \
        __asm__ volatile(name " %0, %1, " #imm : "=r"(result) : "r"(integers[i]));                           \
        mix(result);                                                                                         \
    }

#define REG_IMMEDIATES(name)                                                                                 \
    do {                                                                                                     \
        REG_IMM(name, 0)                                                                                     \
        REG_IMM(name, 1)                                                                                     \
        REG_IMM(name, -1)                                                                                    \
        REG_IMM(name, 31)                                                                                    \
        REG_IMM(name, -32)                                                                                   \
        REG_IMM(name, 2047)                                                                                  \
        REG_IMM(name, -2048)                                                                                 \
        line(name);                                                                                          \
    } while (0)

#define SHIFT_IMMEDIATES(name, most)                                                                         \
    do {                                                                                                     \
        REG_IMM(name, 0)                                                                                     \
        REG_IMM(name, 1)                                                                                     \
        REG_IMM(name, 31)                                                                                    \
        REG_IMM(name, most)                                                                                  \
        line(name);                                                                                          \
    } while (0)

#define BRANCH(name)                                                                                         \
    do {                                                                                                     \
        FOR_PAIRS(integers)                                                                                  \
        {                                                                                                    \
            uint64_t result = 1;                                                                             \
            __asm__ volatile(name " %1, %2, 1f\n\tli %0, 2\n1:"                                              \
                             : "+r"(result)                                                                  \
                             : "r"(integers[i]), "r"(integers[j]));                                          \
            mix(result);                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

static void test_integers(void)
{
    REG_REG("add");
    REG_REG("sub");
    REG_REG("sll");
    REG_REG("slt");
    REG_REG("sltu");
    REG_REG("xor");
    REG_REG("srl");
    REG_REG("sra");
    REG_REG("or");
    REG_REG("and");
    REG_REG("addw");
    REG_REG("subw");
    REG_REG("sllw");
    REG_REG("srlw");
    REG_REG("sraw");
    REG_REG("mul");
    REG_REG("mulh");
    REG_REG("mulhsu");
    REG_REG("mulhu");
    REG_REG("mulw");
    REG_REG("div");
    REG_REG("divu");
    REG_REG("rem");
    REG_REG("remu");
    REG_REG("divw");
    REG_REG("divuw");
    REG_REG("remw");
    REG_REG("remuw");
    REG_IMMEDIATES("addi");
    REG_IMMEDIATES("slti");
    REG_IMMEDIATES("sltiu");
    REG_IMMEDIATES("xori");
    REG_IMMEDIATES("ori");
    REG_IMMEDIATES("andi");
    REG_IMMEDIATES("addiw");
    SHIFT_IMMEDIATES("slli", 63);
    SHIFT_IMMEDIATES("srli", 63);
    SHIFT_IMMEDIATES("srai", 63);
    SHIFT_IMMEDIATES("slliw", 30);
    SHIFT_IMMEDIATES("srliw", 30);
    SHIFT_IMMEDIATES("sraiw", 30);
    BRANCH("beq");
    BRANCH("bne");
    BRANCH("blt");
    BRANCH("bge");
    BRANCH("bltu");
    BRANCH("bgeu");
}

static void test_jumps(void)
{
    uint64_t a, b;

    __asm__ volatile("lui %0, 0x80000\n\tlui %1, 0x12345" : "=r"(a), "=r"(b));
    mix(a);
    mix(b);
    line("lui");
    __asm__ volatile("auipc %0, 0x80000\n\tauipc %1, 0\n\tsub %0, %0, %1" : "=&r"(a), "=&r"(b));
    mix(a);
    line("auipc");
    __asm__ volatile("1: jal %0, 2f\n\tli %1, 1\n2: auipc %1, 0\n\tsub %0, %1, %0" : "=&r"(a), "=&r"(b));
    mix(a);
    line("jal");
    /* The lowest bit of a target is dropped, and the old value of the register counts. */
    __asm__ volatile("1: auipc %0, 0\n\taddi %0, %0, 3\n\tmv %1, %0\n\tjalr %0, "
                     "12(%0)\n\tnop\n\tnop\n\tnop\n\tsub %0, %0, %1"
                     : "=&r"(a), "=&r"(b));
    mix(a);
    line("jalr");
}

/* ---- Memory ---- */

#define PAGE 4096u

static _Alignas(PAGE) unsigned char memory[2 * PAGE];

/* Every alignment, and across the end of a page. */
#define FOR_ALIGNMENTS(p) for (unsigned char *p = memory + PAGE - 16; p < memory + PAGE + 8; p++)

static void fill(void)
{
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (unsigned char)(i * 37 + 11 + (i >> 8));
}

static void mix_memory(void)
{
    for (unsigned char *p = memory + PAGE - 24; p < memory + PAGE + 24; p++)
        mix(*p);
}

#define LOAD(name)                                                                                           \
    do {                                                                                                     \
        FOR_ALIGNMENTS(p)                                                                                    \
        {                                                                                                    \
            uint64_t result;                                                                                 \
            __asm__ volatile(name " %0, -8(%1)" : "=r"(result) : "r"(p + 8) : "memory");                     \
            mix(result);                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define STORE(name)                                                                                          \
    do {                                                                                                     \
        FOR_ALIGNMENTS(p)                                                                                    \
        {                                                                                                    \
            __asm__ volatile(name " %0, 8(%1)"                                                               \
                             :                                                                               \
                             : "r"(0x1122334455667788 + (uint64_t)(p - memory)), "r"(p - 8)                  \
                             : "memory");                                                                    \
            mix_memory();                                                                                    \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define FP_LOAD(name)                                                                                        \
    do {                                                                                                     \
        FOR_ALIGNMENTS(p)                                                                                    \
        {                                                                                                    \
            uint64_t result;                                                                                 \
            __asm__ volatile(name " ft0, 4(%1)\n\tfmv.x.d %0, ft0"                                           \
                             : "=r"(result)                                                                  \
                             : "r"(p - 4)                                                                    \
                             : "memory", "ft0");                                                             \
            mix(result);                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define FP_STORE(name)                                                                                       \
    do {                                                                                                     \
        FOR_ALIGNMENTS(p)                                                                                    \
        {                                                                                                    \
            __asm__ volatile("fmv.d.x ft0, %0\n\t" name " ft0, -4(%1)"                                       \
                             :                                                                               \
                             : "r"(0x1122334455667788 + (uint64_t)(p - memory)), "r"(p + 4)                  \
                             : "memory", "ft0");                                                             \
            mix_memory();                                                                                    \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define AMO(name)                                                                                            \
    do {                                                                                                     \
        FOR_PAIRS(integers)                                                                                  \
        {                                                                                                    \
            uint64_t cell = integers[i], result;                                                             \
            __asm__ volatile(name " %0, %2, (%1)" : "=r"(result) : "r"(&cell), "r"(integers[j]) : "memory"); \
            mix(result);                                                                                     \
            mix(cell);                                                                                       \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define RESERVE(suffix)                                                                                      \
    do {                                                                                                     \
        for (size_t i = 0; i < COUNT(integers); i++) {                                                       \
            uint64_t cell = integers[i], old, failed, again;                                                 \
            __asm__ volatile("lr" suffix " %0, (%3)\n\tsc" suffix " %1, %4, (%3)\n\tsc" suffix               \
                             " %2, %0, (%3)"                                                                 \
                             : "=&r"(old), "=&r"(failed), "=&r"(again)                                       \
                             : "r"(&cell), "r"(~integers[i])                                                 \
                             : "memory");                                                                    \
            mix(old);                                                                                        \
            mix(failed != 0);                                                                                \
            mix(again != 0);                                                                                 \
            mix(cell);                                                                                       \
        }                                                                                                    \
        line("lr sc " suffix);                                                                               \
    } while (0)

static void test_memory(void)
{
    fill();
    LOAD("lb");
    LOAD("lh");
    LOAD("lw");
    LOAD("ld");
    LOAD("lbu");
    LOAD("lhu");
    LOAD("lwu");
    FP_LOAD("flw");
    FP_LOAD("fld");
    STORE("sb");
    STORE("sh");
    STORE("sw");
    STORE("sd");
    FP_STORE("fsw");
    FP_STORE("fsd");
}

static void test_atomics(void)
{
    AMO("amoadd.w");
    AMO("amoswap.w");
    AMO("amoxor.w");
    AMO("amoor.w");
    AMO("amoand.w");
    AMO("amomin.w");
    AMO("amomax.w");
    AMO("amominu.w");
    AMO("amomaxu.w");
    AMO("amoadd.d.aqrl");
    AMO("amoswap.d.aq");
    AMO("amoxor.d");
    AMO("amoor.d");
    AMO("amoand.d.rl");
    AMO("amomin.d");
    AMO("amomax.d");
    AMO("amominu.d");
    AMO("amomaxu.d");
    RESERVE(".w");
    RESERVE(".d");
    __asm__ volatile("fence rw, rw\n\tfence.tso\n\tfence.i" : : : "memory");
    line("fence");
}

/* ---- Floating point ---- */

static void mix_flags(void)
{
    uint64_t flags;

    __asm__ volatile("csrrw %0, fflags, zero" : "=r"(flags));
    mix(flags);
}

#define FP_PAIR(name, array)                                                                                 \
    do {                                                                                                     \
        FOR_PAIRS(array)                                                                                     \
        {                                                                                                    \
            uint64_t result;                                                                                 \
            __asm__ volatile("fmv.d.x ft0, %1\n\tfmv.d.x ft1, %2\n\t" name "\n\tfmv.x.d %0, ft2"             \
                             : "=r"(result)                                                                  \
                             : "r"((array)[i]), "r"((array)[j])                                              \
                             : "ft0", "ft1", "ft2");                                                         \
            mix(result);                                                                                     \
            mix_flags();                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define FP_TO_X(name, array)                                                                                 \
    do {                                                                                                     \
        FOR_PAIRS(array)                                                                                     \
        {                                                                                                    \
            uint64_t result;                                                                                 \
            __asm__ volatile("fmv.d.x ft0, %1\n\tfmv.d.x ft1, %2\n\t" name                                   \
                             : "=r"(result)                                                                  \
                             : "r"((array)[i]), "r"((array)[j])                                              \
                             : "ft0", "ft1");                                                                \
            mix(result);                                                                                     \
            mix_flags();                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define FP_FROM_X(name)                                                                                      \
    do {                                                                                                     \
        for (size_t i = 0; i < COUNT(integers); i++) {                                                       \
            uint64_t result;                                                                                 \
            __asm__ volatile(name "\n\tfmv.x.d %0, ft2" : "=r"(result) : "r"(integers[i]) : "ft2");          \
            mix(result);                                                                                     \
            mix_flags();                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

#define FP_FUSED(name, array)                                                                                \
    do {                                                                                                     \
        FOR_PAIRS(array)                                                                                     \
        for (size_t k = 0; k < COUNT(array); k++) {                                                          \
            uint64_t result;                                                                                 \
            __asm__ volatile("fmv.d.x ft0, %1\n\tfmv.d.x ft1, %2\n\tfmv.d.x ft3, %3\n\t" name                \
                             " ft2, ft0, ft1, ft3\n\tfmv.x.d %0, ft2"                                        \
                             : "=r"(result)                                                                  \
                             : "r"((array)[i]), "r"((array)[j]), "r"((array)[k])                             \
                             : "ft0", "ft1", "ft2", "ft3");                                                  \
            mix(result);                                                                                     \
            mix_flags();                                                                                     \
        }                                                                                                    \
        line(name);                                                                                          \
    } while (0)

/* Arithmetic in the rounding mode of frm. */
#define ARITHMETIC(suffix, array)                                                                            \
    FP_PAIR("fadd" suffix " ft2, ft0, ft1", array);                                                          \
    FP_PAIR("fsub" suffix " ft2, ft0, ft1", array);                                                          \
    FP_PAIR("fmul" suffix " ft2, ft0, ft1", array);                                                          \
    FP_PAIR("fdiv" suffix " ft2, ft0, ft1", array);                                                          \
    FP_PAIR("fsqrt" suffix " ft2, ft0", array);                                                              \
    FP_FUSED("fmadd" suffix, array);                                                                         \
    FP_FUSED("fmsub" suffix, array);                                                                         \
    FP_FUSED("fnmadd" suffix, array);                                                                        \
    FP_FUSED("fnmsub" suffix, array);                                                                        \
    FP_FROM_X("fcvt" suffix ".w ft2, %1");                                                                   \
    FP_FROM_X("fcvt" suffix ".wu ft2, %1");                                                                  \
    FP_FROM_X("fcvt" suffix ".l ft2, %1");                                                                   \
    FP_FROM_X("fcvt" suffix ".lu ft2, %1")

/* The same in a mode of the instruction's own. */
#define TO_INTEGERS(suffix, mode, array)                                                                     \
    FP_TO_X("fcvt.w" suffix " %0, ft0, " mode, array);                                                       \
    FP_TO_X("fcvt.wu" suffix " %0, ft0, " mode, array);                                                      \
    FP_TO_X("fcvt.l" suffix " %0, ft0, " mode, array);                                                       \
    FP_TO_X("fcvt.lu" suffix " %0, ft0, " mode, array)

#define UNROUNDED(suffix, array)                                                                             \
    FP_PAIR("fsgnj" suffix " ft2, ft0, ft1", array);                                                         \
    FP_PAIR("fsgnjn" suffix " ft2, ft0, ft1", array);                                                        \
    FP_PAIR("fsgnjx" suffix " ft2, ft0, ft1", array);                                                        \
    FP_PAIR("fmin" suffix " ft2, ft0, ft1", array);                                                          \
    FP_PAIR("fmax" suffix " ft2, ft0, ft1", array);                                                          \
    FP_TO_X("feq" suffix " %0, ft0, ft1", array);                                                            \
    FP_TO_X("flt" suffix " %0, ft0, ft1", array);                                                            \
    FP_TO_X("fle" suffix " %0, ft0, ft1", array);                                                            \
    FP_TO_X("fclass" suffix " %0, ft0", array);                                                              \
    TO_INTEGERS(suffix, "rne", array);                                                                       \
    TO_INTEGERS(suffix, "rtz", array);                                                                       \
    TO_INTEGERS(suffix, "rdn", array);                                                                       \
    TO_INTEGERS(suffix, "rup", array);                                                                       \
    TO_INTEGERS(suffix, "rmm", array)

static void test_float(void)
{
    uint64_t a, b;

    for (uint64_t mode = 0; mode < 4; mode++) {
        __asm__ volatile("csrw frm, %0" : : "r"(mode));
        ARITHMETIC(".s", singles);
        ARITHMETIC(".d", doubles);
        FP_PAIR("fcvt.s.d ft2, ft0", doubles);
    }
    UNROUNDED(".s", singles);
    UNROUNDED(".d", doubles);
    FP_PAIR("fcvt.d.s ft2, ft0", singles);
    FP_TO_X("fmv.x.w %0, ft0", doubles);
    FP_FROM_X("fmv.w.x ft2, %1");

    __asm__ volatile("csrw fcsr, %2\n\tcsrr %0, frm\n\tcsrrsi %1, fflags, 2"
                     : "=r"(a), "=&r"(b)
                     : "r"(0x1a5));
    mix(a);
    mix(b);
    __asm__ volatile("csrrci %0, fcsr, 6\n\tcsrrwi %1, frm, 3" : "=&r"(a), "=&r"(b));
    mix(a);
    mix(b);
    __asm__ volatile("csrrc %0, fcsr, %2\n\tcsrrs %1, fcsr, zero" : "=&r"(a), "=&r"(b) : "r"(0x21));
    mix(a);
    mix(b);
    line("fcsr");
}

/* ---- The whole ---- */

void run(void);

void run(void)
{
    test_integers();
    test_jumps();
    test_memory();
    test_atomics();
    test_float();
    linux_call(93, 0, 0, 0);
}

__asm__(".globl _start\n"
        "_start:\n"
        "    .option push\n"
        "    .option norelax\n"
        "    la gp, __global_pointer$\n"
        "    .option pop\n"
        "    call run\n");
