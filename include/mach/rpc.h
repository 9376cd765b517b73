/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trap ABI, and the register form of RPC.
 *
 * A trap clobbers every register that the C ABI lets a function clobber, vector registers included; those that carry
 * no result come back as zero.  Flags (rflags, PSTATE) are not kept either.
 *
 *                   x86_64 (syscall)      aarch64 (svc #n)     riscv64 (ecall)
 *   number          eax                   n                    a2
 *   arguments 0-6   rdi rsi rdx r8        x0 - x6              a0 a1 a3 a4 a5 a6 a7
 *                   r9 r10 rbx
 *   result          rax                   x8                   a2
 *
 * The register form of RPC (MACH_TRAP_RPC_CALL, MACH_TRAP_RPC_REPLY_WAIT):
 *
 *   remote name     rdi bits 0-31         x0                   a0
 *   local name      rdi bits 32-63        x1                   a1
 *   header          rsi                   x9                   t2
 *   words 0-5       r8 r9 r10             x2 - x7              a3 a4 a5 a6 a7 t3
 *                   rbx r12 r13
 *   back: result    rax                   x8                   a2
 *         remote    rdi                   x0                   a0
 *         label     rdx                   x1                   a1
 *         header and words where they went in
 *
 * header = number of payload words (0 .. 6) << 32 | msgh_id.  As a message in memory it is a simple message of
 * 24 + 8 * words bytes; with MACH_RPC_HALF, 4 bytes less: the last word counts by its low half.  Registers beyond the
 * payload are handed over as they are: the stubs clear them.
 *
 * With MACH_RPC_TIMED in the header the receive ends after that many milliseconds at the latest, with MACH_RCV_TIMED_OUT:
 *
 *   milliseconds    rax bits 32-63        x1 bits 32-63        a1 bits 32-63
 *
 * With MACH_RPC_APART in the header of a call the same bits are a name: the answer comes to the local name, a port, and the receive is
 * from this one (a set with that port in it, as a rule). A trap has one of the two flags at most.
 *
 * A received message usually is a call (remote is a send-once right, and it came over a send right) or an answer (remote is
 * null, it came over a send-once right).  Where that is not so, bits 40-47 of the header hold the kind of right that remote is and bits
 * 48-55 the one that it came over (MACH_MSG_TYPE_PORT_*).  Bits 32-63 of the result are 0, or the name of the port that the
 * message came to if that is not the name that the receive was from (which was a port set's).
 */
#ifndef MACH_RPC_H
#define MACH_RPC_H

#define MACH_TRAP_RPC_CALL 0
#define MACH_TRAP_RPC_REPLY_WAIT 1
#define MACH_TRAP_MSG 2
#define MACH_TRAP_REPLY_PORT 3
#define MACH_TRAP_THREAD_SELF 4
#define MACH_TRAP_TASK_SELF 5
#define MACH_TRAP_HOST_SELF 6
#define MACH_TRAP_THREAD_SWITCH 7
#define MACH_TRAP_THREAD_SET_TLS 8
#define MACH_TRAP_PRINT 9
#define MACH_TRAP_NULL 10
/* A task's calls about its own names and memory (libmach/port.c, libmach/vm.c); what they decline goes as a message. */
#define MACH_TRAP_PORT_ALLOCATE 11
#define MACH_TRAP_PORT_DESTROY 12
#define MACH_TRAP_PORT_DEALLOCATE 13
#define MACH_TRAP_PORT_MOD_REFS 14
#define MACH_TRAP_PORT_INSERT_RIGHT 15
#define MACH_TRAP_PORT_MOVE_MEMBER 16
#define MACH_TRAP_PORT_INSERT_MEMBER 17
#define MACH_TRAP_PORT_EXTRACT_MEMBER 18
#define MACH_TRAP_VM_ALLOCATE 19
#define MACH_TRAP_VM_DEALLOCATE 20
#define MACH_TRAP_VM_PROTECT 21
#define MACH_TRAP_COUNT 22

#define MACH_RPC_WORDS 6
#define MACH_RPC_HALF (1ul << 35)
#define MACH_RPC_TIMED (1ul << 36) /* at entry only, as the next one */
#define MACH_RPC_APART (1ul << 37)
#define MACH_RPC_HEADER(id, words) ((unsigned long)(words) << 32 | (unsigned int)(id))
/* Words, and bytes of the message in memory, that a header tells. */
#define MACH_RPC_COUNT(header) ((unsigned)((header) >> 32) & 7u)
#define MACH_RPC_SIZE(header)                                                                                \
    (24u + 8u * MACH_RPC_COUNT(header) - (((header) & MACH_RPC_HALF) != 0 ? 4u : 0u))
#define MACH_RPC_REMOTE_SHIFT 40
#define MACH_RPC_LOCAL_SHIFT 48

#endif
