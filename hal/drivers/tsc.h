/* SPDX-License-Identifier: BSD-2-Clause */
/* The time of the HAL (hal/time.h) from the time-stamp counter, its timer from the local APIC. */
#ifndef HAL_DRIVERS_TSC_H
#define HAL_DRIVERS_TSC_H

#include <hal/drivers/acpi.h>

/* Find their frequencies, and set hal_info.time_hz. Context: boot phase, local APIC on, x86_features known. */
void tsc_init(const struct acpi_info *acpi);

#endif
