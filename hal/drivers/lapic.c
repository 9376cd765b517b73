/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/x86.h>
#include <hal/cpu.h>
#include <hal/drivers/lapic.h>

/* Numbers of registers: 16 bytes each in memory, MSR 0x800 + number in x2APIC mode. */
enum {
    REG_ID = 0x02,
    REG_TASK_PRIORITY = 0x08,
    REG_EOI = 0x0b,
    REG_SPURIOUS = 0x0f,
    REG_REQUEST = 0x20, /* eight of 32 vectors each */
    REG_COMMAND = 0x30,
    REG_COMMAND_HIGH = 0x31,
    REG_LVT_TIMER = 0x32,
    REG_LVT_LINT0 = 0x35,
    REG_LVT_LINT1 = 0x36,
    REG_LVT_ERROR = 0x37,
    REG_TIMER_INITIAL = 0x38,
    REG_TIMER_CURRENT = 0x39,
    REG_TIMER_DIVIDE = 0x3e,
};

#define X2APIC_MSR 0x800u
#define APIC_BASE_ENABLE 0x800ul
#define APIC_BASE_X2APIC 0x400ul

#define SPURIOUS_ENABLE 0x100u
#define LVT_MASKED 0x10000u
#define LVT_NMI 0x400u
#define LVT_TIMER_DEADLINE 0x40000u
#define DIVIDE_BY_1 0xbu
#define COMMAND_BUSY 0x1000u

static volatile uint32_t *registers; /* NULL: x2APIC mode */
static struct lapic_config config;

static uint32_t reg_read(unsigned reg)
{
    return registers != NULL ? registers[reg * 4] : (uint32_t)x86_rdmsr(X2APIC_MSR + reg);
}

static void reg_write(unsigned reg, uint32_t value)
{
    if (registers != NULL)
        registers[reg * 4] = value;
    else
        x86_wrmsr(X2APIC_MSR + reg, value);
}

void lapic_init(const struct lapic_config *c)
{
    config = *c;
    registers = c->base;
}

void lapic_cpu_init(void)
{
    uint64_t mode = APIC_BASE_ENABLE | (registers == NULL ? APIC_BASE_X2APIC : 0);

    x86_wrmsr(MSR_APIC_BASE, x86_rdmsr(MSR_APIC_BASE) | mode);
    reg_write(REG_SPURIOUS, SPURIOUS_ENABLE | config.spurious_vector);
    reg_write(REG_TASK_PRIORITY, 0);
    reg_write(REG_LVT_LINT0, LVT_MASKED); /* the PIC */
    reg_write(REG_LVT_LINT1, LVT_NMI);
    reg_write(REG_LVT_ERROR, LVT_MASKED);
    reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
    reg_write(REG_LVT_TIMER, config.timer_vector | (config.tsc_deadline ? LVT_TIMER_DEADLINE : 0));
    /* The mode is set before the deadline is written (SDM volume 3, 10.5.4.1). */
    __asm__ volatile("mfence" : : : "memory");
}

void lapic_eoi(void)
{
    reg_write(REG_EOI, 0);
}

bool lapic_pending(void)
{
    for (unsigned i = 1; i < 8; i++) {
        if (reg_read(REG_REQUEST + i) != 0)
            return true;
    }
    return false;
}

void lapic_send(uint32_t apic_id, uint32_t command)
{
    if (registers == NULL) {
        /* Writes to these MSRs do not wait for earlier stores (SDM volume 3, 10.12.3). */
        __asm__ volatile("mfence; lfence" : : : "memory");
        x86_wrmsr(X2APIC_MSR + REG_COMMAND, (uint64_t)apic_id << 32 | command);
        return;
    }
    while ((reg_read(REG_COMMAND) & COMMAND_BUSY) != 0)
        hal_cpu_pause();
    reg_write(REG_COMMAND_HIGH, apic_id << 24);
    reg_write(REG_COMMAND, command);
}

void lapic_timer_count(uint32_t count)
{
    reg_write(REG_TIMER_INITIAL, count);
}

uint32_t lapic_timer_left(void)
{
    return reg_read(REG_TIMER_CURRENT);
}
