/* SPDX-License-Identifier: BSD-2-Clause */
/* The services of thread ports: include/mach/thread_act.defs, and thread_priority of portolan.defs. */
#include <hal/hal.h>
#include <ipc/port.h>
#include <kern/exception.h>
#include <kern/service.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <mach/policy.h>
#include <mach/portolan_server.h>
#include <mach/thread_act_server.h>
#include <sched/sched.h>

#define QUANTUM_MS_MAX 1000

kern_return_t thread_terminate(thread_act_t thread)
{
    thread_terminate_request(thread);
    return KERN_SUCCESS;
}

kern_return_t thread_get_state(thread_act_t thread, thread_state_flavor_t flavor, thread_state_t state,
                               mach_msg_type_number_t *count)
{
    return thread_state_get(thread, flavor, state, count);
}

kern_return_t thread_set_state(thread_act_t thread, thread_state_flavor_t flavor, thread_state_t state,
                               mach_msg_type_number_t count)
{
    return thread_state_set(thread, flavor, state, count);
}

kern_return_t thread_suspend(thread_act_t thread)
{
    return thread_hold(thread);
}

kern_return_t thread_resume(thread_act_t thread)
{
    return thread_release(thread);
}

kern_return_t thread_abort(thread_act_t thread)
{
    (void)thread_abort_wait(thread);
    return KERN_SUCCESS;
}

kern_return_t thread_abort_safely(thread_act_t thread)
{
    /* every wait can be repeated: a message is either sent or still the sender's, either queued or received
     */
    return thread_abort(thread);
}

kern_return_t thread_depress_abort(thread_act_t thread)
{
    return sched_depress_end(thread) ? KERN_SUCCESS : KERN_NOT_DEPRESSED;
}

/* --- special and exception ports --- */

kern_return_t thread_get_special_port(thread_act_t thread, int which, mach_port_t *port)
{
    if (which != THREAD_KERNEL_PORT)
        return KERN_INVALID_ARGUMENT;
    *port = thread_make_port(thread);
    return *port != NULL ? KERN_SUCCESS : KERN_TERMINATED;
}

kern_return_t thread_set_special_port(thread_act_t thread, int which, mach_port_t port)
{
    (void)thread;
    (void)port;
    if (which != THREAD_KERNEL_PORT)
        return KERN_INVALID_ARGUMENT;
    return KERN_NOT_SUPPORTED; /* a thread always sees its own port */
}

kern_return_t thread_set_exception_ports(thread_act_t thread, exception_mask_t mask, mach_port_t port,
                                         exception_behavior_t behavior, thread_state_flavor_t flavor)
{
    return exception_ports_set(thread->task, thread, mask, port, behavior, flavor, NULL);
}

kern_return_t thread_get_exception_ports(thread_act_t thread, exception_mask_t mask,
                                         exception_mask_array_t masks, mach_msg_type_number_t *count,
                                         exception_handler_array_t ports,
                                         exception_behavior_array_t behaviors,
                                         exception_flavor_array_t flavors)
{
    struct exception_list list = {.mask = masks, .port = ports, .behavior = behaviors, .flavor = flavors};

    kern_return_t kr = exception_ports_get(thread->task, thread, mask, &list);
    *count = list.count;
    return kr;
}

kern_return_t thread_swap_exception_ports(thread_act_t thread, exception_mask_t mask, mach_port_t port,
                                          exception_behavior_t behavior, thread_state_flavor_t flavor,
                                          exception_mask_array_t masks, mach_msg_type_number_t *count,
                                          exception_handler_array_t ports,
                                          exception_behavior_array_t behaviors,
                                          exception_flavor_array_t flavors)
{
    struct exception_list list = {.mask = masks, .port = ports, .behavior = behaviors, .flavor = flavors};

    kern_return_t kr = exception_ports_set(thread->task, thread, mask, port, behavior, flavor, &list);
    *count = list.count;
    return kr;
}

/* --- information --- */

static int run_state(const struct thread *t)
{
    switch (t->state) {
    case THREAD_RUNNING:
    case THREAD_READY:
        return TH_STATE_RUNNING;
    case THREAD_STOPPED:
        return TH_STATE_STOPPED;
    case THREAD_WAITING:
    case THREAD_RECEIVING:
    case THREAD_RECEIVING_TIMED:
        return TH_STATE_WAITING;
    default:
        return TH_STATE_HALTED;
    }
}

static void info_basic(struct thread *t, struct thread_basic_info *info)
{
    *info = (struct thread_basic_info){
        .user_time = time_value_from_ticks(t->run_time),
        .cpu_usage = (integer_t)(t->penalty * TH_USAGE_SCALE / SCHED_PENALTY_MAX),
        .policy = t->policy,
        .run_state = run_state(t),
        .suspend_count = (integer_t)t->suspend_count,
    };
    if (t->state == THREAD_WAITING)
        info->sleep_time = (integer_t)((hal_time_now() - t->stop_time) / hal_info.time_hz);
}

