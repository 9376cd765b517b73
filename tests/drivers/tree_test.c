/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What back ends take out of a device tree, on trees that QEMU does not make: hal/drivers/fdt_boot.c, and for RISC-V
 * arch/riscv64/tree.c.
 */
#include <arch/riscv64/tree.h>
#include <hal/boot/board.h>
#include <hal/boot/boot.h>
#include <hal/drivers/fdt_boot.h>
#include <hal/drivers/plic.h>
#include <hal/info.h>

#include "fdt_build.h"
#include "host_test.h"

#define BOARD_RAM 0x10000000u
#define RANGES 32u

/* ---- The rest of the boot code, which takes notes ---- */

struct hal_info hal_info;
const struct hal_board hal_board = {.name = "test", .ram = {.base = {BOARD_RAM}, .size = 0x1000}};

struct note {
    uint64_t base, size;
};

static struct {
    struct note added[RANGES], reserved[RANGES], removed[RANGES];
    uint32_t add_count, reserve_count, remove_count;
    uint32_t messages;
} noted;

static void note(struct note *list, uint32_t *count, hal_pa_t base, uint64_t size)
{
    if (size > 0 && CHECK(*count < RANGES))
        list[(*count)++] = (struct note){base.addr, size};
}

void boot_mem_add(hal_pa_t base, uint64_t size)
{
    note(noted.added, &noted.add_count, base, size);
}

void boot_mem_reserve(hal_pa_t base, uint64_t size)
{
    note(noted.reserved, &noted.reserve_count, base, size);
}

void boot_mem_remove(hal_pa_t base, uint64_t size)
{
    note(noted.removed, &noted.remove_count, base, size);
}

bool boot_mem_contains(hal_pa_t base, uint64_t size)
{
    for (uint32_t i = 0; i < noted.add_count; i++)
        if (base.addr >= noted.added[i].base && base.addr + size <= noted.added[i].base + noted.added[i].size)
            return true;
    return false;
}

void boot_print(const char *fmt, ...)
{
    (void)fmt;
    noted.messages++;
}

void boot_panic(const char *fmt, ...)
{
    printf("# boot_panic: %s\n", fmt);
    exit(1);
}

static bool is_noted(const struct note *list, uint32_t count, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].base == base && list[i].size == size)
            return true;
    return false;
}

#define ADDED(base, size) is_noted(noted.added, noted.add_count, base, size)
#define RESERVES(base, size) is_noted(noted.reserved, noted.reserve_count, base, size)
#define REMOVED(base, size) is_noted(noted.removed, noted.remove_count, base, size)

/* ---- Trees ---- */

static void tree_start(void)
{
    build_start();
    begin("");
    node_cells(2, 2);
}

static void tree_end(void)
{
    token(END);
    token(FINISH);
    build_end();
    memset(&noted, 0, sizeof noted);
    (void)CHECK(fdt_open(&tree, blob.bytes, blob.size) == FDT_OK);
}

static void cpus_start(void)
{
    tree_start();
    begin("cpus");
    node_cells(1, 0);
}

static void cpu_start(uint32_t hart)
{
    char name[16];

    (void)snprintf(name, sizeof name, "cpu@%x", hart);
    begin(name);
    text("device_type", "cpu");
    CELLS("reg", hart);
}

static void cpu(uint32_t hart)
{
    cpu_start(hart);
    token(END);
}

static void cpus_end(void)
{
    token(END);
    tree_end();
}

/* ---- Memory ---- */

