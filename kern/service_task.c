/* SPDX-License-Identifier: BSD-2-Clause */
/* The services of task ports: include/mach/task.defs, and task_priority and the limits of portolan.defs. */
#include <hal/hal.h>
#include <ipc/port.h>
#include <ipc/space.h>
#include <kern/cache.h>
#include <kern/exception.h>
#include <kern/host.h>
#include <kern/ledger.h>
#include <kern/service.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <mach/portolan_server.h>
#include <mach/task_server.h>
#include <sched/sched.h>
#include <vm/vm_map.h>

kern_return_t service_info_copy(integer_t *out, mach_msg_type_number_t *count, const void *info, size_t size)
{
    mach_msg_type_number_t words = (mach_msg_type_number_t)(size / sizeof(integer_t));

    if (words == 0 || *count < words)
        return KERN_INVALID_ARGUMENT;
    memcpy(out, info, size);
    *count = words;
    return KERN_SUCCESS;
}

kern_return_t task_create(task_t parent, boolean_t inherit_memory, task_t *child)
{
    return task_create_from(parent, inherit_memory, child);
}

kern_return_t task_terminate(task_t task)
{
    return task_terminate_request(task);
}

kern_return_t task_suspend(task_t task)
{
    return task_hold(task);
}

kern_return_t task_resume(task_t task)
{
    return task_release(task);
}

/* --- threads --- */

kern_return_t thread_create(task_t task, thread_act_t *thread)
{
    return thread_create_in(task, thread);
}

kern_return_t thread_create_running(task_t task, thread_state_flavor_t flavor, thread_state_t state,
                                    mach_msg_type_number_t count, thread_act_t *out)
{
    struct thread *thread;

    kern_return_t kr = thread_create_in(task, &thread);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = thread_state_set(thread, flavor, state, count);
    if (kr != KERN_SUCCESS) {
        thread_terminate_request(thread);
        thread_unref(thread);
        return kr;
    }
    (void)thread_release(thread); /* fails if the task ends just now, and the thread with it */
    *out = thread;
    return KERN_SUCCESS;
}

/* Ports of the living threads into port[count], if there are just so many and `port` is not NULL. Returns how many. */
static uint32_t threads_list(struct task *task, struct ipc_port **port, uint32_t count)
{
    uint32_t living = 0;
    uint32_t n = 0;

    spin_lock(&task->lock);
    LIST_FOR_EACH(node, &task->threads)
    living += CONTAINER_OF(node, struct thread, task_link)->self_port != NULL;
    bool fits = port != NULL && living == count;
    LIST_FOR_EACH(node, &task->threads)
    {
        struct ipc_port *self_port = CONTAINER_OF(node, struct thread, task_link)->self_port;
        if (fits && self_port != NULL)
            port[n++] = ipc_port_make_send(self_port);
    }
    spin_unlock(&task->lock);
    return living;
}

kern_return_t task_threads(task_t task, mach_port_array_t *ports, mach_msg_type_number_t *count)
{
    uint32_t n = threads_list(task, NULL, 0);

    *ports = NULL;
    while (n > 0) {
        struct ipc_port **port = kmem_alloc(n * sizeof(*port));
        if (port == NULL)
            return KERN_RESOURCE_SHORTAGE;
        uint32_t living = threads_list(task, port, n);
        if (living == n) {
            *ports = port;
            break;
        }
        kmem_free(port, n * sizeof(*port)); /* they have become more or fewer: again */
        n = living;
    }
    *count = n;
    return KERN_SUCCESS;
}

/* --- special and exception ports --- */

kern_return_t mach_ports_register(task_t task, mach_port_array_t ports, mach_msg_type_number_t count)
{
    struct ipc_port *old[TASK_PORT_REGISTER_MAX];

    if (count > TASK_PORT_REGISTER_MAX)
        return KERN_INVALID_ARGUMENT;
    spin_lock(&task->lock);
    if (!task->active) {
        spin_unlock(&task->lock);
        return KERN_TERMINATED;
    }
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++) {
        old[i] = task->registered_port[i];
        task->registered_port[i] = i < count ? ports[i] : NULL;
    }
    spin_unlock(&task->lock);
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++)
        ipc_port_release_send(old[i]);
    if (count > 0)
        kmem_free(ports, count * sizeof(*ports));
    return KERN_SUCCESS;
}

kern_return_t mach_ports_lookup(task_t task, mach_port_array_t *ports, mach_msg_type_number_t *count)
{
    struct ipc_port **port = kmem_alloc(TASK_PORT_REGISTER_MAX * sizeof(*port));
    if (port == NULL)
        return KERN_RESOURCE_SHORTAGE;
    spin_lock(&task->lock);
    for (unsigned i = 0; i < TASK_PORT_REGISTER_MAX; i++)
        port[i] = ipc_port_copy_send(task->registered_port[i]);
    spin_unlock(&task->lock);
    *ports = port;
    *count = TASK_PORT_REGISTER_MAX;
    return KERN_SUCCESS;
}

