/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps that are C functions, for lib/<isa>/traps.S, which defines trap: name, number, and how many arguments, if more than three; those
 * from the fourth on have 32 bits. */
    trap mach_reply_port, MACH_TRAP_REPLY_PORT
    trap mach_thread_self, MACH_TRAP_THREAD_SELF
    trap mach_task_self_trap, MACH_TRAP_TASK_SELF
    trap mach_host_self, MACH_TRAP_HOST_SELF
    trap thread_switch, MACH_TRAP_THREAD_SWITCH
    trap mach_thread_set_tls, MACH_TRAP_THREAD_SET_TLS
    trap mach_print, MACH_TRAP_PRINT
    trap mach_null, MACH_TRAP_NULL
    trap mach_port_allocate_trap, MACH_TRAP_PORT_ALLOCATE
    trap mach_port_destroy_trap, MACH_TRAP_PORT_DESTROY
    trap mach_port_deallocate_trap, MACH_TRAP_PORT_DEALLOCATE
    trap mach_port_move_member_trap, MACH_TRAP_PORT_MOVE_MEMBER
    trap mach_port_insert_member_trap, MACH_TRAP_PORT_INSERT_MEMBER
    trap mach_port_extract_member_trap, MACH_TRAP_PORT_EXTRACT_MEMBER
    trap mach_port_mod_refs_trap, MACH_TRAP_PORT_MOD_REFS, 4
    trap mach_port_insert_right_trap, MACH_TRAP_PORT_INSERT_RIGHT, 4
    trap mach_vm_deallocate_trap, MACH_TRAP_VM_DEALLOCATE
    trap mach_vm_allocate_trap, MACH_TRAP_VM_ALLOCATE, 4
    trap mach_vm_protect_trap, MACH_TRAP_VM_PROTECT, 5
