/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast path of register-form RPC (ipc/ipc_fast.h).  entry.S comes here with what every trap keeps, and rdi,
 * already saved in the current thread, r11 its address, and the trap's arguments in their registers.  The payload
 * (r8 r9 r10 rbx r12 r13, header rsi) is only named, at the start and at the exits, so that the compiler leaves it
 * where it is (a flag of the header is taken off and put on there).  That leaves seven registers for the body.  What
 * does not fit them is spilled: below rbp, which the compiler takes for a frame pointer, and which is the end of the
 * CPU's empty stack.  The stack pointer is still the user's: nothing here may use it (exceptions have stacks of their
 * own).
 */
#include <arch/offsets.h>
#include <arch/x86.h>
#include <kern/thread.h>
#include <mach/rpc.h>

#define JUMP "jmp"
#define LEAVE_REGISTER "r11"
#include <arch/fast_macros.h>

extern const uint64_t x86_rpc_header_end; /* entry.S: the first header with too many words */

#define LOAD(offset, reg) "mov " TEXT(offset) "(%0), %%" #reg "\n\t"

#define PAYLOAD "S"(header_), "r"(w0_), "r"(w1_), "r"(w2_), "b"(w3_), "r"(w4_), "r"(w5_)

#define IPC_FAST_ARGS                                                                                        \
    uint64_t names_, header_, w3_, number_;                                                                  \
    register uint64_t w0_ __asm__("r8");                                                                     \
    register uint64_t w1_ __asm__("r9");                                                                     \
    register uint64_t w2_ __asm__("r10");                                                                    \
    register uint64_t w4_ __asm__("r12");                                                                    \
    register uint64_t w5_ __asm__("r13");                                                                    \
    register struct thread *cur_ __asm__("r11");                                                             \
    __asm__ volatile(""                                                                                      \
                     : "=D"(names_), "=S"(header_), "=r"(w0_), "=r"(w1_), "=r"(w2_), "=b"(w3_), "=r"(w4_),   \
                       "=r"(w5_), "=r"(cur_), "=a"(number_));                                                \
    header_ &= ~flag;                                                                                        \
    struct thread *cur = cur_;                                                                               \
    uint64_t remote = (uint32_t)names_, local = names_ >> 32, header = header_,                              \
             more = flag != 0 ? number_ >> 32 : 0

#define NUMBER (reply ? MACH_TRAP_RPC_REPLY_WAIT : MACH_TRAP_RPC_CALL)

