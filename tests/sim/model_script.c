/* SPDX-License-Identifier: BSD-2-Clause */
/* Scripts: from bytes, from a seed, and in words. */
#include "model_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 64u      /* to find arguments with which an operation succeeds */
#define CODES_TRIED 6u /* operations tried in the place of one that can't */

static const mach_msg_type_name_t dispositions[16] = {
    MACH_MSG_TYPE_COPY_SEND,      MACH_MSG_TYPE_MAKE_SEND,      MACH_MSG_TYPE_MOVE_SEND,
    MACH_MSG_TYPE_MAKE_SEND_ONCE, MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_MSG_TYPE_MOVE_RECEIVE,
    MACH_MSG_TYPE_MAKE_SEND,      MACH_MSG_TYPE_COPY_SEND,      MACH_MSG_TYPE_MAKE_SEND_ONCE,
    MACH_MSG_TYPE_MOVE_RECEIVE,   MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_MSG_TYPE_MOVE_SEND,
    MACH_MSG_TYPE_MAKE_SEND,      MACH_MSG_TYPE_MOVE_RECEIVE,   MACH_MSG_TYPE_LAST,
    MACH_MSG_TYPE_COPY_SEND,
};

static const struct {
    const char *name;
    uint8_t weight; /* how often the generator takes it */
} codes[MODEL_CODES] = {
    [MODEL_ALLOCATE] = {"allocate", 10},
    [MODEL_ALLOCATE_NAME] = {"allocate_name", 3},
    [MODEL_RENAME] = {"rename", 3},
    [MODEL_DESTROY] = {"destroy", 3},
    [MODEL_DEALLOCATE] = {"deallocate", 4},
    [MODEL_MOD_REFS] = {"mod_refs", 6},
    [MODEL_INSERT_RIGHT] = {"insert_right", 10},
    [MODEL_EXTRACT_RIGHT] = {"extract_right", 6},
    [MODEL_REQUEST_NOTIFICATION] = {"request_notification", 12},
    [MODEL_SET_MSCOUNT] = {"set_mscount", 1},
    [MODEL_SET_SEQNO] = {"set_seqno", 1},
    [MODEL_SET_CONTEXT] = {"set_context", 1},
    [MODEL_SET_QLIMIT] = {"set_qlimit", 2},
    [MODEL_INSERT_MEMBER] = {"insert_member", 4},
    [MODEL_EXTRACT_MEMBER] = {"extract_member", 2},
    [MODEL_MOVE_MEMBER] = {"move_member", 2},
    [MODEL_REPLY_PORT] = {"reply_port", 1},
    [MODEL_SEND] = {"send", 24},
    [MODEL_RECEIVE] = {"receive", 20},
    [MODEL_CONSTRUCT] = {"construct", 5},
    [MODEL_DESTRUCT] = {"destruct", 2},
    [MODEL_GUARD] = {"guard", 4},
    [MODEL_UNGUARD] = {"unguard", 2},
    [MODEL_SWAP_GUARD] = {"swap_guard", 2},
    [MODEL_PEEK] = {"peek", 6},
};

/* --- what operands mean --- */

mach_port_name_t model_operand(const struct model_run *run, uint32_t task, uint8_t operand)
{
    /* who chooses names can bring old generations back: then a slot may hold what has become a name of the program's own */
    if (operand < MODEL_SLOTS && !model_in_baseline(&run->model.space[task], run->slot[task][operand]))
        return run->slot[task][operand];
    return operand == MODEL_SLOT_NULL ? MACH_PORT_NULL : MACH_PORT_DEAD;
}

mach_port_name_t model_fixed_name(uint8_t value)
{
    static const mach_port_name_t odd[4] = {MACH_PORT_NULL, MACH_PORT_DEAD, 0x42, 1u << 28};

    if (value % 16 == 15)
        return odd[value / 16 % 4];
    return (0x280u + value % 8) << 8 | (1 + value / 8 % 2);
}

mach_msg_type_name_t model_disposition(uint8_t kind)
{
    return dispositions[kind % 16];
}

