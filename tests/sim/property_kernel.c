/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A script on the simulated kernel: one task for each of the script's, each with one thread.  The thread whose operation is
 * next does it, compares answer and tables with the model, and passes the turn on.
 */
#include "property.h"
#include "property_counts.h"
#include "user.h"

#include <stdio.h>
#include <string.h>

#define TASK_NAME(task)                                                                                      \
    ((mach_port_name_t)(0x40 + (task)) << 8 | 1) /* in every space: the ports of all tasks */
#define QUIET_EVERY 400u                         /* kernel exits from one audit to the next */

/* The run under way: program and model are in one process. */
static struct {
    const struct model_op *ops;
    uint32_t count;
    uint32_t position;
    uint32_t
        tables_every; /* operations from one look at all tables to the next: to look makes the kernel tidy up */
    uint32_t turn;    /* whose: a task, or MODEL_TASKS: the first program's */
    struct model_run run;
    struct property_result result;
} p;

struct script_message {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right[MODEL_BODY];
    mach_msg_max_trailer_t trailer;
};

static void fail(const char *text)
{
    p.result.failed = true;
    p.result.position = p.position;
    (void)snprintf(p.result.text, sizeof(p.result.text), "%s", text);
    sim_fail("%s", text);
}

/* --- doing an operation --- */

static mach_port_name_t operand(const struct model_op *op, uint32_t i)
{
    return model_operand(&p.run, op->target, op->slot[i]);
}

static mach_port_name_t callers(const struct model_op *op, uint32_t i)
{
    return model_operand(&p.run, op->task, op->slot[i]);
}

/* Take apart what is in the buffer: size of the message, and of the trailer behind it. */
static void message_seen(const struct script_message *m, struct model_seen_message *seen, bool trailer)
{
    const mach_msg_max_trailer_t *t = (const void *)((const char *)m + m->head.msgh_size);

    *seen = (struct model_seen_message){.bits = m->head.msgh_bits,
                                        .size = m->head.msgh_size,
                                        .remote = m->head.msgh_remote_port,
                                        .local = m->head.msgh_local_port,
                                        .id = m->head.msgh_id};
    if (MACH_MSGH_BITS_IS_COMPLEX(m->head.msgh_bits)) {
        seen->count = m->body.msgh_descriptor_count;
        for (uint32_t i = 0; i < seen->count && i < MODEL_BODY; i++) {
            seen->name[i] = m->right[i].name;
            seen->disposition[i] = m->right[i].disposition;
        }
    } else if (m->head.msgh_size == sizeof(mach_msg_header_t) + sizeof(NDR_record_t) + sizeof(uint32_t)) {
        memcpy(&seen->word, (const char *)(&m->head + 1) + sizeof(NDR_record_t), sizeof(seen->word));
    }
    if (trailer) {
        seen->seqno = t->msgh_seqno;
        seen->context = t->msgh_context;
    }
}

static void do_send(const struct model_op *op, struct model_outcome *seen)
{
    const uint32_t rights = op->value % (MODEL_BODY + 1);
    struct script_message m = {
        .head = {.msgh_bits = MACH_MSGH_BITS(model_disposition(op->kind[0]), model_local_disposition(op)) |
                              (rights > 0 ? MACH_MSGH_BITS_COMPLEX : 0),
                 .msgh_size = (mach_msg_size_t)(rights == 0 ? sizeof(m.head)
                                                            : offsetof(struct script_message, right[rights])),
                 .msgh_remote_port = callers(op, 0),
                 .msgh_local_port = callers(op, 1),
                 .msgh_id = model_message_id(p.position)},
        .body = {.msgh_descriptor_count = rights},
    };

    for (uint32_t i = 0; i < rights; i++)
        mig_put_port(&m.right[i], callers(op, 2 + i), model_disposition(op->kind[2] >> i));
    seen->kr = mach_msg(&m.head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, m.head.msgh_size, 0, MACH_PORT_NULL, 0,
                        MACH_PORT_NULL);
    if (seen->kr == MACH_SEND_TIMED_OUT)
        message_seen(&m, &seen->message, false);
}

static void do_receive(const struct model_op *op, struct model_outcome *seen)
{
    struct script_message m;

    memset(&m, 0, sizeof(m));
    seen->kr = mach_msg(&m.head, model_receive_options(op->kind[0]), 0, model_room(&p.run, op),
                        callers(op, 0), 0, MACH_PORT_NULL);
    if (seen->kr == MACH_RCV_TOO_LARGE) /* the header alone has come */
        memset(&m.head + 1, 0, sizeof(m) - sizeof(m.head));
    if (seen->kr == MACH_MSG_SUCCESS || seen->kr == MACH_RCV_TOO_LARGE)
        message_seen(&m, &seen->message, seen->kr == MACH_MSG_SUCCESS);
}

