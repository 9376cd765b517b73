/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory.h"

#include <mach/mach.h>
#include <stddef.h>

void *memory_entry_map(mach_port_t entry, mach_vm_size_t size, vm_prot_t protection)
{
    mach_vm_address_t at = 0;

    kern_return_t kr = mach_vm_map(mach_task_self(), &at, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
                                   protection, protection, VM_INHERIT_NONE);
    (void)mach_port_deallocate(mach_task_self(), entry);
    return kr == KERN_SUCCESS ? (void *)at : NULL;
}

volatile void *memory_map(device_master_t master, uint64_t address, mach_vm_size_t size)
{
    const uint64_t start = trunc_page(address);
    mach_port_t entry;

    if (size > UINT64_MAX - PAGE_MASK - address)
        return NULL;
    const mach_vm_size_t length = round_page(address + size) - start;
    if (device_memory(master, start, length, &entry) != KERN_SUCCESS)
        return NULL;
    void *at = memory_entry_map(entry, length, VM_PROT_DEFAULT);
    return at != NULL ? (volatile uint8_t *)at + (address - start) : NULL;
}

void memory_unmap(const volatile void *at, mach_vm_size_t size)
{
    const mach_vm_address_t start = trunc_page((mach_vm_address_t)at);

    (void)mach_vm_deallocate(mach_task_self(), start, round_page((mach_vm_address_t)at + size) - start);
}

void *memory_shared(device_master_t master, mach_vm_size_t size, uint64_t *address)
{
    mach_port_t entry;

    if (device_contiguous_memory(master, size, UINT64_MAX, address, &entry) != KERN_SUCCESS)
        return NULL;
    return memory_entry_map(entry, size, VM_PROT_DEFAULT);
}
