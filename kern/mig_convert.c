/* SPDX-License-Identifier: BSD-2-Clause */
#include <ipc/kobject.h>
#include <kern/host.h>
#include <kern/mig_convert.h>

/* What a port stands for, with a reference (ipc_kobject_get()). */

static void *ref_task(void *task)
{
    task_ref(task);
    return task;
}

static void *ref_space(void *task)
{
    struct ipc_space *space = ((struct task *)task)->space;

    ipc_space_ref(space);
    return space;
}

static void *ref_map(void *task)
{
    struct vm_map *map = ((struct task *)task)->map;

    vm_map_ref(map);
    return map;
}

static void *ref_thread(void *thread)
{
    thread_ref(thread);
    return thread;
}

static void *ref_memory_entry(void *entry)
{
    vm_memory_entry_ref(entry);
    return entry;
}

static void *ref_interrupt(void *interrupt)
{
    interrupt_ref(interrupt);
    return interrupt;
}

static void *ref_memory_object(void *pager)
{
    memory_object_ref(pager);
    return pager;
}

static void *ref_host(void *host)
{
    return host; /* there is always one */
}

/* The same of a task's port, which most often is that of the caller's own task: that one lives, and needs no lock. */
static inline __attribute__((always_inline)) void *of_task(struct ipc_port *port, void *(*ref)(void *task))
{
    struct task *task = thread_current()->task;

    if (__builtin_expect(port == task->self_port, 1))
        return ref(task);
    return ipc_kobject_get(port, IPC_KOTYPE_TASK, ref);
}

task_t convert_port_to_task(mach_port_t port)
{
    return of_task(port, ref_task);
}

mach_port_t convert_task_to_port(task_t task)
{
    struct ipc_port *right = task_make_port(task);

    task_unref(task);
    return right != NULL ? right : IPC_PORT_DEAD;
}

thread_act_t convert_port_to_thread(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_THREAD, ref_thread);
}

mach_port_t convert_thread_to_port(thread_act_t thread)
{
    struct ipc_port *right = thread_make_port(thread);

    thread_unref(thread);
    return right != NULL ? right : IPC_PORT_DEAD;
}

ipc_space_t convert_port_to_space(mach_port_t port)
{
    return of_task(port, ref_space);
}

vm_map_t convert_port_to_map(mach_port_t port)
{
    return of_task(port, ref_map);
}

struct vm_memory_entry *convert_port_to_memory_entry(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_MEMORY_ENTRY, ref_memory_entry);
}

memory_object_control_t convert_port_to_memory_object(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_MEMORY_CONTROL, ref_memory_object);
}

host_t convert_port_to_host(mach_port_t port)
{
    host_t host = ipc_kobject_get(port, IPC_KOTYPE_HOST, ref_host);

    return host != NULL ? host : convert_port_to_host_priv(port);
}

host_priv_t convert_port_to_host_priv(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_HOST_PRIV, ref_host);
}

device_master_t convert_port_to_device_master(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_DEVICE_MASTER, ref_host);
}

interrupt_t convert_port_to_interrupt(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_INTERRUPT, ref_interrupt);
}
