/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of a task go up and down while its threads, and a task that it made, take memory, ports and messages and give them back, on
 * several CPUs: the audit finds that every account is the sum of what was charged to it, and at the end all memory is back.
 */
#include "driver.h"
#include "property_counts.h"
#include "user.h"

#include <stdio.h>
#include <string.h>

#define PAGE 4096u
#define ROUNDS 60u /* of each worker */
#define QUIET_EVERY 200u

enum { PAGES_WORKER, PORTS_WORKER, LETTERS_WORKER, TASKS_WORKER, WORKERS };

static struct {
    uint32_t ready, finished; /* workers */
    bool go, end;
} r;

static uint64_t refused, granted; /* calls, of all runs */

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(sim_random() % limit);
}

static uint32_t get(const uint32_t *count)
{
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

/* Did it work? If not, for want of memory. */
static bool taken(kern_return_t kr)
{
    const bool good = kr == KERN_SUCCESS;

    if (!good && kr != KERN_RESOURCE_SHORTAGE && kr != MACH_SEND_NO_BUFFER && kr != MIG_SERVER_DIED)
        sim_fail("not for want of memory: %#x", kr);
    __atomic_add_fetch(good ? &granted : &refused, 1, __ATOMIC_RELAXED);
    return good;
}

/* A call that failed has cost the thread its reply port; without memory for another one the next could not tell how it ended. */
static void reply_port_have(void)
{
    while (mig_get_reply_port() == MACH_PORT_NULL)
        user_yield();
}
#define TAKEN(call) (reply_port_have(), taken(call))

/* What gives something back must work, sooner or later: the call itself may need memory. */
#define GIVE_BACK(call)                                                                                      \
    do {                                                                                                     \
    } while (!TAKEN(call))

/* --- workers --- */

static void pages(void)
{
    const uint32_t size = (1 + below(20)) * PAGE;
    mach_vm_address_t at = 0;
    uint8_t byte = 1;

    if (!TAKEN(mach_vm_allocate(mach_task_self(), &at, size, VM_FLAGS_ANYWHERE)))
        return;
    for (uint32_t done = 0; done < size && TAKEN(mach_vm_write_inband(mach_task_self(), at + done, &byte, 1));
         done += PAGE)
        continue;
    GIVE_BACK(mach_vm_deallocate(mach_task_self(), at, size));
}

static void ports(void)
{
    mach_port_name_t name[16];
    uint32_t count = 0;

    while (count < 16 && TAKEN(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &name[count])))
        count++;
    for (; count > 0; count--)
        GIVE_BACK(mach_port_mod_refs(mach_task_self(), name[count - 1], MACH_PORT_RIGHT_RECEIVE, -1));
}

struct letter {
    mach_msg_header_t head;
    uint8_t byte[2000];
    mach_msg_max_trailer_t trailer;
};
#define LETTER_SIZE ((mach_msg_size_t)offsetof(struct letter, trailer))

static mach_msg_return_t letter_send(mach_port_name_t port)
{
    struct letter m = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0), .msgh_remote_port = port}};

    return mach_msg(&m.head, MACH_SEND_MSG, LETTER_SIZE - below(400) * 4, 0, MACH_PORT_NULL, 0,
                    MACH_PORT_NULL);
}

/* As many as its queue holds, at most; most of them are never received. */
static void letters(void)
{
    struct letter m;
    mach_port_name_t port;

    if (!TAKEN(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port)))
        return;
    for (uint32_t i = 0; i < MACH_PORT_QLIMIT_DEFAULT && TAKEN(letter_send(port)); i++)
        continue;
    (void)mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(m), port, 0, MACH_PORT_NULL);
    GIVE_BACK(mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1));
}

