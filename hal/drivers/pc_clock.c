/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/x86.h>
#include <hal/drivers/pc_clock.h>

#define PM_TIMER_HZ 3579545u
#define PIT_HZ 1193182u
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43
#define PIT_RATE_GENERATOR 0x34 /* channel 0, both bytes, mode 2 */
#define PIT_LATCH 0x00

#define WINDOW_FRACTION 100u   /* the measurement takes 1/100 s */
#define EDGE_READS_MAX 100000u /* of a clock that does not tick */
#define SAMPLES_MAX 4096u
#define SAMPLE_SPIN 10000u

/* A clock of known frequency. */
struct reference {
    uint32_t (*read)(void); /* counts up */
    uint32_t mask;
    uint64_t hz;
};

static uint16_t pm_timer_port;

static uint32_t pm_timer_read(void)
{
    return x86_inl(pm_timer_port);
}

/* The PIT counts down. */
static uint32_t pit_read(void)
{
    x86_outb(PIT_COMMAND, PIT_LATCH);
    uint32_t low = x86_inb(PIT_CHANNEL_0);

    return 0u - (low | (uint32_t)x86_inb(PIT_CHANNEL_0) << 8);
}

/* The TSC at the next tick of `r`, whose value then is *value. Returns: 0 if it does not tick. */
static uint64_t edge_wait(const struct reference *r, uint32_t *value)
{
    uint32_t start = r->read() & r->mask;

    for (uint32_t i = 0; i < EDGE_READS_MAX; i++) {
        *value = r->read() & r->mask;
        if (*value != start)
            return x86_rdtsc();
    }
    return 0;
}

void pc_clock_spin(void)
{
    for (uint32_t i = 0; i < SAMPLE_SPIN; i++)
        __asm__ volatile("");
}

/* Returns: the frequency of the TSC, 0 if the clock does not work. */
static uint64_t tsc_measure(const struct reference *r)
{
    uint32_t start, end;
    uint64_t tsc_start = edge_wait(r, &start);

    if (tsc_start == 0)
        return 0;
    for (uint32_t i = 0; i < SAMPLES_MAX; i++) {
        pc_clock_spin();
        if (((r->read() - start) & r->mask) < r->hz / WINDOW_FRACTION)
            continue;
        uint64_t tsc_end = edge_wait(r, &end);
        if (tsc_end == 0)
            return 0;
        uint64_t hz = (tsc_end - tsc_start) * r->hz / ((end - start) & r->mask);
        return pc_clock_round(hz, PC_CLOCK_PRECISION);
    }
    return 0;
}

uint64_t pc_clock_tsc_hz(const struct acpi_info *acpi)
{
    const struct reference pm = {pm_timer_read, acpi->pm_timer_32bit ? UINT32_MAX : 0xffffff, PM_TIMER_HZ};
    const struct reference pit = {pit_read, 0xffff, PIT_HZ};

    if (acpi->pm_timer.space == ACPI_SPACE_IO && acpi->pm_timer.address != 0) {
        pm_timer_port = (uint16_t)acpi->pm_timer.address;
        uint64_t hz = tsc_measure(&pm);
        if (hz != 0)
            return hz;
    }
    x86_outb(PIT_COMMAND, PIT_RATE_GENERATOR);
    x86_outb(PIT_CHANNEL_0, 0);
    x86_outb(PIT_CHANNEL_0, 0);
    return tsc_measure(&pit);
}
