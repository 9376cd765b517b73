/* SPDX-License-Identifier: BSD-2-Clause */
/* What each operation on rights does and answers: mach_port_* (include/mach/mach_port.defs), mach_msg. */
#include "model_script.h"

#include <string.h>

#define UREFS_MAX 65535u

/* One operation under way. */
struct step {
    struct model_run *run;
    struct model *m;
    const struct model_op *op;
    const struct model_outcome *seen;
    struct model_outcome *want;
    uint32_t task, target;
    mach_port_name_t
        operand[5]; /* of the target's slots where the operation is on its space, else of the caller's */
    mach_msg_id_t id;
};

static void slot_store(const struct step *s, uint32_t task, uint8_t slot, mach_port_name_t name)
{
    if (slot < MODEL_SLOTS)
        s->run->slot[task][slot] = name;
}

static struct model_entry *entry_of(const struct step *s, mach_port_name_t name)
{
    return model_lookup(&s->m->space[s->target], name);
}

/* The receive right that slot a names. */
static kern_return_t receive_right(const struct step *s, struct model_port **port)
{
    const struct model_entry *e = entry_of(s, s->operand[0]);

    if (e == NULL)
        return KERN_INVALID_NAME;
    if ((e->type & MACH_PORT_TYPE_RECEIVE) == 0)
        return KERN_INVALID_RIGHT;
    *port = e->port;
    return KERN_SUCCESS;
}

/*
 * May the chosen name be used for a new right?  Its index must be free, whatever the generation; the kernel may also hold
 * a name back for a thread that receives, and say that it exists.
 */
static kern_return_t name_choice(const struct step *s, mach_port_name_t name)
{
    if (MACH_PORT_INDEX(name) == 0 || MACH_PORT_INDEX(name) >= 1u << 20)
        return KERN_INVALID_VALUE;
    if (!model_name_is_free(&s->m->space[s->target], name))
        return KERN_NAME_EXISTS;
    return s->seen->kr == KERN_NAME_EXISTS ? KERN_NAME_EXISTS : KERN_SUCCESS;
}

/* --- making and renaming --- */

static struct model_entry *allocate(const struct step *s, mach_port_right_t right, mach_port_name_t name)
{
    struct model_entry *e = model_entry_new(s->m, s->target, name);

    e->type = MACH_PORT_TYPE(right);
    if (right == MACH_PORT_RIGHT_RECEIVE) {
        e->urefs = 0;
        e->port = model_port_new(s->m);
        e->port->in_space = true;
        e->port->task = s->target;
        e->port->name = e->name;
    } else if (right == MACH_PORT_RIGHT_PORT_SET) {
        e->set = s->m->sets++ % MODEL_SETS;
    }
    return e;
}

static bool can_allocate(mach_port_right_t right)
{
    return right == MACH_PORT_RIGHT_RECEIVE || right == MACH_PORT_RIGHT_PORT_SET ||
           right == MACH_PORT_RIGHT_DEAD_NAME;
}

static kern_return_t step_allocate(const struct step *s)
{
    const mach_port_right_t right = model_right_kind(s->op->kind[0]);

    if (!can_allocate(right))
        return KERN_INVALID_VALUE;
    s->want->name = allocate(s, right, s->seen->name)->name;
    slot_store(s, s->target, s->op->slot[0], s->want->name);
    return KERN_SUCCESS;
}

static kern_return_t step_reply_port(const struct step *s)
{
    s->want->name = allocate(s, MACH_PORT_RIGHT_RECEIVE, s->seen->name)->name;
    slot_store(s, s->target, s->op->slot[0], s->want->name);
    return KERN_SUCCESS;
}

static kern_return_t step_allocate_name(const struct step *s)
{
    const mach_port_right_t right = model_right_kind(s->op->kind[0]);
    const mach_port_name_t name = model_fixed_name(s->op->value);
    kern_return_t kr;

    if (!MACH_PORT_VALID(name) || !can_allocate(right))
        return KERN_INVALID_VALUE;
    kr = name_choice(s, name);
    if (kr != KERN_SUCCESS)
        return kr;
    allocate(s, right, name);
    slot_store(s, s->target, s->op->slot[0], name);
    return KERN_SUCCESS;
}

