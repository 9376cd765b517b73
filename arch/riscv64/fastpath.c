/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of register-form RPC (ipc/ipc_fast.h) for riscv64.  trap.S comes here with the callee-saved registers, sp,
 * gp, tp and pc already in the current thread, whose address is in a2, and the trap's arguments in their
 * registers; there is no stack, tp and sp are the user's, and sscratch is 0.  The payload (a3 - a7, t3, header t2) is
 * only named, at the start and at the exits, so that the compiler leaves it where it is (a flag of the header is taken off and put
 * on there).
 *
 * The thread that goes on waits in a call frame, so uctx.form is right as it is; uctx.cpu is not if a continuation of the thread
 * began the wait, on another CPU than the one where it trapped.
 * A code change announced by hal_icache_sync() is not looked for: its interrupt comes at once in user mode.
 */
#include <arch/csr.h>
#include <arch/uctx.h>
#include <kern/thread.h>
#include <mach/rpc.h>

#define JUMP "j"
#define LEAVE_REGISTER "a0"
#include <arch/fast_macros.h>

#define LOAD(reg, offset) "ld " #reg ", " TEXT(offset) "(t0)\n\t"

#define PAYLOAD "r"(w0_), "r"(w1_), "r"(w2_), "r"(w3_), "r"(w4_), "r"(w5_), "r"(header_)

/* Names that do not fit 32 bits equal none, so they need not be cut; but a flag makes it share the register of one. */
#define IPC_FAST_ARGS                                                                                        \
    register uint64_t a0_ __asm__("a0");                                                                     \
    register uint64_t a1_ __asm__("a1");                                                                     \
    register struct thread *a2_ __asm__("a2");                                                               \
    register uint64_t w0_ __asm__("a3");                                                                     \
    register uint64_t w1_ __asm__("a4");                                                                     \
    register uint64_t w2_ __asm__("a5");                                                                     \
    register uint64_t w3_ __asm__("a6");                                                                     \
    register uint64_t w4_ __asm__("a7");                                                                     \
    register uint64_t w5_ __asm__("t3");                                                                     \
    register uint64_t header_ __asm__("t2");                                                                 \
    __asm__ volatile(""                                                                                      \
                     : "=r"(a0_), "=r"(a1_), "=r"(a2_), "=r"(w0_), "=r"(w1_), "=r"(w2_), "=r"(w3_),          \
                       "=r"(w4_), "=r"(w5_), "=r"(header_));                                                 \
    header_ &= ~flag;                                                                                        \
    struct thread *cur = a2_;                                                                                \
    uint64_t remote = a0_, local = flag != 0 ? (uint32_t)a1_ : a1_, header = header_,                        \
             more = flag != 0 ? a1_ >> 32 : 0