mach_port_right_t model_right_kind(uint8_t kind)
{
    static const mach_port_right_t kinds[8] = {MACH_PORT_RIGHT_RECEIVE,   MACH_PORT_RIGHT_SEND,
                                               MACH_PORT_RIGHT_RECEIVE,   MACH_PORT_RIGHT_PORT_SET,
                                               MACH_PORT_RIGHT_DEAD_NAME, MACH_PORT_RIGHT_SEND_ONCE,
                                               MACH_PORT_RIGHT_PORT_SET,  MACH_PORT_RIGHT_NUMBER};

    return kinds[kind % 8];
}

mach_port_delta_t model_delta(uint8_t value)
{
    static const mach_port_delta_t deltas[8] = {-1, 1, 2, -2, 0, 65534, 65535, INT32_MIN};

    return deltas[value % 8];
}

mach_msg_id_t model_notify_id(uint8_t kind)
{
    static const mach_msg_id_t ids[8] = {
        MACH_NOTIFY_DEAD_NAME,  MACH_NOTIFY_NO_SENDERS,     MACH_NOTIFY_PORT_DESTROYED, MACH_NOTIFY_DEAD_NAME,
        MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_PORT_DESTROYED, MACH_NOTIFY_SEND_POSSIBLE,  MACH_NOTIFY_LAST};

    return ids[kind % 8];
}

mach_msg_id_t model_message_id(uint32_t position)
{
    return (mach_msg_id_t)(0x10000 + position);
}

/* A small one, or the highest that there is, or one more. */
static mach_port_msgcount_t qlimit(uint8_t value)
{
    return value < 240 ? value % 8u : MACH_PORT_QLIMIT_MAX + value % 2u;
}

mach_port_options_t model_options(const struct model_op *op)
{
    const uint8_t x = op->kind[0];

    return (mach_port_options_t){.flags = (x & 1 ? MPO_CONTEXT_AS_GUARD : 0) | (x & 2 ? MPO_QLIMIT : 0) |
                                          (x & 4 ? MPO_INSERT_SEND_RIGHT : 0) | (x & 8 ? MPO_STRICT : 0) |
                                          (x > 250 ? 0x100u : 0),
                                 .mpl = {.mpl_qlimit = qlimit(op->kind[1])}};
}

mach_port_context_t model_guard(uint8_t value)
{
    return value % 3u;
}

mach_port_seqno_t model_peek_seqno(uint8_t value)
{
    return value % 2 == 0 ? 0 : value / 2 % 8u;
}

mach_msg_size_t model_room(const struct model_run *run, const struct model_op *op)
{
    const mach_port_name_t name = model_operand(run, op->task, op->slot[0]);
    const mach_msg_size_t large = sizeof(mach_msg_base_t) + MODEL_BODY * sizeof(mach_msg_port_descriptor_t);

    for (uint32_t i = 0; i < MODEL_NAMES; i++) {
        const struct model_entry *e = &run->model.space[op->task].entry[i];
        if (e->type == MACH_PORT_TYPE_PORT_SET && e->name == name)
            return large + MAX_TRAILER_SIZE; /* which message would not fit is the kernel's choice */
    }
    return (op->kind[0] % 8 == 7 ? sizeof(mach_msg_header_t) : large) + MAX_TRAILER_SIZE;
}

mach_msg_option_t model_receive_options(uint8_t kind)
{
    return MACH_RCV_MSG | MACH_RCV_TIMEOUT | (kind & 16 ? MACH_RCV_LARGE : 0) |
           (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX);
}

/* --- from bytes and seeds --- */

struct model_op model_op_decode(const uint8_t bytes[MODEL_OP_BYTES])
{
    struct model_op op;

    memcpy(&op, bytes, sizeof(op));
    op.code %= MODEL_CODES;
    op.task %= MODEL_TASKS;
    op.target %= MODEL_TASKS;
    if (op.code == MODEL_SEND || op.code == MODEL_RECEIVE || op.code == MODEL_REPLY_PORT)
        op.target = op.task;
    for (uint32_t i = 0; i < sizeof(op.slot); i++)
        op.slot[i] %= MODEL_OPERANDS;
    return op;
}

