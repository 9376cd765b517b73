/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot of riscv64: from the first C code on the boot hart to kern_boot().
 *
 * start.S left a map of all that the direct map can reach, so the device tree is read and page tables are built where
 * they lie.  The tree is read completely before the final tables are active: it may lie outside of RAM.
 */
#include "machine.h"

#include <arch/csr.h>
#include <hal/boot/boot.h>
#include <hal/drivers/fdt_boot.h>
#include <hal/drivers/plic.h>
#include <hal/drivers/sbi.h>

#define ATTR_TEXT (HAL_ATTR_R | HAL_ATTR_X | HAL_ATTR_GLOBAL | HAL_ATTR_ACCESSED)
#define ATTR_RODATA (HAL_ATTR_R | HAL_ATTR_GLOBAL | HAL_ATTR_ACCESSED)
#define ATTR_DATA (HAL_ATTR_R | HAL_ATTR_W | HAL_ATTR_GLOBAL | HAL_ATTR_ACCESSED | HAL_ATTR_DIRTY)

#define FPU_SIZE 320u /* 32 registers and fcsr, a multiple of 64 */
#define IRQ_SUPERVISOR_EXTERNAL 9u

struct hal_info hal_info;
struct arch_machine arch_machine;

/* What the device tree says of devices: used after the final tables are active. */
static struct {
    volatile void *uart; /* NULL: none that we know */
    uint32_t uart_shift;
    bool uart_wide;
    volatile void *plic; /* NULL: none */
    uint64_t plic_size;
    uint32_t plic_lines;
    uint32_t plic_context[HAL_CPU_MAX];
} found;

/* ---- CPUs ---- */

/* Does the ISA string ("rv64imafdc_zicsr_sstc") or list of `cpu` name the multi-letter extension? */
static bool isa_has(const struct fdt *t, fdt_node_t cpu, const char *extension)
{
    const char *isa = fdt_string(t, cpu, "riscv,isa");

    if (fdt_string_in(t, cpu, "riscv,isa-extensions", extension))
        return true;
    while (isa != NULL && *isa != '\0') {
        if (*isa++ != '_')
            continue;
        uint32_t n = 0;
        while (extension[n] != '\0' && isa[n] == extension[n])
            n++;
        if (extension[n] == '\0' && (isa[n] == '_' || isa[n] == '\0'))
            return true;
    }
    return false;
}

static void find_cpus(const struct fdt *t, uint64_t boot_hart)
{
    uint64_t hart;
    uint32_t frequency = 0;
    uint32_t excess = 0;

    arch_machine.hart[0] = boot_hart;
    hal_info.cpu_count = 1;
    for (fdt_node_t cpu = fdt_boot_cpu_next(t, FDT_NONE, &hart); cpu != FDT_NONE;
         cpu = fdt_boot_cpu_next(t, cpu, &hart)) {
        if (frequency == 0)
            (void)fdt_u32(t, cpu, "timebase-frequency", 0, &frequency);
        if (hart == boot_hart)
            arch_machine.sstc = isa_has(t, cpu, "sstc");
        else if (!sbi_has_hart_start() || fdt_string_in(t, cpu, "mmu-type", "riscv,none"))
            continue;
        else if (hal_info.cpu_count == HAL_CPU_MAX)
            excess++;
        else
            arch_machine.hart[hal_info.cpu_count++] = hart;
    }
    if (excess > 0)
        boot_print("boot: %u CPUs stay unused\n", (uint64_t)excess);

    fdt_node_t cpus = fdt_path(t, "/cpus");
    if (cpus != FDT_NONE)
        (void)fdt_u32(t, cpus, "timebase-frequency", 0, &frequency);
    if (frequency == 0)
        boot_panic("the device tree names no timebase-frequency");
    hal_info.time_hz = frequency;
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
 * Features that only a register can tell.  start.S chose the largest page-table mode; the word `sv39` makes
 * the final tables three levels deep on harts that have four (every hart with Sv48 has Sv39).
 */
static void probe_cpu(void)
{
    uint64_t satp = ARCH_CSR_READ(satp);
    uint64_t asids;

    hal_info.pt_levels = (uint32_t)(satp >> SATP_MODE_SHIFT) - SATP_SV39 + 3;
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

    if (!fdt_boot_memory(t)) {
        if (hal_board.ram.size == 0)
            boot_panic("the device tree names no memory");
        boot_mem_add(hal_board.ram.base, hal_board.ram.size);
    }
    boot_mem_remove(HAL_PA(ARCH_DIRECT_SIZE), UINT64_MAX);
    boot_mem_reserve(image, (uint64_t)(arch_image_end - arch_image_start));
    boot_mem_reserve(HAL_PA(tree_pa), t->size);
    boot_mem_set_alloc_limit(HAL_PA(ARCH_DIRECT_SIZE));
}

static void map_image_part(const char *from, const char *to, unsigned attr)
{
    boot_map(arch_machine.root, (uint64_t)(uintptr_t)from, arch_image_pa(from), (uint64_t)(to - from), attr);
}

static void map_kernel(void)
{
    arch_machine.root = boot_page_alloc();
    map_image_part(arch_image_start, arch_text_end, ATTR_TEXT);
    map_image_part(arch_text_end, arch_rodata_end, ATTR_RODATA);
    map_image_part(arch_rodata_end, arch_image_end, ATTR_DATA);
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++) {
        for (uint64_t offset = ARCH_STACK_SIZE; offset > 0; offset -= HAL_PAGE_SIZE)
            boot_map(arch_machine.root, arch_stack_top(cpu) - offset, boot_page_alloc(), HAL_PAGE_SIZE,
                     ATTR_DATA);
    }
}

