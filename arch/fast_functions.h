/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of the fast paths in machine code, to which the trap entry of every ISA jumps.  Included at the end of its fastpath.c,
 * after the macros of ipc/ipc_fast.h and LEAVE(label, thread), which goes on at the entry's `label` with `thread` in its register.
 * They lie beside that code, within the reach of its branches.
 */
#define ENTRY_TEXT __attribute__((section(".text.entry")))
ENTRY_TEXT void arch_fast_call(void);
ENTRY_TEXT void arch_fast_reply_wait(void);
ENTRY_TEXT void arch_fast_call_timed(void);
ENTRY_TEXT void arch_fast_reply_wait_timed(void);
ENTRY_TEXT void arch_fast_call_apart(void);
ENTRY_TEXT void arch_fast_message(void);

/* Where the path with `flag` begins (IPC_FAST_FLAGGED). */
#define FLAGGED(flag)                                                                                        \
    ((flag) == MACH_RPC_APART ? arch_fast_call_apart                                                         \
     : reply                  ? arch_fast_reply_wait_timed                                                   \
                              : arch_fast_call_timed)

#define IPC_FAST_MESSAGE_GENERAL(thread) LEAVE(arch_message_general, thread)

#include <ipc/ipc_fast.h>
#include <ipc/ipc_fast_message.h>

_Static_assert(sizeof(mach_msg_header_t) == 24 && sizeof(mach_msg_trailer_t) == 8 &&
                   IPC_DIRECT_BODY_MAX == 31 * 8 + 4,
               "the machine code that reads and writes small messages");

/* A naked function takes no statements but asm, whose operands may be any expression: no prologue, no stack. */
#define NAKED_FUNCTION(name, body)                                                                           \
    __attribute__((naked)) void name(void)                                                                   \
    {                                                                                                        \
        __asm__ volatile("" ::"r"(body));                                                                    \
    }

NAKED_FUNCTION(arch_fast_call, ipc_fast_body(false, 0))
NAKED_FUNCTION(arch_fast_reply_wait, ipc_fast_body(true, 0))
NAKED_FUNCTION(arch_fast_call_timed, ipc_fast_body(false, MACH_RPC_TIMED))
NAKED_FUNCTION(arch_fast_reply_wait_timed, ipc_fast_body(true, MACH_RPC_TIMED))
NAKED_FUNCTION(arch_fast_call_apart, ipc_fast_body(false, MACH_RPC_APART))
NAKED_FUNCTION(arch_fast_message, ipc_fast_message_body())
