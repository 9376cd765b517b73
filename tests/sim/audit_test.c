/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the audit worth its name?  A program makes objects of every kind; then one field after another is changed, and the
 * audit must name what is wrong.
 */
#include "audit_corrupt.h"
#include "scenario_run.h"

#include <mach/host_priv.h>
#include <mach/memory_object_types.h>
#include <mach/task_info.h>

#define KEPT_PAGES 400u

static struct {
    bool ready; /* the objects are there */
    bool over;
    unsigned wrong;
} test;

/* In a quiet moment with the objects there: all faults, one by one. */
static void corrupt_all(void)
{
    char text[300];

    if (!test.ready || test.over)
        return;
    test.over = true;
    for (size_t i = 0; i < audit_corrupt_count(); i++) {
        const bool found = audit_corrupt(i, text, sizeof(text));
        printf("%sok %zu - %s\n", found ? "" : "not ", i + 1, audit_corrupt_name(i));
        if (!found)
            printf("# said %s\n", text);
        test.wrong += !found;
    }
}

static void spin(uint64_t arg)
{
    (void)arg;
    for (;;)
        sim_step();
}

static void sleep_long(uint64_t arg)
{
    (void)arg;
    for (;;)
        scenario_sleep(100000);
}

static void wait_registers(uint64_t port)
{
    struct sim_rpc m = {.local = (uint32_t)port};

    (void)sim_trap_rpc(MACH_TRAP_RPC_REPLY_WAIT, &m);
}

static mach_vm_address_t read_only_memory(void)
{
    mach_vm_address_t at = 0;

    CALL(mach_vm_allocate(mach_task_self(), &at, 3 * 4096, VM_FLAGS_ANYWHERE));
    sim_store8(at + 4096, 1);
    CALL(mach_vm_protect(mach_task_self(), at + 4096, 4096, FALSE, VM_PROT_READ));
    return at;
}

/* Memory of a pager: a page that was changed since it was copied, and one that somebody waits for. */
struct paged {
    struct scenario_pager pager;
    mach_vm_address_t copy;
    struct scenario_thread waiter;
};

static void load(uint64_t at)
{
    (void)sim_load8(at);
}

static void paged_begin(struct paged *p)
{
    const mach_port_t self = mach_task_self();

    scenario_pager_begin(&p->pager, 8);
    scenario_pager_supply(&p->pager, 0, 2);
    p->copy = 0;
    CALL(mach_vm_map(self, &p->copy, 8 * 4096, 0, VM_FLAGS_ANYWHERE, p->pager.object, 0, TRUE,
                     VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_NONE));
    sim_store8(p->pager.at, 1);
    scenario_thread_start(&p->waiter, self, load, p->pager.at + 2 * 4096);
    scenario_thread_until(&p->waiter, TH_STATE_WAITING);
}

static void paged_end(struct paged *p)
{
    scenario_thread_kill(&p->waiter);
    CALL(mach_vm_deallocate(mach_task_self(), p->copy, 8 * 4096));
    scenario_pager_end(&p->pager);
}

/* A default pager that receives nothing after the first message, and a task of whose pages some are out. */
struct kept {
    mach_port_t manager, object, control, name;
    task_t task;
};

static void kept_begin(struct kept *k)
{
    struct scenario_message m;
    mach_vm_address_t at = 0;
    mach_port_t previous;

    k->manager = previous = scenario_port_send();
    /* the one before may not have gone yet */
    while (host_default_memory_manager(scenario_host_priv, &previous, 1024 * 4096) != KERN_SUCCESS)
        scenario_sleep(1);
    scenario_received(k->manager, &m, 2250); /* memory_object_create */
    k->object = m.right[0].name;
    k->control = m.right[1].name;
    k->name = m.right[2].name;
    CALL(memory_object_ready(k->control, FALSE, MEMORY_OBJECT_COPY_DELAY));
    CALL(task_create(mach_task_self(), FALSE, &k->task));
    CALL(mach_vm_allocate(k->task, &at, KEPT_PAGES * 4096, VM_FLAGS_ANYWHERE));
    CALL(task_set_limit(k->task, LIMIT_MEMORY, KEPT_PAGES / 2 * 4096));
    for (unsigned i = 0; i < KEPT_PAGES; i++)
        CALL(mach_vm_write_inband(k->task, at + i * 4096, (uint8_t[]){1}, 1));
}

