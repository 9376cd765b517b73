/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts.  Line n (a global system interrupt of ACPI) arrives as vector VECTOR_LINE_FIRST + n.  The CPU
 * acknowledges an interrupt by taking it: entry.S leaves its vector in hal_cpu.vector for hal_irq_claim().
 * When nothing was taken, a claim opens the interrupt window for one instruction, so that claiming also works
 * where the kernel polls.
 *
 * An I/O APIC loses edges on a masked line.  A line is therefore never masked once hal_irq_route() made it
 * an edge line: while it is disabled, an interrupt of it is remembered, and sent again as an IPI when it is
 * enabled.
 *
 * Behind the lines of the I/O APICs come message lines, one for each vector that is left: a device raises one by writing
 * its vector to the boot CPU's local APIC (SDM volume 3, 10.11).
 *
 * lines_lock protects `line` and the I/O APICs. Innermost; held for a few instructions.
 */
#include <arch/x86.h>
#include <hal/boot/boot.h>
#include <hal/boot/mem.h>
#include <hal/drivers/apic.h>
#include <hal/drivers/ioapic.h>
#include <hal/drivers/lapic.h>
#include <hal/hal.h>

#define IOAPIC_DEFAULT 0xfec00000u
#define LAPIC_DEFAULT 0xfee00000u
#define IOAPIC_WINDOW_SIZE 0x20u
#define MESSAGE_ADDRESS 0xfee00000u
#define MESSAGE_APIC_SHIFT 12u
#define ISA_LINES 16u
#define TIMER_EARLY_FRACTION 100000u /* of a second */

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA 0xa1

static struct line {
    uint8_t apic_id;
    bool level;
    bool active_low;
    bool present; /* a pin of an I/O APIC, or a message */
    bool message;
    bool enabled;
    bool pending; /* an edge came while disabled */
} line[VECTOR_LINE_COUNT];

static uint32_t lines_lock;

static void lines_acquire(void)
{
    while (__atomic_exchange_n(&lines_lock, 1, __ATOMIC_ACQUIRE) != 0)
        hal_cpu_pause();
}

static void lines_release(void)
{
    __atomic_store_n(&lines_lock, 0, __ATOMIC_RELEASE);
}

static void line_route(uint32_t n)
{
    const struct line *l = &line[n];
    struct ioapic_route route = {
        .vector = (uint8_t)(VECTOR_LINE_FIRST + n),
        .apic_id = l->apic_id,
        .level = l->level,
        .active_low = l->active_low,
    };

    ioapic_route(n, &route);
}

static void line_mask(uint32_t n, bool masked)
{
    if (!line[n].message) /* while it is disabled it is remembered, as any edge */
        ioapic_mask(n, masked);
}

static void ioapics_init(const struct acpi_info *acpi)
{
    uint32_t count = acpi->ioapic_count > 0 ? acpi->ioapic_count : 1;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t address = acpi->ioapic_count > 0 ? acpi->ioapic[i].address : IOAPIC_DEFAULT;
        uint32_t first = acpi->ioapic_count > 0 ? acpi->ioapic[i].first : 0;
        if (first >= VECTOR_LINE_COUNT)
            continue;
        uint32_t end =
            first + ioapic_add(boot_map_device(x86_kernel_root, HAL_PA(address), IOAPIC_WINDOW_SIZE), first);
        if (end > VECTOR_LINE_COUNT)
            end = VECTOR_LINE_COUNT;
        if (end > hal_info.irq_count)
            hal_info.irq_count = end;
    }
}

/* ISA lines are edges, active high; the others, PCI's, levels, active low; unless ACPI knows better. */
static void lines_init(const struct acpi_info *acpi)
{
    for (uint32_t n = 0; n < hal_info.irq_count; n++) {
        line[n] = (struct line){
            .apic_id = (uint8_t)x86_cpu_slots[0].apic_id,
            .level = n >= ISA_LINES,
            .active_low = n >= ISA_LINES,
            .present = ioapic_has(n),
        };
    }
    for (uint32_t i = 0; i < acpi->override_count; i++) {
        const struct acpi_override *o = &acpi->override[i];
        if (o->line < hal_info.irq_count) {
            line[o->line].level = o->level;
            line[o->line].active_low = o->active_low;
        }
    }
    for (uint32_t n = 0; n < hal_info.irq_count; n++) {
        if (line[n].present)
            line_route(n);
    }
}

/* The vectors that no pin has. */
static void messages_init(void)
{
    uint32_t apic_id = x86_cpu_slots[0].apic_id;

    hal_info.irq_message_first = hal_info.irq_count;
    if (apic_id > UINT8_MAX)
        return; /* the field of a message */
    for (uint32_t n = hal_info.irq_count; n < VECTOR_LINE_COUNT; n++)
        line[n] = (struct line){.apic_id = (uint8_t)apic_id, .present = true, .message = true};
    hal_info.irq_count = VECTOR_LINE_COUNT;
    hal_info.irq_message_address = HAL_PA(MESSAGE_ADDRESS | apic_id << MESSAGE_APIC_SHIFT);
    hal_info.irq_message_data = VECTOR_LINE_FIRST;
}

