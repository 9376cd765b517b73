/* SPDX-License-Identifier: BSD-2-Clause */
/* Abuse: taking all there is. Whoever does so fails or ends; everybody else goes on. */
#include "lib/guard.h"
#include "lib/ports.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define PAGES_LEFT 2048u
#define HUGE_SIZE (UINT64_C(1) << 34) /* more than any test machine has */

static void tell(int id)
{
    (void)test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, id, 0);
}

/* The parent says when: the first writes after its memory was copied need pages, too. */
static void wait_for_parent(void)
{
    struct test_message m;

    REQUIRE_OK(test_receive(TEST_CHILD_PORT(1), &m, sizeof(m), 10 * TEST_SOON_MS));
}

/* Write to all memory of this task that may be written. */
static void touch_own(void)
{
    mach_vm_address_t address = 0;
    mach_vm_size_t size;
    mach_port_t object;
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;

    for (; mach_vm_region(SELF, &address, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                          &object) == KERN_SUCCESS;
         address += size) {
        for (mach_vm_address_t at = address; (info.protection & VM_PROT_WRITE) != 0 && at < address + size;
             at += PAGE_SIZE)
            (void)__atomic_fetch_add((uint8_t *)at, 0, __ATOMIC_RELAXED);
    }
}

static void touch_all(void *base)
{
    for (uint64_t offset = 0; offset < HUGE_SIZE; offset += PAGE_SIZE)
        *((volatile uint8_t *)base + offset) = 1;
}

static void child_takes_memory(void)
{
    mach_vm_address_t base = 0;

    wait_for_parent();
    REQUIRE_OK(mach_vm_allocate(SELF, &base, HUGE_SIZE, VM_FLAGS_ANYWHERE));
    /* limit: physical memory */
    tell(test_guarded(touch_all, (void *)base, 100 * TEST_SOON_MS) == GUARD_FAULTED ? 1 : 2);
}

/* Leave so few pages that the rest is used up soon. */
static void take_most(void)
{
    static kernel_memory_cache_info_t cache[KERNEL_MEMORY_CACHES_MAX];
    mach_msg_type_number_t count;
    kernel_memory_pages_info_t pages;
    mach_vm_address_t base = 0, at;

    wait_for_parent();
    REQUIRE_OK(mach_vm_allocate(SELF, &base, HUGE_SIZE, VM_FLAGS_ANYWHERE));
    at = base;
    do {
        for (unsigned i = 0; i < PAGES_LEFT / 8; i++, at += PAGE_SIZE)
            *(volatile uint8_t *)at = 1;
        count = KERNEL_MEMORY_CACHES_MAX;
        REQUIRE_OK(host_kernel_memory_info(test_host(), cache, &count, &pages));
    } while (pages.free > PAGES_LEFT);
}

static void child_takes_ports(void)
{
    mach_port_t name;
    unsigned count = 0;
    kern_return_t kr;

    take_most();
    do {
        kr = mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name);
        count++;
    } while (kr == KERN_SUCCESS && count < (1u << 21));
    tell(kr == KERN_RESOURCE_SHORTAGE || kr == KERN_NO_SPACE || kr == MACH_SEND_NO_BUFFER ? 1 : 2);
}

static void child_takes_threads(void)
{
    thread_act_t thread;
    kern_return_t kr;
    unsigned count = 0;

    take_most();
    do {
        kr = thread_create(SELF, &thread);
        count++;
    } while (kr == KERN_SUCCESS && count < 100000);
    tell(kr != KERN_SUCCESS ? 1 : 2);
}

static void check(void (*function)(void), const char *text)
{
    mach_port_t p = test_port_send();
    struct test_message m = {0};

    test_leak_begin();
    mach_port_t go = test_port_send();
    const struct test_right rights[] = {{p, MACH_MSG_TYPE_MAKE_SEND}, {go, MACH_MSG_TYPE_MOVE_RECEIVE}};
    task_t task = test_child(function, rights, 2);
    touch_own();
    REQUIRE_OK(test_send(go, MACH_MSG_TYPE_MOVE_SEND, 0, 0));
    /* it tells, or dies trying */
    while (test_receive(p, &m, sizeof(m), 10) != MACH_MSG_SUCCESS &&
           (test_type(task) & MACH_PORT_TYPE_SEND) != 0)
        continue;
    (void)task_terminate(task);
    bool ended = test_child_wait(task);
    if (m.header.msgh_id == 0) /* it may have told at the last moment */
        (void)test_receive(p, &m, sizeof(m), 0);
    CHECK(m.header.msgh_id <= 1, text);
    CHECK(ended, "it can be ended");
    CHECK_NO_LEAK("and leaves nothing behind");
    test_port_destroy(p);
}

int main(void)
{
    test_begin("abuse_exhaustion");
    check(child_takes_memory, "a task that takes all memory fails");
    check(child_takes_ports, "a task that takes all ports fails");
    check(child_takes_threads, "a task that takes all threads fails");
    return test_end();
}
