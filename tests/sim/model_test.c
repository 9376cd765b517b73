/* SPDX-License-Identifier: BSD-2-Clause */
/* The model and the shrinker themselves, without a kernel. */
#include "property.h"

#include <stdio.h>
#include <string.h>

#define OPS 80u
#define SEEDS 30u

static int test_number;
static bool all_good = true;

static void ok(bool good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++test_number, name);
    all_good &= good;
}

/* --- rules, in scripts of a few operations --- */

static struct model_run run;
static uint32_t position;

static struct model_outcome step(struct model_op op)
{
    struct model_outcome seen, want;

    model_answer_fresh(&seen, position);
    model_step(&run, &op, position++, &seen, &want);
    return want;
}

static void begin(void)
{
    memset(&run, 0, sizeof(run));
    position = 0;
}

#define COPY_SEND 0
#define MAKE_SEND 1
#define MOVE_SEND 2
#define MOVE_RECEIVE 5
#define NONE MODEL_SLOT_NULL

static void allocate(uint8_t slot)
{
    (void)step((struct model_op){.code = MODEL_ALLOCATE, .slot = {slot}});
}

static kern_return_t make_send(uint8_t slot)
{
    return step(
               (struct model_op){.code = MODEL_INSERT_RIGHT, .slot = {slot, slot, NONE}, .kind = {MAKE_SEND}})
        .kr;
}

/* Send a simple message, or one with a right. */
static mach_msg_return_t send(uint8_t to, uint8_t how, uint8_t slot, uint8_t disposition, uint8_t rights)
{
    return step((struct model_op){.code = MODEL_SEND,
                                  .slot = {to, NONE, slot},
                                  .kind = {how, 1, disposition},
                                  .value = rights})
        .kr;
}

static struct model_outcome receive(uint8_t from)
{
    return step((struct model_op){.code = MODEL_RECEIVE, .slot = {from, 6, 7, 7, 7}});
}

static struct model_row row_of(uint8_t slot)
{
    static struct model_row rows[MODEL_NAMES];
    const uint32_t count = model_table(&run, 0, rows);

    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].name == run.slot[0][slot])
            return rows[i];
    }
    return (struct model_row){0};
}

static void test_references(void)
{
    begin();
    allocate(0);
    bool good = make_send(0) == KERN_SUCCESS && make_send(0) == KERN_SUCCESS;
    struct model_row row = row_of(0);
    good &= row.type == MACH_PORT_TYPE_SEND_RECEIVE && row.urefs == 2 && row.srights == 1 &&
            row.status.mps_mscount == 2;
    ok(good, "send rights of a task to one port are one right with user references");
    good =
        send(0, MOVE_SEND, 0, MOVE_SEND, 1) == MACH_MSG_SUCCESS && row_of(0).type == MACH_PORT_TYPE_RECEIVE;
    good &= row_of(0).srights == 2; /* the message holds both */
    good &= send(0, MOVE_SEND, 0, 0, 0) == MACH_SEND_INVALID_DEST;
    ok(good, "moved references leave with the message");
    good = receive(0).kr == MACH_MSG_SUCCESS && row_of(0).srights == 1 && row_of(0).urefs == 1;
    ok(good, "and arrive with it");
}

static void test_death(void)
{
    begin();
    allocate(0);
    allocate(1);
    (void)make_send(0);
    const kern_return_t kr =
        step((struct model_op){.code = MODEL_REQUEST_NOTIFICATION, .slot = {0, 1, NONE}, .kind = {0, 1}}).kr;
    (void)step((struct model_op){.code = MODEL_MOD_REFS, .slot = {0}, .kind = {0}, .value = 0});
    const struct model_row row = row_of(0);
    ok(kr == KERN_SUCCESS && row.type == MACH_PORT_TYPE_DEAD_NAME && row.urefs == 2,
       "a send right to a port that dies becomes a dead name; its notification is a reference");
    const struct model_outcome told = receive(1);
    ok(told.kr == MACH_MSG_SUCCESS && told.message.id == MACH_NOTIFY_DEAD_NAME &&
           told.message.word == row.name,
       "the dead-name notification tells the name");
}

static void test_circle(void)
{
    begin();
    allocate(0);
    (void)make_send(0);
    const mach_msg_return_t mr = send(0, COPY_SEND, 0, MOVE_RECEIVE, 1);
    ok(mr == MACH_MSG_SUCCESS && row_of(0).type == MACH_PORT_TYPE_DEAD_NAME,
       "a port whose receive right is sent to itself dies");
}

static void test_full(void)
{
    bool good = true;

    begin();
    allocate(0);
    (void)make_send(0);
    for (uint32_t i = 0; i < MACH_PORT_QLIMIT_DEFAULT; i++)
        good &= send(0, COPY_SEND, 0, 0, 0) == MACH_MSG_SUCCESS;
    good &= send(0, MOVE_SEND, 0, MAKE_SEND, 1) == MACH_SEND_TIMED_OUT;
    ok(good && row_of(0).urefs == 2, "a message that finds the queue full comes back with its rights");
}

/* --- generator and shrinker --- */

static void test_generator(void)
{
    static struct model_op ops[OPS], again[OPS];
    uint32_t successes = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        model_script_generate(ops, OPS, seed);
        model_script_generate(again, OPS, seed);
        if (memcmp(ops, again, sizeof(ops)) != 0)
            ok(false, "a seed gives one script");
        begin();
        for (uint32_t i = 0; i < OPS; i++)
            successes += step(ops[i]).kr == KERN_SUCCESS;
    }
    ok(successes > SEEDS * OPS / 2, "scripts consist mostly of operations that succeed");
}

/* Fails if a RENAME comes before two SENDs. */
static bool fails(const struct model_op *ops, uint32_t count, void *arg)
{
    uint32_t found = 0;

    (void)arg;
    for (uint32_t i = 0; i < count; i++)
        found += ops[i].code == (found == 0 ? MODEL_RENAME : MODEL_SEND) && found < 3;
    return found == 3;
}

static void test_shrink(void)
{
    static struct model_op ops[MODEL_SCRIPT_MAX];
    uint64_t seed = 0;

    do
        model_script_generate(ops, OPS, ++seed);
    while (!fails(ops, OPS, NULL));
    const uint32_t left = property_shrink(ops, OPS, fails, NULL);
    ok(left == 3 && fails(ops, left, NULL) && ops[0].slot[0] == 0 && ops[1].value == 0,
       "a failing script shrinks to what it needs to fail");
}

int main(void)
{
    test_references();
    test_death();
    test_circle();
    test_full();
    test_generator();
    test_shrink();
    printf("1..%d\n", test_number);
    return all_good ? 0 : 1;
}