static void memory(void)
{
    tree_start();
    begin("memory@0");
    text("device_type", "memory");
    CELLS("reg", 0, 0x80000000, 0, 0x8000000, 1, 0, 0, 0x1000);
    token(END);
    begin("memory@1");
    text("device_type", "memory");
    text("status", "disabled");
    CELLS("reg", 0, 0x20000000, 0, 0x1000);
    token(END);
    begin("device@2");
    CELLS("reg", 0, 0x30000000, 0, 0x1000);
    token(END);
    begin("reserved-memory");
    node_cells(2, 2);
    prop("ranges", "", 0);
    begin("firmware@80000000");
    prop("no-map", "", 0);
    CELLS("reg", 0, 0x80000000, 0, 0x2000, 0, 0x80010000, 0, 0x3000);
    token(END);
    begin("buffer@80100000");
    CELLS("reg", 0, 0x80100000, 0, 0x4000);
    token(END);
    begin("off@80200000");
    text("status", "disabled");
    CELLS("reg", 0, 0x80200000, 0, 0x5000);
    token(END);
    token(END);
    tree_end();
    hal_info.archive_base = HAL_PA(0x81000000);
    hal_info.archive_size = 0x7000;
    fdt_boot_memory(&tree);
    CHECK(noted.add_count == 2 && ADDED(0x80000000, 0x8000000) && ADDED(0x100000000, 0x1000));
    CHECK(noted.remove_count == 2 && REMOVED(0x80000000, 0x2000) && REMOVED(0x80010000, 0x3000));
    CHECK(noted.reserve_count == 4 && RESERVES(0, 0x800) && RESERVES(0x100001000, 0x800));
    CHECK(RESERVES(0x80100000, 0x4000) && RESERVES(0x81000000, 0x7000));
    CHECK(noted.messages == 0 && hal_info.archive_size == 0x7000);
}

static void memory_of_the_board(void)
{
    tree_start();
    begin("memory@0"); /* without memory */
    text("device_type", "memory");
    CELLS("reg", 0, 0x80000000, 0, 0);
    token(END);
    tree_end();
    hal_info.archive_base = HAL_PA(0x81000000); /* outside of what there is */
    hal_info.archive_size = 0x7000;
    fdt_boot_memory(&tree);
    CHECK(noted.add_count == 1 && ADDED(BOARD_RAM, 0x1000));
    CHECK(noted.messages == 1 && hal_info.archive_size == 0 && noted.reserve_count == 2);
}

/* ---- /chosen ---- */

static void chosen(void)
{
    char arguments[HAL_CMDLINE_MAX + 1];

    memset(arguments, 'a', sizeof arguments - 1);
    arguments[sizeof arguments - 1] = '\0';
    tree_start();
    begin("chosen");
    text("bootargs", arguments + 1); /* as long as fits */
    CELLS("linux,initrd-start", 1, 0x2000);
    CELLS("linux,initrd-end", 1, 0x5000);
    token(END);
    tree_end();
    fdt_boot_chosen(&tree);
    CHECK(strcmp(hal_info.cmdline, arguments + 1) == 0 && noted.messages == 0);
    CHECK(hal_info.archive_base.addr == 0x100002000 && hal_info.archive_size == 0x3000);

    tree_start();
    begin("chosen");
    text("bootargs", arguments);
    CELLS("linux,initrd-start", 0x2000);
    CELLS("linux,initrd-end", 0x2000);
    token(END);
    tree_end();
    fdt_boot_chosen(&tree);
    /* limit: kernel command line */
    CHECK(strcmp(hal_info.cmdline, arguments + 1) == 0 && noted.messages == 1);
    CHECK(hal_info.archive_size == 0);

    tree_start();
    tree_end();
    fdt_boot_chosen(&tree);
    CHECK(hal_info.cmdline[0] == '\0' && hal_info.archive_size == 0 && fdt_boot_console(&tree) == FDT_NONE);
}

/* ---- CPUs ---- */

