/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for rights: names, user references, messages in queues, death, notifications. */
#include "model_rights.h"

#include <stdlib.h>
#include <string.h>

#define UREFS_MAX 65535u
#define NAMES_MAX (1u << 20)

void model_init(struct model *m)
{
    memset(m, 0, sizeof(*m));
}

/* --- looking --- */

struct model_entry *model_lookup(struct model_space *s, mach_port_name_t name)
{
    for (uint32_t i = 0; i < MODEL_NAMES; i++) {
        if (s->entry[i].type != 0 && s->entry[i].name == name)
            return &s->entry[i];
    }
    return NULL;
}

/* Send and receive rights to one port share one name. */
static struct model_entry *entry_of_port(struct model_space *s, const struct model_port *port)
{
    for (uint32_t i = 0; i < MODEL_NAMES; i++) {
        if (s->entry[i].port == port && (s->entry[i].type & MACH_PORT_TYPE_SEND_RECEIVE) != 0)
            return &s->entry[i];
    }
    return NULL;
}

bool model_in_baseline(const struct model_space *s, mach_port_name_t name)
{
    for (uint32_t i = 0; i < s->baseline_count; i++) {
        if (s->baseline[i] == name)
            return true;
    }
    return false;
}

bool model_index_used(const struct model_space *s, mach_port_name_t name)
{
    for (uint32_t i = 0; i < MODEL_NAMES; i++) {
        if (s->entry[i].type != 0 && MACH_PORT_INDEX(s->entry[i].name) == MACH_PORT_INDEX(name))
            return true;
    }
    for (uint32_t i = 0; i < s->baseline_count; i++) {
        if (MACH_PORT_INDEX(s->baseline[i]) == MACH_PORT_INDEX(name))
            return true;
    }
    return false;
}

bool model_name_is_free(const struct model_space *s, mach_port_name_t name)
{
    return MACH_PORT_INDEX(name) != 0 && MACH_PORT_INDEX(name) < NAMES_MAX && !model_index_used(s, name);
}

static uint32_t right_is(const struct model_right *right, const struct model_port *port,
                         mach_msg_type_name_t type)
{
    return right->port == port && right->type == type;
}

static uint32_t count_in_message(const struct model_message *msg, const struct model_port *port,
                                 mach_msg_type_name_t type)
{
    uint32_t n = right_is(&msg->remote, port, type) + right_is(&msg->local, port, type);

    for (uint32_t i = 0; i < msg->count; i++)
        n += right_is(&msg->body[i], port, type);
    return n;
}

uint32_t model_count(const struct model *m, const struct model_port *port, mach_msg_type_name_t type)
{
    const mach_port_type_t kind =
        type == MACH_MSG_TYPE_PORT_SEND ? MACH_PORT_TYPE_SEND : MACH_PORT_TYPE_SEND_ONCE;
    const bool once = type == MACH_MSG_TYPE_PORT_SEND_ONCE;
    uint32_t n = 0;

    for (uint32_t t = 0; t < MODEL_TASKS; t++) {
        for (uint32_t i = 0; i < MODEL_NAMES; i++) {
            const struct model_entry *e = &m->space[t].entry[i];
            n += e->type != 0 && e->port == port && (e->type & kind) != 0;
            n += e->type != 0 && once && e->notify == port;
        }
    }
    for (uint32_t i = 0; i < MODEL_MESSAGES; i++) {
        if (m->message[i].state != MODEL_FREE)
            n += count_in_message(&m->message[i], port, type);
    }
    for (uint32_t i = 0; i < m->ports && once; i++)
        n += (m->port[i].no_senders == port) + (m->port[i].port_destroyed == port);
    return n;
}

uint32_t model_queued(const struct model *m, const struct model_port *port)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < MODEL_MESSAGES; i++)
        n += m->message[i].state == MODEL_QUEUED && m->message[i].queue == port;
    return n;
}

static struct model_message *oldest(struct model *m, enum model_state state, const struct model_port *port)
{
    struct model_message *first = NULL;

    for (uint32_t i = 0; i < MODEL_MESSAGES; i++) {
        struct model_message *msg = &m->message[i];
        if (msg->state == state && (port == NULL || msg->queue == port) &&
            (first == NULL || msg->stamp < first->stamp))
            first = msg;
    }
    return first;
}

