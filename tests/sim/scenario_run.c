/* SPDX-License-Identifier: BSD-2-Clause */
/* Running scenarios: the first program of the machine, and what the bodies have in common. */
#include "scenario_run.h"

#include <mach/exc_server.h>
#include <stddef.h>
#include <string.h>

#include "audit.h"

#define TRIES_MAX 4u
#define SETTLE_MAX 400u
#define WAIT_MAX 2000u
#define THREAD_TOUCHED 8192u

static struct {
    const struct scenario *scenario;
    mach_port_t device_master;
    struct scenario_options options;
    bool second; /* the pass that counts */
    uint64_t quiet;
    struct audit_counts counts; /* at the last quiet moment */
    mach_port_t keeper;
} run;

/* --- quiet moments --- */

static void quiet(void *user)
{
    struct audit_finding finding;

    (void)user;
    if (run.second && run.options.quiet != NULL)
        run.options.quiet();
    else if (!audit_kernel(&finding))
        sim_fail("audit: %s: %s", finding.check, finding.text);
    audit_count(&run.counts);
    run.quiet++;
}

static void counts_now(struct audit_counts *counts)
{
    for (uint64_t number = run.quiet; run.quiet == number;)
        user_yield();
    *counts = run.counts;
}

/* Wait until the kernel has done what goes on behind a program's back, and what is in use does not change any more. */
static void settle(struct audit_counts *counts)
{
    char text[128];
    struct audit_counts last;

    for (unsigned i = 0; i < SETTLE_MAX; i++) {
        counts_now(&last);
        scenario_sleep(2);
        counts_now(counts);
        if (audit_counts_equal(&last, counts, text, sizeof(text)))
            return;
    }
    sim_fail("%s: memory in use does not settle: %s", run.scenario->name, text);
}

static void settle_to(const struct audit_counts *before)
{
    char text[128];
    struct audit_counts now;

    for (unsigned i = 0; i < SETTLE_MAX; i++) {
        counts_now(&now);
        if (audit_counts_equal(before, &now, text, sizeof(text)))
            return;
        scenario_sleep(2);
    }
    sim_fail("%s: leak: %s", run.scenario->name, text);
}

/* --- calls --- */

mach_port_t scenario_device_master(void)
{
    return run.device_master;
}

bool scenario_fails(void)
{
    return run.options.fail_alloc != 0 || run.options.fail_copy != 0;
}

/* What a call may answer when memory is short: for itself, for its message, or for the answer. */
static bool is_shortage(kern_return_t kr)
{
    switch (kr) {
    case KERN_RESOURCE_SHORTAGE:
    case MACH_SEND_NO_BUFFER:
    case MACH_SEND_INVALID_DATA: /* the buffer can't be made resident */
    case MIG_SERVER_DIED:        /* no memory for the answer */
        return true;
    default:
        return false;
    }
}

bool scenario_again(kern_return_t kr, unsigned *tries)
{
    return scenario_fails() && is_shortage(kr) && ++*tries < TRIES_MAX;
}

void scenario_check(kern_return_t kr, kern_return_t expected, const char *call, const char *file, int line)
{
    if (kr != expected)
        sim_fail("%s:%d: %s: 0x%x, not 0x%x", file, line, call, (unsigned)kr, (unsigned)expected);
}

/* --- the keeper --- */

/*
 * A page fault that finds no memory is an exception.  This thread answers that the access is to be tried again.  An
 * exception of another kind is not its business.
 */
static void keeper_answer(const __Request__exception_raise_t *request)
{
    const bool shortage = scenario_fails() && request->exception != EXC_BREAKPOINT &&
                          request->code[0] == KERN_RESOURCE_SHORTAGE;
    struct {
        mig_reply_error_t body;
    } reply = {.body = {.Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
                                 .msgh_size = sizeof(reply.body),
                                 .msgh_remote_port = request->Head.msgh_remote_port,
                                 .msgh_id = request->Head.msgh_id + 100},
                        .NDR = NDR_record,
                        .RetCode = shortage ? KERN_SUCCESS : KERN_FAILURE}};

    unsigned tries = 0;
    mach_msg_return_t mr;
    do
        mr = mach_msg(&reply.body.Head, MACH_SEND_MSG, sizeof(reply.body), 0, MACH_PORT_NULL, 0,
                      MACH_PORT_NULL);
    while (scenario_again(mr, &tries));
    if (mr == MACH_SEND_INVALID_DEST &&
        MACH_PORT_VALID(request->Head.msgh_remote_port)) /* the thread has ended */
        scenario_release(request->Head.msgh_remote_port);
    else if (MACH_PORT_VALID(request->Head.msgh_remote_port))
        scenario_check(mr, MACH_MSG_SUCCESS, "keeper", __FILE__, __LINE__);
}

