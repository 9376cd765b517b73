/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User contexts: the saved registers of a thread (`struct uctx`, <arch/uctx.h>).
 *
 * A context is in one of two forms.  A *call frame* was saved by a trap instruction: the trap ABI lets the
 * kernel clobber every register but the callee-saved ones, so only those, the stack and thread pointers, pc
 * and the argument registers are in it; resuming it loads these, the results, and zero everywhere else.
 * A *full frame* was saved by a fault or an interrupt (or made by hal_uctx_init/hal_uctx_set_state) and
 * holds every general register.
 *
 * The address of the context that a CPU runs is kept by the ISA; the HAL resumes the context that an upcall
 * returns (hal/upcall.h).
 */
#ifndef HAL_UCTX_H
#define HAL_UCTX_H

#include <hal/types.h>
#include <mach/kern_return.h>

struct uctx;

#define HAL_UCTX_ARGS 7u /* arguments of a trap: hal_uctx_arg(u, 0 .. 6) */
#define HAL_RPC_WORDS 6u /* payload words of a register-form message */

/*
 * A register-form message as it stands in a trap's registers (ABI: include/mach/rpc.h).
 * At entry: remote = destination, local = receive port. At exit: remote = reply right, local = 0.
 */
struct hal_rpc {
    uint32_t remote;
    uint32_t local;
    uint64_t label;  /* exit only: context of the port that the message arrived on */
    uint64_t header; /* words << 32 | id, and flags or kinds of right (mach/rpc.h) */
    uint32_t more;   /* entry only: what a flag of the header announces */
    uint64_t word[HAL_RPC_WORDS];
};

/* Is `u` a call frame? */
#ifdef __FRAMAC__
/*@ axiomatic Hal_uctx { predicate hal_l_call_frame{L}(struct uctx *u) reads *u; } */
#define HAL_UCTX_CALL(u) hal_l_call_frame(u)
#else
#define HAL_UCTX_CALL(u) arch_uctx_is_call(u) /* by <arch/uctx.h> */
#endif

/*
 * Make `u` a full frame that starts at `pc` with stack `sp`, thread pointer `tls` and first argument `arg`; every
 * other register is zero; user mode, interrupts unmasked.
 * Context: any; `u` is not running.
 */
#define PRE_hal_uctx_init(u) ((u) != NULL)
/*@ requires PRE_hal_uctx_init(u) && \valid(u); assigns *u; ensures full: !HAL_UCTX_CALL(u); */
void hal_uctx_init(struct uctx *u, hal_va_t pc, hal_va_t sp, hal_va_t tls, uint64_t arg);

/*
 * Argument `i` of the trap that saved `u`.
 * Context: `u` is a call frame and hal_uctx_set_result() was not called since.
 */
#define PRE_hal_uctx_arg(u, i) ((i) < HAL_UCTX_ARGS && HAL_UCTX_CALL(u))
/*@ requires \valid_read(u) && PRE_hal_uctx_arg(u, i); assigns \nothing; */
static inline uint64_t hal_uctx_arg(const struct uctx *u, unsigned i);

/*
 * The result of the trap that saved `u`.
 * Context: `u` is a call frame.
 */
#define PRE_hal_uctx_set_result(u) HAL_UCTX_CALL(u)
/*@ requires \valid(u) && PRE_hal_uctx_set_result(u); assigns *u; ensures call: HAL_UCTX_CALL(u); */
static inline void hal_uctx_set_result(struct uctx *u, uint64_t value);

/* Read the register-form message that the trap which saved `u` carried. Context: `u` is a call frame. */
#define PRE_hal_uctx_get_rpc(u) HAL_UCTX_CALL(u)
/*@ requires \valid_read(u) && \valid(m) && \separated(u, m) && PRE_hal_uctx_get_rpc(u); assigns *m;
    ensures label: m->label == 0; */
static inline void hal_uctx_get_rpc(const struct uctx *u, struct hal_rpc *m);

