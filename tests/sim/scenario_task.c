/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: tasks, threads and their scheduling (task.defs, thread_act.defs). */
#include "scenario_run.h"

#include <mach/policy.h>

static mach_port_t self(void)
{
    return mach_task_self();
}

static void idle_forever(uint64_t arg)
{
    (void)arg;
    for (;;)
        scenario_sleep(50);
}

static void spin_forever(uint64_t arg)
{
    (void)arg;
    for (;;)
        sim_step();
}

static volatile uint64_t steps;

static void count_steps(uint64_t limit)
{
    while (__atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED) < limit)
        sim_step();
}

/* --- tasks --- */

static void task_life(void)
{
    mach_port_t task = scenario_task(), special = 0, port = scenario_port_send();
    struct task_basic_info basic;
    struct task_thread_times_info times;
    mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;

    CALL(task_info(task, TASK_BASIC_INFO, (task_info_t)&basic, &count));
    SIM_CHECK(basic.virtual_size == 0 && basic.suspend_count == 0);
    count = TASK_THREAD_TIMES_INFO_COUNT;
    CALL(task_info(task, TASK_THREAD_TIMES_INFO, (task_info_t)&times, &count));
    CALL_IS(KERN_INVALID_ARGUMENT, task_info(task, 99, (task_info_t)&basic, &count));
    CALL(task_set_special_port(task, TASK_BOOTSTRAP_PORT, port));
    CALL(task_get_special_port(task, TASK_BOOTSTRAP_PORT, &special));
    SIM_CHECK(special == port);
    scenario_release(special);
    CALL(task_get_special_port(task, TASK_KERNEL_PORT, &special));
    SIM_CHECK(special == task);
    scenario_release(special);
    CALL(task_get_special_port(task, TASK_HOST_PORT, &special));
    scenario_release(special);
    CALL(task_suspend(task));
    CALL(task_resume(task));
    CALL_IS(KERN_FAILURE, task_resume(task));
    CALL(task_terminate(task));
    CALL_IS(MACH_SEND_INVALID_DEST, task_suspend(task)); /* its port is dead */
    scenario_release(task);
    scenario_port_end(port);
}

/* Threads of a task are suspended and resumed with it, and end with it: waiting, spinning, not started. */
static void task_many_threads(void)
{
    struct scenario_thread sleeper, spinner, stopped;
    mach_port_t task = scenario_task(), raw = 0;

    scenario_thread_start(&sleeper, task, idle_forever, 0);
    scenario_thread_start(&spinner, task, spin_forever, 0);
    CALL(task_suspend(task));
    scenario_thread_start(&stopped, task, spin_forever, 0); /* is held from its start */
    CALL(thread_create(task, &raw));
    scenario_sleep(3);
    CALL(task_resume(task));
    scenario_sleep(1);
    CALL(task_suspend(task));
    scenario_task_end(task);
    scenario_release(sleeper.thread);
    scenario_release(spinner.thread);
    scenario_release(stopped.thread);
    scenario_release(raw);
}

/* The stack is not inherited: or else there might be no memory for this task's own copy of it, and the answer that should be
 * written to it, with the right to the child, would be lost. */