uint64_t model_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint8_t random_code(uint64_t *state)
{
    uint32_t total = 0;
    uint8_t code = 0;

    for (uint32_t i = 0; i < MODEL_CODES; i++)
        total += codes[i].weight;
    for (uint32_t pick = (uint32_t)(model_random(state) % total); pick >= codes[code].weight; code++)
        pick -= codes[code].weight;
    return code;
}

static struct model_op random_op(uint8_t code, uint64_t *state)
{
    uint8_t bytes[MODEL_OP_BYTES];

    for (uint32_t i = 0; i < MODEL_OP_BYTES; i++)
        bytes[i] = (uint8_t)model_random(state);
    bytes[0] = code;
    if (model_random(state) % 4 != 0)
        bytes[2] = bytes[1]; /* mostly in the own space */
    return model_op_decode(bytes);
}

void model_answer_fresh(struct model_outcome *seen, uint32_t position)
{
    const mach_port_name_t first = (0x1000u + position * 8) << 8 | 1;

    memset(seen, 0, sizeof(*seen));
    seen->name = first;
    seen->message.remote = first + 0x100;
    seen->message.local = first + 0x200;
    for (uint32_t i = 0; i < MODEL_BODY; i++)
        seen->message.name[i] = first + 0x300 + i * 0x100;
}

/* Mostly operations that succeed, tried on a model of its own: others leave nothing to build on. */
void model_script_generate(struct model_op *ops, uint32_t count, uint64_t seed)
{
    static struct model_run run, before;
    struct model_outcome seen, want;
    uint64_t state = seed;

    memset(&run, 0, sizeof(run));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tries = model_random(&state) % 8 == 0 ? 1 : CODES_TRIED * TRIES;
        uint8_t code = 0;
        before = run;
        model_answer_fresh(&seen, i);
        do {
            if (tries % TRIES == 0 || tries == 1)
                code = random_code(&state);
            run = before;
            ops[i] = random_op(code, &state);
            model_step(&run, &ops[i], i, &seen, &want);
        } while (want.kr != KERN_SUCCESS && --tries > 0);
    }
}

/* --- in words --- */

static const char *operand_text(uint8_t operand, char text[8])
{
    if (operand < MODEL_SLOTS)
        (void)snprintf(text, 8, "v%u", operand);
    else
        (void)snprintf(text, 8, "%s", operand == MODEL_SLOT_NULL ? "null" : "dead");
    return text;
}

static const char *disposition_text(uint8_t kind)
{
    static const char *const names[] = {"move-receive", "move-send", "move-once",
                                        "copy-send",    "make-send", "make-once"};
    const mach_msg_type_name_t d = model_disposition(kind);

    return MACH_MSG_TYPE_PORT_ANY(d) ? names[d - MACH_MSG_TYPE_MOVE_RECEIVE] : "invalid";
}

static void print_send(const struct model_op *op, char *text, size_t room)
{
    char a[8], b[8], c[8];
    const uint32_t rights = op->value % (MODEL_BODY + 1);
    int n =
        snprintf(text, room, "task %u: send to %s %s, reply %s %s", op->task, operand_text(op->slot[0], a),
                 disposition_text(op->kind[0]), operand_text(op->slot[1], b), disposition_text(op->kind[1]));

    for (uint32_t i = 0; i < rights && n > 0 && (size_t)n < room; i++)
        n += snprintf(text + n, room - (size_t)n, ", %s %s", operand_text(op->slot[2 + i], c),
                      disposition_text((uint8_t)(op->kind[2] >> i)));
}

static void print_insert(const struct model_op *op, const char *a, const char *b, const char *c, char *text,
                         size_t room)
{
    if (op->slot[1] < MODEL_SLOTS)
        (void)snprintf(text, room, "%s %s as %s, to %s", a, disposition_text(op->kind[0]), b, c);
    else
        (void)snprintf(text, room, "%s %s as name %#x, to %s", a, disposition_text(op->kind[0]),
                       model_fixed_name(op->value), c);
}

