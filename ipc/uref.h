/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User references: how often a space holds a send right, or a dead name, under one name.  At most
 * IPC_UREFS_MAX; whoever asks for more is told, and one that comes in a message is absorbed.
 */
#ifndef IPC_UREF_H
#define IPC_UREF_H

#include <hal/types.h>
#include <mach/kern_return.h>
#include <mach/port.h>

#define IPC_UREFS_MAX 65535u

/* Change a count on request. KERN_SUCCESS, else *urefs is unchanged: KERN_INVALID_VALUE less than none;
 * KERN_UREFS_OVERFLOW beyond the limit. */
/*@ requires \valid(urefs);
    requires *urefs <= IPC_UREFS_MAX;
    assigns *urefs;
    behavior underflow:
      assumes *urefs + delta < 0;
      ensures \result == KERN_INVALID_VALUE && *urefs == \old(*urefs);
    behavior overflow:
      assumes *urefs + delta > IPC_UREFS_MAX;
      ensures \result == KERN_UREFS_OVERFLOW && *urefs == \old(*urefs);
    behavior changed:
      assumes 0 <= *urefs + delta <= IPC_UREFS_MAX;
      ensures \result == KERN_SUCCESS && *urefs == \old(*urefs) + delta;
    complete behaviors;
    disjoint behaviors;
*/
HAL_NODISCARD static inline kern_return_t ipc_urefs_change(uint32_t *urefs, mach_port_delta_t delta)
{
    int64_t changed = (int64_t)*urefs + delta;

    if (changed < 0)
        return KERN_INVALID_VALUE;
    if (changed > IPC_UREFS_MAX)
        return KERN_UREFS_OVERFLOW;
    *urefs = (uint32_t)changed;
    return KERN_SUCCESS;
}

/* One more reference has come; at the limit it is absorbed. Returns the new count. */
/*@ requires urefs <= IPC_UREFS_MAX;
    assigns \nothing;
    ensures \result == \min(urefs + 1, IPC_UREFS_MAX);
*/
static inline uint32_t ipc_urefs_add(uint32_t urefs)
{
    return urefs < IPC_UREFS_MAX ? urefs + 1 : IPC_UREFS_MAX;
}

#endif
