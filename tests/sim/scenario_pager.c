/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: memory of pagers (memory_object.defs, memory_object_control.defs). */
#include "scenario_run.h"

#include <mach/memory_object_types.h>

#define PAGE 4096u
#define TRIES 9u

static mach_port_t self(void)
{
    return mach_task_self();
}

/* --- a pager --- */

/* Messages without an answer: what the kernel has no memory for does not come about. */
static void pager_ready(mach_port_t control)
{
    boolean_t ready = FALSE, cached;
    memory_object_copy_strategy_t strategy;

    for (unsigned tries = 0; tries < TRIES && !ready; tries++) {
        CALL(memory_object_ready(control, FALSE, MEMORY_OBJECT_COPY_DELAY));
        CALL(memory_object_get_attributes(control, &ready, &cached, &strategy));
    }
}

void scenario_pager_begin(struct scenario_pager *p, unsigned pages)
{
    struct scenario_message m;

    p->object = scenario_port_send();
    p->at = 0;
    p->pages = pages;
    CALL(mach_vm_map(self(), &p->at, pages * PAGE, 0, VM_FLAGS_ANYWHERE, p->object, 0, FALSE, VM_PROT_DEFAULT,
                     VM_PROT_ALL, VM_INHERIT_SHARE));
    scenario_received(p->object, &m, 2200); /* memory_object_init */
    p->control = m.right[0].name;
    p->name = m.right[1].name;
    if (p->control != MACH_PORT_NULL)
        pager_ready(p->control);
}

bool scenario_is_there(mach_vm_address_t at)
{
    integer_t disposition = 0, references;

    CALL(mach_vm_page_query(self(), at, &disposition, &references));
    return (disposition & VM_PAGE_QUERY_PAGE_PRESENT) != 0;
}

void scenario_pager_supply(const struct scenario_pager *p, unsigned first, unsigned count)
{
    mach_vm_address_t data = 0;
    unsigned there = 0;

    CALL(mach_vm_allocate(self(), &data, count * PAGE, VM_FLAGS_ANYWHERE));
    for (unsigned tries = 0; tries < TRIES && there < count; tries++) {
        CALL(memory_object_data_supply(p->control, first * PAGE, data, count * PAGE, FALSE, VM_PROT_NONE,
                                       FALSE, MACH_PORT_NULL));
        for (there = 0; there < count && scenario_is_there(p->at + (first + there) * PAGE);)
            there++;
    }
    CALL(mach_vm_deallocate(self(), data, count * PAGE));
}

void scenario_pager_end(const struct scenario_pager *p)
{
    CALL(mach_vm_deallocate(self(), p->at, p->pages * PAGE));
    scenario_sleep(50); /* until the kernel has given back what was changed */
    scenario_port_end(p->object);
    if (p->control != MACH_PORT_NULL)
        scenario_release(p->control);
    if (p->name != MACH_PORT_NULL)
        scenario_release(p->name);
}

/* --- the scenarios --- */

/* Memory that was copied, and what was changed goes back. */
static void pager_copies(void)
{
    struct scenario_pager p;
    mach_vm_address_t copy = 0;
    uint8_t byte[1];
    mach_msg_type_number_t count = sizeof(byte);

    scenario_pager_begin(&p, 8);
    if (p.control != MACH_PORT_NULL) {
        scenario_pager_supply(&p, 0, 2);
        CALL(mach_vm_map(self(), &copy, 8 * PAGE, 0, VM_FLAGS_ANYWHERE, p.object, 0, TRUE, VM_PROT_DEFAULT,
                         VM_PROT_ALL, VM_INHERIT_NONE));
        CALL(mach_vm_write_inband(self(), p.at, (uint8_t[]){6}, 1));
        CALL(mach_vm_read_inband(self(), copy, 1, byte, &count));
        SIM_CHECK(byte[0] == 0);
        CALL(memory_object_lock_request(p.control, 0, 2 * PAGE, MEMORY_OBJECT_RETURN_DIRTY, FALSE,
                                        VM_PROT_NO_CHANGE, MACH_PORT_NULL));
        CALL(mach_vm_write_inband(self(), p.at + PAGE, (uint8_t[]){7}, 1));
        CALL(mach_vm_read_inband(self(), copy + PAGE, 1, byte, &count));
        SIM_CHECK(byte[0] == 0);
        CALL(mach_vm_deallocate(self(), copy, 8 * PAGE));
    }
    scenario_pager_end(&p);
}