void apic_init(const struct acpi_info *acpi)
{
    uint64_t base = acpi->lapic_address != 0 ? acpi->lapic_address : LAPIC_DEFAULT;
    struct lapic_config config = {
        .base = x86_features.x2apic ? NULL : boot_map_device(x86_kernel_root, HAL_PA(base), HAL_PAGE_SIZE),
        .timer_vector = VECTOR_TIMER,
        .spurious_vector = VECTOR_SPURIOUS,
        .tsc_deadline = x86_features.tsc_deadline,
    };

    x86_outb(PIC_MASTER_DATA, 0xff);
    x86_outb(PIC_SLAVE_DATA, 0xff);
    if (x86_features.x2apic)
        boot_mem_take(base & ~(uint64_t)(HAL_PAGE_SIZE - 1),
                      HAL_PAGE_SIZE); /* not mapped, and nobody else's */
    lapic_init(&config);
    lapic_cpu_init();
    ioapics_init(acpi);
    lines_init(acpi);
    messages_init();
}

bool hal_irq_pending(void)
{
    return x86_cpu()->vector != 0 || lapic_pending();
}

/* The vector of the interrupt that this CPU took, or takes now; 0: none. */
static uint32_t vector_take(struct hal_cpu *cpu)
{
    if (cpu->vector == 0 && lapic_pending())
        x86_irq_window();
    /* The interrupt wrote it behind the compiler's back. */
    uint32_t vector = *(volatile uint32_t *)&cpu->vector;
    cpu->vector = 0;
    return vector;
}

/*
 * Is an interrupt of line `n` to be reported? If not, an edge is remembered; a level stays and comes again.
 */
static bool line_wanted(uint32_t n)
{
    struct line *l = &line[n];

    lines_acquire();
    bool wanted = l->enabled;
    l->pending = !wanted && !l->level;
    lines_release();
    return wanted;
}

/*
 * Did the timer pass its deadline?  If not, the counter was too short for it, or an old deadline fired: go
 * on.  Clocks drift: a timer that is early by less than it is worth to arm it again counts.
 */
static bool timer_expired(struct hal_cpu *cpu)
{
    hal_ticks_t now = hal_time_now();

    if (now < cpu->deadline && cpu->deadline - now > hal_info.time_hz / TIMER_EARLY_FRACTION) {
        hal_timer_arm(cpu->deadline);
        return false;
    }
    while (hal_time_now() < cpu->deadline)
        hal_cpu_pause();
    cpu->deadline = HAL_TIMER_OFF;
    return true;
}

hal_irq_t hal_irq_claim(void)
{
    struct hal_cpu *cpu = x86_cpu();

    for (;;) {
        uint32_t vector = vector_take(cpu);
        uint32_t n = vector - VECTOR_LINE_FIRST;
        if (vector == 0)
            return HAL_IRQ_NONE;
        if (vector == VECTOR_SPURIOUS)
            continue; /* not in service: no EOI */
        if (vector == VECTOR_IPI)
            return HAL_IRQ_IPI;
        if (vector == VECTOR_TIMER && timer_expired(cpu))
            return HAL_IRQ_TIMER;
        if (n < hal_info.irq_count && line_wanted(n))
            return n;
        lapic_eoi();
    }
}

void hal_irq_complete(hal_irq_t irq)
{
    HAL_REQUIRE(irq != HAL_IRQ_NONE);
    (void)irq;
    lapic_eoi();
}

void hal_irq_enable(hal_irq_t irq, bool enable)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX);
    if (irq >= hal_info.irq_count || !line[irq].present)
        return;
    struct line *l = &line[irq];
    lines_acquire();
    bool again = enable && l->pending;
    l->enabled = enable;
    if (again)
        l->pending = false;
    if (enable || l->level)
        line_mask(irq, !enable);
    uint8_t apic_id = l->apic_id;
    lines_release();
    if (again)
        lapic_send(apic_id, LAPIC_ICR_FIXED | (VECTOR_LINE_FIRST + irq));
}

enum hal_status hal_irq_route(hal_irq_t irq, enum hal_irq_mode mode, uint32_t cpu)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX && cpu < HAL_CPU_MAX);
    if (irq >= hal_info.irq_count || !line[irq].present || cpu >= hal_info.cpu_count)
        return HAL_INVALID;
    struct line *l = &line[irq];
    if (l->message)
        return mode == HAL_IRQ_EDGE && cpu == 0 ? HAL_OK : HAL_UNSUPPORTED;
    if (x86_cpu_slots[cpu].apic_id > UINT8_MAX)
        return HAL_UNSUPPORTED; /* the field of an I/O APIC */
    lines_acquire();
    l->level = mode == HAL_IRQ_LEVEL;
    l->apic_id = (uint8_t)x86_cpu_slots[cpu].apic_id;
    line_route(irq);
    if (l->enabled || !l->level)
        ioapic_mask(irq, false);
    lines_release();
    return HAL_OK;
}

void hal_ipi_send(uint32_t index)
{
    HAL_REQUIRE(index < hal_info.cpu_count);
    lapic_send(x86_cpu_slots[index].apic_id, LAPIC_ICR_FIXED | VECTOR_IPI);
}
