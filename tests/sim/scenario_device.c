/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: devices for users. */
#include "scenario_run.h"

#include <mach/device_types.h>

#define PAGE 4096u
#define ANYWHERE UINT64_MAX
#define WIRED 3u    /* an interrupt line with a wire */
#define MESSAGE 15u /* the last of those that are messages */

static mach_vm_address_t map(mach_port_t memory, mach_vm_size_t size)
{
    mach_vm_address_t at = 0;

    CALL(mach_vm_map(mach_task_self(), &at, size, 0, VM_FLAGS_ANYWHERE, memory, 0, FALSE, VM_PROT_DEFAULT,
                     VM_PROT_DEFAULT, VM_INHERIT_COPY));
    return at;
}

static void unmap(mach_vm_address_t at, mach_vm_size_t size)
{
    CALL(mach_vm_deallocate(mach_task_self(), at, size));
}

static void device_registers(void)
{
    const mach_port_t master = scenario_device_master();
    mach_port_t memory, child, none;

    CALL(device_memory(master, sim_device_address(), PAGE, &memory));
    CALL_IS(KERN_NO_ACCESS, device_memory(master, sim_device_address(), 1000 * PAGE, &none));
    const mach_vm_address_t a = map(memory, PAGE), b = map(memory, PAGE);
    sim_store64(a + 8, 5);
    SIM_CHECK(sim_load64(b + 8) == 5);
    if (!scenario_fails()) { /* a child without it */
        CALL(task_create(mach_task_self(), TRUE, &child));
        scenario_task_end(child);
    }
    scenario_release(memory);
    unmap(a, PAGE);
    sim_store64(b + 8, 6);
    unmap(b, PAGE);
}

static void device_blocks(void)
{
    const mach_port_t master = scenario_device_master();
    const mach_vm_size_t size = 5 * PAGE;
    mach_port_t memory, none;
    uint64_t address = 0;

    CALL(device_contiguous_memory(master, size, ANYWHERE, &address, &memory));
    SIM_CHECK(address % (8 * PAGE) == 0);
    const mach_vm_address_t at = map(memory, size);
    for (uint64_t offset = 0; offset < size; offset += PAGE)
        sim_store64(at + offset, sim_load64(at + offset) + 1);
    unmap(at + PAGE, PAGE);
    scenario_release(memory);
    SIM_CHECK(sim_load64(at) == 1);
    unmap(at, PAGE);
    unmap(at + 2 * PAGE, size - 2 * PAGE);
    for (uint64_t last = 64 * PAGE; last < 4096 * PAGE; last *= 4)
        if (device_contiguous_memory(master, PAGE, last - 1, &address, &none) == KERN_SUCCESS) {
            SIM_CHECK(address + PAGE <= last);
            scenario_release(none);
        }
}

static void device_tree(void)
{
    uint8_t magic[4] = {0};
    uint64_t address = 0;
    mach_vm_size_t size = 0;
    mach_port_t memory;
    int kind = 0;

    CALL(device_tables(scenario_device_master(), &kind, &address, &size, &memory));
    mach_vm_address_t at = 0;
    CALL(mach_vm_map(mach_task_self(), &at, PAGE, 0, VM_FLAGS_ANYWHERE, memory, 0, FALSE, VM_PROT_READ,
                     VM_PROT_READ, VM_INHERIT_NONE));
    sim_load(magic, at + address % PAGE, sizeof(magic));
    SIM_CHECK(kind == DEVICE_TABLES_FDT && size == 8 && magic[0] == 0xd0 && magic[3] == 0xed);
    unmap(at, PAGE);
    scenario_release(memory);
}

/* The request is told once. */
static void told(mach_port_t port, uint32_t line)
{
    uint32_t word = 0;

    scenario_notified(port, MACH_NOTIFY_INTERRUPT, &word);
    SIM_CHECK(word == line);
    scenario_silent(port);
}

static void device_level(void)
{
    const mach_port_t port = scenario_port();
    mach_port_t interrupt, none;

    CALL(device_interrupt(scenario_device_master(), WIRED, DEVICE_INTERRUPT_LEVEL, sim_cpu_count() - 1,
                          &interrupt));
    CALL_IS(KERN_RIGHT_EXISTS,
            device_interrupt(scenario_device_master(), WIRED, DEVICE_INTERRUPT_LEVEL, 0, &none));
    sim_irq_set(WIRED, true);
    scenario_silent(port);
    CALL(device_interrupt_request(interrupt, port));
    told(port, WIRED);
    CALL(device_interrupt_request(interrupt, port));
    told(port, WIRED); /* the level is up */
    sim_irq_set(WIRED, false);
    CALL(device_interrupt_request(interrupt, port));
    scenario_silent(port);
    sim_irq_set(WIRED, true);
    told(port, WIRED);
    sim_irq_set(WIRED, false);
    CALL(device_interrupt_request(interrupt, port));
    scenario_release(interrupt);
    scenario_notified(port, MACH_NOTIFY_SEND_ONCE, NULL);
    scenario_port_end(port);
}

/* An edge while nobody asks is kept; several are one. */
static void device_edge(void)
{
    const mach_port_t port = scenario_port();
    mach_port_t interrupt[2] = {MACH_PORT_NULL, MACH_PORT_NULL}, none;
    natural_t line = 0;
    uint64_t address;
    uint32_t data;

    for (unsigned i = 0; i < 2; i++)
        CALL(device_message_interrupt(scenario_device_master(), &line, &address, &data, &interrupt[i]));
    SIM_CHECK(line == MESSAGE);
    CALL_IS(KERN_NO_SPACE, device_message_interrupt(scenario_device_master(), &line, &address, &data, &none));
    for (unsigned i = 0; i < 3; i++) {
        sim_irq_set(MESSAGE, true);
        sim_irq_set(MESSAGE, false);
    }
    scenario_silent(port);
    CALL(device_interrupt_request(interrupt[1], port));
    told(port, MESSAGE);
    CALL(device_interrupt_request(interrupt[1], port));
    scenario_silent(port);
    sim_irq_set(MESSAGE, true);
    told(port, MESSAGE);
    sim_irq_set(MESSAGE, false);
    scenario_release(interrupt[0]);
    scenario_release(interrupt[1]);
    CALL_IS(KERN_NOT_SUPPORTED,
            device_interrupt(scenario_device_master(), MESSAGE, DEVICE_INTERRUPT_LEVEL, 0, &none));
    scenario_port_end(port);
}

/* The port dies before the interrupt. */
static void device_nobody(void)
{
    const mach_port_t port = scenario_port();
    mach_port_t interrupt;

    CALL(device_interrupt(scenario_device_master(), WIRED, DEVICE_INTERRUPT_LEVEL, 0, &interrupt));
    CALL(device_interrupt_request(interrupt, port));
    scenario_port_end(port);
    sim_irq_set(WIRED, true);
    scenario_sleep(1);
    sim_irq_set(WIRED, false);
    scenario_release(interrupt);
}

const struct scenario scenarios_device[] = {
    {"device_registers", device_registers},
    {"device_blocks", device_blocks},
    {"device_tree", device_tree},
    {"device_level", device_level},
    {"device_edge", device_edge},
    {"device_nobody", device_nobody},
    {NULL, NULL},
};
