/* SPDX-License-Identifier: BSD-2-Clause */
/* What one CPU owns. */
#ifndef KERN_CPU_H
#define KERN_CPU_H

#include <hal/hal.h>
#include <kern/list.h>
#include <kern/smp.h>
#include <kern/spinlock.h>
#include <sched/runq.h>
#include <sched/timeout.h>

struct direct_message;
struct ipc_entry;
struct ipc_kmsg;
struct ipc_space;
struct pmap;
struct thread;

/* How far the fast path of mach_msg (ipc/ipc_fast_message.h) came with the trap that kern_syscall() goes on with. */
enum cpu_message_state {
    CPU_MESSAGE_NONE, /* nothing was done */
    CPU_MESSAGE_READ, /* the message is in the CPU's buffer, as its sender wrote it */
    CPU_MESSAGE_LATE, /* the message in the CPU's buffer is the thread's, which has been waiting for it */
};

struct cpu {
    struct hal_cpu hal; /* first: the HAL finds it here */

    /* the IPC fast path reads these; only this CPU writes them, except top_priority (see sched/sched.h) */
    struct thread *current; /* the thread whose user context was interrupted or is resumed next; NULL: none */
    struct pmap *pmap;      /* the user address space that is active */
    struct thread *fpu_owner; /* NULL, or current: its vector state is in the registers */
    uint64_t top_priority;    /* best priority ready in runq; CPU_TOP_URGENT when an exit must look */

    struct direct_message *message; /* a message on its way (ipc/direct.c) */
    enum cpu_message_state message_state;
    hal_va_t
        message_end; /* the largest message does not reach beyond user space if it begins here or below */
    struct ipc_space *
        right_space; /* of the message's sender, locked, and where it has the message's right (ipc/direct_rights.c) */
    struct ipc_entry *right_entry;
    uint32_t message_result; /* of the receive of a message with a right */
    struct ipc_kmsg *reply;  /* memory for the next reply of the kernel, or NULL (ipc/kernel_rpc.c) */

    uint32_t index;
    bool online;
    struct thread *handoff;  /* thread that thread_handoff() chose to run next, or NULL */
    bool handoff_now;        /* ... whatever else is ready */
    uint64_t donor_priority; /* of the thread that blocked last in this upcall, for thread_handoff() */
    struct thread *kicked;   /* atomic: threads whose requests this CPU looks at next (kern/kick.h) */
    struct thread *examined; /* the rest of those that it took over from `kicked` */
    struct list graves;      /* messages to be destroyed (ipc/kmsg.h) */

    /* cross-calls (kern/smp.c) */
    cpu_mask_t calls; /* atomic: CPUs whose `call` waits for this one */
    struct smp_request call;

    struct sched_runq runq;
    struct timeout_queue timeouts;
    hal_ticks_t ticks_per_ms;   /* rounded up */
    hal_ticks_t timer_deadline; /* as armed; HAL_TIMER_OFF: the timer is off */
    hal_ticks_t quantum_end;    /* when current must share the CPU; HAL_TIMER_OFF: alone */
    hal_ticks_t run_start;      /* when the CPU's time was last charged to a thread */
    bool quantum_over;          /* the quantum of current ended */
    uint32_t balance_probe;     /* the CPU whose queue was compared last, counted from this one */
    hal_ticks_t boost_time;     /* when a thread of low priority gets its turn at the latest */
    unsigned boost_level;       /* the priority below which the turn goes */

    uint64_t switches;
    uint64_t interrupts;
#ifdef KERN_CHECKED
    struct {
        const void *lock;
        uint32_t rank;
        const char *file;
        unsigned line;
    } held[8];
    uint32_t held_count;
#endif
} __attribute__((aligned(64)));

#define CPU_TOP_URGENT UINT64_MAX /* greater than every priority: forces the slow exit */

extern struct cpu *cpu_table[HAL_CPU_MAX]; /* by index; NULL beyond hal_info.cpu_count */

#endif
