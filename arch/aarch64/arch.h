/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this directory tell each other. */
#ifndef ARCH_AARCH64_ARCH_H
#define ARCH_AARCH64_ARCH_H

#include <arch/offsets.h>
#include <hal/cpu.h>
#include <hal/drivers/gic.h>
#include <hal/drivers/psci.h>
#include <hal/types.h>
#include <hal/upcall.h>

struct uctx;

/* ---- The machine, as the device tree describes it (platform.c); constant once the kernel runs ---- */

struct arch_platform {
    uint64_t mpidr[HAL_CPU_MAX]; /* affinity of each CPU, by index */
    hal_pa_t uart;
    uint64_t uart_size;
    struct {
        unsigned version; /* 2 or 3 */
        hal_pa_t dist;
        uint64_t dist_size;
        uint32_t region_count; /* GICv2: the CPU interface; GICv3: regions of redistributors */
        hal_pa_t region[GIC_REGIONS_MAX];
        uint64_t region_size[GIC_REGIONS_MAX];
    } gic;
    uint32_t timer_intid;
    uint32_t timer_hz; /* 0: the tree leaves it to CNTFRQ_EL0 */
    enum psci_conduit psci;
};

extern struct arch_platform arch_platform;

/*
 * Read the tree at physical address `dtb` into arch_platform and hal_info (CPUs, command line, archive) and
 * give RAM to hal/boot.  A tree that is malformed or lacks what the kernel needs is reported; then the CPU
 * halts.
 */
void arch_platform_read(uint64_t dtb);

/* ---- Memory (mmu.c) ---- */

extern uint64_t arch_image_pa; /* where the image is */

/* Let the early tables reach [pa, pa + size) of RAM in the direct map. */
void arch_early_map(uint64_t pa, uint64_t size);

/* Let the early tables reach device registers at pa; returns their address. */
volatile void *arch_early_map_device(hal_pa_t pa);

/* Build the kernel's own tables: image, direct map, stacks of all CPUs. */
hal_pa_t arch_tables_build(void);

uint64_t arch_stack_top(uint32_t cpu);
uint64_t arch_emergency_top(uint32_t cpu);

/* ---- CPUs (cpu.c) ---- */

/* Set up the registers of the calling CPU: traps, PAN, counters. */
void arch_cpu_init(void);

/* The HAL's structure of the boot CPU until hal_cpu_boot_set(). */
extern struct hal_cpu arch_boot_cpu;

/* Read by other CPUs with their MMU off (entry.S): one cache line, to be cleaned as one. */
struct arch_boot_regs {
    uint64_t identity; /* TTBR0: the early tables */
    uint64_t kernel;   /* TTBR1: the final ones */
    uint64_t empty;    /* TTBR0 without a user address space */
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct arch_boot_regs, identity) == BOOT_IDENTITY, "offsets.h");
_Static_assert(offsetof(struct arch_boot_regs, kernel) == BOOT_KERNEL, "offsets.h");

extern struct arch_boot_regs arch_boot_regs;

/* kern_boot() was called: from now on a fault is the kernel's to report. */
extern bool arch_booted;

extern const uint32_t arch_fpu_area_size; /* fpu.c */

/* ---- Devices ---- */

void arch_irq_init(hal_pa_t root);    /* irq.c: map the interrupt controller, boot phase */
void arch_irq_start(void);            /* irq.c: its global part, after the tables are switched */
void arch_irq_cpu_init(uint32_t cpu); /* irq.c: the calling CPU's part */
void arch_timer_stop(void);           /* time.c */

/* ---- Called from assembly ---- */

/* Registers of the kernel at a fault of its own. */
struct arch_fault_frame {
    uint64_t x[31];
    uint64_t sp, pc, spsr, esr, far;
};
_Static_assert(offsetof(struct arch_fault_frame, x) == FAULT_X, "offsets.h");
_Static_assert(offsetof(struct arch_fault_frame, sp) == FAULT_SP, "offsets.h");
_Static_assert(offsetof(struct arch_fault_frame, pc) == FAULT_PC, "offsets.h");
_Static_assert(offsetof(struct arch_fault_frame, spsr) == FAULT_SPSR, "offsets.h");
_Static_assert(offsetof(struct arch_fault_frame, esr) == FAULT_ESR, "offsets.h");
_Static_assert(offsetof(struct arch_fault_frame, far) == FAULT_FAR, "offsets.h");
_Static_assert(sizeof(struct arch_fault_frame) == FAULT_SIZE, "offsets.h");

HAL_NORETURN void arch_boot(uint64_t dtb, uint64_t image);
struct uctx *arch_secondary_main(struct hal_cpu *self);
struct uctx *arch_user_fault(struct uctx *u, uint64_t esr, uint64_t far);
HAL_NORETURN void arch_kernel_fault(const struct arch_fault_frame *frame);

/* ---- In assembly ---- */

extern const char arch_vectors[];
extern const char secondary_entry[];

HAL_NORETURN void arch_stack_call(uint64_t stack_top, struct uctx *(*function)(const struct hal_info *info),
                                  const struct hal_info *info);
void arch_tables_switch(uint64_t root);
enum hal_status arch_copyin(void *dst, hal_va_t src, size_t n);
enum hal_status arch_copyout(hal_va_t dst, const void *src, size_t n);
void arch_fpu_store(void *area);
void arch_fpu_fetch(const void *area);

#endif
