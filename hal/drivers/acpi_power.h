/* SPDX-License-Identifier: BSD-2-Clause */
/* Power off and restart by ACPI: hal_system_reset() of a PC. */
#ifndef HAL_DRIVERS_ACPI_POWER_H
#define HAL_DRIVERS_ACPI_POWER_H

#include <hal/drivers/acpi.h>

/* Remember which registers do it, and map them. Context: boot phase. */
void acpi_power_init(const struct acpi_info *acpi);

#endif
