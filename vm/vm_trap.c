/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps that do what messages of mach_vm.defs do, for a task that means its own memory.  Why, and what else the name of the task may
 * stand for: ipc/port_trap.c.  None of these blocks.
 */
#include <hal/hal.h>
#include <ipc/port_trap.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <mach/mach_vm_server.h>
#include <mach/vm_param.h>
#include <vm/vm_map.h>
#include <vm/vm_trap.h>

/* Arguments 1 and 2 are a range. */
struct range {
    mach_vm_address_t address;
    mach_vm_size_t size;
};

static struct range range_of(const struct thread *self)
{
    return (struct range){hal_uctx_arg(&self->uctx, 1), hal_uctx_arg(&self->uctx, 2)};
}

static int argument(const struct thread *self, unsigned i)
{
    return (int)(uint32_t)hal_uctx_arg(&self->uctx, i);
}

static struct uctx *result(struct thread *self, uint64_t value)
{
    hal_uctx_set_result(&self->uctx, value);
    return trap_exit_running(self);
}

struct uctx *vm_trap_allocate(struct thread *self)
{
    struct range range = range_of(self);
    kern_return_t kr = IPC_TRAP_DECLINED;

    _Static_assert(IPC_TRAP_DECLINED % PAGE_SIZE != 0, "no address");
    if (ipc_trap_names_own_task(self))
        kr = mach_vm_allocate(self->task->map, &range.address, range.size, argument(self, 3));
    return result(self, kr == KERN_SUCCESS ? range.address : (uint32_t)kr);
}

struct uctx *vm_trap_deallocate(struct thread *self)
{
    const struct range range = range_of(self);
    kern_return_t kr = IPC_TRAP_DECLINED;

    if (ipc_trap_names_own_task(self))
        kr = vm_map_deallocate(self->task->map, range.address, range.size);
    return result(self, (uint32_t)kr);
}

struct uctx *vm_trap_protect(struct thread *self)
{
    const struct range range = range_of(self);
    kern_return_t kr = IPC_TRAP_DECLINED;

    if (ipc_trap_names_own_task(self))
        kr =
            mach_vm_protect(self->task->map, range.address, range.size, argument(self, 3), argument(self, 4));
    return result(self, (uint32_t)kr);
}
