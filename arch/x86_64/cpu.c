/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs: what they can do, their descriptor tables and control registers, and how they start.
 *
 * Every exception has a stack of its own kind: NMI, double fault and machine check the panic stack, the
 * others the fault stack.  An overflow of the kernel stack is then an ordinary page fault in its guard page,
 * which panics with the address.  Interrupts use the CPU's stack: the kernel takes them only where it is
 * empty.
 */
#include <arch/layout.h>
#include <arch/x86.h>
#include <hal/boot/boot.h>
#include <hal/drivers/lapic.h>
#include <hal/hal.h>

#define FEATURE(reg, bit) (((reg) >> (bit) & 1) != 0)

/* Interrupt stack table entries */
#define IST_FAULT 1u
#define IST_PANIC 2u

#define INIT_WAIT_US 20u /* 10 ms on CPUs older than 64-bit mode */
#define SIPI_WAIT_US 200u
#define APIC_ID_LEAF_EXTENDED 0xbu
#define APIC_ID_LEAF_BASIC 1u

struct x86_features x86_features;
struct x86_cpu_slot x86_cpu_slots[HAL_CPU_MAX];

/* Read by boot.S when a CPU starts. */
uint32_t x86_apic_id_leaf;
uint32_t x86_cpu_slot_count;

extern const uint64_t x86_smap_sites_begin[], x86_smap_sites_end[];
extern const char x86_trampoline[], x86_trampoline_end[], x86_trampoline_gdt[], x86_trampoline_long[];
extern const char x86_trampoline_gdtr[], x86_trampoline_far[], x86_trampoline_root[], x86_trampoline_cr4[];

struct x86_tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; /* beyond the limit: no port is open to user code */
} __attribute__((packed));

struct x86_gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
};

struct x86_table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct x86_tables {
    uint64_t gdt[8];
    struct x86_tss tss;
} __attribute__((aligned(256))) tables[HAL_CPU_MAX];

static struct x86_gate idt[VECTOR_COUNT];

static hal_pa_t trampoline_page;

static void smap_sites_clear(void)
{
    static const uint8_t nop3[3] = {0x0f, 0x1f, 0x00};

    /* The early page tables let text be written. */
    for (const uint64_t *site = x86_smap_sites_begin; site < x86_smap_sites_end; site++) {
        for (unsigned i = 0; i < sizeof nop3; i++)
            ((volatile uint8_t *)(uintptr_t)*site)[i] = nop3[i];
    }
}

void x86_features_detect(void)
{
    uint32_t basic_max = x86_cpuid(0, 0).a;
    struct x86_cpuid basic = x86_cpuid(1, 0);
    struct x86_cpuid more = basic_max >= 7 ? x86_cpuid(7, 0) : (struct x86_cpuid){0};
    struct x86_cpuid extended = x86_cpuid(0x80000001, 0);

    if (!FEATURE(extended.d, 20) || !FEATURE(extended.d, 11) || !FEATURE(basic.d, 13) || !FEATURE(basic.d, 9))
        boot_panic("this CPU lacks NX, SYSCALL, global pages or a local APIC");
    x86_features = (struct x86_features){
        .pcid = FEATURE(basic.c, 17),
        .invpcid = FEATURE(more.b, 10),
        .smep = FEATURE(more.b, 7),
        .smap = FEATURE(more.b, 20),
        .umip = FEATURE(more.c, 2),
        .xsave = FEATURE(basic.c, 26),
        .x2apic = FEATURE(basic.c, 21),
        .tsc_deadline = FEATURE(basic.c, 24),
        .gib_pages = FEATURE(extended.d, 26),
        .la57 = (x86_read_cr4() & CR4_LA57) != 0,
    };
    if (!x86_features.smap)
        smap_sites_clear();
    bool extended_id = basic_max >= APIC_ID_LEAF_EXTENDED && x86_cpuid(APIC_ID_LEAF_EXTENDED, 0).b != 0;
    x86_apic_id_leaf = extended_id ? APIC_ID_LEAF_EXTENDED : APIC_ID_LEAF_BASIC;
}

static uint8_t vector_ist(unsigned vector)
{
    if (vector == X86_NMI || vector == X86_DF || vector == X86_MC)
        return IST_PANIC;
    return vector < VECTOR_IRQ_FIRST ? IST_FAULT : 0;
}

