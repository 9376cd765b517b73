/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and rights of a space: mach_port.defs. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>
#include <mach/notify.h>

#define SELF mach_task_self()
#define UREFS_MAX 65535
#define INDICES 127u                             /* that are looked at */
#define FREE_NAME ((mach_port_t)(90u << 8 | 7u)) /* a name that this program gives out itself */
#define FREE_NAME2 ((mach_port_t)(91u << 8 | 7u))

static void test_receive_right(void)
{
    mach_port_t p = test_port();

    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_RECEIVE, "a new port is a receive right");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_RECEIVE), 1, "a receive right has one reference");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 0, "a receive right alone has no send references");
    CHECK_RESULT(mach_port_deallocate(SELF, p), KERN_INVALID_RIGHT, "deallocate refuses a receive right");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_RIGHT,
                 "no send right can be made by mod_refs");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, 0), KERN_SUCCESS,
                 "a delta of 0 changes nothing");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS,
                 "mod_refs -1 destroys a receive right");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_NONE, "the name of a destroyed receive right is free");
}

static void test_send_references(void)
{
    mach_port_t p = test_port_send();

    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND_RECEIVE, "send and receive right share one name");
    REQUIRE_OK(mach_port_insert_right(SELF, p, p, MACH_MSG_TYPE_MAKE_SEND));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 2, "MAKE_SEND adds a reference");
    REQUIRE_OK(mach_port_insert_right(SELF, p, p, MACH_MSG_TYPE_COPY_SEND));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 3, "COPY_SEND adds a reference");
    REQUIRE_OK(mach_port_insert_right(SELF, p, p, MACH_MSG_TYPE_MOVE_SEND));
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 3, "MOVE_SEND to oneself changes nothing");
    CHECK_EQUAL(test_status(p).mps_mscount, 2, "the make-send count tells MAKE_SENDs only");
    CHECK_RESULT(mach_port_deallocate(SELF, p), KERN_SUCCESS, "deallocate takes a send reference");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 2, "one less is left");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -3), KERN_INVALID_VALUE,
                 "more references than there are can't be taken");
    /* limit: user references of a right */
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, UREFS_MAX), KERN_UREFS_OVERFLOW,
                 "references don't overflow");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 2, "a refused change changes nothing");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -2), KERN_SUCCESS,
                 "all send references can go");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_RECEIVE, "the receive right stays");
    CHECK(!test_status(p).mps_srights, "the port knows that there are no send rights");
    test_port_destroy(p);
}