struct model_message *model_first(struct model *m, const struct model_port *port)
{
    return oldest(m, MODEL_QUEUED, port);
}

/* --- messages --- */

struct model_message *model_message_new(struct model *m)
{
    for (uint32_t i = 0; i < MODEL_MESSAGES; i++) {
        if (m->message[i].state == MODEL_FREE) {
            m->message[i] = (struct model_message){.state = MODEL_HELD, .size = sizeof(mach_msg_header_t)};
            return &m->message[i];
        }
    }
    abort(); /* scripts are too short for that */
}

void model_message_queue(struct model *m, struct model_message *msg)
{
    msg->state = MODEL_QUEUED;
    msg->queue = msg->remote.port;
    msg->stamp = m->stamp++;
}

static void message_bury(struct model *m, struct model_message *msg)
{
    struct model_right right[2 + MODEL_BODY];
    const uint32_t count = msg->count;

    right[0] = msg->remote;
    right[1] = msg->local;
    memcpy(&right[2], msg->body, sizeof(msg->body));
    for (uint32_t i = 0; i < 2 + count; i++) {
        struct model_right *in_message = i == 0 ? &msg->remote : i == 1 ? &msg->local : &msg->body[i - 2];
        *in_message = (struct model_right){0};
        if (right[i].port != NULL && right[i].type == MACH_MSG_TYPE_PORT_RECEIVE)
            right[i].port->destination = NULL;
        model_release(m, right[i]);
    }
    msg->state = MODEL_FREE;
}

/* Messages that die inside a message that dies come after it. */
void model_message_destroy(struct model *m, struct model_message *msg)
{
    msg->state = MODEL_DOOMED;
    msg->queue = NULL;
    msg->stamp = m->stamp++;
    if (m->burying)
        return;
    m->burying = true;
    while ((msg = oldest(m, MODEL_DOOMED, NULL)) != NULL)
        message_bury(m, msg);
    m->burying = false;
}

bool model_message_circular(struct model_message *msg)
{
    for (uint32_t i = 0; i < msg->count; i++) {
        if (msg->body[i].type != MACH_MSG_TYPE_PORT_RECEIVE || msg->body[i].port == NULL)
            continue;
        for (const struct model_port *p = msg->remote.port; p != NULL; p = p->destination) {
            if (p == msg->body[i].port)
                return true;
        }
    }
    for (uint32_t i = 0; i < msg->count; i++) {
        if (msg->body[i].type == MACH_MSG_TYPE_PORT_RECEIVE && msg->body[i].port != NULL)
            msg->body[i].port->destination = msg->remote.port;
    }
    return false;
}

/* --- notifications --- */

static void notify_send(struct model *m, struct model_message *msg)
{
    if (!msg->remote.port->alive || (msg->count > 0 && model_message_circular(msg)))
        model_message_destroy(m, msg);
    else
        model_message_queue(m, msg); /* whatever the limit */
}

static struct model_message *notify_new(struct model *m, struct model_port *notify, mach_msg_id_t id)
{
    struct model_message *msg = model_message_new(m);

    msg->id = id;
    msg->remote = (struct model_right){.port = notify, .type = MACH_MSG_TYPE_PORT_SEND_ONCE};
    return msg;
}

void model_notify(struct model *m, struct model_port *notify, mach_msg_id_t id, uint32_t word)
{
    if (notify == NULL)
        return;
    struct model_message *msg = notify_new(m, notify, id);
    msg->size += (uint32_t)(sizeof(NDR_record_t) + sizeof(uint32_t));
    msg->word = word;
    notify_send(m, msg);
}

static void notify_port_destroyed(struct model *m, struct model_port *notify, struct model_port *port)
{
    struct model_message *msg = notify_new(m, notify, MACH_NOTIFY_PORT_DESTROYED);

    msg->size += (uint32_t)(sizeof(mach_msg_body_t) + sizeof(mach_msg_port_descriptor_t));
    msg->complex = true;
    msg->count = 1;
    msg->body[0] = (struct model_right){.port = port, .type = MACH_MSG_TYPE_PORT_RECEIVE};
    notify_send(m, msg);
}

