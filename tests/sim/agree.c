/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three ways through an RPC mean the same: random calls between a client and two servers run with all of them, without
 * the fast path, and with the general path alone.  What every thread saw (results, headers, labels, sequence numbers,
 * kinds of rights, its priority) and the name tables at the end must be equal; of names only whether they are valid, since each
 * way takes new names from elsewhere.
 *
 * There is one CPU and one call at a time (a server may call the other one meanwhile), so that the order of events does not
 * depend on how long they take.
 */
#include "agree_kernel.h"
#include "agree_memory.h"
#include "agree_port.h"
#include "agree_vm.h"
#include "property_counts.h"
#include "short_ways.h"
#include "user.h"

#include <mach/rpc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_script.h"

#define STEPS 40u
#define EVENTS 512u /* of a peer */
#define PEERS 3u    /* the client, two servers */
#define CLIENT 0u
#define QUIET_EVERY 300u
#define WORDS_SMALL 40u
#define WORDS_MAX 1500u
#define BASE_PRIORITY 10
#define LONG_MS 100000u
#define LATE_MS 1u

#define NAME(index) ((mach_port_name_t)(index) << 8 | 1)
#define PORT_NAME(peer) NAME(0x40 + (peer)) /* everybody has a send right to everybody's port */
#define SERVER_SET NAME(0x46) /* the last server has one with its port in it, in half of the runs */
#define SET_NAME NAME(0x47)   /* the client has an empty set */
#define OWN_NAMES NAME(0x38)  /* of the client alone */
#define OWN_COUNT 4u
#define OWN_CALLS 6u
#define CLIENT_SET                                                                                           \
    NAME(0x3e) /* in half of the runs the client waits for answers on one with its port in it */
#define SPARE_NAME(step) NAME(0x48 + (step)) /* one each: the kernel uses a free one again */

/* What becomes of a request, beside being answered. */
enum trick {
    ANSWER,
    DROP,      /* the server releases the reply right instead */
    MESSAGE,   /* a message to the client comes before the answer */
    LABEL,     /* the server gives its port another label */
    RENAME,    /* the reply right gets another name */
    SEND_ONLY, /* the answer is sent by itself, then the server waits */
    LATE,      /* the client's patience ends before the answer comes */
    BAD_NAME,  /* the client names no right */
    TOO_LONG,  /* more words than registers hold */
    CROWD,     /* a message waits in the server's queue already */
    KERNEL,    /* the client calls the kernel instead, over the port that servers answer to */
    LOOP,      /* the client sends itself memory instead */
    PORTS,     /* or it makes calls about names of its own */
    MEMORY,    /* or about its memory */
    TRICKS
};

struct form {
    bool registers;
    bool timed;      /* it waits for a time that is long enough */
    uint8_t trailer; /* MACH_RCV_TRAILER_*, in memory */
    uint8_t right;   /* in memory: disposition of a right in the message, or 0 ... */
    uint8_t of;      /* ... to the port of this peer */
    uint32_t piece;  /* in memory, if there is no right: determines a piece of memory; 0: none */
    uint16_t words;
};

struct step {
    uint8_t server;
    bool nested; /* the server asks the other one first */
    enum trick trick;
    struct form call, answer, nested_call;
};

enum way { ALL_WAYS, NO_FAST_PATH, GENERAL_PATH, WAYS };
static const char *const way_names[WAYS] = {"with all ways", "without the fast path",
                                            "by the general path alone"};

struct event {
    uint32_t step, what;
    uint64_t value[4];
};

/* What a peer noted, in its own order: that among peers is the scheduler's choice. */
struct record {
    struct event event[EVENTS];
    uint32_t count;
};

static struct {
    struct step step[STEPS];
    struct record record[PEERS];
    uint64_t seed;
    bool ended;
    bool through_set; /* the last server receives from its set */
    bool apart;       /* the client receives from its set */
} a;

static struct short_ways used[WAYS]; /* of all seeds */

/* --- what is noted --- */

enum what { RESULT, HEADER, DATA, RIGHT, PRIORITY, TABLE };

static void note(uint32_t who, uint32_t step, enum what what, uint64_t v0, uint64_t v1, uint64_t v2,
                 uint64_t v3)
{
    struct record *r = &a.record[who];

    SIM_CHECK(r->count < EVENTS);
    r->event[r->count++] = (struct event){.step = step, .what = what, .value = {v0, v1, v2, v3}};
}

