/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps for a task's own names (mach/rpc.h has their numbers).  Arguments: the name of the task, then those of the routine of
 * mach_port.defs.  Result: that of the routine, in bits 0-31; MACH_SEND_INVALID_DEST: the name is not that of the task's kernel port, or
 * a right can't be taken: nothing changed, send the message.
 * Context: upcall level, no lock.
 */
#ifndef IPC_PORT_TRAP_H
#define IPC_PORT_TRAP_H

struct thread;

void trap_port_allocate(struct thread *self); /* the new name in bits 32-63 */
void trap_port_destroy(struct thread *self);
void trap_port_deallocate(struct thread *self);
void trap_port_mod_refs(struct thread *self);
void trap_port_insert_right(struct thread *self); /* the right by name and MACH_MSG_TYPE_* */
void trap_port_move_member(struct thread *self);
void trap_port_insert_member(struct thread *self);
void trap_port_extract_member(struct thread *self);

#endif
