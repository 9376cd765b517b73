/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of RISC-V and of its traps, for riscv64 and for the simulated machine. */
#ifndef HAL_TEST_REGISTERS_H
#define HAL_TEST_REGISTERS_H

#include <mach/riscv64/thread_status.h>
#include <stdint.h>

/* ---- General registers: the words of struct riscv64_thread_state ---- */

#define MACHINE_FLAVOR RISCV64_THREAD_STATE
#define MACHINE_COUNT RISCV64_THREAD_STATE_COUNT

enum {
    MACHINE_PC,
    MACHINE_RA,
    MACHINE_SP,
    MACHINE_GP,
    MACHINE_TLS,
    MACHINE_T0,
    MACHINE_T1,
    MACHINE_T2,
    MACHINE_S0,
    MACHINE_S1,
    MACHINE_A0,
    MACHINE_A1,
    MACHINE_A2,
    MACHINE_A3,
    MACHINE_A4,
    MACHINE_A5,
    MACHINE_A6,
    MACHINE_A7,
    MACHINE_S2,
    MACHINE_T3 = MACHINE_S2 + 10,
    MACHINE_T4,
    MACHINE_T5,
    MACHINE_T6,
    MACHINE_WORDS
};

#define MACHINE_RESULT MACHINE_A2
#define MACHINE_ARG0 MACHINE_A0
#define MACHINE_ARG1 MACHINE_A1
#define MACHINE_FLAGS MACHINE_WORDS /* no flags */
#define MACHINE_TLS_IS_GENERAL 1
#define MACHINE_FLAGS_MASK 0ul
#define MACHINE_FLAGS_USER 0ul
#define MACHINE_FLAGS_TRACE 0ul
#define MACHINE_FLAGS_RESUME 0ul
#define MACHINE_FLAGS_ALWAYS 0ul

/* Registers that a call frame keeps. */
#define MACHINE_KEPT                                                                                         \
    (1ul << MACHINE_PC | 1ul << MACHINE_SP | 1ul << MACHINE_GP | 1ul << MACHINE_TLS | 3ul << MACHINE_S0 |    \
     0x3fful << MACHINE_S2)
#define MACHINE_ECHOED 0ul

#define MACHINE_ARGUMENTS {MACHINE_A0, MACHINE_A1, MACHINE_A3, MACHINE_A4, MACHINE_A5, MACHINE_A6, MACHINE_A7}

/* The register form of RPC. */
#define MACHINE_RPC_REMOTE MACHINE_A0
#define MACHINE_RPC_LABEL MACHINE_A1
#define MACHINE_RPC_HEADER MACHINE_T2
#define MACHINE_RPC_WORD {MACHINE_A3, MACHINE_A4, MACHINE_A5, MACHINE_A6, MACHINE_A7, MACHINE_T3}

static inline void machine_rpc_names(uint64_t *word, uint32_t remote, uint32_t local, uint32_t timeout)
{
    word[MACHINE_A0] = remote;
    word[MACHINE_A1] = (uint64_t)timeout << 32 | local;
}

/* ---- The rest ---- */

#define MACHINE_HAS_ARITHMETIC 0  /* a division by zero gives all ones */
#define MACHINE_TRAP_STEP 4u      /* bytes of a trap instruction */
#define MACHINE_VECTOR_BYTES 264u /* what user_vector_store stores */

#endif