/* A name as all ways must agree on it. */
static uint64_t plain(mach_port_name_t name)
{
    return !MACH_PORT_VALID(name) || (name >= PORT_NAME(0) && name < PORT_NAME(PEERS)) ? name : 1;
}

/* Calls to the kernel wait on another port, and the short ways need a thread that waits on one: only now and then. */
static bool looks(uint32_t step)
{
    return step % 4 == 3;
}

/*
 * Has the thread its own priority at least?  How much more it may have for a while depends on whether its partner waited at that
 * moment; and the general path lends the priority of who leaves the CPU in both directions.
 */
static void note_priority(uint32_t who, uint32_t step)
{
    note(who, step, PRIORITY, agree_priority() >= BASE_PRIORITY + 2 * who, 0, 0, 0);
}

/* --- one message, in either form --- */

/* One right, then words. */
struct packet_right {
    mach_msg_body_t body;
    mach_msg_port_descriptor_t port;
};

struct packet {
    mach_msg_header_t head;
    uint8_t byte[sizeof(struct agree_memory_body) + WORDS_MAX * sizeof(uint64_t)];
    mach_msg_max_trailer_t trailer;
};

struct message {
    mach_msg_return_t result;
    mach_port_name_t remote; /* in: destination; out: reply right */
    mach_msg_id_t id;
    uint32_t words;
    bool half; /* the last word counts by its low half */
    uint64_t word[WORDS_MAX];
};

static void note_message(uint32_t who, uint32_t step, const struct message *m, mach_msg_bits_t bits,
                         mach_port_name_t local)
{
    uint64_t sum = 0;
    mach_port_type_t type = 0;

    for (uint32_t i = 0; i < m->words; i++)
        sum = sum * 31 + m->word[i];
    note(who, step, HEADER, bits, (uint64_t)m->id, m->words * 2 - m->half, plain(local));
    note(who, step, DATA, sum, plain(m->remote), 0, 0);
    if (looks(step) && MACH_PORT_VALID(m->remote))
        SIM_CHECK(mach_port_type(mach_task_self(), m->remote, &type) == KERN_SUCCESS);
    note(who, step, RIGHT, type, 0, 0, 0);
}

/* Receives too, in the form of the step. remote null: only that. apart: from this name, the answer to the call at `local`. */
static void by_registers(uint32_t who, uint32_t step, struct message *m, bool call, mach_port_name_t local,
                         mach_port_name_t apart, uint32_t timeout)
{
    struct sim_rpc rpc = {.remote = m->remote,
                          .local = local,
                          .more = apart != MACH_PORT_NULL ? apart : timeout,
                          .header = MACH_RPC_HEADER(m->id, m->words) | (m->half ? MACH_RPC_HALF : 0) |
                                    (apart != MACH_PORT_NULL ? MACH_RPC_APART : 0) |
                                    (timeout != 0 ? MACH_RPC_TIMED : 0)};

    for (uint32_t i = 0; i < m->words && i < MACH_RPC_WORDS; i++)
        rpc.word[i] = m->word[i];
    const uint64_t result = sim_trap_rpc(call ? MACH_TRAP_RPC_CALL : MACH_TRAP_RPC_REPLY_WAIT, &rpc);
    m->result = (mach_msg_return_t)result;
    note(who, step, RESULT, result & UINT32_MAX, result >> 32, 0, 0);
    if (m->result != MACH_MSG_SUCCESS)
        return;
    m->remote = rpc.remote;
    m->id = (mach_msg_id_t)(uint32_t)rpc.header;
    m->words = MACH_RPC_COUNT(rpc.header);
    m->half = (rpc.header & MACH_RPC_HALF) != 0;
    memcpy(m->word, rpc.word, sizeof(rpc.word));
    note(who, step, DATA, rpc.label, 0, 0, 0);
    note_message(who, step, m, (mach_msg_bits_t)(rpc.header >> MACH_RPC_REMOTE_SHIFT), MACH_PORT_NULL);
}

/* What a peer may move is what it was given: of each port it keeps the first user reference. */
static uint32_t given[PEERS][PEERS];

