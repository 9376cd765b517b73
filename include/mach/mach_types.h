/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of the kernel's objects.  A user holds a port to each; the kernel's own code (KERNEL) the object
 * itself, with a reference.
 */
#ifndef MACH_MACH_TYPES_H
#define MACH_MACH_TYPES_H

#include <mach/boolean.h>
#include <mach/clock_types.h>
#include <mach/exception_types.h>
#include <mach/host_info.h>
#include <mach/host_reboot.h>
#include <mach/kern_return.h>
#include <mach/kernel_memory_info.h>
#include <mach/memory_object_types.h>
#include <mach/message.h>
#include <mach/notify.h>
#include <mach/policy.h>
#include <mach/port.h>
#include <mach/processor_info.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>
#include <mach/thread_info.h>
#include <mach/thread_special_ports.h>
#include <mach/thread_status.h>
#include <mach/thread_switch.h>
#include <mach/time_value.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_param.h>
#include <mach/vm_prot.h>
#include <mach/vm_region.h>
#include <mach/vm_statistics.h>
#include <mach/vm_sync.h>
#include <mach/vm_types.h>

#ifdef KERNEL

struct host;
struct ipc_space;
struct processor;
struct processor_set;
struct task;
struct thread;
struct vm_map;

typedef struct task *task_t;
typedef struct task *task_name_t;
typedef struct thread *thread_t;
typedef struct thread *thread_act_t;
typedef struct host *host_t;
typedef struct host *host_priv_t;
typedef struct processor *processor_t;
typedef struct processor_set *processor_set_t;
typedef struct processor_set *processor_set_name_t;
typedef struct ipc_space *ipc_space_t;
typedef struct vm_map *vm_map_t;

#else

typedef mach_port_t task_t;
typedef mach_port_t task_name_t;
typedef mach_port_t thread_t;
typedef mach_port_t thread_act_t;
typedef mach_port_t host_t;
typedef mach_port_t host_priv_t;
typedef mach_port_t processor_t;
typedef mach_port_t processor_set_t;
typedef mach_port_t processor_set_name_t;
typedef mach_port_t ipc_space_t;
typedef mach_port_t vm_map_t;

typedef processor_t *processor_array_t;

#define TASK_NULL ((task_t)MACH_PORT_NULL)
#define THREAD_NULL ((thread_t)MACH_PORT_NULL)
#define HOST_NULL ((host_t)MACH_PORT_NULL)

#endif

typedef thread_act_t *thread_act_array_t;
typedef mach_port_t exception_handler_t;
typedef exception_handler_t *exception_handler_array_t;
typedef thread_state_flavor_t *exception_flavor_array_t;

#define TASK_PORT_REGISTER_MAX 3 /* ports that mach_ports_register() keeps for a task */

#endif
