/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A task at its limit of memory, whose pages can't all be kept: the store is full (pageout/full, on a small disk), or the disk
 * does not give back what it has (pageout/error, on one whose reads fail).  Who asks is told, and goes on.  The task has nothing but that
 * memory, and who asks is this one.
 */
#include "refused.h"

#include "../conformance/lib/ports.h"
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <mach/portolan.h>
#include <mach/task_info.h>

#define SELF mach_task_self()
#define LIMIT (UINT64_C(2) << 20)
#define PATIENCE_MS 10000u
#define TRIES 100u

static task_t task;
static mach_vm_address_t memory;

static mach_vm_address_t address_of(uint64_t page)
{
    return memory + page * PAGE_SIZE;
}

void refused_begin(uint64_t pages)
{
    mach_port_t pager;

    REQUIRE_OK(service_find("portolan.default_pager", PATIENCE_MS, &pager));
    REQUIRE_OK(task_create(SELF, FALSE, &task));
    REQUIRE_OK(mach_vm_allocate(task, &memory, pages * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    REQUIRE_OK(task_set_limit(task, LIMIT_MEMORY, LIMIT));
}

void refused_end(void)
{
    REQUIRE_OK(task_terminate(task));
    REQUIRE(test_child_wait(task));
}

void refused_drop(uint64_t first, uint64_t count)
{
    mach_vm_address_t at = address_of(first);
    kern_return_t kr = KERN_FAILURE;

    REQUIRE_OK(mach_vm_deallocate(task, at, count * PAGE_SIZE));
    for (unsigned i = 0; i < TRIES && kr != KERN_SUCCESS;
         i++) { /* what stands for pages that are out goes later */
        kr = mach_vm_allocate(task, &at, count * PAGE_SIZE, VM_FLAGS_FIXED);
        test_sleep(10);
    }
    REQUIRE_OK(kr);
}

kern_return_t page_write(uint64_t page)
{
    return mach_vm_write_inband(task, address_of(page), (unsigned char *)&page, sizeof(page));
}

kern_return_t page_check(uint64_t page, bool *wrong)
{
    mach_msg_type_number_t count = sizeof(uint64_t);
    uint64_t value = 0;

    const kern_return_t kr =
        mach_vm_read_inband(task, address_of(page), sizeof(value), (unsigned char *)&value, &count);
    *wrong |= kr == KERN_SUCCESS && value != page;
    return kr;
}