void x86_idt_init(void)
{
    for (unsigned v = 0; v < VECTOR_COUNT; v++) {
        uint64_t entry = (uint64_t)x86_vector_table + v * X86_VECTOR_STRIDE;
        unsigned privilege = v == X86_BP ? 3 : 0;
        idt[v] = (struct x86_gate){
            .offset_0 = (uint16_t)entry,
            .selector = SEL_KERNEL_CODE,
            .ist = vector_ist(v),
            .type = (uint8_t)(0x8e | privilege << 5), /* present, 64-bit interrupt gate */
            .offset_16 = (uint16_t)(entry >> 16),
            .offset_32 = (uint32_t)(entry >> 32),
        };
    }
}

void x86_cpu_tables_init(uint32_t index, uint64_t panic_top, uint64_t fault_top, uint64_t stack_top)
{
    struct x86_tables *t = &tables[index];
    uint64_t tss = (uint64_t)&t->tss;
    uint64_t limit = sizeof t->tss - 1;

    t->tss = (struct x86_tss){.io_map = sizeof t->tss};
    t->tss.rsp[0] = stack_top;
    t->tss.ist[IST_FAULT - 1] = fault_top;
    t->tss.ist[IST_PANIC - 1] = panic_top;
    t->gdt[SEL_KERNEL_CODE / 8] = 0x00af9b000000ffff;
    t->gdt[SEL_KERNEL_DATA / 8] = 0x00cf93000000ffff;
    t->gdt[SEL_SYSRET_BASE / 8] = 0; /* SYSRET to 32-bit code would use it */
    t->gdt[SEL_USER_DATA / 8] = 0x00cff3000000ffff;
    t->gdt[SEL_USER_CODE / 8] = 0x00affb000000ffff;
    t->gdt[SEL_TSS / 8] = limit | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
    t->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

static void tables_load(uint32_t index)
{
    struct x86_table_register gdtr = {sizeof tables[index].gdt - 1, (uint64_t)tables[index].gdt};
    struct x86_table_register idtr = {sizeof idt - 1, (uint64_t)idt};

    /* The code selector is the same in every GDT; the others matter only when user code returns. */
    __asm__ volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr) : "memory");
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
    __asm__ volatile("mov %0, %%ss" : : "r"(SEL_KERNEL_DATA) : "memory");
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(0) : "memory");
}