static void test_send_once(void)
{
    mach_port_t p = test_port();
    mach_port_t so;
    mach_msg_type_name_t type;

    REQUIRE_OK(mach_port_extract_right(SELF, p, MACH_MSG_TYPE_MAKE_SEND_ONCE, &so, &type));
    CHECK(so != p, "a send-once right has a name of its own");
    CHECK_EQUAL(type, MACH_MSG_TYPE_PORT_SEND_ONCE, "extract_right tells what it extracted");
    CHECK_EQUAL(test_type(so), MACH_PORT_TYPE_SEND_ONCE, "it is a send-once right");
    CHECK_EQUAL(test_refs(so, MACH_PORT_RIGHT_SEND_ONCE), 1, "it has one reference");
    CHECK_EQUAL(test_status(p).mps_sorights, 1, "the port counts it");
    CHECK_RESULT(test_send(so, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_SEND_INVALID_DEST, "it can't be copied");
    CHECK_RESULT(test_send(so, MACH_MSG_TYPE_MOVE_SEND_ONCE, 77, 0), MACH_MSG_SUCCESS,
                 "it can send one message");
    CHECK_EQUAL(test_type(so), MACH_PORT_TYPE_NONE, "then it is gone");
    CHECK_RESULT(test_send(so, MACH_MSG_TYPE_MOVE_SEND_ONCE, 77, 0), MACH_SEND_INVALID_DEST,
                 "it can't send another");
    CHECK(test_receive_id(p, 77), "the message arrives");
    CHECK_EQUAL(test_status(p).mps_sorights, 0, "the port counts no send-once right any more");
    REQUIRE_OK(mach_port_extract_right(SELF, p, MACH_MSG_TYPE_MAKE_SEND_ONCE, &so, &type));
    CHECK_RESULT(mach_port_deallocate(SELF, so), KERN_SUCCESS, "deallocate releases a send-once right");
    CHECK(test_receive_id(p, MACH_NOTIFY_SEND_ONCE), "which sends a send-once notification");
    test_port_destroy(p);
}

static void test_dead_name(void)
{
    mach_port_t p = test_port_send();

    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, 2));
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1));
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_DEAD_NAME, "the send right to a dead port is a dead name");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_DEAD_NAME), 3, "a dead name keeps the references");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_SEND), 0, "a dead name has no send references");
    CHECK_RESULT(test_send(p, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_SEND_INVALID_DEST, "it can't be sent to");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_DEAD_NAME, 1), KERN_SUCCESS,
                 "it can get references");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1), KERN_INVALID_RIGHT,
                 "but not send references");
    CHECK_RESULT(mach_port_deallocate(SELF, p), KERN_SUCCESS, "deallocate takes a dead-name reference");
    CHECK_EQUAL(test_refs(p, MACH_PORT_RIGHT_DEAD_NAME), 3, "one less is left");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_DEAD_NAME, -3), KERN_SUCCESS, "all can go");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_NONE, "then the name is free");
    REQUIRE_OK(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &p));
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_DEAD_NAME, "a dead name can be allocated");
    CHECK_RESULT(mach_port_destroy(SELF, p), KERN_SUCCESS, "and destroyed");
}

static void test_stale_names(void)
{
    mach_port_t old = test_port();

    test_port_destroy(old);
    mach_port_t new = test_port();
    CHECK(new != old, "a name is not used again at once");
    CHECK_RESULT(mach_port_deallocate(SELF, old), KERN_INVALID_NAME, "a stale name is invalid");
    CHECK_RESULT(mach_port_destroy(SELF, old), KERN_INVALID_NAME, "a stale name can't be destroyed");
    CHECK_RESULT(mach_port_mod_refs(SELF, old, MACH_PORT_RIGHT_RECEIVE, -1), KERN_INVALID_NAME,
                 "a stale name has no references");
    CHECK_RESULT(test_receive_nothing(old), MACH_RCV_INVALID_NAME, "a stale name can't be received from");
    CHECK_RESULT(mach_port_deallocate(SELF, MACH_PORT_NULL), KERN_INVALID_NAME, "the null name is no right");
    CHECK_RESULT(mach_port_deallocate(SELF, MACH_PORT_DEAD), KERN_INVALID_NAME, "the dead name is no right");
    test_port_destroy(new);
}

static void test_names(void)
{
    mach_port_t p = test_port_send();

    CHECK_RESULT(mach_port_rename(SELF, p, FREE_NAME), KERN_SUCCESS, "a right can be renamed");
    CHECK_EQUAL(test_type(FREE_NAME), MACH_PORT_TYPE_SEND_RECEIVE, "it is found under its new name");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_NONE, "and not under its old one");
    CHECK_RESULT(mach_port_rename(SELF, p, FREE_NAME2), KERN_INVALID_NAME, "a free name can't be renamed");
    mach_port_t q = test_port();
    CHECK_RESULT(mach_port_rename(SELF, q, FREE_NAME), KERN_NAME_EXISTS, "a name in use is refused");
    CHECK_RESULT(mach_port_rename(SELF, q, MACH_PORT_NULL), KERN_INVALID_VALUE, "the null name is refused");
    CHECK_RESULT(mach_port_rename(SELF, q, MACH_PORT_DEAD), KERN_INVALID_VALUE, "the dead name is refused");
    CHECK_RESULT(test_send(FREE_NAME, MACH_MSG_TYPE_COPY_SEND, 5, 1), MACH_MSG_SUCCESS,
                 "a renamed right sends");
    CHECK(test_receive_id(FREE_NAME, 5), "a renamed right receives");
    test_port_destroy(FREE_NAME);
    CHECK_RESULT(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, FREE_NAME2), KERN_SUCCESS,
                 "a right can be allocated under a given name");
    CHECK_RESULT(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, FREE_NAME2), KERN_NAME_EXISTS,
                 "but not twice");
    test_port_destroy(FREE_NAME2);
    test_port_destroy(q);
}

