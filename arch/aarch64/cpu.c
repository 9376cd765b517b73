/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs: their system registers, start and stop, power. */
#include <arch/layout.h>
#include <arch/sysreg.h>
#include <hal/boot/board.h>
#include <hal/cpu.h>
#include <hal/irq.h>
#include <hal/power.h>

#include "arch.h"

#define CNTKCTL_EL0_VIRTUAL_COUNTER 2ul
#define MDSCR_TRAP_DEBUG_CHANNEL (1ul << 12)
#define PMCR_ENABLE 1ul
#define PMCR_RESET (2ul | 4ul)
#define PMCR_LONG_CYCLES (1ul << 6)
#define PMCNTEN_CYCLES (1ul << 31)
#define PMUSEREN_READ_CYCLES 4ul

struct hal_cpu arch_boot_cpu;
struct arch_boot_regs arch_boot_regs;

/* User code may read the cycle counter, and no more of the PMU. */
static void pmu_init(void)
{
    unsigned version = SYSREG_FIELD(SYSREG_READ(id_aa64dfr0_el1), 8);

    if (version == 0 || version == 0xf)
        return;
    SYSREG_WRITE(pmcr_el0, PMCR_ENABLE | PMCR_RESET | PMCR_LONG_CYCLES);
    SYSREG_WRITE(pmccfiltr_el0, 0);
    SYSREG_WRITE(pmcntenset_el0, PMCNTEN_CYCLES);
    SYSREG_WRITE(pmintenclr_el1, UINT32_MAX);
    SYSREG_WRITE(pmuserenr_el0, PMUSEREN_READ_CYCLES);
}

void arch_cpu_init(void)
{
    SYSREG_WRITE(vbar_el1, (uintptr_t)arch_vectors);
    SYSREG_WRITE(tpidrro_el0, 0);
    SYSREG_WRITE(cpacr_el1, CPACR_KERNEL_ONLY);
    SYSREG_WRITE(cntkctl_el1, CNTKCTL_EL0_VIRTUAL_COUNTER);
    SYSREG_WRITE(mdscr_el1, MDSCR_TRAP_DEBUG_CHANNEL);
    arch_timer_stop();
    pmu_init();
    /* msr pan, #1, by its encoding: ARMv8.0 has none. Exceptions set it again (SCTLR_EL1.SPAN). */
    if (SYSREG_FIELD(SYSREG_READ(id_aa64mmfr1_el1), 20) != 0)
        __asm__ volatile(".inst 0xd500419f" ::: "memory");
    ARCH_ISB();
}

void hal_cpu_boot_set(struct cpu *self)
{
    HAL_REQUIRE(self != NULL);
    struct hal_cpu *hal = (struct hal_cpu *)self;

    *hal = arch_boot_cpu;
    SYSREG_WRITE(tpidr_el1, (uintptr_t)self);
    ARCH_ISB();
}

enum hal_status hal_cpu_start(uint32_t index, struct cpu *self)
{
    HAL_REQUIRE(index >= 1 && index < hal_info.cpu_count);
    HAL_REQUIRE(self != NULL);
    struct hal_cpu *hal = (struct hal_cpu *)self;
    uint64_t entry = (uint64_t)(uintptr_t)secondary_entry - ARCH_IMAGE_BASE + arch_image_pa;

    *hal = (struct hal_cpu){
        .stack_top = arch_stack_top(index), .emergency_top = arch_emergency_top(index), .index = index};
    ARCH_DSB(ish);
    return psci_cpu_on(arch_platform.mpidr[index], entry, (uint64_t)(uintptr_t)self) ? HAL_OK : HAL_INVALID;
}

struct uctx *arch_secondary_main(struct hal_cpu *self)
{
    arch_cpu_init();
    /* Out of the identity map. */
    SYSREG_WRITE(ttbr0_el1, arch_boot_regs.empty);
    ARCH_ISB();
    __asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
    arch_irq_cpu_init(self->index);
    return kern_cpu_main((struct cpu *)self);
}

void hal_cpu_pause(void)
{
    __asm__ volatile("yield" ::: "memory");
}

void hal_cpu_halt(void)
{
    __asm__ volatile("msr daifset, #0xf" ::: "memory");
    psci_cpu_off();
    for (;;)
        __asm__ volatile("wfi");
}

void hal_system_reset(enum hal_reset how)
{
    if (hal_board.reset != NULL)
        hal_board.reset(how);
    if (how == HAL_RESET_REBOOT)
        psci_system_reset();
    else
        psci_system_off();
    hal_cpu_halt();
}
