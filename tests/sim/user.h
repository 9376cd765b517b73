/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user program that is a C function (arch/sim/sim.h) has in place of libmach: mach_msg(), the other traps, and
 * the stubs that MIG generates, all on memory of the host.  Messages pass through a window of user memory that each thread
 * has; thread pointer and saved registers keep what belongs to a thread, so that nothing is shared between tasks:
 *
 *   x4 (tp)   the window, USER_WINDOW_SIZE bytes of the task's memory
 *   x8, x18   reply port for MIG calls; name of the task's own port: MACH_PORT_NULL until needed
 *
 * All user code is compiled with `-include user_names.h`, generated from the .defs files, which gives the stubs the prefix
 * user_: the kernel in the same process has functions of the plain names.
 */
#ifndef TESTS_SIM_USER_H
#define TESTS_SIM_USER_H

#include <mach/mach.h>
#include <mach/riscv64/thread_status.h>
#include <mach/thread_switch.h>
#include <sim/sim.h>

#define USER_WINDOW_SIZE 0x8000u

#undef mach_task_self
#define mach_task_self() user_task_self()

/* The first thing in the first program: `arg` is what it was called with. Returns: the privileged host port. */
mach_port_t user_start(uint64_t arg);
/* The device master port, from the same. */
mach_port_t user_device_master(uint64_t arg);

mach_port_t user_task_self(void);

/* The address of the thread's window. Functions here overwrite it from its start; the upper half is the program's own. */
uint64_t user_window(void);
#define USER_WINDOW_OWN (USER_WINDOW_SIZE / 2)

/* A thread of `task` that runs program(arg), with a window that is allocated for it. thread: a send right, or NULL. */
kern_return_t user_thread_start(mach_port_t task, sim_program_t program, uint64_t arg, mach_port_t *thread);
/* The same with a window that is there. */
kern_return_t user_thread_start_in(mach_port_t task, mach_vm_address_t window, sim_program_t program,
                                   uint64_t arg, mach_port_t *thread);

/* The end of the calling thread (its window stays with the task), and of the machine. */
_Noreturn void user_thread_exit(void);
_Noreturn void user_power_off(mach_port_t host_priv);

/* The mach_msg trap itself on user memory at `va`. */
mach_msg_return_t user_msg_trap(uint64_t va, mach_msg_option_t option, mach_msg_size_t send_size,
                                mach_msg_size_t rcv_size, mach_port_name_t rcv_name,
                                mach_msg_timeout_t timeout);

/*
 * mach_port_names() and mach_port_get_set_status(): the first `room` names in arrays of the host, their memory given back.  *count:
 * how many there are.
 */
kern_return_t user_port_names(mach_port_t task, mach_port_name_t *names, mach_port_type_t *types,
                              uint32_t room, uint32_t *count);
kern_return_t user_set_members(mach_port_t task, mach_port_name_t set, mach_port_name_t *names, uint32_t room,
                               uint32_t *count);

/* Let others run; or do nothing for some virtual time. */
void user_yield(void);
void user_sleep(uint32_t ms);

#endif
