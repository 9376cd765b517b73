/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of register-form RPC (ipc/ipc_fast.h) for AArch64.  vectors.S comes here with what every entry
 * keeps already saved in the current thread, SP_EL1 still its address, and the trap's arguments in their
 * registers; there is no stack.  The payload (x2 - x7, header x9) is only named, at the start and at the exits, so
 * that the compiler leaves it where it is (a flag of the header is taken off and put on there).
 */
#include <arch/offsets.h>
#include <arch/sysreg.h>
#include <kern/thread.h>
#include <mach/rpc.h>

#define JUMP "b"
#define LEAVE_REGISTER "x0"
#include <arch/fast_macros.h>

#define PAYLOAD "r"(w0_), "r"(w1_), "r"(w2_), "r"(w3_), "r"(w4_), "r"(w5_), "r"(header_)

/* Names that do not fit 32 bits equal none, so they need not be cut; but a flag makes it share the register of one. */
#define IPC_FAST_ARGS                                                                                        \
    register uint64_t x0_ __asm__("x0");                                                                     \
    register uint64_t x1_ __asm__("x1");                                                                     \
    register uint64_t w0_ __asm__("x2");                                                                     \
    register uint64_t w1_ __asm__("x3");                                                                     \
    register uint64_t w2_ __asm__("x4");                                                                     \
    register uint64_t w3_ __asm__("x5");                                                                     \
    register uint64_t w4_ __asm__("x6");                                                                     \
    register uint64_t w5_ __asm__("x7");                                                                     \
    register uint64_t header_ __asm__("x9");                                                                 \
    struct thread *cur;                                                                                      \
    __asm__ volatile("mov %0, sp"                                                                            \
                     : "=r"(cur), "=r"(x0_), "=r"(x1_), "=r"(w0_), "=r"(w1_), "=r"(w2_), "=r"(w3_),          \
                       "=r"(w4_), "=r"(w5_), "=r"(header_));                                                 \
    header_ &= ~flag;                                                                                        \
    uint64_t remote = x0_, local = flag != 0 ? (uint32_t)x1_ : x1_, header = header_,                        \
             more = flag != 0 ? x1_ >> 32 : 0

