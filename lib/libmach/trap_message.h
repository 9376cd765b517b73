/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of mach_port.defs and mach_vm.defs that the library makes by a trap first, as messages: the stubs of MIG, for whatever a name
 * stands for that is not the task's own port.
 */
#ifndef LIBMACH_TRAP_MESSAGE_H
#define LIBMACH_TRAP_MESSAGE_H

#include <mach/mach.h>

#define DECLINED MACH_SEND_INVALID_DEST /* what a trap returns for such a name */

extern __typeof__(mach_port_allocate) mach_port_allocate_message;
extern __typeof__(mach_port_destroy) mach_port_destroy_message;
extern __typeof__(mach_port_deallocate) mach_port_deallocate_message;
extern __typeof__(mach_port_mod_refs) mach_port_mod_refs_message;
extern __typeof__(mach_port_insert_right) mach_port_insert_right_message;
extern __typeof__(mach_port_move_member) mach_port_move_member_message;
extern __typeof__(mach_port_insert_member) mach_port_insert_member_message;
extern __typeof__(mach_port_extract_member) mach_port_extract_member_message;
extern __typeof__(mach_vm_allocate) mach_vm_allocate_message;
extern __typeof__(mach_vm_deallocate) mach_vm_deallocate_message;
extern __typeof__(mach_vm_protect) mach_vm_protect_message;

#endif
