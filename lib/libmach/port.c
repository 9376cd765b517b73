/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls about a task's own names: a trap does what the message to the task's port would do.  It declines every port but the task's
 * own kernel port; then the message goes out, to whatever the name stands for.
 */
#include "trap_message.h"
#include <mach/mach.h>

kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name)
{
    const uint64_t result = mach_port_allocate_trap(task, right);

    if ((kern_return_t)result == DECLINED)
        return mach_port_allocate_message(task, right, name);
    if ((kern_return_t)result == KERN_SUCCESS)
        *name = (mach_port_name_t)(result >> 32);
    return (kern_return_t)result;
}

kern_return_t mach_port_destroy(ipc_space_t task, mach_port_name_t name)
{
    const kern_return_t kr = mach_port_destroy_trap(task, name);

    return kr == DECLINED ? mach_port_destroy_message(task, name) : kr;
}

kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name)
{
    const kern_return_t kr = mach_port_deallocate_trap(task, name);

    return kr == DECLINED ? mach_port_deallocate_message(task, name) : kr;
}

kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_delta_t delta)
{
    const kern_return_t kr = mach_port_mod_refs_trap(task, name, right, delta);

    return kr == DECLINED ? mach_port_mod_refs_message(task, name, right, delta) : kr;
}

kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_name_t name, mach_port_t poly,
                                     mach_msg_type_name_t polyPoly)
{
    const kern_return_t kr = mach_port_insert_right_trap(task, name, poly, polyPoly);

    return kr == DECLINED ? mach_port_insert_right_message(task, name, poly, polyPoly) : kr;
}

kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after)
{
    const kern_return_t kr = mach_port_move_member_trap(task, member, after);

    return kr == DECLINED ? mach_port_move_member_message(task, member, after) : kr;
}

kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset)
{
    const kern_return_t kr = mach_port_insert_member_trap(task, name, pset);

    return kr == DECLINED ? mach_port_insert_member_message(task, name, pset) : kr;
}

kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset)
{
    const kern_return_t kr = mach_port_extract_member_trap(task, name, pset);

    return kr == DECLINED ? mach_port_extract_member_message(task, name, pset) : kr;
}