/* The general path saves the arguments first. */
#define IPC_FAST_SLOW(fresh)                                                                                 \
    do {                                                                                                     \
        x0_ = remote;                                                                                        \
        x1_ = flag != 0 ? more << 32 | local : local;                                                        \
        header_ |= flag;                                                                                     \
        __asm__ volatile("mov w16, %0\n\tmov x8, xzr\n\tb arch_trap_saved" ::"i"(                            \
                             reply ? MACH_TRAP_RPC_REPLY_WAIT : MACH_TRAP_RPC_CALL),                         \
                         "r"(x0_), "r"(x1_), PAYLOAD                                                         \
                         : "memory");                                                                        \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_FLAGGED(other)                                                                              \
    do {                                                                                                     \
        x0_ = remote;                                                                                        \
        x1_ = local;                                                                                         \
        __asm__ volatile("b %c0" ::"i"(FLAGGED(other)), "r"(x0_), "r"(x1_), PAYLOAD : "memory");             \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_NOW()                                                                                       \
    ({                                                                                                       \
        ARCH_ISB();                                                                                          \
        SYSREG_READ(cntvct_el0);                                                                             \
    })

/* As arch_uctx_resume, with the result and the message in its registers; x18 is the last to become zero. */
#define LOAD(a, b, offset) "ldp " #a ", " #b ", [%0, #" TEXT(offset) "]\n\t"
#define ZERO(a, b) LOAD(a, b, UCTX_ZERO)
/* clang-format off */
#define RESUME                                                                                               \
    "mov sp, %0\n\t"                                                                                         \
    LOAD(x10, x11, UCTX_PC) LOAD(x29, x12, UCTX_FP)                                                          \
    "msr elr_el1, x10\n\tmsr tpidr_el0, x11\n\tmsr sp_el0, x12\n\t"                                          \
    LOAD(x19, x20, UCTX_X19) LOAD(x21, x22, UCTX_X19 + 16) LOAD(x23, x24, UCTX_X19 + 32)                     \
    LOAD(x25, x26, UCTX_X19 + 48) LOAD(x27, x28, UCTX_X19 + 64)                                              \
    "msr spsr_el1, xzr\n\t"                                                                   \
    ZERO(x10, x11) ZERO(x12, x13) ZERO(x14, x15) ZERO(x16, x17) ZERO(x18, x30)                               \
    "eret"
/* clang-format on */

#define IPC_FAST_EXIT(here, name, label, next) IPC_FAST_EXIT_MEMBER(here, name, label, next, 0)
#define IPC_FAST_EXIT_MEMBER(here, name, label, next, result)                                                \
    do {                                                                                                     \
        register struct thread *thread_ __asm__("x18") = (next);                                             \
        x0_ = (name);                                                                                        \
        x1_ = (label);                                                                                       \
        register uint64_t result_ __asm__("x8") = (result);                                                  \
        __asm__ volatile(RESUME ::"r"(thread_), "r"(x0_), "r"(x1_), "r"(result_), PAYLOAD : "memory");       \
        __builtin_unreachable();                                                                             \
    } while (0)

/* Exclusive loads and stores, not the single instructions of ARMv8.1: this runs on every core. */
#define IPC_FAST_SWAP(p, v)                                                                                  \
    ({                                                                                                       \
        uint64_t old_;                                                                                       \
        uint32_t failed_;                                                                                    \
        __asm__ volatile("0: ldaxr %0, [%2]\n\tstxr %w1, %3, [%2]\n\tcbnz %w1, 0b"                           \
                         : "=&r"(old_), "=&r"(failed_)                                                       \
                         : "r"(p), "r"((uint64_t)(v))                                                        \
                         : "memory");                                                                        \
        old_;                                                                                                \
    })

#define IPC_FAST_CAS(p, old, new, fail)                                                                      \
    do {                                                                                                     \
        uint64_t seen_;                                                                                      \
        uint32_t failed_;                                                                                    \
        __asm__ goto("0: ldxr %0, [%2]\n\tcmp %0, %3\n\tb.ne %l5\n\tstlxr %w1, %4, [%2]\n\tcbnz %w1, 0b"     \
                     : "=&r"(seen_), "=&r"(failed_)                                                          \
                     : "r"(p), "r"((uint64_t)(old)), "r"((uint64_t)(new))                                    \
                     : "memory", "cc"                                                                        \
                     : fail);                                                                                \
    } while (0)

#define IPC_FAST_AND &
#define IPC_FAST_AGAIN(kept, memory) (kept)
#define IPC_FAST_TOO_LONG(header) ((header) >> 32 > HAL_RPC_WORDS)
/* So that joined checks become a chain of conditional compares, not of branches. */
#define IPC_FAST_UNLIKELY(x) __builtin_unpredictable(__builtin_expect(!!(x), 0))

/* vector_state.S: with registers that the payload is not in. */
#define IPC_FAST_FPU true
#define VECTOR_STATE(function, state, access)                                                                \
    do {                                                                                                     \
        register void *area_ __asm__("x10") = (state);                                                       \
        __asm__ volatile("bl " #function : "+r"(area_)::"x11", "x12", "x30", "memory");                      \
        SYSREG_WRITE(cpacr_el1, access);                                                                     \
    } while (0)
#define IPC_FAST_FPU_SAVE(state) VECTOR_STATE(arch_fast_fpu_store, state, CPACR_KERNEL_ONLY)
#define IPC_FAST_FPU_LOAD(state) VECTOR_STATE(arch_fast_fpu_fetch, state, CPACR_EVERYBODY)

/* mach_msg: vectors.S comes with all arguments also in the current thread, x19 its address, on the CPU's empty stack. */
#define IPC_FAST_MESSAGE_ARGS                                                                                \
    register uint64_t x0_ __asm__("x0");                                                                     \
    register uint64_t x1_ __asm__("x1");                                                                     \
    register uint64_t x2_ __asm__("x2");                                                                     \
    register uint64_t x4_ __asm__("x4");                                                                     \
    register struct thread *x19_ __asm__("x19");                                                             \
    __asm__ volatile("" : "=r"(x0_), "=r"(x1_), "=r"(x2_), "=r"(x4_), "=r"(x19_));                           \
    struct thread *cur = x19_;                                                                               \
    uint64_t address = x0_, option = (uint32_t)x1_, size = x2_, name = (uint32_t)x4_

/* copy.S */
#define MESSAGE_CALL "bl"
#define MESSAGE_TO "x0"
#define MESSAGE_FROM "x1"
#define MESSAGE_SIZE "x2"
#define MESSAGE_A "x6"
#define MESSAGE_B "x7"
#define MESSAGE_C "x4"
#define MESSAGE_CLOBBERS "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x30", "memory"
#include <arch/fast_copies.h>
#define IPC_FAST_COPYIN(to, from, n, small) CALL(arch_copyin, (uint64_t)(to), from, n, "cc")
#define IPC_FAST_COPYOUT(to, from, n, small) CALL(arch_copyout, to, (uint64_t)(from), n, "x3")
#define IPC_FAST_RIGHT(of, step)                                                                             \
    CALL(kern_message_right, (uint64_t)(of), step, 0, "x3", "x4", "x5", "x6", "x7", "x16", "x17", "x18", "cc")
#define CALL(function, a, b, c, ...)                                                                         \
    ({                                                                                                       \
        register uint64_t a_ __asm__("x0") = (a);                                                            \
        register uint64_t b_ __asm__("x1") = (b);                                                            \
        register uint64_t c_ __asm__("x2") = (c);                                                            \
        __asm__ volatile("bl " #function                                                                     \
                         : "+r"(a_), "+r"(b_), "+r"(c_)::"x8", "x9", "x10", "x11", "x12", "x13", "x14",      \
                           "x15", "x30", "memory", __VA_ARGS__);                                             \
        a_;                                                                                                  \
    })

/* A call frame, with the result 0. */
#define IPC_FAST_MESSAGE_EXIT(next)                                                                          \
    do {                                                                                                     \
        register struct thread *thread_ __asm__("x18") = (next);                                             \
        __asm__ volatile(ZERO(x0, x1) ZERO(x2, x3) ZERO(x4, x5) ZERO(x6, x7) ZERO(x8, x9) RESUME             \
                         :                                                                                   \
                         : "r"(thread_)                                                                      \
                         : "memory");                                                                        \
        __builtin_unreachable();                                                                             \
    } while (0)

#include <arch/fast_functions.h>