static kern_return_t set_qlimit(mach_port_t task, mach_port_name_t name, uint8_t value)
{
    mach_port_limits_t limits = {.mpl_qlimit = value == UINT8_MAX ? MACH_PORT_QLIMIT_MAX + 1u : value % 8u};

    return mach_port_set_attributes(task, name, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                    MACH_PORT_LIMITS_INFO_COUNT);
}

static kern_return_t do_insert(const struct model_op *op, mach_port_t task)
{
    const mach_port_name_t name = op->slot[1] < MODEL_SLOTS ? operand(op, 1) : model_fixed_name(op->value);

    return mach_port_insert_right(task, name, callers(op, 0), model_disposition(op->kind[0]));
}

static kern_return_t do_extract(const struct model_op *op, mach_port_t task, mach_port_name_t *name)
{
    mach_msg_type_name_t type;

    return mach_port_extract_right(task, operand(op, 1), model_disposition(op->kind[0]), name, &type);
}

static kern_return_t do_request(const struct model_op *op, mach_port_t task, mach_port_name_t *previous)
{
    const mach_msg_type_name_t how =
        op->kind[1] % 4 == 0 ? MACH_MSG_TYPE_MOVE_SEND_ONCE : MACH_MSG_TYPE_MAKE_SEND_ONCE;

    return mach_port_request_notification(task, operand(op, 0), model_notify_id(op->kind[0]), op->value % 3,
                                          callers(op, 1), how, previous);
}

static kern_return_t do_construct(const struct model_op *op, mach_port_t task, mach_port_name_t *name)
{
    mach_port_options_t options = model_options(op);

    return mach_port_construct(task, &options, model_guard(op->value), name);
}

static kern_return_t do_guard(const struct model_op *op, mach_port_t task)
{
    const mach_port_name_t name = operand(op, 0);
    const mach_port_context_t guard = model_guard(op->value);

    switch (op->code) {
    case MODEL_DESTRUCT:
        return mach_port_destruct(task, name, model_delta(op->kind[0]), guard);
    case MODEL_GUARD:
        return mach_port_guard(task, name, guard, op->kind[0] % 2 != 0);
    case MODEL_UNGUARD:
        return mach_port_unguard(task, name, guard);
    default:
        return mach_port_swap_guard(task, name, guard, model_guard(op->kind[0]));
    }
}

static kern_return_t do_peek(const struct model_op *op, mach_port_t task, struct model_seen_message *seen)
{
    mach_msg_max_trailer_t trailer;
    mach_msg_type_number_t count = sizeof(trailer);
    mach_port_seqno_t seqno = model_peek_seqno(op->value);

    kern_return_t kr =
        mach_port_peek(task, operand(op, 0), MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SEQNO), &seqno,
                       &seen->size, &seen->id, (mach_msg_trailer_info_t)&trailer, &count);
    if (kr != KERN_SUCCESS) {
        *seen = (struct model_seen_message){0};
        return kr;
    }
    seen->seqno = seqno;
    SIM_CHECK(count == sizeof(mach_msg_seqno_trailer_t) && trailer.msgh_seqno == seqno);
    return KERN_SUCCESS;
}

