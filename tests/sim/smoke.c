/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated machine itself: programs that boot, trap, use memory, messages, registers and time on it, each twice, for
 * one seed means one course of events; and machines that must fail, each in its way.
 */
#include "driver.h"
#include "user.h"

#include <mach/exception_types.h>
#include <mach/rpc.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 40u
#define ID 77

/* ---- checks of a result ---- */

/* It went well, and goes the same way again. */
static bool same_again(const struct sim_config *config, const struct sim_result *result)
{
    if (result->end != SIM_POWEROFF)
        return false;
    if (!sim_deterministic())
        return true;
    struct sim_result again = sim_run(config);
    if (again.hash == result->hash && again.steps == result->steps &&
        again.console_size == result->console_size)
        return true;
    (void)fprintf(stderr, "the second run differs: hash %lx, not %lx\n", (unsigned long)again.hash,
                  (unsigned long)result->hash);
    return false;
}

static bool is_stuck(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    return result->end == SIM_STUCK;
}

static bool is_panic(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    return result->end == SIM_PANIC && strncmp(result->message, "panic: no program", 17) == 0;
}

static bool is_failed(const struct sim_config *config, const struct sim_result *result)
{
    (void)config;
    return result->end == SIM_FAILED && strcmp(result->message, "as it should") == 0;
}

/* ---- what the programs share ---- */

static struct {
    mach_port_t port[2]; /* receive rights of the first task, with send rights */
    mach_port_t child;   /* name of a send right for port[0] in a second task */
    unsigned done;       /* threads that came to their end */
} shared;

static mach_port_t new_port(void)
{
    mach_port_t port;

    SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    return port;
}

static mach_port_t begin(uint64_t arg)
{
    mach_port_t host_priv = user_start(arg);

    memset(&shared, 0, sizeof shared);
    shared.port[0] = new_port();
    shared.port[1] = new_port();
    return host_priv;
}

static void wait_done(unsigned threads)
{
    while (__atomic_load_n(&shared.done, __ATOMIC_ACQUIRE) < threads)
        user_yield();
}

static void done(void)
{
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* ---- programs ---- */

static void run_boot(uint64_t arg)
{
    mach_port_t host_priv = user_start(arg);

    sim_print(user_window(), "smoke: %s\n", "hello");
    user_power_off(host_priv);
}

struct message {
    mach_msg_header_t head;
    uint64_t word;
};

static void sender(uint64_t to)
{
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct message m = {{.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
                             .msgh_size = sizeof m,
                             .msgh_remote_port = (mach_port_t)to,
                             .msgh_id = ID},
                            i};
        SIM_CHECK(mach_msg(&m.head, MACH_SEND_MSG, sizeof m, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) ==
                  MACH_MSG_SUCCESS);
    }
    done();
}

/* One sender in this task, one in another; each one's messages arrive in their order. */
static void run_messages(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);
    mach_port_t task;
    uint64_t sum = 0;

    SIM_CHECK(task_create(mach_task_self(), false, &task) == KERN_SUCCESS);
    shared.child = 0x1003;
    SIM_CHECK(mach_port_insert_right(task, shared.child, shared.port[0], MACH_MSG_TYPE_COPY_SEND) ==
              KERN_SUCCESS);
    SIM_CHECK(user_thread_start(task, sender, shared.child, NULL) == KERN_SUCCESS);
    SIM_CHECK(user_thread_start(mach_task_self(), sender, shared.port[0], NULL) == KERN_SUCCESS);
    for (unsigned i = 0; i < 2 * ROUNDS; i++) {
        struct {
            struct message m;
            mach_msg_max_trailer_t trailer;
        } r;
        SIM_CHECK(mach_msg(&r.m.head, MACH_RCV_MSG, 0, sizeof r, shared.port[0], 0, MACH_PORT_NULL) ==
                  MACH_MSG_SUCCESS);
        SIM_CHECK(r.m.head.msgh_id == ID && r.m.head.msgh_size == sizeof r.m);
        sum += r.m.word;
    }
    SIM_CHECK(sum == ROUNDS * (ROUNDS - 1));
    wait_done(2);
    SIM_CHECK(task_terminate(task) == KERN_SUCCESS);
    user_power_off(host_priv);
}

