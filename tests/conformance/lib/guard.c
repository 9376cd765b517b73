/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread under guard has its own exception port.  Whoever guards it waits there: for the exception, or for
 * the message that it has returned.  Then the thread is ended, before its exception is answered.
 */
#include "guard.h"

#include "ports.h"
#include "test.h"

#include <libmach/thread.h>

#define ID_RETURNED 1

static mach_port_t guard_port;
static unsigned guard_generation; /* of the task that has it */

struct guarded {
    void (*function)(void *argument);
    void *argument;
};

static void run(void *argument)
{
    const struct guarded *guarded = argument;

    guarded->function(guarded->argument);
    (void)test_send(guard_port, MACH_MSG_TYPE_MAKE_SEND, ID_RETURNED, 0);
    mach_thread_exit();
}

static void make_port(void)
{
    if (guard_port != MACH_PORT_NULL && guard_generation == test_generation)
        return;
    guard_generation = test_generation;
    guard_port = test_port_send();
}

enum guard_end test_guarded(void (*function)(void *argument), void *argument, unsigned ms)
{
    struct guarded guarded = {function, argument};
    struct test_message m;
    thread_act_t thread;

    make_port();
    REQUIRE_OK(mach_thread_prepare(run, &guarded, &thread));
    REQUIRE_OK(
        thread_set_exception_ports(thread, EXC_MASK_ALL, guard_port, EXCEPTION_DEFAULT, THREAD_STATE_NONE));
    REQUIRE_OK(thread_resume(thread));
    mach_msg_return_t result = test_receive(guard_port, &m, sizeof(m), ms);
    (void)thread_terminate(thread);
    REQUIRE(test_child_wait(thread));
    if (result != MACH_MSG_SUCCESS) {
        /* it may have come to its end at the last moment */
        while (test_receive(guard_port, &m, sizeof(m), 0) == MACH_MSG_SUCCESS)
            mach_msg_destroy(&m.header);
        return GUARD_TIMEOUT;
    }
    mach_msg_destroy(&m.header);
    return m.header.msgh_id == ID_RETURNED ? GUARD_RETURNED : GUARD_FAULTED;
}
