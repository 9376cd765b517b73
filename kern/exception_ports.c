/* SPDX-License-Identifier: BSD-2-Clause */
/* Exception ports: setting and telling those of threads, tasks and the host. */
#include <ipc/port.h>
#include <kern/exception.h>
#include <kern/host.h>
#include <kern/thread.h>

static bool settings_valid(exception_mask_t mask, int behavior, int flavor)
{
    switch (behavior & ~(int)MACH_EXCEPTION_CODES) {
    case EXCEPTION_DEFAULT:
        break;
    case EXCEPTION_STATE:
    case EXCEPTION_STATE_IDENTITY:
        if (flavor != THREAD_STATE_FLAVOR_GENERAL)
            return false;
        break;
    default:
        return false;
    }
    return (mask & ~EXC_MASK_VALID) == 0;
}

struct exception_table exception_table(struct task *task, struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    if (thread != NULL)
        return (struct exception_table){&task->lock, thread->exception_port, thread->exception_behavior,
                                        thread->exception_flavor};
    if (task != NULL)
        return (struct exception_table){&task->lock, task->exception_port, task->exception_behavior,
                                        task->exception_flavor};
    return (struct exception_table){&host_self.lock, host_self.exception_port, host_self.exception_behavior,
                                    host_self.exception_flavor};
}

/* Lock the table; false: its owner has ended, nothing is locked. */
static bool table_enter(struct task *task, struct thread *thread,
                        struct exception_table *table) NO_THREAD_SAFETY_ANALYSIS
{
    *table = exception_table(task, thread);
    spin_lock(table->lock);
    if ((task == NULL || task->active) && (thread == NULL || thread->self_port != NULL))
        return true;
    spin_unlock(table->lock);
    return false;
}

/* Is the handler of this kind of exception in the list already? Then it takes this kind, too. */
static bool list_join(struct exception_list *list, const struct exception_table *table, unsigned kind)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->port[i] == table->port[kind] && list->behavior[i] == table->behavior[kind] &&
            list->flavor[i] == table->flavor[kind]) {
            list->mask[i] |= 1u << kind;
            return true;
        }
    }
    return false;
}

/* It is not: add it. Consumes a send right to the port. */
static void list_add(struct exception_list *list, const struct exception_table *table, unsigned kind,
                     struct ipc_port *right)
{
    list->mask[list->count] = 1u << kind;
    list->port[list->count] = right;
    list->behavior[list->count] = table->behavior[kind];
    list->flavor[list->count] = table->flavor[kind];
    list->count++;
}

kern_return_t exception_ports_set(struct task *task, struct thread *thread, exception_mask_t mask,
                                  struct ipc_port *port, int behavior, int flavor,
                                  struct exception_list *old) NO_THREAD_SAFETY_ANALYSIS
{
    struct ipc_port *surplus[EXC_TYPES_COUNT] = {NULL};
    struct exception_table table;

    if (!settings_valid(mask, behavior, flavor))
        return KERN_INVALID_ARGUMENT;
    if (!table_enter(task, thread, &table))
        return KERN_TERMINATED;
    for (unsigned i = 1; i < EXC_TYPES_COUNT; i++) {
        if ((mask & 1u << i) == 0)
            continue;
        if (old == NULL || list_join(old, &table, i))
            surplus[i] = table.port[i];
        else
            list_add(old, &table, i, table.port[i]);
        table.port[i] = ipc_port_copy_send(port);
        table.behavior[i] = behavior;
        table.flavor[i] = flavor;
    }
    spin_unlock(table.lock);
    for (unsigned i = 1; i < EXC_TYPES_COUNT; i++)
        ipc_port_release_send(surplus[i]);
    ipc_port_release_send(port);
    return KERN_SUCCESS;
}

kern_return_t exception_ports_get(struct task *task, struct thread *thread, exception_mask_t mask,
                                  struct exception_list *list) NO_THREAD_SAFETY_ANALYSIS
{
    struct exception_table table;

    if ((mask & ~EXC_MASK_VALID) != 0)
        return KERN_INVALID_ARGUMENT;
    if (!table_enter(task, thread, &table))
        return KERN_TERMINATED;
    for (unsigned i = 1; i < EXC_TYPES_COUNT; i++) {
        if ((mask & 1u << i) != 0 && !list_join(list, &table, i))
            list_add(list, &table, i, ipc_port_copy_send(table.port[i]));
    }
    spin_unlock(table.lock);
    return KERN_SUCCESS;
}
