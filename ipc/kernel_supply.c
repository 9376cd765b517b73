/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_object_data_supply, the short way: what a pager does most.
 *
 * On the general path the message's memory becomes a copy on write, which the kernel takes apart again, and copies.  Here the object is
 * found as for RPC (ipc/kernel_rpc.c), and the pages are read where they are.  Everything that is not as usual is for the general path,
 * which finds nothing changed but pages that are there already.
 */
#include <ipc/direct.h>
#include <ipc/kernel_rpc.h>
#include <ipc/msg.h>
#include <kern/mig_convert.h>
#include <vm/memory_object.h>

#define SUPPLY_BITS (MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX)

/* Is it what the stub makes for memory that the sender keeps, without an answer?  Its rights and memory are still names and addresses. */
static bool is_supply(const __Request__memory_object_data_supply_t *m)
{
    return ipc_kernel_may_supply(&m->Head, m->Head.msgh_size) && m->Head.msgh_bits == SUPPLY_BITS &&
           m->Head.msgh_local_port == MACH_PORT_NULL && m->msgh_body.msgh_descriptor_count == 2 &&
           m->data.type == MACH_MSG_OOL_DESCRIPTOR && m->reply_to.type == MACH_MSG_PORT_DESCRIPTOR &&
           m->reply_to.name == MACH_PORT_NULL && m->dataCnt == m->data.size && !m->data.deallocate;
}

bool ipc_kernel_supply(const struct thread *self, const mach_msg_header_t *head, struct thread **waiter)
{
    const __Request__memory_object_data_supply_t *m = (const void *)head;

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

/* Self begins to wait where it receives, if nothing is there, and `waiter` can go on in its place. Returns false: nothing changed. */
static bool change_places(struct thread *self, struct thread *waiter)
{
    const uint64_t priority = __atomic_load_n(&self->priority, __ATOMIC_RELAXED);
    uint64_t idle = self->rcv_idle;

    if (self->rcv_name != (mach_port_name_t)hal_uctx_arg(&self->uctx, 4) || self->reply_entry->bits != 0 ||
        !thread_may_follow(waiter))
        return false;
    fpu_release(self->cpu);
    __atomic_store_n(&self->state, receive_is_timed(self, false) ? THREAD_RECEIVING_TIMED : THREAD_RECEIVING,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&self->priority, __atomic_load_n(&self->own_priority, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(self->rcv_rx, &idle, (uint64_t)(uintptr_t)self | ipc_msg_rx_form(self),
                                    false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        return true;
    __atomic_store_n(&self->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    __atomic_store_n(&self->priority, priority, __ATOMIC_RELAXED);
    return false;
}

struct uctx *ipc_direct_supply(struct thread *self, mach_msg_header_t *head, uint32_t size)
{
    struct thread *waiter;

    head->msgh_size = size;
    if (!ipc_kernel_supply(self, head, &waiter))
        return NULL;
    if (waiter != NULL && change_places(self, waiter)) {
        thread_follow(waiter);
        return thread_exit_to_follow();
    }
    self->op.ipc.registers = false;
    ipc_receive_decode(self);
    if (waiter != NULL || !ipc_simple_receive(self))
        ipc_msg_receive(self, waiter);
    return trap_exit(self);
}
