/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch for messages with rights: up to DIRECT_RIGHTS_MAX port descriptors, but no receive right, between threads in the
 * buffer form.
 *
 * It is the general path's way to take rights, around the switch: self's space is locked, all rights are claimed, which can be undone; if
 * the switch takes place, they are committed.  Then, with no lock held, they get names in the partner's space.  The lock of self's
 * space is above that of a port, so it may be held while the partner's port is locked; and it keeps the space for us after self
 * was published as a waiter and perhaps ended on another CPU: an end of the space needs the lock, too, to clear the entries that
 * are claimed.  To commit locks the ports of the rights, so that comes after the partner's port was unlocked.
 *
 * One right of a usual kind, a send right or one that is made, goes on the fast path of messages (ipc/ipc_fast_message.h), or by the
 * switch here if that declines.  Both call kern_message_right() twice, without claims: a send or receive right leaves its entry only under
 * the space's lock, which is held from the look at the entry until the right is taken.  What the second call needs of the sender is in
 * struct cpu, because the sender may have ended by then.  If the port of the right dies in between, a dead right arrives, as if the port
 * had died on the way.
 */
#include <ipc/check.h>
#include <ipc/direct.h>
#include <ipc/kernel_rpc.h>
#include <ipc/kmsg.h>
#include <ipc/right.h>
#include <ipc/right_steps.h>

#define DIRECT_RIGHTS_MAX 4u
#define ONE_RIGHT_SIZE ((uint32_t)(sizeof(mach_msg_base_t) + sizeof(mach_msg_port_descriptor_t)))

/* The message with what it names. */
struct rights {
    struct direct_message *m;
    uint32_t count;
    struct ipc_right_take take[DIRECT_RIGHTS_MAX];
};

/* What a port descriptor does; no other type of descriptor looks so. */
static inline uint32_t disposition_of(const mach_msg_port_descriptor_t *d)
{
    return (uint32_t)d->type << 8 | d->disposition;
}
_Static_assert(MACH_MSG_PORT_DESCRIPTOR == 0, "a disposition alone");

static mach_msg_port_descriptor_t *descriptors_of(struct direct_message *m)
{
    return (void *)((char *)m + sizeof(mach_msg_base_t));
}

/* Are its rights such as can go this way? */
static bool rights_read(struct rights *r, uint32_t size)
{
    const mach_msg_body_t *body = (const void *)r->m->body;
    const mach_msg_port_descriptor_t *d = descriptors_of(r->m);

    if (size > IPC_DIRECT_SMALL || size < sizeof(mach_msg_base_t))
        return false;
    r->count = body->msgh_descriptor_count;
    if (r->count == 0 || r->count > DIRECT_RIGHTS_MAX ||
        r->count * sizeof(*d) > size - (uint32_t)sizeof(mach_msg_base_t))
        return false;
    for (uint32_t i = 0; i < r->count; i++, d++) {
        if (d->type != MACH_MSG_PORT_DESCRIPTOR || !MACH_MSG_TYPE_PORT_ANY_SEND(d->disposition))
            return false;
        r->take[i] = (struct ipc_right_take){.name = d->name, .disposition = d->disposition};
    }
    return true;
}

/* To who waits at the destination, or on a set that it is in. */
SPECIALISED bool partners_find(struct direct *d, struct direct_message *m)
{
    if (!find_destination(d))
        return false;
    uint64_t rx = lock_port(d);
    return (rx & 1) == 0 ? partners_change(d, m, rx) : partners_change_member(d, m, rx);
}

/* Claim the rights and switch. */
SPECIALISED bool rights_switch(struct direct *d, struct rights *r)
{
    struct ipc_space *space = d->self->space;
    struct ipc_port *receive = d->self->rcv_port;
    uint32_t failed;

    spin_lock(&space->lock);
    bool claimed = space->active && ipc_right_claim(space, r->take, r->count, &failed) == KERN_SUCCESS;
    bool switched = claimed && partners_find(d, r->m);
    if (switched) {
        switch_to_next(d, receive);
        ipc_right_commit(space, r->take, r->count);
    } else if (claimed) {
        ipc_right_unclaim(r->take, r->count);
    }
    spin_unlock(&space->lock);
    return switched;
}

/* The rights get names in the partner's space. Returns: the result of its receive. */
SPECIALISED mach_msg_return_t rights_name(const struct direct *d, struct rights *r)
{
    mach_msg_port_descriptor_t *descriptor = descriptors_of(r->m);
    mach_msg_return_t shortage = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        mach_msg_type_name_t type = ipc_right_result(r->take[i].disposition);
        descriptor[i] = (mach_msg_port_descriptor_t){
            .name = ipc_kmsg_name_right(d->next->space, r->take[i].port, type, &shortage),
            .disposition = type & 0xffu,
            .type = MACH_MSG_PORT_DESCRIPTOR};
    }
    return shortage == 0 ? MACH_MSG_SUCCESS : MACH_RCV_BODY_ERROR | shortage;
}