/* Write the body of a message. *memory: in it, if there is some. Returns: its size. */
static mach_msg_size_t body_write(uint32_t who, struct packet *p, const struct message *m,
                                  const struct form *form, struct agree_memory_body *memory)
{
    mach_msg_size_t size = (mach_msg_size_t)(m->words * sizeof(uint64_t) - (m->half ? sizeof(uint32_t) : 0));
    struct packet_right right = {
        .body = {1},
        .port = {.name = PORT_NAME(form->of), .disposition = form->right, .type = MACH_MSG_PORT_DESCRIPTOR}};

    if (form->right == 0 && form->piece == 0) {
        memcpy(p->byte, m->word, size);
        return size;
    }
    p->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    if (form->right == 0) {
        *memory = agree_memory_make(form->piece);
        memcpy(p->byte, memory, sizeof(*memory));
        memcpy(p->byte + sizeof(*memory), m->word, size);
        return size + (mach_msg_size_t)sizeof(*memory);
    }
    if (form->right == MACH_MSG_TYPE_MAKE_SEND || form->right == MACH_MSG_TYPE_MAKE_SEND_ONCE)
        right.port.name = PORT_NAME(who);
    if (form->right == MACH_MSG_TYPE_MOVE_SEND && given[who][form->of] == 0)
        right.port.disposition = MACH_MSG_TYPE_COPY_SEND;
    if (right.port.disposition == MACH_MSG_TYPE_MOVE_SEND)
        given[who][form->of]--;
    memcpy(p->byte, &right, sizeof(right));
    memcpy(p->byte + sizeof(right), m->word, size);
    return size + (mach_msg_size_t)sizeof(right);
}

/* Read it, and note the right, or the memory. (A send-once right stays where it came: its end would be a message to who made it.) */
static void body_read(uint32_t who, uint32_t step, const struct packet *p, struct message *m)
{
    mach_msg_size_t size = p->head.msgh_size - (mach_msg_size_t)sizeof(p->head);
    const uint8_t *data = p->byte;
    struct packet_right right;
    struct agree_memory_body memory;

    memcpy(&right, data, sizeof(right));
    if (MACH_MSGH_BITS_IS_COMPLEX(p->head.msgh_bits) && right.port.type == MACH_MSG_OOL_DESCRIPTOR) {
        memcpy(&memory, data, sizeof(memory));
        data += sizeof(memory);
        size -= (mach_msg_size_t)sizeof(memory);
        note(who, step, DATA, agree_memory_take(&memory), 0, 0, 0);
    } else if (MACH_MSGH_BITS_IS_COMPLEX(p->head.msgh_bits)) {
        data += sizeof(right);
        size -= (mach_msg_size_t)sizeof(right);
        note(who, step, RIGHT, plain(right.port.name), right.port.disposition, right.port.type,
             right.body.msgh_descriptor_count);
        for (uint32_t i = 0; i < PEERS; i++)
            given[who][i] += right.port.name == PORT_NAME(i);
    }
    m->words = (size + (mach_msg_size_t)sizeof(uint64_t) - 1) / sizeof(uint64_t);
    m->half = size % sizeof(uint64_t) != 0;
    memset(m->word, 0, sizeof(m->word));
    memcpy(m->word, data, size);
}