static struct ipc_port *bootstrap_port(struct task *task)
{
    spin_lock(&task->lock);
    struct ipc_port *right = ipc_port_copy_send(task->bootstrap_port);
    spin_unlock(&task->lock);
    return right;
}

kern_return_t task_get_special_port(task_t task, int which, mach_port_t *port)
{
    switch (which) {
    case TASK_KERNEL_PORT:
        *port = task_make_port(task);
        return *port != NULL ? KERN_SUCCESS : KERN_TERMINATED;
    case TASK_HOST_PORT:
        *port = host_make_port();
        return KERN_SUCCESS;
    case TASK_BOOTSTRAP_PORT:
        *port = bootstrap_port(task);
        return KERN_SUCCESS;
    default:
        return KERN_INVALID_ARGUMENT;
    }
}

kern_return_t task_set_special_port(task_t task, int which, mach_port_t port)
{
    if (which != TASK_BOOTSTRAP_PORT)
        return KERN_INVALID_ARGUMENT;
    spin_lock(&task->lock);
    if (!task->active) {
        spin_unlock(&task->lock);
        return KERN_TERMINATED;
    }
    struct ipc_port *old = task->bootstrap_port;
    task->bootstrap_port = port;
    spin_unlock(&task->lock);
    ipc_port_release_send(old);
    return KERN_SUCCESS;
}

kern_return_t task_set_exception_ports(task_t task, exception_mask_t mask, mach_port_t port,
                                       exception_behavior_t behavior, thread_state_flavor_t flavor)
{
    return exception_ports_set(task, NULL, mask, port, behavior, flavor, NULL);
}

kern_return_t task_get_exception_ports(task_t task, exception_mask_t mask, exception_mask_array_t masks,
                                       mach_msg_type_number_t *count, exception_handler_array_t ports,
                                       exception_behavior_array_t behaviors, exception_flavor_array_t flavors)
{
    struct exception_list list = {.mask = masks, .port = ports, .behavior = behaviors, .flavor = flavors};

    kern_return_t kr = exception_ports_get(task, NULL, mask, &list);
    *count = list.count;
    return kr;
}

kern_return_t task_swap_exception_ports(task_t task, exception_mask_t mask, mach_port_t port,
                                        exception_behavior_t behavior, thread_state_flavor_t flavor,
                                        exception_mask_array_t masks, mach_msg_type_number_t *count,
                                        exception_handler_array_t ports, exception_behavior_array_t behaviors,
                                        exception_flavor_array_t flavors)
{
    struct exception_list list = {.mask = masks, .port = ports, .behavior = behaviors, .flavor = flavors};

    kern_return_t kr = exception_ports_set(task, NULL, mask, port, behavior, flavor, &list);
    *count = list.count;
    return kr;
}

/* --- information --- */

static size_t info_basic(struct task *task, struct task_basic_info *info)
{
    *info = (struct task_basic_info){
        .virtual_size = vm_map_size(task->map),
        .resident_size = vm_map_resident_size(task->map),
    };
    spin_lock(&task->lock);
    info->suspend_count = (integer_t)task->suspend_count;
    info->user_time = time_value_from_ticks(task->run_time);
    info->policy = task->policy;
    spin_unlock(&task->lock);
    return sizeof(*info);
}

static size_t info_times(struct task *task, struct task_thread_times_info *info)
{
    hal_ticks_t ticks = 0;

    spin_lock(&task->lock);
    LIST_FOR_EACH(node, &task->threads)
    ticks += thread_run_time(CONTAINER_OF(node, struct thread, task_link));
    spin_unlock(&task->lock);
    *info = (struct task_thread_times_info){.user_time = time_value_from_ticks(ticks)};
    return sizeof(*info);
}

static size_t info_limits(struct task *task, struct task_limits_info *info)
{
    struct ledger *ledger = task->ledger;
    struct ledger_state memory;
    struct ledger_state messages;

    ledger_account_state(&ledger->memory, &memory);
    ledger_account_state(&ledger->messages, &messages);
    *info = (struct task_limits_info){
        .memory = memory.used,
        .memory_below = memory.below,
        .memory_limit = memory.limit,
        .messages = messages.used,
        .messages_limit = messages.limit,
        .names = ipc_space_names(task->space),
        .names_limit = __atomic_load_n(&ledger->names_max, __ATOMIC_RELAXED),
        .threads_limit = __atomic_load_n(&ledger->threads_max, __ATOMIC_RELAXED),
    };
    spin_lock(&task->lock);
    info->threads = task->thread_count;
    spin_unlock(&task->lock);
    return sizeof(*info);
}