/* A copy that is not put off, of a page that was changed. */
static void copy_at_once(memory_object_copy_strategy_t strategy)
{
    struct scenario_pager p;
    mach_vm_address_t copy = 0;
    uint8_t byte[1] = {0};
    mach_msg_type_number_t count = sizeof(byte);

    scenario_pager_begin(&p, 2);
    if (p.control != MACH_PORT_NULL) {
        scenario_pager_supply(&p, 0, 2);
        CALL(mach_vm_write_inband(self(), p.at, (uint8_t[]){6}, 1));
        CALL(memory_object_change_attributes(p.control, FALSE, strategy, MACH_PORT_NULL));
        CALL(mach_vm_map(self(), &copy, 2 * PAGE, 0, VM_FLAGS_ANYWHERE, p.object, 0, TRUE, VM_PROT_DEFAULT,
                         VM_PROT_ALL, VM_INHERIT_NONE));
        if (strategy == MEMORY_OBJECT_COPY_NONE) {
            CALL(mach_vm_read_inband(self(), copy, 1, byte, &count));
            SIM_CHECK(byte[0] == 6);
        }
        CALL(mach_vm_deallocate(self(), copy, 2 * PAGE));
        CALL(mach_vm_read_inband(self(), p.at, 1, byte, &count));
        SIM_CHECK(byte[0] == 6);
    }
    scenario_pager_end(&p);
}

static void pager_copy_none(void)
{
    copy_at_once(MEMORY_OBJECT_COPY_NONE);
}

static void pager_copy_call(void)
{
    copy_at_once(MEMORY_OBJECT_COPY_CALL);
}

/* limit: time that threads wait for a pager */
static void pager_timeout(void)
{
    struct scenario_pager p;
    uint8_t byte[1];
    mach_msg_type_number_t count = sizeof(byte);

    CALL(host_set_pager_timeout(scenario_host_priv, 20));
    scenario_pager_begin(&p, 1);
    CALL_IS(KERN_MEMORY_ERROR, mach_vm_read_inband(self(), p.at, 1, byte, &count));
    CALL(host_set_pager_timeout(scenario_host_priv, 0));
    scenario_pager_end(&p);
}

/* A wired page stays when all are to leave memory; the others go. */
static void pager_wired(void)
{
    struct scenario_pager p;

    scenario_pager_begin(&p, 3);
    if (p.control != MACH_PORT_NULL) {
        scenario_pager_supply(&p, 0, 3);
        CALL(mach_vm_wire(scenario_host_priv, self(), p.at + PAGE, PAGE, VM_PROT_READ));
        for (unsigned tries = 0; tries < TRIES && scenario_is_there(p.at + 2 * PAGE); tries++)
            CALL(memory_object_lock_request(p.control, 0, 3 * PAGE, MEMORY_OBJECT_RETURN_ALL, TRUE,
                                            VM_PROT_NO_CHANGE, MACH_PORT_NULL));
        SIM_CHECK(!scenario_is_there(p.at) && scenario_is_there(p.at + PAGE) &&
                  !scenario_is_there(p.at + 2 * PAGE));
        CALL(mach_vm_wire(scenario_host_priv, self(), p.at + PAGE, PAGE, VM_PROT_NONE));
    }
    scenario_pager_end(&p);
}

/* By a call: an access that fails for want of memory would be the end of the task. */
static void read_page(uint64_t at)
{
    uint8_t byte[1];
    mach_msg_type_number_t count = sizeof(byte);
    const kern_return_t kr = mach_vm_read_inband(self(), at, 1, byte, &count);

    SIM_CHECK(kr == KERN_SUCCESS ? byte[0] == 0 : scenario_fails());
}