/*
 * Let `u` resume with message `m` in its registers and `result` as the trap's result.
 * Context: `u` is a call frame.
 */
#define PRE_hal_uctx_set_rpc(u) HAL_UCTX_CALL(u)
/*@ requires \valid(u) && \valid_read(m) && \separated(u, m) && PRE_hal_uctx_set_rpc(u); assigns *u;
    ensures call: HAL_UCTX_CALL(u); */
static inline void hal_uctx_set_rpc(struct uctx *u, const struct hal_rpc *m, uint64_t result);

/*
 * Let `u` execute its trap instruction again with the same arguments when it is resumed.
 * Context: `u` is a call frame and hal_uctx_set_result/set_rpc() were not called since.
 */
#define PRE_hal_uctx_restart(u) HAL_UCTX_CALL(u)
/*@ requires \valid(u) && PRE_hal_uctx_restart(u); assigns *u; ensures call: HAL_UCTX_CALL(u); */
void hal_uctx_restart(struct uctx *u);

/*
 * Set the thread pointer of `u` (x86_64: FS base; aarch64: TPIDR_EL0; riscv64: tp).
 * Returns: HAL_OK; HAL_INVALID no user address: unchanged.
 */
#define POST_hal_uctx_set_tls(result) ((result) == HAL_OK || (result) == HAL_INVALID)
/*@ requires \valid(u); assigns *u; ensures POST_hal_uctx_set_tls(\result);
    ensures invalid: \result != HAL_OK ==> *u == \old(*u);
    ensures form: HAL_UCTX_CALL(u) <==> \old(HAL_UCTX_CALL(u)); */
HAL_NODISCARD enum hal_status hal_uctx_set_tls(struct uctx *u, hal_va_t tls);

/* pc and stack pointer of a context, for messages to people. */
/*@ requires \valid_read(u) && \valid(pc) && \valid(sp) && \separated(u, pc, sp); assigns *pc, *sp; */
void hal_uctx_where(const struct uctx *u, hal_va_t *pc, hal_va_t *sp);

/*
 * Copy the general registers into `state` (flavor and layout: include/mach/<isa>/thread_status.h), or
 * from it.  *count: capacity in 32-bit words in, words written out.  Setting sanitises privileged bits
 * and makes `u` a full frame.  Registers that a call frame does not hold read as zero.
 * Context: `u` is not running.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT unknown flavor, wrong count or a pc/sp/tls that no user
 * context can have: `u`, `state` and `count` unchanged.
 */
#define POST_hal_uctx_get_state(result, count, capacity)                                                     \
    ((result) == KERN_SUCCESS ? *(count) <= (capacity) : *(count) == (capacity))
/*@ requires \valid_read(u) && \valid(count) && \valid(state + (0 .. *count - 1));
    requires \separated(u, count, state + (0 .. *count - 1));
    assigns state[0 .. *count - 1], *count;
    ensures POST_hal_uctx_get_state(\result, count, \old(*count));
    ensures unchanged: \result != KERN_SUCCESS ==>
        \forall integer i; 0 <= i < *count ==> state[i] == \old(state[i]); */
HAL_NODISCARD kern_return_t hal_uctx_get_state(const struct uctx *u, int flavor, uint32_t *state,
                                               uint32_t *count);
#define POST_hal_uctx_set_state(result, u) ((result) != KERN_SUCCESS || !HAL_UCTX_CALL(u))
/*@ requires \valid(u) && \valid_read(state + (0 .. count - 1)) && \separated(u, state + (0 .. count - 1));
    assigns *u;
    ensures full: POST_hal_uctx_set_state(\result, u);
    ensures unchanged: \result != KERN_SUCCESS ==> *u == \old(*u); */
HAL_NODISCARD kern_return_t hal_uctx_set_state(struct uctx *u, int flavor, const uint32_t *state,
                                               uint32_t count);

#include <arch/uctx.h>

#endif
