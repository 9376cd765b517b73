/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fast paths of all ISAs have in common (arch/<isa>/fastpath.c), before their own macros.  An ISA defines JUMP, a jump to a label,
 * and LEAVE_REGISTER, where the entry's code has a context.
 */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#define IPC_FAST_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* Go on at a label of the entry's. */
#define LEAVE(label, going)                                                                                  \
    do {                                                                                                     \
        register struct thread *thread_ __asm__(LEAVE_REGISTER) = (going);                                   \
        __asm__ volatile(JUMP " " #label ::"r"(thread_) : "memory");                                         \
        __builtin_unreachable();                                                                             \
    } while (0)
