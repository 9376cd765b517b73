/* SPDX-License-Identifier: BSD-2-Clause */
/* What the suite has to know of x86_64. */
#ifndef HAL_TEST_MACHINE_H
#define HAL_TEST_MACHINE_H

#include <functions.h>
#include <hal/types.h>
#include <mach/x86_64/thread_status.h>

/* ---- General registers: the words of struct x86_64_thread_state ---- */

#define MACHINE_FLAVOR X86_64_THREAD_STATE
#define MACHINE_COUNT X86_64_THREAD_STATE_COUNT

enum {
    MACHINE_RAX,
    MACHINE_RBX,
    MACHINE_RCX,
    MACHINE_RDX,
    MACHINE_RDI,
    MACHINE_RSI,
    MACHINE_RBP,
    MACHINE_SP,
    MACHINE_R8,
    MACHINE_R9,
    MACHINE_R10,
    MACHINE_R11,
    MACHINE_R12,
    MACHINE_R13,
    MACHINE_R14,
    MACHINE_R15,
    MACHINE_PC,
    MACHINE_FLAGS,
    MACHINE_TLS,
    MACHINE_WORDS
};

#define MACHINE_LEAF_LEVELS 3u /* of hal_info, on every processor of the ISA */
#define MACHINE_RESULT MACHINE_RAX
#define MACHINE_ARG0 MACHINE_RDI
#define MACHINE_ARG1 MACHINE_RSI
#define MACHINE_TLS_IS_GENERAL 0
#define MACHINE_FLAGS_MASK (1ul << MACHINE_FLAGS)
#define MACHINE_FLAGS_USER 0x250dd5ul  /* CF PF AF ZF SF TF DF OF RF AC ID */
#define MACHINE_FLAGS_TRACE 0x100ul    /* TF: a trap behind each instruction */
#define MACHINE_FLAGS_RESUME 0x10000ul /* RF: until the next instruction */
#define MACHINE_FLAGS_ALWAYS 0x202ul   /* bit 1, and interrupts unmasked */

/* Registers that a call frame keeps. */
#define MACHINE_KEPT                                                                                         \
    (1ul << MACHINE_RBX | 1ul << MACHINE_RBP | 1ul << MACHINE_SP | 1ul << MACHINE_R12 | 1ul << MACHINE_R13 | \
     1ul << MACHINE_R14 | 1ul << MACHINE_R15 | 1ul << MACHINE_PC | 1ul << MACHINE_TLS)
/* Those that SYSRET fills with pc and flags, which are no secret. */
#define MACHINE_ECHOED (1ul << MACHINE_RCX | 1ul << MACHINE_R11)

#define MACHINE_ARGUMENTS                                                                                    \
    {MACHINE_RDI, MACHINE_RSI, MACHINE_RDX, MACHINE_R8, MACHINE_R9, MACHINE_R10, MACHINE_RBX}

/* The register form of RPC. */
#define MACHINE_RPC_REMOTE MACHINE_RDI
#define MACHINE_RPC_LABEL MACHINE_RDX
#define MACHINE_RPC_HEADER MACHINE_RSI
#define MACHINE_RPC_WORD {MACHINE_R8, MACHINE_R9, MACHINE_R10, MACHINE_RBX, MACHINE_R12, MACHINE_R13}

static inline void machine_rpc_names(uint64_t *word, uint32_t remote, uint32_t local, uint32_t timeout)
{
    word[MACHINE_RDI] = (uint64_t)local << 32 | remote;
    word[MACHINE_RAX] |= (uint64_t)timeout << 32;
}

/* ---- The rest ---- */

#define MACHINE_FRAME_WORDS 8u /* what machine_switch() leaves on a stack ... */
#define MACHINE_FRAME_PC 6u    /* ... and where to go is in this word */

#define MACHINE_HAS_ARITHMETIC 1  /* user_arithmetic faults */
#define MACHINE_TRAP_STEP 2u      /* bytes of a trap instruction */
#define MACHINE_VECTOR_BYTES 768u /* what user_vector_store stores */

#define MACHINE_KERNEL_VA HAL_DIRECT_BASE                 /* no user has it, nor what lies above */
#define MACHINE_HOLE_VA (HAL_DEVICE_BASE - HAL_PAGE_SIZE) /* an address of the kernel where nothing is */

#define MACHINE_LINE 4u /* COM1 */
#define MACHINE_LINE_EDGE 1
#define MACHINE_LINE_LEVEL 0
#define MACHINE_LINE_AGAIN 0
#define MACHINE_MESSAGES 1
#define MACHINE_TIMEOUT_ALONE 0 /* a timeout that the header does not announce is kept */
#define MACHINE_LOOPBACK 1

#endif
