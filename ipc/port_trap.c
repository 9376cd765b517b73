/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps that do what messages of mach_port.defs do, for a task that means its own names.
 *
 * A task may hand out a port of its own in place of its kernel port, to see its threads' calls or to send them elsewhere.  So a trap
 * serves only the name that denotes the kernel port itself, and declines any other with MACH_SEND_INVALID_DEST; the library then
 * sends the message (libmach/port.c), which also finds whatever else is wrong with the name.
 */
#include <hal/hal.h>
#include <ipc/entry.h>
#include <ipc/kernel_rpc.h>
#include <ipc/port_trap.h>
#include <ipc/right.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <mach/mach_port_server.h>

#define DECLINED IPC_TRAP_DECLINED

/* It is not where it was last time: look it up, and remember that. */
static __attribute__((noinline)) bool find_own_task(const struct thread *self, mach_port_name_t name)
{
    const struct ipc_entry *entry = ipc_entry_peek(self->space, name);

    if (entry == NULL || !ipc_entry_means_task(self, entry, name))
        return false;
    /* relaxed: entries live as long as their space, and each look checks what is there */
    __atomic_store_n(&self->task->self_entry, entry, __ATOMIC_RELAXED);
    return true;
}

bool ipc_trap_names_own_task(const struct thread *self)
{
    const mach_port_name_t name = (mach_port_name_t)hal_uctx_arg(&self->uctx, 0);
    const struct ipc_entry *entry = __atomic_load_n(&self->task->self_entry, __ATOMIC_RELAXED);

    return __builtin_expect(ipc_entry_means_task(self, entry, name), 1) || find_own_task(self, name);
}

static uint32_t argument(const struct thread *self, unsigned i)
{
    return (uint32_t)hal_uctx_arg(&self->uctx, i);
}

/* None of these blocks. */
static struct uctx *result(struct thread *self, kern_return_t kr)
{
    hal_uctx_set_result(&self->uctx, (uint32_t)kr);
    return trap_exit_running(self);
}

struct uctx *trap_port_allocate(struct thread *self)
{
    mach_port_name_t name = MACH_PORT_NULL;
    kern_return_t kr = DECLINED;

    if (ipc_trap_names_own_task(self)) {
        const mach_port_right_t right = argument(self, 1);
        kr = right == MACH_PORT_RIGHT_RECEIVE ? ipc_receive_begin(self->space, &name)
                                              : mach_port_allocate(self->space, right, &name);
    }
    hal_uctx_set_result(&self->uctx, (uint64_t)name << 32 | (uint32_t)kr);
    return trap_exit_running(self);
}

struct uctx *trap_port_destroy(struct thread *self)
{
    return result(self, ipc_trap_names_own_task(self) ? mach_port_destroy(self->space, argument(self, 1))
                                                      : DECLINED);
}

struct uctx *trap_port_deallocate(struct thread *self)
{
    return result(self, ipc_trap_names_own_task(self) ? mach_port_deallocate(self->space, argument(self, 1))
                                                      : DECLINED);
}

struct uctx *trap_port_mod_refs(struct thread *self)
{
    if (!ipc_trap_names_own_task(self))
        return result(self, DECLINED);
    const mach_port_name_t name = argument(self, 1);
    const mach_port_right_t right = argument(self, 2);
    const mach_port_delta_t delta = (mach_port_delta_t)argument(self, 3);
    if (right == MACH_PORT_RIGHT_RECEIVE && delta == -1 && ipc_receive_end(self->space, name))
        return result(self, KERN_SUCCESS);
    return result(self, mach_port_mod_refs(self->space, name, right, delta));
}

/* A right that can't be taken is the message's to refuse. */
static kern_return_t insert_right(struct ipc_space *space, mach_port_name_t name, mach_port_name_t right,
                                  mach_msg_type_name_t disposition)
{
    struct ipc_port *port;

    if (ipc_right_copyin(space, right, disposition, &port) != KERN_SUCCESS)
        return DECLINED;
    const mach_msg_type_name_t type = ipc_right_result(disposition);
    kern_return_t kr = mach_port_insert_right(space, name, port, type);
    if (kr != KERN_SUCCESS)
        ipc_right_destroy(port, type);
    return kr;
}

struct uctx *trap_port_insert_right(struct thread *self)
{
    kern_return_t kr = DECLINED;

    if (ipc_trap_names_own_task(self))
        kr = insert_right(self->space, argument(self, 1), argument(self, 2), argument(self, 3));
    return result(self, kr);
}

struct uctx *trap_port_move_member(struct thread *self)
{
    kern_return_t kr = DECLINED;

    if (ipc_trap_names_own_task(self))
        kr = mach_port_move_member(self->space, argument(self, 1), argument(self, 2));
    return result(self, kr);
}

struct uctx *trap_port_insert_member(struct thread *self)
{
    kern_return_t kr = DECLINED;

    if (ipc_trap_names_own_task(self))
        kr = mach_port_insert_member(self->space, argument(self, 1), argument(self, 2));
    return result(self, kr);
}

struct uctx *trap_port_extract_member(struct thread *self)
{
    kern_return_t kr = DECLINED;

    if (ipc_trap_names_own_task(self))
        kr = mach_port_extract_member(self->space, argument(self, 1), argument(self, 2));
    return result(self, kr);
}
