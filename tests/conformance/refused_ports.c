/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_port.defs: every error that a program can cause, and that it changes nothing.  (Want of memory, a full table of names, tasks that
 * end meanwhile: tests/sim/unit_refused.c.)
 */
#include "lib/ports.h"
#include "lib/refused.h"
#include "lib/test.h"

#include <mach/notify.h>

#define SELF mach_task_self()
#define NOBODY ((mach_port_t)(3000u << 8 | 5u))  /* a name that there is not */
#define FREE ((mach_port_t)(3001u << 8 | 5u))    /* one that could be given */
#define TOO_HIGH ((mach_port_t)(0xfffffeu << 8)) /* of an index beyond the limit */
#define UREFS_MAX 65535

static mach_port_t thread; /* a port that is no task's */
static mach_port_t port;   /* receive right and a send right */
static mach_port_t other;  /* the same */
static mach_port_t lone;   /* receive right alone */
static mach_port_t once;   /* send-once right to `other` */
static mach_port_t set;
static mach_port_t dead; /* dead name */

static mach_port_t take;
static mach_msg_type_name_t take_type;

static void begin(void)
{
    thread = mach_thread_self();
    port = test_port_send();
    other = test_port_send();
    lone = test_port();
    REQUIRE_OK(mach_port_extract_right(SELF, other, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &take_type));
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set));
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead));
}

static void test_names(void)
{
    mach_port_t name;
    mach_port_type_t type;
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    mach_msg_type_number_t count, types_count;

    CHECK_REFUSED(mach_port_names(thread, &names, &count, &types, &types_count), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_type(thread, port, &type), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_type(SELF, NOBODY, &type), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_type(SELF, MACH_PORT_NULL, &type), KERN_INVALID_NAME, "the null name");
    CHECK_REFUSED(mach_port_type(SELF, MACH_PORT_DEAD, &type), KERN_INVALID_NAME, "the dead name");
    CHECK_REFUSED(mach_port_rename(thread, port, FREE), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_rename(SELF, NOBODY, FREE), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_rename(SELF, port, MACH_PORT_NULL), KERN_INVALID_VALUE, "to null");
    CHECK_REFUSED(mach_port_rename(SELF, port, MACH_PORT_DEAD), KERN_INVALID_VALUE, "to dead");
    CHECK_REFUSED(mach_port_rename(SELF, port, 0xff), KERN_INVALID_VALUE, "to index 0");
    CHECK_REFUSED(mach_port_rename(SELF, port, TOO_HIGH), KERN_INVALID_VALUE, "beyond the limit");
    CHECK_REFUSED(mach_port_rename(SELF, port, other), KERN_NAME_EXISTS, "to a name in use");
    CHECK_REFUSED(mach_port_rename(SELF, port, other ^ 1), KERN_NAME_EXISTS, "to an index in use");
    CHECK_REFUSED(mach_port_rename(SELF, port, port), KERN_NAME_EXISTS, "to itself");
    CHECK_REFUSED(mach_port_allocate_name(thread, MACH_PORT_RIGHT_RECEIVE, FREE), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_SEND, FREE), KERN_INVALID_VALUE,
                  "a send right");
    CHECK_REFUSED(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, 0xff), KERN_INVALID_VALUE,
                  "index 0");
    CHECK_REFUSED(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_PORT_SET, TOO_HIGH), KERN_INVALID_VALUE,
                  "beyond the limit");
    CHECK_REFUSED(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, port), KERN_NAME_EXISTS,
                  "a name in use, receive right");
    CHECK_REFUSED(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_PORT_SET, port), KERN_NAME_EXISTS,
                  "a name in use, set");
    CHECK_REFUSED(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_DEAD_NAME, dead), KERN_NAME_EXISTS,
                  "a name in use, dead name");
    CHECK_REFUSED(mach_port_allocate(thread, MACH_PORT_RIGHT_RECEIVE, &name), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_allocate(SELF, MACH_PORT_RIGHT_SEND_ONCE, &name), KERN_INVALID_VALUE,
                  "a send-once right");
}

