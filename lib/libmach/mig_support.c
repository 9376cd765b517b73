/* SPDX-License-Identifier: BSD-2-Clause */
/* What the code that MIG generates needs: a reply port for each thread, memory, and strings. */
#include <libmach/rpc.h>
#include <mach/mach.h>

mach_port_t mig_get_reply_port(void)
{
    struct mach_thread_block *self = mach_thread_block_self();

    if (self->reply_port == MACH_PORT_NULL)
        self->reply_port = mach_reply_port();
    return self->reply_port;
}

void mig_dealloc_reply_port(mach_port_t reply_port)
{
    struct mach_thread_block *self = mach_thread_block_self();

    /* Forget it first: the call that destroys it gets itself another one. */
    if (self->reply_port == reply_port)
        self->reply_port = MACH_PORT_NULL;
    /* If that call fails, too, the kernel is out of memory: a port is lost, but there is an end. */
    if (reply_port == MACH_PORT_NULL || self->destroys_reply_port)
        return;
    self->destroys_reply_port = TRUE;
    (void)mach_port_mod_refs(mach_task_self(), reply_port, MACH_PORT_RIGHT_RECEIVE, -1);
    self->destroys_reply_port = FALSE;
}

void mig_put_reply_port(mach_port_t reply_port)
{
    (void)reply_port; /* the thread keeps it for its next call */
}

void mig_deallocate(vm_address_t address, vm_size_t size)
{
    (void)mach_vm_deallocate(mach_task_self(), address, size);
}

mach_msg_size_t mig_strncpy(char *dest, const char *src, mach_msg_size_t len)
{
    mach_msg_size_t i = 0;

    if (len == 0)
        return 0;
    for (; i + 1 < len && src[i] != '\0'; i++)
        dest[i] = src[i];
    dest[i] = '\0';
    return i + 1;
}