static kern_return_t do_call(const struct model_op *op, mach_port_t task, mach_port_name_t *name)
{
    const mach_port_name_t a = operand(op, 0);

    switch (op->code) {
    case MODEL_ALLOCATE:
        return mach_port_allocate(task, model_right_kind(op->kind[0]), name);
    case MODEL_ALLOCATE_NAME:
        return mach_port_allocate_name(task, model_right_kind(op->kind[0]), model_fixed_name(op->value));
    case MODEL_RENAME:
        return mach_port_rename(task, a, model_fixed_name(op->value));
    case MODEL_DESTROY:
        return mach_port_destroy(task, a);
    case MODEL_DEALLOCATE:
        return mach_port_deallocate(task, a);
    case MODEL_MOD_REFS:
        return mach_port_mod_refs(task, a, model_right_kind(op->kind[0]), model_delta(op->value));
    case MODEL_INSERT_RIGHT:
        return do_insert(op, task);
    case MODEL_EXTRACT_RIGHT:
        return do_extract(op, task, name);
    case MODEL_REQUEST_NOTIFICATION:
        return do_request(op, task, name);
    case MODEL_SET_MSCOUNT:
        return mach_port_set_mscount(task, a, op->value);
    case MODEL_SET_SEQNO:
        return mach_port_set_seqno(task, a, op->value);
    case MODEL_SET_CONTEXT:
        return mach_port_set_context(task, a, op->value);
    case MODEL_SET_QLIMIT:
        return set_qlimit(task, a, op->value);
    case MODEL_INSERT_MEMBER:
        return mach_port_insert_member(task, a, operand(op, 1));
    case MODEL_EXTRACT_MEMBER:
        return mach_port_extract_member(task, a, operand(op, 1));
    case MODEL_MOVE_MEMBER:
        return mach_port_move_member(task, a, operand(op, 1));
    case MODEL_CONSTRUCT:
        return do_construct(op, task, name);
    case MODEL_DESTRUCT:
    case MODEL_GUARD:
    case MODEL_UNGUARD:
    case MODEL_SWAP_GUARD:
        return do_guard(op, task);
    default:
        *name = mach_reply_port();
        return KERN_SUCCESS;
    }
}

static void do_op(const struct model_op *op, struct model_outcome *seen)
{
    memset(seen, 0, sizeof(*seen));
    if (op->code == MODEL_SEND)
        do_send(op, seen);
    else if (op->code == MODEL_RECEIVE)
        do_receive(op, seen);
    else if (op->code == MODEL_PEEK)
        seen->kr = do_peek(op, TASK_NAME(op->target), &seen->message);
    else
        seen->kr = do_call(op, TASK_NAME(op->target), &seen->name);
    if (seen->kr != KERN_SUCCESS)
        seen->name = MACH_PORT_NULL;
    else if (op->code == MODEL_ALLOCATE_NAME || op->code == MODEL_RENAME)
        seen->name = MACH_PORT_NULL; /* it was the caller's choice */
}

/* --- tables --- */

static void row_read(mach_port_t task, struct model_row *row)
{
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;

    if (row->type & MACH_PORT_TYPE_SEND)
        SIM_CHECK(mach_port_get_refs(task, row->name, MACH_PORT_RIGHT_SEND, &row->urefs) == KERN_SUCCESS);
    if (row->type & MACH_PORT_TYPE_DEAD_NAME)
        SIM_CHECK(mach_port_get_refs(task, row->name, MACH_PORT_RIGHT_DEAD_NAME, &row->urefs) ==
                  KERN_SUCCESS);
    if (row->type & MACH_PORT_TYPE_RECEIVE) {
        SIM_CHECK(mach_port_get_attributes(task, row->name, MACH_PORT_RECEIVE_STATUS,
                                           (mach_port_info_t)&row->status, &count) == KERN_SUCCESS);
        SIM_CHECK(mach_port_get_srights(task, row->name, &row->srights) == KERN_SUCCESS);
        SIM_CHECK(mach_port_get_context(task, row->name, &row->context) == KERN_SUCCESS);
    }
    if (row->type & MACH_PORT_TYPE_PORT_SET) {
        SIM_CHECK(user_set_members(task, row->name, row->member, MODEL_NAMES, &row->member_count) ==
                  KERN_SUCCESS);
        SIM_CHECK(row->member_count <= MODEL_NAMES);
    }
}

static uint32_t names_read(mach_port_t task, mach_port_name_t *names, mach_port_type_t *types)
{
    uint32_t count;

    SIM_CHECK(user_port_names(task, names, types, MODEL_NAMES, &count) == KERN_SUCCESS);
    SIM_CHECK(count <= MODEL_NAMES);
    return count;
}

static uint32_t table_read(uint32_t task, struct model_row *rows)
{
    mach_port_name_t names[MODEL_NAMES];
    mach_port_type_t types[MODEL_NAMES];
    const uint32_t total = names_read(TASK_NAME(task), names, types);
    uint32_t count = 0;

    for (uint32_t i = 0; i < total; i++) {
        if (model_in_baseline(&p.run.model.space[task], names[i]))
            continue;
        rows[count] = (struct model_row){.name = names[i], .type = types[i]};
        row_read(TASK_NAME(task), &rows[count++]);
    }
    return count;
}

static void table_check(uint32_t task)
{
    static struct model_row want[MODEL_NAMES], seen[MODEL_NAMES];
    char what[PROPERTY_TEXT - 32], text[PROPERTY_TEXT];
    const uint32_t seen_count = table_read(task, seen);
    const uint32_t want_count = model_table(&p.run, task, want);

    if (model_rows_equal(want, want_count, seen, seen_count, what, sizeof(what)))
        return;
    (void)snprintf(text, sizeof(text), "table of task %u: %s", task, what);
    fail(text);
}

