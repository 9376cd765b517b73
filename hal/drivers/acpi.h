/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader for the ACPI tables that a kernel needs before it can start an interpreter for the rest (ACPI 6.4):
 * CPUs and interrupt controllers (MADT), the power-management timer, sleep and reset registers (FADT), and
 * the soft-off values (\_S5).
 *
 * Whatever the tables hold, nothing outside `size` bytes of memory is read, nothing loops and nothing
 * recurses. A table with a wrong length or checksum does not exist.
 */
#ifndef HAL_DRIVERS_ACPI_H
#define HAL_DRIVERS_ACPI_H

#include <hal/types.h>

#define ACPI_CPU_MAX 256u
#define ACPI_IOAPIC_MAX 8u
#define ACPI_OVERRIDE_MAX 32u

#define ACPI_SPACE_MEMORY 0u
#define ACPI_SPACE_IO 1u

/* A register. address 0: there is none. */
struct acpi_register {
    uint8_t space; /* ACPI_SPACE_* */
    uint64_t address;
};

/* How an ISA interrupt is wired. */
struct acpi_override {
    uint32_t line; /* global system interrupt */
    bool level;
    bool active_low;
};

struct acpi_info {
    uint64_t rsdp; /* where the root pointer is */

    uint32_t cpu_count; /* 0: no MADT */
    uint32_t apic_id[ACPI_CPU_MAX];
    uint64_t lapic_address;

    uint32_t ioapic_count;
    struct {
        uint32_t address;
        uint32_t first; /* global system interrupt of its first pin */
    } ioapic[ACPI_IOAPIC_MAX];

    uint32_t override_count;
    struct acpi_override override[ACPI_OVERRIDE_MAX];

    struct acpi_register pm_timer; /* 3579545 Hz */
    bool pm_timer_32bit;           /* else 24 */
    struct acpi_register pm1_control[2];
    struct acpi_register sleep_control;
    struct acpi_register reset;
    uint8_t reset_value;
    bool has_sleep_type;   /* \_S5 was found */
    uint8_t sleep_type[2]; /* for pm1_control[0], [1] */
};

/* What of physical memory can be read: [0, size) at `base`. */
struct acpi_memory {
    const uint8_t *base;
    uint64_t size;
};

/*
 * Read the tables that the RSDP at physical address `rsdp` leads to; 0: look for it in the BIOS area.
 * Returns: NULL; or what is wrong, as a sentence: nothing was found, *info is zero.
 */
HAL_NODISCARD const char *acpi_read(struct acpi_memory memory, uint64_t rsdp, struct acpi_info *info);

#endif
