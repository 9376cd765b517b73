/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that the kernel keeps for a thread: thread_get_special_port(), thread_set_special_port(). */
#ifndef MACH_THREAD_SPECIAL_PORTS_H
#define MACH_THREAD_SPECIAL_PORTS_H

#define THREAD_KERNEL_PORT 1 /* the thread itself, as it sees itself */
#define THREAD_MAX_SPECIAL_PORT THREAD_KERNEL_PORT

#define thread_get_kernel_port(thread, port) thread_get_special_port((thread), THREAD_KERNEL_PORT, (port))
#define thread_set_kernel_port(thread, port) thread_set_special_port((thread), THREAD_KERNEL_PORT, (port))

/* The classic single exception port: all exceptions, exception_raise messages. */
#define thread_set_exception_port(thread, port)                                                              \
    thread_set_exception_ports((thread), EXC_MASK_ALL, (port), EXCEPTION_DEFAULT, THREAD_STATE_NONE)

#endif
