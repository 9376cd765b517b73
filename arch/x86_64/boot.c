/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the early page tables of boot.S to kern_boot().
 *
 * The loader's structures and ACPI's lie in low memory that the memory map calls free.  All of them are read
 * and copied before anything is written outside the image; boot_page_alloc() writes first in tables_build().
 */
#include <arch/layout.h>
#include <arch/x86.h>
#include <hal/boot/board.h>
#include <hal/boot/boot.h>
#include <hal/drivers/acpi.h>
#include <hal/drivers/acpi_power.h>
#include <hal/drivers/apic.h>
#include <hal/drivers/pvh_boot.h>
#include <hal/drivers/tsc.h>
#include <hal/drivers/uart_port.h>
#include <hal/hal.h>

#define EARLY_MEMORY (1ull << 32) /* what the tables of boot.S map */
#define LOW_MEMORY_END 0xa0000u

struct hal_info hal_info;

extern const char x86_image_begin[], x86_text_end[], x86_rodata_end[], x86_image_end[];
extern char x86_boot_stack_top[];

/*
 * What hal_cpu_self() answers until hal_cpu_boot_set(), and stacks for faults until those of the window are
 * mapped.
 */
static struct hal_cpu boot_cpu;
static uint8_t boot_fault_stack[2][HAL_PAGE_SIZE] __attribute__((aligned(16)));

static struct acpi_info acpi;

void hal_console_putc(char c)
{
    if (c == '\n')
        uart_port_putc((uint16_t)hal_board.uart.base.addr, '\r');
    uart_port_putc((uint16_t)hal_board.uart.base.addr, c);
}

int hal_console_getc(void)
{
    return uart_port_getc((uint16_t)hal_board.uart.base.addr);
}

static hal_pa_t image_pa(const char *symbol)
{
    return HAL_PA((uint64_t)symbol - KERNEL_BASE);
}

static void loader_read(uint64_t start_info)
{
    struct acpi_memory memory = {hal_pa_to_ptr(HAL_PA(0)), EARLY_MEMORY};
    const char *error = acpi_read(memory, pvh_boot_read(start_info, EARLY_MEMORY), &acpi);

    if (error != NULL)
        boot_print("boot: ACPI: %s: one CPU, no power-off\n", error);
    if (error != NULL)
        return;
    hal_info.tables_kind = HAL_TABLES_ACPI;
    hal_info.tables = HAL_PA(acpi.rsdp);
}

/* Slot 0 is the boot CPU; the others follow in the order of the MADT. */
static void cpus_find(void)
{
    struct x86_cpuid basic = x86_cpuid(1, 0);
    struct x86_cpuid extended = x86_cpuid(0xb, 0);
    bool has_extended = x86_cpuid(0, 0).a >= 0xb && extended.b != 0;
    uint32_t boot_id = has_extended ? extended.d : basic.b >> 24;
    uint32_t limit = x86_features.x2apic ? UINT32_MAX : UINT8_MAX; /* that value addresses all CPUs */
    uint32_t unused = 0;

    x86_cpu_slots[0].apic_id = boot_id;
    x86_cpu_slot_count = 1;
    for (uint32_t i = 0; i < acpi.cpu_count; i++) {
        if (acpi.apic_id[i] == boot_id)
            continue;
        if (x86_cpu_slot_count < HAL_CPU_MAX && acpi.apic_id[i] < limit)
            x86_cpu_slots[x86_cpu_slot_count++].apic_id = acpi.apic_id[i];
        else
            unused++;
    }
    if (unused > 0)
        boot_print("boot: %u CPUs stay off\n", (uint64_t)unused);
    hal_info.cpu_count = x86_cpu_slot_count;
}

static void info_fill(void)
{
    hal_info.isa = "x86_64";
    hal_info.board = hal_board.name;
    hal_info.pt_levels = x86_features.la57 ? 5 : 4;
    hal_info.leaf_levels = x86_features.gib_pages ? 7 : 3;
    hal_info.user_base = ARCH_USER_BASE;
    hal_info.user_limit = (x86_features.la57 ? 1ull << 56 : 1ull << 47) - HAL_PAGE_SIZE;
    hal_info.asid_bits = x86_features.pcid ? X86_PCID_BITS : 0;
    hal_info.tlb_broadcast = false;
    hal_info.fpu_size = x86_fpu_detect();
    x86_cr3_keep = x86_features.pcid ? 1ull << 63 : 0;
}

/* Build the final tables; nothing in them is both writable and executable, nothing is the user's. */
static void tables_build(void)
{
    static const struct boot_image image = {x86_image_begin, x86_text_end, x86_rodata_end, x86_image_end};

    boot_mem_set_alloc_limit(HAL_PA(EARLY_MEMORY));
    x86_kernel_root = boot_page_alloc();
    boot_map_image(x86_kernel_root, image_pa(x86_image_begin), &image);
    boot_map_direct(x86_kernel_root, image_pa(x86_image_begin), image_pa(x86_rodata_end));
    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        x86_cpu_stacks_map(i);
}

/* On the boot CPU's stack from here on. */
HAL_NORETURN static void boot_finish(void)
{
    x86_resume(kern_boot(&hal_info));
}

HAL_NORETURN static void stack_switch(uint64_t top, void (*function)(void))
{
    __asm__ volatile("mov %0, %%rsp; xor %%ebp, %%ebp; call *%1" : : "r"(top), "r"(function) : "memory");
    __builtin_unreachable();
}

void x86_boot(uint64_t start_info)
{
    uint64_t stack_top = (uint64_t)x86_boot_stack_top;
    hal_pa_t trampoline;

    uart_port_init((uint16_t)hal_board.uart.base.addr);
    x86_features_detect();
    x86_idt_init();
    x86_cpu_tables_init(0, (uint64_t)boot_fault_stack[1], (uint64_t)boot_fault_stack[2], stack_top);
    x86_cpu_init(&boot_cpu, 0);
    loader_read(start_info);

    cpus_find();
    info_fill();
    boot_mem_reserve(HAL_PA(0), HAL_PAGE_SIZE); /* real mode's vectors and BIOS data */
    boot_mem_reserve(image_pa(x86_image_begin), (uint64_t)(x86_image_end - x86_image_begin));
    boot_mem_set_alloc_limit(HAL_PA(LOW_MEMORY_END));
    trampoline = boot_page_alloc(); /* a CPU starts in real mode */
    tables_build();
    x86_cpu_trampoline_init(trampoline);
    x86_cpu_init(&boot_cpu, 0);
    x86_cpu_paging_init();
    apic_init(&acpi);
    tsc_init(&acpi);
    acpi_power_init(&acpi);
    boot_mem_finish();
    stack_switch(boot_cpu.stack_top, boot_finish);
}
