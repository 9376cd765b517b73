/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The F and D extensions, by the floating-point unit of the host.
 *
 * An operation sets the host's rounding mode, computes, and collects the host's exception flags.  Singles are computed
 * as doubles and rounded once more: with 53 bits against 24 that never changes a sum, product, quotient or root; the
 * fused operations, where it would, use fmaf().  Results that are not numbers are the canonical one.
 *
 * The host has no "to nearest, ties away" (RMM): such arithmetic is an illegal instruction here.  Conversions to integers,
 * the only place where compilers emit it, are done.
 */
#include "rv64_i.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

#pragma STDC FENV_ACCESS ON

enum rounding { RNE = 0, RTZ = 1, RDN = 2, RUP = 3, RMM = 4, DYNAMIC = 7 };
enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };

enum operation { /* funct7 bits 6-2 */
                 ADD = 0x00,
                 SUB = 0x01,
                 MUL = 0x02,
                 DIV = 0x03,
                 SIGN = 0x04,
                 MIN_MAX = 0x05,
                 CONVERT = 0x08,
                 SQRT = 0x0b,
                 COMPARE = 0x14,
                 TO_INTEGER = 0x18,
                 FROM_INTEGER = 0x1a,
                 MOVE_TO_X = 0x1c,
                 MOVE_FROM_X = 0x1e,
};

/* A format: single or double. */
struct format {
    uint64_t sign, exponent, quiet, canonical_nan;
    unsigned size;
};

static const struct format formats[2] = {
    {.sign = 0x80000000, .exponent = 0x7f800000, .quiet = 0x00400000, .canonical_nan = 0x7fc00000, .size = 4},
    {.sign = 0x8000000000000000,
     .exponent = 0x7ff0000000000000,
     .quiet = 0x0008000000000000,
     .canonical_nan = 0x7ff8000000000000,
     .size = 8},
};
static const struct format *const single = &formats[0];

/* ---- Registers ---- */

static uint64_t get_bits(const struct rv64_hart *h, unsigned reg, const struct format *f)
{
    uint64_t bits = h->r->f[reg];

    if (f != single)
        return bits;
    return bits >> 32 == UINT32_MAX ? (uint32_t)bits : f->canonical_nan;
}

static void put_bits(struct rv64_hart *h, const struct format *f, uint64_t bits)
{
    h->r->f[rv64_rd(h->insn)] = f == single ? bits | (uint64_t)UINT32_MAX << 32 : bits;
}

