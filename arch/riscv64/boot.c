/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot of riscv64: from the first C code on the boot hart to kern_boot().
 *
 * start.S left a map of all that the direct map can reach, so the device tree is read and page tables are built where
 * they lie.  The tree is read completely before the final tables are active: it may lie outside of RAM.
 */
#include "machine.h"
#include "tree.h"

#include <arch/csr.h>
#include <hal/boot/boot.h>
#include <hal/drivers/fdt_boot.h>
#include <hal/drivers/plic.h>
#include <hal/drivers/sbi.h>

#define FPU_SIZE 320u /* 32 registers and fcsr, a multiple of 64 */

struct hal_info hal_info;
struct arch_machine arch_machine;

/* What the device tree says: used after the final tables are active. */
static struct {
    struct arch_tree_cpus cpus;
    struct arch_tree_uart uart;
    struct arch_tree_plic plic;
} found;

static volatile void *uart_registers, *plic_registers;

static void tree_read(const struct fdt *t, uint64_t boot_hart)
{
    arch_tree_cpus(t, boot_hart, sbi_has_hart_start(), &found.cpus);
    if (found.cpus.unused > 0)
        boot_print("boot: %u CPUs stay unused\n", (uint64_t)found.cpus.unused);
    if (found.cpus.time_hz == 0)
        boot_panic("the device tree names no timebase-frequency");
    __builtin_memcpy(arch_machine.hart, found.cpus.hart, sizeof arch_machine.hart);
    arch_machine.sstc = found.cpus.sstc;
    hal_info.cpu_count = found.cpus.count;
    hal_info.time_hz = found.cpus.time_hz;
    arch_tree_uart(t, &found.uart);
    arch_tree_plic(t, &found.cpus, &found.plic);
}

/* Is `word` one of the words of the command line? */
static bool cmdline_has(const char *word)
{
    const char *p = hal_info.cmdline;

    while (*p != '\0') {
        uint32_t n = 0;
        while (word[n] != '\0' && p[n] == word[n])
            n++;
        if (word[n] == '\0' && (p[n] == ' ' || p[n] == '\0'))
            return true;
        while (*p != '\0' && *p != ' ')
            p++;
        while (*p == ' ')
            p++;
    }
    return false;
}

/*
 * Features that only a register can tell.  start.S chose the largest page-table mode; the words `sv48` and `sv39` make
 * the final tables four or three levels deep on harts that have more (every hart with Sv57 has Sv48, with Sv48 Sv39).
 */
static void probe_cpu(void)
{
    uint64_t satp = ARCH_CSR_READ(satp);
    uint64_t asids;

    hal_info.pt_levels = (uint32_t)(satp >> SATP_MODE_SHIFT) - SATP_SV39 + 3;
    if (cmdline_has("sv48") && hal_info.pt_levels > 4)
        hal_info.pt_levels = 4;
    if (cmdline_has("sv39"))
        hal_info.pt_levels = 3;
    hal_info.leaf_levels = (1u << hal_info.pt_levels) - 1;
    hal_info.user_base = HAL_PAGE_SIZE;
    hal_info.user_limit = (1ull << (HAL_PAGE_SHIFT + HAL_PT_SHIFT * hal_info.pt_levels - 1)) - HAL_PAGE_SIZE;

    ARCH_CSR_WRITE(satp, satp | (uint64_t)SATP_ASID_MAX << SATP_ASID_SHIFT);
    asids = ARCH_CSR_READ(satp) >> SATP_ASID_SHIFT & SATP_ASID_MAX;
    ARCH_CSR_WRITE(satp, satp);
    hal_tlb_flush_asid(HAL_ASID_ALL);
    hal_info.asid_bits = (uint32_t)__builtin_popcountll(asids);

    ARCH_CSR_SET(sstatus, SSTATUS_FS);
    arch_machine.fpu = (ARCH_CSR_READ(sstatus) & SSTATUS_FS) != 0;
    ARCH_CSR_CLEAR(sstatus, SSTATUS_FS);
    hal_info.fpu_size = FPU_SIZE;
}

/* ---- Memory ---- */

static void find_memory(const struct fdt *t, uint64_t tree_pa)
{
    hal_pa_t image = arch_machine.image;

    fdt_boot_memory(t);
    boot_mem_remove(HAL_PA(ARCH_DIRECT_SIZE), UINT64_MAX);
    boot_mem_reserve(image, (uint64_t)(arch_image_end - arch_image_start));
    fdt_boot_keep(t, HAL_PA(tree_pa));
    boot_mem_set_alloc_limit(HAL_PA(ARCH_DIRECT_SIZE));
}

static void map_kernel(void)
{
    static const struct boot_image image = {arch_image_start, arch_text_end, arch_rodata_end, arch_image_end};

    arch_machine.root = boot_page_alloc();
    boot_map_image(arch_machine.root, arch_machine.image, &image);
    boot_map_direct(arch_machine.root, arch_machine.image, arch_image_pa(arch_rodata_end));
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        boot_map_pages(arch_machine.root, arch_stack_top(cpu) - ARCH_STACK_SIZE, ARCH_STACK_SIZE);
}

/* ---- Devices ---- */

static void map_devices(void)
{
    if (found.uart.size > 0)
        uart_registers = boot_map_device(arch_machine.root, found.uart.base, found.uart.size);
    if (found.plic.size > 0)
        plic_registers = boot_map_device(arch_machine.root, found.plic.base, found.plic.size);
}

static void init_devices(void)
{
    const struct arch_tree_plic *plic = &found.plic;

    if (hal_board.early_init != NULL)
        hal_board.early_init();
    if (uart_registers != NULL)
        arch_console_init(uart_registers, found.uart.shift, found.uart.wide);
    if (plic_registers == NULL)
        return;
    if (plic_init(plic_registers, plic->size, plic->lines, plic->context, hal_info.cpu_count) == HAL_OK) {
        arch_machine.plic = true;
        hal_info.irq_count = hal_info.irq_message_first = plic->lines;
    } else {
        boot_print("boot: the PLIC does not serve every CPU: no device interrupts\n");
    }
}

void arch_boot(uint64_t hart, uint64_t tree_pa, uint64_t image)
{
    struct fdt tree;

    arch_machine.image = HAL_PA(image);
    arch_boot_cpu = (struct hal_cpu){.stack_top = arch_stack_top(0), .hart = hart, .deadline = HAL_TIMER_OFF};
    sbi_init();
    arch_cpu_init();
    hal_info.isa = "riscv64";
    hal_info.board = hal_board.name;

    if (tree_pa == 0 || tree_pa >= ARCH_DIRECT_SIZE)
        boot_panic("no device tree (a1 = %x)", tree_pa);
    enum fdt_error error = fdt_open(&tree, hal_pa_to_ptr(HAL_PA(tree_pa)), ARCH_DIRECT_SIZE - tree_pa);
    if (error != FDT_OK)
        boot_panic("device tree at %x: %s", tree_pa, fdt_error_text(error));

    fdt_boot_chosen(&tree);
    probe_cpu();
    tree_read(&tree, hart);
    find_memory(&tree, tree_pa);
    map_kernel();
    map_devices();

    ARCH_CSR_WRITE(satp, hal_pt_token(arch_machine.root, 0));
    hal_tlb_flush_asid(HAL_ASID_ALL);
    init_devices();
    boot_mem_finish();
    arch_enter(arch_stack_top(0), &hal_info, kern_boot);
}