/* How many of the first indices have a right, or can be chosen for one. */
static unsigned indices_known(void)
{
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    mach_msg_type_number_t count, types_count;
    unsigned chosen = 0, next = 0;

    REQUIRE_OK(mach_port_names(SELF, &names, &count, &types, &types_count));
    for (unsigned index = 1; index <= INDICES; index++) {
        if (next < count && MACH_PORT_INDEX(names[next]) == index) {
            next++;
            chosen++;
        } else if (mach_port_allocate_name(SELF, MACH_PORT_RIGHT_DEAD_NAME, index << 8 | 9) == KERN_SUCCESS) {
            test_port_destroy(index << 8 | 9);
            chosen++;
        }
    }
    test_memory_free(names, count * sizeof(*names));
    test_memory_free(types, types_count * sizeof(*types));
    return chosen;
}

static void wait_for_message(void *port)
{
    (void)test_receive_id((mach_port_t)(uintptr_t)port, 1);
}

/* What the kernel keeps for itself in the table is not in the way, but for what it keeps for another thread that waits. */
static void test_free_names(void)
{
    mach_port_t port = test_port_send();

    CHECK_EQUAL(indices_known(), INDICES, "every name that is free can be chosen");
    REQUIRE_OK(mach_thread_start(wait_for_message, (void *)(uintptr_t)port, NULL));
    for (unsigned ms = 0; ms < TEST_SOON_MS && indices_known() == INDICES; ms++)
        test_sleep(1);
    /* limit: a name of choice whose index a waiting thread of the task keeps */
    CHECK_EQUAL(indices_known(), INDICES - 1, "but for one that a waiting thread keeps for a reply right");
    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0));
    for (unsigned ms = 0; ms < TEST_SOON_MS && indices_known() != INDICES; ms++)
        test_sleep(1);
    CHECK_EQUAL(indices_known(), INDICES, "until it ends");
    test_port_destroy(port);
}

static void test_bad_arguments(void)
{
    mach_port_t p = test_port();
    mach_port_t name = MACH_PORT_NULL;
    mach_msg_type_name_t type;

    CHECK_RESULT(mach_port_allocate(SELF, MACH_PORT_RIGHT_SEND, &name), KERN_INVALID_VALUE,
                 "a send right can't be allocated");
    CHECK_RESULT(mach_port_allocate(SELF, MACH_PORT_RIGHT_NUMBER, &name), KERN_INVALID_VALUE,
                 "an unknown kind of right can't be allocated");
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_NUMBER, -1), KERN_INVALID_VALUE,
                 "an unknown kind of right has no references");
    CHECK_RESULT(mach_port_extract_right(SELF, p, MACH_MSG_TYPE_MOVE_SEND, &name, &type), KERN_INVALID_RIGHT,
                 "a right that isn't there can't be extracted");
    CHECK_RESULT(mach_port_extract_right(SELF, p, MACH_MSG_TYPE_LAST, &name, &type), KERN_INVALID_VALUE,
                 "an unknown disposition is refused");
    CHECK_RESULT(mach_port_allocate(MACH_PORT_NULL, MACH_PORT_RIGHT_RECEIVE, &name), MACH_SEND_INVALID_DEST,
                 "a null task is no destination");
    test_port_destroy(p);
}