/* The partner goes on. result: of its receive. */
SPECIALISED struct uctx *rights_deliver(const struct direct *d, struct direct_message *m, uint32_t count,
                                        mach_msg_return_t result)
{
    if (!deliver_buffer(d, m, MACH_MSGH_BITS_COMPLEX))
        return ipc_direct_late(d->next, m, count, result, d->size + d->trailer_size);
    hal_uctx_set_result(&d->next->uctx, (uint32_t)result);
    fpu_resume(d->cpu, d->next);
    return trap_exit_running(d->next); /* a notification may have woken somebody */
}

SPECIALISED struct uctx *several_run(struct direct *d, struct rights *r)
{
    if (!rights_read(r, d->size) || !rights_switch(d, r))
        return NULL;
    ipc_right_tell(r->take, r->count);
    mach_msg_return_t result = rights_name(d, r);
    return rights_deliver(d, r->m, r->count, result);
}

/* One right, by the steps of the fast path, which has begun. */
SPECIALISED struct uctx *one_run(struct direct *d, struct direct_message *m)
{
    struct ipc_port *receive = d->self->rcv_port;

    if (!partners_find(d, m)) {
        (void)kern_message_right(&d->self->uctx, HAL_RIGHT_UNDO);
        return NULL;
    }
    switch_to_next(d, receive);
    mach_msg_return_t result = (mach_msg_return_t)kern_message_right(&d->next->uctx, HAL_RIGHT_PASS);
    return rights_deliver(d, m, 1, result);
}

SPECIALISED struct uctx *rights_run(struct thread *self, struct rights *r, uint32_t size, const bool reply)
{
    struct direct d = {.self = self,
                       .cpu = self->cpu,
                       .rights = true,
                       .reply = reply,
                       .timed = receive_is_timed(self, false),
                       .remote = r->m->head.msgh_remote_port,
                       .rcv_name = (mach_port_name_t)hal_uctx_arg(&self->uctx, 4),
                       .size = size};
    const mach_port_name_t local = r->m->head.msgh_local_port;

    if (!reply && ipc_direct_receives_apart(self, (mach_port_name_t)d.rcv_name, local))
        d.rcv_name =
            self->rcv_name; /* a set, and the answer comes to the port that it remembers beside that */
    else if (local != (reply ? MACH_PORT_NULL : d.rcv_name))
        return NULL;
    if (kern_message_right(&self->uctx, HAL_RIGHT_BEGIN) != 0)
        return one_run(&d, r->m);
    return several_run(&d, r);
}

static NOINLINE struct uctx *rights_call(struct thread *self, struct rights *r, uint32_t size)
{
    return rights_run(self, r, size, false);
}

static NOINLINE struct uctx *rights_reply(struct thread *self, struct rights *r, uint32_t size)
{
    return rights_run(self, r, size, true);
}

struct uctx *ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size)
{
    struct uctx *next = NULL;
    struct rights r;

    if (descriptors_of(m)->type == MACH_MSG_OOL_DESCRIPTOR) {
        if (ipc_kernel_may_supply(&m->head, size))
            next = ipc_direct_supply(self, &m->head, size);
        return next != NULL ? next : ipc_direct_memory(self, m, size);
    }
    r.m = m;
    if (m->head.msgh_bits == (IPC_DIRECT_CALL | MACH_MSGH_BITS_COMPLEX))
        next = rights_call(self, &r, size);
    else if (m->head.msgh_bits == (IPC_DIRECT_REPLY | MACH_MSGH_BITS_COMPLEX))
        next = rights_reply(self, &r, size);
    return next != NULL ? next : ipc_direct_general(self);
}

/* --- one right --- */

/* What an entry must have for a disposition, from MACH_MSG_TYPE_MOVE_SEND on; 0: it does not go this way. */
static const mach_port_type_t one_needs[] = {
    [MACH_MSG_TYPE_MOVE_SEND - MACH_MSG_TYPE_MOVE_SEND] = MACH_PORT_TYPE_SEND,
    [MACH_MSG_TYPE_COPY_SEND - MACH_MSG_TYPE_MOVE_SEND] = MACH_PORT_TYPE_SEND,
    [MACH_MSG_TYPE_MAKE_SEND - MACH_MSG_TYPE_MOVE_SEND] = MACH_PORT_TYPE_RECEIVE,
    [MACH_MSG_TYPE_MAKE_SEND_ONCE - MACH_MSG_TYPE_MOVE_SEND] = MACH_PORT_TYPE_RECEIVE,
};

