/* SPDX-License-Identifier: BSD-2-Clause */
/* aarch64: the traps that carry messages, and the thread pointer. */
#ifndef LIBMACH_RPC_TRAP_H
#define LIBMACH_RPC_TRAP_H

#include <libmach/thread_block.h>

/* What a trap clobbers besides the registers that carry the message. */
#define MACH_TRAP_CLOBBERS                                                                                   \
    "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x30", "cc", "memory", "v0", "v1", "v2",  \
        "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",  \
        "v26", "v27", "v28", "v29", "v30", "v31"

static inline __attribute__((always_inline)) uint64_t mach_rpc_trap(unsigned number, struct mach_rpc *m,
                                                                    uint32_t more)
{
    register uint64_t x0 __asm__("x0") = m->remote;
    register uint64_t x1 __asm__("x1") = (uint64_t)more << 32 | m->local;
    register uint64_t x2 __asm__("x2") = m->word[0];
    register uint64_t x3 __asm__("x3") = m->word[1];
    register uint64_t x4 __asm__("x4") = m->word[2];
    register uint64_t x5 __asm__("x5") = m->word[3];
    register uint64_t x6 __asm__("x6") = m->word[4];
    register uint64_t x7 __asm__("x7") = m->word[5];
    register uint64_t x8 __asm__("x8");
    register uint64_t x9 __asm__("x9") = m->header;

    __asm__ volatile("svc %[number]"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7),
                       "=r"(x8), "+r"(x9)
                     : [number] "i"(number)
                     : MACH_TRAP_CLOBBERS);
    m->remote = (mach_port_name_t)x0;
    m->label = x1;
    m->word[0] = x2;
    m->word[1] = x3;
    m->word[2] = x4;
    m->word[3] = x5;
    m->word[4] = x6;
    m->word[5] = x7;
    m->header = x9;
    return x8;
}

/* MACH_TRAP_MSG. What it needs afterwards is in memory for that time, not in registers that somebody would have to save. */
static inline __attribute__((always_inline)) uint64_t mach_msg_trap_of(struct mach_msg_call *c)
{
    register mach_msg_header_t *x0 __asm__("x0") = c->msg;
    register mach_msg_option_t x1 __asm__("x1") = c->option;
    register mach_msg_size_t x2 __asm__("x2") = c->send_size;
    register mach_msg_size_t x3 __asm__("x3") = c->rcv_size;
    register mach_port_name_t x4 __asm__("x4") = c->rcv_name;
    register mach_msg_timeout_t x5 __asm__("x5") = c->timeout;
    register mach_msg_size_t x6 __asm__("x6") = c->scatter_size;
    register uint64_t x8 __asm__("x8");

    __asm__ volatile("svc %[number]"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "=r"(x8),
                       "+m"(*c)
                     : [number] "i"(MACH_TRAP_MSG)
                     : "x7", "x9", MACH_TRAP_CLOBBERS);
    return x8;
}

/* MACH_TRAP_MSG with neither timeout nor scatter list. */
static inline __attribute__((always_inline)) uint64_t mach_msg_trap_plain(mach_msg_header_t *msg,
                                                                          mach_msg_option_t option,
                                                                          mach_msg_size_t send_size,
                                                                          mach_msg_size_t rcv_size,
                                                                          mach_port_name_t rcv_name)
{
    register mach_msg_header_t *x0 __asm__("x0") = msg;
    register mach_msg_option_t x1 __asm__("w1") = option;
    register mach_msg_size_t x2 __asm__("w2") = send_size;
    register mach_msg_size_t x3 __asm__("w3") = rcv_size;
    register mach_port_name_t x4 __asm__("w4") = rcv_name;
    register uint64_t x8 __asm__("x8");

    __asm__ volatile("svc %[number]"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "=r"(x8)
                     : [number] "i"(MACH_TRAP_MSG)
                     : "x5", "x6", "x7", "x9", MACH_TRAP_CLOBBERS);
    return x8;
}

static inline struct mach_thread_block *mach_thread_block_self(void)
{
    struct mach_thread_block *block;

    __asm__("mrs %0, tpidr_el0" : "=r"(block));
    return block;
}

#endif
