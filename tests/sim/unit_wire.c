/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wired memory: what mach_vm_wire() refuses, and that its pages stay what they are while others copy them, share them, write over
 * them or give them up.
 */
#include "driver.h"
#include "unit_user.h"

#include <mach/host_priv.h>

#define PAGE 4096u
#define PAGES 8u
#define READ_WRITE (VM_PROT_READ | VM_PROT_WRITE)
#define PRESENT VM_PAGE_QUERY_PAGE_PRESENT
#define COPIED VM_PAGE_QUERY_PAGE_COPIED

static mach_vm_address_t allocate(void)
{
    mach_vm_address_t va = 0;

    EXPECT(mach_vm_allocate(own.task, &va, PAGES * PAGE, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    return va;
}

static kern_return_t wire(mach_vm_address_t va, mach_vm_size_t size, vm_prot_t access)
{
    return mach_vm_wire(own.host_priv, own.task, va, size, access);
}

static integer_t disposition_of(mach_vm_address_t va)
{
    integer_t disposition = -1, references;

    EXPECT(mach_vm_page_query(own.task, va, &disposition, &references), KERN_SUCCESS);
    return disposition;
}

/* How often the region at `va` is wired, and how long it is. */
static unsigned wired_of(task_t task, mach_vm_address_t va, mach_vm_size_t *size)
{
    struct vm_region_basic_info_64 info = {.user_wired_count = 0};
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t object;

    EXPECT(mach_vm_region(task, &va, size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count, &object),
           KERN_SUCCESS);
    return info.user_wired_count;
}

/* All pages of `va` at a second place. */
static mach_vm_address_t remap(mach_vm_address_t va, boolean_t copy)
{
    mach_vm_address_t to = 0;
    vm_prot_t protection, maximum;

    EXPECT(mach_vm_remap(own.task, &to, PAGES * PAGE, 0, VM_FLAGS_ANYWHERE, own.task, va, copy, &protection,
                         &maximum, VM_INHERIT_COPY),
           KERN_SUCCESS);
    return to;
}

static void refused(uint64_t arg)
{
    unit_begin(arg);
    mach_vm_address_t va = allocate();

    EXPECT(mach_vm_wire(own.host, own.task, va, PAGE, VM_PROT_READ), KERN_INVALID_HOST);
    EXPECT(mach_vm_wire(own.host_priv, own.host, va, PAGE, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, PAGE, 0x10), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, UINT64_MAX, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, UINT64_MAX, VM_PROT_NONE), KERN_INVALID_ARGUMENT);
    /* limit: mach_vm_wire */
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, (1u << 20) + 1, VM_PROT_READ), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, PAGE, VM_PROT_NONE), KERN_INVALID_ARGUMENT);
    EXPECT(mach_vm_wire(own.host_priv, own.task, 0, PAGE, VM_PROT_READ), KERN_INVALID_ADDRESS);
    EXPECT(mach_vm_wire(own.host_priv, own.task, 0, PAGE, VM_PROT_NONE), KERN_INVALID_ADDRESS);
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, PAGE, VM_PROT_EXECUTE), KERN_PROTECTION_FAILURE);
    EXPECT(wire(va, 0, VM_PROT_READ), KERN_SUCCESS);
    EXPECT(wire(va, 0, VM_PROT_NONE), KERN_SUCCESS);
    SIM_CHECK(disposition_of(va) == 0);

    EXPECT(mach_vm_deallocate(own.task, va + 4 * PAGE, PAGE), KERN_SUCCESS);
    EXPECT(wire(va, PAGES * PAGE, VM_PROT_READ), KERN_INVALID_ADDRESS);
    SIM_CHECK(disposition_of(va) == 0);

    /* limit: times that a range is wired */
    for (unsigned i = 0; i < 65535; i++)
        EXPECT(wire(va + PAGE, PAGE, VM_PROT_READ), KERN_SUCCESS);
    EXPECT(mach_vm_wire(own.host_priv, own.task, va, 2 * PAGE, VM_PROT_READ), KERN_FAILURE);
    user_power_off(own.host_priv);
}

