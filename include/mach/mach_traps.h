/* SPDX-License-Identifier: BSD-2-Clause */
/* The traps that are not mach_msg() or thread_switch(). */
#ifndef MACH_MACH_TRAPS_H
#define MACH_MACH_TRAPS_H

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/vm_prot.h>
#include <mach/vm_types.h>
#include <stdint.h>

#ifndef KERNEL

/* A new port with receive right. Returns: its name; MACH_PORT_NULL: out of resources. */
mach_port_name_t mach_reply_port(void);

/*
 * A send right for the calling thread's port: one more user reference. Returns: its name, or MACH_PORT_NULL.
 */
mach_port_name_t mach_thread_self(void);

/* A send right for the calling task's port: one more user reference. Returns: its name, or MACH_PORT_NULL. */
mach_port_name_t mach_task_self_trap(void);

/* A send right for the task's host port: one more user reference. Returns: its name, or MACH_PORT_NULL. */
mach_port_name_t mach_host_self(void);

/* The name of mach_task_self_trap() that the library got at program start: no trap, no new reference. */
extern mach_port_t mach_task_self_;
#define mach_task_self() mach_task_self_

/* The task's bootstrap port, as it was at program start. */
extern mach_port_t bootstrap_port;

/*
 * Write a string on the kernel's console, for debugging.
 * Returns: KERN_SUCCESS; KERN_INVALID_ADDRESS it can't be read; KERN_INVALID_ARGUMENT it is longer than a
 * page.
 */
kern_return_t mach_print(const char *text);

/* Set the calling thread's thread pointer. Returns: KERN_SUCCESS; KERN_INVALID_ADDRESS no user address. */
kern_return_t mach_thread_set_tls(vm_address_t tls);

/*
 * The routines of mach_port.defs without _trap, for the calling task's own names; these try the trap first.
 * Returns: as those; MACH_SEND_INVALID_DEST: nothing changed, `task` is not the task's kernel port, or the right to be inserted
 * can't be taken. mach_port_allocate_trap(): that in bits 0-31, the new name in bits 32-63.
 */
uint64_t mach_port_allocate_trap(mach_port_name_t task, mach_port_right_t right);
kern_return_t mach_port_destroy_trap(mach_port_name_t task, mach_port_name_t name);
kern_return_t mach_port_deallocate_trap(mach_port_name_t task, mach_port_name_t name);
kern_return_t mach_port_mod_refs_trap(mach_port_name_t task, mach_port_name_t name, mach_port_right_t right,
                                      mach_port_delta_t delta);
kern_return_t mach_port_insert_right_trap(mach_port_name_t task, mach_port_name_t name,
                                          mach_port_name_t right, mach_msg_type_name_t disposition);
kern_return_t mach_port_move_member_trap(mach_port_name_t task, mach_port_name_t member,
                                         mach_port_name_t after);
kern_return_t mach_port_insert_member_trap(mach_port_name_t task, mach_port_name_t name,
                                           mach_port_name_t pset);
kern_return_t mach_port_extract_member_trap(mach_port_name_t task, mach_port_name_t name,
                                            mach_port_name_t pset);

/*
 * The same of mach_vm.defs, for the calling task's own memory. mach_vm_allocate_trap(): where the memory is, which is a multiple of
 * the page size; or in bits 0-31 why there is none, which is not.
 */
uint64_t mach_vm_allocate_trap(mach_port_name_t task, mach_vm_address_t address, mach_vm_size_t size,
                               int flags);
kern_return_t mach_vm_deallocate_trap(mach_port_name_t task, mach_vm_address_t address, mach_vm_size_t size);
kern_return_t mach_vm_protect_trap(mach_port_name_t task, mach_vm_address_t address, mach_vm_size_t size,
                                   boolean_t set_maximum, vm_prot_t new_protection);

#endif

#endif