static void info_timeshare(const struct thread *t, struct policy_timeshare_info *info)
{
    *info = (struct policy_timeshare_info){
        .max_priority = (integer_t)t->max_priority,
        .base_priority = (integer_t)t->base_priority,
        .cur_priority = (integer_t)t->priority,
        .depressed = t->depressed,
        .depress_priority = SCHED_PRIORITY_IDLE,
    };
}

static void info_rr(const struct thread *t, struct policy_rr_info *info)
{
    *info = (struct policy_rr_info){
        .max_priority = (integer_t)t->max_priority,
        .base_priority = (integer_t)t->base_priority,
        .quantum = (integer_t)t->quantum_ms,
        .depressed = t->depressed,
        .depress_priority = SCHED_PRIORITY_IDLE,
    };
}

static void info_fifo(const struct thread *t, struct policy_fifo_info *info)
{
    *info = (struct policy_fifo_info){
        .max_priority = (integer_t)t->max_priority,
        .base_priority = (integer_t)t->base_priority,
        .depressed = t->depressed,
        .depress_priority = SCHED_PRIORITY_IDLE,
    };
}

union info {
    struct thread_basic_info basic;
    struct thread_identifier_info identifier;
    struct policy_timeshare_info timeshare;
    struct policy_rr_info rr;
    struct policy_fifo_info fifo;
};

/* Returns the size of what the flavor tells; 0: no such flavor. Context: t->lock held. */
static size_t info_fill(struct thread *t, thread_flavor_t flavor, union info *info)
{
    switch (flavor) {
    case THREAD_BASIC_INFO:
        info_basic(t, &info->basic);
        return sizeof(info->basic);
    case THREAD_IDENTIFIER_INFO:
        info->identifier = (struct thread_identifier_info){.thread_id = t->id};
        return sizeof(info->identifier);
    case THREAD_SCHED_TIMESHARE_INFO:
        info_timeshare(t, &info->timeshare);
        return t->policy == POLICY_TIMESHARE ? sizeof(info->timeshare) : 0;
    case THREAD_SCHED_RR_INFO:
        info_rr(t, &info->rr);
        return t->policy == POLICY_RR ? sizeof(info->rr) : 0;
    case THREAD_SCHED_FIFO_INFO:
        info_fifo(t, &info->fifo);
        return t->policy == POLICY_FIFO ? sizeof(info->fifo) : 0;
    default:
        return 0;
    }
}

kern_return_t thread_info(thread_act_t thread, thread_flavor_t flavor, thread_info_t out,
                          mach_msg_type_number_t *count)
{
    union info info;

    spin_lock(&thread->lock);
    size_t size = info_fill(thread, flavor, &info);
    spin_unlock(&thread->lock);
    return service_info_copy(out, count, &info, size);
}

/* --- scheduling --- */

kern_return_t service_policy(policy_t policy, policy_base_t base, mach_msg_type_number_t count,
                             struct sched_policy *out)
{
    int quantum_ms = SCHED_QUANTUM_MS;

    if (invalid_policy(policy))
        return KERN_INVALID_POLICY;
    if (count != (policy == POLICY_RR ? POLICY_RR_BASE_COUNT : POLICY_FIFO_BASE_COUNT))
        return KERN_INVALID_ARGUMENT;
    if (policy == POLICY_RR)
        quantum_ms = base[1];
    if (base[0] < 0 || base[0] > (int)SCHED_PRIORITY_MAX || quantum_ms < 1 || quantum_ms > QUANTUM_MS_MAX)
        return KERN_INVALID_ARGUMENT;
    *out = (struct sched_policy){policy, (unsigned)base[0], (uint32_t)quantum_ms};
    return KERN_SUCCESS;
}

kern_return_t thread_policy(thread_act_t thread, policy_t policy, policy_base_t base,
                            mach_msg_type_number_t count, boolean_t set_limit)
{
    struct sched_policy wanted;

    kern_return_t kr = service_policy(policy, base, count, &wanted);
    return kr != KERN_SUCCESS ? kr : sched_set_policy(thread, &wanted, set_limit);
}

kern_return_t thread_priority(thread_act_t thread, int priority, boolean_t set_max)
{
    if (priority < 0 || priority > (int)SCHED_PRIORITY_MAX)
        return KERN_INVALID_ARGUMENT;
    return sched_set_policy(
        thread, &(struct sched_policy){.policy = POLICY_NULL, .priority = (unsigned)priority}, set_max);
}
