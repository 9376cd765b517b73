/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of Mach's rules for port rights, written to be compared with the kernel: property.c runs the same operations on
 * both.  It is sequential and slow, and keeps nothing that can be counted instead: the number of send rights to a port is
 * found by looking for them.
 *
 * The kernel chooses new names as it likes.  So the model is told what the kernel answered (`seen`), adopts a name where a new
 * one is due and the one offered is free, and says what the answer has to be (`want`).
 */
#ifndef TESTS_SIM_MODEL_RIGHTS_H
#define TESTS_SIM_MODEL_RIGHTS_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

#define MODEL_TASKS 3u
#define MODEL_NAMES 128u    /* rights of a task, at most */
#define MODEL_PORTS 256u    /* ports that ever lived */
#define MODEL_MESSAGES 192u /* at a time */
#define MODEL_SETS 64u      /* port sets that ever lived */
#define MODEL_BODY 3u       /* rights in the body of a message */
#define MODEL_BASELINE 16u  /* names of a task that are none of the model's business */

#define MODEL_NO_NAME                                                                                        \
    ((mach_port_name_t)0xfffffffeu) /* in `want`: a new name was due, the kernel's was not free */

struct model_port;

/* A right outside a name space. */
struct model_right {
    struct model_port *port; /* NULL: MACH_PORT_NULL, or nothing at all */
    mach_msg_type_name_t type;
    bool dead; /* stands for MACH_PORT_DEAD */
};

enum model_state { MODEL_FREE, MODEL_HELD, MODEL_QUEUED, MODEL_DOOMED };

struct model_message {
    enum model_state state;
    uint64_t stamp; /* order in its queue */
    struct model_port *queue;
    mach_msg_id_t id;
    uint32_t size;
    uint32_t word; /* what a notification tells */
    bool complex;
    uint32_t count;
    struct model_right remote, local, body[MODEL_BODY];
};

struct model_port {
    bool alive;
    bool in_space;
    uint32_t task; /* in_space: who has the receive right, under which name */
    mach_port_name_t name;
    uint32_t mscount, seqno, qlimit;
    uint64_t context;
    bool guarded, strict;           /* strict: guarded, too */
    uint64_t sets;                  /* bit i: member of set i */
    struct model_port *destination; /* of the message that the receive right is in */
    struct model_port *no_senders;  /* send-once rights, or NULL */
    struct model_port *port_destroyed;
};

struct model_entry {
    mach_port_name_t name;
    mach_port_type_t type; /* 0: not in use */
    uint32_t urefs;
    uint32_t set;
    bool claimed; /* while rights are being taken */
    struct model_port *port;
    struct model_port *notify; /* request for a notification: its send-once right */
    bool possible;             /* also when a message can be sent */
    bool armed;                /* as soon as there is room */
    int64_t stamp;             /* order of requests */
};

struct model_space {
    struct model_entry entry[MODEL_NAMES];
    mach_port_name_t baseline[MODEL_BASELINE];
    uint32_t baseline_count;
};

struct model {
    struct model_space space[MODEL_TASKS];
    struct model_port port[MODEL_PORTS];
    struct model_message message[MODEL_MESSAGES];
    uint32_t ports, sets;
    uint64_t stamp;
    bool burying;
};

/* One right to be taken out of a space. */
struct model_take {
    mach_port_name_t name;
    mach_msg_type_name_t disposition;
    bool alive; /* a dead name will not do */
    struct model_right right;
    struct model_entry *entry;
    struct model_port *deleted;
};

void model_init(struct model *m);

/* --- looking --- */
struct model_entry *model_lookup(struct model_space *s, mach_port_name_t name);
/* May the kernel give this name to a new right? */
bool model_name_is_free(const struct model_space *s, mach_port_name_t name);
/* Is it one of the names that are none of the model's business? */
bool model_in_baseline(const struct model_space *s, mach_port_name_t name);
/* Is the index of the name in use, whatever the generation? */
bool model_index_used(const struct model_space *s, mach_port_name_t name);
/* Rights of a kind (MACH_MSG_TYPE_PORT_SEND, _SEND_ONCE) to a port, wherever they are. */
uint32_t model_count(const struct model *m, const struct model_port *port, mach_msg_type_name_t type);
uint32_t model_queued(const struct model *m, const struct model_port *port);
struct model_message *model_first(struct model *m, const struct model_port *port);

/* --- changing --- */
struct model_port *model_port_new(struct model *m);
/* An entry for a new right; the name is adopted if it is free, else the entry gets MODEL_NO_NAME. */
struct model_entry *model_entry_new(struct model *m, uint32_t task, mach_port_name_t name);
/* Give a right a name in a space. */
mach_port_name_t model_copyout(struct model *m, uint32_t task, struct model_right right,
                               mach_port_name_t seen);
/* Take rights out of a space, all or none. *failed: index of the one at fault. */
kern_return_t model_take(struct model *m, uint32_t task, struct model_take *takes, uint32_t count,
                         uint32_t *failed);
/* A right that nobody has any more. */
void model_release(struct model *m, struct model_right right);
/* Drop those rights of an entry that are in `kinds`. */
void model_entry_drop(struct model *m, struct model_entry *e, mach_port_type_t kinds);

struct model_message *model_message_new(struct model *m);
void model_message_destroy(struct model *m, struct model_message *msg);
void model_message_queue(struct model *m, struct model_message *msg);
/* Would the message keep ports alive from inside their own queues? If not, its receive rights are on their way now. */
bool model_message_circular(struct model_message *msg);
/* Tell a word over the send-once right to `notify`. */
void model_notify(struct model *m, struct model_port *notify, mach_msg_id_t id, uint32_t word);
/* Tell whoever waits for room in the queue, while there is some; the last one first. */
void model_tell_possible(struct model *m, struct model_port *port);
/* A send right went away: if it was the last one, that is told to who asked. */
void model_send_gone(struct model *m, struct model_port *port);

#endif
