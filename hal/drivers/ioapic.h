/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APICs of a PC (Intel 82093AA): each serves some of the global interrupt lines and sends every line
 * as a vector to one CPU.  The caller serialises.
 */
#ifndef HAL_DRIVERS_IOAPIC_H
#define HAL_DRIVERS_IOAPIC_H

#include <hal/types.h>

#define IOAPIC_MAX 8u

struct ioapic_route {
    uint8_t vector;
    uint8_t apic_id;
    bool level;
    bool active_low;
};

/*
 * Add the I/O APIC with registers at `base` whose lines begin at `first`; all masked. Returns: its number of
 * lines.
 */
uint32_t ioapic_add(volatile void *base, uint32_t first);

/* Does some I/O APIC serve `line`? */
bool ioapic_has(uint32_t line);

/* Set where and how `line` is delivered; masked until ioapic_unmask(). ioapic_has(line). */
void ioapic_route(uint32_t line, const struct ioapic_route *route);

void ioapic_mask(uint32_t line, bool masked);

#endif