static void print_guard(const struct model_op *op, const char *name, char *text, size_t room)
{
    const unsigned long guard = model_guard(op->value);
    const mach_port_options_t options = model_options(op);

    if (op->code == MODEL_CONSTRUCT)
        (void)snprintf(text, room, "%s = receive, flags %#x, limit %u, context %lu", name, options.flags,
                       options.mpl.mpl_qlimit, guard);
    else if (op->code == MODEL_DESTRUCT)
        (void)snprintf(text, room, "%s by %d, guard %lu", name, model_delta(op->kind[0]), guard);
    else
        (void)snprintf(text, room, "%s, guard %lu%s", name, guard, op->kind[0] % 2 != 0 ? ", strict" : "");
}

static void print_request(const struct model_op *op, const char *port, const char *to, const char *previous,
                          char *text, size_t room)
{
    (void)snprintf(text, room, "%s id %d sync %u to %s %s, previous to %s", port,
                   model_notify_id(op->kind[0]), op->value % 3, to,
                   op->kind[1] % 4 == 0 ? "move-once" : "make-once", previous);
}

void model_op_print(const struct model_op *op, char *text, size_t room)
{
    static const char *const rights[] = {"send", "receive", "send-once", "set", "dead-name", "?", "invalid"};
    char a[8], b[8], c[8];

    operand_text(op->slot[0], a);
    operand_text(op->slot[1], b);
    operand_text(op->slot[2], c);
    int n = snprintf(text, room, "task %u: %s in %u: ", op->task, codes[op->code].name, op->target);
    if (n < 0 || (size_t)n >= room)
        return;
    text += n;
    room -= (size_t)n;
    switch (op->code) {
    case MODEL_SEND:
        print_send(op, text - n, room + (size_t)n);
        break;
    case MODEL_ALLOCATE:
        (void)snprintf(text, room, "%s = %s", a, rights[model_right_kind(op->kind[0])]);
        break;
    case MODEL_ALLOCATE_NAME:
        (void)snprintf(text, room, "%s = %s, name %#x", a, rights[model_right_kind(op->kind[0])],
                       model_fixed_name(op->value));
        break;
    case MODEL_RENAME:
        (void)snprintf(text, room, "%s to name %#x", a, model_fixed_name(op->value));
        break;
    case MODEL_MOD_REFS:
        (void)snprintf(text, room, "%s %s by %d", a, rights[model_right_kind(op->kind[0])],
                       model_delta(op->value));
        break;
    case MODEL_INSERT_RIGHT:
        print_insert(op, a, b, c, text, room);
        break;
    case MODEL_EXTRACT_RIGHT:
        (void)snprintf(text, room, "%s = %s %s", a, b, disposition_text(op->kind[0]));
        break;
    case MODEL_REQUEST_NOTIFICATION:
        print_request(op, a, b, c, text, room);
        break;
    case MODEL_INSERT_MEMBER:
    case MODEL_EXTRACT_MEMBER:
    case MODEL_MOVE_MEMBER:
        (void)snprintf(text, room, "%s, set %s", a, b);
        break;
    case MODEL_RECEIVE:
        (void)snprintf(text, room, "%s, reply to %s, rights to %s...%s", a, b, c,
                       op->kind[0] % 8 == 7 ? " (small buffer)" : "");
        break;
    case MODEL_CONSTRUCT:
    case MODEL_DESTRUCT:
    case MODEL_GUARD:
        print_guard(op, a, text, room);
        break;
    default:
        (void)snprintf(text, room, "%s, %u (%u)", a, op->value, op->kind[0]);
        break;
    }
}

/* --- comparing --- */

static bool differs(const char *what, uint64_t want, uint64_t seen, char *text, size_t room)
{
    if (want == seen)
        return false;
    (void)snprintf(text, room, "%s is %#llx, must be %#llx", what, (unsigned long long)seen,
                   (unsigned long long)want);
    return true;
}

