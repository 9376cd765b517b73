/* SPDX-License-Identifier: BSD-2-Clause */
/* What operations cost when tables and queues are full: everything is measured with little of something and with much. */
#include "client.h"

#include <mach/thread_switch.h>

#define SELF mach_task_self()
#define FEW 10u
#define MANY_NAMES 1000000u
#define MANY_RANGES 1000000u
#define MANY_MESSAGES 1000u
#define MANY_TASKS 1000u
#define SETTLE_MS 500u
#define STRIDE 7919u /* a prime: names, and ranges, are looked up all over the table */
#define KEY_MAX 48
#define PROGRESS 10000u

/* `operation` with `count` of `what` around. */
static void measure(const char *operation, unsigned count, const char *what, bench_function_t function,
                    unsigned loops)
{
    char key[KEY_MAX];

    (void)snprintf(key, sizeof(key), "%s_%u_%s", operation, count, what);
    (void)bench_run(key, function, loops);
}

/* --- names: receive rights of this task --- */

static mach_port_t name[MANY_NAMES];
static unsigned names; /* of them */
static mach_port_t passed;

static uint64_t create_destroy(unsigned loops)
{
    return BENCH_LOOP(loops, test_port_destroy(test_port()));
}

static uint64_t lookup(unsigned loops)
{
    mach_port_type_t type;
    unsigned i = 0;

    return BENCH_LOOP(loops, i = (i + STRIDE) % names; (void)mach_port_type(SELF, name[i], &type));
}

static uint64_t insert_deallocate(unsigned loops)
{
    unsigned i = 0;

    return BENCH_LOOP(loops, i = (i + STRIDE) % names;
                      (void)mach_port_insert_right(SELF, name[i], name[i], MACH_MSG_TYPE_MAKE_SEND);
                      (void)mach_port_deallocate(SELF, name[i]));
}

static uint64_t send_receive(unsigned loops)
{
    unsigned i = 0;

    return BENCH_LOOP(loops, i = (i + STRIDE) % names; bench_send(name[i], MACH_MSG_TYPE_MAKE_SEND);
                      bench_receive(name[i]));
}

static uint64_t one_right(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_right(passed));
}

static void with_names(unsigned count)
{
    (void)one_right(
        1); /* the thread's receive port is that of messages, every time: what calls of the kernel find depends on it */
    while (names < count) {
        name[names++] = test_port();
        if (names % PROGRESS == 0)
            printf("# %u names\n", names); /* who waits for lines sees that it lives */
    }
    measure("port_create_destroy", count, "names", create_destroy, BENCH_LOOPS / 10);
    measure("right_lookup", count, "names", lookup, BENCH_LOOPS / 10);
    measure("right_insert_deallocate", count, "names", insert_deallocate, BENCH_LOOPS / 10);
    measure("send_receive", count, "names", send_receive, BENCH_LOOPS / 10);
    measure("rpc_one_right", count, "names", one_right, BENCH_LOOPS / 10);
}

static void bench_names(void)
{
    task_t server = bench_server_start(bench_child_serves_buffers);

    passed = test_port_send();
    with_names(FEW);
    with_names(MANY_NAMES);
    bench_server_stop(server);
}

/* --- messages that wait in a queue --- */

static uint64_t queue_turn(unsigned loops)
{
    return BENCH_LOOP(loops, bench_send(bench_service, MACH_MSG_TYPE_COPY_SEND);
                      bench_receive(bench_service));
}

static void with_messages(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bench_send(bench_service, MACH_MSG_TYPE_COPY_SEND);
    measure("send_receive", count, "queued", queue_turn, BENCH_LOOPS / 10);
    for (unsigned i = 0; i < count; i++)
        bench_receive(bench_service);
}

static void bench_messages(void)
{
    mach_port_limits_t limits = {.mpl_qlimit = MACH_PORT_QLIMIT_MAX};

    bench_service = test_port_send();
    REQUIRE_OK(mach_port_set_attributes(SELF, bench_service, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    with_messages(FEW);
    with_messages(MANY_MESSAGES);
    test_port_destroy(bench_service);
}

/* --- tasks --- */

static uint64_t register_6w(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_registers(6));
}

static uint64_t task_life(unsigned loops)
{
    task_t task;

    uint64_t ticks =
        BENCH_LOOP(loops, REQUIRE_OK(task_create(SELF, FALSE, &task)); REQUIRE_OK(task_terminate(task));
                   REQUIRE_OK(mach_port_deallocate(SELF, task)));
    test_sleep(SETTLE_MS); /* the kernel frees them in the background */
    return ticks;
}

static void with_tasks(unsigned count)
{
    static task_t task[MANY_TASKS];
    static unsigned tasks;

    for (; tasks < count; tasks++)
        REQUIRE_OK(task_create(SELF, FALSE, &task[tasks]));
    measure("rpc_register_6w", count, "tasks", register_6w, BENCH_LOOPS / 10);
    measure("task_create_destroy", count, "tasks", task_life, BENCH_LOOPS / 100);
}

static void bench_tasks(void)
{
    task_t server = bench_server_start(bench_child_serves_registers);

    with_tasks(FEW);
    with_tasks(MANY_TASKS);
    bench_server_stop(server);
}

/* --- ranges: every other page of this task's memory from TEST_PLACE on --- */

static unsigned ranges;

static mach_vm_address_t range_address(unsigned i)
{
    return TEST_PLACE + (mach_vm_address_t)2 * i * PAGE_SIZE;
}

static void region_find(mach_vm_address_t address)
{
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_size_t size;
    mach_port_t object;

    REQUIRE_OK(mach_vm_region(SELF, &address, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                              &object));
}

static uint64_t region_lookup(unsigned loops)
{
    unsigned i = 0;

    return BENCH_LOOP(loops, i = (i + STRIDE) % ranges; region_find(range_address(i)));
}

/* A range goes, and comes back. */
static void range_life(mach_vm_address_t address)
{
    REQUIRE_OK(mach_vm_deallocate(SELF, address, PAGE_SIZE));
    REQUIRE_OK(mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_FIXED));
}

static uint64_t deallocate_allocate(unsigned loops)
{
    unsigned i = 0;

    return BENCH_LOOP(loops, i = (i + STRIDE) % ranges; range_life(range_address(i)));
}

static void with_ranges(unsigned count)
{
    for (; ranges < count; ranges++) {
        mach_vm_address_t address = range_address(ranges);
        REQUIRE_OK(mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_FIXED));
        if (ranges % PROGRESS == 0)
            printf("# %u ranges\n", ranges);
    }
    measure("region_lookup", count, "ranges", region_lookup, BENCH_LOOPS / 10);
    measure("vm_deallocate_allocate", count, "ranges", deallocate_allocate, BENCH_LOOPS / 10);
}

static void bench_ranges(void)
{
    with_ranges(FEW);
    with_ranges(MANY_RANGES);
    for (unsigned i = 0; i < ranges; i += PROGRESS)
        REQUIRE_OK(mach_vm_deallocate(SELF, range_address(i), (mach_vm_size_t)2 * PROGRESS * PAGE_SIZE));
}

int main(void)
{
    bench_reply = test_port();
    bench_messages();
    bench_ranges();
    bench_tasks();
    bench_names();
    return 0;
}
