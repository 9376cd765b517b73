/* SPDX-License-Identifier: BSD-2-Clause */
/* Abuse: address spaces. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#define SELF mach_task_self()
#define ARENA (UINT64_C(0x300000000))
#define ARENA_PAGES 256u
#define STORM_STEPS 4000u

static void tell(int id)
{
    (void)test_send(TEST_CHILD_PORT(0), MACH_MSG_TYPE_COPY_SEND, id, 0);
}

static uint64_t hostile_address(void)
{
    static const uint64_t base[] = {0,
                                    UINT64_C(1) << 38,
                                    UINT64_C(1) << 47,
                                    UINT64_C(1) << 48,
                                    UINT64_C(1) << 52,
                                    UINT64_C(1) << 56,
                                    ~UINT64_C(0) << 12,
                                    ARENA};
    uint64_t address = base[(unsigned)rand() % (sizeof(base) / sizeof(base[0]))];

    return address + (uint64_t)(rand() % 3 - 1) * (uint64_t)(rand() % 9000);
}

static uint64_t hostile_size(void)
{
    return rand() % 2 ? (uint64_t)rand() % 20000 : ~UINT64_C(0) >> (rand() % 40);
}

/* Every call of mach_vm.defs with arguments at and beyond all limits. */
static void child_ranges(void)
{
    static uint8_t data[4096];

    for (unsigned i = 0; i < 3000; i++) {
        mach_vm_address_t address = hostile_address();
        mach_vm_size_t size = hostile_size(), done;
        mach_msg_type_number_t count = sizeof(data);
        switch (rand() % 7) {
        case 0:
            (void)mach_vm_allocate(SELF, &address, size, rand());
            break;
        case 1: /* not this program's own memory */
            if (address >= ARENA)
                (void)mach_vm_deallocate(SELF, address, size);
            break;
        case 2:
            if (address >= ARENA)
                (void)mach_vm_protect(SELF, address, size, rand() % 2, rand());
            break;
        case 3:
            (void)mach_vm_inherit(SELF, address, size, (vm_inherit_t)rand() % 5);
            break;
        case 4:
            (void)mach_vm_read_inband(SELF, address, size, data, &count);
            break;
        case 5:
            if (address >= ARENA)
                (void)mach_vm_write_inband(SELF, address, data, (unsigned)rand() % 4097);
            break;
        default:
            (void)mach_vm_read_overwrite(SELF, address, size, hostile_address(), &done);
        }
    }
    tell(1);
}

/* What the map should say of each page of the arena. */
static uint8_t model[ARENA_PAGES]; /* 0: absent, else protection + 1 */

static mach_vm_address_t page_address(unsigned page)
{
    return ARENA + page * PAGE_SIZE;
}

static bool all_present(unsigned first, unsigned count)
{
    return memchr(model + first, 0, count) == NULL;
}

static bool none_present(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        if (model[i] != 0)
            return false;
    }
    return true;
}

static bool step_allocate(unsigned first, unsigned count)
{
    mach_vm_address_t address = page_address(first);
    kern_return_t expected = none_present(first, count) ? KERN_SUCCESS : KERN_NO_SPACE;

    if (mach_vm_allocate(SELF, &address, count * PAGE_SIZE, VM_FLAGS_FIXED) != expected)
        return false;
    if (expected == KERN_SUCCESS)
        memset(model + first, VM_PROT_DEFAULT + 1, count);
    return true;
}

static bool step_protect(unsigned first, unsigned count, vm_prot_t protection)
{
    kern_return_t expected = all_present(first, count) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;

    if (mach_vm_protect(SELF, page_address(first), count * PAGE_SIZE, FALSE, protection) != expected)
        return false;
    if (expected == KERN_SUCCESS)
        memset(model + first, protection + 1, count);
    return true;
}

static bool step_probe(unsigned page)
{
    uint8_t byte[1];
    mach_msg_type_number_t count = 1;
    kern_return_t expected = model[page] == 0                          ? KERN_INVALID_ADDRESS
                             : ((model[page] - 1) & VM_PROT_READ) == 0 ? KERN_PROTECTION_FAILURE
                                                                       : KERN_SUCCESS;

    return mach_vm_read_inband(SELF, page_address(page), 1, byte, &count) == expected;
}

static bool storm_step(void)
{
    unsigned first = (unsigned)rand() % ARENA_PAGES;
    unsigned count = (unsigned)rand() % 12 + 1;

    if (count > ARENA_PAGES - first)
        count = ARENA_PAGES - first;
    switch (rand() % 5) {
    case 0:
        return step_allocate(first, count);
    case 1:
        memset(model + first, 0, count);
        return mach_vm_deallocate(SELF, page_address(first), count * PAGE_SIZE) == KERN_SUCCESS;
    case 2:
        return step_protect(first, count, rand() % 2 ? VM_PROT_READ : VM_PROT_DEFAULT);
    case 3:
        return step_protect(first, count, rand() % 4 ? VM_PROT_READ | VM_PROT_EXECUTE : VM_PROT_NONE);
    default:
        return step_probe(first);
    }
}

/* Random calls, each compared to what a simple model of the map expects. */
static void child_storm(void)
{
    for (unsigned i = 0; i < STORM_STEPS; i++) {
        if (!storm_step()) {
            tell((int)i + 2);
            return;
        }
    }
    tell(1);
}

/* More mappings and tasks than anybody needs. */
static void child_many(void)
{
    bool ok = true;

    for (unsigned i = 0; i < 5000; i++) {
        mach_vm_address_t address = ARENA + 2 * i * PAGE_SIZE;
        ok &= mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_FIXED) == KERN_SUCCESS;
    }
    mach_vm_address_t sparse = 0;
    ok &= mach_vm_allocate(SELF, &sparse, UINT64_C(1) << 34, VM_FLAGS_ANYWHERE) == KERN_SUCCESS;
    for (uint64_t i = 0; i < 64; i++) /* a page table for each */
        *(volatile uint8_t *)(sparse + (i << 28)) = 1;
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
    test_begin("abuse_memory");
    check(child_ranges, "ranges beyond all limits do no harm");
    check(child_storm, "random calls do to a map what they should");
    check(child_many, "thousands of mappings do no harm");
    return test_end();
}