/* The first request on a port whose name is not told yet. */
static struct model_entry *first_request(struct model *m, const struct model_port *port)
{
    struct model_entry *first = NULL;

    for (uint32_t t = 0; t < MODEL_TASKS; t++) {
        for (uint32_t i = 0; i < MODEL_NAMES; i++) {
            struct model_entry *e = &m->space[t].entry[i];
            if (e->type != 0 && e->port == port && e->notify != NULL &&
                (first == NULL || e->stamp < first->stamp))
                first = e;
        }
    }
    return first;
}

void model_tell_possible(struct model *m, struct model_port *port)
{
    struct model_entry *e;

    while (model_queued(m, port) < port->qlimit && (e = first_request(m, port)) != NULL && e->armed) {
        struct model_port *notify = e->notify;
        e->notify = NULL;
        model_notify(m, notify, MACH_NOTIFY_SEND_POSSIBLE, e->name);
    }
}

void model_send_gone(struct model *m, struct model_port *port)
{
    struct model_port *notify = port->no_senders;

    if (!port->alive || notify == NULL || model_count(m, port, MACH_MSG_TYPE_PORT_SEND) > 0)
        return;
    port->no_senders = NULL;
    model_notify(m, notify, MACH_NOTIFY_NO_SENDERS, port->mscount);
}

/* --- death --- */

/* All names of the port become dead names. A notification counts as a user reference, so that the name stays until it was read. */
static void names_die(struct model *m, struct model_port *port)
{
    for (uint32_t t = 0; t < MODEL_TASKS; t++) {
        for (uint32_t i = 0; i < MODEL_NAMES; i++) {
            struct model_entry *e = &m->space[t].entry[i];
            if (e->type == 0 || e->port != port)
                continue;
            if (e->notify != NULL && e->urefs < UREFS_MAX)
                e->urefs++;
            e->type = MACH_PORT_TYPE_DEAD_NAME;
        }
    }
}

static void port_die(struct model *m, struct model_port *port)
{
    struct model_right no_senders = {.port = port->no_senders, .type = MACH_MSG_TYPE_PORT_SEND_ONCE};
    struct model_entry *e;
    struct model_message *msg;

    port->alive = false;
    port->no_senders = NULL;
    port->sets = 0;
    names_die(m, port);
    while ((e = first_request(m, port)) != NULL) {
        struct model_port *notify = e->notify;
        e->notify = NULL;
        model_notify(m, notify, MACH_NOTIFY_DEAD_NAME, e->name);
    }
    while ((msg = model_first(m, port)) != NULL)
        model_message_destroy(m, msg);
    model_release(m, no_senders);
}

/* A guard ends when the right leaves the task. */
static void guard_end(struct model_port *port)
{
    if (port->guarded)
        port->context = 0;
    port->guarded = port->strict = false;
}

static void port_destroy(struct model *m, struct model_port *port)
{
    struct model_port *backup = port->port_destroyed;

    port->port_destroyed = NULL;
    port->in_space = false;
    guard_end(port);
    port->sets = 0;
    if (backup != NULL)
        notify_port_destroyed(m, backup, port); /* it does not die: it goes to who asked for it */
    else
        port_die(m, port);
}

void model_release(struct model *m, struct model_right right)
{
    if (right.port == NULL || !right.port->alive)
        return;
    if (right.type == MACH_MSG_TYPE_PORT_RECEIVE)
        port_destroy(m, right.port);
    else if (right.type == MACH_MSG_TYPE_PORT_SEND)
        model_send_gone(m, right.port);
    else
        notify_send(m, notify_new(m, right.port, MACH_NOTIFY_SEND_ONCE));
}

/* --- names --- */

struct model_port *model_port_new(struct model *m)
{
    if (m->ports == MODEL_PORTS)
        abort();
    struct model_port *port = &m->port[m->ports++];
    port->alive = true;
    port->qlimit = MACH_PORT_QLIMIT_DEFAULT;
    return port;
}

struct model_entry *model_entry_new(struct model *m, uint32_t task, mach_port_name_t name)
{
    struct model_space *s = &m->space[task];
    bool good = model_name_is_free(s, name);

    for (uint32_t i = 0; i < MODEL_NAMES; i++) {
        if (s->entry[i].type == 0) {
            s->entry[i] = (struct model_entry){.name = good ? name : MODEL_NO_NAME, .urefs = 1};
            return &s->entry[i];
        }
    }
    abort();
}