static size_t info_token(struct task *task, bool audit, void *out)
{
    uint64_t word[TOKEN_WORDS];

    task_token_read(&task->token, word);
    const char *token = (const char *)word;
    if (audit)
        memcpy(out, token + sizeof(security_token_t), sizeof(audit_token_t));
    else
        memcpy(out, token, sizeof(security_token_t));
    return audit ? sizeof(audit_token_t) : sizeof(security_token_t);
}

kern_return_t task_info(task_t task, task_flavor_t flavor, task_info_t out, mach_msg_type_number_t *count)
{
    union {
        struct task_basic_info basic;
        struct task_thread_times_info times;
        struct task_limits_info limits;
        audit_token_t token;
    } info;
    size_t size = 0;

    if (flavor == TASK_BASIC_INFO)
        size = info_basic(task, &info.basic);
    else if (flavor == TASK_THREAD_TIMES_INFO)
        size = info_times(task, &info.times);
    else if (flavor == TASK_LIMITS_INFO)
        size = info_limits(task, &info.limits);
    else if (flavor == TASK_SECURITY_TOKEN || flavor == TASK_AUDIT_TOKEN)
        size = info_token(task, flavor == TASK_AUDIT_TOKEN, &info.token);
    return service_info_copy(out, count, &info, size);
}

/* --- limits --- */

/* One of which a task can't have more than `most`. */
static kern_return_t set_count(uint32_t *max, uint64_t limit, bool raise, uint32_t most)
{
    if (limit > most)
        return raise ? KERN_INVALID_ARGUMENT : KERN_POLICY_LIMIT;
    /* relaxed: it is compared with, and nothing else goes by it */
    uint32_t before = __atomic_load_n(max, __ATOMIC_RELAXED);
    do {
        if (!raise && limit > before)
            return KERN_POLICY_LIMIT;
    } while (!__atomic_compare_exchange_n(max, &before, (uint32_t)limit, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return KERN_SUCCESS;
}

static kern_return_t set_bytes(struct ledger_account *account, uint64_t limit, bool raise)
{
    return ledger_account_limit(account, limit, raise) ? KERN_SUCCESS : KERN_POLICY_LIMIT;
}

static kern_return_t set_limit(struct task *task, natural_t which, uint64_t limit, bool raise)
{
    struct ledger *ledger = task->ledger;

    switch (which) {
    case LIMIT_MEMORY:
        return set_bytes(&ledger->memory, limit, raise);
    case LIMIT_MESSAGES:
        return set_bytes(&ledger->messages, limit, raise);
    case LIMIT_NAMES:
        return set_count(&ledger->names_max, limit, raise, LEDGER_NAMES_MAX);
    case LIMIT_THREADS:
        return set_count(&ledger->threads_max, limit, raise, LEDGER_THREADS_MAX);
    default:
        return KERN_INVALID_ARGUMENT;
    }
}

kern_return_t task_set_limit(task_t task, natural_t which, mach_vm_size_t limit)
{
    return set_limit(task, which, limit, false);
}

kern_return_t host_set_task_limit(host_priv_t host_priv, task_t task, natural_t which, mach_vm_size_t limit)
{
    (void)host_priv; /* who has it may do this */
    return task != NULL ? set_limit(task, which, limit, true) : KERN_INVALID_TASK;
}

/* --- scheduling --- */

/* Threads whose own limit is lower stay as they are. */
static kern_return_t set_policy(struct task *task, const struct sched_policy *policy, bool set_limit,
                                bool change)
{
    if (policy->priority > SCHED_PRIORITY_USER_MAX)
        return KERN_POLICY_LIMIT;
    spin_lock(&task->lock);
    task->priority = policy->priority;
    if (policy->policy != POLICY_NULL)
        task->policy = policy->policy;
    if (change) {
        LIST_FOR_EACH(node, &task->threads)
        (void)sched_set_policy(CONTAINER_OF(node, struct thread, task_link), policy, set_limit);
    }
    spin_unlock(&task->lock);
    return KERN_SUCCESS;
}

kern_return_t task_policy(task_t task, policy_t policy, policy_base_t base, mach_msg_type_number_t count,
                          boolean_t set_limit, boolean_t change)
{
    struct sched_policy wanted;

    kern_return_t kr = service_policy(policy, base, count, &wanted);
    return kr != KERN_SUCCESS ? kr : set_policy(task, &wanted, set_limit, change);
}

kern_return_t task_priority(task_t task, int priority, boolean_t change_threads)
{
    if (priority < 0 || priority > (int)SCHED_PRIORITY_MAX)
        return KERN_INVALID_ARGUMENT;
    return set_policy(task, &(struct sched_policy){.policy = POLICY_NULL, .priority = (unsigned)priority},
                      false, change_threads);
}
