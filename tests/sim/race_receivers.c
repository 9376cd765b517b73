/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread waits for a message alone, as the short paths have it, and another comes to wait beside it: the first becomes an
 * ordinary waiter at that moment.  Whoever ends its wait just then (its own timeout, thread_abort, thread_terminate) finds it
 * all the same.  So it is on a port, and on a set that the port is in.
 */
#include "driver.h"
#include "user.h"

#include <mach/rpc.h>

#define ROUNDS 8u
#define PATIENCE_MS 400u

enum ending { TIMEOUT, ABORT, TERMINATE, ENDINGS };

static struct {
    mach_port_t port; /* or set */
    uint32_t ready;   /* waiters about to wait */
} r;

static void wait_registers(uint64_t unused)
{
    struct sim_rpc m = {.local = r.port};

    (void)unused;
    __atomic_add_fetch(&r.ready, 1, __ATOMIC_ACQ_REL);
    const uint64_t result = sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m);
    SIM_CHECK((uint32_t)result == MACH_RCV_INTERRUPTED);
    user_thread_exit();
}

static void wait_in_time(uint64_t unused)
{
    struct {
        mach_msg_header_t head;
        mach_msg_max_trailer_t trailer;
    } m;

    (void)unused;
    __atomic_add_fetch(&r.ready, 1, __ATOMIC_ACQ_REL);
    const mach_msg_return_t mr =
        mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(m), r.port, 1, MACH_PORT_NULL);
    SIM_CHECK(mr == MACH_RCV_TIMED_OUT);
    user_thread_exit();
}

static void thread_release(mach_port_t thread)
{
    SIM_CHECK(mach_port_mod_refs(mach_task_self(), thread, MACH_PORT_RIGHT_DEAD_NAME, -1) == KERN_SUCCESS);
}

/* Wait until the thread is gone. */
static void thread_gone(mach_port_t thread)
{
    mach_port_type_t type = 0;

    for (uint32_t ms = 0; type != MACH_PORT_TYPE_DEAD_NAME; ms++) {
        SIM_CHECK(ms < PATIENCE_MS);
        user_sleep(1);
        SIM_CHECK(mach_port_type(mach_task_self(), thread, &type) == KERN_SUCCESS);
    }
    thread_release(thread);
}

static void thread_waits(mach_port_t thread)
{
    struct thread_basic_info info = {.run_state = 0};

    for (uint32_t ms = 0; info.run_state != TH_STATE_WAITING; ms++) {
        mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
        SIM_CHECK(ms < PATIENCE_MS);
        user_sleep(1);
        SIM_CHECK(thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count) == KERN_SUCCESS);
    }
}

static mach_port_t waiter_start(sim_program_t program, uint32_t number)
{
    mach_port_t thread;

    SIM_CHECK(user_thread_start(mach_task_self(), program, 0, &thread) == KERN_SUCCESS);
    while (__atomic_load_n(&r.ready, __ATOMIC_ACQUIRE) < number)
        user_yield();
    return thread;
}

static void round_run(enum ending ending)
{
    r.ready = 0;
    const mach_port_t first = waiter_start(ending == TIMEOUT ? wait_in_time : wait_registers, 1);
    if (ending != TIMEOUT)
        thread_waits(first);
    const mach_port_t second = waiter_start(wait_registers, 2);
    if (ending == ABORT)
        SIM_CHECK(thread_abort(first) == KERN_SUCCESS);
    else if (ending == TERMINATE)
        SIM_CHECK(thread_terminate(first) == KERN_SUCCESS);
    thread_gone(first);
    SIM_CHECK(thread_terminate(second) == KERN_SUCCESS);
    thread_gone(second);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);

    SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &r.port) == KERN_SUCCESS);
    for (unsigned i = 0; i < ROUNDS / 2 * ENDINGS; i++)
        round_run(i % ENDINGS);
    mach_port_t member = r.port;
    SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &r.port) == KERN_SUCCESS);
    SIM_CHECK(mach_port_move_member(mach_task_self(), member, r.port) == KERN_SUCCESS);
    for (unsigned i = 0; i < ROUNDS / 2 * ENDINGS; i++)
        round_run(i % ENDINGS);
    user_power_off(host_priv);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {{.name = "receivers", .program = first_program}};

    return driver_main(argc, argv, table, 1);
}
