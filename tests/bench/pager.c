/* SPDX-License-Identifier: BSD-2-Clause */
/* A fault on memory of a pager in a task of its own, which supplies the page from a buffer that it keeps: the kernel copies it. */
#include "client.h"

#include <mach/memory_object_control.h>
#include <mach/memory_object_server.h>

#define SELF mach_task_self()
#define PAGES 512u
#define SETTLE_MS 20u
#define ID_INIT 2200
#define ID_DATA_REQUEST 2203
#define ID_DATA_SUPPLY 2001

union pager_message {
    mach_msg_header_t header;
    __Request__memory_object_init_t init;
    __Request__memory_object_terminate_t terminate;
    __Request__memory_object_data_request_t request;
    __Request__memory_object_data_supply_t supply;
    uint8_t room[256]; /* with a trailer */
};

/* The answer to a request, in the place of it. */
static void supply(union pager_message *m, const void *contents)
{
    const mach_port_t control = m->request.memory_control.name;
    const memory_object_offset_t offset = m->request.offset;

    m->supply = (__Request__memory_object_data_supply_t){
        .Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                 .msgh_size = sizeof(m->supply),
                 .msgh_remote_port = control,
                 .msgh_id = ID_DATA_SUPPLY},
        .msgh_body = {2},
        .data = {.address = (void *)(uintptr_t)contents,
                 .size = PAGE_SIZE,
                 .copy = MACH_MSG_VIRTUAL_COPY,
                 .type = MACH_MSG_OOL_DESCRIPTOR},
        .reply_to = {.disposition = MACH_MSG_TYPE_MAKE_SEND_ONCE, .type = MACH_MSG_PORT_DESCRIPTOR},
        .NDR = NDR_record,
        .offset = offset,
        .dataCnt = PAGE_SIZE,
    };
}

/* It sends an answer and waits for what comes next in one call, as servers do. */
static void child_provides_pages(void)
{
    static uint8_t contents[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
    const mach_port_t port = TEST_CHILD_PORT(0);
    mach_msg_option_t send = 0;
    union pager_message m;

    contents[0] = 1;
    while (mach_msg(&m.header, MACH_RCV_MSG | send, sizeof(m.supply), sizeof(m), port, 0, MACH_PORT_NULL) ==
           MACH_MSG_SUCCESS) {
        send = m.header.msgh_id == ID_DATA_REQUEST ? MACH_SEND_MSG : 0;
        if (send != 0)
            supply(&m, contents);
        else if (m.header.msgh_id == ID_INIT)
            (void)memory_object_ready(m.init.memory_control.name, FALSE, MEMORY_OBJECT_COPY_DELAY);
        else
            mach_msg_destroy(&m.header);
    }
}

static uint64_t fault_external_pager(unsigned loops)
{
    const mach_vm_size_t size = (loops + 1) * PAGE_SIZE;
    mach_vm_address_t base = 0, at;

    REQUIRE_OK(mach_vm_map(SELF, &base, size, 0, VM_FLAGS_ANYWHERE, bench_service, 0, FALSE, VM_PROT_READ,
                           VM_PROT_READ, VM_INHERIT_NONE));
    REQUIRE(*(volatile uint8_t *)base == 1); /* the pager is ready, the page tables are there */
    at = base;
    uint64_t ticks = BENCH_LOOP(loops, (void)*(volatile uint8_t *)(at += PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, base, size));
    test_sleep(SETTLE_MS); /* the object ends, or the next loop would find its pages */
    return ticks;
}

/* --- what it costs beside the copying --- */

/* Aligned, as a page is: the copy is as fast. */
static struct {
    mach_msg_header_t header;
    uint8_t data[4 * PAGE_SIZE];
    mach_msg_max_trailer_t trailer;
} letter __attribute__((aligned(64)));

/* A message to oneself. */
static void pass_once(mach_port_t port, mach_msg_size_t size)
{
    letter.header = (mach_msg_header_t){.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0),
                                        .msgh_remote_port = port};
    REQUIRE_OK(mach_msg(&letter.header, MACH_SEND_MSG | MACH_RCV_MSG,
                        (mach_msg_size_t)sizeof(letter.header) + size, sizeof(letter), port, 0,
                        MACH_PORT_NULL));
}

static uint64_t pass(mach_port_t port, mach_msg_size_t size, unsigned loops)
{
    return BENCH_LOOP(loops, pass_once(port, size));
}

/* The bytes of a message are read and written: two pages more cost as much as four pages that are copied from or to a user. */
static uint64_t page_copy_user(void)
{
    const unsigned loops = 64;
    const mach_port_t port = test_port();

    (void)pass(port, 4 * PAGE_SIZE, 2); /* first uses */
    const uint64_t two = pass(port, 2 * PAGE_SIZE, loops), four = pass(port, 4 * PAGE_SIZE, loops);
    const uint64_t cost = (four - two) / loops / 4;
    test_port_destroy(port);
    bench_report("page_copy_user", cost, "instructions");
    return cost;
}

void bench_pager(void)
{
    task_t task = bench_server_start(child_provides_pages);
    const uint64_t all = bench_run("fault_external_pager", fault_external_pager, PAGES);

    bench_server_stop(task);
    bench_report("fault_external_pager_net", all - page_copy_user(), "instructions");
}