static double to_double(uint64_t bits, const struct format *f)
{
    double d;

    if (f == single) {
        uint32_t low = (uint32_t)bits;
        float s;
        memcpy(&s, &low, sizeof s);
        return s; /* an exact conversion, but a signalling NaN raises NV: as its use would */
    }
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t from_double(double value, const struct format *f)
{
    uint64_t bits = 0;

    if (isnan(value))
        return f->canonical_nan;
    if (f == single) {
        float s = (float)value;
        memcpy(&bits, &s, sizeof s);
    } else {
        memcpy(&bits, &value, sizeof value);
    }
    return bits;
}

static bool is_nan(uint64_t bits, const struct format *f)
{
    return (bits & ~f->sign) > f->exponent;
}

static bool is_signalling(uint64_t bits, const struct format *f)
{
    return is_nan(bits, f) && (bits & f->quiet) == 0;
}

/* ---- Rounding and flags ---- */

/* The rounding mode of the instruction. Returns false if it is none. */
static bool rounding_of(const struct rv64_hart *h, enum rounding *mode)
{
    *mode = rv64_funct3(h->insn);
    if (*mode == DYNAMIC)
        *mode = h->r->fcsr >> 5 & 7;
    return *mode <= RMM;
}

static void host_begin(enum rounding mode)
{
    static const int host_mode[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

    feclearexcept(FE_ALL_EXCEPT);
    fesetround(host_mode[mode]);
}

static void host_end(struct rv64_hart *h)
{
    int raised = fetestexcept(FE_ALL_EXCEPT);

    fesetround(FE_TONEAREST);
    h->r->fcsr |= (raised & FE_INEXACT ? NX : 0) | (raised & FE_UNDERFLOW ? UF : 0) |
                  (raised & FE_OVERFLOW ? OF : 0) | (raised & FE_DIVBYZERO ? DZ : 0) |
                  (raised & FE_INVALID ? NV : 0);
}

/* ---- Arithmetic ---- */

static enum rv64_stop arithmetic(struct rv64_hart *h, const struct format *f, enum operation operation)
{
    enum rounding mode;
    double result;

    if (!rounding_of(h, &mode) || mode == RMM || (operation == SQRT && rv64_rs2(h->insn) != 0))
        return RV64_ILLEGAL;
    host_begin(mode);
    double a = to_double(get_bits(h, rv64_rs1(h->insn), f), f);
    double b = operation == SQRT ? 0 : to_double(get_bits(h, rv64_rs2(h->insn), f), f);
    switch (operation) {
    case ADD:
        result = a + b;
        break;
    case SUB:
        result = a - b;
        break;
    case MUL:
        result = a * b;
        break;
    case DIV:
        result = a / b;
        break;
    default:
        result = sqrt(a);
        break;
    }
    uint64_t bits = from_double(result, f);
    host_end(h);
    put_bits(h, f, bits);
    return RV64_DONE;
}

enum rv64_stop rv64_float_fused(struct rv64_hart *h)
{
    const struct format *f = &formats[h->insn >> 25 & 1];
    bool negate_product = h->insn >> 3 & 1, negate_sum = h->insn >> 2 & 1;
    enum rounding mode;

    if ((h->insn >> 26 & 1) != 0 || !rounding_of(h, &mode) || mode == RMM)
        return RV64_ILLEGAL;
    host_begin(mode);
    double a = to_double(get_bits(h, rv64_rs1(h->insn), f), f);
    double b = to_double(get_bits(h, rv64_rs2(h->insn), f), f);
    double c = to_double(get_bits(h, h->insn >> 27, f), f);
    if ((isinf(a) && b == 0) || (isinf(b) && a == 0))
        h->r->fcsr |= NV; /* even if c is a quiet NaN, where hosts differ */
    a = negate_product ? -a : a;
    c = negate_sum ? -c : c;
    uint64_t bits = from_double(f == single ? fmaf((float)a, (float)b, (float)c) : fma(a, b, c), f);
    host_end(h);
    put_bits(h, f, bits);
    return RV64_DONE;
}

/* fsgnj fsgnjn fsgnjx */
static enum rv64_stop sign(struct rv64_hart *h, const struct format *f)
{
    uint64_t a = get_bits(h, rv64_rs1(h->insn), f), b = get_bits(h, rv64_rs2(h->insn), f);

    switch (rv64_funct3(h->insn)) {
    case 0:
        break;
    case 1:
        b = ~b;
        break;
    case 2:
        b ^= a;
        break;
    default:
        return RV64_ILLEGAL;
    }
    put_bits(h, f, (a & ~f->sign) | (b & f->sign));
    return RV64_DONE;
}

/* -0 is less than +0; a number is preferred to a NaN. */
static enum rv64_stop min_max(struct rv64_hart *h, const struct format *f)
{
    uint64_t a = get_bits(h, rv64_rs1(h->insn), f), b = get_bits(h, rv64_rs2(h->insn), f);
    bool max = rv64_funct3(h->insn) == 1;
    uint64_t result;

    if (rv64_funct3(h->insn) > 1)
        return RV64_ILLEGAL;
    if (is_signalling(a, f) || is_signalling(b, f))
        h->r->fcsr |= NV;
    if (is_nan(a, f)) {
        result = is_nan(b, f) ? f->canonical_nan : b;
    } else if (is_nan(b, f)) {
        result = a;
    } else {
        double x = to_double(a, f), y = to_double(b, f);
        bool a_is_less = x < y || (x == y && (a & f->sign) != 0);
        result = a_is_less != max ? a : b;
    }
    put_bits(h, f, result);
    return RV64_DONE;
}

/* fle flt feq */
static enum rv64_stop compare(struct rv64_hart *h, const struct format *f)
{
    uint64_t a = get_bits(h, rv64_rs1(h->insn), f), b = get_bits(h, rv64_rs2(h->insn), f);
    unsigned funct3 = rv64_funct3(h->insn);
    bool result = false;

    if (funct3 > 2)
        return RV64_ILLEGAL;
    if (is_nan(a, f) || is_nan(b, f)) {
        if (funct3 != 2 || is_signalling(a, f) || is_signalling(b, f))
            h->r->fcsr |= NV;
    } else {
        double x = to_double(a, f), y = to_double(b, f);
        result = funct3 == 0 ? x <= y : funct3 == 1 ? x < y : x == y;
    }
    rv64_set(h, rv64_rd(h->insn), result);
    return RV64_DONE;
}

/* ---- Conversions ---- */

/* fcvt.s.d fcvt.d.s */
static enum rv64_stop convert(struct rv64_hart *h, const struct format *f)
{
    const struct format *from = &formats[f == single];
    enum rounding mode;

    if (rv64_rs2(h->insn) != (f == single) || !rounding_of(h, &mode) || mode == RMM)
        return RV64_ILLEGAL;
    uint64_t source = get_bits(h, rv64_rs1(h->insn), from);
    if (is_signalling(source, from))
        h->r->fcsr |= NV;
    host_begin(mode);
    uint64_t bits = from_double(to_double(source, from), f);
    host_end(h);
    put_bits(h, f, bits);
    return RV64_DONE;
}

static double round_to_integer(double value, enum rounding mode)
{
    double result;

    if (mode == RMM)
        return round(value);
    host_begin(mode);
    result = nearbyint(value);
    fesetround(FE_TONEAREST);
    return result;
}

/* fcvt.w fcvt.wu fcvt.l fcvt.lu: what does not fit becomes the nearest that does, a NaN the largest. */
static enum rv64_stop to_integer(struct rv64_hart *h, const struct format *f)
{
    static const double limit[4] = {0x1p31, 0x1p32, 0x1p63, 0x1p64}; /* the first too large */
    static const uint64_t largest[4] = {INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    unsigned type = rv64_rs2(h->insn);
    enum rounding mode;

    if (type > 3 || !rounding_of(h, &mode))
        return RV64_ILLEGAL;
    bool is_unsigned = type & 1;
    uint64_t bits = get_bits(h, rv64_rs1(h->insn), f), integer;
    double value = is_nan(bits, f) ? (double)INFINITY : to_double(bits, f);
    double rounded = round_to_integer(value, mode);
    double least = is_unsigned ? 0 : -limit[type];

    if (rounded >= limit[type] || rounded < least) {
        if (rounded < least)
            integer = is_unsigned ? 0 : ~largest[type];
        else
            integer = largest[type];
        h->r->fcsr |= NV;
    } else {
        integer = is_unsigned ? (uint64_t)rounded : (uint64_t)(int64_t)rounded;
        h->r->fcsr |= rounded != value ? NX : 0;
    }
    rv64_set(h, rv64_rd(h->insn), type < 2 ? rv64_sext32(integer) : integer);
    return RV64_DONE;
}

/* fcvt from w, wu, l, lu: rounded once, so straight to the format. */
static enum rv64_stop from_integer(struct rv64_hart *h, const struct format *f)
{
    unsigned type = rv64_rs2(h->insn);
    enum rounding mode;
    double result;

    if (type > 3 || !rounding_of(h, &mode) || mode == RMM)
        return RV64_ILLEGAL;
    uint64_t x = h->r->x[rv64_rs1(h->insn)];
    if (type < 2)
        x = type == 0 ? rv64_sext32(x) : (uint32_t)x;
    host_begin(mode);
    if (type & 1)
        result = f == single ? (double)(float)x : (double)x;
    else
        result = f == single ? (double)(float)(int64_t)x : (double)(int64_t)x;
    uint64_t bits = from_double(result, f);
    host_end(h);
    put_bits(h, f, bits);
    return RV64_DONE;
}

static uint64_t classify(uint64_t bits, const struct format *f)
{
    bool negative = bits & f->sign;
    uint64_t magnitude = bits & ~f->sign;
    unsigned
        kind; /* of a positive number: 4 zero, 5 subnormal, 6 normal, 7 infinite; a negative one mirrors it */

    if (is_nan(bits, f))
        return is_signalling(bits, f) ? 1u << 8 : 1u << 9;
    if (magnitude == f->exponent)
        kind = 7;
    else if (magnitude & f->exponent)
        kind = 6;
    else
        kind = magnitude != 0 ? 5 : 4;
    return (uint64_t)1 << (negative ? 7 - kind : kind);
}

/* fmv.x fclass */
static enum rv64_stop move_to_x(struct rv64_hart *h, const struct format *f)
{
    unsigned rs1 = rv64_rs1(h->insn);

    if (rv64_rs2(h->insn) != 0 || rv64_funct3(h->insn) > 1)
        return RV64_ILLEGAL;
    if (rv64_funct3(h->insn) == 1)
        rv64_set(h, rv64_rd(h->insn), classify(get_bits(h, rs1, f), f));
    else
        rv64_set(h, rv64_rd(h->insn), f == single ? rv64_sext32(h->r->f[rs1]) : h->r->f[rs1]);
    return RV64_DONE;
}

/* fmv from x */
static enum rv64_stop move_from_x(struct rv64_hart *h, const struct format *f)
{
    uint64_t x = h->r->x[rv64_rs1(h->insn)];

    if (rv64_rs2(h->insn) != 0 || rv64_funct3(h->insn) != 0)
        return RV64_ILLEGAL;
    put_bits(h, f, f == single ? (uint32_t)x : x);
    return RV64_DONE;
}

enum rv64_stop rv64_float_op(struct rv64_hart *h)
{
    const struct format *f = &formats[h->insn >> 25 & 1];

    if ((h->insn >> 26 & 1) != 0)
        return RV64_ILLEGAL; /* half and quad */
    enum operation operation = h->insn >> 27;
    switch (operation) {
    case ADD:
    case SUB:
    case MUL:
    case DIV:
    case SQRT:
        return arithmetic(h, f, operation);
    case SIGN:
        return sign(h, f);
    case MIN_MAX:
        return min_max(h, f);
    case CONVERT:
        return convert(h, f);
    case COMPARE:
        return compare(h, f);
    case TO_INTEGER:
        return to_integer(h, f);
    case FROM_INTEGER:
        return from_integer(h, f);
    case MOVE_TO_X:
        return move_to_x(h, f);
    case MOVE_FROM_X:
        return move_from_x(h, f);
    default:
        return RV64_ILLEGAL;
    }
}

/* ---- Memory ---- */

enum rv64_stop rv64_float_load(struct rv64_hart *h)
{
    unsigned funct3 = rv64_funct3(h->insn);
    uint64_t value;

    if (funct3 != 2 && funct3 != 3)
        return RV64_ILLEGAL;
    const struct format *f = &formats[funct3 - 2];
    uint64_t va = h->r->x[rv64_rs1(h->insn)] + rv64_imm_i(h->insn);
    enum rv64_stop stop = rv64_load(h, va, f->size, &value);
    if (stop == RV64_DONE)
        put_bits(h, f, value);
    return stop;
}

enum rv64_stop rv64_float_store(struct rv64_hart *h)
{
    unsigned funct3 = rv64_funct3(h->insn);

    if (funct3 != 2 && funct3 != 3)
        return RV64_ILLEGAL;
    uint64_t va = h->r->x[rv64_rs1(h->insn)] + rv64_imm_s(h->insn);
    return rv64_store(h, va, 1u << funct3, h->r->f[rv64_rs2(h->insn)]);
}
