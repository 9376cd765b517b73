/* SPDX-License-Identifier: BSD-2-Clause */
/* What device.defs refuses: without memory, and on a machine whose lines all have wires. */
#include "driver.h"
#include "unit_user.h"

#include <mach/device_types.h>

static void shortage(uint64_t arg)
{
    const mach_port_t master = user_device_master(arg);
    uint64_t address;
    mach_vm_size_t size;
    mach_port_t none;
    natural_t line;
    uint32_t data;
    int kind;

    unit_begin(arg);
    EXPECT(task_set_limit(own.task, LIMIT_MEMORY, 0), KERN_SUCCESS);
    EXPECT(device_tables(master, &kind, &address, &size, &none), KERN_RESOURCE_SHORTAGE);
    EXPECT(device_message_interrupt(master, &line, &address, &data, &none), KERN_RESOURCE_SHORTAGE);
    user_power_off(own.host_priv);
}

static void wires(uint64_t arg)
{
    const mach_port_t master = user_device_master(arg);
    uint64_t address;
    mach_port_t none;
    natural_t line;
    uint32_t data;

    unit_begin(arg);
    EXPECT(device_message_interrupt(master, &line, &address, &data, &none), KERN_NOT_SUPPORTED);
    user_power_off(own.host_priv);
}

static void without_messages(struct sim_config *config)
{
    config->irq_messages = 0;
}

static void with_messages(struct sim_config *config)
{
    config->irq_messages = 2;
}

/* A message line has one mode and one processor. */
static void unsupported(uint64_t arg)
{
    const mach_port_t master = user_device_master(arg);
    mach_port_t none;

    unit_begin(arg);
    EXPECT(device_interrupt(master, 15, DEVICE_INTERRUPT_LEVEL, 0, &none), KERN_NOT_SUPPORTED);
    user_power_off(own.host_priv);
}

static const struct driver_scenario table[] = {
    {.name = "shortage", .program = shortage},
    {.name = "wires", .program = wires, .configure = without_messages},
    {.name = "unsupported", .program = unsupported, .configure = with_messages},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