static void entry_receive(uint32_t task, struct model_entry *e, struct model_port *port)
{
    e->type |= MACH_PORT_TYPE_RECEIVE;
    port->in_space = true;
    port->task = task;
    port->name = e->name;
    port->destination = NULL;
}

mach_port_name_t model_copyout(struct model *m, uint32_t task, struct model_right right,
                               mach_port_name_t seen)
{
    struct model_entry *e = NULL;

    if (right.dead || (right.port != NULL && !right.port->alive))
        return MACH_PORT_DEAD;
    if (right.port == NULL)
        return MACH_PORT_NULL;
    if (right.type != MACH_MSG_TYPE_PORT_SEND_ONCE)
        e = entry_of_port(&m->space[task], right.port);
    const bool fresh = e == NULL;
    if (fresh)
        e = model_entry_new(m, task, seen);
    e->port = right.port;
    if (right.type == MACH_MSG_TYPE_PORT_RECEIVE) {
        entry_receive(task, e, right.port);
        if (fresh)
            e->urefs = 0;
    } else if (right.type == MACH_MSG_TYPE_PORT_SEND_ONCE) {
        e->type = MACH_PORT_TYPE_SEND_ONCE;
    } else if ((e->type & MACH_PORT_TYPE_SEND) == 0) {
        e->type |= MACH_PORT_TYPE_SEND;
        e->urefs = 1;
    } else if (e->urefs < UREFS_MAX) {
        e->urefs++; /* at the limit the right is absorbed */
    }
    return e->name;
}

/* The name is gone. Who asked to be told of its death is told that there is nothing more to watch. */
static struct model_port *entry_free(struct model_entry *e)
{
    struct model_port *notify = e->notify;

    *e = (struct model_entry){0};
    return notify;
}

void model_entry_drop(struct model *m, struct model_entry *e, mach_port_type_t kinds)
{
    const struct model_entry was = *e;
    const mach_port_type_t drop = was.type & kinds;

    e->type &= ~kinds;
    if (drop & MACH_PORT_TYPE_SEND)
        e->urefs = 0;
    if (e->type == 0)
        model_notify(m, entry_free(e), MACH_NOTIFY_PORT_DELETED, was.name);
    if (drop & MACH_PORT_TYPE_PORT_SET) {
        for (uint32_t i = 0; i < m->ports; i++)
            m->port[i].sets &= ~(UINT64_C(1) << was.set);
    }
    if (drop & MACH_PORT_TYPE_RECEIVE)
        model_release(m, (struct model_right){.port = was.port, .type = MACH_MSG_TYPE_PORT_RECEIVE});
    if (drop & MACH_PORT_TYPE_SEND)
        model_release(m, (struct model_right){.port = was.port, .type = MACH_MSG_TYPE_PORT_SEND});
    if (drop & MACH_PORT_TYPE_SEND_ONCE)
        model_release(m, (struct model_right){.port = was.port, .type = MACH_MSG_TYPE_PORT_SEND_ONCE});
}

/* --- taking --- */

/* Dead names travel as MACH_PORT_DEAD where a send or send-once right would. */
static kern_return_t claim_dead(struct model_take *take)
{
    struct model_entry *e = take->entry;

    switch (take->disposition) {
    case MACH_MSG_TYPE_COPY_SEND:
        return KERN_SUCCESS;
    case MACH_MSG_TYPE_MOVE_SEND:
    case MACH_MSG_TYPE_MOVE_SEND_ONCE:
        if (e->urefs == 0)
            return KERN_INVALID_NAME;
        e->urefs--;
        return KERN_SUCCESS;
    default:
        return KERN_INVALID_RIGHT;
    }
}

