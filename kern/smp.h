/* SPDX-License-Identifier: BSD-2-Clause */
/* Work that one CPU asks of others: a mailbox per CPU and an IPI. */
#ifndef KERN_SMP_H
#define KERN_SMP_H

#include <stdint.h>

struct cpu;
struct thread;

/* A set of CPU indices. */
typedef uint64_t cpu_mask_t;

typedef void (*smp_function_t)(void *arg);

/* The one cross-call that a CPU can have outstanding. */
struct smp_request {
    smp_function_t function;
    void *arg;
    cpu_mask_t waiting; /* atomic: CPUs that have not run it yet */
};

/*
 * Run function(arg) on every online CPU in `mask` (this CPU too if it is in it) and wait until all have
 * returned.  While it waits, this CPU serves its own mailbox.  function runs masked, takes no lock and is
 * short.
 * Context: masked; may hold locks of rank < LOCK_RANK_SMP (spinning holders serve their mailbox).
 */
void smp_call(cpu_mask_t mask, smp_function_t function, void *arg);

/* Serve this CPU's mailbox. Every spin loop of the kernel calls it. Context: masked. */
void smp_poll(void);

/* Return after every CPU in `mask` has interrupted its user code since the call, if it ran any. Context: as
 * smp_call(). */
void smp_enter_kernel(cpu_mask_t mask);

/* Return after every CPU was outside the kernel, or in a spin loop's smp_poll() while it held no unlocked
 * reference, at least once. Context: no lock held. */
void smp_quiesce(void);

/* Ask the CPU to pass its kernel exit (reschedule, pending thread requests) soon. Context: any. */
void smp_kick(struct cpu *cpu);

/* CPUs that run. */
cpu_mask_t smp_online(void);

/* This CPU runs now. Context: its first upcall. */
void smp_set_online(struct cpu *cpu);

/* Every other CPU halts as soon as it looks into its mailbox. Context: panic. */
void smp_halt_others(void);

/* Handler of HAL_IRQ_IPI. */
void smp_interrupt(void);

#endif