static void server(uint64_t arg)
{
    struct sim_rpc m = {.local = shared.port[0]};

    (void)arg;
    for (;;) {
        SIM_CHECK(sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m) == MACH_MSG_SUCCESS);
        for (unsigned i = 0; i < MACH_RPC_WORDS; i++)
            m.word[i] = ~m.word[i];
        m.local = shared.port[0];
    }
}

static void client(uint64_t arg)
{
    struct rv64_regs *r = sim_registers();

    r->x[9] = r->x[27] = arg; /* callee-saved: kept over traps */
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct sim_rpc m = {
            .remote = shared.port[0], .local = (uint32_t)arg, .header = MACH_RPC_HEADER(ID, MACH_RPC_WORDS)};
        for (uint64_t i = 0; i < MACH_RPC_WORDS; i++)
            m.word[i] = round << 8 | i;
        SIM_CHECK(sim_trap_rpc(MACH_TRAP_RPC_CALL, &m) == MACH_MSG_SUCCESS);
        for (uint64_t i = 0; i < MACH_RPC_WORDS; i++)
            SIM_CHECK(m.word[i] == ~(round << 8 | i));
        r = sim_registers();
        SIM_CHECK(r->x[9] == arg && r->x[27] == arg && r->x[1] == 0 && r->x[5] == 0 && r->x[31] == 0);
    }
    done();
}

static void run_rpc(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);

    SIM_CHECK(user_thread_start(mach_task_self(), server, 0, NULL) == KERN_SUCCESS);
    SIM_CHECK(user_thread_start(mach_task_self(), client, shared.port[1], NULL) == KERN_SUCCESS);
    SIM_CHECK(user_thread_start(mach_task_self(), client, new_port(), NULL) == KERN_SUCCESS);
    wait_done(2);
    user_power_off(host_priv);
}

static uint64_t uptime_ns(void)
{
    time_value64_t t;

    SIM_CHECK(host_get_uptime64(mach_host_self(), &t) == KERN_SUCCESS);
    return (uint64_t)t.seconds * 1000000000 + (uint64_t)t.nanoseconds;
}

static void run_time(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);
    struct message m;
    uint64_t before = uptime_ns();

    SIM_CHECK(mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof m, shared.port[0], 50,
                       MACH_PORT_NULL) == MACH_RCV_TIMED_OUT);
    SIM_CHECK(uptime_ns() - before >= 50000000 && uptime_ns() - before < 1000000000);
    user_power_off(host_priv);
}