/* The entry that has the right, and is taken from without a notification; or NULL. Context: space locked. */
SPECIALISED struct ipc_entry *one_find(const struct ipc_space *space, mach_port_name_t name,
                                       mach_port_type_t needed)
{
    const uint32_t index = IPC_NAME_INDEX(name);

    if (index >= space->size || !space->active)
        return NULL;
    struct ipc_entry *entry = ipc_entry_by_index(space, index);
    if ((entry->bits & needed) == 0)
        return NULL;
    if (entry->key == name)
        return entry->request == NULL ? entry : NULL;
    return ~entry->key == name ? entry : NULL; /* the receive right, perhaps with a send right */
}

SPECIALISED uint64_t right_begin(struct thread *self) NO_THREAD_SAFETY_ANALYSIS
{
    struct cpu *cpu = self->cpu;
    struct direct_message *m = cpu->message;
    struct ipc_space *space = self->space;
    const mach_msg_body_t *body = (const void *)m->body;
    const mach_msg_port_descriptor_t *d = descriptors_of(m);
    const uint32_t size = (uint32_t)hal_uctx_arg(&self->uctx, 2);
    const uint32_t kind = disposition_of(d) - MACH_MSG_TYPE_MOVE_SEND;

    if (size - ONE_RIGHT_SIZE > IPC_DIRECT_SMALL - ONE_RIGHT_SIZE || body->msgh_descriptor_count != 1 ||
        kind >= sizeof(one_needs) / sizeof(one_needs[0]) || !spin_trylock(&space->lock))
        return false;
    cpu->right_space = space;
    cpu->right_entry = one_find(space, d->name, one_needs[kind]);
    if (__builtin_expect(cpu->right_entry != NULL, 1))
        return true;
    spin_unlock(&space->lock);
    return false;
}

/*
 * A send right crosses from an entry of one space, which has what that needs, and no request, to another space in one step.  That is if it
 * goes there beside the receive right, or into the entry where the last right left.
 */
struct crossing {
    struct ipc_space *from, *to; /* both locked */
    struct ipc_entry *entry;     /* in `from` */
    struct ipc_port *port;
    mach_msg_type_name_t disposition; /* MOVE_SEND, COPY_SEND or MAKE_SEND */
    bool
        last; /* it is the entry's last reference, and so the right itself, which moves: nothing is counted */
    bool only; /* nobody else may have one, so no entry in `to` has to be looked for; implies last */
    mach_port_name_t name; /* out: in `to` */
};

/* The right leaves its entry. Context of these steps: the port, too, is locked. */
SPECIALISED void cross_leave(const struct crossing *c)
{
    struct ipc_entry *entry = c->entry;

    if (!c->last) {
        entry->urefs -= c->disposition == MACH_MSG_TYPE_MOVE_SEND;
        ipc_port_ref(c->port);
        ipc_port_send_add(c->port, c->disposition == MACH_MSG_TYPE_MAKE_SEND);
    } else if (entry == c->from->recent) {
        entry->object = &ipc_object_none;
        entry->key = ~entry->key;
        entry->generation--; /* ipc_name_after(), of what is ~name now */
        entry->bits = 0;
    } else {
        entry->urefs = 0;
        entry->bits = MACH_PORT_TYPE_RECEIVE;
    }
}

SPECIALISED bool cross_to_receiver(struct crossing *c)
{
    struct ipc_entry *place = ipc_entry_by_index(c->to, IPC_NAME_INDEX(c->port->name));

    if (place->bits != MACH_PORT_TYPE_RECEIVE)
        return false;
    cross_leave(c);
    c->name = ~place->key;
    place->urefs = 1;
    place->bits = MACH_PORT_TYPE_SEND_RECEIVE;
    return true;
}

SPECIALISED bool cross_to_vacant(struct crossing *c)
{
    struct ipc_entry *place = c->to->recent;

    if (place->bits != 0 || !ipc_hash_has_room(c->to))
        return false;
    if (c->only ? c->port->srights != 1 : ipc_hash_find(c->to, c->port) != NULL)
        return false;
    cross_leave(c);
    c->name = ~place->key;
    place->object = c->port;
    ipc_entry_set(place, c->name, MACH_PORT_TYPE_SEND, 1);
    return true;
}

SPECIALISED bool cross_locked(struct crossing *c)
{
    if (c->port->receiver == c->to && c->port->place == IPC_PORT_IN_SPACE)
        return cross_to_receiver(c);
    return ipc_port_alive(c->port) && cross_to_vacant(c);
}