/* Control registers and the registers of SYSCALL. */
static void control_init(void)
{
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_PGE;

    cr4 |= x86_features.la57 ? CR4_LA57 : 0;
    cr4 |= x86_features.smep ? CR4_SMEP : 0;
    cr4 |= x86_features.smap ? CR4_SMAP : 0;
    cr4 |= x86_features.umip ? CR4_UMIP : 0;
    x86_wrmsr(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE | 0x400 /* LMA, read-only */);
    x86_write_cr0(CR0_KERNEL);
    x86_write_cr4(cr4);
    x86_wrmsr(MSR_STAR, (uint64_t)SEL_SYSRET_BASE << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
    x86_wrmsr(MSR_LSTAR, (uint64_t)x86_syscall_entry);
    x86_wrmsr(MSR_SFMASK, RFLAGS_SYSCALL_CLEAR);
    x86_fpu_cpu_init();
}

void x86_cpu_init(struct hal_cpu *cpu, uint32_t index)
{
    cpu->self = (struct cpu *)cpu;
    cpu->index = index;
    cpu->vector = 0;
    cpu->deadline = HAL_TIMER_OFF;
    cpu->stack_top = tables[index].tss.rsp[0];
    cpu->fault_top = tables[index].tss.ist[IST_FAULT - 1];
    tables_load(index);
    x86_wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    x86_wrmsr(MSR_KERNEL_GS_BASE, 0);
    control_init();
}

void x86_cpu_paging_init(void)
{
    x86_write_cr3(x86_kernel_root.addr);
    if (x86_features.pcid)
        x86_write_cr4(x86_read_cr4() | CR4_PCIDE);
}

void x86_cpu_stacks_map(uint32_t index)
{
    uint64_t slot = ARCH_STACK_BASE + (uint64_t)index * ARCH_STACK_SLOT;

    boot_map_pages(x86_kernel_root, slot + ARCH_PANIC_OFFSET, ARCH_PANIC_SIZE);
    boot_map_pages(x86_kernel_root, slot + ARCH_FAULT_OFFSET, ARCH_FAULT_SIZE);
    boot_map_pages(x86_kernel_root, slot + ARCH_STACK_OFFSET, ARCH_STACK_SIZE);
    x86_cpu_slots[index].stack_top = slot + ARCH_STACK_OFFSET + ARCH_STACK_SIZE;
    x86_cpu_tables_init(index, slot + ARCH_PANIC_OFFSET + ARCH_PANIC_SIZE,
                        slot + ARCH_FAULT_OFFSET + ARCH_FAULT_SIZE, x86_cpu_slots[index].stack_top);
}

/* Address in the trampoline page of something in the trampoline. */
static uint32_t trampoline_address(const char *symbol)
{
    return (uint32_t)trampoline_page.addr + (uint32_t)(symbol - x86_trampoline);
}

static void trampoline_store(const char *symbol, uint32_t value)
{
    __builtin_memcpy(hal_pa_to_ptr(HAL_PA(trampoline_address(symbol))), &value, sizeof value);
}

void x86_cpu_trampoline_init(hal_pa_t page)
{
    hal_pa_t root = boot_page_alloc();
    uint8_t *copy = hal_pa_to_ptr(page);

    /* A CPU turns paging on while it runs in that page: these tables map it at its physical address too. */
    trampoline_page = page;
    hal_pt_init_root(root);
    boot_map(root, page.addr, page, HAL_PAGE_SIZE, HAL_ATTR_R | HAL_ATTR_X | HAL_ATTR_ACCESSED);
    for (const char *p = x86_trampoline; p < x86_trampoline_end; p++)
        *copy++ = (uint8_t)*p;
    trampoline_store(x86_trampoline_gdtr + 2, trampoline_address(x86_trampoline_gdt));
    trampoline_store(x86_trampoline_far, trampoline_address(x86_trampoline_long));
    trampoline_store(x86_trampoline_root, (uint32_t)root.addr);
    trampoline_store(x86_trampoline_cr4, CR4_PAE | (x86_features.la57 ? CR4_LA57 : 0));
}

void hal_cpu_boot_set(struct cpu *self)
{
    struct hal_cpu *cpu = (struct hal_cpu *)self;

    *cpu = *x86_cpu();
    cpu->self = self;
    x86_wrmsr(MSR_GS_BASE, (uint64_t)cpu);
}

/* Returns: whether the CPU showed itself within the time. */
static bool slot_wait_alive(const struct x86_cpu_slot *slot, uint32_t microseconds)
{
    hal_ticks_t end = hal_time_now() + hal_info.time_hz / 1000000 * microseconds;

    while (hal_time_now() < end) {
        if (__atomic_load_n(&slot->alive, __ATOMIC_ACQUIRE) != 0)
            return true;
        hal_cpu_pause();
    }
    return false;
}

/*
 * INIT, SIPI, and a second SIPI if the CPU has not shown itself (SDM volume 3, 8.4.4).  That one is ignored
 * by a CPU which is just slow.  The 10 ms that the manual wants after INIT are for CPUs older than 64-bit
 * mode.
 */
enum hal_status hal_cpu_start(uint32_t index, struct cpu *self)
{
    HAL_REQUIRE(index >= 1 && index < hal_info.cpu_count && self != NULL);
    struct x86_cpu_slot *slot = &x86_cpu_slots[index];
    uint32_t page = (uint32_t)(trampoline_page.addr / HAL_PAGE_SIZE);

    __atomic_store_n(&slot->self, self, __ATOMIC_RELEASE);
    lapic_send(slot->apic_id, LAPIC_ICR_INIT);
    (void)slot_wait_alive(slot, INIT_WAIT_US);
    lapic_send(slot->apic_id, LAPIC_ICR_STARTUP | page);
    if (!slot_wait_alive(slot, SIPI_WAIT_US))
        lapic_send(slot->apic_id, LAPIC_ICR_STARTUP | page);
    return HAL_OK;
}

void x86_cpu_ap_main(struct x86_cpu_slot *slot)
{
    struct cpu *self = __atomic_load_n(&slot->self, __ATOMIC_ACQUIRE);

    __atomic_store_n(&slot->alive, 1, __ATOMIC_RELEASE);
    x86_cpu_init((struct hal_cpu *)self, (uint32_t)(slot - x86_cpu_slots));
    x86_cpu_paging_init();
    lapic_cpu_init();
    x86_resume(kern_cpu_main(self));
}

void hal_cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

void hal_cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" : : : "memory");
}