static void test_references(void)
{
    mach_port_urefs_t refs;

    CHECK_REFUSED(mach_port_destroy(thread, port), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_destroy(SELF, NOBODY), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_deallocate(thread, port), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_deallocate(SELF, NOBODY), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_deallocate(SELF, lone), KERN_INVALID_RIGHT, "a receive right alone");
    CHECK_REFUSED(mach_port_deallocate(SELF, set), KERN_INVALID_RIGHT, "a set");
    CHECK_REFUSED(mach_port_get_refs(thread, port, MACH_PORT_RIGHT_SEND, &refs), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_get_refs(SELF, port, MACH_PORT_RIGHT_NUMBER, &refs), KERN_INVALID_VALUE,
                  "an unknown kind");
    CHECK_REFUSED(mach_port_get_refs(SELF, NOBODY, MACH_PORT_RIGHT_SEND, &refs), KERN_INVALID_NAME,
                  "no such name");
    CHECK_REFUSED(mach_port_mod_refs(thread, port, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_NUMBER, 1), KERN_INVALID_VALUE,
                  "an unknown kind");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -2), KERN_INVALID_VALUE,
                  "less than none");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, INT32_MIN), KERN_INVALID_VALUE,
                  "much less than none");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, 1), KERN_INVALID_VALUE,
                  "a second receive right");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, -2), KERN_INVALID_VALUE,
                  "two receive rights less");
    CHECK_REFUSED(mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_SEND_ONCE, 1), KERN_INVALID_VALUE,
                  "a second send-once right");
    CHECK_REFUSED(mach_port_mod_refs(SELF, set, MACH_PORT_RIGHT_PORT_SET, -2), KERN_INVALID_VALUE,
                  "two sets less");
    CHECK_REFUSED(mach_port_mod_refs(SELF, NOBODY, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_NAME,
                  "no such name");
    CHECK_REFUSED(mach_port_mod_refs(SELF, lone, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_RIGHT,
                  "another kind");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, UREFS_MAX), KERN_UREFS_OVERFLOW,
                  "one too many");
    CHECK_REFUSED(mach_port_mod_refs(SELF, dead, MACH_PORT_RIGHT_DEAD_NAME, INT32_MAX), KERN_UREFS_OVERFLOW,
                  "far too many");
}

static void test_attributes(void)
{
    mach_port_limits_t limits = {.mpl_qlimit = 1};
    mach_port_info_t info = (mach_port_info_t)&limits;
    mach_msg_type_number_t count = 1, none = 0;
    mach_port_context_t context;
    mach_port_rights_t rights;

    CHECK_REFUSED(mach_port_set_mscount(thread, port, 1), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_set_mscount(SELF, NOBODY, 1), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_set_mscount(SELF, once, 1), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_set_seqno(thread, port, 1), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_set_seqno(SELF, NOBODY, 1), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_set_seqno(SELF, set, 1), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_get_attributes(thread, port, MACH_PORT_LIMITS_INFO, info, &count),
                  KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_get_attributes(SELF, port, 99, info, &count), KERN_INVALID_ARGUMENT,
                  "another flavor");
    CHECK_REFUSED(mach_port_get_attributes(SELF, port, MACH_PORT_LIMITS_INFO, info, &none), KERN_FAILURE,
                  "too little room");
    CHECK_REFUSED(mach_port_get_attributes(SELF, NOBODY, MACH_PORT_LIMITS_INFO, info, &count),
                  KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_get_attributes(SELF, SELF, MACH_PORT_LIMITS_INFO, info, &count),
                  KERN_INVALID_RIGHT, "a send right");
    CHECK_REFUSED(mach_port_set_attributes(thread, port, MACH_PORT_LIMITS_INFO, info, 1), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_set_attributes(SELF, port, 99, info, 1), KERN_INVALID_ARGUMENT, "another flavor");
    CHECK_REFUSED(mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, info, 0), KERN_FAILURE,
                  "another size");
    CHECK_REFUSED(mach_port_set_attributes(SELF, NOBODY, MACH_PORT_LIMITS_INFO, info, 1), KERN_INVALID_NAME,
                  "no such name");
    CHECK_REFUSED(mach_port_set_attributes(SELF, dead, MACH_PORT_LIMITS_INFO, info, 1), KERN_INVALID_RIGHT,
                  "a dead name");
    limits.mpl_qlimit = MACH_PORT_QLIMIT_MAX + 1;
    CHECK_REFUSED(mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, info, 1), KERN_INVALID_VALUE,
                  "too long a queue");
    CHECK_REFUSED(mach_port_get_srights(thread, port, &rights), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_get_srights(SELF, NOBODY, &rights), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_get_srights(SELF, once, &rights), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_get_context(thread, port, &context), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_get_context(SELF, NOBODY, &context), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_get_context(SELF, set, &context), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_set_context(thread, port, 7), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_set_context(SELF, NOBODY, 7), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_set_context(SELF, SELF, 7), KERN_INVALID_RIGHT, "no receive right");
}