static void usable_cpus(void)
{
    uint64_t id = 99;

    cpus_start();
    begin("cpu-map");
    CELLS("reg", 9);
    token(END);
    cpu(3);
    cpu_start(4);
    text("status", "disabled");
    token(END);
    cpu_start(5);
    text("status", "disabled");
    text("enable-method", "spin-table");
    token(END);
    begin("cpu@6"); /* has no reg */
    text("device_type", "cpu");
    token(END);
    cpus_end();
    fdt_node_t node = fdt_boot_cpu_next(&tree, FDT_NONE, &id);
    CHECK(node != FDT_NONE && id == 3);
    node = fdt_boot_cpu_next(&tree, node, &id);
    CHECK(node != FDT_NONE && id == 5);
    CHECK(fdt_boot_cpu_next(&tree, node, &id) == FDT_NONE && id == 5);
    tree_start();
    tree_end();
    CHECK(fdt_boot_cpu_next(&tree, FDT_NONE, &id) == FDT_NONE);
}

static struct arch_tree_cpus cpus;

static void harts(void)
{
    cpus_start();
    CELLS("timebase-frequency", 10000000);
    cpu_start(0);
    text("mmu-type", "riscv,none");
    token(END);
    cpu_start(1);
    text("mmu-type", "riscv,sv39");
    text("riscv,isa", "rv64imafdc_sstc");
    token(END);
    cpu_start(2);
    text("riscv,isa", "rv64imafdc_sstcx_zsstc_sstc_svpbmt");
    token(END);
    cpu(3);
    cpus_end();
    arch_tree_cpus(&tree, 2, true, &cpus);
    CHECK(cpus.count == 3 && cpus.hart[0] == 2 && cpus.hart[1] == 1 && cpus.hart[2] == 3);
    CHECK(cpus.sstc && cpus.time_hz == 10000000 && cpus.unused == 0);
    arch_tree_cpus(&tree, 3, true, &cpus);
    CHECK(cpus.count == 3 && cpus.hart[0] == 3 && !cpus.sstc);
    arch_tree_cpus(&tree, 1, false, &cpus);
    CHECK(cpus.count == 1 && cpus.hart[0] == 1 && cpus.sstc);
}

static void hart_extensions(void)
{
    cpus_start();
    cpu_start(0);
    text("riscv,isa", "rv64imafdc_sstcx_zsstc_sst");
    CELLS("timebase-frequency", 5);
    token(END);
    cpu_start(1);
    text("riscv,isa", "rv64imafdc");
    prop("riscv,isa-extensions", "i\0sstc", 7);
    CELLS("timebase-frequency", 6);
    token(END);
    cpus_end();
    arch_tree_cpus(&tree, 0, true, &cpus);
    CHECK(!cpus.sstc && cpus.time_hz == 5);
    arch_tree_cpus(&tree, 1, true, &cpus);
    CHECK(cpus.sstc && cpus.time_hz == 5);
}

static void too_many_harts(void)
{
    cpus_start();
    for (uint32_t hart = 0; hart < HAL_CPU_MAX + 2; hart++)
        cpu(hart);
    cpus_end();
    arch_tree_cpus(&tree, 7, true, &cpus);
    CHECK(cpus.count == HAL_CPU_MAX && cpus.unused == 2 && cpus.time_hz == 0);
    CHECK(cpus.hart[0] == 7 && cpus.hart[1] == 0 && cpus.hart[8] == 8 && cpus.hart[63] == 63);
    tree_start();
    tree_end();
    arch_tree_cpus(&tree, 7, true, &cpus);
    CHECK(cpus.count == 1 && cpus.hart[0] == 7 && cpus.time_hz == 0);
}

/* ---- Devices ---- */

static struct arch_tree_uart uart;

/* A tree with one UART; shift, width: -1: not told. */
static void uart_tree(bool is_console, const char *compatible, uint32_t size, int shift, int width)
{
    tree_start();
    begin("chosen");
    if (is_console)
        text("stdout-path", "/serial@1000:115200");
    token(END);
    begin("serial@1000");
    text("compatible", compatible);
    CELLS("reg", 0, 0x1000, 0, size);
    if (shift >= 0)
        CELLS("reg-shift", (uint32_t)shift);
    if (width >= 0)
        CELLS("reg-io-width", (uint32_t)width);
    token(END);
    tree_end();
    memset(&uart, 0xff, sizeof uart);
    arch_tree_uart(&tree, &uart);
}

