/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving: find the port or set that a name denotes, take a message or wait for one, in either form; and ending such
 * waits from outside.
 */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/msg.h>
#include <ipc/pset.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/thread.h>

void ipc_receive_decode(struct thread *t)
{
    const struct uctx *u = &t->uctx;

    t->op.ipc.reply_name = MACH_PORT_NULL;
    if (t->op.ipc.registers) {
        /* the fast path saves no arguments; a set is still there when the port beside it was forgotten */
        t->op.ipc.rcv_name = t->rcv_set != NULL ? t->rcv_set->name : (mach_port_name_t)t->rcv_name;
        t->op.ipc.option = MACH_RCV_MSG | MACH_RCV_LARGE;
        if (t->state == THREAD_RECEIVING_TIMED) {
            t->op.ipc.option |= MACH_RCV_TIMEOUT;
            t->op.ipc.timeout_ms = t->rcv_timeout_ms;
        }
        t->op.ipc.size = 0;
        return;
    }
    t->op.ipc.buffer = hal_uctx_arg(u, 0);
    t->op.ipc.option = (uint32_t)hal_uctx_arg(u, 1);
    t->op.ipc.size = (uint32_t)hal_uctx_arg(u, 3);
    t->op.ipc.rcv_name = (mach_port_name_t)hal_uctx_arg(u, 4);
    t->op.ipc.timeout_ms = (uint32_t)hal_uctx_arg(u, 5);
}

/* Is self to wait at all? MACH_RCV_TIMEOUT with 0 only polls. */
static bool receive_polls(const struct thread *self)
{
    return (self->op.ipc.option & MACH_RCV_TIMEOUT) != 0 && self->op.ipc.timeout_ms == 0;
}

static void receive_set_timeout(struct thread *self)
{
    if (self->op.ipc.option & MACH_RCV_TIMEOUT)
        thread_set_timeout(self, self->op.ipc.timeout_ms);
}

/* The receive is over without a wait. */
static void receive_done(struct thread *self, enum ipc_take taken, mach_msg_return_t result)
{
    self->wait_result = THREAD_AWAKENED;
    if (taken == IPC_TAKE_MESSAGE) {
        if (self->op.ipc.registers)
            ipc_rpc_finish(self);
        else
            ipc_msg_finish(self);
        return;
    }
    if (taken == IPC_TAKE_TOO_LARGE)
        result = MACH_RCV_TOO_LARGE;
    else if (taken == IPC_TAKE_NO_MEMORY)
        result = MACH_RCV_HEADER_ERROR | MACH_MSG_IPC_KERNEL;
    self->op.ipc.result = (uint32_t)result;
    ipc_msg_receive_failed(self);
}

/*
 * Wait on `port`. Alone, on a port that is idle otherwise, self becomes the waiter in rx: from the unlock on the short paths
 * (ipc/ipc_fast.h, ipc/direct.c) can take it. Context: port locked.
 */
static void wait_on_port(struct thread *self, struct ipc_port *port)
{
    bool alone =
        port->fast == NULL && list_empty(&port->receivers) && list_empty(&port->senders) && !port->in_set;

    self->op.ipc.kmsg = NULL;
    if (alone && ipc_thread_cache(self, port)) {
        port->fast = self;
        /* no continuation, no object: the short paths resume it as it is; who claims it otherwise gives it what it needs */
        thread_block(self, THREAD_WAIT_RECEIVE, NULL, NULL);
        return;
    }
    ipc_port_fast_to_list(port);
    list_insert_tail(&port->receivers, &self->wait_link);
    thread_block(self, THREAD_WAIT_RECEIVE, port, ipc_receive_continuation(self));
}

/* Wake `receiver`, or let it have this CPU if the current thread has left it. */
static void receiver_run(struct thread *receiver, bool blocked)
{
    if (receiver == NULL)
        return;
    if (blocked)
        thread_handoff(receiver);
    else
        thread_wakeup(receiver, THREAD_AWAKENED);
}

/* Context: port locked; unlocks it. */
static void receive_from_port(struct thread *self, struct ipc_port *port, struct thread *receiver)
{
    enum ipc_take taken = ipc_mqueue_take(port, self);
    bool block = taken == IPC_TAKE_EMPTY && !receive_polls(self);

    if (block) {
        receive_set_timeout(self);
        wait_on_port(self, port);
    }
    ipc_port_unlock(port);
    receiver_run(receiver, block);
    if (!block)
        receive_done(self, taken, MACH_RCV_TIMED_OUT);
}