static kern_return_t claim(struct model_space *s, struct model_take *take)
{
    struct model_entry *e;

    if (!MACH_PORT_VALID(take->name)) {
        take->right.dead = take->name == MACH_PORT_DEAD;
        return KERN_SUCCESS;
    }
    e = take->entry = model_lookup(s, take->name);
    if (e == NULL)
        return KERN_INVALID_NAME;
    if (e->type == MACH_PORT_TYPE_DEAD_NAME)
        return take->alive ? KERN_INVALID_CAPABILITY : claim_dead(take);
    switch (take->disposition) {
    case MACH_MSG_TYPE_MOVE_RECEIVE:
    case MACH_MSG_TYPE_MAKE_SEND:
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
        if ((e->type & MACH_PORT_TYPE_RECEIVE) == 0 || e->claimed)
            return KERN_INVALID_RIGHT;
        e->claimed = take->disposition == MACH_MSG_TYPE_MOVE_RECEIVE;
        return KERN_SUCCESS;
    case MACH_MSG_TYPE_COPY_SEND:
    case MACH_MSG_TYPE_MOVE_SEND:
        if ((e->type & MACH_PORT_TYPE_SEND) == 0)
            return KERN_INVALID_RIGHT;
        if (e->urefs == 0)
            return KERN_INVALID_RIGHT; /* the last reference is in this very message */
        e->urefs -= take->disposition == MACH_MSG_TYPE_MOVE_SEND;
        return KERN_SUCCESS;
    default: /* MOVE_SEND_ONCE */
        if (e->type != MACH_PORT_TYPE_SEND_ONCE || e->claimed)
            return KERN_INVALID_RIGHT;
        e->claimed = true;
        return KERN_SUCCESS;
    }
}

static mach_msg_type_name_t result_type(mach_msg_type_name_t disposition)
{
    switch (disposition) {
    case MACH_MSG_TYPE_COPY_SEND:
    case MACH_MSG_TYPE_MAKE_SEND:
        return MACH_MSG_TYPE_PORT_SEND;
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
        return MACH_MSG_TYPE_PORT_SEND_ONCE;
    default:
        return disposition;
    }
}

/* What the message gets. Nothing leaves the entry yet. */
static void commit_right(struct model_take *take)
{
    take->right.type = result_type(take->disposition);
    if (take->entry == NULL)
        return;
    if (take->entry->type == MACH_PORT_TYPE_DEAD_NAME) {
        take->right.dead = true;
        return;
    }
    take->right.port = take->entry->port;
    if (take->disposition == MACH_MSG_TYPE_MAKE_SEND)
        take->entry->port->mscount++;
}

/* What the entry loses. An entry that several takes name ends with the first of them. */
static void commit_entry(struct model_take *take)
{
    struct model_entry *e = take->entry;

    if (e == NULL || e->type == 0 || e->name != take->name)
        return;
    switch (take->disposition) {
    case MACH_MSG_TYPE_MOVE_SEND:
    case MACH_MSG_TYPE_MOVE_SEND_ONCE:
        if (e->type == MACH_PORT_TYPE_SEND_ONCE)
            take->deleted = entry_free(e);
        else if (e->urefs == 0 && (e->type & MACH_PORT_TYPE_RECEIVE) != 0)
            e->type = MACH_PORT_TYPE_RECEIVE;
        else if (e->urefs == 0)
            take->deleted = entry_free(e);
        break;
    case MACH_MSG_TYPE_MOVE_RECEIVE:
        e->port->sets = 0;
        e->port->in_space = false;
        guard_end(e->port);
        e->claimed = false;
        e->type &= ~MACH_PORT_TYPE_RECEIVE;
        if (e->type == 0)
            take->deleted = entry_free(e);
        break;
    default:
        break;
    }
}

kern_return_t model_take(struct model *m, uint32_t task, struct model_take *takes, uint32_t count,
                         uint32_t *failed)
{
    struct model_space *s = &m->space[task];
    const struct model_space before = *s;

    for (uint32_t i = 0; i < count; i++) {
        kern_return_t kr = claim(s, &takes[i]);
        if (kr != KERN_SUCCESS) {
            *s = before;
            *failed = i;
            return kr;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        commit_right(&takes[i]);
    for (uint32_t pass = 0; pass < 2; pass++) { /* receive rights last: they may take the name with them */
        for (uint32_t i = 0; i < count; i++) {
            if ((takes[i].disposition == MACH_MSG_TYPE_MOVE_RECEIVE) == (pass == 1))
                commit_entry(&takes[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        model_notify(m, takes[i].deleted, MACH_NOTIFY_PORT_DELETED, takes[i].name);
    return KERN_SUCCESS;
}
