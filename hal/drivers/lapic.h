/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local interrupt controller and timer of an x86 CPU (SDM volume 3, chapter 10), in xAPIC mode (registers
 * in memory) or x2APIC mode (registers are MSRs).  Every function is about the APIC of the CPU that calls it.
 */
#ifndef HAL_DRIVERS_LAPIC_H
#define HAL_DRIVERS_LAPIC_H

#include <hal/types.h>

/* Low halves of the interrupt command register. A start-up IPI adds the page number of the code. */
#define LAPIC_ICR_FIXED 0x4000u
#define LAPIC_ICR_INIT 0x4500u
#define LAPIC_ICR_STARTUP 0x4600u

struct lapic_config {
    volatile void *base; /* of the registers; NULL: x2APIC mode */
    uint8_t timer_vector;
    uint8_t spurious_vector;
    bool tsc_deadline; /* the timer is armed by MSR_TSC_DEADLINE instead of lapic_timer_count() */
};

/* How the APICs of all CPUs are used. Boot CPU, once, before the functions below. */
void lapic_init(const struct lapic_config *config);

/* Enable this CPU's APIC; nothing unmasked but NMI and, once armed, the timer. */
void lapic_cpu_init(void);

/* End the interrupt of highest priority in service. */
void lapic_eoi(void);

/* Has an interrupt of vector 0x20 .. 0xff arrived that the CPU has not taken yet? */
bool lapic_pending(void);

/*
 * Write the interrupt command register: `command` is LAPIC_ICR_* | vector, for the CPU with that APIC ID.
 * The CPU's earlier stores are visible to the target first. Context: masked.
 */
void lapic_send(uint32_t apic_id, uint32_t command);

/* One-shot timer at full bus speed: interrupt after `count` > 0 ticks; 0 stops it. */
void lapic_timer_count(uint32_t count);
/* Ticks that remain. */
uint32_t lapic_timer_left(void);

#endif
