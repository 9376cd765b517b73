/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interpreter of RISC-V user mode: RV64IMAFDC, Zicsr, Zifencei and the counters cycle, time and instret, as the
 * riscv64 build of the user programs is compiled for and as its kernel offers them.
 *
 * It knows no machine: memory is what `translate` of the bus says.  Stops are precise: nothing of the instruction at
 * pc has happened, except at RV64_BUDGET, where pc is simply next.
 */
#ifndef SIM_RV64_H
#define SIM_RV64_H

#include <stdbool.h>
#include <stdint.h>

#define RV64_PAGE 4096u

enum rv64_access { RV64_READ = 1, RV64_WRITE = 2, RV64_FETCH = 4 }; /* the values of HAL_ACCESS_* */

enum rv64_stop {
    RV64_BUDGET,      /* max_instructions were executed */
    RV64_ECALL,       /* pc is at the ecall */
    RV64_BREAK,       /* at an ebreak */
    RV64_ILLEGAL,     /* tval: the instruction, 16 or 32 bits */
    RV64_FP_OFF,      /* a floating-point instruction while fp_on is false */
    RV64_FETCH_FAULT, /* tval: the address that translate() refused */
    RV64_LOAD_FAULT,
    RV64_STORE_FAULT,     /* atomics that read too */
    RV64_LOAD_MISALIGNED, /* lr; tval: the address.  Plain loads and stores may be misaligned */
    RV64_STORE_MISALIGNED /* sc and other atomics */
};

struct rv64_regs {
    uint64_t x[32]; /* x[0] is 0 */
    uint64_t pc;
    uint64_t f[32]; /* IEEE 754 bits; a single has ones above it */
    uint32_t fcsr;
    bool fp_on;       /* are f and fcsr usable? */
    uint64_t tval;    /* see enum rv64_stop */
    uint64_t retired; /* instructions executed so far: cycle and instret */

    /* The reservation of lr: an sc there succeeds if memory still holds `reserved_value`. */
    bool reserved;
    uint64_t reserved_va, reserved_value;
};

struct rv64_bus {
    void *context;

    /*
     * The host address of user address `va`, good for all bytes up to the next multiple of RV64_PAGE until rv64_run()
     * returns, or NULL if `access` (one bit of enum rv64_access) is refused.
     */
    void *(*translate)(void *context, uint64_t va, enum rv64_access access);

    /* The value of the time counter. */
    uint64_t (*time)(void *context);
};

/* Execute until one of the reasons to stop.  With an aligned access, memory is read and written in one piece. */
enum rv64_stop rv64_run(struct rv64_regs *r, const struct rv64_bus *bus, uint64_t max_instructions);

#endif