/* --- the programs --- */

/* The names that are there for the program's own sake. */
static void baseline_read(uint32_t task)
{
    struct model_space *s = &p.run.model.space[task];
    mach_port_type_t types[MODEL_NAMES];
    mach_port_name_t names[MODEL_NAMES];

    s->baseline_count = names_read(TASK_NAME(task), names, types);
    SIM_CHECK(s->baseline_count <= MODEL_BASELINE);
    memcpy(s->baseline, names, s->baseline_count * sizeof(names[0]));
}

/* A call that failed got itself another reply port. */
static void baseline_follow(uint32_t task, mach_port_name_t before)
{
    struct model_space *s = &p.run.model.space[task];
    const mach_port_name_t now = mig_get_reply_port();

    for (uint32_t i = 0; i < s->baseline_count; i++) {
        if (s->baseline[i] == before)
            s->baseline[i] = now;
    }
}

static void do_turn(const struct model_op *op)
{
    const mach_port_name_t reply_port = mig_get_reply_port();
    struct model_outcome seen, want;
    char text[PROPERTY_TEXT];

    do_op(op, &seen);
    model_step(&p.run, op, p.position, &seen, &want);
    baseline_follow(op->task, reply_port);
    if (!model_outcome_equal(&want, &seen, text, sizeof(text)))
        fail(text);
    if (p.position % p.tables_every != 0 && p.position + 1 < p.count)
        return;
    for (uint32_t task = 0; task < MODEL_TASKS; task++)
        table_check(task);
}

static uint32_t turn(void)
{
    return __atomic_load_n(&p.turn, __ATOMIC_ACQUIRE);
}

static void turn_next(void)
{
    __atomic_store_n(&p.turn, p.position < p.count ? p.ops[p.position].task : MODEL_TASKS, __ATOMIC_RELEASE);
}

static void worker(uint64_t task)
{
    (void)mig_get_reply_port();
    (void)mach_task_self();
    for (;;) {
        while (turn() != task)
            user_yield();
        if (p.run.model.space[task].baseline_count == 0) {
            baseline_read((uint32_t)task);
            p.turn = MODEL_TASKS;
            continue;
        }
        do_turn(&p.ops[p.position]);
        p.position++;
        turn_next();
    }
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);
    mach_port_t task[MODEL_TASKS];

    property_counts_begin();
    for (uint32_t i = 0; i < MODEL_TASKS; i++)
        SIM_CHECK(task_create(mach_task_self(), FALSE, &task[i]) == KERN_SUCCESS);
    for (uint32_t i = 0; i < MODEL_TASKS; i++) {
        for (uint32_t other = 0; other < MODEL_TASKS; other++)
            SIM_CHECK(mach_port_insert_right(task[i], TASK_NAME(other), task[other],
                                             MACH_MSG_TYPE_COPY_SEND) == KERN_SUCCESS);
        SIM_CHECK(user_thread_start(task[i], worker, i, NULL) == KERN_SUCCESS);
        p.turn = i;
        while (turn() != MODEL_TASKS)
            user_yield();
    }
    turn_next();
    while (turn() != MODEL_TASKS)
        user_yield();
    for (uint32_t i = 0; i < MODEL_TASKS; i++) {
        SIM_CHECK(task_terminate(task[i]) == KERN_SUCCESS);
        SIM_CHECK(mach_port_deallocate(mach_task_self(), task[i]) == KERN_SUCCESS);
    }
    property_counts_end();
    user_power_off(host_priv);
}

/* --- the run --- */

struct property_result property_run(const struct model_op *ops, uint32_t count, uint64_t seed, uint32_t cpus)
{
    struct sim_config config = sim_config_random(seed, cpus);

    config.program = first_program;
    property_counts_watch(&config, QUIET_EVERY);
    memset(&p, 0, sizeof(p));
    p.ops = ops;
    p.count = count;
    p.turn = MODEL_TASKS;
    p.tables_every = 1u << 2 * (seed % 4);
    model_init(&p.run.model);
    struct sim_result run = sim_run(&config);
    if (!p.result.failed && run.end != SIM_POWEROFF) {
        p.result.failed = true;
        p.result.position = p.position;
        (void)snprintf(p.result.text, sizeof(p.result.text), "%s: %.200s", sim_end_name(run.end),
                       run.message);
    }
    return p.result;
}