/* Take a message from some member. Context: no lock. */
static enum ipc_take take_from_set(struct thread *self, struct ipc_pset *pset)
{
    for (;;) {
        ipc_pset_lock(pset);
        struct ipc_port *port = ipc_pset_next_ready(pset);
        ipc_pset_unlock(pset);
        if (port == NULL)
            return IPC_TAKE_EMPTY;
        ipc_port_lock(port);
        enum ipc_take taken = port->in_set ? ipc_mqueue_take(port, self) : IPC_TAKE_EMPTY;
        if (taken != IPC_TAKE_TOO_LARGE && !ipc_mqueue_has_messages(port))
            ipc_pset_not_ready(pset, port);
        ipc_port_unlock(port);
        ipc_port_unref(port);
        if (taken != IPC_TAKE_EMPTY)
            return taken;
    }
}

/* As wait_on_port(). Context: set locked. */
static void set_waiter(struct thread *self, struct ipc_pset *pset)
{
    bool alone = pset->fast == NULL && list_empty(&pset->receivers);

    if (alone && ipc_pset_cache(self, pset)) {
        pset->fast = self;
        thread_block(self, THREAD_WAIT_RECEIVE_SET, NULL, NULL);
        return;
    }
    ipc_pset_fast_to_list(pset);
    list_insert_tail(&pset->receivers, &self->wait_link);
    thread_block(self, THREAD_WAIT_RECEIVE_SET, pset, ipc_receive_continuation(self));
}

/* Wait on the set, unless a message came meanwhile. Returns false then. Context: no lock. */
static bool wait_on_set(struct thread *self, struct ipc_pset *pset)
{
    bool wait = false;

    self->op.ipc.kmsg = NULL;
    receive_set_timeout(self);
    ipc_pset_lock(pset);
    if (list_empty(&pset->ready) && pset->active) {
        wait = true;
        set_waiter(self, pset);
    }
    ipc_pset_unlock(pset);
    return wait;
}

/* Consumes a reference to the set. */
static void receive_from_set(struct thread *self, struct ipc_pset *pset, struct thread *receiver)
{
    for (;;) {
        enum ipc_take taken = take_from_set(self, pset);
        bool active = ipc_pset_is_active(pset);
        if (taken != IPC_TAKE_EMPTY || receive_polls(self) || !active) {
            ipc_pset_unref(pset);
            receiver_run(receiver, false);
            receive_done(self, taken, active ? MACH_RCV_TIMED_OUT : MACH_RCV_PORT_DIED);
            return;
        }
        if (wait_on_set(self, pset)) {
            ipc_pset_unref(pset);
            receiver_run(receiver, true);
            return;
        }
        thread_clear_timeout(self);
    }
}

/* What rcv_name is while self remembers where it receives now; UINT64_MAX: self remembers something else. */
static uint64_t key_of_receive(const struct thread *self)
{
    uint64_t name = self->op.ipc.rcv_name;

    if (__builtin_expect(self->op.ipc.reply_name == MACH_PORT_NULL, 1))
        return name;
    return self->rcv_loan > 0 && self->rcv_port->name == self->op.ipc.reply_name ? name | THREAD_RCV_APART
                                                                                 : UINT64_MAX;
}

/* Remember the set with the port that the answers go to, for calls like this one. Context: space locked. */
static void remember_apart(struct thread *self, struct ipc_pset *pset)
{
    struct ipc_entry *entry = ipc_entry_lookup(self->space, self->op.ipc.reply_name);

    if (self->rcv_rx != NULL || entry == NULL || (entry->bits & MACH_PORT_TYPE_RECEIVE) == 0)
        return;
    struct ipc_port *port = entry->object;
    ipc_port_lock(port);
    if (ipc_thread_cache(self, port))
        ipc_pset_cache_apart(self, pset);
    ipc_port_unlock(port);
}