/* The general path saves the arguments first. s0 = 0: callee-saved registers are not the user's any more. */
#define IPC_FAST_SLOW(fresh)                                                                                 \
    do {                                                                                                     \
        a0_ = remote;                                                                                        \
        a1_ = flag != 0 ? more << 32 | local : local;                                                        \
        a2_ = cur;                                                                                           \
        header_ |= flag;                                                                                     \
        __asm__ volatile("li t0, %0\n\tli s0, 0\n\tj arch_trap_saved" ::"i"(reply ? MACH_TRAP_RPC_REPLY_WAIT \
                                                                                  : MACH_TRAP_RPC_CALL),     \
                         "r"(a0_), "r"(a1_), "r"(a2_), PAYLOAD                                               \
                         : "memory");                                                                        \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_FLAGGED(other)                                                                              \
    do {                                                                                                     \
        a0_ = remote;                                                                                        \
        a1_ = local;                                                                                         \
        a2_ = cur;                                                                                           \
        __asm__ volatile("j %0" ::"i"(FLAGGED(other)), "r"(a0_), "r"(a1_), "r"(a2_), PAYLOAD : "memory");    \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_NOW() ARCH_CSR_READ(time)

/* As resume_result in trap.S, but with the message in its registers.  The C ABI extends 32-bit values by their sign. */
/* clang-format off */
#define RESUME_FROM_T0                                                                                       \
    LOAD(t1, UCTX_PC)                                                                                        \
    "csrw sscratch, t0\n\t"                                                                                  \
    "csrw sepc, t1\n\t"                                                                                      \
    LOAD(s0, UCTX_S(0)) LOAD(s1, UCTX_S(1)) LOAD(s2, UCTX_S(2)) LOAD(s3, UCTX_S(3))                          \
    LOAD(s4, UCTX_S(4)) LOAD(s5, UCTX_S(5)) LOAD(s6, UCTX_S(6)) LOAD(s7, UCTX_S(7))                          \
    LOAD(s8, UCTX_S(8)) LOAD(s9, UCTX_S(9)) LOAD(s10, UCTX_S(10)) LOAD(s11, UCTX_S(11))                      \
    LOAD(sp, UCTX_SP) LOAD(tp, UCTX_TP) LOAD(gp, UCTX_GP)                                                    \
    "li t0, 0\n\tli t1, 0\n\tli t4, 0\n\tli t5, 0\n\tli t6, 0\n\tli ra, 0\n\t"                     \
    "sret"
/* clang-format on */

#define IPC_FAST_EXIT(here, name, label, next) IPC_FAST_EXIT_MEMBER(here, name, label, next, 0)
#define IPC_FAST_EXIT_MEMBER(here, name, label, next, result)                                                \
    do {                                                                                                     \
        (next)->uctx.cpu = &(here)->hal;                                                                     \
        register struct thread *t0_ __asm__("t0") = (next);                                                  \
        a0_ = (uint64_t)(int32_t)(name);                                                                     \
        a1_ = (label);                                                                                       \
        register uint64_t result_ __asm__("a2") = (result);                                                  \
        __asm__ volatile(RESUME_FROM_T0 ::"r"(t0_), "r"(a0_), "r"(a1_), "r"(result_), PAYLOAD : "memory");   \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_SWAP(p, v)                                                                                  \
    ({                                                                                                       \
        uint64_t old_;                                                                                       \
        __asm__ volatile("amoswap.d.aq %0, %2, (%1)" : "=&r"(old_) : "r"(p), "r"((uint64_t)(v)) : "memory"); \
        old_;                                                                                                \
    })

#define IPC_FAST_CAS(p, old, new, fail)                                                                      \
    do {                                                                                                     \
        uint64_t seen_;                                                                                      \
        __asm__ goto("0: lr.d %0, (%1)\n\tbne %0, %2, %l4\n\tsc.d.rl %0, %3, (%1)\n\tbnez %0, 0b"            \
                     : "=&r"(seen_)                                                                          \
                     : "r"(p), "r"((uint64_t)(old)), "r"((uint64_t)(new))                                    \
                     : "memory"                                                                              \
                     : fail);                                                                                \
    } while (0)

#define IPC_FAST_AND &&
#define IPC_FAST_AGAIN(kept, memory) (kept)
#define IPC_FAST_TOO_LONG(header) ((header) >> 32 > HAL_RPC_WORDS)

/* Integer code does not touch vector state here, so the general path will do. */
#define IPC_FAST_FPU false
#define IPC_FAST_FPU_SAVE(area) ((void)(area))
#define IPC_FAST_FPU_LOAD(area) ((void)(area))

/* mach_msg: trap.S comes with all arguments also in the current thread, a2 its address, on the CPU's empty stack, and tp the kernel's. */
#define IPC_FAST_MESSAGE_ARGS                                                                                \
    register uint64_t a0_ __asm__("a0");                                                                     \
    register uint64_t a1_ __asm__("a1");                                                                     \
    register struct thread *a2_ __asm__("a2");                                                               \
    register uint64_t a3_ __asm__("a3");                                                                     \
    register uint64_t a5_ __asm__("a5");                                                                     \
    __asm__ volatile("" : "=r"(a0_), "=r"(a1_), "=r"(a2_), "=r"(a3_), "=r"(a5_));                            \
    struct thread *cur = a2_;                                                                                \
    uint64_t address = a0_, option = a1_, size = a3_, name = a5_

/* trap.S */
#define MESSAGE_CALL "call"
#define MESSAGE_TO "a0"
#define MESSAGE_FROM "a1"
#define MESSAGE_SIZE "a3"
#define MESSAGE_A "a6"
#define MESSAGE_B "a7"
#define MESSAGE_C "a5"
#define MESSAGE_CLOBBERS "t0", "t1", "t2", "t3", "ra", "memory"
#include <arch/fast_copies.h>
#define IPC_FAST_COPYIN(to, from, n, small) COPY((uint64_t)(to), from, n)
#define IPC_FAST_COPYOUT(to, from, n, small) COPY(to, (uint64_t)(from), n)
#define COPY(to, from, n)                                                                                    \
    ({                                                                                                       \
        register uint64_t to_ __asm__("a0") = (to);                                                          \
        register uint64_t from_ __asm__("a1") = (from);                                                      \
        register uint64_t n_ __asm__("a2") = (n);                                                            \
        __asm__ volatile("call arch_user_copy"                                                               \
                         : "+r"(to_), "+r"(from_), "+r"(n_)::"a3", "a4", "a5", "a6", "t0", "t1", "t2", "t3", \
                           "t4", "t5", "t6", "ra", "memory");                                                \
        to_;                                                                                                 \
    })

#define IPC_FAST_RIGHT(of, step)                                                                             \
    ({                                                                                                       \
        register uint64_t result_ __asm__("a0") = (uint64_t)(of);                                            \
        register uint64_t step_ __asm__("a1") = (step);                                                      \
        __asm__ volatile("call kern_message_right"                                                           \
                         : "+r"(result_), "+r"(step_)::"a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", \
                           "t3", "t4", "t5", "t6", "ra", "memory");                                          \
        result_;                                                                                             \
    })

#define IPC_FAST_MESSAGE_EXIT(next) LEAVE(arch_message_done, next)

#include <arch/fast_functions.h>