static void uarts(void)
{
    uart_tree(true, "ns16550a", 8, -1, -1);
    CHECK(uart.base.addr == 0x1000 && uart.size == 8 && uart.shift == 0 && !uart.wide);
    uart_tree(true, "ns16550", 0x100, 2, 4);
    CHECK(uart.size == 0x100 && uart.shift == 2 && uart.wide);
    uart_tree(true, "snps,dw-apb-uart", 64, 3, 1);
    CHECK(uart.size == 64 && uart.shift == 3 && !uart.wide);
    uart_tree(false, "ns16550a", 0x100, 0, -1);
    CHECK(uart.size == 0x100);
    uart_tree(false, "ns16550", 0x100, 0, -1); /* not the console, and only of the family */
    CHECK(uart.size == 0);
    uart_tree(true, "arm,pl011", 0x1000, -1, -1);
    CHECK(uart.size == 0);
    uart_tree(true, "ns16550a", 7, -1, -1);
    CHECK(uart.size == 0);
    uart_tree(true, "ns16550a", 63, 3, -1);
    CHECK(uart.size == 0);
    uart_tree(true, "ns16550a", 0x1000, 4, -1);
    CHECK(uart.size == 0);
    tree_start();
    tree_end();
    arch_tree_uart(&tree, &uart);
    CHECK(uart.size == 0);
}

static void controller(uint32_t hart, uint32_t phandle)
{
    cpu_start(hart);
    begin("interrupt-controller");
    CELLS("phandle", phandle);
    token(END);
    token(END);
}

/* Hart 1 is not used, hart 3 has no supervisor context. */
static void plic_tree(const char *compatible, uint32_t lines)
{
    cpus_start();
    controller(0, 10);
    controller(1, 11);
    controller(2, 12);
    controller(3, 13);
    token(END);
    begin("plic@c000000");
    text("compatible", compatible);
    CELLS("reg", 0, 0xc000000, 0, 0x600000);
    CELLS("riscv,ndev", lines);
    CELLS("interrupts-extended", 10, 11, 10, 9, 11, 9, 13, 11, 12, 11, 12, 9, 99, 9);
    token(END);
    tree_end();
}

static void plics(void)
{
    const struct arch_tree_cpus used = {.hart = {2, 0, 3}, .count = 3};
    struct arch_tree_plic plic;

    plic_tree("riscv,plic0", 95);
    arch_tree_plic(&tree, &used, &plic);
    CHECK(plic.base.addr == 0xc000000 && plic.size == 0x600000 && plic.lines == 96);
    CHECK(plic.context[0] == 5 && plic.context[1] == 1 && plic.context[2] == PLIC_CONTEXT_MAX);
    plic_tree("sifive,plic-1.0.0", 5000);
    arch_tree_plic(&tree, &used, &plic);
    CHECK(plic.size == 0x600000 && plic.lines == HAL_IRQ_MAX);
    plic_tree("arm,gic-v3", 95);
    arch_tree_plic(&tree, &used, &plic);
    CHECK(plic.size == 0);
}

int main(void)
{
    static const struct host_case table[] = {
        {"memory: nodes, reservations, what firmware keeps", memory},
        {"memory: the board's, if the tree names none", memory_of_the_board},
        {"chosen: command line and archive", chosen},
        {"CPUs: enabled, or with a method to enable them", usable_cpus},
        {"harts: the boot hart first, those with an MMU, supervisor timer", harts},
        {"harts: extensions as a string and as a list", hart_extensions},
        {"harts: more than the kernel can use; none", too_many_harts},
        {"UART: compatible, distance and width of registers", uarts},
        {"PLIC: lines, contexts of the CPUs in use", plics},
    };
    int status = host_run(table, sizeof table / sizeof table[0]);

    free(blob.bytes);
    return status;
}