static void run_memory(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);
    mach_vm_address_t va = 0;
    const mach_vm_size_t size = 40 * 4096;

    for (uint64_t turn = 1; turn < 6; turn++) {
        SIM_CHECK(mach_vm_allocate(mach_task_self(), &va, size, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
        for (uint64_t i = 0; i < size; i += 1096) {
            SIM_CHECK(sim_load8(va + i) == 0);
            sim_store8(va + i, (uint8_t)(turn + i));
        }
        for (uint64_t i = 0; i < size; i += 1096)
            SIM_CHECK(sim_load8(va + i) == (uint8_t)(turn + i));
        SIM_CHECK(mach_vm_deallocate(mach_task_self(), va, size) == KERN_SUCCESS);
    }
    user_power_off(host_priv);
}

/* ---- what TLBs must forget ---- */

#define REGION 0x10000000u
#define TABLE_SPAN 0x200000u /* what a table of level 0 covers */

static void map_at(mach_port_t task, uint64_t va, mach_vm_size_t size)
{
    mach_vm_address_t at = va;

    SIM_CHECK(mach_vm_allocate(task, &at, size, VM_FLAGS_FIXED) == KERN_SUCCESS && at == va);
}

static void writer(uint64_t va)
{
    for (;;)
        sim_store64(va, sim_load64(va) + 1);
}

/* A page that becomes read-only is so on the CPU where another thread writes to it. */
static void run_shootdown(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);

    for (unsigned turn = 0; turn < 4; turn++) {
        char exception[512];
        mach_port_t thread;
        map_at(mach_task_self(), REGION, 4096);
        SIM_CHECK(user_thread_start(mach_task_self(), writer, REGION, &thread) == KERN_SUCCESS);
        SIM_CHECK(thread_set_exception_ports(thread, EXC_MASK_BAD_ACCESS, shared.port[0], EXCEPTION_DEFAULT,
                                             RISCV64_THREAD_STATE) == KERN_SUCCESS);
        while (sim_load64(REGION) < 10)
            user_yield();
        SIM_CHECK(mach_vm_protect(mach_task_self(), REGION, 4096, false, VM_PROT_READ) == KERN_SUCCESS);
        uint64_t last = sim_load64(REGION);
        SIM_CHECK(mach_msg((mach_msg_header_t *)(void *)exception, MACH_RCV_MSG, 0, sizeof exception,
                           shared.port[0], 0, MACH_PORT_NULL) == MACH_MSG_SUCCESS);
        SIM_CHECK(sim_load64(REGION) == last);
        SIM_CHECK(thread_terminate(thread) == KERN_SUCCESS);
        SIM_CHECK(mach_vm_deallocate(mach_task_self(), REGION, 4096) == KERN_SUCCESS);
    }
    user_power_off(host_priv);
}

#define TASKS 14u /* more than ASIDs of 3 bits */

static void owner(uint64_t arg)
{
    uint64_t va = arg - arg % 4096;

    for (unsigned round = 0; round < 12; round++) {
        SIM_CHECK(sim_load64(va) == (round == 0 ? 0 : arg));
        sim_store64(va, arg);
        if (sim_random() % 4 == 0)
            user_sleep(1);
        else
            user_yield();
    }
    done();
}

/* Each task sees its own page at an address that all use. */
static void run_tasks(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);

    for (uint64_t i = 1; i <= TASKS; i++) {
        mach_port_t task;
        SIM_CHECK(task_create(mach_task_self(), false, &task) == KERN_SUCCESS);
        map_at(task, REGION, 4096);
        SIM_CHECK(user_thread_start(task, owner, REGION + i, NULL) == KERN_SUCCESS);
    }
    wait_done(TASKS);
    user_power_off(host_priv);
}

/* What was a page table becomes a page of data, and the other way round. */
static void run_tables(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);

    for (uint64_t turn = 0; turn < 12; turn++) {
        for (uint64_t i = 0; i < 3; i++) {
            uint64_t va = REGION + (turn + i) % 4 * TABLE_SPAN;
            map_at(mach_task_self(), va, 4 * 4096);
            for (uint64_t at = va; at < va + 4 * 4096; at += 8 * 64) {
                SIM_CHECK(sim_load64(at) == 0);
                sim_store64(at, UINT64_MAX / 3);
            }
        }
        for (uint64_t i = 0; i < 3; i++)
            SIM_CHECK(mach_vm_deallocate(mach_task_self(), REGION + (turn + i) % 4 * TABLE_SPAN, 4 * 4096) ==
                      KERN_SUCCESS);
    }
    user_power_off(host_priv);
}

/* ---- registers ---- */

static void float_user(uint64_t arg)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < 32; i++)
            sim_fp_set(i, arg << 32 | round << 8 | i);
        for (unsigned i = 0; i < 32; i++) { /* no trap in between: it may not keep them */
            SIM_CHECK(sim_fp_get(i) == (arg << 32 | round << 8 | i));
            sim_step();
        }
    }
    done();
}

