/* SPDX-License-Identifier: BSD-2-Clause */
/* What a task has, before and after. */
#include "refused.h"

#include "ports.h"

#include <string.h>

#define NAMES_MAX 256u
#define MEMBERS_MAX 8u

/* One name; what does not apply is 0. */
struct row {
    mach_port_name_t name;
    mach_port_type_t type;
    mach_port_urefs_t send, dead;
    mach_port_status_t status;
    mach_port_context_t context;
    mach_port_name_t member[MEMBERS_MAX];
};

struct state {
    uint32_t count;
    struct row row[NAMES_MAX];
};

static struct state before, after;

static void read_members(struct row *row)
{
    mach_port_name_array_t members;
    mach_msg_type_number_t count;

    REQUIRE_OK(mach_port_get_set_status(mach_task_self(), row->name, &members, &count));
    REQUIRE(count <= MEMBERS_MAX);
    memcpy(row->member, members, count * sizeof(*members));
    test_memory_free(members, count * sizeof(*members));
}

static void read_row(struct row *row)
{
    if (row->type & MACH_PORT_TYPE_SEND)
        row->send = test_refs(row->name, MACH_PORT_RIGHT_SEND);
    if (row->type & MACH_PORT_TYPE_DEAD_NAME)
        row->dead = test_refs(row->name, MACH_PORT_RIGHT_DEAD_NAME);
    if (row->type & MACH_PORT_TYPE_PORT_SET)
        read_members(row);
    if (row->type & MACH_PORT_TYPE_RECEIVE) {
        row->status = test_status(row->name);
        REQUIRE_OK(mach_port_get_context(mach_task_self(), row->name, &row->context));
    }
    if (row->name == mig_get_reply_port())
        row->status.mps_seqno = 0; /* it counts the calls */
}

static void read_state(struct state *state)
{
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    mach_msg_type_number_t count, types_count;

    REQUIRE_OK(mach_port_names(mach_task_self(), &names, &count, &types, &types_count));
    REQUIRE(count <= NAMES_MAX && types_count == count);
    memset(state, 0, sizeof(*state));
    state->count = count;
    for (uint32_t i = 0; i < count; i++) {
        state->row[i].name = names[i];
        state->row[i].type = types[i];
        read_row(&state->row[i]);
    }
    test_memory_free(names, count * sizeof(*names));
    test_memory_free(types, types_count * sizeof(*types));
}

void test_state_remember(void)
{
    read_state(&before);
}

bool test_state_same(void)
{
    read_state(&after);
    if (before.count != after.count)
        printf("# %u names, then %u\n", before.count, after.count);
    for (uint32_t i = 0; i < before.count && i < after.count; i++) {
        const struct row *b = &before.row[i], *a = &after.row[i];
        if (memcmp(b, a, sizeof(*b)) != 0)
            printf("# name %#x (%#x, %u, %u), then %#x (%#x, %u, %u)\n", b->name, b->type, b->send, b->dead,
                   a->name, a->type, a->send, a->dead);
    }
    return memcmp(&before, &after, sizeof(before)) == 0;
}

void test_check_refused(kern_return_t actual, kern_return_t expected, const char *file, int line,
                        const char *expression, const char *why)
{
    char text[160] = "";
    bool same = test_state_same();

    for (size_t i = 0; i < sizeof(text) - 1 && expression[i] != '(' && expression[i] != '\0'; i++)
        text[i] = expression[i];
    size_t length = strlen(text);
    (void)snprintf(text + length, sizeof(text) - length, ": %s", why);
    if (same)
        test_check_result(actual, expected, file, line, expression, text);
    else
        test_check(false, file, line, "the call has changed nothing", text);
}