static bool messages_differ(const struct model_seen_message *want, const struct model_seen_message *seen,
                            char *text, size_t room)
{
    if (differs("msgh_bits", want->bits, seen->bits, text, room) ||
        differs("msgh_size", want->size, seen->size, text, room) ||
        differs("msgh_id", (uint32_t)want->id, (uint32_t)seen->id, text, room) ||
        differs("msgh_remote_port", want->remote, seen->remote, text, room) ||
        differs("msgh_local_port", want->local, seen->local, text, room) ||
        differs("descriptors", want->count, seen->count, text, room) ||
        differs("word", want->word, seen->word, text, room) ||
        differs("msgh_seqno", want->seqno, seen->seqno, text, room) ||
        differs("msgh_context", want->context, seen->context, text, room))
        return true;
    for (uint32_t i = 0; i < want->count; i++) {
        if (differs("name of a descriptor", want->name[i], seen->name[i], text, room) ||
            differs("disposition of a descriptor", want->disposition[i], seen->disposition[i], text, room))
            return true;
    }
    return false;
}

bool model_outcome_equal(const struct model_outcome *want, const struct model_outcome *seen, char *text,
                         size_t room)
{
    return !differs("result", (uint32_t)want->kr, (uint32_t)seen->kr, text, room) &&
           !differs("name", want->name, seen->name, text, room) &&
           !messages_differ(&want->message, &seen->message, text, room);
}

static int by_name(const void *a, const void *b)
{
    const mach_port_name_t x = *(const mach_port_name_t *)a, y = *(const mach_port_name_t *)b;

    return x < y ? -1 : x > y;
}

static bool status_differs(const mach_port_status_t *want, const mach_port_status_t *seen, char *text,
                           size_t room)
{
    return differs("mps_pset", want->mps_pset, seen->mps_pset, text, room) ||
           differs("mps_seqno", want->mps_seqno, seen->mps_seqno, text, room) ||
           differs("mps_mscount", want->mps_mscount, seen->mps_mscount, text, room) ||
           differs("mps_qlimit", want->mps_qlimit, seen->mps_qlimit, text, room) ||
           differs("mps_msgcount", want->mps_msgcount, seen->mps_msgcount, text, room) ||
           differs("mps_sorights", want->mps_sorights, seen->mps_sorights, text, room) ||
           differs("mps_srights", (uint64_t)want->mps_srights, (uint64_t)seen->mps_srights, text, room) ||
           differs("mps_pdrequest", (uint64_t)want->mps_pdrequest, (uint64_t)seen->mps_pdrequest, text,
                   room) ||
           differs("mps_nsrequest", (uint64_t)want->mps_nsrequest, (uint64_t)seen->mps_nsrequest, text,
                   room) ||
           differs("mps_flags", want->mps_flags, seen->mps_flags, text, room);
}

static bool row_differs(struct model_row *want, struct model_row *seen, char *text, size_t room)
{
    if (differs("name", want->name, seen->name, text, room) ||
        differs("type", want->type, seen->type, text, room) ||
        differs("user references", want->urefs, seen->urefs, text, room) ||
        differs("send rights", want->srights, seen->srights, text, room) ||
        differs("context", want->context, seen->context, text, room) ||
        differs("members", want->member_count, seen->member_count, text, room) ||
        status_differs(&want->status, &seen->status, text, room))
        return true;
    qsort(want->member, want->member_count, sizeof(want->member[0]), by_name);
    qsort(seen->member, seen->member_count, sizeof(seen->member[0]), by_name);
    for (uint32_t i = 0; i < want->member_count; i++) {
        if (differs("member", want->member[i], seen->member[i], text, room))
            return true;
    }
    return false;
}

bool model_rows_equal(struct model_row *want, uint32_t want_count, struct model_row *seen,
                      uint32_t seen_count, char *text, size_t room)
{
    char what[128];

    qsort(want, want_count, sizeof(*want), by_name); /* a row begins with its name */
    qsort(seen, seen_count, sizeof(*seen), by_name);
    for (uint32_t i = 0; i < want_count && i < seen_count; i++) {
        if (row_differs(&want[i], &seen[i], what, sizeof(what))) {
            (void)snprintf(text, room, "name %#x: %s", want[i].name, what);
            return false;
        }
    }
    return !differs("number of names", want_count, seen_count, text, room);
}