static void task_inherits(void)
{
    const mach_vm_size_t all = UINT64_C(1) << 60;
    mach_vm_address_t shared = 0, copied = 0, none = 0;
    mach_port_t child = 0;
    uint8_t byte[4096];
    mach_msg_type_number_t count = sizeof(byte);

    CALL(mach_vm_allocate(self(), &shared, 3 * 4096, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_allocate(self(), &copied, 3 * 4096, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_allocate(self(), &none, 4096, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_inherit(self(), 0, all, VM_INHERIT_NONE));
    CALL(mach_vm_inherit(self(), shared, 3 * 4096, VM_INHERIT_SHARE));
    CALL(mach_vm_inherit(self(), copied, 3 * 4096, VM_INHERIT_COPY));
    sim_store8(shared + 4096, 1);
    sim_store8(copied + 8192, 2);
    CALL(task_create(self(), TRUE, &child));
    sim_store8(shared + 4096, 3);
    sim_store8(shared, 5);
    sim_store8(copied + 8192, 4);
    CALL(mach_vm_read_inband(child, shared + 4096, 1, byte, &count));
    SIM_CHECK(byte[0] == 3);
    CALL(mach_vm_read_inband(child, shared, 1, byte, &count));
    SIM_CHECK(byte[0] == 5);
    CALL(mach_vm_read_inband(child, copied + 8192, 1, byte, &count));
    SIM_CHECK(byte[0] == 2);
    CALL_IS(KERN_INVALID_ADDRESS, mach_vm_read_inband(child, none, 1, byte, &count));
    CALL(mach_vm_deallocate(self(), shared, 4096));
    CALL(mach_vm_deallocate(child, shared, 3 * 4096));
    scenario_task_end(child);
    CALL(mach_vm_deallocate(self(), shared, 3 * 4096));
    CALL(mach_vm_deallocate(self(), copied, 3 * 4096));
    CALL(mach_vm_deallocate(self(), none, 4096));
    CALL(mach_vm_inherit(self(), 0, all, VM_INHERIT_DEFAULT));
}

/* A task that suspends itself, and one that ends itself. */
static void end_own_task(uint64_t arg)
{
    (void)arg;
    for (;;)
        (void)task_terminate(mach_task_self());
}

static void task_ends_itself(void)
{
    struct scenario_thread other, ender;
    mach_port_t task = scenario_task();

    scenario_thread_start(&other, task, spin_forever, 0);
    scenario_thread_start(&ender, task, end_own_task, 0);
    scenario_task_gone(task);
    scenario_release(other.thread);
    scenario_release(ender.thread);
}

/* --- threads --- */

static void thread_state(void)
{
    struct scenario_thread t;
    struct riscv64_thread_state state;
    mach_msg_type_number_t count = RISCV64_THREAD_STATE_COUNT;
    struct thread_identifier_info id;
    mach_port_t special = 0;

    scenario_thread_start(&t, self(), spin_forever, 0);
    scenario_sleep(1);
    CALL(thread_suspend(t.thread));
    CALL(thread_suspend(t.thread));
    CALL(thread_get_state(t.thread, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state, &count));
    CALL_IS(KERN_INVALID_ARGUMENT, thread_set_state(t.thread, 77, (thread_state_t)&state, count));
    CALL(thread_set_state(t.thread, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state, count));
    CALL(thread_resume(t.thread));
    CALL(thread_resume(t.thread));
    CALL_IS(KERN_FAILURE, thread_resume(t.thread));
    count = THREAD_IDENTIFIER_INFO_COUNT;
    CALL(thread_info(t.thread, THREAD_IDENTIFIER_INFO, (thread_info_t)&id, &count));
    CALL(thread_get_special_port(t.thread, THREAD_KERNEL_PORT, &special));
    SIM_CHECK(special == t.thread);
    CALL_IS(KERN_NOT_SUPPORTED, thread_set_special_port(t.thread, THREAD_KERNEL_PORT, special));
    scenario_release(special);
    scenario_thread_kill(&t);
}

/* Suspended while it waits, aborted while it is suspended. */
static void thread_abort_suspended(void)
{
    struct scenario_thread t;

    scenario_thread_start(&t, self(), idle_forever, 0);
    scenario_thread_until(&t, TH_STATE_WAITING);
    CALL(thread_suspend(t.thread));
    CALL(thread_abort(t.thread));
    CALL(thread_abort_safely(t.thread));
    CALL(thread_resume(t.thread));
    scenario_thread_kill(&t);
}

static void thread_policies(void)
{
    struct scenario_thread t, u;
    struct policy_rr_info rr;
    mach_msg_type_number_t count = POLICY_RR_INFO_COUNT;
    integer_t base[2] = {10, 5};

    steps = 0;
    scenario_thread_start(&t, self(), count_steps, 4000);
    scenario_thread_start(&u, self(), count_steps, 4000);
    CALL(thread_policy(t.thread, POLICY_RR, base, POLICY_RR_BASE_COUNT, FALSE));
    CALL(thread_info(t.thread, THREAD_SCHED_RR_INFO, (thread_info_t)&rr, &count));
    SIM_CHECK(rr.base_priority == 10 && rr.quantum == 5);
    CALL(thread_policy(u.thread, POLICY_FIFO, base, POLICY_FIFO_BASE_COUNT, FALSE));
    CALL(thread_priority(t.thread, 16, FALSE));
    CALL_IS(KERN_POLICY_LIMIT, thread_priority(t.thread, 30, FALSE));
    CALL_IS(KERN_INVALID_ARGUMENT, thread_priority(t.thread, 40, FALSE));
    CALL_IS(KERN_INVALID_POLICY, thread_policy(t.thread, 3, base, 1, FALSE));
    CALL(task_priority(self(), 15, FALSE));
    CALL(thread_policy(u.thread, POLICY_TIMESHARE, base, POLICY_TIMESHARE_BASE_COUNT, TRUE));
    CALL_IS(KERN_POLICY_LIMIT, thread_priority(u.thread, 11, FALSE));
    CALL(task_policy(self(), POLICY_TIMESHARE, (integer_t[]){15}, POLICY_TIMESHARE_BASE_COUNT, FALSE, FALSE));
    scenario_thread_join(&t);
    scenario_thread_join(&u);
}

#define LOOKS 100u /* more exits of the kernel than there are between two audits */

/* A new thread has its task's priority, before it runs and afterwards. */
static void thread_inherits_priority(void)
{
    const integer_t priority = 9;
    struct policy_timeshare_info info;
    mach_msg_type_number_t count = POLICY_TIMESHARE_INFO_COUNT;
    mach_port_t task = scenario_task(), thread = 0;

    CALL(task_priority(task, priority, FALSE));
    CALL(thread_create(task, &thread));
    for (unsigned i = 0; i < LOOKS; i++)
        CALL(thread_info(thread, THREAD_SCHED_TIMESHARE_INFO, (thread_info_t)&info, &count));
    SIM_CHECK(info.base_priority == priority && info.cur_priority == priority);
    CALL(thread_terminate(thread));
    scenario_release(thread);
    scenario_task_end(task);
}

static void depress(uint64_t arg)
{
    (void)arg;
    (void)sim_trap(MACH_TRAP_THREAD_SWITCH, MACH_PORT_NULL, SWITCH_OPTION_DEPRESS, 10000, 0, 0, 0, 0);
    for (;;)
        sim_step();
}

static void thread_switches(void)
{
    struct scenario_thread t, u;
    struct policy_timeshare_info info = {.depressed = FALSE};
    mach_msg_type_number_t count;

    scenario_thread_start(&t, self(), spin_forever, 0);
    scenario_thread_start(&u, self(), depress, 0);
    for (unsigned i = 0; !info.depressed; i++) {
        SIM_CHECK(i < 5000);
        SIM_CHECK(sim_trap(MACH_TRAP_THREAD_SWITCH, i % 2 ? t.thread : u.thread, SWITCH_OPTION_NONE, 0, 0, 0,
                           0, 0) == KERN_SUCCESS);
        count = POLICY_TIMESHARE_INFO_COUNT;
        CALL(thread_info(u.thread, THREAD_SCHED_TIMESHARE_INFO, (thread_info_t)&info, &count));
    }
    SIM_CHECK((kern_return_t)sim_trap(MACH_TRAP_THREAD_SWITCH, self(), SWITCH_OPTION_NONE, 0, 0, 0, 0, 0) ==
              KERN_INVALID_ARGUMENT);
    CALL(thread_depress_abort(u.thread));
    CALL_IS(KERN_NOT_DEPRESSED, thread_depress_abort(u.thread));
    scenario_thread_kill(&u);
    scenario_thread_kill(&t);
}

/* Who is to be told of a task's exceptions: one handler of two kinds, then none. */
static void task_handlers(void)
{
    const exception_mask_t both = EXC_MASK_SOFTWARE | EXC_MASK_BREAKPOINT;
    mach_port_t task = scenario_task(), handler = scenario_port_send();
    exception_mask_t masks[EXC_TYPES_COUNT];
    mach_port_t handlers[EXC_TYPES_COUNT];
    int behaviors[EXC_TYPES_COUNT], flavors[EXC_TYPES_COUNT];
    mach_msg_type_number_t count = EXC_TYPES_COUNT;

    CALL(task_set_exception_ports(task, both, handler, EXCEPTION_DEFAULT, 0));
    for (unsigned i = 0; i < 2; i++) {
        CALL(task_get_exception_ports(task, both, masks, &count, handlers, behaviors, flavors));
        SIM_CHECK(count == 1 && masks[0] == both && handlers[0] == handler);
        scenario_release(handlers[0]);
    }
    CALL(task_swap_exception_ports(task, both, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0, masks, &count, handlers,
                                   behaviors, flavors));
    SIM_CHECK(count == 1 && handlers[0] == handler && behaviors[0] == EXCEPTION_DEFAULT && flavors[0] == 0);
    scenario_release(handlers[0]);
    CALL(task_get_exception_ports(task, both, masks, &count, handlers, behaviors, flavors));
    SIM_CHECK(count == 1 && handlers[0] == MACH_PORT_NULL);
    scenario_task_end(task);
    scenario_port_end(handler);
}

static void use_vectors(uint64_t arg)
{
    for (uint64_t i = 0; i < 40; i++) {
        sim_fp_set(3, arg + i);
        user_yield();
        SIM_CHECK(sim_fp_get(3) == arg + i);
    }
}

/* Threads with vector state, on whatever CPU. */
static void thread_vectors(void)
{
    struct scenario_thread t[3];

    for (unsigned i = 0; i < 3; i++)
        scenario_thread_start(&t[i], self(), use_vectors, 1000 * i);
    for (unsigned i = 0; i < 3; i++)
        scenario_thread_join(&t[i]);
}

const struct scenario scenarios_task[] = {
    {"task_life", task_life},
    {"task_many_threads", task_many_threads},
    {"task_inherits", task_inherits},
    {"task_ends_itself", task_ends_itself},
    {"task_handlers", task_handlers},
    {"thread_state", thread_state},
    {"thread_abort_suspended", thread_abort_suspended},
    {"thread_policies", thread_policies},
    {"thread_inherits_priority", thread_inherits_priority},
    {"thread_switches", thread_switches},
    {"thread_vectors", thread_vectors},
    {NULL, NULL},
};