static void keeper_program(uint64_t arg)
{
    struct {
        __Request__exception_raise_t body;
        mach_msg_max_trailer_t trailer;
    } request;

    for (;;) {
        __atomic_store_n((bool *)(uintptr_t)arg, true, __ATOMIC_RELEASE);
        CALL(mach_msg(&request.body.Head, MACH_RCV_MSG, 0, sizeof(request), run.keeper, 0, MACH_PORT_NULL));
        keeper_answer(&request.body);
        if (MACH_PORT_VALID(request.body.thread.name))
            scenario_release(request.body.thread.name);
        if (MACH_PORT_VALID(request.body.task.name))
            scenario_release(request.body.task.name);
    }
}

static void keeper_start(void)
{
    static struct scenario_thread keeper;
    static bool ready;

    ready = false;
    run.keeper = scenario_port_send();
    CALL(task_set_exception_ports(mach_task_self(), EXC_MASK_BAD_ACCESS | EXC_MASK_SOFTWARE, run.keeper,
                                  EXCEPTION_DEFAULT, THREAD_STATE_FLAVOR_GENERAL));
    scenario_thread_start(&keeper, mach_task_self(), keeper_program, (uintptr_t)&ready);
    while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
        scenario_sleep(1);
}

/* --- the first program --- */

mach_port_t scenario_host_priv;

/* What the main thread has once and for all must not be missing where a failure could keep it from getting it. */
static void main_prepare(void)
{
    for (uint64_t offset = 0; offset < USER_WINDOW_SIZE; offset += 4096)
        sim_store8(user_window() + offset, 0);
    SIM_CHECK(mig_get_reply_port() != MACH_PORT_NULL && mach_task_self() != MACH_PORT_NULL);
}

static void main_program(uint64_t arg)
{
    struct audit_counts before;

    scenario_host_priv = user_start(arg);
    run.device_master = user_device_master(arg);
    main_prepare();
    keeper_start();
    run.scenario->body();
    settle(&before);
    run.second = true;
    sim_failures_arm();
    run.scenario->body();
    sim_failures_disarm();
    run.second = false;
    settle_to(&before);
    user_power_off(scenario_host_priv);
}

const struct scenario *scenario_get(size_t i)
{
    static const struct scenario *const all[] = {scenarios_port,  scenarios_right, scenarios_message,
                                                 scenarios_rpc,   scenarios_task,  scenarios_memory,
                                                 scenarios_pager, scenarios_ool,   scenarios_device};

    for (size_t file = 0; file < sizeof(all) / sizeof(all[0]); file++) {
        for (const struct scenario *s = all[file]; s->name != NULL; s++) {
            if (i-- == 0)
                return s;
        }
    }
    return NULL;
}

struct sim_result scenario_run(const struct scenario *scenario, const struct scenario_options *options)
{
    struct sim_config config =
        options->seed == 0 ? sim_config_default() : sim_config_random(options->seed, options->cpus);

    memset(&run, 0, sizeof(run));
    run.scenario = scenario;
    run.options = *options;
    config.cpus = options->cpus;
    config.program = main_program;
    config.quiet = quiet;
    config.quiet_every = options->audit_every;
    config.fail_alloc = options->fail_alloc;
    config.fail_copy = options->fail_copy;
    config.echo = options->echo;
    config.trace = options->trace;
    return sim_run(&config);
}

/* --- rights --- */

mach_port_t scenario_port(void)
{
    mach_port_t port = MACH_PORT_NULL;

    CALL(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port));
    return port;
}

mach_port_t scenario_port_send(void)
{
    mach_port_t port = scenario_port();

    CALL(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND));
    return port;
}

void scenario_port_end(mach_port_t port)
{
    CALL(mach_port_destroy(mach_task_self(), port));
}

void scenario_release(mach_port_t name)
{
    if (name == MACH_PORT_DEAD) /* what it was for died before there was a right */
        return;
    CALL(mach_port_deallocate(mach_task_self(), name));
}

mach_port_t scenario_named(kern_return_t (*make)(mach_port_t name, mach_port_t arg), mach_port_t arg)
{
    for (mach_port_t index = 200;; index++) {
        const mach_port_t name = MACH_PORT_MAKE(index, 0);
        unsigned tries = 0;
        kern_return_t kr;

        do
            kr = make(name, arg);
        while (scenario_again(kr, &tries));
        if (kr == KERN_SUCCESS)
            return name;
        scenario_check(kr, KERN_NAME_EXISTS, "a name of choice", __FILE__, __LINE__);
    }
}

kern_return_t scenario_rename(mach_port_t name, mach_port_t old_name)
{
    return mach_port_rename(mach_task_self(), old_name, name);
}

mach_port_t scenario_thread_self(void)
{
    mach_port_t name;

    do
        name = mach_thread_self();
    while (name == MACH_PORT_NULL && scenario_fails());
    return name;
}

