/* SPDX-License-Identifier: BSD-2-Clause */
/* x86_64: the traps that carry messages, and the thread pointer. */
#ifndef LIBMACH_RPC_TRAP_H
#define LIBMACH_RPC_TRAP_H

#include <libmach/thread_block.h>

/* What a trap clobbers besides the registers that carry the message. */
#define MACH_TRAP_CLOBBERS                                                                                   \
    "rcx", "r11", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",    \
        "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static inline __attribute__((always_inline)) uint64_t mach_rpc_trap(unsigned number, struct mach_rpc *m,
                                                                    uint32_t more)
{
    register uint64_t r8 __asm__("r8") = m->word[0];
    register uint64_t r9 __asm__("r9") = m->word[1];
    register uint64_t r10 __asm__("r10") = m->word[2];
    register uint64_t r12 __asm__("r12") = m->word[4];
    register uint64_t r13 __asm__("r13") = m->word[5];
    uint64_t result = (uint64_t)more << 32 | number, ports = (uint64_t)m->local << 32 | m->remote;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(ports), "+S"(m->header), "=d"(m->label), "+r"(r8), "+r"(r9),
                       "+r"(r10), "+b"(m->word[3]), "+r"(r12), "+r"(r13)
                     :
                     : MACH_TRAP_CLOBBERS);
    m->remote = (mach_port_name_t)ports;
    m->word[0] = r8;
    m->word[1] = r9;
    m->word[2] = r10;
    m->word[4] = r12;
    m->word[5] = r13;
    return result;
}

/* MACH_TRAP_MSG. What it needs afterwards is in memory for that time, not in registers that somebody would have to save. */
static inline __attribute__((always_inline)) uint64_t mach_msg_trap_of(struct mach_msg_call *c)
{
    mach_msg_header_t *rdi = c->msg;
    uint64_t result = MACH_TRAP_MSG;
    mach_msg_option_t rsi = c->option;
    mach_msg_size_t rdx = c->send_size;
    register mach_msg_size_t r8 __asm__("r8") = c->rcv_size;
    register mach_port_name_t r9 __asm__("r9") = c->rcv_name;
    register mach_msg_timeout_t r10 __asm__("r10") = c->timeout;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8), "+r"(r9), "+r"(r10), "+m"(*c)
                     : "b"(c->scatter_size)
                     : MACH_TRAP_CLOBBERS);
    return result;
}

/* MACH_TRAP_MSG with neither timeout nor scatter list. */
static inline __attribute__((always_inline)) uint64_t mach_msg_trap_plain(mach_msg_header_t *msg,
                                                                          mach_msg_option_t option,
                                                                          mach_msg_size_t send_size,
                                                                          mach_msg_size_t rcv_size,
                                                                          mach_port_name_t rcv_name)
{
    uint64_t result = MACH_TRAP_MSG;
    register mach_msg_size_t r8 __asm__("r8") = rcv_size;
    register mach_port_name_t r9 __asm__("r9") = rcv_name;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(msg), "+S"(option), "+d"(send_size), "+r"(r8), "+r"(r9)
                     :
                     : "r10", MACH_TRAP_CLOBBERS);
    return result;
}

static inline struct mach_thread_block *mach_thread_block_self(void)
{
    struct mach_thread_block *block;

    __asm__("movq %%fs:0, %0" : "=r"(block));
    return block;
}

#endif
