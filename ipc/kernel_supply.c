/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_object_data_supply, the short way: what a pager does most.
 *
 * On the general path the message's memory becomes a copy on write, which the kernel takes apart again, and copies.  Here the object is
 * found as for RPC (ipc/kernel_rpc.c), and the pages are read where they are.  Everything that is not as usual is for the general path,
 * which finds nothing changed but pages that are there already.
 */
#include <ipc/entry.h>
#include <ipc/kernel_rpc.h>
#include <ipc/kmsg.h>
#include <ipc/msg.h>
#include <kern/mig_convert.h>
#include <mach/memory_object_control_server.h>
#include <vm/memory_object.h>

#define ID_DATA_SUPPLY 2001
#define SUPPLY_BITS (MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX)

/* Is it what the stub makes for memory that the sender keeps, without an answer?  Its rights and memory are still names and addresses. */
static bool is_supply(const __Request__memory_object_data_supply_t *m)
{
    return m->Head.msgh_id == ID_DATA_SUPPLY && m->Head.msgh_bits == SUPPLY_BITS &&
           m->Head.msgh_size == sizeof(*m) && m->Head.msgh_local_port == MACH_PORT_NULL &&
           m->msgh_body.msgh_descriptor_count == 2 && m->data.type == MACH_MSG_OOL_DESCRIPTOR &&
           m->reply_to.type == MACH_MSG_PORT_DESCRIPTOR && m->reply_to.name == MACH_PORT_NULL &&
           m->dataCnt == m->data.size && !m->data.deallocate;
}

bool ipc_kernel_supply(const struct thread *self, const struct ipc_kmsg *kmsg, struct thread **waiter)
{
    const __Request__memory_object_data_supply_t *m = (const void *)&kmsg->head;

    *waiter = NULL;
    if (!is_supply(m))
        return false;
    const struct ipc_entry *entry = ipc_entry_peek(self->space, m->Head.msgh_remote_port);
    struct ipc_port *port = entry != NULL ? ipc_kernel_object_find(entry, m->Head.msgh_remote_port) : NULL;
    if (port == NULL)
        return false;
    struct memory_object *pager = convert_port_to_memory_object(port);
    ipc_port_unref(port);
    if (pager == NULL)
        return false;
    bool done = memory_object_supply_few(pager, m->offset, (hal_va_t)m->data.address, m->data.size,
                                         m->lock_value, m->precious != FALSE, waiter);
    memory_object_unref(pager);
    return done;
}