static kern_return_t step_rename(const struct step *s)
{
    const mach_port_name_t name = model_fixed_name(s->op->value);
    struct model_entry *e = entry_of(s, s->operand[0]);
    kern_return_t kr;

    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_VALUE;
    if (e == NULL)
        return KERN_INVALID_NAME;
    kr = name_choice(s, name);
    if (kr != KERN_SUCCESS)
        return kr;
    e->name = name;
    if (e->type & MACH_PORT_TYPE_RECEIVE)
        e->port->name = name;
    slot_store(s, s->target, s->op->slot[0], name);
    return KERN_SUCCESS;
}

/* --- user references --- */

static kern_return_t step_destroy(const struct step *s)
{
    struct model_entry *e = entry_of(s, s->operand[0]);

    if (e == NULL)
        return KERN_INVALID_NAME;
    if ((e->type & MACH_PORT_TYPE_RECEIVE) != 0 && e->port->guarded)
        return KERN_INVALID_RIGHT;
    model_entry_drop(s->m, e, e->type);
    return KERN_SUCCESS;
}

static kern_return_t mod_refs(const struct step *s, mach_port_type_t kinds, mach_port_delta_t delta)
{
    struct model_entry *e = entry_of(s, s->operand[0]);

    if (e == NULL)
        return KERN_INVALID_NAME;
    const mach_port_type_t kind = e->type & kinds;
    if (kind == 0)
        return KERN_INVALID_RIGHT;
    if ((kind & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_DEAD_NAME)) == 0) {
        if (delta != 0 && delta != -1)
            return KERN_INVALID_VALUE;
        if (delta == -1 && kind == MACH_PORT_TYPE_RECEIVE && e->port->guarded)
            return KERN_INVALID_RIGHT;
        if (delta == -1)
            model_entry_drop(s->m, e, kind);
        return KERN_SUCCESS;
    }
    const int64_t urefs = (int64_t)e->urefs + delta;
    if (urefs < 0)
        return KERN_INVALID_VALUE;
    if (urefs > UREFS_MAX)
        return KERN_UREFS_OVERFLOW;
    e->urefs = (uint32_t)urefs;
    if (urefs == 0)
        model_entry_drop(s->m, e, kind);
    return KERN_SUCCESS;
}

static kern_return_t step_mod_refs(const struct step *s)
{
    const mach_port_right_t right = model_right_kind(s->op->kind[0]);

    if (right > MACH_PORT_RIGHT_DEAD_NAME)
        return KERN_INVALID_VALUE;
    return mod_refs(s, MACH_PORT_TYPE(right), model_delta(s->op->value));
}

static kern_return_t step_deallocate(const struct step *s)
{
    return mod_refs(s, MACH_PORT_TYPE_SEND_RIGHTS | MACH_PORT_TYPE_DEAD_NAME, -1);
}

/* --- rights in and out --- */

/* The right that travels to the kernel in the body of a request of the caller. */
static kern_return_t right_for_request(const struct step *s, mach_port_name_t name,
                                       mach_msg_type_name_t disposition, struct model_right *right)
{
    struct model_take take = {.name = name, .disposition = disposition};
    uint32_t failed;

    if (!MACH_MSG_TYPE_PORT_ANY(disposition))
        return MACH_SEND_INVALID_TYPE;
    if (model_take(s->m, s->task, &take, 1, &failed) != KERN_SUCCESS)
        return MACH_SEND_INVALID_RIGHT;
    *right = take.right;
    return KERN_SUCCESS;
}

static kern_return_t insert_right(const struct step *s, const struct model_right *right,
                                  mach_port_name_t name)
{
    struct model_space *space = &s->m->space[s->target];
    struct model_entry *has = NULL;
    struct model_entry *at = model_lookup(space, name);

    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_VALUE;
    if (right->port == NULL || !right->port->alive)
        return KERN_INVALID_CAPABILITY;
    for (uint32_t i = 0; i < MODEL_NAMES && right->type != MACH_MSG_TYPE_PORT_SEND_ONCE; i++) {
        if ((space->entry[i].type & MACH_PORT_TYPE_SEND_RECEIVE) != 0 && space->entry[i].port == right->port)
            has = &space->entry[i];
    }
    if (has != NULL && has != at)
        return KERN_RIGHT_EXISTS;
    if (at != NULL && has == NULL)
        return KERN_NAME_EXISTS;
    if (has != NULL && right->type == MACH_MSG_TYPE_PORT_SEND && has->urefs == UREFS_MAX)
        return KERN_UREFS_OVERFLOW;
    return has != NULL ? KERN_SUCCESS : name_choice(s, name);
}