/* --- messages --- */

mach_msg_return_t scenario_try(struct scenario_message *m, struct scenario_right to,
                               struct scenario_right reply, mach_msg_id_t id,
                               const struct scenario_right *rights, uint32_t count, mach_msg_option_t option,
                               mach_msg_timeout_t timeout)
{
    mach_msg_size_t size = sizeof(mach_msg_header_t);

    SIM_CHECK(count <= SCENARIO_RIGHTS_MAX);
    *m = (struct scenario_message){
        .base = {.header = {.msgh_bits = MACH_MSGH_BITS(to.disposition, reply.disposition),
                            .msgh_remote_port = to.name,
                            .msgh_local_port = reply.name,
                            .msgh_id = id},
                 .body = {.msgh_descriptor_count = count}}};
    if (count > 0) {
        m->base.header.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
        size = (mach_msg_size_t)(offsetof(struct scenario_message, right) + count * sizeof(m->right[0]));
    }
    for (uint32_t i = 0; i < count; i++)
        m->right[i] = (mach_msg_port_descriptor_t){.name = rights[i].name,
                                                   .disposition = rights[i].disposition & 0xff,
                                                   .type = MACH_MSG_PORT_DESCRIPTOR};
    m->base.header.msgh_size = size;
    return mach_msg(&m->base.header, MACH_SEND_MSG | option, size, 0, MACH_PORT_NULL, timeout,
                    MACH_PORT_NULL);
}

mach_msg_return_t scenario_send(struct scenario_right to, struct scenario_right reply, mach_msg_id_t id,
                                const struct scenario_right *rights, uint32_t count, mach_msg_option_t option,
                                mach_msg_timeout_t timeout)
{
    struct scenario_message m;

    return scenario_try(&m, to, reply, id, rights, count, option, timeout);
}

void scenario_post(struct scenario_right to, struct scenario_right reply, mach_msg_id_t id,
                   const struct scenario_right *rights, uint32_t count)
{
    CALL(scenario_send(to, reply, id, rights, count, 0, 0));
}

mach_msg_return_t scenario_receive(mach_port_t from, struct scenario_message *m, mach_msg_option_t option,
                                   mach_msg_timeout_t timeout)
{
    memset(m, 0, sizeof(*m));
    return mach_msg(&m->base.header, MACH_RCV_MSG | option, 0, sizeof(*m), from, timeout, MACH_PORT_NULL);
}

/* Was a send-once right lost with a call that failed, so that this is no more than the news of it? */
static bool is_stray(const struct scenario_message *m)
{
    return scenario_fails() && m->base.header.msgh_id == MACH_NOTIFY_SEND_ONCE;
}

void scenario_take(mach_port_t from, struct scenario_message *m, mach_msg_id_t id)
{
    do
        CALL(scenario_receive(from, m, MACH_RCV_TIMEOUT, 1000));
    while (m->base.header.msgh_id != id && is_stray(m));
    if (m->base.header.msgh_id != id)
        sim_fail("%s: message %d, not %d", run.scenario->name, m->base.header.msgh_id, id);
}

void scenario_received(mach_port_t from, struct scenario_message *m, mach_msg_id_t id)
{
    mach_msg_return_t mr;

    do
        mr = scenario_receive(from, m, MACH_RCV_TIMEOUT, 200);
    while (mr == MACH_MSG_SUCCESS && m->base.header.msgh_id != id && is_stray(m));
    scenario_check(mr, MACH_MSG_SUCCESS, "notification", __FILE__, __LINE__);
    scenario_check(m->base.header.msgh_id, id, "notification", __FILE__, __LINE__);
}

void scenario_notified(mach_port_t from, mach_msg_id_t id, uint32_t *word)
{
    struct scenario_message m;

    scenario_received(from, &m, id);
    if (word != NULL)
        memcpy(word, (const char *)&m + sizeof(mach_msg_header_t) + sizeof(NDR_record_t), sizeof(*word));
}

void scenario_silent(mach_port_t from)
{
    struct scenario_message m;
    mach_msg_return_t mr;

    do
        mr = scenario_receive(from, &m, MACH_RCV_TIMEOUT, 0);
    while (mr == MACH_MSG_SUCCESS && is_stray(&m));
    scenario_check(mr, MACH_RCV_TIMED_OUT, "no message", __FILE__, __LINE__);
}

/* --- threads and tasks --- */

void scenario_sleep(mach_msg_timeout_t ms)
{
    (void)sim_trap(MACH_TRAP_THREAD_SWITCH, MACH_PORT_NULL, SWITCH_OPTION_WAIT, ms, 0, 0, 0, 0);
}

bool scenario_done(const struct scenario_thread *t)
{
    return __atomic_load_n(&t->done, __ATOMIC_ACQUIRE);
}

