/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <ipc/port.h>
#include <ipc/right.h>
#include <kern/console.h>
#include <kern/host.h>
#include <kern/mig_convert.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <mach/thread_switch.h>
#include <sched/sched.h>
#include <vm/memory_object.h>
#include <vm/vm_map.h>

/* --- names for oneself --- */

/* Consumes a send right, or NULL. */
static void result_right(struct thread *self, struct ipc_port *right)
{
    mach_port_name_t name = MACH_PORT_NULL;

    if (right != NULL &&
        ipc_right_copyout(self->space, right, MACH_MSG_TYPE_PORT_SEND, &name) != KERN_SUCCESS) {
        ipc_port_release_send(right);
        name = MACH_PORT_NULL;
    }
    hal_uctx_set_result(&self->uctx, name);
}

void trap_thread_self(struct thread *self)
{
    result_right(self, thread_make_port(self));
}

void trap_task_self(struct thread *self)
{
    result_right(self, task_make_port(self->task));
}

void trap_host_self(struct thread *self)
{
    result_right(self, host_make_port());
}

/* --- thread_switch --- */

static void wait_over(struct thread *self)
{
    hal_uctx_set_result(&self->uctx, KERN_SUCCESS);
}

/* Run the thread that `name` stands for next, if it is ready. */
static kern_return_t switch_to(struct thread *self, mach_port_name_t name)
{
    struct ipc_port *port;
    kern_return_t kr = ipc_right_copyin(self->space, name, MACH_MSG_TYPE_COPY_SEND, &port);

    if (kr != KERN_SUCCESS)
        return KERN_INVALID_ARGUMENT;
    struct thread *t = convert_port_to_thread(port);
    ipc_port_release_send(port);
    if (t == NULL)
        return KERN_INVALID_ARGUMENT;
    spin_lock(&t->lock);
    if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) == THREAD_READY && sched_dequeue(t))
        sched_handoff(t);
    spin_unlock(&t->lock);
    thread_unref(t);
    return KERN_SUCCESS;
}

/* To a thread, or with an option. */
static __attribute__((noinline)) void switch_with_options(struct thread *self)
{
    mach_port_name_t name = (mach_port_name_t)hal_uctx_arg(&self->uctx, 0);
    int option = (int)hal_uctx_arg(&self->uctx, 1);
    uint32_t ms = (uint32_t)hal_uctx_arg(&self->uctx, 2);
    kern_return_t kr = KERN_SUCCESS;

    if (!valid_switch_option(option))
        kr = KERN_INVALID_ARGUMENT;
    else if (name != MACH_PORT_NULL)
        kr = switch_to(self, name);
    hal_uctx_set_result(&self->uctx, (uint64_t)(uint32_t)kr);
    if (kr != KERN_SUCCESS)
        return;
    if (option == SWITCH_OPTION_WAIT) {
        thread_sleep(self, ms, wait_over);
        return;
    }
    if (option == SWITCH_OPTION_DEPRESS)
        sched_depress(self, ms);
    sched_yield(self);
}

void trap_thread_switch(struct thread *self)
{
    /* what is common has no name and no option, and needs no frame */
    if ((uint32_t)hal_uctx_arg(&self->uctx, 0) != MACH_PORT_NULL ||
        (int)hal_uctx_arg(&self->uctx, 1) != SWITCH_OPTION_NONE) {
        switch_with_options(self);
        return;
    }
    hal_uctx_set_result(&self->uctx, KERN_SUCCESS);
    sched_yield(self);
}

/* --- mach_print --- */

#define PRINT_MAX 4096u  /* bytes of a string */
#define PRINT_PIECE 256u /* of them on the console at once */

/* Read a piece of a string: up to its end, the end of the page, or the room in buffer. *n: bytes without NUL.
 */
static kern_return_t print_read(struct thread *self, hal_va_t va, char *buffer, size_t *n, bool *end)
{
    size_t room = HAL_PAGE_SIZE - va % HAL_PAGE_SIZE;

    if (room > PRINT_PIECE)
        room = PRINT_PIECE;
    if (!HAL_USER_RANGE(va, room) || vm_copyin(self->task->map, buffer, va, room) != KERN_SUCCESS)
        return KERN_INVALID_ADDRESS;
    *n = strnlen(buffer, room);
    *end = *n < room;
    return KERN_SUCCESS;
}

/* How long is the string? Another thread may change it while it is printed: then something else is. */
static kern_return_t print_measure(struct thread *self, hal_va_t va, char *buffer, size_t *length)
{
    bool end = false;
    size_t n;

    for (*length = 0; !end; *length += n) {
        kern_return_t kr = print_read(self, va + *length, buffer, &n, &end);
        if (kr != KERN_SUCCESS)
            return kr;
        if (*length + n > PRINT_MAX)
            return KERN_INVALID_ARGUMENT;
    }
    return KERN_SUCCESS;
}

static void print_continue(struct thread *self)
{
    if (memory_object_waited(self) == KERN_ABORTED)
        hal_uctx_set_result(&self->uctx, KERN_ABORTED);
    else
        trap_print(self);
}

void trap_print(struct thread *self)
{
    hal_va_t va = hal_uctx_arg(&self->uctx, 0);
    char buffer[PRINT_PIECE];
    size_t length, n;
    bool end;
    kern_return_t kr = print_measure(self, va, buffer, &length);

    if (kr != KERN_SUCCESS && memory_object_must_wait(self)) {
        memory_object_wait(self, print_continue);
        return;
    }
    while (kr == KERN_SUCCESS && length > 0) {
        kr = print_read(self, va, buffer, &n, &end);
        if (kr != KERN_SUCCESS || n == 0)
            break;
        if (n > length)
            n = length;
        if (n < length) { /* there is more: keep lines whole */
            size_t cut = n;
            while (cut > 0 && buffer[cut - 1] != '\n')
                cut--;
            if (cut > 0)
                n = cut;
        }
        console_write(buffer, n);
        va += n;
        length -= n;
    }
    hal_uctx_set_result(&self->uctx, (uint64_t)(uint32_t)kr);
}
