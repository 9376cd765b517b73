/* SPDX-License-Identifier: BSD-2-Clause */
/* Start-up of the module, and what a thread has to do with it at its beginning and end. */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/kmsg.h>
#include <ipc/mqueue.h>
#include <ipc/port.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <kern/ledger.h>

void ipc_init(void)
{
    ipc_port_init_module();
    ipc_request_init_module();
    ipc_pset_init_module();
    ipc_space_init_module();
    ipc_kmsg_init_module();
    ipc_mqueue_init_module();
}

void ipc_thread_init(struct thread *t)
{
    t->rcv_name = THREAD_RCV_NONE;
    t->call_entry = &ipc_entry_none;
    t->reply_entry = &ipc_entry_none;
}

void ipc_thread_cleanup(struct thread *t)
{
    ipc_thread_uncache(t);
    ipc_entry_unreserve(t);
}

void ipc_trap_reply_port(struct thread *self)
{
    struct ipc_port *port = ipc_port_alloc(&self->space->ledger->memory);
    mach_port_name_t name = MACH_PORT_NULL;

    if (port != NULL &&
        ipc_right_copyout(self->space, port, MACH_MSG_TYPE_PORT_RECEIVE, &name) != KERN_SUCCESS)
        ipc_port_destroy(port);
    hal_uctx_set_result(&self->uctx, name);
}