static void by_memory(uint32_t who, uint32_t step, struct message *m, mach_msg_option_t option,
                      mach_msg_bits_t bits, mach_port_name_t local, mach_port_name_t where,
                      const struct form *form, uint32_t timeout)
{
    struct packet p = {.head = {.msgh_bits = bits,
                                .msgh_remote_port = m->remote,
                                .msgh_local_port = MACH_MSGH_BITS_LOCAL(bits) != 0 ? local : MACH_PORT_NULL,
                                .msgh_id = m->id}};
    struct agree_memory_body memory = {.body = {0}};

    if (timeout != 0)
        option |= MACH_RCV_TIMEOUT;
    if ((option & MACH_SEND_MSG) != 0)
        p.head.msgh_size = (mach_msg_size_t)sizeof(p.head) + body_write(who, &p, m, form, &memory);
    m->result =
        mach_msg(&p.head, option | (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS((uint32_t)form->trailer),
                 p.head.msgh_size, sizeof(p), where, timeout, MACH_PORT_NULL);
    note(who, step, RESULT, (uint32_t)m->result, 0, 0, 0);
    if (memory.body.msgh_descriptor_count > 0)
        agree_memory_sent(&memory);
    if (m->result != MACH_MSG_SUCCESS || (option & MACH_RCV_MSG) == 0)
        return;
    m->remote = p.head.msgh_remote_port;
    m->id = p.head.msgh_id;
    body_read(who, step, &p, m);
    const mach_msg_max_trailer_t *t = (const void *)((const char *)&p + p.head.msgh_size);
    note(who, step, DATA, form->trailer >= MACH_RCV_TRAILER_SEQNO ? t->msgh_seqno : 0,
         form->trailer >= MACH_RCV_TRAILER_CTX ? t->msgh_context : 0, t->msgh_trailer_size, 0);
    note_message(who, step, m, p.head.msgh_bits, p.head.msgh_local_port);
}

#define CALL_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define ANSWER_BITS MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0)

/* How long a receive in this form waits; 0: for ever. */
static uint32_t time_of(const struct form *form)
{
    return form->timed ? LONG_MS : 0;
}

static void call(uint32_t who, uint32_t step, struct message *m, const struct form *form, uint32_t timeout)
{
    const mach_port_name_t own = PORT_NAME(who);
    const bool apart = a.apart && who == CLIENT;

    if (form->registers && (!apart || timeout == 0)) /* not both */
        by_registers(who, step, m, true, own, apart ? CLIENT_SET : MACH_PORT_NULL, timeout);
    else
        by_memory(who, step, m, MACH_SEND_MSG | MACH_RCV_MSG, CALL_BITS, own, apart ? CLIENT_SET : own, form,
                  timeout);
}

/* Wait for a message, after an answer if there is one to give (remote). */
static void answer_wait(uint32_t who, uint32_t step, struct message *m, const struct form *form)
{
    const mach_port_name_t where = a.through_set && who == PEERS - 1 ? SERVER_SET : PORT_NAME(who);
    const mach_msg_option_t send = m->remote != MACH_PORT_NULL ? MACH_SEND_MSG : 0;

    if (form->registers)
        by_registers(who, step, m, false, where, MACH_PORT_NULL, time_of(form));
    else
        by_memory(who, step, m, send | MACH_RCV_MSG, send != 0 ? ANSWER_BITS : 0, where, where, form,
                  time_of(form));
}

/* A message without answer. */
static void post(uint32_t who, uint32_t step, uint32_t to, mach_msg_id_t id)
{
    const struct form form = {.words = 1};
    struct message m = {.remote = PORT_NAME(to), .id = id, .words = 1, .word = {step}};

    by_memory(who, step, &m, MACH_SEND_MSG, MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), MACH_PORT_NULL,
              MACH_PORT_NULL, &form, 0);
}

/* --- the threads --- */

#define ID_REQUEST 3200 /* the kernel's calls have them, too: a message goes to whom its port belongs */
#define ID_NESTED 3300
#define ID_ANSWER 4000
#define ID_POST 5000

static void words_fill(struct message *m, const struct form *form, uint32_t step)
{
    m->words = form->words;
    for (uint32_t i = 0; i < m->words; i++)
        m->word[i] = step * 100u + i;
}

/* What the server does before it answers. Returns the right to answer, or null. */
static mach_port_name_t server_trick(uint32_t who, uint32_t step, mach_port_name_t reply)
{
    switch (a.step[step].trick) {
    case DROP:
        note(who, step, RESULT, (uint64_t)mach_port_deallocate(mach_task_self(), reply), 0, 0, 0);
        return MACH_PORT_NULL;
    case MESSAGE:
        post(who, step, CLIENT, ID_POST);
        return reply;
    case LABEL:
        SIM_CHECK(mach_port_set_context(mach_task_self(), PORT_NAME(who), step + 1) == KERN_SUCCESS);
        return reply;
    case RENAME:
        SIM_CHECK(mach_port_rename(mach_task_self(), reply, SPARE_NAME(step)) == KERN_SUCCESS);
        return SPARE_NAME(step);
    case LATE:
        user_sleep(4);
        return reply;
    default:
        return reply;
    }
}

static void serve(uint32_t who, struct message *m)
{
    const uint32_t step = (uint32_t)(m->id - (m->id < ID_NESTED ? ID_REQUEST : ID_NESTED));
    const struct step *s = &a.step[step % STEPS];
    const bool nested = m->id >= ID_NESTED;
    mach_port_name_t reply = m->remote;

    note_priority(who, step);
    if (!nested && s->nested) {
        struct message inner = {.remote = PORT_NAME(PEERS - who), .id = ID_NESTED + (int)step};
        words_fill(&inner, &s->nested_call, step);
        call(who, step, &inner, &s->nested_call, time_of(&s->nested_call));
    }
    if (!nested)
        reply = server_trick(who, step, reply);
    m->remote = reply;
    m->id = ID_ANSWER + (int)step;
    words_fill(m, &s->answer, step);
    if (s->trick == SEND_ONLY && !nested) {
        by_memory(who, step, m, MACH_SEND_MSG, ANSWER_BITS, MACH_PORT_NULL, MACH_PORT_NULL, &s->answer, 0);
        m->remote = MACH_PORT_NULL;
        m->words = 0;
    }
    answer_wait(who, step, m, &s->answer);
}

