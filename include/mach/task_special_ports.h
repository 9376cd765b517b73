/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that the kernel keeps for a task: task_get_special_port(), task_set_special_port(). */
#ifndef MACH_TASK_SPECIAL_PORTS_H
#define MACH_TASK_SPECIAL_PORTS_H

typedef int task_special_port_t;

#define TASK_KERNEL_PORT 1    /* the task itself, as it sees itself */
#define TASK_HOST_PORT 2      /* the host, as the task sees it */
#define TASK_NAME_PORT 3      /* the task's name: no control */
#define TASK_BOOTSTRAP_PORT 4 /* where the task finds services */
#define TASK_MAX_SPECIAL_PORT TASK_BOOTSTRAP_PORT

#define task_get_kernel_port(task, port) task_get_special_port((task), TASK_KERNEL_PORT, (port))
#define task_set_kernel_port(task, port) task_set_special_port((task), TASK_KERNEL_PORT, (port))
#define task_get_host_port(task, port) task_get_special_port((task), TASK_HOST_PORT, (port))
#define task_set_host_port(task, port) task_set_special_port((task), TASK_HOST_PORT, (port))
#define task_get_bootstrap_port(task, port) task_get_special_port((task), TASK_BOOTSTRAP_PORT, (port))
#define task_set_bootstrap_port(task, port) task_set_special_port((task), TASK_BOOTSTRAP_PORT, (port))

/* The classic single exception port: all exceptions, exception_raise messages. */
#define task_set_exception_port(task, port)                                                                  \
    task_set_exception_ports((task), EXC_MASK_ALL, (port), EXCEPTION_DEFAULT, THREAD_STATE_NONE)

#endif
