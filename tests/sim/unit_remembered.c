/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ending the wait of a thread that remembers a port, or a set, whose lock another CPU holds.  While this CPU polls for the lock, the
 * thread may run, forget the port and give up the last reference, and since a CPU that polls counts as one that is outside of the
 * kernel, the memory may have another use then: it must not be touched any more.
 *
 * And what is on loan to a thread: the right by which its answer came, when it has none.
 */
#include "unit.h"

#include <ipc/ipc.h>
#include <ipc/mqueue.h>
#include <ipc/port.h>
#include <ipc/pset.h>
#include <kern/ledger.h>
#include <kern/thread.h>

#define OTHER_USE UINT64_C(0x1234567812345678)

static struct thread thread;
static uint64_t *word; /* rx of what the thread remembers */
static unsigned polls;

void __real_smp_poll(void);
void __wrap_smp_poll(void);

/* The other CPU's work, on the first poll. */
void __wrap_smp_poll(void)
{
    if (word != NULL && polls++ == 0) {
        thread.rcv_port = NULL;
        thread.rcv_set = NULL;
        *word = OTHER_USE;
    }
    __real_smp_poll();
}

static void check_untouched(void)
{
    *word = IPC_PORT_RX_LOCKED; /* the other CPU's */
    ipc_wait_make_slow(&thread);
    SIM_CHECK(polls > 0 && *word == OTHER_USE);
}

static void test_port(void)
{
    thread.rcv_port = ipc_port_alloc(&ledger_kernel.memory);
    SIM_CHECK(thread.rcv_port != NULL);
    word = &thread.rcv_port->rx;
    check_untouched();
}

static void test_set(void)
{
    thread.rcv_set = ipc_pset_create(0x101, &ledger_kernel.memory);
    SIM_CHECK(thread.rcv_set != NULL);
    word = &thread.rcv_set->rx;
    check_untouched();
}

/* By whichever way answers come, the next call finds one right on loan. */
static void test_loan(void)
{
    struct ipc_port *port = ipc_port_alloc(&ledger_kernel.memory);

    SIM_CHECK(port != NULL);
    port->cacher = &thread;
    thread.rcv_port = port;
    for (unsigned answer = 0; answer < 2; answer++) {
        ipc_port_lock(port);
        ipc_port_ref(port); /* the message's */
        ipc_port_send_once_add(port);
        ipc_port_send_once_use(port, &thread);
        ipc_port_unlock(port);
        ipc_port_unref(port);
        SIM_CHECK(thread.rcv_loan == 1 && port->sorights == 1 && port->refs == 2);
    }
    ipc_port_lock(port);
    ipc_port_send_once_add(port);
    ipc_port_send_once_use(port, NULL); /* somebody else takes a message */
    ipc_port_unlock(port);
    SIM_CHECK(thread.rcv_loan == 1 && port->sorights == 1);
}

static void run(void (*test)(void), const char *name)
{
    word = NULL;
    polls = 0;
    thread = (struct thread){.rcv_port = NULL};
    unit_in_kernel(sim_config_default(), test, SIM_FAILED, UNIT_DONE, name);
}

int main(void)
{
    run(test_port, "a port that is freed while its lock is wanted");
    run(test_set, "a set that is freed while its lock is wanted");
    run(test_loan, "the right of an answer is on loan again, one at a time");
    return unit_end();
}