static void test_other_task(void)
{
    task_t task;
    mach_port_t p = test_port();
    mach_port_t name;
    mach_msg_type_name_t type;

    REQUIRE_OK(task_create(SELF, FALSE, &task));
    CHECK_RESULT(mach_port_insert_right(task, FREE_NAME, p, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS,
                 "a right can be put into another task");
    CHECK_RESULT(mach_port_insert_right(task, FREE_NAME2, p, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS,
                 "a send right has only one name in a task");
    CHECK_RESULT(mach_port_insert_right(task, FREE_NAME, p, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_NAME_EXISTS,
                 "a name in use is refused for another right");
    CHECK_RESULT(mach_port_extract_right(task, FREE_NAME, MACH_MSG_TYPE_MOVE_SEND, &name, &type),
                 KERN_SUCCESS, "a right can be taken out of another task");
    CHECK_EQUAL(name, p, "it comes under the name that the port has here");
    CHECK_EQUAL(test_type(p), MACH_PORT_TYPE_SEND_RECEIVE, "now the send right is here");
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
    test_port_destroy(p);
}

static void test_attributes(void)
{
    mach_port_t p = test_port();
    mach_port_context_t context = 1;
    mach_port_limits_t limits = {.mpl_qlimit = MACH_PORT_QLIMIT_MAX + 1};

    CHECK_EQUAL(test_status(p).mps_seqno, 0, "a new port starts at sequence number 0");
    CHECK_EQUAL(test_status(p).mps_msgcount, 0, "its queue is empty");
    CHECK_RESULT(mach_port_set_seqno(SELF, p, 41), KERN_SUCCESS, "the sequence number can be set");
    CHECK_EQUAL(test_status(p).mps_seqno, 41, "and is reported");
    CHECK_RESULT(mach_port_set_mscount(SELF, p, 9), KERN_SUCCESS, "the make-send count can be set");
    CHECK_EQUAL(test_status(p).mps_mscount, 9, "and is reported");
    CHECK_RESULT(mach_port_get_context(SELF, p, &context), KERN_SUCCESS, "the label can be read");
    CHECK_EQUAL(context, 0, "a new port has none");
    REQUIRE_OK(mach_port_set_context(SELF, p, UINT64_C(0x123456789abcdef0)));
    REQUIRE_OK(mach_port_get_context(SELF, p, &context));
    CHECK_EQUAL(context, UINT64_C(0x123456789abcdef0), "a label has 64 bits");
    /* limit: asking for a longer queue */
    CHECK_RESULT(mach_port_set_attributes(SELF, p, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                          MACH_PORT_LIMITS_INFO_COUNT),
                 KERN_INVALID_VALUE, "a queue limit above the maximum is refused");
    limits.mpl_qlimit = 3;
    CHECK_RESULT(mach_port_set_attributes(SELF, p, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                          MACH_PORT_LIMITS_INFO_COUNT),
                 KERN_SUCCESS, "the queue limit can be set");
    CHECK_EQUAL(test_status(p).mps_qlimit, 3, "and is reported");
    CHECK_RESULT(mach_port_set_attributes(SELF, p, 99, (mach_port_info_t)&limits, 1), KERN_INVALID_ARGUMENT,
                 "an unknown flavor is refused");
    test_port_destroy(p);
}

static void test_list(void)
{
    mach_port_name_array_t names = NULL;
    mach_port_type_array_t types = NULL;
    mach_msg_type_number_t name_count = 0, type_count = 0;
    mach_port_t p = test_port_send();
    unsigned found = 0;

    CHECK_RESULT(mach_port_names(SELF, &names, &name_count, &types, &type_count), KERN_SUCCESS,
                 "the names of a space can be listed");
    CHECK_EQUAL(name_count, type_count, "each name has a type");
    for (unsigned i = 0; i < name_count; i++)
        found += names[i] == p && types[i] == MACH_PORT_TYPE_SEND_RECEIVE;
    CHECK_EQUAL(found, 1, "a right is listed once");
    test_memory_free(names, name_count * sizeof(*names));
    test_memory_free(types, type_count * sizeof(*types));
    test_port_destroy(p);
}

/* The list of a space that grows from empty to many pages of names. */
static void test_long_list(void)
{
    enum { NAMES = 3000 };
    mach_port_name_array_t names = NULL;
    mach_port_type_array_t types = NULL;
    mach_msg_type_number_t count = 1, type_count = 1;
    mach_port_t name;
    bool listed = true;
    task_t task;

    REQUIRE_OK(task_create(SELF, FALSE, &task));
    CHECK_RESULT(mach_port_names(task, &names, &count, &types, &type_count), KERN_SUCCESS,
                 "an empty space can be listed");
    CHECK(count == 0 && type_count == 0, "it has no names");
    for (unsigned i = 0; i < NAMES; i++)
        REQUIRE_OK(mach_port_allocate_name(task, MACH_PORT_RIGHT_DEAD_NAME, MACH_PORT_MAKE(i + 1, 3)));
    REQUIRE_OK(mach_port_allocate(task, MACH_PORT_RIGHT_RECEIVE, &name));
    CHECK_RESULT(mach_port_names(task, &names, &count, &types, &type_count), KERN_SUCCESS,
                 "a space of many names can be listed");
    CHECK(count == NAMES + 1 && type_count == count, "all are told");
    for (unsigned i = 0; i < NAMES; i++)
        listed &= names[i] == MACH_PORT_MAKE(i + 1, 3) && types[i] == MACH_PORT_TYPE_DEAD_NAME;
    CHECK(listed, "in the order of the table");
    CHECK(names[NAMES] == name && types[NAMES] == MACH_PORT_TYPE_RECEIVE, "each with its kind");
    test_memory_free(names, count * sizeof(*names));
    test_memory_free(types, type_count * sizeof(*types));
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
}

/* What mach_port_space_info() tells of one name; its kind 0: nothing. */
static ipc_info_name_t space_row(mach_port_t name)
{
    ipc_info_name_t found = {.iin_type = MACH_PORT_TYPE_NONE};
    ipc_info_space_t info;
    ipc_info_name_array_t table;
    ipc_info_tree_name_array_t tree;
    mach_msg_type_number_t count, tree_count;

    REQUIRE_OK(mach_port_space_info(SELF, &info, &table, &count, &tree, &tree_count));
    for (unsigned i = 0; i < count; i++) {
        if (table[i].iin_name == name)
            found = table[i];
    }
    test_memory_free(table, count * sizeof(*table));
    CHECK(info.iis_genno_mask == 0xff && info.iis_table_size >= count && info.iis_table_next > count,
          "a space has a table");
    CHECK_EQUAL(tree_count, 0, "and no tree");
    return found;
}

static void test_space_info(void)
{
    mach_port_t p = test_port_send();
    mach_port_t previous;
    unsigned total = 9, used = 9;

    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, 6));
    ipc_info_name_t row = space_row(p);
    CHECK(row.iin_type == MACH_PORT_TYPE_SEND_RECEIVE && row.iin_urefs == 7,
          "a name is told with its user references");
    CHECK(row.iin_object == 0, "but not where its port is");
    CHECK_RESULT(mach_port_dnrequest_info(SELF, p, &total, &used), KERN_SUCCESS,
                 "the requests on a port can be counted");
    CHECK(total == 0 && used == 0, "there are none");
    REQUIRE_OK(mach_port_request_notification(SELF, p, MACH_NOTIFY_DEAD_NAME, 0, p,
                                              MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous));
    REQUIRE_OK(mach_port_dnrequest_info(SELF, p, &total, &used));
    CHECK(total == 1 && used == 1, "then there is one");
    CHECK_EQUAL(space_row(p).iin_type, MACH_PORT_TYPE_SEND_RECEIVE | MACH_PORT_TYPE_DNREQUEST,
                "which the name tells, too");
    test_port_destroy(p);
    CHECK_EQUAL(space_row(p).iin_type, MACH_PORT_TYPE_NONE, "a name that is free is not told");
}

/* The kinds of kernel object. */
static void test_kernel_object(void)
{
    mach_port_t p = test_port();
    mach_port_t thread = mach_thread_self();
    mach_port_t host = mach_host_self();
    mach_vm_address_t address = 1;
    natural_t type = 9, thread_type = 9, host_type = 9;
    unsigned old_type = 9, old_address = 9;

    CHECK_RESULT(mach_port_kobject(SELF, p, &type, &address), KERN_SUCCESS, "any port can be asked about");
    CHECK(type == 0 && address == 0, "one of a task is no object of the kernel");
    REQUIRE_OK(mach_port_kobject(SELF, SELF, &type, &address));
    REQUIRE_OK(mach_port_kobject(SELF, thread, &thread_type, &address));
    REQUIRE_OK(mach_port_kobject(SELF, host, &host_type, &address));
    CHECK(type != 0 && thread_type != 0 && host_type != 0 && type != thread_type && type != host_type &&
              thread_type != host_type,
          "tasks, threads and hosts differ");
    CHECK_EQUAL(address, 0, "where they are is a secret");
    REQUIRE_OK(mach_port_kernel_object(SELF, SELF, &old_type, &old_address));
    CHECK(old_type == type && old_address == 0, "the old form tells the same");
    REQUIRE_OK(mach_port_deallocate(SELF, thread));
    REQUIRE_OK(mach_port_deallocate(SELF, host));
    test_port_destroy(p);
}

/* --- a port that is not the task's own kernel port gets the message --- */

#define ALLOCATE_ID 3204 /* of mach_port_allocate */

struct allocate_reply {
    mach_msg_header_t header;
    NDR_record_t ndr;
    kern_return_t result;
    mach_port_name_t name;
};

static void answer_allocate(void *stand_in)
{
    struct test_message request;
    struct allocate_reply reply = {.ndr = NDR_record, .result = KERN_SUCCESS, .name = FREE_NAME};

    if (test_receive((mach_port_t)(uintptr_t)stand_in, &request, sizeof(request), TEST_SOON_MS) !=
            MACH_MSG_SUCCESS ||
        request.header.msgh_id != ALLOCATE_ID)
        return;
    reply.header = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
        .msgh_size = sizeof(reply),
        .msgh_remote_port = request.header.msgh_remote_port,
        .msgh_id = ALLOCATE_ID + 100,
    };
    (void)mach_msg(&reply.header, MACH_SEND_MSG, sizeof(reply), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static void test_stand_in(void)
{
    mach_port_t stand_in = test_port_send();
    mach_port_name_t name = MACH_PORT_NULL;

    CHECK_RESULT(mach_port_destroy_trap(stand_in, stand_in), MACH_SEND_INVALID_DEST,
                 "a trap declines a port that is not the task's kernel port");
    CHECK_RESULT(mach_port_destroy_trap(MACH_PORT_NULL, stand_in), MACH_SEND_INVALID_DEST, "and no port");
    CHECK_EQUAL(test_type(stand_in), MACH_PORT_TYPE_SEND_RECEIVE, "and changes nothing");
    CHECK_RESULT((kern_return_t)mach_port_allocate_trap(stand_in, MACH_PORT_RIGHT_RECEIVE),
                 MACH_SEND_INVALID_DEST, "so does that which makes ports");
    CHECK_RESULT(mach_port_insert_right_trap(SELF, FREE_NAME, FREE_NAME2, MACH_MSG_TYPE_COPY_SEND),
                 MACH_SEND_INVALID_DEST, "one that inserts a right declines a right that is not there");
    CHECK_RESULT(mach_port_insert_right(SELF, FREE_NAME, FREE_NAME2, MACH_MSG_TYPE_COPY_SEND),
                 MACH_SEND_INVALID_RIGHT, "then the message is refused");
    REQUIRE_OK(mach_thread_start(answer_allocate, (void *)(uintptr_t)stand_in, NULL));
    CHECK_RESULT(mach_port_allocate(stand_in, MACH_PORT_RIGHT_RECEIVE, &name), KERN_SUCCESS,
                 "a call about a port of a task goes to who receives from it");
    CHECK_EQUAL(name, FREE_NAME, "and the answer is theirs");
    test_port_destroy(stand_in);
}

int main(void)
{
    test_begin("port");
    test_receive_right();
    test_send_references();
    test_send_once();
    test_dead_name();
    test_stale_names();
    test_names();
    test_free_names();
    test_bad_arguments();
    test_other_task();
    test_attributes();
    test_list();
    test_long_list();
    test_space_info();
    test_kernel_object();
    test_stand_in();
    return test_end();
}
