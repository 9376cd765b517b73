/* SPDX-License-Identifier: BSD-2-Clause */
/* What the suite has to know of AArch64. */
#ifndef HAL_TEST_MACHINE_H
#define HAL_TEST_MACHINE_H

#include <functions.h>
#include <hal/types.h>
#include <mach/aarch64/thread_status.h>

/* ---- General registers: the words of struct aarch64_thread_state; 0 - 30 are x0 - x30 ---- */

#define MACHINE_FLAVOR AARCH64_THREAD_STATE
#define MACHINE_COUNT AARCH64_THREAD_STATE_COUNT

enum { MACHINE_SP = 31, MACHINE_PC, MACHINE_FLAGS, MACHINE_TLS, MACHINE_WORDS };

#define MACHINE_LEAF_LEVELS 7u /* of hal_info, on every processor of the ISA */
#define MACHINE_RESULT 8
#define MACHINE_ARG0 0
#define MACHINE_ARG1 1
#define MACHINE_TLS_IS_GENERAL 0
#define MACHINE_FLAGS_MASK (1ul << MACHINE_FLAGS)
#define MACHINE_FLAGS_USER 0xf0000000ul /* N Z C V */
#define MACHINE_FLAGS_TRACE 0ul
#define MACHINE_FLAGS_RESUME 0ul
#define MACHINE_FLAGS_ALWAYS 0ul

/* Registers that a call frame keeps. */
#define MACHINE_KEPT                                                                                         \
    (0x7fful << 19 | 1ul << MACHINE_SP | 1ul << MACHINE_PC | 1ul << MACHINE_TLS) /* x19 - x29 */
#define MACHINE_ECHOED 0ul

#define MACHINE_ARGUMENTS {0, 1, 2, 3, 4, 5, 6}

/* The register form of RPC. */
#define MACHINE_RPC_REMOTE 0
#define MACHINE_RPC_LABEL 1
#define MACHINE_RPC_HEADER 9
#define MACHINE_RPC_WORD {2, 3, 4, 5, 6, 7}

static inline void machine_rpc_names(uint64_t *word, uint32_t remote, uint32_t local, uint32_t timeout)
{
    word[0] = remote;
    word[1] = (uint64_t)timeout << 32 | local;
}

/* ---- The rest ---- */

#define MACHINE_FRAME_WORDS 12u /* what machine_switch() leaves on a stack ... */
#define MACHINE_FRAME_PC 11u    /* ... and where to go is in this word */

#define MACHINE_HAS_ARITHMETIC 0  /* a division by zero gives 0 */
#define MACHINE_TRAP_STEP 4u      /* bytes of a trap instruction */
#define MACHINE_VECTOR_BYTES 528u /* what user_vector_store stores */

#define MACHINE_KERNEL_VA HAL_DIRECT_BASE                 /* no user has it, nor what lies above */
#define MACHINE_HOLE_VA (HAL_DEVICE_BASE - HAL_PAGE_SIZE) /* an address of the kernel where nothing is */

#define MACHINE_LINE 1u /* the PL011 */
#define MACHINE_LINE_EDGE 1
#define MACHINE_LINE_LEVEL 1
#define MACHINE_LINE_AGAIN 1
#define MACHINE_MESSAGES 0
#define MACHINE_TIMEOUT_ALONE 1 /* a timeout that the header does not announce is kept */
#define MACHINE_LOOPBACK 0

#endif