/* The general path saves the arguments first. */
#define IPC_FAST_SLOW(fresh)                                                                                 \
    do {                                                                                                     \
        register struct thread *thread_ __asm__("r11") = cur;                                                \
        header_ |= flag;                                                                                     \
        uint64_t trap_ = (fresh) || flag != 0 ? number_ : NUMBER;                                            \
        __asm__ volatile("jmp x86_fast_slow" ::"a"(trap_), "r"(thread_), PAYLOAD : "memory");                \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_FLAGGED(other)                                                                              \
    do {                                                                                                     \
        register struct thread *thread_ __asm__("r11") = cur;                                                \
        __asm__ volatile("jmp %c0" ::"i"(FLAGGED(other)), "a"(number_), "D"(names_), "r"(thread_), PAYLOAD   \
                         : "memory");                                                                        \
        __builtin_unreachable();                                                                             \
    } while (0)

#define IPC_FAST_NOW() x86_rdtsc()

/* Resume the call frame `next`, its result by the instruction `result`. wrmsr takes edx, where the label goes. */
/* clang-format off */
#define RESUME(name, label, next, result, ...)                                                               \
    register struct thread *thread_ __asm__("r15") = (next);                                                 \
    register uint64_t label_ __asm__("r14") = (label);                                                       \
    __asm__ volatile("mov %0, %%gs:" TEXT(CPU_CURRENT) "\n\tmov %%gs:" TEXT(CPU_SELF) ", %%rcx\n\t"           \
                     "mov %%rcx, " TEXT(UCTX_CPU) "(%0)\n\tmov $" TEXT(MSR_FS_BASE) ", %%ecx\n\t"              \
                     LOAD(UCTX_FS_BASE, eax) LOAD(UCTX_FS_BASE + 4, edx) "wrmsr\n\tmov %%r14, %%rdx\n\t"     \
                     LOAD(UCTX_RBP, rbp) LOAD(UCTX_RSP, rsp) LOAD(UCTX_RIP, rcx) LOAD(UCTX_R14, r14)         \
                     LOAD(UCTX_R15, r15) result "\n\tmov $" TEXT(RFLAGS_USER) ", %%r11d\n\tswapgs\n\tsysretq" \
                     ::"r"(thread_), "D"(name), "r"(label_), ##__VA_ARGS__, PAYLOAD : "memory");             \
    __builtin_unreachable()
/* clang-format on */
#define IPC_FAST_EXIT(here, name, label, next)                                                               \
    do {                                                                                                     \
        RESUME(name, label, next, "xor %%eax, %%eax");                                                       \
    } while (0)
#define IPC_FAST_EXIT_MEMBER(here, name, label, next, result)                                                \
    do {                                                                                                     \
        register uint64_t result_ __asm__("r11") = (result);                                                 \
        RESUME(name, label, next, "mov %%r11, %%rax", "r"(result_));                                         \
    } while (0)

#define IPC_FAST_SWAP(p, v)                                                                                  \
    ({                                                                                                       \
        uint64_t old_ = (v);                                                                                 \
        __asm__ volatile("xchg %0, %1" : "+r"(old_), "+m"(*(p))::"memory");                                  \
        old_;                                                                                                \
    })

#define IPC_FAST_CAS(p, old, new, fail)                                                                      \
    do {                                                                                                     \
        __asm__ goto("lock cmpxchg %2, %1\n\tjne %l3" ::"a"(old), "m"(*(p)), "r"((uint64_t)(new))            \
                     : "memory", "cc"                                                                        \
                     : fail);                                                                                \
    } while (0)

#define IPC_FAST_AND &&
/* A value in memory costs less than one that is spilled. */
#define IPC_FAST_AGAIN(kept, memory) (__atomic_signal_fence(__ATOMIC_SEQ_CST), (memory))
#define IPC_FAST_TOO_LONG(header)                                                                            \
    ((header) >= x86_rpc_header_end) /* an operand in memory costs no instruction */

/* fpu.c says why; without XSAVE the general path does it. */
#define IPC_FAST_FPU (x86_fpu_components != 0)
#define IPC_FAST_FPU_SAVE(area)                                                                              \
    do {                                                                                                     \
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");           \
        x86_write_cr0(CR0_KERNEL | CR0_TS);                                                                  \
    } while (0)
#define IPC_FAST_FPU_LOAD(area)                                                                              \
    __asm__ volatile("clts; fnclex; emms; fildl %3; fstp %%st(0); xrstor64 (%0)" ::"r"(area),                \
                     "a"(UINT32_MAX), "d"(UINT32_MAX), "m"(x86_fpu_zero)                                     \
                     : "memory")

/* mach_msg: entry.S comes with all arguments in the current thread, r11 its address, and the stack pointer below what is spilled. */
#define IPC_FAST_MESSAGE_ARGS                                                                                \
    register struct thread *cur_ __asm__("r11");                                                             \
    register uint64_t name_ __asm__("r9");                                                                   \
    uint64_t address, option, size;                                                                          \
    __asm__ volatile("" : "=r"(cur_), "=D"(address), "=S"(option), "=d"(size), "=r"(name_));                 \
    struct thread *cur = cur_;                                                                               \
    uint64_t name = (uint32_t)name_;                                                                         \
    option = (uint32_t)option

/* The copies of the next ones are as good. */
#define IPC_FAST_READ(m, from, body, first, ports) ((first) = (ports) = 0, HAL_FAULT)
#define IPC_FAST_WRITE(to, m, body, bits, name, port) HAL_FAULT
#define IPC_FAST_COPYIN(to, from, n, small) COPY((uint64_t)(to), from, n, small)
#define IPC_FAST_COPYOUT(to, from, n, small) COPY(to, (uint64_t)(from), n, small)
#define COPY(to, from, n, small)                                                                             \
    ({                                                                                                       \
        uint64_t status_, to_ = (to), from_ = (from), n_ = (n);                                              \
        if (small)                                                                                           \
            __asm__ volatile("call x86_copy_small"                                                           \
                             : "=a"(status_)                                                                 \
                             : "D"(to_), "S"(from_), "d"(n_)                                                 \
                             : "r8", "cc", "memory");                                                        \
        else                                                                                                 \
            __asm__ volatile("call hal_copyin"                                                               \
                             : "=a"(status_), "+D"(to_), "+S"(from_), "+d"(n_)::"rcx", "r8", "cc",           \
                               "memory");                                                                    \
        status_;                                                                                             \
    })

#define IPC_FAST_RIGHT(of, step)                                                                             \
    ({                                                                                                       \
        uint64_t result_, step_ = (step);                                                                    \
        struct thread *right_ = (of);                                                                        \
        __asm__ volatile("call kern_message_right"                                                           \
                         : "=a"(result_), "+D"(right_), "+S"(step_)::"rcx", "rdx", "r8", "r9", "r10", "r11", \
                           "cc", "memory");                                                                  \
        result_;                                                                                             \
    })

#define IPC_FAST_MESSAGE_EXIT(next) LEAVE(arch_message_done, next)

#include <arch/fast_functions.h>
