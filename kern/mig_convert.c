/* SPDX-License-Identifier: BSD-2-Clause */
#include <ipc/kobject.h>
#include <kern/host.h>
#include <kern/mig_convert.h>

static void ref_task(void *task)
{
    task_ref(task);
}

static void ref_thread(void *thread)
{
    thread_ref(thread);
}

static void ref_host(void *host)
{
    (void)host; /* there is always one */
}

task_t convert_port_to_task(mach_port_t port)
{
    return ipc_kobject_get(port, IPC_KOTYPE_TASK, ref_task);
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
    struct task *task = convert_port_to_task(port);

    if (task == NULL)
        return NULL;
    struct ipc_space *space = task->space;
    ipc_space_ref(space);
    task_unref(task);
    return space;
}

vm_map_t convert_port_to_map(mach_port_t port)
{
    struct task *task = convert_port_to_task(port);

    if (task == NULL)
        return NULL;
    struct vm_map *map = task->map;
    vm_map_ref(map);
    task_unref(task);
    return map;
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