/* Threads wait: for a page that comes, for one that the pager has not, and for one that nobody answers. */
static void pager_waiters(void)
{
    struct scenario_pager p;
    struct scenario_thread t[3];

    scenario_pager_begin(&p, 3);
    if (p.control != MACH_PORT_NULL) {
        for (unsigned i = 0; i < 3; i++) {
            scenario_thread_start(&t[i], self(), read_page, p.at + i * PAGE);
        }
        scenario_sleep(5); /* until they wait */
        scenario_pager_supply(&p, 0, 1);
        for (unsigned tries = 0; tries < TRIES && !scenario_done(&t[1]); tries++) {
            CALL(memory_object_data_unavailable(p.control, PAGE, PAGE));
            scenario_sleep(5);
        }
        scenario_thread_join(&t[0]);
        scenario_thread_join(&t[1]);
        scenario_thread_kill(&t[2]);
    }
    scenario_pager_end(&p);
}

static void write_page(uint64_t at)
{
    sim_store8(at, 8);
}

static void lock(const struct scenario_pager *p, vm_prot_t access)
{
    CALL(memory_object_lock_request(p->control, 0, PAGE, MEMORY_OBJECT_RETURN_NONE, FALSE, access,
                                    MACH_PORT_NULL));
}

/* A page that is mapped, and may not be written any more: who writes to it waits until it may. */
static void pager_locked(void)
{
    struct scenario_pager p;
    struct scenario_thread t;

    scenario_pager_begin(&p, 1);
    if (p.control != MACH_PORT_NULL) {
        scenario_pager_supply(&p, 0, 1);
        sim_store8(p.at, 6);
        lock(&p, VM_PROT_WRITE);
        scenario_thread_start(&t, self(), write_page, p.at);
        scenario_sleep(5); /* until it waits */
        SIM_CHECK(scenario_fails() || !scenario_done(&t));
        for (unsigned tries = 0; tries < TRIES && !scenario_done(&t); tries++) {
            lock(&p, VM_PROT_NONE);
            scenario_sleep(5);
        }
        scenario_thread_join(&t);
    }
    scenario_pager_end(&p);
}

/* What was changed is to be safe: the pager says so again and again, since it may say so before anybody waits. */
static void sync_all(uint64_t at)
{
    const kern_return_t kr = mach_vm_msync(self(), at, 2 * PAGE, VM_SYNC_SYNCHRONOUS);

    SIM_CHECK(kr == KERN_SUCCESS || scenario_fails());
}

static void pager_sync(void)
{
    struct scenario_pager p;
    struct scenario_thread t;

    scenario_pager_begin(&p, 2);
    if (p.control != MACH_PORT_NULL) {
        scenario_pager_supply(&p, 0, 2);
        CALL(mach_vm_write_inband(self(), p.at, (uint8_t[]){6}, 1));
        CALL(mach_vm_msync(self(), p.at, 2 * PAGE, VM_SYNC_ASYNCHRONOUS));
        CALL(mach_vm_write_inband(self(), p.at + PAGE, (uint8_t[]){7}, 1));
        scenario_thread_start(&t, self(), sync_all, p.at);
        while (!scenario_done(&t)) {
            CALL(memory_object_synchronize_completed(p.control, 0, 2 * PAGE));
            scenario_sleep(5);
        }
        scenario_thread_join(&t);
    }
    scenario_pager_end(&p);
}

const struct scenario scenarios_pager[] = {
    {"pager_copies", pager_copies},
    {"pager_copy_none", pager_copy_none},
    {"pager_copy_call", pager_copy_call},
    {"pager_timeout", pager_timeout},
    {"pager_wired", pager_wired},
    {"pager_waiters", pager_waiters},
    {"pager_sync", pager_sync},
    {"pager_locked", pager_locked},
    {NULL, NULL},
};
