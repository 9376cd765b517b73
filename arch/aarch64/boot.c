/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot CPU's way from entry.S, at its high address on early tables, to kern_boot(). */
#include <arch/layout.h>
#include <arch/sysreg.h>
#include <hal/boot/board.h>
#include <hal/boot/boot.h>
#include <hal/drivers/pl011.h>
#include <hal/info.h>

#include "arch.h"

struct hal_info hal_info;
bool arch_booted;

static char boot_emergency_stack[4096] __attribute__((aligned(16)));

static void fill_info(void)
{
    uint64_t memory_model = SYSREG_READ(id_aa64mmfr0_el1);

    arch_lpa2 = SYSREG_FIELD(memory_model, 28) == 1;
    hal_info.isa = "aarch64";
    hal_info.board = hal_board.name;
    hal_info.pt_levels = arch_lpa2 ? 5 : 4;
    hal_info.leaf_levels = 1u << 0 | 1u << 1 | 1u << 2;
    hal_info.user_base = ARCH_USER_BASE;
    hal_info.user_limit = (arch_lpa2 ? 1ul << 52 : 1ul << 48) - HAL_PAGE_SIZE;
    hal_info.asid_bits = SYSREG_FIELD(memory_model, 4) == 2 ? 16 : 8;
    hal_info.tlb_broadcast = true;
    hal_info.fpu_size = arch_fpu_area_size;
}

static void fill_time(void)
{
    hal_info.time_hz = arch_platform.timer_hz != 0 ? arch_platform.timer_hz : SYSREG_READ(cntfrq_el0);
    if (hal_info.time_hz == 0)
        boot_panic("nobody tells the frequency of the counter");
}

/* Other CPUs read it past the caches. */
static void publish_boot_regs(uint64_t identity, uint64_t kernel)
{
    arch_boot_regs = (struct arch_boot_regs){identity, kernel, SYSREG_READ(ttbr0_el1)};
    __asm__ volatile("dsb ish\n\tdc cvac, %0\n\tdsb sy" ::"r"(&arch_boot_regs) : "memory");
}

void arch_boot(uint64_t dtb, uint64_t image)
{
    arch_boot_cpu.stack_top = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    arch_boot_cpu.emergency_top = (uint64_t)(uintptr_t)(boot_emergency_stack + sizeof boot_emergency_stack);
    SYSREG_WRITE(tpidr_el1, (uintptr_t)&arch_boot_cpu);
    arch_cpu_init();
    arch_image_pa = image;
    fill_info();
    if (hal_board.early_init != NULL)
        hal_board.early_init();
    pl011_console_init(arch_early_map_device(hal_board.uart.base));

    arch_platform_read(dtb);
    psci_init(arch_platform.psci);
    fill_time();

    hal_pa_t root = arch_tables_build();
    volatile void *uart = boot_map_device(root, arch_platform.uart, arch_platform.uart_size);
    arch_irq_init(root);
    uint64_t identity = SYSREG_READ(ttbr0_el1);
    uint64_t kernel = root.addr + (arch_lpa2 ? ARCH_WIDE_TTBR1 : 0);
    arch_tables_switch(kernel);
    publish_boot_regs(identity, kernel);
    pl011_console_init(uart);
    arch_irq_start();
    boot_mem_finish();

    arch_boot_cpu.stack_top = arch_stack_top(0);
    arch_boot_cpu.emergency_top = arch_emergency_top(0);
    arch_booted = true;
    arch_stack_call(arch_boot_cpu.stack_top, kern_boot, &hal_info);
}