static void thread_entry(uint64_t arg)
{
    struct scenario_thread *t = (struct scenario_thread *)(uintptr_t)arg;

    for (uint64_t offset = 0; offset < THREAD_TOUCHED; offset += 4096)
        sim_store8(t->window + offset, 0); /* so that a failure does not lose what the thread receives */
    /* no memory for a moment, or the task is ending, and this thread with it */
    while (mig_get_reply_port() == MACH_PORT_NULL || mach_task_self() == MACH_PORT_NULL)
        user_yield();
    __atomic_store_n(&t->started, true, __ATOMIC_RELEASE);
    t->program(t->arg);
    __atomic_store_n(&t->done, true, __ATOMIC_RELEASE);
    for (;;)
        scenario_sleep(1000);
}

void scenario_thread_start(struct scenario_thread *t, mach_port_t task, void (*program)(uint64_t arg),
                           uint64_t arg)
{
    *t = (struct scenario_thread){.task = task, .program = program, .arg = arg};
    CALL(mach_vm_allocate(task, &t->window, USER_WINDOW_SIZE, VM_FLAGS_ANYWHERE));
    struct riscv64_thread_state state = {.pc = sim_program_pc(thread_entry),
                                         .sp = t->window + USER_WINDOW_SIZE,
                                         .tp = t->window,
                                         .a0 = (uint64_t)(uintptr_t)t};
    CALL(thread_create_running(task, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state,
                               RISCV64_THREAD_STATE_COUNT, &t->thread));
}

/* Its registers say what names it has asked for (user.h). */
static struct riscv64_thread_state thread_registers(const struct scenario_thread *t)
{
    struct riscv64_thread_state state;
    mach_msg_type_number_t count = RISCV64_THREAD_STATE_COUNT;

    CALL(thread_get_state(t->thread, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state, &count));
    return state;
}

void scenario_thread_kill(struct scenario_thread *t)
{
    unsigned waits = 0;
    mach_port_type_t type = 0;

    for (; !__atomic_load_n(&t->started, __ATOMIC_ACQUIRE); scenario_sleep(1))
        SIM_CHECK(waits++ < WAIT_MAX);
    const struct riscv64_thread_state state = thread_registers(t);
    CALL(thread_terminate(t->thread));
    do {
        SIM_CHECK(waits++ < WAIT_MAX);
        user_yield();
        CALL(mach_port_type(mach_task_self(), t->thread, &type));
    } while ((type & MACH_PORT_TYPE_DEAD_NAME) == 0);
    scenario_release(t->thread);
    if (t->task != mach_task_self())
        return;
    if (state.s0 != MACH_PORT_NULL)
        CALL(mach_port_mod_refs(t->task, (mach_port_t)state.s0, MACH_PORT_RIGHT_RECEIVE, -1));
    if (state.s2 != MACH_PORT_NULL)
        scenario_release((mach_port_t)state.s2);
    CALL(mach_vm_deallocate(t->task, t->window, USER_WINDOW_SIZE));
}

void scenario_thread_join(struct scenario_thread *t)
{
    for (unsigned waits = 0; !scenario_done(t); scenario_sleep(1))
        SIM_CHECK(waits++ < WAIT_MAX);
    scenario_thread_kill(t);
}

void scenario_thread_until(const struct scenario_thread *t, int run_state)
{
    struct thread_basic_info info;
    mach_msg_type_number_t count;

    for (unsigned waits = 0;; scenario_sleep(1)) {
        SIM_CHECK(waits++ < WAIT_MAX);
        count = THREAD_BASIC_INFO_COUNT;
        CALL(thread_info(t->thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count));
        if (info.run_state == run_state && __atomic_load_n(&t->started, __ATOMIC_ACQUIRE))
            return;
    }
}

mach_port_t scenario_task(void)
{
    mach_port_t task = MACH_PORT_NULL;

    CALL(task_create(mach_task_self(), FALSE, &task));
    return task;
}

void scenario_task_end(mach_port_t task)
{
    CALL(task_terminate(task));
    scenario_release(task);
}

void scenario_task_gone(mach_port_t task)
{
    mach_port_type_t type = 0;

    for (unsigned waits = 0; type != MACH_PORT_TYPE_DEAD_NAME; scenario_sleep(1)) {
        SIM_CHECK(waits++ < WAIT_MAX);
        CALL(mach_port_type(mach_task_self(), task, &type));
    }
    scenario_release(task);
}

mach_port_t scenario_port_in(mach_port_t task, mach_port_t name)
{
    mach_msg_type_name_t type;
    mach_port_t port = MACH_PORT_NULL;

    CALL(mach_port_allocate_name(task, MACH_PORT_RIGHT_RECEIVE, name));
    CALL(mach_port_extract_right(task, name, MACH_MSG_TYPE_MAKE_SEND, &port, &type));
    return port;
}