static void server(uint64_t who)
{
    static const struct form first = {.registers = true};
    struct message m = {.remote = MACH_PORT_NULL};

    if (a.through_set && who == PEERS - 1) {
        SIM_CHECK(mach_port_allocate_name(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, SERVER_SET) ==
                  KERN_SUCCESS);
        SIM_CHECK(mach_port_insert_member(mach_task_self(), PORT_NAME(who), SERVER_SET) == KERN_SUCCESS);
    }
    answer_wait((uint32_t)who, 0, &m, &first);
    for (;;) {
        if (m.result == MACH_RCV_TOO_LARGE) { /* it waits for a buffer */
            const struct form buffer = {.trailer = MACH_RCV_TRAILER_CTX};
            m.remote = MACH_PORT_NULL;
            m.words = 0;
            answer_wait((uint32_t)who, 0, &m, &buffer);
        } else if (m.result != MACH_MSG_SUCCESS || m.id >= ID_ANSWER) { /* nobody to answer */
            m.remote = MACH_PORT_NULL;
            m.words = 0;
            answer_wait((uint32_t)who, 0, &m, &first);
        } else {
            serve((uint32_t)who, &m);
        }
    }
}

/* Take what comes until it is the answer, or a notice that there will be none. */
static void client_collect(uint32_t step, struct message *m)
{
    const struct form buffer = {.trailer = MACH_RCV_TRAILER_CTX};

    while (m->result == MACH_RCV_TOO_LARGE || m->result == MACH_RCV_TIMED_OUT ||
           (m->result == MACH_MSG_SUCCESS && m->id == ID_POST)) {
        m->remote = MACH_PORT_NULL;
        m->words = 0;
        answer_wait(CLIENT, step, m, &buffer);
    }
}

enum {
    ID_PORT_TYPE = 3201,
    ID_PORT_NONE = 3219,
    ID_PORT_SET_SEQNO = 3216,
    ID_PORT_INSERT_MEMBER = 3226,
};

/*
 * A call of the kernel: a good one; one that changes the port that it waits on; one after which that port is in a set, so that
 * the reply has to be queued; one that is refused; one that there is not.  Sometimes another message waits there before.
 */
static void call_kernel(uint32_t step)
{
    static const mach_msg_id_t ids[] = {ID_PORT_TYPE, ID_PORT_SET_SEQNO, ID_PORT_INSERT_MEMBER, ID_PORT_TYPE,
                                        ID_PORT_NONE};
    struct form form = a.step[step].call;
    const uint32_t kind = (form.words + step) % (sizeof(ids) / sizeof(ids[0]));
    const mach_port_name_t own = PORT_NAME(CLIENT);
    struct message m = {.remote = mach_task_self(), .id = ids[kind], .words = 2, .half = true};

    m.word[1] = kind == 3 ? NAME(0x3f) : own;
    if (ids[kind] == ID_PORT_SET_SEQNO || ids[kind] == ID_PORT_INSERT_MEMBER) {
        m.half = false;
        m.word[1] |= (uint64_t)(ids[kind] == ID_PORT_INSERT_MEMBER ? SET_NAME : step) << 32;
    }
    if (a.step[step].nested)
        post(CLIENT, step, CLIENT, ID_POST);
    form.right = 0;
    form.piece = 0;
    call(CLIENT, step, &m, &form, time_of(&form));
    if (ids[kind] == ID_PORT_INSERT_MEMBER)
        SIM_CHECK(mach_port_extract_member(mach_task_self(), own, SET_NAME) == KERN_SUCCESS);
    client_collect(step, &m);
}

static void call_ports(uint32_t step)
{
    uint64_t state = a.seed + step;

    for (unsigned i = 0; i < OWN_CALLS; i++)
        note(CLIENT, step, RESULT,
             (uint64_t)agree_port_call(model_random(&state), !short_ways.closed, OWN_NAMES, OWN_COUNT,
                                       SET_NAME),
             i, 0, 0);
}