static void kept_end(const struct kept *k)
{
    scenario_task_end(k->task);
    CALL(mach_port_mod_refs(mach_task_self(), k->object, MACH_PORT_RIGHT_RECEIVE, -1));
    scenario_release(k->control);
    scenario_release(k->name);
    scenario_port_end(k->manager);
}

static void body(void)
{
    const mach_port_t self = mach_task_self();
    const mach_port_t queue = scenario_port_send(), idle = scenario_port(), receive = scenario_port_send();
    mach_port_t set = 0, dead = 0, previous = 0;
    struct scenario_thread spinner, sleeper, waiter, stopped;
    const struct scenario_right rights[] = {SCENARIO_COPY(queue), {receive, MACH_MSG_TYPE_MOVE_RECEIVE}};

    CALL(mach_port_allocate(self, MACH_PORT_RIGHT_PORT_SET, &set));
    CALL(mach_port_allocate(self, MACH_PORT_RIGHT_DEAD_NAME, &dead));
    CALL(mach_port_insert_member(self, queue, set));
    CALL(mach_port_request_notification(self, queue, MACH_NOTIFY_DEAD_NAME, 0, idle,
                                        MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous));
    scenario_post(SCENARIO_COPY(queue), SCENARIO_NONE, 1, rights, 2);
    mach_vm_address_t memory = read_only_memory();
    const mach_port_t call = scenario_port_send();
    struct paged paged;
    struct kept kept;
    paged_begin(&paged);
    kept_begin(&kept);
    scenario_thread_start(&sleeper, self, sleep_long, 0);
    scenario_thread_start(&waiter, self, wait_registers, call);
    scenario_thread_until(&sleeper, TH_STATE_WAITING);
    scenario_thread_until(&waiter, TH_STATE_WAITING);
    scenario_thread_start(&stopped, self, spin, 0);
    scenario_sleep(20);
    CALL(thread_suspend(stopped.thread));
    scenario_thread_until(&stopped, TH_STATE_STOPPED);
    scenario_thread_start(&spinner, self, spin, 0);
    test.ready = true;
    for (unsigned i = 0; !test.over && i < 4000; i++)
        user_yield();
    test.ready = false;
    kept_end(&kept);
    paged_end(&paged);
    scenario_thread_kill(&spinner);
    scenario_thread_kill(&sleeper);
    CALL(thread_resume(stopped.thread));
    scenario_thread_kill(&stopped);
    scenario_thread_kill(&waiter);
    CALL(mach_vm_deallocate(self, memory, 3 * 4096));
    CALL(mach_port_destroy(self, set));
    scenario_port_end(queue);
    scenario_port_end(call);
    scenario_port_end(idle);
    scenario_release(dead);
    scenario_port_end(receive);
}

int main(void)
{
    const struct scenario scenario = {"audit", body};
    const struct scenario_options options = {.cpus = 1, .audit_every = 16, .quiet = corrupt_all};

    const struct sim_result result = scenario_run(&scenario, &options);
    const size_t faults = audit_corrupt_count();
    const bool ended = result.end == SIM_POWEROFF && test.over;
    printf("%sok %zu - the machine goes on unharmed\n", ended ? "" : "not ", faults + 1);
    if (result.end != SIM_POWEROFF)
        printf("# %s: %s\n", sim_end_name(result.end), result.message);
    printf("1..%zu\n", faults + 1);
    return ended && test.wrong == 0 ? 0 : 1;
}
