/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entry that stays vacant when the send right that came last has left again (ipc/hash.h): it is no name, no limit knows of it, and
 * whoever wants it has it.
 */
#include "unit.h"

#include <hal/hal.h>
#include <ipc/direct.h>
#include <ipc/space.h>
#include <kern/ledger.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/mach_port_server.h>
#include <mach/task_server.h>

/* A message with one right. */
struct message {
    mach_msg_base_t base;
    mach_msg_port_descriptor_t right;
};

static struct thread *here, *there; /* of two tasks */
static mach_port_name_t name;       /* of a receive right that `here` has, with a send right */
static mach_port_name_t left;       /* what `there` had for it, which left again */

static struct thread *make_thread(void)
{
    struct task *task;
    struct thread *t;

    SIM_CHECK(task_create_from(thread_current()->task, false, &task) == KERN_SUCCESS);
    SIM_CHECK(thread_create(task, &t) == KERN_SUCCESS);
    t->cpu = hal_cpu_self();
    t->uctx.form = UCTX_CALL;
    t->uctx.x[UCTX_A3] = sizeof(struct message); /* argument 2 of its trap */
    return t;
}

/* The right `from` has as `sent` moves to `to`, as on the fast path of messages. Returns: the result of the receive. */
static uint64_t move(struct thread *from, struct thread *to, mach_port_name_t sent,
                     mach_port_name_t *received)
{
    struct cpu *cpu = hal_cpu_self();
    struct thread *current = cpu->current;
    struct message *m = (void *)cpu->message;

    m->base.body.msgh_descriptor_count = 1;
    m->right = (mach_msg_port_descriptor_t){
        .name = sent, .disposition = MACH_MSG_TYPE_MOVE_SEND, .type = MACH_MSG_PORT_DESCRIPTOR};
    SIM_CHECK(kern_message_right(&from->uctx, HAL_RIGHT_BEGIN) == 1);
    cpu->current = to;
    uint64_t result = kern_message_right(&to->uctx, HAL_RIGHT_PASS);
    cpu->current = current;
    *received = m->right.name;
    return result;
}

/* A right goes there, and comes back. */
static void begin(void)
{
    mach_port_name_t back;

    here = make_thread();
    there = make_thread();
    const struct ipc_space *space = there->space;
    const uint32_t names = ipc_space_names(there->space);
    SIM_CHECK(mach_port_allocate(here->space, MACH_PORT_RIGHT_RECEIVE, &name) == KERN_SUCCESS);
    struct ipc_entry *entry = ipc_entry_peek(here->space, name);
    struct ipc_port *right = ipc_port_make_send(entry->object);
    SIM_CHECK(mach_port_insert_right(here->space, name, right, MACH_MSG_TYPE_PORT_SEND) == KERN_SUCCESS);
    SIM_CHECK(move(here, there, name, &left) == MACH_MSG_SUCCESS &&
              ipc_space_names(there->space) == names + 1);
    SIM_CHECK(entry->bits == MACH_PORT_TYPE_RECEIVE && space->recent->bits == MACH_PORT_TYPE_SEND);
    SIM_CHECK(move(there, here, left, &back) == MACH_MSG_SUCCESS && back == name);
    SIM_CHECK(entry->bits == MACH_PORT_TYPE_SEND_RECEIVE && entry->urefs == 1);
    SIM_CHECK(space->recent->bits == 0 && ipc_space_names(there->space) == names);
    SIM_CHECK(ipc_entry_peek(space, left) == space->recent);
}

static void next_right(void)
{
    mach_port_name_t received;

    begin();
    SIM_CHECK(move(here, there, name, &received) == MACH_MSG_SUCCESS);
    SIM_CHECK(received == ipc_name_after(left));
}

/* One name below the limit there is one more, and no other. */
static void limit(void)
{
    mach_port_name_t fresh;

    begin();
    there->task->ledger->names_max = ipc_space_names(there->space) + 1;
    SIM_CHECK(mach_port_allocate(there->space, MACH_PORT_RIGHT_RECEIVE, &fresh) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(there->space, MACH_PORT_RIGHT_RECEIVE, &fresh) == KERN_NO_SPACE);
}

static void limit_of_next_right(void)
{
    mach_port_name_t received;

    begin();
    there->task->ledger->names_max = ipc_space_names(there->space);
    SIM_CHECK(move(here, there, name, &received) == (MACH_RCV_BODY_ERROR | MACH_MSG_IPC_SPACE));
    SIM_CHECK(received == MACH_PORT_NULL);
}

static void name_of_choice(void)
{
    begin();
    SIM_CHECK(mach_port_allocate_name(there->space, MACH_PORT_RIGHT_DEAD_NAME, left) == KERN_SUCCESS);
    SIM_CHECK(ipc_entry_peek(there->space, left)->bits == MACH_PORT_TYPE_DEAD_NAME);
    SIM_CHECK(there->space->recent == &ipc_entry_none);
}

static void end_of_space(void)
{
    begin();
    ipc_space_deactivate(there->space);
    while (!ipc_space_clear_step(there->space))
        continue;
    SIM_CHECK(there->space->used == 0 && there->space->recent == &ipc_entry_none);
}

static void run(void (*test)(void), const char *title)
{
    unit_in_kernel(sim_config_default(), test, SIM_FAILED, UNIT_DONE, title);
}

int main(void)
{
    run(next_right, "the next right has it");
    run(limit, "the limit of names does not know of it");
    run(limit_of_next_right, "a right that comes above the limit does not get it");
    run(name_of_choice, "its name can be asked for");
    run(end_of_space, "it goes with its space");
    return unit_end();
}