static kern_return_t step_insert_right(const struct step *s)
{
    const mach_port_name_t given = s->op->slot[1] < MODEL_SLOTS
                                       ? model_operand(s->run, s->target, s->op->slot[1])
                                       : model_fixed_name(s->op->value);
    struct model_right right;
    kern_return_t kr = right_for_request(s, model_operand(s->run, s->task, s->op->slot[0]),
                                         model_disposition(s->op->kind[0]), &right);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = insert_right(s, &right, given);
    if (kr != KERN_SUCCESS) {
        model_release(s->m, right); /* the request is destroyed with what it carries */
        return kr;
    }
    (void)model_copyout(s->m, s->target, right, given);
    slot_store(s, s->target, s->op->slot[2], given);
    return KERN_SUCCESS;
}

/* Returns the name for a right in the kernel's answer. */
static mach_port_name_t right_from_reply(const struct step *s, uint8_t slot, struct model_right right)
{
    const mach_port_name_t name = model_copyout(s->m, s->task, right, s->seen->name);

    slot_store(s, s->task, slot, name);
    return name;
}

static kern_return_t step_extract_right(const struct step *s)
{
    struct model_take take = {.name = model_operand(s->run, s->target, s->op->slot[1]),
                              .disposition = model_disposition(s->op->kind[0])};
    uint32_t failed;

    if (!MACH_MSG_TYPE_PORT_ANY(take.disposition))
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(take.name))
        return KERN_INVALID_NAME;
    kern_return_t kr = model_take(s->m, s->target, &take, 1, &failed);
    if (kr == KERN_SUCCESS)
        s->want->name = right_from_reply(s, s->op->slot[0], take.right);
    return kr;
}

/* --- notifications --- */

static kern_return_t request_on_name(const struct step *s, bool possible, uint32_t sync,
                                     struct model_port *notify, struct model_port **previous)
{
    struct model_entry *e = entry_of(s, s->operand[0]);

    if (e == NULL)
        return KERN_INVALID_NAME;
    if (e->type == MACH_PORT_TYPE_DEAD_NAME) {
        if (sync == 0 || notify == NULL)
            return KERN_INVALID_ARGUMENT;
        if (e->urefs >= UREFS_MAX)
            return KERN_UREFS_OVERFLOW;
        e->urefs++;
        model_notify(s->m, notify, MACH_NOTIFY_DEAD_NAME, e->name);
        return KERN_SUCCESS;
    }
    if (e->type == MACH_PORT_TYPE_PORT_SET || (possible && (e->type & MACH_PORT_TYPE_SEND) == 0))
        return KERN_INVALID_RIGHT;
    *previous = e->notify;
    e->notify = notify;
    e->possible = possible;
    e->armed = possible && sync != 0;
    e->stamp = (int64_t)s->m->stamp++;
    if (e->armed) {
        e->stamp = -e->stamp; /* before all others */
        model_tell_possible(s->m, e->port);
    }
    return KERN_SUCCESS;
}

static kern_return_t request_on_receive(const struct step *s, mach_msg_id_t id, uint32_t sync,
                                        struct model_port *notify, struct model_port **previous)
{
    struct model_port *port;