/* Returns: false: nothing changed. */
SPECIALISED bool cross(struct crossing *c)
{
    const struct ipc_entry *entry = c->entry;
    uint64_t rx;

    /* one that would have to leave the hash table does not go this way */
    if ((c->last && entry != c->from->recent && (entry->bits & MACH_PORT_TYPE_RECEIVE) == 0) ||
        !c->to->active || !ipc_port_trylock_rights(c->port, &rx))
        return false;
    bool crossed = cross_locked(c);
    ipc_port_unlock_rights(c->port, rx);
    return crossed;
}

/* What the receiver finds. Returns: the result of its receive. */
SPECIALISED uint64_t right_fill(struct cpu *cpu, mach_port_name_t name, mach_msg_type_name_t type,
                                mach_msg_return_t result)
{
    *descriptors_of(cpu->message) = (mach_msg_port_descriptor_t){
        .name = name, .disposition = type & 0xffu, .type = MACH_MSG_PORT_DESCRIPTOR};
    cpu->message_result = (uint32_t)result;
    return (uint64_t)result;
}

/* Any right: from the sender's space first, which is unlocked then, and then to that of who runs now. */
static NOINLINE uint64_t right_pass_any(struct cpu *cpu) NO_THREAD_SAFETY_ANALYSIS
{
    struct ipc_space *from = cpu->right_space, *to = cpu->current->space;
    const mach_msg_port_descriptor_t *d = descriptors_of(cpu->message);
    mach_msg_type_name_t type = ipc_right_result(d->disposition);
    mach_msg_return_t result = MACH_MSG_SUCCESS;
    mach_port_name_t name;

    struct ipc_port *port = ipc_right_take_one(from, cpu->right_entry, d->name, d->disposition);
    spin_unlock(&from->lock);
    kern_return_t kr = type == MACH_MSG_TYPE_PORT_SEND && port != IPC_PORT_DEAD
                           ? ipc_right_copyout_send(to, port, &name)
                           : ipc_right_copyout(to, port, type, &name);
    if (__builtin_expect(kr != KERN_SUCCESS, 0)) {
        name = MACH_PORT_NULL;
        result = MACH_RCV_BODY_ERROR | ipc_kmsg_nameless(kr, port, type);
    }
    return right_fill(cpu, name, type, result);
}

/* The right in one step. Returns: false: nothing changed, and the sender's space is still locked. */
SPECIALISED bool right_cross(struct cpu *cpu, struct crossing c) NO_THREAD_SAFETY_ANALYSIS
{
    c.from = cpu->right_space;
    c.entry = cpu->right_entry;
    c.port = c.entry->object;
    if (!spin_trylock(&c.to->lock))
        return false;
    bool crossed = cross(&c);
    spin_unlock(&c.to->lock);
    if (!crossed)
        return false;
    spin_unlock(&c.from->lock);
    (void)right_fill(cpu, c.name, MACH_MSG_TYPE_PORT_SEND, MACH_MSG_SUCCESS);
    return true;
}

/* A right that others have, too, or that is made. */
static NOINLINE uint64_t right_pass_counted(struct cpu *cpu)
{
    struct crossing c = {.to = cpu->current->space, .disposition = descriptors_of(cpu->message)->disposition};

    if (c.disposition == MACH_MSG_TYPE_MAKE_SEND_ONCE)
        return right_pass_any(cpu);
    c.last = c.disposition == MACH_MSG_TYPE_MOVE_SEND && cpu->right_entry->urefs == 1;
    return right_cross(cpu, c) ? MACH_MSG_SUCCESS : right_pass_any(cpu);
}

/*
 * Usually a send right goes to who has none, or the receive right alone. That is one step, under the locks of both spaces and of the
 * port; whoever else has one of them makes it two.
 */
SPECIALISED uint64_t right_pass(const struct thread *next)
{
    struct cpu *cpu = next->cpu;
    const struct ipc_port *port = cpu->right_entry->object;

    if (disposition_of(descriptors_of(cpu->message)) == MACH_MSG_TYPE_MOVE_SEND &&
        cpu->right_entry->urefs == 1 && __atomic_load_n(&port->srights, __ATOMIC_RELAXED) == 1) {
        const struct crossing c = {
            .to = next->space, .disposition = MACH_MSG_TYPE_MOVE_SEND, .last = true, .only = true};
        if (__builtin_expect(right_cross(cpu, c), 1))
            return MACH_MSG_SUCCESS;
    }
    return right_pass_counted(cpu);
}

uint64_t kern_message_right(struct uctx *u, unsigned step) NO_THREAD_SAFETY_ANALYSIS
{
    struct thread *t = CONTAINER_OF(u, struct thread, uctx);

    if (step == HAL_RIGHT_PASS)
        return right_pass(t);
    if (step == HAL_RIGHT_BEGIN)
        return right_begin(t);
    spin_unlock(&t->space->lock);
    return 0;
}