static void run_float(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);

    for (uint64_t i = 1; i <= 3; i++)
        SIM_CHECK(user_thread_start(mach_task_self(), float_user, i, NULL) == KERN_SUCCESS);
    wait_done(3);
    user_power_off(host_priv);
}

static void waiter(uint64_t arg)
{
    (void)arg;
    for (;;)
        user_sleep(1000000);
}

static void restarted(uint64_t arg)
{
    SIM_CHECK(arg == 5);
    done();
}

/* A thread that is given another pc goes on there. */
static void run_restart(uint64_t arg)
{
    mach_port_t host_priv = begin(arg);
    mach_port_t thread;
    struct riscv64_thread_state state;
    mach_msg_type_number_t count = RISCV64_THREAD_STATE_COUNT;

    SIM_CHECK(user_thread_start(mach_task_self(), waiter, 0, &thread) == KERN_SUCCESS);
    user_sleep(1);
    SIM_CHECK(thread_suspend(thread) == KERN_SUCCESS && thread_abort(thread) == KERN_SUCCESS);
    SIM_CHECK(thread_get_state(thread, RISCV64_THREAD_STATE, (thread_state_t)&state, &count) == KERN_SUCCESS);
    state.pc = sim_program_pc(restarted);
    state.a0 = 5;
    kern_return_t kr;
    while ((kr = thread_set_state(thread, RISCV64_THREAD_STATE, (thread_state_t)&state, count)) ==
           KERN_FAILURE)
        user_yield(); /* it has not left the kernel yet */
    SIM_CHECK(kr == KERN_SUCCESS);
    SIM_CHECK(thread_resume(thread) == KERN_SUCCESS);
    wait_done(1);
    user_power_off(host_priv);
}

static void run_wait_for_ever(uint64_t arg)
{
    struct message m;

    (void)begin(arg);
    (void)mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof m, shared.port[0], 0, MACH_PORT_NULL);
}

static void run_fail(uint64_t arg)
{
    (void)arg;
    sim_fail("as it should");
}

/* ---- machines ---- */

static void without_fast_path(struct sim_config *config)
{
    config->fast_path = false;
}

static void with_fast_path(struct sim_config *config)
{
    config->fast_path = true;
}

static void with_nothing(struct sim_config *config)
{
    config->archive = "no archive";
    config->archive_size = sizeof "no archive";
}

static void with_few_asids(struct sim_config *config)
{
    config->asid_bits = 3;
}

static void quiet(void *user)
{
    (void)user;
    for (uint32_t i = 0; i < sim_cpu_count(); i++)
        SIM_CHECK(sim_cpu_view(i).mode != SIM_CPU_KERNEL);
}

static void with_quiet(struct sim_config *config)
{
    config->quiet = quiet;
    config->quiet_every = 7;
}

static const struct driver_scenario table[] = {
    {.name = "boot", .program = run_boot, .check = same_again},
    {.name = "messages", .program = run_messages, .check = same_again},
    {.name = "messages-quiet", .program = run_messages, .configure = with_quiet, .check = same_again},
    {.name = "rpc", .program = run_rpc, .configure = with_fast_path, .check = same_again},
    {.name = "rpc-slow", .program = run_rpc, .configure = without_fast_path, .check = same_again},
    {.name = "time", .program = run_time, .check = same_again},
    {.name = "memory", .program = run_memory, .check = same_again},
    {.name = "shootdown", .program = run_shootdown, .check = same_again},
    {.name = "tasks", .program = run_tasks, .configure = with_few_asids, .check = same_again},
    {.name = "tables", .program = run_tables, .check = same_again},
    {.name = "float", .program = run_float, .check = same_again},
    {.name = "restart", .program = run_restart, .check = same_again},
    {.name = "finds-stuck", .program = run_wait_for_ever, .check = is_stuck, .deterministic = true},
    {.name = "finds-panic", .program = run_boot, .configure = with_nothing, .check = is_panic},
    {.name = "finds-failure", .program = run_fail, .check = is_failed},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