/* A task, with memory in it, that may have a part of what this one may have. */
static void tasks(void)
{
    mach_vm_address_t at = 0;
    mach_port_t task;

    if (!TAKEN(task_create(mach_task_self(), FALSE, &task)))
        return;
    if (TAKEN(mach_vm_allocate(task, &at, 8 * PAGE, VM_FLAGS_ANYWHERE))) {
        uint8_t byte = 1;
        (void)TAKEN(mach_vm_write_inband(task, at, &byte, 1));
        (void)TAKEN(task_set_limit(task, LIMIT_MEMORY, below(16) * PAGE));
        (void)TAKEN(mach_vm_write_inband(task, at + PAGE, &byte, 1));
    }
    GIVE_BACK(task_terminate(task));
    GIVE_BACK(mach_port_deallocate(mach_task_self(), task));
}

static void worker(uint64_t which)
{
    static void (*const work[WORKERS])(void) = {pages, ports, letters, tasks};

    /* what it needs for itself must not depend on the limit */
    (void)mach_task_self();
    (void)mig_get_reply_port();
    for (uint64_t at = 0; at < USER_WINDOW_SIZE; at += PAGE)
        sim_store8(user_window() + at, 0);
    __atomic_add_fetch(&r.ready, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&r.go, __ATOMIC_ACQUIRE))
        user_yield();
    for (uint32_t i = 0; i < ROUNDS; i++)
        work[which]();
    __atomic_add_fetch(&r.finished, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&r.end, __ATOMIC_ACQUIRE))
        user_sleep(1);
    user_thread_exit();
}

/* --- the first task --- */

static task_limits_info_data_t limits(mach_port_t task)
{
    task_limits_info_data_t info;
    mach_msg_type_number_t count = TASK_LIMITS_INFO_COUNT;

    SIM_CHECK(task_info(task, TASK_LIMITS_INFO, (task_info_t)&info, &count) == KERN_SUCCESS);
    return info;
}

static void limit(mach_port_t host_priv, mach_port_t task, uint32_t which, uint64_t value)
{
    SIM_CHECK(host_set_task_limit(host_priv, task, which, value) == KERN_SUCCESS);
}

/* From less than there is to more than is wanted. */
static void limits_change(mach_port_t host_priv, mach_port_t task)
{
    const task_limits_info_data_t now = limits(task);

    if (below(2) == 0)
        limit(host_priv, task, LIMIT_MEMORY, now.memory + now.memory_below - 4 * PAGE + below(60) * PAGE);
    else
        limit(host_priv, task, LIMIT_MESSAGES, now.messages + below(8) * 1024);
    if (below(4) == 0)
        user_sleep(1);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);
    mach_port_t task;

    property_counts_begin();
    SIM_CHECK(task_create(mach_task_self(), FALSE, &task) == KERN_SUCCESS);
    const task_limits_info_data_t first = limits(task);
    for (uint64_t i = 0; i < WORKERS; i++)
        SIM_CHECK(user_thread_start(task, worker, i, NULL) == KERN_SUCCESS);
    while (get(&r.ready) < WORKERS)
        user_yield();
    __atomic_store_n(&r.go, true, __ATOMIC_RELEASE);
    while (get(&r.finished) < WORKERS)
        limits_change(host_priv, task);
    limit(host_priv, task, LIMIT_MEMORY, first.memory_limit);
    limit(host_priv, task, LIMIT_MESSAGES, first.messages_limit);
    __atomic_store_n(&r.end, true, __ATOMIC_RELEASE);
    SIM_CHECK(task_terminate(task) == KERN_SUCCESS);
    SIM_CHECK(mach_port_deallocate(mach_task_self(), task) == KERN_SUCCESS);
    property_counts_end();
    user_power_off(host_priv);
}

static void configure(struct sim_config *config)
{
    memset(&r, 0, sizeof(r));
    property_counts_watch(config, QUIET_EVERY);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "limits", .program = first_program, .configure = configure}};

    const int status = driver_main(argc, argv, table, 1);

    printf("# %lu calls had what they wanted, %lu were refused\n", (unsigned long)granted,
           (unsigned long)refused);
    return status != 0 || granted == 0 || refused == 0;
}