/* A task can have half of its limit wired, and what it gives back counts no more. */
static void bounded(uint64_t arg)
{
    struct task_limits_info info;
    mach_msg_type_number_t count = TASK_LIMITS_INFO_COUNT;

    unit_begin(arg);
    mach_vm_address_t va = allocate();
    EXPECT(task_info(own.task, TASK_LIMITS_INFO, (task_info_t)&info, &count), KERN_SUCCESS);
    const mach_vm_size_t limit =
        (info.memory + info.memory_below + PAGES * PAGE) & ~(mach_vm_size_t)(2 * PAGE - 1);
    EXPECT(task_set_limit(own.task, LIMIT_MEMORY, limit), KERN_SUCCESS);
    mach_vm_address_t much = 0;
    EXPECT(mach_vm_allocate(own.task, &much, limit, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    EXPECT(wire(va, 2 * PAGE, VM_PROT_READ), KERN_SUCCESS);
    /* limit: wired memory */
    EXPECT(mach_vm_wire(own.host_priv, own.task, much, limit / 2 - PAGE, VM_PROT_READ),
           KERN_RESOURCE_SHORTAGE);
    SIM_CHECK(disposition_of(much) == 0);
    EXPECT(wire(va + PAGE, PAGE, VM_PROT_READ), KERN_SUCCESS); /* once more: no more memory */
    EXPECT(mach_vm_deallocate(own.task, va, PAGES * PAGE), KERN_SUCCESS);
    EXPECT(wire(much, PAGE, VM_PROT_READ), KERN_SUCCESS);
    user_power_off(own.host_priv);
}

static void effect(uint64_t arg)
{
    mach_vm_size_t size = 0;

    unit_begin(arg);
    mach_vm_address_t va = allocate();
    sim_store8(va + PAGE, 7);
    EXPECT(wire(va + PAGE + 5, 2 * PAGE, READ_WRITE), KERN_SUCCESS); /* rounded outwards: pages 1 to 3 */
    SIM_CHECK(wired_of(own.task, va + PAGE, &size) == 1 && size == 3 * PAGE);
    SIM_CHECK(disposition_of(va) == 0 && disposition_of(va + 4 * PAGE) == 0);
    for (unsigned i = 1; i <= 3; i++)
        SIM_CHECK(disposition_of(va + i * PAGE) == PRESENT);
    SIM_CHECK(sim_load8(va + PAGE) == 7);

    /* once more, a part: what is wired differently is another region */
    EXPECT(wire(va + 2 * PAGE, PAGE, VM_PROT_READ), KERN_SUCCESS);
    SIM_CHECK(wired_of(own.task, va + 2 * PAGE, &size) == 2 && size == PAGE);
    EXPECT(wire(va + PAGE, 3 * PAGE, VM_PROT_NONE), KERN_SUCCESS);
    SIM_CHECK(wired_of(own.task, va + 2 * PAGE, &size) == 1 && wired_of(own.task, va + PAGE, &size) == 0);
    EXPECT(wire(va + PAGE, 3 * PAGE, VM_PROT_NONE), KERN_INVALID_ARGUMENT); /* not all of it is */
    SIM_CHECK(wired_of(own.task, va + 2 * PAGE, &size) == 1);

    /* given up are only the others */
    EXPECT(mach_vm_behavior_set(own.task, va, PAGES * PAGE, VM_BEHAVIOR_FREE), KERN_SUCCESS);
    EXPECT(mach_vm_msync(own.task, va, PAGES * PAGE, VM_SYNC_KILLPAGES), KERN_SUCCESS);
    SIM_CHECK(disposition_of(va + 2 * PAGE) == PRESENT && disposition_of(va + PAGE) == 0);
    SIM_CHECK(sim_load8(va + PAGE) == 0);
    EXPECT(wire(va + 2 * PAGE, PAGE, VM_PROT_NONE), KERN_SUCCESS);
    SIM_CHECK(wired_of(own.task, va + 2 * PAGE, &size) == 0 && size >= PAGES * PAGE); /* all alike again */
    user_power_off(own.host_priv);
}

static void copies(uint64_t arg)
{
    mach_vm_size_t size = 0;
    mach_port_t child;

    unit_begin(arg);
    mach_vm_address_t va = allocate();
    sim_store8(va + 2 * PAGE, 7);
    mach_vm_address_t before = remap(va, TRUE);
    SIM_CHECK(disposition_of(va + 2 * PAGE) == (PRESENT | COPIED));
    EXPECT(wire(va + 2 * PAGE, PAGE, VM_PROT_READ), KERN_SUCCESS); /* who only reads shares the page */
    SIM_CHECK(disposition_of(va + 2 * PAGE) == (PRESENT | COPIED));
    EXPECT(wire(va + 2 * PAGE, PAGE, VM_PROT_NONE), KERN_SUCCESS);
    EXPECT(wire(va + 2 * PAGE, PAGE, READ_WRITE), KERN_SUCCESS); /* gets a page of its own first */
    SIM_CHECK(disposition_of(va + 2 * PAGE) == PRESENT && sim_load8(before + 2 * PAGE) == 7);

    mach_vm_address_t to = remap(va, TRUE);
    SIM_CHECK(disposition_of(va + 2 * PAGE) == PRESENT && disposition_of(to + 2 * PAGE) == PRESENT);
    SIM_CHECK(wired_of(own.task, to + 2 * PAGE, &size) == 0 && disposition_of(to) == 0);
    sim_store8(va + 2 * PAGE, 8);
    SIM_CHECK(sim_load8(to + 2 * PAGE) == 7);

    /* so it is where another range shows the same memory, and that is copied */
    mach_vm_address_t other = remap(va, FALSE);
    (void)remap(other, TRUE);
    SIM_CHECK(disposition_of(va + 2 * PAGE) == PRESENT && wired_of(own.task, other, &size) == 0);
    EXPECT(mach_vm_deallocate(own.task, other, PAGES * PAGE), KERN_SUCCESS);

    /* a child has it, but not wired */
    EXPECT(task_create(own.task, TRUE, &child), KERN_SUCCESS);
    SIM_CHECK(disposition_of(va + 2 * PAGE) == PRESENT && wired_of(child, va + 2 * PAGE, &size) == 0);
    EXPECT(task_terminate(child), KERN_SUCCESS);

    /* pages are written over where they are */
    EXPECT(mach_vm_copy(own.task, before, PAGES * PAGE, va), KERN_SUCCESS);
    SIM_CHECK(wired_of(own.task, va + 2 * PAGE, &size) == 1 && sim_load8(va + 2 * PAGE) == 7);
    SIM_CHECK(disposition_of(va + 2 * PAGE) == PRESENT);

    EXPECT(mach_vm_deallocate(own.task, va, PAGES * PAGE), KERN_SUCCESS);
    EXPECT(mach_vm_allocate(own.task, &va, PAGES * PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    SIM_CHECK(wired_of(own.task, va, &size) == 0);
    sim_store8(va, 1);
    (void)remap(va, TRUE);
    SIM_CHECK(disposition_of(va) == (PRESENT | COPIED));
    user_power_off(own.host_priv);
}

static const struct driver_scenario table[] = {
    {.name = "refused", .program = refused},
    {.name = "bounded", .program = bounded},
    {.name = "effect", .program = effect},
    {.name = "copies", .program = copies},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
