/* SPDX-License-Identifier: BSD-2-Clause */
/* riscv64: the traps that carry messages, and the thread pointer. */
#ifndef LIBMACH_RPC_TRAP_H
#define LIBMACH_RPC_TRAP_H

#include <libmach/thread_block.h>

/* What a trap clobbers besides the registers that carry the message. */
#define MACH_TRAP_CLOBBERS                                                                                   \
    "ra", "t0", "t1", "t4", "t5", "t6", "memory", "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7",    \
        "ft8", "ft9", "ft10", "ft11", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7"

static inline __attribute__((always_inline)) uint64_t mach_rpc_trap(unsigned number, struct mach_rpc *m,
                                                                    uint32_t more)
{
    register mach_port_name_t a0 __asm__("a0") = m->remote;
    register uint64_t a1 __asm__("a1") = (uint64_t)more << 32 | m->local;
    register uint64_t a2 __asm__("a2") = number;
    register uint64_t a3 __asm__("a3") = m->word[0];
    register uint64_t a4 __asm__("a4") = m->word[1];
    register uint64_t a5 __asm__("a5") = m->word[2];
    register uint64_t a6 __asm__("a6") = m->word[3];
    register uint64_t a7 __asm__("a7") = m->word[4];
    register uint64_t t2 __asm__("t2") = m->header;
    register uint64_t t3 __asm__("t3") = m->word[5];

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7),
                       "+r"(t2), "+r"(t3)
                     :
                     : MACH_TRAP_CLOBBERS);
    m->remote = a0;
    m->label = a1;
    m->word[0] = a3;
    m->word[1] = a4;
    m->word[2] = a5;
    m->word[3] = a6;
    m->word[4] = a7;
    m->word[5] = t3;
    m->header = t2;
    return a2;
}

/* MACH_TRAP_MSG. What it needs afterwards is in memory for that time, not in registers that somebody would have to save. */
static inline __attribute__((always_inline)) uint64_t mach_msg_trap_of(struct mach_msg_call *c)
{
    register mach_msg_header_t *a0 __asm__("a0") = c->msg;
    register mach_msg_option_t a1 __asm__("a1") = c->option;
    register uint64_t a2 __asm__("a2") = MACH_TRAP_MSG;
    register mach_msg_size_t a3 __asm__("a3") = c->send_size;
    register mach_msg_size_t a4 __asm__("a4") = c->rcv_size;
    register mach_port_name_t a5 __asm__("a5") = c->rcv_name;
    register mach_msg_timeout_t a6 __asm__("a6") = c->timeout;
    register mach_msg_size_t a7 __asm__("a7") = c->scatter_size;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7),
                       "+m"(*c)
                     :
                     : "t2", "t3", MACH_TRAP_CLOBBERS);
    return a2;
}

/* MACH_TRAP_MSG with neither timeout nor scatter list. */
static inline __attribute__((always_inline)) uint64_t mach_msg_trap_plain(mach_msg_header_t *msg,
                                                                          mach_msg_option_t option,
                                                                          mach_msg_size_t send_size,
                                                                          mach_msg_size_t rcv_size,
                                                                          mach_port_name_t rcv_name)
{
    register mach_msg_header_t *a0 __asm__("a0") = msg;
    register mach_msg_option_t a1 __asm__("a1") = option;
    register uint64_t a2 __asm__("a2") = MACH_TRAP_MSG;
    register mach_msg_size_t a3 __asm__("a3") = send_size;
    register mach_msg_size_t a4 __asm__("a4") = rcv_size;
    register mach_port_name_t a5 __asm__("a5") = rcv_name;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                     :
                     : "a6", "a7", "t2", "t3", MACH_TRAP_CLOBBERS);
    return a2;
}

static inline struct mach_thread_block *mach_thread_block_self(void)
{
    struct mach_thread_block *block;

    __asm__("mv %0, tp" : "=r"(block));
    return block;
}

#endif
