/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: kinds, masks, and what a handler wants to be told. */
#ifndef MACH_EXCEPTION_TYPES_H
#define MACH_EXCEPTION_TYPES_H

#include <mach/vm_types.h>

typedef int exception_type_t;
typedef integer_t exception_data_type_t;
typedef int64_t mach_exception_data_type_t;
typedef int exception_behavior_t;
typedef exception_data_type_t *exception_data_t;
typedef mach_exception_data_type_t *mach_exception_data_t;
typedef unsigned int exception_mask_t;
typedef exception_mask_t *exception_mask_array_t;
typedef exception_behavior_t *exception_behavior_array_t;

#define EXC_BAD_ACCESS 1      /* code: a kern_return_t; subcode: the address */
#define EXC_BAD_INSTRUCTION 2 /* code: the ISA's cause number; subcode: what the ISA tells with it */
#define EXC_ARITHMETIC 3
#define EXC_EMULATION 4
#define EXC_SOFTWARE 5
#define EXC_BREAKPOINT 6
#define EXC_SYSCALL 7
#define EXC_MACH_SYSCALL 8 /* a trap number that is none of ours; code: the number */
#define EXC_RPC_ALERT 9
#define EXC_CRASH 10
#define EXC_GUARD 12       /* a guard was violated; code: see EXC_GUARD_DECODE_*; subcode: the guard */
#define EXC_TYPES_COUNT 14 /* number of kinds + 1: they count from 1 */

#define EXC_MASK_BAD_ACCESS (1u << EXC_BAD_ACCESS)
#define EXC_MASK_BAD_INSTRUCTION (1u << EXC_BAD_INSTRUCTION)
#define EXC_MASK_ARITHMETIC (1u << EXC_ARITHMETIC)
#define EXC_MASK_EMULATION (1u << EXC_EMULATION)
#define EXC_MASK_SOFTWARE (1u << EXC_SOFTWARE)
#define EXC_MASK_BREAKPOINT (1u << EXC_BREAKPOINT)
#define EXC_MASK_SYSCALL (1u << EXC_SYSCALL)
#define EXC_MASK_MACH_SYSCALL (1u << EXC_MACH_SYSCALL)
#define EXC_MASK_RPC_ALERT (1u << EXC_RPC_ALERT)
#define EXC_MASK_CRASH (1u << EXC_CRASH)
#define EXC_MASK_GUARD (1u << EXC_GUARD)
#define EXC_MASK_ALL                                                                                         \
    (EXC_MASK_BAD_ACCESS | EXC_MASK_BAD_INSTRUCTION | EXC_MASK_ARITHMETIC | EXC_MASK_EMULATION |             \
     EXC_MASK_SOFTWARE | EXC_MASK_BREAKPOINT | EXC_MASK_SYSCALL | EXC_MASK_MACH_SYSCALL |                    \
     EXC_MASK_RPC_ALERT | EXC_MASK_GUARD)
#define EXC_MASK_VALID (EXC_MASK_ALL | EXC_MASK_CRASH)

/* Which message the kernel sends. */
#define EXCEPTION_DEFAULT 1             /* exception_raise: thread and task */
#define EXCEPTION_STATE 2               /* exception_raise_state: the thread's state, in and out */
#define EXCEPTION_STATE_IDENTITY 3      /* exception_raise_state_identity: both */
#define MACH_EXCEPTION_CODES 0x80000000 /* or-ed in: 64-bit codes, the mach_exc.defs messages */

/* Numbers of exception codes in a message. */
#define EXCEPTION_CODE_MAX 2

/* The 64-bit code of EXC_GUARD: what kind of thing has the guard, what was tried (kGUARD_EXC_* of a port), and its name. */
#define EXC_GUARD_DECODE_GUARD_TYPE(code) ((uint64_t)(code) >> 61)
#define EXC_GUARD_DECODE_GUARD_FLAVOR(code) ((uint64_t)(code) >> 32 & 0x1fffffffu)
#define EXC_GUARD_DECODE_GUARD_TARGET(code) ((uint32_t)(code))
#define GUARD_TYPE_MACH_PORT 1u

/* EXC_SOFTWARE codes 0x10000 .. 0x1ffff are for personalities of other systems. */
#define EXC_UNIX_BAD_SYSCALL 0x10000
#define EXC_UNIX_BAD_PIPE 0x10001
#define EXC_UNIX_ABORT 0x10002

#endif
