/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree.h"

#include <hal/drivers/fdt_boot.h>
#include <hal/drivers/plic.h>

#define IRQ_SUPERVISOR_EXTERNAL 9u
#define UART_REGISTERS 8ull
#define UART_SHIFT_MAX 3u
#define UART_WIDE 4u /* bytes of an access */

/* ---- CPUs ---- */

/* Is the `_` at the start of `p` followed by that word? */
static bool extension_is(const char *p, const char *extension)
{
    while (*extension != '\0') {
        if (*++p != *extension++)
            return false;
    }
    return p[1] == '_' || p[1] == '\0';
}

/* Does the ISA string ("rv64imafdc_zicsr_sstc") or list of `cpu` name the multi-letter extension? */
static bool isa_has(const struct fdt *t, fdt_node_t cpu, const char *extension)
{
    const char *isa = fdt_string(t, cpu, "riscv,isa");

    if (fdt_string_in(t, cpu, "riscv,isa-extensions", extension))
        return true;
    for (; isa != NULL && *isa != '\0'; isa++) {
        if (*isa == '_' && extension_is(isa, extension))
            return true;
    }
    return false;
}

static void hart_add(struct arch_tree_cpus *cpus, uint64_t hart)
{
    if (cpus->count == HAL_CPU_MAX)
        cpus->unused++;
    else
        cpus->hart[cpus->count++] = hart;
}

/* The frequency may stand at the node of all CPUs or at each. */
static uint32_t time_hz(const struct fdt *t)
{
    fdt_node_t cpus = fdt_path(t, "/cpus");
    uint32_t hz = 0;
    uint64_t hart;

    if (cpus == FDT_NONE || fdt_u32(t, cpus, "timebase-frequency", 0, &hz))
        return hz;
    for (fdt_node_t cpu = fdt_boot_cpu_next(t, FDT_NONE, &hart); cpu != FDT_NONE && hz == 0;
         cpu = fdt_boot_cpu_next(t, cpu, &hart))
        (void)fdt_u32(t, cpu, "timebase-frequency", 0, &hz);
    return hz;
}

void arch_tree_cpus(const struct fdt *t, uint64_t boot_hart, bool can_start, struct arch_tree_cpus *cpus)
{
    uint64_t hart;

    *cpus = (struct arch_tree_cpus){.time_hz = time_hz(t)};
    hart_add(cpus, boot_hart);
    for (fdt_node_t cpu = fdt_boot_cpu_next(t, FDT_NONE, &hart); cpu != FDT_NONE;
         cpu = fdt_boot_cpu_next(t, cpu, &hart)) {
        if (hart == boot_hart)
            cpus->sstc = isa_has(t, cpu, "sstc");
        else if (can_start && !fdt_string_in(t, cpu, "mmu-type", "riscv,none"))
            hart_add(cpus, hart);
    }
}

/* ---- Devices ---- */

static bool is_uart(const struct fdt *t, fdt_node_t node)
{
    return fdt_string_in(t, node, "compatible", "ns16550a") ||
           fdt_string_in(t, node, "compatible", "ns16550") ||
           fdt_string_in(t, node, "compatible", "snps,dw-apb-uart");
}

void arch_tree_uart(const struct fdt *t, struct arch_tree_uart *uart)
{
    fdt_node_t node = fdt_boot_console(t);
    struct fdt_range r;
    uint32_t shift = 0, width;

    uart->size = 0;
    if (node == FDT_NONE)
        node = fdt_compatible_next(t, FDT_NONE, "ns16550a");
    if (node == FDT_NONE || !is_uart(t, node) || !fdt_reg(t, node, 0, &r))
        return;
    (void)fdt_u32(t, node, "reg-shift", 0, &shift);
    if (shift > UART_SHIFT_MAX || UART_REGISTERS << shift > r.size)
        return;
    bool wide = fdt_u32(t, node, "reg-io-width", 0, &width) && width == UART_WIDE;
    *uart = (struct arch_tree_uart){HAL_PA(r.base), r.size, shift, wide};
}

/* The CPU index of the hart whose interrupt controller has that phandle; cpus->count if we do not use it. */
static uint32_t cpu_of_controller(const struct fdt *t, const struct arch_tree_cpus *cpus, uint32_t phandle)
{
    fdt_node_t controller = fdt_phandle(t, phandle);
    fdt_node_t cpu = controller == FDT_NONE ? FDT_NONE : fdt_parent(t, controller);
    struct fdt_range r;
    uint32_t index = 0;

    if (cpu == FDT_NONE || !fdt_reg_raw(t, cpu, 0, &r))
        return cpus->count;
    while (index < cpus->count && cpus->hart[index] != r.base)
        index++;
    return index;
}

static void read_contexts(const struct fdt *t, fdt_node_t node, const struct arch_tree_cpus *cpus,
                          struct arch_tree_plic *plic)
{
    uint32_t phandle, irq;

    for (uint32_t cpu = 0; cpu < HAL_CPU_MAX; cpu++)
        plic->context[cpu] = PLIC_CONTEXT_MAX;
    for (uint32_t context = 0; context < PLIC_CONTEXT_MAX; context++) {
        if (!fdt_u32(t, node, "interrupts-extended", 2 * context, &phandle) ||
            !fdt_u32(t, node, "interrupts-extended", 2 * context + 1, &irq))
            break;
        uint32_t cpu = cpu_of_controller(t, cpus, phandle);
        if (irq == IRQ_SUPERVISOR_EXTERNAL && cpu < cpus->count)
            plic->context[cpu] = context;
    }
}

void arch_tree_plic(const struct fdt *t, const struct arch_tree_cpus *cpus, struct arch_tree_plic *plic)
{
    struct fdt_range r;
    uint32_t lines;
    fdt_node_t node = fdt_compatible_next(t, FDT_NONE, "riscv,plic0");

    plic->size = 0;
    if (node == FDT_NONE)
        node = fdt_compatible_next(t, FDT_NONE, "sifive,plic-1.0.0");
    if (node == FDT_NONE || !fdt_reg(t, node, 0, &r) || !fdt_u32(t, node, "riscv,ndev", 0, &lines))
        return;
    *plic = (struct arch_tree_plic){.base = HAL_PA(r.base), .size = r.size};
    plic->lines = lines < HAL_IRQ_MAX ? lines + 1 : HAL_IRQ_MAX;
    read_contexts(t, node, cpus, plic);
}