#define GUARD UINT64_C(0xfeedfacecafebeef)

static void test_construct(void)
{
    mach_port_options_t options = {.flags = 0x80000000u};
    mach_port_t name;

    CHECK_REFUSED(mach_port_construct(thread, &(mach_port_options_t){0}, 0, &name), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_construct(SELF, &options, 0, &name), KERN_INVALID_ARGUMENT, "an unknown flag");
    options.flags = MPO_STRICT;
    CHECK_REFUSED(mach_port_construct(SELF, &options, 0, &name), KERN_INVALID_ARGUMENT,
                  "strict without a guard");
    options = (mach_port_options_t){.reserved = {0, 1}};
    CHECK_REFUSED(mach_port_construct(SELF, &options, 0, &name), KERN_INVALID_ARGUMENT,
                  "something in reserved");
    options = (mach_port_options_t){.flags = MPO_QLIMIT, .mpl.mpl_qlimit = MACH_PORT_QLIMIT_MAX + 1};
    CHECK_REFUSED(mach_port_construct(SELF, &options, 0, &name), KERN_INVALID_VALUE, "too long a queue");
}

/* lone: no guard. */
static void test_unguarded(void)
{
    CHECK_REFUSED(mach_port_guard(thread, lone, GUARD, FALSE), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_guard(SELF, NOBODY, GUARD, FALSE), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_guard(SELF, SELF, GUARD, FALSE), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_unguard(thread, lone, GUARD), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_unguard(SELF, NOBODY, GUARD), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_unguard(SELF, set, GUARD), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_unguard(SELF, lone, 0), KERN_INVALID_ARGUMENT, "no guard");
    CHECK_REFUSED(mach_port_swap_guard(thread, lone, 0, GUARD), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_swap_guard(SELF, NOBODY, 0, GUARD), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_swap_guard(SELF, once, 0, GUARD), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_swap_guard(SELF, lone, 0, GUARD), KERN_INVALID_ARGUMENT, "no guard");
    CHECK_REFUSED(mach_port_destruct(thread, lone, 0, 0), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_destruct(SELF, NOBODY, 0, 0), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_destruct(SELF, once, 0, 0), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_destruct(SELF, lone, 1, 0), KERN_INVALID_VALUE, "more user references");
    CHECK_REFUSED(mach_port_destruct(SELF, lone, -1, 0), KERN_INVALID_VALUE, "fewer than none");
    CHECK_REFUSED(mach_port_destruct(SELF, port, -2, 0), KERN_INVALID_VALUE, "more than there are");
    REQUIRE_OK(mach_port_set_context(SELF, lone, 1));
    test_state_remember();
    CHECK_REFUSED(mach_port_guard(SELF, lone, GUARD, FALSE), KERN_INVALID_ARGUMENT, "there is a label");
    REQUIRE_OK(mach_port_set_context(SELF, lone, 0));
}

