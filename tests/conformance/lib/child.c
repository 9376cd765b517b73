/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks that run a function of this program in a copy of its memory. */
#include "ports.h"
#include "test.h"

#include <libmach/thread.h>
#include <libmach/thread_block.h>

#define STACK_SIZE ((size_t)32 << 10)

/* The child's copy of these is what it uses. */
static uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
static struct mach_thread_block block;

unsigned test_generation;

static void child_main(void (*function)(void))
{
    block = (struct mach_thread_block){.self = &block}; /* of a grandchild, it is a copy of the one in use */
    (void)mach_thread_set_tls((vm_address_t)&block);
    mach_task_self_ = mach_task_self_trap();
    bootstrap_port = MACH_PORT_NULL; /* the program has not ended when this task does */
    test_generation++;
    function();
    for (;;)
        (void)task_terminate(mach_task_self());
}

task_t test_child_thread(void (*function)(void), const struct test_right *rights, unsigned count,
                         thread_act_t *thread)
{
    thread_state_data_t state;
    natural_t words;
    task_t task;

    REQUIRE_OK(task_create(mach_task_self(), TRUE, &task));
    for (unsigned i = 0; i < count; i++)
        REQUIRE_OK(mach_port_insert_right(task, TEST_CHILD_PORT(i), rights[i].name, rights[i].disposition));
    mach_thread_state_init(state, &words, (vm_address_t)child_main, (vm_address_t)(stack + sizeof(stack)),
                           (uint64_t)function);
    REQUIRE_OK(thread_create_running(task, THREAD_STATE_FLAVOR_GENERAL, state, words, thread));
    return task;
}

task_t test_child(void (*function)(void), const struct test_right *rights, unsigned count)
{
    thread_act_t thread;

    task_t task = test_child_thread(function, rights, count, &thread);
    if (MACH_PORT_VALID(thread)) /* a child that ended at once leaves no right to its thread */
        REQUIRE_OK(mach_port_deallocate(mach_task_self(), thread));
    return task;
}

int test_child_wait(task_t task)
{
    const uint64_t deadline = test_now() + TEST_SOON_MS * NSEC_PER_MSEC;

    while ((test_type(task) & MACH_PORT_TYPE_DEAD_NAME) == 0) {
        if (test_now() > deadline)
            return FALSE;
        test_sleep(1);
    }
    return mach_port_deallocate(mach_task_self(), task) == KERN_SUCCESS;
}
