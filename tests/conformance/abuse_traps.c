/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Abuse: every trap, with arguments that nobody should pass.  The kernel answers with an error, or ends who
 * asked.
 */
#include "lib/guard.h"
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <mach/rpc.h>
#include <stdlib.h>

#define LAST_NUMBER 300u
#define BLOCKED_MS 5u /* how long a trap may wait */
#define RANDOM_CALLS 40u
#define ARGUMENTS 8u

/* One trap. */
struct trap {
    uint64_t number;
    uint64_t argument[ARGUMENTS];
};

static const uint64_t hostile[] = {
    0,
    1,
    ~UINT64_C(0),
    UINT64_C(1) << 38, /* first addresses that user code can't have, on one ISA or another */
    UINT64_C(1) << 47,
    UINT64_C(1) << 48,
    UINT64_C(1) << 52,
    UINT64_C(1) << 56,
    UINT64_C(0x8000000000000000),
    UINT64_C(0xffff800000000000),
    0xfff,
    0x7fffff07,
    0xffffffff,
};

static void do_trap(void *argument)
{
    const struct trap *trap = argument;

    (void)machine_trap(trap->number, trap->argument);
}

static void abuse(const struct trap *trap)
{
    (void)test_guarded(do_trap, (void *)(uintptr_t)trap, BLOCKED_MS);
}

/* The same argument everywhere. */
static void uniform_arguments(uint64_t number)
{
    struct trap trap = {.number = number};

    for (unsigned i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        for (unsigned a = 0; a < ARGUMENTS; a++)
            trap.argument[a] = hostile[i];
        abuse(&trap);
    }
    for (unsigned a = 0; a < ARGUMENTS; a++)
        trap.argument[a] = machine_kernel_address;
    abuse(&trap);
}

static uint64_t random_argument(void)
{
    switch (rand() % 4) {
    case 0:
        return hostile[(unsigned)rand() % (sizeof(hostile) / sizeof(hostile[0]))];
    case 1:
        return (uint64_t)rand() % 0x2000; /* small numbers: names, sizes, options */
    case 2:
        return machine_kernel_address + (uint64_t)rand();
    default:
        return (uint64_t)rand() << 33 ^ (uint64_t)rand();
    }
}

static void random_arguments(uint64_t number)
{
    struct trap trap = {.number = number};

    for (unsigned i = 0; i < RANDOM_CALLS; i++) {
        for (unsigned a = 0; a < ARGUMENTS; a++)
            trap.argument[a] = random_argument();
        abuse(&trap);
    }
}

static void tell(int id)
{
    (void)test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, id, 0);
}

static void child_known_traps(void)
{
    for (uint64_t number = 0; number < MACH_TRAP_COUNT; number++) {
        uniform_arguments(number);
        random_arguments(number);
    }
    tell(1);
}

static void child_unknown_traps(void)
{
    static const uint64_t huge[] = {0xffff,      0x10000,           0x7fffffff,   0x80000000,    0xffffffff,
                                    0x100000000, UINT64_C(1) << 63, ~UINT64_C(0), (uint64_t)-25, 0x100000002};
    struct trap trap = {.argument = {1, 2, 3, 4, 5, 6, 7, 8}};

    for (trap.number = MACH_TRAP_COUNT; trap.number <= LAST_NUMBER; trap.number++)
        abuse(&trap);
    for (unsigned i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        trap.number = huge[i];
        abuse(&trap);
    }
    tell(1);
}

static mach_port_t edge_port;

/* mach_msg() with buffers that end where memory does. */
static void edge_of_memory(void *page)
{
    uint8_t *end = (uint8_t *)page + PAGE_SIZE;

    for (mach_msg_size_t bytes = 0; bytes < 128; bytes += 4) {
        mach_msg_header_t *h = (void *)(end - bytes);
        for (mach_msg_option_t option = 0; option < 8; option++)
            (void)mach_msg(h, option | MACH_RCV_TIMEOUT | MACH_SEND_TIMEOUT, 64, 64, edge_port, 0,
                           MACH_PORT_NULL);
    }
}

static void child_edges(void)
{
    mach_vm_address_t page = 0;

    edge_port = test_port();
    REQUIRE_OK(mach_vm_allocate(mach_task_self(), &page, 2 * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    REQUIRE_OK(mach_vm_deallocate(mach_task_self(), page + PAGE_SIZE, PAGE_SIZE));
    (void)test_guarded(edge_of_memory, (void *)page, 1000);
    tell(1);
}

static void check(void (*function)(void), const char *text, const char *leak_text)
{
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MAKE_SEND};
    struct test_message m;

    test_leak_begin();
    task_t task = test_child(function, &right, 1);
    CHECK(test_receive(p, &m, sizeof(m), 6 * TEST_SOON_MS) == MACH_MSG_SUCCESS, text);
    (void)task_terminate(task);
    REQUIRE(test_child_wait(task));
    CHECK_NO_LEAK(leak_text);
    test_port_destroy(p);
}

int main(void)
{
    test_begin("abuse_traps");
    check(child_known_traps, "hostile arguments to every trap do no harm", "and leave nothing behind");
    check(child_unknown_traps, "traps that there are not do no harm", "and leave nothing behind");
    check(child_edges, "messages at the edge of memory do no harm", "and leave nothing behind");
    return test_end();
}
