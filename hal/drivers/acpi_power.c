/* SPDX-License-Identifier: BSD-2-Clause */
/* Power off and restart, as the ACPI tables say (ACPI 6.4, 4.8.3 and 7.4.2), else by what every PC has. */
#include <arch/x86.h>
#include <hal/boot/board.h>
#include <hal/boot/boot.h>
#include <hal/drivers/acpi_power.h>
#include <hal/hal.h>

#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_ENABLE 0x2000u
#define SLEEP_CONTROL_TYPE_SHIFT 2
#define SLEEP_CONTROL_ENABLE 0x20u

#define RESET_CONTROL_PORT 0xcf9 /* chipset: reset control register */
#define RESET_CONTROL_FULL 0x06
#define KEYBOARD_PORT 0x64
#define KEYBOARD_RESET 0xfe

/* A register, made accessible in the boot phase. */
struct power_register {
    bool present;
    uint16_t port;
    volatile uint8_t *memory; /* NULL: use the port */
};

static struct {
    struct power_register pm1[2];
    struct power_register sleep_control;
    struct power_register reset;
    uint8_t sleep_type[2];
    uint8_t reset_value;
} power;

static struct power_register register_init(const struct acpi_register *r)
{
    if (r->space == ACPI_SPACE_IO && r->address != 0 && r->address <= UINT16_MAX)
        return (struct power_register){.present = true, .port = (uint16_t)r->address};
    if (r->space == ACPI_SPACE_MEMORY && r->address != 0)
        return (struct power_register){
            .present = true,
            .memory = boot_map_device(x86_kernel_root, HAL_PA(r->address), 1),
        };
    return (struct power_register){0};
}

void acpi_power_init(const struct acpi_info *acpi)
{
    power.reset = register_init(&acpi->reset);
    power.reset_value = acpi->reset_value;
    if (!acpi->has_sleep_type)
        return;
    for (unsigned i = 0; i < 2; i++) {
        power.pm1[i] = register_init(&acpi->pm1_control[i]);
        power.sleep_type[i] = acpi->sleep_type[i];
    }
    power.sleep_control = register_init(&acpi->sleep_control);
}

static void register_write8(const struct power_register *r, uint8_t value)
{
    if (r->memory != NULL)
        *r->memory = value;
    else
        x86_outb(r->port, value);
}

static void power_off(void)
{
    if (power.sleep_control.present)
        register_write8(
            &power.sleep_control,
            (uint8_t)((unsigned)power.sleep_type[0] << SLEEP_CONTROL_TYPE_SHIFT | SLEEP_CONTROL_ENABLE));
    for (unsigned i = 0; i < 2; i++) {
        if (power.pm1[i].present && power.pm1[i].memory == NULL)
            x86_outw(power.pm1[i].port,
                     (uint16_t)((unsigned)power.sleep_type[i] << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE));
    }
}

static void reboot(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) no_idt = {0, 0};

    if (power.reset.present)
        register_write8(&power.reset, power.reset_value);
    x86_outb(RESET_CONTROL_PORT, RESET_CONTROL_FULL);
    x86_outb(KEYBOARD_PORT, KEYBOARD_RESET);
    /* An exception without a descriptor table shuts the CPU down, which resets the machine. */
    __asm__ volatile("lidt %0; int3" : : "m"(no_idt) : "memory");
}

void hal_system_reset(enum hal_reset how)
{
    if (hal_board.reset != NULL)
        hal_board.reset(how);
    if (how == HAL_RESET_POWEROFF)
        power_off();
    else
        reboot();
    hal_cpu_halt();
}
