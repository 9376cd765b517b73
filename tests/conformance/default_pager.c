/* SPDX-License-Identifier: BSD-2-Clause */
/* The default pager: host_default_memory_manager, memory_object_default.defs. Here the test is one, and a bad one. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/program.h>
#include <mach/host_priv.h>
#include <mach/memory_object_default_server.h>
#include <mach/portolan.h>
#include <mach/program.h>
#include <mach/task_info.h>

#define SELF mach_task_self()
#define STORE_SIZE ((mach_vm_size_t)16 << 20)
#define CHILD_LIMIT ((mach_vm_size_t)2 << 20)
#define CHILD_SIZE ((mach_vm_size_t)6 << 20)
#define TRIES 100u

static mach_port_t host_priv;

/* What memory_object_create said. */
static struct {
    mach_port_t object;
    memory_object_control_t control;
    memory_object_name_t name;
    memory_object_offset_t size;
} store;

kern_return_t memory_object_create(memory_object_t default_pager, mach_port_t object,
                                   memory_object_offset_t size, memory_object_control_t control,
                                   memory_object_name_t name, vm_size_t page_size)
{
    (void)default_pager;
    store.object = object;
    store.control = control;
    store.name = name;
    store.size = page_size == PAGE_SIZE ? size : 0;
    return KERN_SUCCESS;
}

kern_return_t memory_object_data_terminate(memory_object_t object, memory_object_control_t control,
                                           memory_object_offset_t offset, vm_size_t length)
{
    (void)object, (void)offset, (void)length;
    return mach_port_deallocate(SELF, control);
}

static kern_return_t set_manager(mach_port_t port, mach_vm_size_t size)
{
    mach_port_t manager = port;
    const kern_return_t kr = host_default_memory_manager(host_priv, &manager, size);

    if (kr == KERN_SUCCESS && manager != MACH_PORT_NULL)
        REQUIRE_OK(mach_port_deallocate(SELF, manager));
    return kr;
}

/* The same, when one that died has gone. */
static kern_return_t set_manager_later(mach_port_t port, mach_vm_size_t size)
{
    kern_return_t kr = set_manager(port, size);

    for (unsigned i = 0; i < TRIES && kr == KERN_FAILURE; i++) {
        test_sleep(20);
        kr = set_manager(port, size);
    }
    return kr;
}

static mach_port_t new_manager(void)
{
    const mach_port_t port = test_port();

    REQUIRE_OK(mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND));
    return port;
}

static void test_refused(void)
{
    const mach_port_t port = new_manager();
    mach_port_t manager = port;

    CHECK_RESULT(host_default_memory_manager(test_host(), &manager, STORE_SIZE), KERN_INVALID_HOST,
                 "not everybody makes himself the default pager");
    CHECK_RESULT(host_set_task_privileged(test_host(), SELF, TRUE), KERN_INVALID_HOST, "nor privileged");
    CHECK_RESULT(host_set_task_privileged(host_priv, test_host(), TRUE), KERN_INVALID_ARGUMENT,
                 "what is privileged is a task");
    CHECK_RESULT(host_default_memory_manager(host_priv, &manager, PAGE_SIZE - 1), KERN_INVALID_ARGUMENT,
                 "its store has room for a page");
    CHECK_RESULT(host_default_memory_manager(host_priv, &manager, UINT64_MAX), KERN_INVALID_ARGUMENT,
                 "and for less than everything");
    manager = test_host();
    CHECK_RESULT(host_default_memory_manager(host_priv, &manager, STORE_SIZE), KERN_INVALID_ARGUMENT,
                 "a port of the kernel's is no default pager");
    manager = MACH_PORT_NULL;
    CHECK_RESULT(host_default_memory_manager(host_priv, &manager, 0), KERN_SUCCESS, "without a port it asks");
    CHECK_EQUAL(manager, MACH_PORT_NULL, "and there is none");
    test_port_destroy(port);
}

/* Become the default pager, with that port. */
static void begin(mach_port_t port)
{
    union {
        mach_msg_header_t header;
        uint8_t room[512];
    } request;
    mig_reply_error_t reply;

    REQUIRE_OK(set_manager_later(port, STORE_SIZE));
    REQUIRE(test_receive(port, &request, sizeof(request), TEST_SOON_MS) == MACH_MSG_SUCCESS);
    REQUIRE(memory_object_default_server(&request.header, &reply.Head));
    REQUIRE_OK(memory_object_ready(store.control, FALSE, MEMORY_OBJECT_COPY_DELAY));
}

static void end(mach_port_t port)
{
    test_port_destroy(store.object);
    test_port_destroy(store.control);
    test_port_destroy(store.name);
    test_port_destroy(port);
}

static void test_made(void)
{
    const mach_port_t port = new_manager();
    mach_port_t manager = MACH_PORT_NULL;

    begin(port);
    CHECK(store.size == STORE_SIZE && test_type(store.object) == MACH_PORT_TYPE_RECEIVE,
          "the default pager gets an object");
    CHECK_RESULT(host_default_memory_manager(host_priv, &manager, 0), KERN_SUCCESS, "who asks then");
    CHECK_EQUAL(manager, port, "is told of it");
    REQUIRE_OK(mach_port_deallocate(SELF, manager));
    manager = port;
    CHECK_RESULT(host_default_memory_manager(host_priv, &manager, STORE_SIZE), KERN_FAILURE,
                 "there is one at a time");
    end(port);
}

/* Uses more than it may have, and looks at all of it again. */
static void child_main(void)
{
    REQUIRE_OK(task_set_limit(SELF, LIMIT_MEMORY, CHILD_LIMIT));
    volatile uint32_t *memory = (volatile uint32_t *)test_allocate(CHILD_SIZE);
    const size_t words = PAGE_SIZE / sizeof(*memory);

    for (size_t i = 0; i < CHILD_SIZE / PAGE_SIZE; i++)
        memory[i * words] = 1;
    for (size_t i = 0; i < CHILD_SIZE / PAGE_SIZE; i++)
        REQUIRE(memory[i * words] > 0);
    for (;;)
        test_sleep(1000);
}

/* Take what the kernel says until it asks for a page. Returns the pages that it gave back. */
static unsigned until_request(struct pager_message *m)
{
    unsigned returned = 0;

    for (;;) {
        *m = pager_receive(store.object, TEST_SOON_MS);
        if (m->id != PAGER_DATA_RETURN)
            return returned;
        returned += (unsigned)(m->length / PAGE_SIZE);
        REQUIRE_OK(mach_port_deallocate(SELF, m->control));
    }
}

static void test_death(void)
{
    const mach_port_t port = new_manager();
    struct pager_message m;

    begin(port);
    const task_t child = test_child(child_main, NULL, 0);
    const unsigned returned = until_request(&m);
    CHECK(returned > 0, "a task at its limit has its own pages taken out");
    CHECK_EQUAL(m.id, PAGER_DATA_REQUEST, "they are asked for when it needs them");
    REQUIRE_OK(mach_port_deallocate(SELF, m.control));
    end(port);
    CHECK(test_child_wait(child), "who needs a page of a default pager that died gets an exception");
    const mach_port_t next = new_manager();
    begin(next);
    CHECK(true, "then there can be another");
    end(next);
}

int main(int argc, char *argv[])
{
    (void)argc, (void)argv;
    test_begin("default_pager");
    REQUIRE_OK(program_host_priv(bootstrap_port, &host_priv));
    test_refused();
    test_made();
    test_death();
    return test_end();
}
