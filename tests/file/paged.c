/* SPDX-License-Identifier: BSD-2-Clause */
/* Files as memory (servers/file_pager): what is read of them, a program that runs from its file, what can't be done to one. */
#include "../../servers/bootstrap/loader.h"
#include "../conformance/lib/pager.h"
#include "../conformance/lib/ports.h"
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <libmach/thread.h>
#include <mach/file.h>
#include <mach/program_server.h>
#include <string.h>

#define SELF mach_task_self()
#define PATIENCE_MS 10000u
#define NAME "file/child"
#define TABLE_PAGES 64u /* of the program's, of which it reads 2 */
#define READ_MAX 12u /* pages: the header, code, data, two of the table, and room for what a compiler does */
#define REQUEST_MAX 256u

static mach_port_t server;
static struct archive_file file = {.name = NAME};

static natural_t pages_read(void)
{
    natural_t pages = 0;

    REQUIRE_OK(file_pages_read(server, NAME, &pages));
    return pages;
}

/* --- who starts the program --- */

static int status = -1;

kern_return_t do_program_exit(mach_port_t bootstrap, int value)
{
    (void)bootstrap;
    status = value;
    return KERN_SUCCESS;
}

kern_return_t do_program_device_master(mach_port_t bootstrap, mach_port_t *device_master)
{
    (void)bootstrap, (void)device_master;
    return KERN_NO_ACCESS;
}

kern_return_t do_program_host_priv(mach_port_t bootstrap, mach_port_t *host_priv)
{
    (void)bootstrap, (void)host_priv;
    return KERN_NO_ACCESS;
}

kern_return_t do_program_archive(mach_port_t bootstrap, mach_port_t *archive, mach_vm_size_t *size)
{
    (void)bootstrap, (void)archive, (void)size;
    return KERN_NO_ACCESS;
}

/* Run the program from its file. Returns its status. */
static int run(void)
{
    const char *const argv[] = {NAME};
    const mach_port_t port = test_port_send();
    vm_address_t entry, stack, startup;
    thread_state_data_t state;
    natural_t count;
    thread_act_t thread;
    task_t task;

    status = -1;
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    REQUIRE_OK(task_set_bootstrap_port(task, port));
    REQUIRE_OK(loader_load(task, &file, 1, argv, &entry, &stack, &startup));
    mach_thread_state_init(state, &count, entry, stack, startup);
    REQUIRE_OK(thread_create_running(task, THREAD_STATE_FLAVOR_GENERAL, state, count, &thread));
    REQUIRE_OK(mach_msg_server_once(program_server, REQUEST_MAX, port, MACH_MSG_OPTION_NONE));
    REQUIRE(test_child_wait(task));
    test_port_destroy(port);
    REQUIRE_OK(mach_port_deallocate(SELF, thread));
    return status;
}

/* --- the tests --- */

static void test_open(void)
{
    mach_vm_address_t at = 0;
    mach_vm_size_t size = 0;
    mach_port_t object;

    CHECK_RESULT(file_open(server, "file/none", &object, &size), KERN_NOT_FOUND,
                 "a file that is not there can't be opened");
    REQUIRE_OK(file_open(server, NAME, &object, &size));
    CHECK(size > TABLE_PAGES * PAGE_SIZE, "a file has a size");
    REQUIRE_OK(mach_vm_map(SELF, &at, round_page(size), 0, VM_FLAGS_ANYWHERE, object, 0, FALSE, VM_PROT_READ,
                           VM_PROT_READ, VM_INHERIT_NONE));
    file.data = (const uint8_t *)at;
    file.size = size;
    file.object = object;
    CHECK_EQUAL(pages_read(), 0, "nothing of it is read when it is mapped");
    CHECK(memcmp(file.data, "\177ELF", 4) == 0, "it is a program");
    CHECK_EQUAL(pages_read(), 1, "of which one page was read for that");
}

static void test_run(void)
{
    CHECK_EQUAL(run(), 0, "it runs from its file");
    const natural_t once = pages_read();
    CHECK(once > 3 && once <= READ_MAX, "only what it touched was read");
    CHECK_EQUAL(run(), 0, "what it changed was its own: it runs once more");
    CHECK_EQUAL(pages_read(), once, "and reads nothing then");
}

static void test_write(void)
{
    struct pager_access access;
    mach_vm_address_t at = pager_map(SELF, file.object, 0, 1, FALSE);
    mach_vm_address_t copy = pager_map(SELF, file.object, 0, 1, TRUE);

    pager_access_start(&access, at, true, 0);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_MEMORY_ERROR, "a file can't be written");
    *(volatile uint32_t *)copy = 0;
    CHECK(memcmp(file.data, "\177ELF", 4) == 0, "but a copy of it can");
    test_deallocate(at, PAGE_SIZE);
    test_deallocate(copy, PAGE_SIZE);
}

int main(void)
{
    test_begin("file/paged");
    REQUIRE_OK(service_find(FILE_SERVICE, PATIENCE_MS, &server));
    test_open();
    test_run();
    test_write();
    return test_end();
}
