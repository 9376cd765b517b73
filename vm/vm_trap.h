/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps for a task's own memory, as those of ipc/port_trap.h for its names: arguments, what they decline, and context are the same.
 * vm_trap_allocate(): its result is the address, a multiple of the page size; or in bits 0-31 the error, which is not.
 */
#ifndef VM_VM_TRAP_H
#define VM_VM_TRAP_H

struct thread;
struct uctx;

struct uctx *vm_trap_allocate(struct thread *self);
struct uctx *vm_trap_deallocate(struct thread *self);
struct uctx *vm_trap_protect(struct thread *self);

#endif