/* ---- Devices ---- */

static void find_uart(const struct fdt *t)
{
    fdt_node_t node = fdt_boot_console(t);
    struct fdt_range r;
    uint32_t width = 1;

    if (node == FDT_NONE)
        node = fdt_compatible_next(t, FDT_NONE, "ns16550a");
    if (node == FDT_NONE || !fdt_reg(t, node, 0, &r) || r.size < 8)
        return;
    if (!fdt_string_in(t, node, "compatible", "ns16550a") &&
        !fdt_string_in(t, node, "compatible", "ns16550") &&
        !fdt_string_in(t, node, "compatible", "snps,dw-apb-uart"))
        return;
    (void)fdt_u32(t, node, "reg-shift", 0, &found.uart_shift);
    (void)fdt_u32(t, node, "reg-io-width", 0, &width);
    if (found.uart_shift > 3 || (8ull << found.uart_shift) > r.size)
        return;
    found.uart_wide = width == 4;
    found.uart = boot_map_device(arch_machine.root, HAL_PA(r.base), r.size);
}

/* The CPU index of the hart whose interrupt controller has that phandle; cpu_count if we do not use it. */
static uint32_t cpu_of_controller(const struct fdt *t, uint32_t phandle)
{
    fdt_node_t controller = fdt_phandle(t, phandle);
    fdt_node_t cpu = controller == FDT_NONE ? FDT_NONE : fdt_parent(t, controller);
    struct fdt_range r;
    uint32_t index = 0;

    if (cpu == FDT_NONE || !fdt_reg_raw(t, cpu, 0, &r))
        return hal_info.cpu_count;
    while (index < hal_info.cpu_count && arch_machine.hart[index] != r.base)
        index++;
    return index;
}

static void find_plic(const struct fdt *t)
{
    struct fdt_range r;
    uint32_t lines, phandle, irq;
    fdt_node_t node = fdt_compatible_next(t, FDT_NONE, "riscv,plic0");

    if (node == FDT_NONE)
        node = fdt_compatible_next(t, FDT_NONE, "sifive,plic-1.0.0");
    if (node == FDT_NONE || !fdt_reg(t, node, 0, &r) || !fdt_u32(t, node, "riscv,ndev", 0, &lines))
        return;
    for (uint32_t cpu = 0; cpu < hal_info.cpu_count; cpu++)
        found.plic_context[cpu] = PLIC_CONTEXT_MAX;
    for (uint32_t context = 0; context < PLIC_CONTEXT_MAX; context++) {
        if (!fdt_u32(t, node, "interrupts-extended", 2 * context, &phandle) ||
            !fdt_u32(t, node, "interrupts-extended", 2 * context + 1, &irq))
            break;
        if (irq != IRQ_SUPERVISOR_EXTERNAL)
            continue;
        uint32_t cpu = cpu_of_controller(t, phandle);
        if (cpu < hal_info.cpu_count)
            found.plic_context[cpu] = context;
    }
    found.plic = boot_map_device(arch_machine.root, HAL_PA(r.base), r.size);
    found.plic_size = r.size;
    found.plic_lines = lines < HAL_IRQ_MAX ? lines + 1 : HAL_IRQ_MAX;
}

static void init_devices(void)
{
    if (hal_board.early_init != NULL)
        hal_board.early_init();
    if (found.uart != NULL)
        arch_console_init(found.uart, found.uart_shift, found.uart_wide);
    if (found.plic == NULL)
        return;
    if (plic_init(found.plic, found.plic_size, found.plic_lines, found.plic_context, hal_info.cpu_count) ==
        HAL_OK) {
        arch_machine.plic = true;
        hal_info.irq_count = found.plic_lines;
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
    find_cpus(&tree, hart);
    find_memory(&tree, tree_pa);
    map_kernel();
    boot_map_direct(arch_machine.root, arch_machine.image, arch_image_pa(arch_rodata_end));
    find_uart(&tree);
    find_plic(&tree);

    ARCH_CSR_WRITE(satp, hal_pt_token(arch_machine.root, 0));
    hal_tlb_flush_asid(HAL_ASID_ALL);
    init_devices();
    boot_mem_finish();
    arch_enter(arch_stack_top(0), &hal_info, kern_boot);
}
