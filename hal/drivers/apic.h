/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt system of a PC: the functions of hal/irq.h over the local and I/O APICs. */
#ifndef HAL_DRIVERS_APIC_H
#define HAL_DRIVERS_APIC_H

#include <hal/drivers/acpi.h>

/*
 * Mask the PICs, map and enable the boot CPU's local APIC and the I/O APICs, mask all lines, fill
 * hal_info.irq_count.
 * Context: boot phase, the final page tables are in use.
 */
void apic_init(const struct acpi_info *acpi);

#endif