void ipc_msg_receive(struct thread *self, struct thread *receiver)
{
    struct ipc_space *space = self->space;
    struct ipc_pset *pset = NULL;
    struct ipc_port *port = NULL;

    if (self->reply_entry->bits != 0)
        ipc_entry_reserve(self);
    if (self->rcv_rx != NULL && __atomic_load_n(&self->rcv_name, __ATOMIC_RELAXED) != key_of_receive(self))
        ipc_thread_uncache(self);
    spin_lock(&space->lock);
    /* neither a receive right nor a set is a plain send right: the key is ~name */
    struct ipc_entry *entry = ipc_entry_peek(space, self->op.ipc.rcv_name);
    bool found = entry != NULL && ~entry->key == self->op.ipc.rcv_name;
    if (found && (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0) {
        port = entry->object;
        ipc_port_lock(port);
    } else if (found && (entry->bits & MACH_PORT_TYPE_PORT_SET) != 0) {
        pset = entry->object;
        ipc_pset_ref(pset);
        if (self->op.ipc.reply_name != MACH_PORT_NULL)
            remember_apart(self, pset);
    }
    spin_unlock(&space->lock);
    if (port != NULL) {
        receive_from_port(self, port, receiver);
    } else if (pset != NULL) {
        receive_from_set(self, pset, receiver);
    } else {
        receiver_run(receiver, false);
        receive_done(self, IPC_TAKE_EMPTY, MACH_RCV_INVALID_NAME);
    }
}

/* --- ending a wait from outside --- */

/*
 * The port and the set that t remembers, locked, or NULL.  t keeps them, and may run and forget them.  Their memory stays what it is
 * until this CPU polls, which memory that gets another use waits for: so whoever has waited reads the pointer again.  At worst the
 * lock of one is taken that t does not remember any more.
 */
static struct ipc_port *remembered_port_lock(struct thread *t)
{
    struct ipc_port *port;

    while ((port = __atomic_load_n(&t->rcv_port, __ATOMIC_RELAXED)) != NULL && !ipc_port_trylock(port)) {
        smp_poll();
        hal_cpu_pause();
    }
    return port;
}

static struct ipc_pset *remembered_set_lock(struct thread *t)
{
    struct ipc_pset *pset;

    while ((pset = __atomic_load_n(&t->rcv_set, __ATOMIC_RELAXED)) != NULL && !ipc_pset_trylock(pset)) {
        smp_poll();
        hal_cpu_pause();
    }
    return pset;
}

void ipc_wait_make_slow(struct thread *t)
{
    struct ipc_pset *pset = remembered_set_lock(t);

    if (pset != NULL) {
        if (pset->fast == t)
            ipc_pset_fast_to_list(pset);
        ipc_pset_unlock(pset);
    }
    struct ipc_port *port = remembered_port_lock(t);
    if (port != NULL) {
        if (port->fast == t)
            ipc_port_fast_to_list(port);
        ipc_port_unlock(port);
    }
}

/* Is t on a list of the port? Then it is taken off. Context: port locked. */
static bool claim_listed(struct thread *t, void *object)
{
    if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) != THREAD_WAITING ||
        __atomic_load_n(&t->wait_object, __ATOMIC_RELAXED) != object || list_empty(&t->wait_link))
        return false;
    list_remove(&t->wait_link);
    return true;
}

static bool claim_from_port(struct thread *t, struct ipc_port *port)
{
    ipc_port_lock(port);
    bool mine = claim_listed(t, port);
    /* a sender that leaves the queue may have been what kept those behind it waiting */
    if (mine && t->wait == THREAD_WAIT_SEND)
        ipc_mqueue_admit(port);
    ipc_port_unlock(port);
    return mine;
}

static bool claim_from_set(struct thread *t, struct ipc_pset *pset)
{
    ipc_pset_lock(pset);
    bool mine = claim_listed(t, pset);
    ipc_pset_unlock(pset);
    return mine;
}

bool ipc_wait_claim(struct thread *t, enum thread_wait_result result)
{
    bool mine = false;

    ipc_wait_make_slow(t);
    /* only now: an ordinary waiter names the object that it is on the list of */
    void *object = __atomic_load_n(&t->wait_object, __ATOMIC_RELAXED);
    enum thread_wait wait = __atomic_load_n(&t->wait, __ATOMIC_RELAXED);

    if (object != NULL) {
        if (wait == THREAD_WAIT_RECEIVE_SET)
            mine = claim_from_set(t, object);
        else if (wait == THREAD_WAIT_RECEIVE || wait == THREAD_WAIT_SEND)
            mine = claim_from_port(t, object);
    }
    if (mine)
        ipc_receiver_fail(t, result == THREAD_TIMED_OUT ? MACH_RCV_TIMED_OUT : MACH_RCV_INTERRUPTED);
    return mine;
}