static void test_guarded(boolean_t strict)
{
    REQUIRE_OK(mach_port_guard(SELF, lone, GUARD, strict));
    REQUIRE_OK(mach_port_guard(SELF, port, GUARD, strict));
    test_state_remember();
    CHECK_REFUSED(mach_port_guard(SELF, lone, GUARD, strict), KERN_INVALID_ARGUMENT, "there is a guard");
    CHECK_REFUSED(mach_port_unguard(SELF, lone, GUARD + 1), KERN_INVALID_ARGUMENT, "another guard");
    CHECK_REFUSED(mach_port_swap_guard(SELF, lone, GUARD + 1, 1), KERN_INVALID_ARGUMENT, "another guard");
    CHECK_REFUSED(mach_port_destroy(SELF, lone), KERN_INVALID_RIGHT, "a guarded receive right");
    CHECK_REFUSED(mach_port_destroy(SELF, port), KERN_INVALID_RIGHT, "and a send right");
    CHECK_REFUSED(mach_port_mod_refs(SELF, lone, MACH_PORT_RIGHT_RECEIVE, -1), KERN_INVALID_RIGHT,
                  "a guarded receive right");
    CHECK_REFUSED(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, -1), KERN_INVALID_RIGHT,
                  "beside a send right");
    CHECK_REFUSED(mach_port_destruct(SELF, lone, 0, GUARD + 1), KERN_INVALID_ARGUMENT, "another guard");
    CHECK_REFUSED(mach_port_destruct(SELF, port, -1, 0), KERN_INVALID_ARGUMENT, "no guard given");
    if (strict) {
        CHECK_REFUSED(mach_port_set_context(SELF, lone, 1), KERN_INVALID_ARGUMENT, "a strict guard");
        CHECK_REFUSED(mach_port_swap_guard(SELF, lone, GUARD, 1), KERN_INVALID_ARGUMENT, "a strict guard");
    }
    REQUIRE_OK(mach_port_unguard(SELF, lone, GUARD));
    REQUIRE_OK(mach_port_unguard(SELF, port, GUARD));
    test_state_remember();
}

static void test_peek(void)
{
    const mach_msg_trailer_type_t plain = MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0);
    const mach_msg_trailer_type_t seqno = plain | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SEQNO);
    const mach_msg_trailer_type_t label = plain | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX);
    mach_port_seqno_t number = 0;
    mach_msg_size_t size;
    mach_msg_id_t id;
    char trailer[MAX_TRAILER_SIZE];
    mach_msg_type_number_t room = sizeof(trailer), little = sizeof(mach_msg_trailer_t);

    CHECK_REFUSED(mach_port_peek(thread, port, plain, &number, &size, &id, trailer, &room), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_peek(SELF, NOBODY, plain, &number, &size, &id, trailer, &room), KERN_INVALID_NAME,
                  "no such name");
    CHECK_REFUSED(mach_port_peek(SELF, set, plain, &number, &size, &id, trailer, &room), KERN_INVALID_RIGHT,
                  "a set");
    CHECK_REFUSED(mach_port_peek(SELF, port, label, &number, &size, &id, trailer, &room), KERN_INVALID_VALUE,
                  "a trailer with a label");
    CHECK_REFUSED(mach_port_peek(SELF, port, seqno, &number, &size, &id, trailer, &little),
                  KERN_INVALID_VALUE, "too little room");
    CHECK_REFUSED(mach_port_peek(SELF, port, plain, &number, &size, &id, trailer, &room), KERN_FAILURE,
                  "no message");
}

