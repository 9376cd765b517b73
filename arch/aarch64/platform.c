/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device tree says about the machine. */
#include <arch/layout.h>
#include <arch/sysreg.h>
#include <hal/boot/board.h>
#include <hal/boot/boot.h>
#include <hal/drivers/fdt.h>
#include <hal/drivers/fdt_boot.h>
#include <hal/pt.h>

#include "arch.h"

#define EARLY_LIMIT 0x8000000000ul /* what the early tables can reach */

/* Interrupt specifiers of a GIC: kind, number, flags. */
#define GIC_SPECIFIER_CELLS 3u
#define GIC_SPECIFIER_PPI 1u
#define GIC_PPI_BASE 16u
#define TIMER_SPECIFIER_VIRTUAL 2u /* third interrupt of an armv8 timer node */

struct arch_platform arch_platform;

static fdt_node_t find(const struct fdt *t, const char *const *compatible)
{
    for (; *compatible != NULL; compatible++) {
        for (fdt_node_t n = fdt_compatible_next(t, FDT_NONE, *compatible); n != FDT_NONE;
             n = fdt_compatible_next(t, n, *compatible)) {
            if (fdt_enabled(t, n))
                return n;
        }
    }
    return FDT_NONE;
}

static void read_console(const struct fdt *t)
{
    static const char *const compatible[] = {"arm,pl011", NULL};
    fdt_node_t n = fdt_boot_console(t);
    struct fdt_range r;

    arch_platform.uart = hal_board.uart.base;
    arch_platform.uart_size = hal_board.uart.size;
    if (n == FDT_NONE || !fdt_string_in(t, n, "compatible", "arm,pl011"))
        n = find(t, compatible);
    if (n != FDT_NONE && fdt_reg(t, n, 0, &r) && r.size != 0) {
        arch_platform.uart = HAL_PA(r.base);
        arch_platform.uart_size = r.size;
    }
}

/* The boot CPU has index 0, the others follow in the order of the tree. */
static void read_cpus(const struct fdt *t)
{
    uint64_t self = SYSREG_READ(mpidr_el1) & MPIDR_AFFINITY;
    uint32_t count = 1, left_out = 0;
    uint64_t mpidr;

    arch_platform.mpidr[0] = self;
    for (fdt_node_t n = fdt_boot_cpu_next(t, FDT_NONE, &mpidr); n != FDT_NONE;
         n = fdt_boot_cpu_next(t, n, &mpidr)) {
        mpidr &= MPIDR_AFFINITY;
        if (mpidr == self)
            continue;
        if (count < HAL_CPU_MAX)
            arch_platform.mpidr[count++] = mpidr;
        else
            left_out++;
    }
    if (left_out > 0)
        boot_print("boot: %u CPUs more than the kernel can use\n", (uint64_t)left_out);
    hal_info.cpu_count = count;
}

static void read_gic(const struct fdt *t)
{
    static const char *const v3[] = {"arm,gic-v3", NULL};
    static const char *const v2[] = {"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", NULL};
    struct fdt_range r;
    uint32_t regions = 1;

    arch_platform.gic.version = 3;
    fdt_node_t n = find(t, v3);
    if (n == FDT_NONE) {
        arch_platform.gic.version = 2;
        n = find(t, v2);
    } else {
        (void)fdt_u32(t, n, "#redistributor-regions", 0, &regions);
    }
    if (n == FDT_NONE || !fdt_reg(t, n, 0, &r))
        boot_panic("the device tree names no GICv2 or GICv3");
    arch_platform.gic.dist = HAL_PA(r.base);
    arch_platform.gic.dist_size = r.size;
    uint32_t count = 0;
    while (count < regions && count < GIC_REGIONS_MAX && fdt_reg(t, n, 1 + count, &r)) {
        arch_platform.gic.region[count] = HAL_PA(r.base);
        arch_platform.gic.region_size[count] = r.size;
        count++;
    }
    if (count == 0)
        boot_panic("the device tree's interrupt controller has no CPU interface");
    arch_platform.gic.region_count = count;
}

static void read_timer(const struct fdt *t)
{
    static const char *const compatible[] = {"arm,armv8-timer", NULL};
    fdt_node_t n = find(t, compatible);
    uint32_t kind = 0, number = 0;
    uint32_t at = TIMER_SPECIFIER_VIRTUAL * GIC_SPECIFIER_CELLS;

    if (n == FDT_NONE || !fdt_u32(t, n, "interrupts", at, &kind) ||
        !fdt_u32(t, n, "interrupts", at + 1, &number) || kind != GIC_SPECIFIER_PPI || number >= GIC_PPI_BASE)
        boot_panic("the device tree names no virtual timer");
    arch_platform.timer_intid = GIC_PPI_BASE + number;
    (void)fdt_u32(t, n, "clock-frequency", 0, &arch_platform.timer_hz);
}

/* Without PSCI the machine has one CPU and no power switch. */
static void read_psci(const struct fdt *t)
{
    static const char *const compatible[] = {"arm,psci-1.0", "arm,psci-0.2", NULL};
    fdt_node_t n = find(t, compatible);

    arch_platform.psci = PSCI_NONE;
    if (n == FDT_NONE)
        return;
    if (fdt_string_in(t, n, "method", "hvc"))
        arch_platform.psci = PSCI_HVC;
    else if (fdt_string_in(t, n, "method", "smc"))
        arch_platform.psci = PSCI_SMC;
}

void arch_platform_read(uint64_t dtb)
{
    struct fdt tree;

    if (dtb == 0)
        boot_panic(
            "no device tree: the boot loader must pass one in x0 (boot the flat image, not the ELF file)");
    if (dtb % 8 != 0 || dtb >= EARLY_LIMIT - FDT_SIZE_MAX)
        boot_panic("x0 = %x is no address of a device tree", dtb);
    arch_early_map(dtb, FDT_SIZE_MAX);
    const void *blob = hal_pa_to_ptr(HAL_PA(dtb));
    enum fdt_error error = fdt_open(&tree, blob, FDT_SIZE_MAX);
    if (error != FDT_OK)
        boot_panic("device tree at %x: %s", dtb, fdt_error_text(error));

    read_console(&tree);
    fdt_boot_chosen(&tree);
    read_cpus(&tree);
    read_gic(&tree);
    read_timer(&tree);
    read_psci(&tree);
    fdt_boot_memory(&tree);
    fdt_boot_keep(&tree, HAL_PA(dtb));
}
