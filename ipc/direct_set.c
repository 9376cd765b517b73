/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch to a thread that waits on a port set.  The rx of a port that is idle but for its sets names the first of them, and
 * the thread is in the rx of that (ipc/pset.h): one more exchange takes it.  All else is as where the thread waits in the port's
 * own rx, and to wait on a set, after an answer, is what it is to wait on a port.
 *
 * A call that asks for the answer at a port, and waits on a set with that, needs both: a right on loan from the port and the word of
 * the set.  The thread remembers the two together (THREAD_RCV_APART).  When the compare-and-swap makes it the waiter, the port
 * may just have moved or died: then the right was made in time before.
 */
#include <ipc/direct.h>

SPECIALISED struct uctx *member_run(struct direct *d, struct direct_message *m, uint64_t rx)
{
    struct ipc_port *receive = d->self->rcv_port;

    if (!partners_change_member(d, m, rx))
        return NULL;
    switch_to_next(d, receive);
    return deliver(d, m);
}

SPECIALISED struct direct member_begin(struct thread *self, struct ipc_entry *entry, struct ipc_port *port,
                                       const struct direct_message *m, bool reply, bool registers)
{
    return (struct direct){.self = self,
                           .cpu = self->cpu,
                           .entry = entry,
                           .port = port,
                           .remote = m->head.msgh_remote_port,
                           .size = m->head.msgh_size,
                           .reply = reply,
                           .registers = registers,
                           .timed = receive_is_timed(self, registers)};
}

struct uctx *ipc_direct_member_call(struct thread *self, struct ipc_entry *entry, struct ipc_port *port,
                                    struct direct_message *m, bool registers, uint64_t rx)
{
    struct direct d = member_begin(self, entry, port, m, false, registers);

    return member_run(&d, m, rx);
}

struct uctx *ipc_direct_member_reply(struct thread *self, struct ipc_entry *entry, struct ipc_port *port,
                                     struct direct_message *m, bool registers, uint64_t rx)
{
    struct direct d = member_begin(self, entry, port, m, true, registers);

    return member_run(&d, m, rx);
}

struct uctx *ipc_direct_apart(struct thread *self, struct direct_message *m, uint32_t size)
{
    struct direct d = {.self = self,
                       .cpu = self->cpu,
                       .remote = m->head.msgh_remote_port,
                       .rcv_name = self->rcv_name,
                       .timed = receive_is_timed(self, false),
                       .size = size};
    struct uctx *next = NULL;

    if (m->head.msgh_bits == IPC_DIRECT_CALL &&
        ipc_direct_receives_apart(self, (mach_port_name_t)hal_uctx_arg(&self->uctx, 4),
                                  m->head.msgh_local_port))
        next = direct_run(&d, m);
    return next != NULL ? next : ipc_direct_general(self);
}
