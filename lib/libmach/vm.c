/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about a task's own memory that have a trap, which declines what those of libmach/port.c decline. */
#include "trap_message.h"

#include <mach/mach.h>
#include <mach/vm_param.h>

kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, int flags)
{
    const uint64_t result = mach_vm_allocate_trap(target, *address, size, flags);

    if (result % PAGE_SIZE == 0) {
        *address = result;
        return KERN_SUCCESS;
    }
    if ((kern_return_t)result == DECLINED)
        return mach_vm_allocate_message(target, address, size, flags);
    return (kern_return_t)result;
}

kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size)
{
    const kern_return_t kr = mach_vm_deallocate_trap(target, address, size);

    return kr == DECLINED ? mach_vm_deallocate_message(target, address, size) : kr;
}

kern_return_t mach_vm_protect(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                              boolean_t set_maximum, vm_prot_t new_protection)
{
    const kern_return_t kr = mach_vm_protect_trap(target_task, address, size, set_maximum, new_protection);

    return kr == DECLINED ? mach_vm_protect_message(target_task, address, size, set_maximum, new_protection)
                          : kr;
}
