/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps for a task's own names (mach/rpc.h has their numbers).  Arguments: the name of the task, then those of the routine of
 * mach_port.defs.  Result: that of the routine, in bits 0-31; MACH_SEND_INVALID_DEST: the name is not that of the task's kernel port, or
 * a right can't be taken: nothing changed, send the message.
 * Context: upcall level, no lock. Returns: the context to resume.
 */
#ifndef IPC_PORT_TRAP_H
#define IPC_PORT_TRAP_H

#include <hal/types.h>
#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>

struct ipc_space;
struct thread;
struct uctx;

struct uctx *trap_port_allocate(struct thread *self); /* the new name in bits 32-63 */
struct uctx *trap_port_destroy(struct thread *self);
struct uctx *trap_port_deallocate(struct thread *self);
struct uctx *trap_port_mod_refs(struct thread *self);
struct uctx *trap_port_insert_right(struct thread *self); /* the right by name and MACH_MSG_TYPE_* */
struct uctx *trap_port_move_member(struct thread *self);
struct uctx *trap_port_insert_member(struct thread *self);
struct uctx *trap_port_extract_member(struct thread *self);

/* What they, and those of vm/vm_trap.h, return for a name that they do not serve. */
#define IPC_TRAP_DECLINED MACH_SEND_INVALID_DEST
/* Does the first argument of self's trap denote the kernel port of its task? */
bool ipc_trap_names_own_task(const struct thread *self);

/* What most of them are: mach_port_allocate() of a receive right. */
HAL_NODISCARD kern_return_t ipc_receive_begin(struct ipc_space *space, mach_port_name_t *name);
/*
 * The most common end: of a name that is a receive right alone, of a port that nobody waits for or asked about.
 * Returns false: nothing changed.
 */
HAL_NODISCARD bool ipc_receive_end(struct ipc_space *space, mach_port_name_t name);

#endif