static void test_information(void)
{
    ipc_info_space_t info;
    ipc_info_name_array_t table;
    ipc_info_tree_name_array_t tree;
    mach_msg_type_number_t count, tree_count;
    mach_vm_address_t address;
    unsigned a, b;

    CHECK_REFUSED(mach_port_space_info(thread, &info, &table, &count, &tree, &tree_count), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_dnrequest_info(thread, port, &a, &b), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_dnrequest_info(SELF, NOBODY, &a, &b), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_dnrequest_info(SELF, SELF, &a, &b), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_kernel_object(thread, port, &a, &b), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_kernel_object(SELF, NOBODY, &a, &b), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_kernel_object(SELF, once, &a, &b), KERN_INVALID_RIGHT, "a send-once right");
    CHECK_REFUSED(mach_port_kobject(thread, port, &a, &address), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_kobject(SELF, NOBODY, &a, &address), KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_kobject(SELF, set, &a, &address), KERN_INVALID_RIGHT, "a set");
}

static void test_sets(void)
{
    mach_port_name_array_t members;
    mach_msg_type_number_t count;

    REQUIRE_OK(mach_port_insert_member(SELF, other, set));
    CHECK_REFUSED(mach_port_get_set_status(thread, set, &members, &count), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_get_set_status(SELF, NOBODY, &members, &count), KERN_INVALID_NAME,
                  "no such name");
    CHECK_REFUSED(mach_port_get_set_status(SELF, port, &members, &count), KERN_INVALID_RIGHT, "no set");
    CHECK_REFUSED(mach_port_move_member(thread, other, set), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_move_member(SELF, NOBODY, set), KERN_INVALID_NAME, "no such member");
    CHECK_REFUSED(mach_port_move_member(SELF, other, NOBODY), KERN_INVALID_NAME, "no such set");
    CHECK_REFUSED(mach_port_move_member(SELF, once, set), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_move_member(SELF, other, port), KERN_INVALID_RIGHT, "no set");
    CHECK_REFUSED(mach_port_move_member(SELF, port, MACH_PORT_NULL), KERN_NOT_IN_SET, "out of no set");
    CHECK_REFUSED(mach_port_insert_member(thread, port, set), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_insert_member(SELF, NOBODY, set), KERN_INVALID_NAME, "no such member");
    CHECK_REFUSED(mach_port_insert_member(SELF, port, MACH_PORT_NULL), KERN_INVALID_NAME, "the null set");
    CHECK_REFUSED(mach_port_insert_member(SELF, set, set), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_insert_member(SELF, port, dead), KERN_INVALID_RIGHT, "no set");
    CHECK_REFUSED(mach_port_insert_member(SELF, other, set), KERN_ALREADY_IN_SET, "twice");
    CHECK_REFUSED(mach_port_extract_member(thread, other, set), KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_extract_member(SELF, NOBODY, set), KERN_INVALID_NAME, "no such member");
    CHECK_REFUSED(mach_port_extract_member(SELF, other, MACH_PORT_NULL), KERN_INVALID_NAME, "the null set");
    CHECK_REFUSED(mach_port_extract_member(SELF, SELF, set), KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_extract_member(SELF, other, port), KERN_INVALID_RIGHT, "no set");
    CHECK_REFUSED(mach_port_extract_member(SELF, port, set), KERN_NOT_IN_SET, "no member");
    REQUIRE_OK(mach_port_extract_member(SELF, other, set));
}

