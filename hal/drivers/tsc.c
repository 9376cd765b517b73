/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time is the time-stamp counter, which runs at a constant rate and in step on all CPUs of every machine that
 * has an invariant TSC, and in QEMU.  With QEMU's -icount it counts nanoseconds of virtual time.
 *
 * Its frequency comes from CPUID if the CPU or the hypervisor tells it; else it is measured against a clock
 * of known frequency.
 *
 * The timer is the local APIC's: by TSC deadline where the CPU has it, else as a counter, whose frequency is
 * measured against the TSC.  A counter that is too short for a deadline, or fast, fires early:
 * hal_irq_claim() arms it again.
 */
#include <arch/x86.h>
#include <hal/boot/boot.h>
#include <hal/drivers/lapic.h>
#include <hal/drivers/pc_clock.h>
#include <hal/drivers/tsc.h>
#include <hal/hal.h>

#define HZ_ASSUMED 1000000000u
#define APIC_WINDOW_FRACTION 100u /* the APIC's timer is measured for 1/100 s */

#define CPUID_TSC 0x15u
#define CPUID_HYPERVISOR 0x40000000u
#define CPUID_HYPERVISOR_TIMING 0x40000010u
#define CPUID_HYPERVISOR_PRESENT (1u << 31)

static uint64_t apic_ticks_per_tick; /* of the APIC's timer, per tick of the TSC, times 2^32 */

static uint64_t tsc_hz_cpuid(void)
{
    if (x86_cpuid(0, 0).a >= CPUID_TSC) {
        struct x86_cpuid tsc = x86_cpuid(CPUID_TSC, 0); /* TSC = crystal (c) * b / a */
        if (tsc.a != 0 && tsc.b != 0 && tsc.c != 0)
            return (uint64_t)tsc.c * tsc.b / tsc.a;
    }
    bool hypervisor = (x86_cpuid(1, 0).c & CPUID_HYPERVISOR_PRESENT) != 0;
    if (hypervisor && x86_cpuid(CPUID_HYPERVISOR, 0).a >= CPUID_HYPERVISOR_TIMING)
        return (uint64_t)x86_cpuid(CPUID_HYPERVISOR_TIMING, 0).a * 1000;
    return 0;
}

static void apic_timer_measure(void)
{
    lapic_timer_count(UINT32_MAX);
    uint32_t left_start = lapic_timer_left();
    uint64_t start = x86_rdtsc();
    uint64_t end;

    do {
        pc_clock_spin();
        end = x86_rdtsc();
    } while (end - start < hal_info.time_hz / APIC_WINDOW_FRACTION);
    uint64_t count = left_start - lapic_timer_left();
    lapic_timer_count(0);
    uint64_t hz = pc_clock_round(count * hal_info.time_hz / (end - start), PC_CLOCK_PRECISION);
    apic_ticks_per_tick = (hz << 32) / hal_info.time_hz;
}

void tsc_init(const struct acpi_info *acpi)
{
    hal_info.time_hz = tsc_hz_cpuid();
    if (hal_info.time_hz == 0)
        hal_info.time_hz = pc_clock_tsc_hz(acpi);
    if (hal_info.time_hz == 0) {
        boot_print("boot: nothing tells the frequency of the TSC: assuming 1 GHz\n");
        hal_info.time_hz = HZ_ASSUMED;
    }
    if (!x86_features.tsc_deadline)
        apic_timer_measure();
}

hal_ticks_t hal_time_now(void)
{
    return x86_rdtsc();
}

static uint32_t apic_count(hal_ticks_t ticks)
{
    uint64_t count = (uint64_t)((unsigned __int128)ticks * apic_ticks_per_tick >> 32) + 1;

    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

void hal_timer_arm(hal_ticks_t deadline)
{
    x86_cpu()->deadline = deadline;
    if (x86_features.tsc_deadline) {
        /* 0 stops it; a deadline that is past fires at once. */
        x86_wrmsr(MSR_TSC_DEADLINE, deadline == HAL_TIMER_OFF ? 0 : deadline == 0 ? 1 : deadline);
    } else if (deadline == HAL_TIMER_OFF) {
        lapic_timer_count(0);
    } else {
        hal_ticks_t now = hal_time_now();
        lapic_timer_count(deadline > now ? apic_count(deadline - now) : 1);
    }
}