static void call_memory(uint32_t step)
{
    const mach_vm_size_t size = AGREE_VM_PAGES * PAGE_SIZE;
    uint64_t state = a.seed + step;
    mach_vm_address_t base = 0;

    SIM_CHECK(mach_vm_allocate(mach_task_self(), &base, size, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
    for (unsigned i = 0; i < OWN_CALLS; i++) {
        const struct agree_vm_seen seen = agree_vm_call(model_random(&state), !short_ways.closed, base);
        note(CLIENT, step, RESULT, (uint64_t)seen.result, seen.address, seen.regions, i);
    }
    SIM_CHECK(mach_vm_deallocate(mach_task_self(), base, size) == KERN_SUCCESS);
}

static void call_self(uint32_t step)
{
    const mach_port_name_t own = PORT_NAME(CLIENT);
    const mach_msg_type_name_t kind = step % 2 == 0 ? MACH_MSG_TYPE_COPY_SEND : MACH_MSG_TYPE_MAKE_SEND;
    const struct form form = {.piece = (uint32_t)(a.seed * STEPS + step), .trailer = step % 5};
    struct message m = {.remote = own, .id = ID_POST, .words = step % 3};

    by_memory(CLIENT, step, &m, MACH_SEND_MSG | MACH_RCV_MSG, MACH_MSGH_BITS(kind, 0), MACH_PORT_NULL, own,
              &form, 0);
}

static void client(uint64_t arg)
{
    (void)arg;
    SIM_CHECK(mach_port_allocate_name(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, SET_NAME) == KERN_SUCCESS);
    if (a.apart) {
        SIM_CHECK(mach_port_allocate_name(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, CLIENT_SET) ==
                  KERN_SUCCESS);
        SIM_CHECK(mach_port_insert_member(mach_task_self(), PORT_NAME(CLIENT), CLIENT_SET) == KERN_SUCCESS);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        const struct step *s = &a.step[i];
        struct message m = {.remote = s->trick == BAD_NAME ? NAME(0x3f) : PORT_NAME(s->server),
                            .id = ID_REQUEST + (int)i};

        if (s->trick >= KERNEL) {
            static void (*const instead[])(uint32_t) = {call_kernel, call_self, call_ports, call_memory};
            instead[s->trick - KERNEL](i);
            continue;
        }
        words_fill(&m, &s->call, i);
        if (s->trick == TOO_LONG)
            m.words = MACH_RPC_WORDS + 1;
        if (s->trick == CROWD)
            post(CLIENT, i, s->server, ID_POST);
        call(CLIENT, i, &m, &s->call, s->trick == LATE ? LATE_MS : time_of(&s->call));
        client_collect(i, &m);
        note_priority(CLIENT, i);
    }
    agree_port_forget();
    __atomic_store_n(&a.ended, true, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* --- the first task --- */

static int by_value(const void *x, const void *y)
{
    return memcmp(x, y, sizeof(struct event));
}

/* What a task's names denote, in an order that does not depend on those that the kernel chose. */
static void note_table(uint32_t who, mach_port_t task)
{
    mach_port_name_t names[64];
    mach_port_type_t types[64];
    uint32_t count;
    const uint32_t first = a.record[who].count;

    SIM_CHECK(user_port_names(task, names, types, 64, &count) == KERN_SUCCESS && count <= 64);
    for (uint32_t i = 0; i < count; i++) {
        mach_port_status_t status = {0};
        mach_msg_type_number_t status_count = MACH_PORT_RECEIVE_STATUS_COUNT;
        mach_port_urefs_t refs = 0;
        (void)mach_port_get_refs(task, names[i], MACH_PORT_RIGHT_SEND, &refs);
        if (types[i] & MACH_PORT_TYPE_RECEIVE)
            SIM_CHECK(mach_port_get_attributes(task, names[i], MACH_PORT_RECEIVE_STATUS,
                                               (mach_port_info_t)&status, &status_count) == KERN_SUCCESS);
        note(who, 0, TABLE, plain(names[i]), types[i], (uint64_t)refs << 32 | status.mps_seqno,
             (uint64_t)status.mps_mscount << 32 | status.mps_sorights << 16 | status.mps_msgcount);
    }
    qsort(&a.record[who].event[first], count, sizeof(struct event), by_value);
}

static void peer_start(uint32_t peer, mach_port_t task)
{
    static const sim_program_t programs[PEERS] = {client, server, server};
    mach_port_t thread;

    SIM_CHECK(user_thread_start(task, programs[peer], peer, &thread) == KERN_SUCCESS);
    SIM_CHECK(thread_priority(thread, BASE_PRIORITY + 2 * (int)peer, FALSE) == KERN_SUCCESS);
    SIM_CHECK(mach_port_deallocate(mach_task_self(), thread) == KERN_SUCCESS);
    user_sleep(1); /* servers wait before the client begins */
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);
    mach_port_t task[PEERS], port[PEERS];

    property_counts_begin();
    for (uint32_t i = 0; i < PEERS; i++) {
        SIM_CHECK(task_create(mach_task_self(), FALSE, &task[i]) == KERN_SUCCESS);
        SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port[i]) == KERN_SUCCESS);
    }
    for (uint32_t i = 0; i < PEERS; i++) {
        for (uint32_t k = 0; k < PEERS; k++)
            SIM_CHECK(mach_port_insert_right(task[i], PORT_NAME(k), port[k], MACH_MSG_TYPE_MAKE_SEND) ==
                      KERN_SUCCESS);
    }
    for (uint32_t i = PEERS; i-- > 0;) {
        SIM_CHECK(mach_port_insert_right(task[i], PORT_NAME(i), port[i], MACH_MSG_TYPE_MOVE_RECEIVE) ==
                  KERN_SUCCESS);
        peer_start(i, task[i]);
    }
    while (!__atomic_load_n(&a.ended, __ATOMIC_ACQUIRE))
        user_sleep(1);
    user_sleep(2);
    for (uint32_t i = 0; i < PEERS; i++)
        note_table(i, task[i]);
    for (uint32_t i = 0; i < PEERS; i++) {
        SIM_CHECK(task_terminate(task[i]) == KERN_SUCCESS);
        SIM_CHECK(mach_port_deallocate(mach_task_self(), task[i]) == KERN_SUCCESS);
    }
    property_counts_end();
    user_power_off(host_priv);
}

/* --- runs and their comparison --- */

/* Words of a message: half of those in memory fit registers, too; one in eight is large. */
static uint32_t words_limit(bool registers, uint64_t r)
{
    if (registers || r % 2 == 1)
        return MACH_RPC_WORDS + 1;
    return r % 8 == 0 ? WORDS_MAX : WORDS_SMALL;
}

static struct form form_random(uint64_t *state)
{
    static const uint8_t kinds[] = {MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND, MACH_MSG_TYPE_MOVE_SEND,
                                    MACH_MSG_TYPE_MAKE_SEND_ONCE};
    const uint64_t r = model_random(state);
    const bool registers = r % 2 == 0;

    return (struct form){.registers = registers,
                         .timed = (r >> 4) % 4 == 0,
                         .words = (uint16_t)((r >> 8) % words_limit(registers, r >> 40)),
                         .trailer = (uint8_t)((r >> 16) % 5),
                         .right = !registers && (r >> 48) % 3 == 0 ? kinds[(r >> 52) % 4] : 0,
                         .of = (uint8_t)((r >> 56) % PEERS),
                         .piece = !registers && (r >> 36) % 3 == 0 ? (uint32_t)(r >> 24) : 0};
}

static void steps_generate(uint64_t seed)
{
    uint64_t state = seed;

    for (uint32_t i = 0; i < STEPS; i++) {
        const uint64_t r = model_random(&state);
        a.step[i] = (struct step){.server = (uint8_t)(1 + r % 2),
                                  .nested = r >> 8 & 1,
                                  .trick = r >> 16 & 1 ? ANSWER : (enum trick)((r >> 24) % TRICKS),
                                  .call = form_random(&state),
                                  .answer = form_random(&state),
                                  .nested_call = form_random(&state)};
        if (a.step[i].trick == TOO_LONG)
            a.step[i].call.registers = true;
    }
}

static bool run(uint64_t seed, enum way way)
{
    struct sim_config config = sim_config_default();

    config.seed = seed;
    config.program = first_program;
    config.fast_path = way == ALL_WAYS;
    property_counts_watch(&config, QUIET_EVERY);
    memset(&a, 0, sizeof(a));
    memset(given, 0, sizeof(given));
    short_ways = (struct short_ways){.closed = way == GENERAL_PATH};
    a.seed = seed;
    a.through_set = seed % 2 == 1;
    a.apart = seed / 2 % 2 == 1;
    steps_generate(seed);
    struct sim_result result = sim_run(&config);
    short_ways_add(&used[way]);
    if (result.end == SIM_POWEROFF)
        return true;
    printf("# seed %llu, %s: %s: %s\n", (unsigned long long)seed, way_names[way], sim_end_name(result.end),
           result.message);
    return false;
}

static void event_print(const char *title, const struct event *e)
{
    static const char *const names[] = {"result", "header", "data", "right", "priority", "table"};

    printf("#   %s: step %u: %s %#llx %#llx %#llx %#llx\n", title, e->step, names[e->what],
           (unsigned long long)e->value[0], (unsigned long long)e->value[1], (unsigned long long)e->value[2],
           (unsigned long long)e->value[3]);
}

static void step_print(uint32_t i)
{
    const struct step *s = &a.step[i];

    printf("#   step %u: server %u, trick %d, call %s %u words, answer %s %u words, nested %d %s %u words\n",
           i, s->server, s->trick, s->call.registers ? "registers" : "memory", s->call.words,
           s->answer.registers ? "registers" : "memory", s->answer.words, s->nested,
           s->nested_call.registers ? "registers" : "memory", s->nested_call.words);
}

static bool compare(uint32_t peer, const struct record *want, const struct record *seen, uint64_t seed,
                    enum way way)
{
    for (uint32_t i = 0; i < want->count && i < seen->count; i++) {
        if (memcmp(&want->event[i], &seen->event[i], sizeof(want->event[i])) == 0)
            continue;
        printf("# seed %llu: what peer %u saw differs:\n", (unsigned long long)seed, peer);
        event_print(way_names[ALL_WAYS], &want->event[i]);
        event_print(way_names[way], &seen->event[i]);
        step_print(want->event[i].step % STEPS);
        return false;
    }
    if (want->count != seen->count)
        printf("# seed %llu: peer %u noted %u events %s, %u %s\n", (unsigned long long)seed, peer,
               want->count, way_names[ALL_WAYS], seen->count, way_names[way]);
    return want->count == seen->count;
}

static bool agree(uint64_t seed)
{
    static struct record first[PEERS];

    if (!run(seed, ALL_WAYS))
        return false;
    memcpy(first, a.record, sizeof(first));
    for (enum way way = NO_FAST_PATH; way < WAYS; way++) {
        if (!run(seed, way))
            return false;
        for (uint32_t peer = 0; peer < PEERS; peer++) {
            if (!compare(peer, &first[peer], &a.record[peer], seed, way))
                return false;
        }
    }
    return true;
}

static bool ok(unsigned number, bool good, const char *what)
{
    printf("%sok %u - %s\n", good ? "" : "not ", number, what);
    return good;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, last = 40;
    bool good = true;

    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        char *end;
        first = last = strtoull(argv[2], &end, 0);
        if (strncmp(end, "..", 2) == 0)
            last = strtoull(end + 2, NULL, 0);
    } else if (argc != 1) {
        fputs("usage: agree [--seeds A..B]\n", stderr);
        return 2;
    }
    for (uint64_t seed = first; seed <= last && good; seed++)
        good = agree(seed);
    printf("# seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)last);
    good = ok(1, good, "fast path, direct switch and general path agree");
    const bool few = first == last; /* one seed alone need not go every way */
    good &= ok(2, few || used[ALL_WAYS].tried < used[NO_FAST_PATH].tried, "the fast path was used");
    good &= ok(3, (few || used[NO_FAST_PATH].done > 0) && used[GENERAL_PATH].done == 0,
               "the direct switch was used, and could be kept from it");
    good &= ok(4, (few || used[ALL_WAYS].kernel > 0) && used[GENERAL_PATH].kernel == 0,
               "the short way to the kernel was used, and could be kept from it");
    good &= ok(5, (few || used[ALL_WAYS].rights > 0) && used[GENERAL_PATH].rights == 0,
               "rights went directly, and could be kept from it");
    good &= ok(6, (few || used[ALL_WAYS].sets > 0) && used[GENERAL_PATH].sets == 0,
               "sets were passed directly, and could be kept from it");
    good &= ok(7, (few || used[ALL_WAYS].simple > 0) && used[GENERAL_PATH].simple == 0,
               "simple messages were queued the short way, and could be kept from it");
    good &= ok(8, (few || used[ALL_WAYS].received > 0) && used[GENERAL_PATH].received == 0,
               "and were taken from the queue the short way");
    good &= ok(9, few || used[ALL_WAYS].messages < used[NO_FAST_PATH].messages,
               "messages in memory took the fast path, too");
    good &= ok(10, few || agree_port_traps > 0, "calls about names were traps, or messages");
    good &= ok(11, few || agree_vm_traps > 0, "and so were calls about memory");
    good &= ok(12, (few || used[ALL_WAYS].memory > 0) && used[GENERAL_PATH].memory == 0,
               "memory went directly, and could be kept from it");
    puts("1..12");
    return good ? 0 : 1;
}
