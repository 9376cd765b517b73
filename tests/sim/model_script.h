/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts: sequences of operations on port rights by several tasks, as data.  Operations name rights by slots, variables of the
 * task that hold names: results are stored into slots, arguments come from them, so a slot may be stale, dead or null.
 * Any bytes are a script (model_op_decode), so a generator, a fuzzer and a command line can write one.
 */
#ifndef TESTS_SIM_MODEL_SCRIPT_H
#define TESTS_SIM_MODEL_SCRIPT_H

#include "model_rights.h"

#include <stddef.h>

#define MODEL_SLOTS 8u     /* of each task */
#define MODEL_SLOT_NULL 8u /* as operand: MACH_PORT_NULL, MACH_PORT_DEAD */
#define MODEL_SLOT_DEAD 9u
#define MODEL_OPERANDS 10u
#define MODEL_OP_BYTES 12u /* of an encoded operation */
#define MODEL_SCRIPT_MAX 256u

enum model_code {
    MODEL_ALLOCATE,      /* slot a = right of kind x */
    MODEL_ALLOCATE_NAME, /* slot a = right of kind x under the fixed name y */
    MODEL_RENAME,        /* slot a to the fixed name y */
    MODEL_DESTROY,
    MODEL_DEALLOCATE,
    MODEL_MOD_REFS, /* slot a, kind x, by y */
    MODEL_INSERT_RIGHT, /* right of slot a of the caller, disposition x, under the fixed name y or the name in b */
    MODEL_EXTRACT_RIGHT, /* slot b of the target, disposition x, to slot a of the caller */
    MODEL_REQUEST_NOTIFICATION, /* slot a of the target, kind x, sync y; to the caller's slot b, made or moved; previous to c */
    MODEL_SET_MSCOUNT,
    MODEL_SET_SEQNO,
    MODEL_SET_CONTEXT,
    MODEL_SET_QLIMIT,
    MODEL_INSERT_MEMBER,  /* slot a into set b */
    MODEL_EXTRACT_MEMBER, /* slot a out of set b */
    MODEL_MOVE_MEMBER,    /* slot a to set b */
    MODEL_REPLY_PORT,     /* slot a = mach_reply_port() */
    MODEL_SEND,       /* to slot a, disposition x; reply slot b, disposition y; y2 rights: slots c, d, e */
    MODEL_RECEIVE,    /* from slot a; names of the message to slots b, c, d, e; x: room and MACH_RCV_LARGE */
    MODEL_CONSTRUCT,  /* slot a = receive right; x: what is asked for, y: queue limit; context by z */
    MODEL_DESTRUCT,   /* slot a, user references by x; guard by y */
    MODEL_GUARD,      /* slot a; guard by y; x: strictly */
    MODEL_UNGUARD,    /* slot a; guard by y */
    MODEL_SWAP_GUARD, /* slot a; guard by y, another by x */
    MODEL_PEEK,       /* slot a; sequence number y, or the next one */
    MODEL_CODES
};

struct model_op {
    uint8_t code;
    uint8_t task;   /* who does it */
    uint8_t target; /* in whose name space; for SEND and RECEIVE the own one */
    uint8_t slot[5];
    uint8_t kind[3];
    uint8_t value;
};
_Static_assert(sizeof(struct model_op) == MODEL_OP_BYTES, "an operation is its bytes");

/* A message as user code sees it. */
struct model_seen_message {
    mach_msg_bits_t bits;
    mach_msg_size_t size;
    mach_port_name_t remote, local;
    mach_msg_id_t id;
    uint32_t count;
    mach_port_name_t name[MODEL_BODY];
    mach_msg_type_name_t disposition[MODEL_BODY];
    uint32_t word;
    mach_port_seqno_t seqno;
    mach_port_context_t context;
};

/* What an operation answered. */
struct model_outcome {
    kern_return_t kr; /* or mach_msg_return_t */
    mach_port_name_t name;
    struct model_seen_message message; /* RECEIVE; PEEK; SEND if it could not be sent */
};

/* One name of a space, with everything that its holder can find out about it. */
struct model_row {
    mach_port_name_t name;
    mach_port_type_t type;
    uint32_t urefs;            /* send right, dead name */
    mach_port_status_t status; /* receive right: MACH_PORT_RECEIVE_STATUS */
    uint32_t srights;
    mach_port_context_t context;
    uint32_t member_count; /* port set */
    mach_port_name_t member[MODEL_NAMES];
};

/* Slots of all tasks, and the script's model. */
struct model_run {
    struct model model;
    mach_port_name_t slot[MODEL_TASKS][MODEL_SLOTS];
};

/* The next number of a sequence (splitmix64). */
uint64_t model_random(uint64_t *state);
/* Make any bytes an operation. */
struct model_op model_op_decode(const uint8_t bytes[MODEL_OP_BYTES]);
/* A sequence of operations, by its seed. */
void model_script_generate(struct model_op *ops, uint32_t count, uint64_t seed);
/* One operation in words. */
void model_op_print(const struct model_op *op, char *text, size_t room);

/* The name that an operand stands for. */
mach_port_name_t model_operand(const struct model_run *run, uint32_t task, uint8_t operand);
/* The name that `value` stands for in operations that choose one: good ones, used ones, impossible ones. */
mach_port_name_t model_fixed_name(uint8_t value);
/* Disposition number i of SEND: valid ones mostly. */
mach_msg_type_name_t model_disposition(uint8_t kind);
/* Disposition of the reply right of SEND; 0: none. */
mach_msg_type_name_t model_local_disposition(const struct model_op *op);
mach_port_right_t model_right_kind(uint8_t kind);
mach_port_delta_t model_delta(uint8_t value);
mach_msg_id_t model_notify_id(uint8_t kind);
/* What CONSTRUCT asks for; a guard, of which there are few, so that it often is the right one; what PEEK looks for. */
mach_port_options_t model_options(const struct model_op *op);
mach_port_context_t model_guard(uint8_t value);
mach_port_seqno_t model_peek_seqno(uint8_t value);
/* Bytes of room that RECEIVE offers, and its options. */
mach_msg_size_t model_room(const struct model_run *run, const struct model_op *op);
mach_msg_option_t model_receive_options(uint8_t kind);
/* The message id that the operation sends: tells its place in the script. */
mach_msg_id_t model_message_id(uint32_t position);

/* An answer that offers a new name wherever one may be due: for a model that runs without a kernel. */
void model_answer_fresh(struct model_outcome *seen, uint32_t position);

/* Do the operation on the model. seen: what the kernel answered, for the names that it chose; want: what it had to answer.
 * Stores names into slots. */
void model_step(struct model_run *run, const struct model_op *op, uint32_t position,
                const struct model_outcome *seen, struct model_outcome *want);
/* The complete table of a space, ordered by name. Returns the number of rows. */
uint32_t model_table(struct model_run *run, uint32_t task, struct model_row *rows);

/* Compare; on a difference write what it is to `text`. */
bool model_outcome_equal(const struct model_outcome *want, const struct model_outcome *seen, char *text,
                         size_t room);
bool model_rows_equal(struct model_row *want, uint32_t want_count, struct model_row *seen,
                      uint32_t seen_count, char *text, size_t room);

#endif
