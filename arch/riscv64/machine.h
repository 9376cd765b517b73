/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of arch/riscv64 share. */
#ifndef ARCH_RISCV64_MACHINE_H
#define ARCH_RISCV64_MACHINE_H

#include <arch/cpu.h>
#include <hal/boot/board.h>
#include <hal/hal.h>

/* Facts about this machine; written while booting, read-only afterwards except cpu[]. */
struct arch_machine {
    hal_pa_t image;                           /* where the kernel image lies */
    hal_pa_t root;                            /* page table with the kernel's part only */
    bool sstc;                                /* supervisor timer compare register */
    bool fpu;                                 /* F and D */
    bool plic;                                /* device interrupts */
    uint64_t hart[HAL_CPU_MAX];               /* by CPU index */
    struct hal_cpu *_Atomic cpu[HAL_CPU_MAX]; /* NULL: not started */
};

extern struct arch_machine arch_machine;
extern struct hal_cpu arch_boot_cpu; /* until hal_cpu_boot_set() */

/* kernel.ld */
extern const char arch_image_start[], arch_text_end[], arch_rodata_end[], arch_image_end[];

static inline struct hal_cpu *arch_cpu_self(void)
{
    return (struct hal_cpu *)(void *)hal_cpu_self();
}

/* Physical address of an object in the kernel image. */
static inline hal_pa_t arch_image_pa(const void *p)
{
    return HAL_PA(arch_machine.image.addr + ((uint64_t)(uintptr_t)p - (uint64_t)(uintptr_t)arch_image_start));
}

/* sp of the empty stack of CPU `index`. */
static inline uint64_t arch_stack_top(uint32_t index)
{
    return ARCH_STACK_BASE + (index + 1ull) * ARCH_STACK_STRIDE;
}

/* Set up this CPU's control registers. Context: once on each CPU, before its first upcall. */
void arch_cpu_init(void);

/* What a secondary CPU is told, at a physical address (start.S). */
struct arch_start {
    uint64_t satp;
    uint64_t stack_top;
    struct hal_cpu *self;
    uint64_t hart;
};
extern struct arch_start arch_start_record[];

/* start.S */
extern const char arch_start_secondary[];
HAL_NORETURN void arch_enter(uint64_t stack_top, const struct hal_info *info,
                             struct uctx *(*upcall)(const struct hal_info *));

/* trap.S */
extern const char emergency_stack[], emergency_stack_top[];
enum hal_status arch_user_copy(void *to, const void *from, size_t n);

/* fpu.S */
void arch_fpu_load(const void *area);
void arch_fpu_save(void *area);

/* Called from assembly. */
HAL_NORETURN void arch_boot(uint64_t hart, uint64_t tree, uint64_t image);
struct uctx *arch_secondary_main(void);
struct uctx *arch_user_exception(struct uctx *u, uint64_t cause, uint64_t value);
HAL_NORETURN void arch_kernel_fault(const uint64_t *frame);

/* Use the 16550 at `base` from now on instead of the firmware's console. */
void arch_console_init(volatile void *base, unsigned shift, bool wide);

#endif