static void test_requests(void)
{
    const mach_msg_id_t died = MACH_NOTIFY_DEAD_NAME;
    const mach_msg_type_name_t make = MACH_MSG_TYPE_MAKE_SEND_ONCE;
    mach_port_t doomed = test_port_send();

    CHECK_REFUSED(mach_port_request_notification(SELF, port, 99, 0, MACH_PORT_NULL, make, &take),
                  KERN_INVALID_VALUE, "another notification");
    CHECK_REFUSED(mach_port_request_notification(SELF, port, MACH_NOTIFY_PORT_DESTROYED, 1, MACH_PORT_NULL,
                                                 make, &take),
                  KERN_INVALID_VALUE, "a sync that must be 0");
    CHECK_REFUSED(mach_port_request_notification(SELF, NOBODY, died, 0, MACH_PORT_NULL, make, &take),
                  KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_request_notification(SELF, set, died, 0, MACH_PORT_NULL, make, &take),
                  KERN_INVALID_RIGHT, "a set");
    CHECK_REFUSED(
        mach_port_request_notification(SELF, once, MACH_NOTIFY_NO_SENDERS, 0, MACH_PORT_NULL, make, &take),
        KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(
        mach_port_request_notification(SELF, once, MACH_NOTIFY_SEND_POSSIBLE, 0, MACH_PORT_NULL, make, &take),
        KERN_INVALID_RIGHT, "no send right");
    CHECK_REFUSED(mach_port_request_notification(SELF, dead, died, 1, MACH_PORT_NULL, make, &take),
                  KERN_INVALID_ARGUMENT, "a dead name, nobody to tell");
    REQUIRE_OK(mach_port_mod_refs(SELF, doomed, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_REFUSED(mach_port_request_notification(SELF, port, died, 0, doomed, MACH_MSG_TYPE_COPY_SEND, &take),
                  MIG_BAD_ARGUMENTS, "no send-once right to be told over");
    CHECK_REFUSED(mach_port_request_notification(SELF, port, died, 0, MACH_PORT_DEAD,
                                                 MACH_MSG_TYPE_MOVE_SEND_ONCE, &take),
                  KERN_INVALID_CAPABILITY, "a dead right to be told over");
    test_port_destroy(doomed);
}

/* Where a right goes with the request, it comes back as a send-once notification. */
static void test_requests_release(void)
{
    const mach_msg_type_name_t make = MACH_MSG_TYPE_MAKE_SEND_ONCE;
    mach_port_t full;

    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &full));
    REQUIRE_OK(mach_port_mod_refs(SELF, full, MACH_PORT_RIGHT_DEAD_NAME, UREFS_MAX - 1));
    CHECK_RESULT(mach_port_request_notification(thread, port, MACH_NOTIFY_DEAD_NAME, 0, lone, make, &take),
                 KERN_INVALID_TASK, "no task has notifications");
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE), "the right to be told over is released");
    CHECK_RESULT(mach_port_request_notification(SELF, NOBODY, MACH_NOTIFY_DEAD_NAME, 0, lone, make, &take),
                 KERN_INVALID_NAME, "nor has a name that there is not");
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE), "it is released again");
    CHECK_RESULT(mach_port_request_notification(SELF, dead, MACH_NOTIFY_DEAD_NAME, 0, lone, make, &take),
                 KERN_INVALID_ARGUMENT, "a name that is dead can't die");
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE), "and again");
    CHECK_RESULT(mach_port_request_notification(SELF, full, MACH_NOTIFY_DEAD_NAME, 1, lone, make, &take),
                 KERN_UREFS_OVERFLOW, "a notification counts as a reference");
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE), "and again");
    CHECK_EQUAL(test_refs(full, MACH_PORT_RIGHT_DEAD_NAME), UREFS_MAX, "the references stay");
    CHECK_EQUAL(test_status(lone).mps_sorights, 0, "no right is left");
    test_port_destroy(full);
}

