/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads with stacks.
 *
 *   stack                                                     top
 *   | guard page | ... stack, growing down ... | thread block |
 *
 * A thread can't free the stack it runs on, and it may be ended by others at any moment.  So the library
 * keeps a send right for each thread it started; once the thread is gone for good, that right is a dead name,
 * and whoever looks next frees the stack.
 */
#include <libmach/lock.h>
#include <libmach/rpc.h>
#include <libmach/thread.h>
#include <mach/mach.h>
#include <stddef.h>

static struct mach_lock lock;
/* All that were started and whose stacks were not freed; under lock. */
static struct mach_thread_block *threads;

static boolean_t is_dead(mach_port_t thread)
{
    mach_port_type_t type;

    return mach_port_type(mach_task_self(), thread, &type) == KERN_SUCCESS &&
           (type & MACH_PORT_TYPE_DEAD_NAME) != 0;
}

unsigned mach_thread_reap(void)
{
    unsigned alive = 0;

    mach_lock_acquire(&lock);
    for (struct mach_thread_block **link = &threads; *link != NULL;) {
        struct mach_thread_block *block = *link;
        if (!is_dead(block->thread)) {
            alive++;
            link = &block->next;
            continue;
        }
        *link = block->next;
        (void)mach_port_deallocate(mach_task_self(), block->thread);
        if (block->reply_port != MACH_PORT_NULL) /* ended by somebody else */
            (void)mach_port_mod_refs(mach_task_self(), block->reply_port, MACH_PORT_RIGHT_RECEIVE, -1);
        (void)mach_vm_deallocate(mach_task_self(), block->stack, PAGE_SIZE + MACH_THREAD_STACK_SIZE);
    }
    mach_lock_release(&lock);
    return alive;
}

static void thread_main(struct mach_thread_block *self)
{
    (void)mach_thread_set_tls((vm_address_t)self);
    self->function(self->argument);
    mach_thread_exit();
}

void mach_thread_exit(void)
{
    struct mach_thread_block *self = mach_thread_block_self();

    /* The reply port is freed with the stack: this call still needs it. */
    for (;;)
        (void)thread_terminate(self->thread != MACH_PORT_NULL ? self->thread : mach_thread_self());
}

/* A stack with its thread block at the top, not yet in the list. */
static kern_return_t stack_create(struct mach_thread_block **block)
{
    const mach_vm_size_t size = PAGE_SIZE + MACH_THREAD_STACK_SIZE;
    mach_vm_address_t stack = 0;

    kern_return_t kr = mach_vm_allocate(mach_task_self(), &stack, size, VM_FLAGS_ANYWHERE);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = mach_vm_protect(mach_task_self(), stack, PAGE_SIZE, FALSE, VM_PROT_NONE);
    if (kr != KERN_SUCCESS) {
        (void)mach_vm_deallocate(mach_task_self(), stack, size);
        return kr;
    }
    *block = (struct mach_thread_block *)((stack + size - sizeof(**block)) & ~UINT64_C(15));
    (*block)->self = *block;
    (*block)->stack = stack;
    return KERN_SUCCESS;
}

kern_return_t mach_thread_prepare(void (*function)(void *argument), void *argument, mach_port_t *thread)
{
    struct mach_thread_block *block;
    thread_state_data_t state;
    natural_t count;

    (void)mach_thread_reap();
    kern_return_t kr = stack_create(&block);
    if (kr != KERN_SUCCESS)
        return kr;
    block->function = function;
    block->argument = argument;
    mach_thread_state_init(state, &count, (vm_address_t)thread_main, (vm_address_t)block, (uint64_t)block);
    kr = thread_create(mach_task_self(), &block->thread);
    if (kr != KERN_SUCCESS)
        goto free_stack;
    kr = thread_set_state(block->thread, THREAD_STATE_FLAVOR_GENERAL, state, count);
    if (kr == KERN_SUCCESS && thread != NULL)
        kr = mach_port_mod_refs(mach_task_self(), block->thread, MACH_PORT_RIGHT_SEND, 1);
    if (kr != KERN_SUCCESS)
        goto end_thread;
    if (thread != NULL)
        *thread = block->thread;

    mach_lock_acquire(&lock);
    block->next = threads;
    threads = block;
    mach_lock_release(&lock);
    return KERN_SUCCESS;

end_thread:
    (void)thread_terminate(block->thread);
    (void)mach_port_deallocate(mach_task_self(), block->thread);
free_stack:
    (void)mach_vm_deallocate(mach_task_self(), block->stack, PAGE_SIZE + MACH_THREAD_STACK_SIZE);
    return kr;
}

kern_return_t mach_thread_start(void (*function)(void *argument), void *argument, mach_port_t *thread)
{
    mach_port_t made;

    kern_return_t kr = mach_thread_prepare(function, argument, &made);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = thread_resume(made);
    if (kr != KERN_SUCCESS)
        (void)thread_terminate(made);
    if (kr != KERN_SUCCESS || thread == NULL)
        (void)mach_port_deallocate(mach_task_self(), made);
    else
        *thread = made;
    return kr;
}
