/* SPDX-License-Identifier: BSD-2-Clause */
/* The name service: bootstrap.defs. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/service.h>
#include <mach/bootstrap.h>
#include <string.h>

#define SELF mach_task_self()
#define PLAIN "test.plain"
#define DECLARED "test.declared"

static int status_of(const char *name)
{
    name_t text;
    int active = -1;

    strlcpy(text, name, sizeof(text));
    REQUIRE_OK(bootstrap_status(bootstrap_port, text, &active));
    return active;
}

static void test_register(void)
{
    mach_port_t service, found;
    name_t name = PLAIN;

    CHECK_RESULT(service_find(PLAIN, 0, &found), BOOTSTRAP_UNKNOWN_SERVICE,
                 "a service that nobody offers is unknown");
    CHECK_EQUAL(status_of(PLAIN), BOOTSTRAP_STATUS_INACTIVE, "and inactive");
    CHECK_RESULT(service_create(PLAIN, &service), KERN_SUCCESS, "a service can be offered");
    CHECK_EQUAL(status_of(PLAIN), BOOTSTRAP_STATUS_ACTIVE, "then it is active");
    CHECK_RESULT(service_create(PLAIN, &found), BOOTSTRAP_NAME_IN_USE, "its name is taken");
    CHECK_RESULT(service_find(PLAIN, 0, &found), KERN_SUCCESS, "it can be found");
    CHECK_EQUAL(found, service, "it is the port that was offered");
    CHECK_EQUAL(test_type(found), MACH_PORT_TYPE_SEND_RECEIVE, "as a send right");
    REQUIRE_OK(mach_port_deallocate(SELF, found));
    CHECK_RESULT(bootstrap_register(bootstrap_port, name, MACH_PORT_NULL), KERN_SUCCESS,
                 "the offer can be taken back");
    CHECK_EQUAL(status_of(PLAIN), BOOTSTRAP_STATUS_INACTIVE, "then it is inactive");
    test_port_destroy(service);
    REQUIRE_OK(service_create(PLAIN, &service));
    test_port_destroy(service);
    for (unsigned ms = 0; ms < TEST_SOON_MS && status_of(PLAIN) != BOOTSTRAP_STATUS_INACTIVE; ms++)
        test_sleep(1);
    CHECK_EQUAL(status_of(PLAIN), BOOTSTRAP_STATUS_INACTIVE, "when its port dies, its name is free again");
}

/* A name is cut where there is no more room. */
static void test_long_name(void)
{
    char text[200] = {0};
    mach_port_t service, found;

    memset(text, 'x', sizeof(text) - 1);
    CHECK_RESULT(service_create(text, &service), KERN_SUCCESS, "a long name is cut");
    text[127] = '\0';
    /* limit: name of a service */
    CHECK_RESULT(service_find(text, 0, &found), KERN_SUCCESS, "to 127 bytes");
    text[126] = '\0';
    CHECK_RESULT(service_find(text, 0, &found), BOOTSTRAP_UNKNOWN_SERVICE, "and no less");
    test_port_destroy(service);
}

static void test_check_in(void)
{
    mach_port_t send, receive;
    name_t name = DECLARED;

    CHECK_RESULT(bootstrap_check_in(bootstrap_port, name, &receive), BOOTSTRAP_UNKNOWN_SERVICE,
                 "what was not declared can't be checked in");
    CHECK_RESULT(bootstrap_create_service(bootstrap_port, name, &send), KERN_SUCCESS,
                 "a service can be declared");
    CHECK_EQUAL(status_of(DECLARED), BOOTSTRAP_STATUS_ON_DEMAND, "then it waits for its server");
    CHECK_RESULT(test_send(send, MACH_MSG_TYPE_COPY_SEND, 31, 0), MACH_MSG_SUCCESS,
                 "clients can send already");
    CHECK_RESULT(bootstrap_check_in(bootstrap_port, name, &receive), KERN_SUCCESS, "its server checks in");
    CHECK_EQUAL(receive, send, "and has the receive right");
    CHECK_EQUAL(status_of(DECLARED), BOOTSTRAP_STATUS_ACTIVE, "it is active");
    CHECK(test_receive_id(receive, 31), "the early message arrives");
    CHECK_RESULT(bootstrap_check_in(bootstrap_port, name, &send), BOOTSTRAP_SERVICE_ACTIVE,
                 "it checks in once");
    test_port_destroy(receive);
}

static void test_list(void)
{
    name_t name;
    int active;
    mach_port_t service;
    bool found = false;

    REQUIRE_OK(service_create(PLAIN, &service));
    for (natural_t i = 0; bootstrap_list(bootstrap_port, i, name, &active) == KERN_SUCCESS; i++)
        found |= strcmp(name, PLAIN) == 0 && active == BOOTSTRAP_STATUS_ACTIVE;
    CHECK(found, "services can be listed");
    CHECK_RESULT(bootstrap_list(bootstrap_port, ~0u, name, &active), BOOTSTRAP_UNKNOWN_SERVICE,
                 "up to the last one");
    test_port_destroy(service);
}

static void child_offers(void)
{
    mach_port_t service;

    if (task_get_bootstrap_port(mach_task_self(), &bootstrap_port) == KERN_SUCCESS &&
        service_create("test.child", &service) == KERN_SUCCESS) {
        (void)test_receive_id(service, 1);
        test_sleep(1);
    }
}

static void test_child_service(void)
{
    mach_port_t service = MACH_PORT_NULL;
    task_t task = test_child(child_offers, NULL, 0);

    CHECK_RESULT(service_find("test.child", TEST_SOON_MS, &service), KERN_SUCCESS,
                 "a client can wait for a service");
    CHECK_RESULT(test_send(service, MACH_MSG_TYPE_COPY_SEND, 1, 0), MACH_MSG_SUCCESS, "and use it");
    CHECK(test_child_wait(task), "when the server ends");
    for (unsigned ms = 0; ms < TEST_SOON_MS && status_of("test.child") != BOOTSTRAP_STATUS_INACTIVE; ms++)
        test_sleep(1);
    CHECK_EQUAL(status_of("test.child"), BOOTSTRAP_STATUS_INACTIVE, "its name is free again");
    REQUIRE_OK(mach_port_destroy(SELF, service));
}

int main(void)
{
    test_begin("service");
    test_register();
    test_long_name();
    test_check_in();
    test_list();
    test_child_service();
    return test_end();
}