static void test_insert(void)
{
    const mach_msg_type_name_t make = MACH_MSG_TYPE_MAKE_SEND;
    mach_port_t doomed = test_port_send();
    mach_port_t name;

    REQUIRE_OK(mach_port_mod_refs(SELF, doomed, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_REFUSED(mach_port_insert_right(thread, FREE, port, MACH_MSG_TYPE_COPY_SEND), KERN_INVALID_TASK,
                  "no task");
    CHECK_REFUSED(mach_port_insert_right(SELF, MACH_PORT_NULL, port, MACH_MSG_TYPE_COPY_SEND),
                  KERN_INVALID_VALUE, "as null");
    CHECK_REFUSED(mach_port_insert_right(SELF, 0xff, SELF, MACH_MSG_TYPE_COPY_SEND), KERN_RIGHT_EXISTS,
                  "index 0, and it has a name");
    CHECK_REFUSED(mach_port_insert_right(SELF, FREE, port, MACH_MSG_TYPE_COPY_SEND), KERN_RIGHT_EXISTS,
                  "it has a name");
    CHECK_REFUSED(mach_port_insert_right(SELF, FREE, MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND),
                  KERN_INVALID_CAPABILITY, "null");
    CHECK_REFUSED(mach_port_insert_right(SELF, FREE, doomed, MACH_MSG_TYPE_COPY_SEND),
                  KERN_INVALID_CAPABILITY, "a dead port");
    REQUIRE_OK(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, UREFS_MAX - 1));
    CHECK_REFUSED(mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_COPY_SEND), KERN_UREFS_OVERFLOW,
                  "one reference too many");
    REQUIRE_OK(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1 - UREFS_MAX));

    CHECK_RESULT(mach_port_insert_right(SELF, FREE, once, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_RIGHT,
                 "a right that the caller can't give is refused by the message");
    CHECK_EQUAL(test_type(once), MACH_PORT_TYPE_SEND_ONCE, "it stays");
    CHECK_RESULT(mach_port_insert_right(SELF, TOO_HIGH, lone, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                 KERN_INVALID_VALUE, "a name beyond the limit is refused");
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE), "the right that came is released");
    CHECK_RESULT(mach_port_insert_right(SELF, dead, lone, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_NAME_EXISTS,
                 "so is a name in use");
    CHECK(test_receive_id(lone, MACH_NOTIFY_SEND_ONCE), "the right is released, too");
    REQUIRE_OK(mach_port_request_notification(SELF, lone, MACH_NOTIFY_NO_SENDERS, 1, other,
                                              MACH_MSG_TYPE_MAKE_SEND_ONCE, &take));
    CHECK_RESULT(mach_port_insert_right(SELF, FREE, lone, make), KERN_RIGHT_EXISTS,
                 "a receive right has a name");
    CHECK(test_receive_id(other, MACH_NOTIFY_NO_SENDERS), "the send right that came is released");
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name));
    CHECK_RESULT(mach_port_insert_right(SELF, dead, name, MACH_MSG_TYPE_MOVE_RECEIVE), KERN_NAME_EXISTS,
                 "a receive right can be lost so");
    CHECK_EQUAL(test_type(name), MACH_PORT_TYPE_NONE, "it went with the request");
    test_port_destroy(doomed);
}

static void test_extract(void)
{
    CHECK_REFUSED(mach_port_extract_right(thread, port, MACH_MSG_TYPE_MAKE_SEND, &take, &take_type),
                  KERN_INVALID_TASK, "no task");
    CHECK_REFUSED(mach_port_extract_right(SELF, port, 99, &take, &take_type), KERN_INVALID_VALUE,
                  "an unknown way");
    CHECK_REFUSED(mach_port_extract_right(SELF, NOBODY, MACH_MSG_TYPE_MAKE_SEND, &take, &take_type),
                  KERN_INVALID_NAME, "no such name");
    CHECK_REFUSED(mach_port_extract_right(SELF, MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND, &take, &take_type),
                  KERN_INVALID_NAME, "the null name");
    CHECK_REFUSED(mach_port_extract_right(SELF, SELF, MACH_MSG_TYPE_MAKE_SEND, &take, &take_type),
                  KERN_INVALID_RIGHT, "no receive right");
    CHECK_REFUSED(mach_port_extract_right(SELF, lone, MACH_MSG_TYPE_COPY_SEND, &take, &take_type),
                  KERN_INVALID_RIGHT, "no send right");
    CHECK_REFUSED(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MOVE_SEND_ONCE, &take, &take_type),
                  KERN_INVALID_RIGHT, "no send-once right");
}

int main(void)
{
    test_begin("refused_ports");
    begin();
    test_names();
    test_references();
    test_attributes();
    test_construct();
    test_unguarded();
    test_guarded(FALSE);
    test_guarded(TRUE);
    test_peek();
    test_information();
    test_sets();
    test_requests();
    test_requests_release();
    test_insert();
    test_extract();
    return test_end();
}
