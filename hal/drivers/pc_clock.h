/* SPDX-License-Identifier: BSD-2-Clause */
/* The clocks of known frequency that PCs have: what to measure the TSC against. */
#ifndef HAL_DRIVERS_PC_CLOCK_H
#define HAL_DRIVERS_PC_CLOCK_H

#include <hal/drivers/acpi.h>
#include <hal/types.h>

/*
 * The frequency of this CPU's TSC, measured for 1/100 s against the ACPI timer or else the PIT; rounded to
 * PC_CLOCK_PRECISION, about what such a measurement is good for.
 * Context: boot phase. The PIT's channel 0 is left running, its interrupt line as it was.
 * Returns: Hz; 0 if neither clock works.
 */
uint64_t pc_clock_tsc_hz(const struct acpi_info *acpi);

#define PC_CLOCK_PRECISION 100000u /* Hz */

/* value / unit * unit, to the nearest. */
static inline uint64_t pc_clock_round(uint64_t value, uint64_t unit)
{
    return (value + unit / 2) / unit * unit;
}

/* Some microseconds without touching a device: accesses are slow, above all in an emulator. */
void pc_clock_spin(void);

#endif
