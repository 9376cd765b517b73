/* SPDX-License-Identifier: BSD-2-Clause */
/* Abuse: names, rights and queues. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/rpc.h>
#include <libmach/thread.h>
#include <stdlib.h>

#define SELF mach_task_self()
#define MANY 100000u
#define FORGERIES 5000u
#define CHAIN 2000u
#define SENDERS 16

static void tell(int id)
{
    (void)test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, id, 0);
}

static void child_many_ports(void)
{
    static mach_port_t port[MANY];
    bool ok = true;

    for (unsigned i = 0; i < MANY; i++)
        ok &= mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &port[i]) == KERN_SUCCESS;
    for (unsigned i = 0; i < MANY; i += 3)
        ok &= mach_port_destroy(SELF, port[i]) == KERN_SUCCESS;
    for (unsigned i = 1; i < MANY; i += 1001)
        ok &= i % 3 == 0 || test_type(port[i]) == MACH_PORT_TYPE_RECEIVE;
    tell(ok ? 1 : 2);
}

/* A name that is nothing, or not what the call wants. Never one of ours. */
static mach_port_name_t forged_name(void)
{
    mach_port_name_t name = (mach_port_name_t)rand() ^ (mach_port_name_t)rand() << 16;

    return name >> 8 < 200 ? name | 0x40000000u : name;
}

static void child_forges(void)
{
    struct mach_rpc rpc;
    mach_port_t out;
    mach_msg_type_name_t type;

    for (unsigned i = 0; i < FORGERIES; i++) {
        mach_port_name_t name = forged_name();
        switch (rand() % 9) {
        case 0:
            (void)mach_port_deallocate(SELF, name);
            break;
        case 1:
            (void)mach_port_destroy(SELF, name);
            break;
        case 2:
            (void)mach_port_mod_refs(SELF, name, (mach_port_right_t)rand() % 8, rand() - rand());
            break;
        case 3:
            (void)mach_port_insert_right(SELF, name, forged_name(), (mach_msg_type_name_t)rand() % 32);
            break;
        case 4:
            (void)mach_port_extract_right(SELF, name, (mach_msg_type_name_t)rand() % 32, &out, &type);
            break;
        case 5:
            (void)test_send(name, (mach_msg_type_name_t)rand() % 32, rand(), (unsigned)rand() % TEST_WORDS);
            break;
        case 6:
            (void)test_receive(name, &(struct test_message){0}, sizeof(struct test_message), 0);
            break;
        case 7:
            rpc = (struct mach_rpc){.remote = name, .local = forged_name(), .header = (uint64_t)rand()};
            (void)mach_rpc_call(&rpc);
            break;
        default:
            rpc = (struct mach_rpc){.remote = name, .local = forged_name(), .header = (uint64_t)rand()};
            (void)mach_rpc_reply_wait(&rpc);
        }
    }
    tell(1);
}

/* Port 1 in a message to port 2 in a message to port 3 ... and all go at once. */
static void child_chain(void)
{
    mach_port_t inner = test_port_send();
    bool ok = true;

    for (unsigned i = 0; i < CHAIN; i++) {
        mach_port_t outer = test_port_send();
        ok &= test_send_right(outer, 1, inner, MACH_MSG_TYPE_MOVE_RECEIVE) == MACH_MSG_SUCCESS;
        REQUIRE_OK(mach_port_deallocate(SELF, inner));
        inner = outer;
    }
    ok &= mach_port_destroy(SELF, inner) == KERN_SUCCESS;

    /* a port that only messages to itself hold, directly and through another one */
    mach_port_t a = test_port_send(), b = test_port_send();
    (void)test_send_right(a, 1, a, MACH_MSG_TYPE_MOVE_RECEIVE);
    a = test_port_send();
    (void)test_send_right(a, 1, b, MACH_MSG_TYPE_MOVE_RECEIVE);
    (void)test_send_right(b, 1, a, MACH_MSG_TYPE_MOVE_RECEIVE);
    tell(ok ? 1 : 2);
}

static mach_port_t full;

static void send_for_ever(void *unused)
{
    struct test_message m = {
        .header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), sizeof(m.header), full, 0, 0, 1}};

    (void)unused;
    while (mach_msg(&m.header, MACH_SEND_MSG, sizeof(m.header), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) ==
           MACH_MSG_SUCCESS)
        m.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
}

/* Senders that wait for room at a port whose owner dies. */
static void child_owner_dies(void)
{
    full = test_port_send();
    for (int i = 0; i < SENDERS; i++)
        REQUIRE_OK(mach_thread_start(send_for_ever, NULL, NULL));
    test_sleep(20);
    REQUIRE_OK(mach_port_mod_refs(SELF, full, MACH_PORT_RIGHT_RECEIVE, -1));
    for (unsigned ms = 0; ms < TEST_SOON_MS && mach_thread_reap() > 0; ms++)
        test_sleep(1);
    tell(mach_thread_reap() == 0 ? 1 : 2);
}

static void child_owner_task_dies(void)
{
    full = test_port_send();
    for (int i = 0; i < SENDERS; i++)
        REQUIRE_OK(mach_thread_start(send_for_ever, NULL, NULL));
    test_sleep(20);
    tell(1); /* and dies with all of them waiting */
}

static void child_queues_of_rights(void)
{
    mach_port_t p = test_port_send();
    mach_port_limits_t limits = {.mpl_qlimit = MACH_PORT_QLIMIT_MAX};
    bool ok = true;

    REQUIRE_OK(mach_port_set_attributes(SELF, p, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                        MACH_PORT_LIMITS_INFO_COUNT));
    for (unsigned i = 0; i < MACH_PORT_QLIMIT_MAX; i++) {
        mach_port_t q = test_port();
        ok &= test_send_right(p, 1, q, i % 2 ? MACH_MSG_TYPE_MAKE_SEND : MACH_MSG_TYPE_MAKE_SEND_ONCE) ==
              MACH_MSG_SUCCESS;
        ok &= i % 3 != 0 || mach_port_destroy(SELF, q) == KERN_SUCCESS;
    }
    tell(ok ? 1 : 2);
}

static void check(void (*function)(void), const char *text)
{
    mach_port_t p = test_port_send();
    struct test_right right = {p, MACH_MSG_TYPE_MAKE_SEND};
    struct test_message m = {0};

    test_leak_begin();
    task_t task = test_child(function, &right, 1);
    REQUIRE_OK(test_receive(p, &m, sizeof(m), 6 * TEST_SOON_MS));
    CHECK_EQUAL(m.header.msgh_id, 1, text);
    REQUIRE(test_child_wait(task));
    CHECK_NO_LEAK("and leave nothing behind");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("abuse_ports");
    check(child_many_ports, "100,000 ports do no harm");
    check(child_forges, "forged names do no harm");
    check(child_chain, "ports in messages to ports in messages do no harm");
    check(child_owner_dies, "senders that wait at a port are freed when it dies");
    check(child_owner_task_dies, "senders that wait die with their task");
    check(child_queues_of_rights, "queues full of rights die with their port");
    return test_end();
}
