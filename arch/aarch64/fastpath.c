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
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
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

#define IPC_FAST_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define IPC_FAST_AND &
#define IPC_FAST_AGAIN(kept, memory) (kept)
#define IPC_FAST_TOO_LONG(header) ((header) >> 32 > HAL_RPC_WORDS)
/* So that joined checks become a chain of conditional compares, not of branches. */
#define IPC_FAST_UNLIKELY(x) __builtin_unpredictable(__builtin_expect(!!(x), 0))

/* As arch_fpu_store() and arch_fpu_fetch(), without registers that the payload is in. */
#define PAIR(op, a, b, offset) op " q" #a ", q" #b ", [%0, #" #offset "]\n\t"
/* clang-format off */
#define VECTOR_PAIRS(op)                                                                                     \
    ".arch_extension simd\n\t"                                                                               \
    PAIR(op, 0, 1, 0) PAIR(op, 2, 3, 32) PAIR(op, 4, 5, 64) PAIR(op, 6, 7, 96)                                \
    PAIR(op, 8, 9, 128) PAIR(op, 10, 11, 160) PAIR(op, 12, 13, 192) PAIR(op, 14, 15, 224)                     \
    PAIR(op, 16, 17, 256) PAIR(op, 18, 19, 288) PAIR(op, 20, 21, 320) PAIR(op, 22, 23, 352)                   \
    PAIR(op, 24, 25, 384) PAIR(op, 26, 27, 416) PAIR(op, 28, 29, 448) PAIR(op, 30, 31, 480)
/* clang-format on */
#define IPC_FAST_FPU true
#define IPC_FAST_FPU_SAVE(state)                                                                             \
    do {                                                                                                     \
        void *area_ = (state);                                                                               \
        uint64_t status_, control_;                                                                          \
        __asm__ volatile(VECTOR_PAIRS("stp") "mrs %1, fpsr\n\tmrs %2, fpcr\n\tadd %0, %0, #512\n\t"          \
                                             "stp %1, %2, [%0]"                                              \
                         : "+r"(area_), "=&r"(status_), "=&r"(control_)::"memory");                          \
        SYSREG_WRITE(cpacr_el1, CPACR_KERNEL_ONLY);                                                          \
    } while (0)
#define IPC_FAST_FPU_LOAD(state)                                                                             \
    do {                                                                                                     \
        void *area_ = (state);                                                                               \
        uint64_t status_, control_;                                                                          \
        __asm__ volatile(VECTOR_PAIRS("ldp") "add %0, %0, #512\n\tldp %1, %2, [%0]\n\tmsr fpsr, %1\n\t"      \
                                             "msr fpcr, %2"                                                  \
                         : "+r"(area_), "=&r"(status_), "=&r"(control_)::"memory");                          \
        SYSREG_WRITE(cpacr_el1, CPACR_EVERYBODY);                                                            \
    } while (0)

/* mach_msg: vectors.S comes with all arguments in the current thread, x0 its address, on the CPU's empty stack. */
#define IPC_FAST_MESSAGE_ARGS                                                                                \
    register struct thread *cur_ __asm__("x0");                                                              \
    __asm__ volatile("" : "=r"(cur_));                                                                       \
    struct thread *cur = cur_

#define IPC_FAST_COPYIN(to, from, n) CALL(arch_copyin, (uint64_t)(to), from, n, "x3")
#define IPC_FAST_COPYOUT(to, from, n) CALL(arch_copyout, to, (uint64_t)(from), n, "x3")
#define IPC_FAST_RIGHT(of, step)                                                                             \
    CALL(kern_message_right, (uint64_t)(of), step, 0, "x3", "x11", "x12", "x13", "x14", "x15", "x16", "x17", \
         "x18")
#define CALL(function, a, b, c, ...)                                                                         \
    ({                                                                                                       \
        register uint64_t a_ __asm__("x0") = (a);                                                            \
        register uint64_t b_ __asm__("x1") = (b);                                                            \
        register uint64_t c_ __asm__("x2") = (c);                                                            \
        __asm__ volatile("bl " #function                                                                     \
                         : "+r"(a_), "+r"(b_), "+r"(c_)::"x4", "x5", "x6", "x7", "x8", "x9", "x10", "x30",   \
                           "cc", "memory", __VA_ARGS__);                                                     \
        a_;                                                                                                  \
    })

#define LEAVE(label, going)                                                                                  \
    do {                                                                                                     \
        register struct thread *thread_ __asm__("x0") = (going);                                             \
        __asm__ volatile("b " #label ::"r"(thread_) : "memory");                                             \
        __builtin_unreachable();                                                                             \
    } while (0)

#include <arch/fast_functions.h>
