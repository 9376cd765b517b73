/* SPDX-License-Identifier: BSD-2-Clause */
/* The services of the device master port and of interrupts: device.defs. */
#include <hal/hal.h>
#include <ipc/kobject.h>
#include <kern/interrupt.h>
#include <kern/mig_convert.h>
#include <kern/task.h>
#include <mach/device_server.h>
#include <vm/vm_memory_entry.h>
#include <vm/vm_physical.h>

_Static_assert(DEVICE_CONTIGUOUS_MAX == VM_PHYSICAL_MAX, "the largest block");
_Static_assert((int)HAL_IRQ_EDGE == DEVICE_INTERRUPT_EDGE && (int)HAL_IRQ_LEVEL == DEVICE_INTERRUPT_LEVEL,
               "modes of lines");
_Static_assert((int)HAL_TABLES_NONE == DEVICE_TABLES_NONE && (int)HAL_TABLES_FDT == DEVICE_TABLES_FDT &&
                   (int)HAL_TABLES_ACPI == DEVICE_TABLES_ACPI,
               "kinds of tables");

/* Make a port for the entry, whose reference is the port's from now on, or dropped. */
static kern_return_t memory_port(struct vm_memory_entry *entry, mach_port_t *port)
{
    *port = ipc_kobject_create_counted(IPC_KOTYPE_MEMORY_ENTRY, entry, task_payer());
    if (*port != NULL)
        return KERN_SUCCESS;
    vm_memory_entry_unref(entry);
    return KERN_RESOURCE_SHORTAGE;
}

kern_return_t device_memory(device_master_t master, uint64_t address, mach_vm_size_t size,
                            mach_port_t *memory)
{
    struct vm_memory_entry *entry;
    kern_return_t kr = vm_memory_entry_create_device(HAL_PA(address), size, task_payer(), &entry);

    (void)master;
    return kr == KERN_SUCCESS ? memory_port(entry, memory) : kr;
}

kern_return_t device_contiguous_memory(device_master_t master, mach_vm_size_t size, uint64_t last,
                                       uint64_t *address, mach_port_t *memory)
{
    struct vm_memory_entry *entry;
    hal_pa_t base;
    kern_return_t kr = vm_memory_entry_create_contiguous(size, last, task_payer(), &entry, &base);

    (void)master;
    if (kr != KERN_SUCCESS)
        return kr;
    *address = base.addr;
    return memory_port(entry, memory);
}

kern_return_t device_tables(device_master_t master, int *kind, uint64_t *address, mach_vm_size_t *size,
                            mach_port_t *memory)
{
    struct vm_memory_entry *entry;

    (void)master;
    *kind = (int)hal_info.tables_kind;
    *address = hal_info.tables.addr;
    *size = hal_info.tables_size;
    *memory = NULL;
    if (hal_info.tables_kind != HAL_TABLES_FDT)
        return KERN_SUCCESS;
    kern_return_t kr = vm_memory_entry_create_reserved(hal_info.tables, *size, task_payer(), &entry);
    return kr == KERN_SUCCESS ? memory_port(entry, memory) : kr;
}

/* The same as memory_port(), for an interrupt. */
static kern_return_t interrupt_port(struct interrupt *interrupt, mach_port_t *port)
{
    *port = ipc_kobject_create_counted(IPC_KOTYPE_INTERRUPT, interrupt, task_payer());
    if (*port != NULL)
        return KERN_SUCCESS;
    interrupt_release(interrupt);
    return KERN_RESOURCE_SHORTAGE;
}

kern_return_t device_interrupt(device_master_t master, natural_t line, int mode, natural_t processor,
                               mach_port_t *port)
{
    struct interrupt *interrupt;
    kern_return_t kr = interrupt_take(line, (enum hal_irq_mode)mode, processor, task_payer(), &interrupt);

    (void)master;
    return kr == KERN_SUCCESS ? interrupt_port(interrupt, port) : kr;
}

kern_return_t device_message_interrupt(device_master_t master, natural_t *line, uint64_t *address,
                                       uint32_t *data, mach_port_t *port)
{
    struct interrupt *interrupt;
    kern_return_t kr = interrupt_take_message(task_payer(), line, &interrupt);

    (void)master;
    if (kr != KERN_SUCCESS)
        return kr;
    *address = hal_info.irq_message_address.addr;
    *data = hal_info.irq_message_data + *line;
    return interrupt_port(interrupt, port);
}

kern_return_t device_interrupt_request(interrupt_t interrupt, mach_port_t notify)
{
    return IPC_PORT_VALID(notify) ? interrupt_request(interrupt, notify) : KERN_INVALID_ARGUMENT;
}