    if (id == MACH_NOTIFY_PORT_DESTROYED && sync != 0)
        return KERN_INVALID_VALUE;
    kern_return_t kr = receive_right(s, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    if (id == MACH_NOTIFY_PORT_DESTROYED) {
        *previous = port->port_destroyed;
        port->port_destroyed = notify;
        return KERN_SUCCESS;
    }
    *previous = port->no_senders;
    port->no_senders = NULL;
    if (notify != NULL && model_count(s->m, port, MACH_MSG_TYPE_PORT_SEND) == 0 && sync <= port->mscount)
        model_notify(s->m, notify, MACH_NOTIFY_NO_SENDERS, port->mscount);
    else
        port->no_senders = notify;
    return KERN_SUCCESS;
}

static kern_return_t step_request_notification(const struct step *s)
{
    const mach_msg_id_t id = model_notify_id(s->op->kind[0]);
    const uint32_t sync = s->op->value % 3;
    struct model_right right;
    struct model_port *previous = NULL;
    kern_return_t kr = right_for_request(
        s, model_operand(s->run, s->task, s->op->slot[1]),
        s->op->kind[1] % 4 == 0 ? MACH_MSG_TYPE_MOVE_SEND_ONCE : MACH_MSG_TYPE_MAKE_SEND_ONCE, &right);

    if (kr != KERN_SUCCESS)
        return kr;
    if (right.dead)
        kr = KERN_INVALID_CAPABILITY;
    else if (id == MACH_NOTIFY_DEAD_NAME || id == MACH_NOTIFY_SEND_POSSIBLE)
        kr = request_on_name(s, id == MACH_NOTIFY_SEND_POSSIBLE, sync, right.port, &previous);
    else if (id == MACH_NOTIFY_NO_SENDERS || id == MACH_NOTIFY_PORT_DESTROYED)
        kr = request_on_receive(s, id, sync, right.port, &previous);
    else
        kr = KERN_INVALID_VALUE;
    if (kr != KERN_SUCCESS) {
        model_release(s->m, right);
        return kr;
    }
    right = (struct model_right){.port = previous, .type = MACH_MSG_TYPE_PORT_SEND_ONCE};
    s->want->name = right_from_reply(s, s->op->slot[2], right);
    return KERN_SUCCESS;
}

/* --- attributes and sets --- */

static kern_return_t step_set_attribute(const struct step *s)
{
    struct model_port *port;

    if (s->op->code == MODEL_SET_QLIMIT && s->op->value == UINT8_MAX)
        return KERN_INVALID_VALUE; /* stands for a limit beyond the largest */
    kern_return_t kr = receive_right(s, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    switch (s->op->code) {
    case MODEL_SET_MSCOUNT:
        port->mscount = s->op->value;
        break;
    case MODEL_SET_SEQNO:
        port->seqno = s->op->value;
        break;
    case MODEL_SET_CONTEXT:
        if (port->strict)
            return KERN_INVALID_ARGUMENT;
        port->context = s->op->value;
        break;
    default:
        port->qlimit = s->op->value % 8;
        model_tell_possible(s->m, port);
        break;
    }
    return KERN_SUCCESS;
}

static kern_return_t step_construct(const struct step *s)
{
    const mach_port_options_t options = model_options(s->op);
    const bool guarded = (options.flags & MPO_CONTEXT_AS_GUARD) != 0;
    const bool strict = (options.flags & MPO_STRICT) != 0;

    if ((options.flags &
         ~(uint32_t)(MPO_CONTEXT_AS_GUARD | MPO_QLIMIT | MPO_INSERT_SEND_RIGHT | MPO_STRICT)) != 0 ||
        (strict && !guarded))
        return KERN_INVALID_ARGUMENT;
    if ((options.flags & MPO_QLIMIT) != 0 && options.mpl.mpl_qlimit > MACH_PORT_QLIMIT_MAX)
        return KERN_INVALID_VALUE;
    struct model_entry *e = allocate(s, MACH_PORT_RIGHT_RECEIVE, s->seen->name);
    e->port->context = model_guard(s->op->value);
    e->port->guarded = guarded;
    e->port->strict = strict;
    if (options.flags & MPO_QLIMIT)
        e->port->qlimit = options.mpl.mpl_qlimit;
    if (options.flags & MPO_INSERT_SEND_RIGHT) {
        e->type |= MACH_PORT_TYPE_SEND;
        e->urefs = 1;
        e->port->mscount++;
    }
    s->want->name = e->name;
    slot_store(s, s->target, s->op->slot[0], e->name);
    return KERN_SUCCESS;
}

static kern_return_t step_destruct(const struct step *s)
{
    const mach_port_delta_t delta = model_delta(s->op->kind[0]);
    struct model_port *port;
    kern_return_t kr = receive_right(s, &port);

    if (kr != KERN_SUCCESS)
        return kr;
    struct model_entry *e = entry_of(s, s->operand[0]);
    if (port->guarded && port->context != model_guard(s->op->value))
        return KERN_INVALID_ARGUMENT;
    if (delta > 0 || (int64_t)e->urefs + delta < 0)
        return KERN_INVALID_VALUE;
    e->urefs -= (uint32_t)-delta;
    model_entry_drop(s->m, e,
                     delta < 0 && e->urefs == 0 ? MACH_PORT_TYPE_SEND_RECEIVE : MACH_PORT_TYPE_RECEIVE);
    return KERN_SUCCESS;
}

static kern_return_t step_guard(const struct step *s)
{
    const mach_port_context_t guard = model_guard(s->op->value);
    struct model_port *port;
    kern_return_t kr = receive_right(s, &port);

    if (kr != KERN_SUCCESS)
        return kr;
    if (s->op->code == MODEL_GUARD ? port->guarded || port->context != 0
                                   : !port->guarded || port->context != guard)
        return KERN_INVALID_ARGUMENT;
    if (s->op->code == MODEL_SWAP_GUARD && port->strict)
        return KERN_INVALID_ARGUMENT;
    port->guarded = s->op->code != MODEL_UNGUARD;
    port->strict = s->op->code == MODEL_GUARD && s->op->kind[0] % 2 != 0;
    port->context = s->op->code == MODEL_GUARD     ? guard
                    : s->op->code == MODEL_UNGUARD ? 0
                                                   : model_guard(s->op->kind[0]);
    return KERN_SUCCESS;
}

static kern_return_t step_member(const struct step *s)
{
    const struct model_entry *member = entry_of(s, s->operand[0]);
    const struct model_entry *set = entry_of(s, s->operand[1]);
    const bool move = s->op->code == MODEL_MOVE_MEMBER;

    if (s->operand[1] == MACH_PORT_NULL && !move)
        return KERN_INVALID_NAME;
    if (member == NULL || (set == NULL && s->operand[1] != MACH_PORT_NULL))
        return KERN_INVALID_NAME;
    if ((member->type & MACH_PORT_TYPE_RECEIVE) == 0 || (set != NULL && set->type != MACH_PORT_TYPE_PORT_SET))
        return KERN_INVALID_RIGHT;
    uint64_t *sets = &member->port->sets;
    const uint64_t bit = set != NULL ? UINT64_C(1) << set->set : 0;
    if (move) {
        const bool was_member = *sets != 0;
        *sets = bit;
        return set == NULL && !was_member ? KERN_NOT_IN_SET : KERN_SUCCESS;
    }
    const bool in = (*sets & bit) != 0;
    if (s->op->code == MODEL_INSERT_MEMBER) {
        *sets |= bit;
        return in ? KERN_ALREADY_IN_SET : KERN_SUCCESS;
    }
    *sets &= ~bit;
    return in ? KERN_SUCCESS : KERN_NOT_IN_SET;
}

/* --- messages --- */

mach_msg_type_name_t model_local_disposition(const struct model_op *op)
{
    return op->slot[1] < MODEL_OPERANDS - 2 || op->kind[1] % 4 == 0 ? model_disposition(op->kind[1]) : 0;
}

static mach_msg_return_t send_check(const struct step *s, uint32_t rights)
{
    const mach_msg_type_name_t remote = model_disposition(s->op->kind[0]);
    const mach_msg_type_name_t local = model_local_disposition(s->op);

    if (!MACH_MSG_TYPE_PORT_ANY_SEND(remote))
        return MACH_SEND_INVALID_HEADER;
    if (local == 0 ? s->operand[1] != MACH_PORT_NULL : !MACH_MSG_TYPE_PORT_ANY_SEND(local))
        return MACH_SEND_INVALID_HEADER;
    if (!MACH_PORT_VALID(s->operand[0]))
        return MACH_SEND_INVALID_DEST;
    for (uint32_t i = 0; i < rights; i++) {
        if (!MACH_MSG_TYPE_PORT_ANY(model_disposition(s->op->kind[2] >> i)))
            return MACH_SEND_INVALID_TYPE;
    }
    return MACH_MSG_SUCCESS;
}

static mach_msg_return_t take_error(uint32_t failed)
{
    return failed == 0   ? MACH_SEND_INVALID_DEST
           : failed == 1 ? MACH_SEND_INVALID_REPLY
                         : MACH_SEND_INVALID_RIGHT;
}

static void seen_header(struct model_seen_message *to, const struct model_message *msg)
{
    to->size = msg->size;
    to->id = msg->id;
    to->word = msg->word;
    to->count = msg->count;
}

static void names_of_body(const struct step *s, struct model_message *msg)
{
    for (uint32_t i = 0; i < msg->count; i++) {
        const struct model_right right = msg->body[i];
        msg->body[i] = (struct model_right){0};
        s->want->message.name[i] = model_copyout(s->m, s->task, right, s->seen->message.name[i]);
        s->want->message.disposition[i] = right.type;
    }
}

/* The message finds no room: its rights go back to the sender, perhaps under new names. */
static mach_msg_return_t unsent(const struct step *s, struct model_message *msg)
{
    const struct model_right remote = msg->remote, local = msg->local;
    struct model_seen_message *want = &s->want->message;

    seen_header(want, msg);
    want->bits = MACH_MSGH_BITS(remote.type, local.type) | (msg->complex ? MACH_MSGH_BITS_COMPLEX : 0);
    msg->remote = msg->local = (struct model_right){0};
    want->remote = model_copyout(s->m, s->task, remote, s->seen->message.remote);
    want->local = model_copyout(s->m, s->task, local, s->seen->message.local);
    names_of_body(s, msg);
    msg->state = MODEL_FREE;
    slot_store(s, s->task, s->op->slot[0], want->remote);
    for (uint32_t i = 0; i < want->count; i++)
        slot_store(s, s->task, s->op->slot[2 + i], want->name[i]);
    return MACH_SEND_TIMED_OUT;
}

static mach_msg_return_t step_send(const struct step *s)
{
    const uint32_t rights = s->op->value % (MODEL_BODY + 1);
    const mach_msg_type_name_t local = model_local_disposition(s->op);
    struct model_take take[2 + MODEL_BODY] = {
        {.name = s->operand[0], .disposition = model_disposition(s->op->kind[0]), .alive = true},
        {.name = s->operand[1], .disposition = local != 0 ? local : MACH_MSG_TYPE_COPY_SEND}};
    uint32_t failed;
    mach_msg_return_t mr = send_check(s, rights);

    if (mr != MACH_MSG_SUCCESS)
        return mr;
    for (uint32_t i = 0; i < rights; i++)
        take[2 + i] = (struct model_take){.name = s->operand[2 + i],
                                          .disposition = model_disposition(s->op->kind[2] >> i)};
    if (model_take(s->m, s->task, take, 2 + rights, &failed) != KERN_SUCCESS)
        return take_error(failed);
    struct model_message *msg = model_message_new(s->m);
    msg->id = s->id;
    msg->remote = take[0].right;
    msg->local = take[1].right;
    if (msg->local.port == NULL && !msg->local.dead)
        msg->local.type = 0;
    msg->complex = rights > 0;
    msg->count = rights;
    if (rights > 0)
        msg->size += (uint32_t)(sizeof(mach_msg_body_t) + rights * sizeof(mach_msg_port_descriptor_t));
    for (uint32_t i = 0; i < rights; i++)
        msg->body[i] = take[2 + i].right;
    if (model_message_circular(msg)) {
        model_message_destroy(s->m, msg);
        return MACH_MSG_SUCCESS;
    }
    if (msg->remote.type == MACH_MSG_TYPE_PORT_SEND &&
        model_queued(s->m, msg->remote.port) >= msg->remote.port->qlimit)
        return unsent(s, msg);
    model_message_queue(s->m, msg);
    return MACH_MSG_SUCCESS;
}

/* The message of a queue that has so many before it, or NULL. */
static const struct model_message *message_at(const struct model *m, const struct model_port *port,
                                              uint32_t n)
{
    for (uint32_t i = 0; i < MODEL_MESSAGES; i++) {
        const struct model_message *msg = &m->message[i];
        uint32_t before = 0;
        if (msg->state != MODEL_QUEUED || msg->queue != port)
            continue;
        for (uint32_t k = 0; k < MODEL_MESSAGES; k++)
            before += m->message[k].state == MODEL_QUEUED && m->message[k].queue == port &&
                      m->message[k].stamp < msg->stamp;
        if (before == n)
            return msg;
    }
    return NULL;
}

static kern_return_t step_peek(const struct step *s)
{
    mach_port_seqno_t seqno = model_peek_seqno(s->op->value);
    struct model_port *port;
    kern_return_t kr = receive_right(s, &port);

    if (kr != KERN_SUCCESS)
        return kr;
    if (seqno == 0)
        seqno = port->seqno;
    const struct model_message *msg = message_at(s->m, port, seqno - port->seqno);
    if (msg == NULL)
        return KERN_FAILURE;
    s->want->message.seqno = seqno;
    s->want->message.size = msg->size;
    s->want->message.id = msg->id;
    return KERN_SUCCESS;
}

/* The port to receive from: of a set the member that the kernel chose, if it has messages. */
static mach_msg_return_t receive_source(const struct step *s, struct model_port **port)
{
    const struct model_entry *e = entry_of(s, s->operand[0]);
    const struct model_entry *member;

    *port = NULL;
    if (e == NULL || (e->type & (MACH_PORT_TYPE_RECEIVE | MACH_PORT_TYPE_PORT_SET)) == 0)
        return MACH_RCV_INVALID_NAME;
    if (e->type & MACH_PORT_TYPE_RECEIVE) {
        *port = model_queued(s->m, e->port) > 0 ? e->port : NULL;
        return *port != NULL ? MACH_MSG_SUCCESS : MACH_RCV_TIMED_OUT;
    }
    member = entry_of(s, s->seen->message.local);
    for (uint32_t i = 0; i < s->m->ports; i++) {
        struct model_port *p = &s->m->port[i];
        if ((p->sets & UINT64_C(1) << e->set) == 0 || model_queued(s->m, p) == 0)
            continue;
        if (*port == NULL || (member != NULL && member->port == p))
            *port = p;
    }
    return *port != NULL ? MACH_MSG_SUCCESS : MACH_RCV_TIMED_OUT;
}

static mach_msg_return_t step_receive(const struct step *s)
{
    struct model_seen_message *want = &s->want->message;
    const mach_msg_size_t room = model_room(s->run, s->op);
    struct model_port *port;
    mach_msg_return_t mr = receive_source(s, &port);

    if (mr != MACH_MSG_SUCCESS)
        return mr;
    struct model_message *msg = model_first(s->m, port);
    if (msg->size + MAX_TRAILER_SIZE > room) {
        *want = (struct model_seen_message){.size = msg->size};
        if (model_receive_options(s->op->kind[0]) & MACH_RCV_LARGE)
            return MACH_RCV_TOO_LARGE;
    }
    const struct model_right remote = msg->remote, local = msg->local;
    msg->state = MODEL_HELD;
    msg->queue = NULL;
    msg->remote = (struct model_right){0};
    want->seqno = port->seqno++;
    if (remote.type == MACH_MSG_TYPE_PORT_SEND)
        model_send_gone(s->m, port);
    model_tell_possible(s->m, port);
    if (msg->size + MAX_TRAILER_SIZE > room) {
        want->seqno = 0;
        model_message_destroy(s->m, msg);
        return MACH_RCV_TOO_LARGE;
    }
    seen_header(want, msg);
    want->context = port->context;
    want->bits = MACH_MSGH_BITS(local.type, remote.type) | (msg->complex ? MACH_MSGH_BITS_COMPLEX : 0);
    want->local = port->name;
    msg->local = (struct model_right){0};
    want->remote = model_copyout(s->m, s->task, local, s->seen->message.remote);
    names_of_body(s, msg);
    msg->state = MODEL_FREE;
    slot_store(s, s->task, s->op->slot[1], want->remote);
    for (uint32_t i = 0; i < want->count; i++)
        slot_store(s, s->task, s->op->slot[2 + i], want->name[i]);
    return MACH_MSG_SUCCESS;
}

static kern_return_t (*const step_table[MODEL_CODES])(const struct step *s) = {
    [MODEL_ALLOCATE] = step_allocate,
    [MODEL_ALLOCATE_NAME] = step_allocate_name,
    [MODEL_RENAME] = step_rename,
    [MODEL_DESTROY] = step_destroy,
    [MODEL_DEALLOCATE] = step_deallocate,
    [MODEL_MOD_REFS] = step_mod_refs,
    [MODEL_INSERT_RIGHT] = step_insert_right,
    [MODEL_EXTRACT_RIGHT] = step_extract_right,
    [MODEL_REQUEST_NOTIFICATION] = step_request_notification,
    [MODEL_SET_MSCOUNT] = step_set_attribute,
    [MODEL_SET_SEQNO] = step_set_attribute,
    [MODEL_SET_CONTEXT] = step_set_attribute,
    [MODEL_SET_QLIMIT] = step_set_attribute,
    [MODEL_INSERT_MEMBER] = step_member,
    [MODEL_EXTRACT_MEMBER] = step_member,
    [MODEL_MOVE_MEMBER] = step_member,
    [MODEL_REPLY_PORT] = step_reply_port,
    [MODEL_SEND] = step_send,
    [MODEL_RECEIVE] = step_receive,
    [MODEL_CONSTRUCT] = step_construct,
    [MODEL_DESTRUCT] = step_destruct,
    [MODEL_GUARD] = step_guard,
    [MODEL_UNGUARD] = step_guard,
    [MODEL_SWAP_GUARD] = step_guard,
    [MODEL_PEEK] = step_peek,
};

void model_step(struct model_run *run, const struct model_op *op, uint32_t position,
                const struct model_outcome *seen, struct model_outcome *want)
{
    struct step s = {.run = run,
                     .m = &run->model,
                     .op = op,
                     .seen = seen,
                     .want = want,
                     .task = op->task,
                     .target = op->target,
                     .id = model_message_id(position)};

    memset(want, 0, sizeof(*want));
    for (uint32_t i = 0; i < 5; i++)
        s.operand[i] = model_operand(run, s.target, op->slot[i]);
    want->kr = step_table[op->code](&s);
}

/* --- tables --- */

static void row_fill(struct model *m, uint32_t task, const struct model_entry *e, struct model_row *row)
{
    const struct model_port *p = e->port;

    *row = (struct model_row){.name = e->name, .type = e->type};
    if (e->notify != NULL)
        row->type |= e->possible ? MACH_PORT_TYPE_SPREQUEST : MACH_PORT_TYPE_DNREQUEST;
    if (e->type & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_DEAD_NAME))
        row->urefs = e->urefs;
    if (e->type & MACH_PORT_TYPE_RECEIVE) {
        row->srights = model_count(m, p, MACH_MSG_TYPE_PORT_SEND);
        row->context = p->strict ? 0 : p->context;
        row->status = (mach_port_status_t){
            .mps_pset = (mach_port_rights_t)__builtin_popcountll(p->sets),
            .mps_seqno = p->seqno,
            .mps_mscount = p->mscount,
            .mps_qlimit = p->qlimit,
            .mps_msgcount = model_queued(m, p),
            .mps_sorights = model_count(m, p, MACH_MSG_TYPE_PORT_SEND_ONCE),
            .mps_srights = row->srights > 0,
            .mps_pdrequest = p->port_destroyed != NULL,
            .mps_nsrequest = p->no_senders != NULL,
            .mps_flags = (p->guarded ? MACH_PORT_STATUS_FLAG_GUARDED : 0) |
                         (p->strict ? MACH_PORT_STATUS_FLAG_STRICT_GUARD : 0),
        };
    }
    if (e->type & MACH_PORT_TYPE_PORT_SET) {
        for (uint32_t i = 0; i < MODEL_NAMES; i++) {
            const struct model_entry *other = &m->space[task].entry[i];
            if ((other->type & MACH_PORT_TYPE_RECEIVE) != 0 && (other->port->sets >> e->set & 1) != 0)
                row->member[row->member_count++] = other->name;
        }
    }
}

uint32_t model_table(struct model_run *run, uint32_t task, struct model_row *rows)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MODEL_NAMES; i++) {
        if (run->model.space[task].entry[i].type != 0)
            row_fill(&run->model, task, &run->model.space[task].entry[i], &rows[count++]);
    }
    return count;
}
