/* SPDX-License-Identifier: BSD-2-Clause */
/* No change is lost: threads write to a page that its pager takes out of memory again and again. */
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>
#include <mach/memory_object_server.h>
#include <string.h>

#define SELF mach_task_self()
#define WRITERS 3u
#define FLUSHES 300u
#define PAUSES 8u /* flushes between two moments of rest */
#define ID_INIT 2200
#define ID_TERMINATE 2201
#define ID_DATA_REQUEST 2203
#define ID_DATA_RETURN 2205

/* --- the pager: a thread --- */

union message {
    mach_msg_header_t header;
    __Request__memory_object_init_t init;
    __Request__memory_object_data_request_t request;
    __Request__memory_object_data_return_t returned;
    uint8_t room[512];
};

static mach_port_t object;
static volatile mach_port_t control;
static uint32_t store[PAGE_SIZE / sizeof(uint32_t)] __attribute__((aligned(PAGE_SIZE)));

static void serve(union message *m)
{
    switch (m->header.msgh_id) {
    case ID_INIT:
        REQUIRE_OK(memory_object_ready(m->init.memory_control.name, FALSE, MEMORY_OBJECT_COPY_DELAY));
        control = m->init.memory_control.name;
        break;
    case ID_DATA_REQUEST:
        REQUIRE_OK(memory_object_data_supply(control, 0, (vm_offset_t)store, PAGE_SIZE, FALSE, VM_PROT_NONE,
                                             FALSE, MACH_PORT_NULL));
        break;
    case ID_DATA_RETURN:
        memcpy(store, m->returned.data.address, PAGE_SIZE);
        test_deallocate((mach_vm_address_t)m->returned.data.address, PAGE_SIZE);
        break;
    default:
        mach_msg_destroy(&m->header);
        break;
    }
}

static void pager_run(void *argument)
{
    union message m;

    (void)argument;
    do {
        REQUIRE_OK(mach_msg(&m.header, MACH_RCV_MSG, 0, sizeof(m), object, 0, MACH_PORT_NULL));
        serve(&m);
    } while (m.header.msgh_id != ID_TERMINATE);
    mach_thread_exit();
}

/* --- who writes --- */

static volatile uint32_t *word;
static volatile int stop;
static uint32_t counted[WRITERS];

static void writer_run(void *argument)
{
    const uintptr_t me = (uintptr_t)argument;

    while (!stop) {
        word[me]++;
        counted[me]++;
    }
    mach_thread_exit();
}

static thread_act_t start(void (*function)(void *), uintptr_t argument)
{
    thread_act_t thread;

    REQUIRE_OK(mach_thread_start(function, (void *)argument, &thread));
    return thread;
}

static void join(thread_act_t thread)
{
    REQUIRE(test_child_wait(thread));
    (void)mach_thread_reap();
}

static bool all_counted(const volatile uint32_t *words)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        if (words[i] != counted[i])
            return false;
    }
    return true;
}

int main(void)
{
    thread_act_t writer[WRITERS];
    mach_vm_address_t at = 0;

    test_begin("pager_update");
    object = test_port_send();
    REQUIRE_OK(mach_vm_map(SELF, &at, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, object, 0, FALSE, VM_PROT_DEFAULT,
                           VM_PROT_DEFAULT, VM_INHERIT_NONE));
    word = (volatile uint32_t *)at;
    thread_act_t pager = start(pager_run, 0);
    for (uintptr_t i = 0; i < WRITERS; i++)
        writer[i] = start(writer_run, i);
    for (unsigned i = 0; i < FLUSHES; i++) {
        if (control != MACH_PORT_NULL)
            REQUIRE_OK(memory_object_lock_request(control, 0, PAGE_SIZE, MEMORY_OBJECT_RETURN_DIRTY,
                                                  i % 2 == 0, VM_PROT_NO_CHANGE, MACH_PORT_NULL));
        if (i % PAUSES == 0)
            test_sleep(1);
    }
    stop = 1;
    for (unsigned i = 0; i < WRITERS; i++)
        join(writer[i]);
    CHECK(counted[0] > 0 && counted[1] > 0 && counted[2] > 0, "threads write while the page comes and goes");
    CHECK(all_counted(word), "each finds what it wrote");
    test_deallocate(at, PAGE_SIZE);
    join(pager);
    CHECK(all_counted(store), "and the pager has it in the end");
    test_port_destroy(object);
    return test_end();
}
