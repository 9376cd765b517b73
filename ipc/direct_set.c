/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch through port sets: a call to a port whose receiver waits on a set, and an answer after which self waits on one.
 *
 * The partner of such a call is no secret of the port's rx: it is on the set's list, an ordinary waiter, and is claimed there as by
 * any sender: the port is locked, then the set, then the thread.  A request to the thread (ast) that came while it waited is for the
 * general path to serve; the thread's lock keeps others off until it runs.
 *
 * Self waits on a set under the locks of the set, which is found under that of the space, and of self; with both held, the
 * partner's port is locked by one exchange that never waits, so the order of the locks does not matter there.
 */
#include <ipc/direct.h>
#include <ipc/msg.h>
#include <ipc/pset.h>

/* --- the partner waits on a set --- */

/* The first who waits on the set; self becomes a waiter. Context: port and set locked. */
static bool waiter_take(struct direct *d, struct direct_message *m, struct thread *t)
{
    d->next = t;
    d->next_registers = t->op.ipc.registers;
    spin_lock(&t->lock);
    bool taken = t->ast == 0 && partner_fits(d, m) && become_waiter(d);
    if (taken) {
        list_remove(&t->wait_link);
        t->wait = THREAD_WAIT_NONE;
        t->wait_object = NULL;
        t->continuation = NULL;
        t->state = THREAD_RUNNING;
    }
    spin_unlock(&t->lock);
    return taken;
}

/* The first who waits on the first of its sets. Context: port locked. */
static bool member_take(struct direct *d, struct direct_message *m)
{
    struct ipc_pset *pset = CONTAINER_OF(list_first(&d->port->sets), struct ipc_pset_link, port_link)->pset;

    spin_lock(&pset->lock);
    struct list *node = list_first(&pset->receivers);
    bool taken = node != NULL && waiter_take(d, m, CONTAINER_OF(node, struct thread, wait_link));
    spin_unlock(&pset->lock);
    return taken;
}

/* Would a message that is sent now be the first, and go to whoever waits on a set? Context: port locked. */
static bool member_is_idle(const struct ipc_port *port)
{
    return port->place == IPC_PORT_IN_SPACE && port->in_set && port->msgcount == 0 &&
           list_empty(&port->receivers) && list_empty(&port->senders);
}

static bool call_member(struct direct *d, struct direct_message *m)
{
    if (!find_destination(d))
        return false;
    d->rx = __atomic_exchange_n(&d->port->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if (d->rx == IPC_PORT_RX_LOCKED)
        return false;
    if (d->rx == IPC_PORT_RX_COMPLEX && entry_holds(d) && d->entry->object == d->port &&
        member_is_idle(d->port) && member_take(d, m))
        return true;
    __atomic_store_n(&d->port->rx, d->rx, __ATOMIC_RELEASE);
    return false;
}

/* --- self will wait on a set --- */

/* The set of that name, locked, or NULL. */
static struct ipc_pset *set_lock(struct ipc_space *space, mach_port_name_t name) NO_THREAD_SAFETY_ANALYSIS
{
    struct ipc_pset *pset = NULL;

    spin_lock(&space->lock);
    struct ipc_entry *entry = ipc_entry_lookup(space, name);
    if (entry != NULL && (entry->bits & MACH_PORT_TYPE_PORT_SET) != 0) {
        pset = entry->object;
        spin_lock(&pset->lock);
    }
    spin_unlock(&space->lock);
    return pset;
}

/* Self waits, its right is used. Context: self and the set locked; afterwards it may run elsewhere as soon as they are not. */
static void set_wait(const struct direct *d, struct ipc_pset *pset) REQUIRES(pset->lock)
{
    struct thread *self = d->self;

    fpu_release(d->cpu);
    self->op.ipc.registers = d->registers;
    ipc_receive_decode(self);
    self->op.ipc.rcv_name = d->rcv_name;
    self->op.ipc.kmsg = NULL;
    if (d->timeout_ms != 0)
        thread_set_timeout(self, d->timeout_ms);
    reply_right_use(d);
    list_insert_tail(&pset->receivers, &self->wait_link);
    self->wait = THREAD_WAIT_RECEIVE_SET;
    self->wait_object = pset;
    self->continuation = ipc_receive_continuation(self);
    self->state = THREAD_WAITING;
}

static bool answer_and_wait(struct direct *d, struct direct_message *m) NO_THREAD_SAFETY_ANALYSIS
{
    struct thread *self = d->self;

    d->entry = self->reply_entry;
    d->port = d->entry->object;
    struct ipc_pset *pset = entry_holds(d) ? set_lock(self->space, d->rcv_name) : NULL;
    if (pset == NULL)
        return false;
    spin_lock(&self->lock);
    bool good = pset->active && list_empty(&pset->ready) && self->ast == 0 && take_receiver(d, m);
    if (good)
        set_wait(d, pset);
    spin_unlock(&self->lock);
    spin_unlock(&pset->lock);
    return good;
}

/* What self wants, from the arguments of its trap. */
static void wants_read(struct direct *d, const struct direct_message *m)
{
    const struct uctx *u = &d->self->uctx;
    struct hal_rpc rpc;

    if (d->registers) {
        hal_uctx_get_rpc(u, &rpc);
        d->remote = rpc.remote;
        d->rcv_name = rpc.local;
        d->size = ipc_rpc_size(rpc.header);
        return;
    }
    d->remote = m->head.msgh_remote_port;
    d->size = (uint32_t)hal_uctx_arg(u, 2);
    d->rcv_name = (mach_port_name_t)hal_uctx_arg(u, 4);
    if ((hal_uctx_arg(u, 1) & MACH_RCV_TIMEOUT) != 0)
        d->timeout_ms = (uint32_t)hal_uctx_arg(u, 5);
}

struct uctx *ipc_direct_set(struct thread *self, struct direct_message *m, bool registers, bool reply)
{
    struct ipc_port *receive = self->rcv_port;
    struct direct d = {
        .self = self, .cpu = self->cpu, .registers = registers, .reply = reply, .member = !reply};

    wants_read(&d, m);
    if (reply ? !answer_and_wait(&d, m) : !call_member(&d, m))
        return NULL;
    switch_to_next(&d, receive);
    return deliver(&d, m);
}
