/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of memory_object_control.defs: what pagers say.  Whatever they say, it concerns the pages of their own object; what
 * makes no sense is refused, and what comes too late finds nothing to do.
 */
#include <ipc/kobject.h>
#include <kern/task.h>
#include <mach/memory_object_control_server.h>
#include <mach/memory_object_kernel.h>
#include <mach/portolan_server.h>
#include <mach/vm_param.h>
#include <vm/memory_object_i.h>

#define CLUSTER_MAX (64 * PAGE_SIZE) /* that one request asks for */

/* --- attributes ----------------------------------------------------------------------------------------- */

static bool strategy_is_known(memory_object_copy_strategy_t copy_strategy)
{
    return copy_strategy >= MEMORY_OBJECT_COPY_NONE && copy_strategy <= MEMORY_OBJECT_COPY_TEMPORARY;
}

static void attributes_set(struct memory_object *pager, bool may_cache,
                           memory_object_copy_strategy_t copy_strategy) REQUIRES(pager->object->lock)
{
    pager->may_cache = may_cache;
    pager->copy_strategy = copy_strategy;
    if (!may_cache && memory_object_is_unused(pager))
        memory_object_unused(pager); /* what was cached goes */
}

kern_return_t memory_object_ready(memory_object_control_t pager, boolean_t may_cache_object,
                                  memory_object_copy_strategy_t copy_strategy)
{
    if (!strategy_is_known(copy_strategy))
        return KERN_INVALID_ARGUMENT;
    spin_lock(&pager->object->lock);
    if (pager->state == MEMORY_OBJECT_NEW)
        pager->state = MEMORY_OBJECT_READY;
    attributes_set(pager, may_cache_object != FALSE, copy_strategy);
    spin_unlock(&pager->object->lock);
    page_requests_send(pager);
    return KERN_SUCCESS;
}

kern_return_t memory_object_change_attributes(memory_object_control_t pager, boolean_t may_cache_object,
                                              memory_object_copy_strategy_t copy_strategy,
                                              mach_port_t reply_to)
{
    if (!strategy_is_known(copy_strategy))
        return KERN_INVALID_ARGUMENT;
    spin_lock(&pager->object->lock);
    attributes_set(pager, may_cache_object != FALSE, copy_strategy);
    spin_unlock(&pager->object->lock);
    if (!IPC_PORT_VALID(reply_to))
        return KERN_SUCCESS;
    struct ipc_kmsg *kmsg =
        memory_object_message(sizeof(__Request__memory_object_change_completed_t), task_payer());
    if (kmsg == NULL)
        return KERN_RESOURCE_SHORTAGE; /* the reply right goes unused */
    struct mig_kernel_message m = memory_object_fill(kmsg, 1);
    memory_object_change_completed_request(&m, ipc_port_make_send(pager->control), may_cache_object != FALSE,
                                           copy_strategy);
    memory_object_reply(reply_to, kmsg);
    return KERN_SUCCESS;
}

kern_return_t memory_object_get_attributes(memory_object_control_t pager, boolean_t *object_ready,
                                           boolean_t *may_cache_object,
                                           memory_object_copy_strategy_t *copy_strategy)
{
    spin_lock(&pager->object->lock);
    *object_ready = pager->state == MEMORY_OBJECT_READY;
    *may_cache_object = pager->may_cache;
    *copy_strategy = pager->copy_strategy;
    spin_unlock(&pager->object->lock);
    return KERN_SUCCESS;
}

kern_return_t memory_object_set_cluster_size(memory_object_control_t pager, vm_size_t cluster_size)
{
    if (cluster_size == 0 || (cluster_size & PAGE_MASK) != 0 || cluster_size > CLUSTER_MAX)
        return KERN_INVALID_ARGUMENT;
    spin_lock(&pager->object->lock);
    pager->cluster = (uint32_t)(cluster_size >> PAGE_SHIFT);
    spin_unlock(&pager->object->lock);
    return KERN_SUCCESS;
}

kern_return_t memory_object_destroy(memory_object_control_t pager, kern_return_t reason)
{
    (void)reason; /* whoever waits is told KERN_MEMORY_ERROR, whatever it is */
    memory_object_pager_died(pager);
    return KERN_SUCCESS;
}

/* --- limits --------------------------------------------------------------------------------------------- */

kern_return_t host_set_pager_timeout(host_priv_t host_priv, natural_t milliseconds)
{
    (void)host_priv; /* who has it may do this */
    memory_object_set_timeout(milliseconds);
    return KERN_SUCCESS;
}
