/* SPDX-License-Identifier: BSD-2-Clause */
#include "agree_vm.h"

#include "../../lib/libmach/trap_message.h"

#include <mach/vm_param.h>

enum kind { ALLOCATE, DEALLOCATE, PROTECT, KINDS };

struct vm_call {
    enum kind kind;
    mach_port_t task; /* the own one, or a name that is no task's */
    mach_vm_address_t address;
    mach_vm_size_t size;
    int flags;
    boolean_t maximum;
    vm_prot_t protection; /* one bit more than there are, too */
};

uint64_t agree_vm_traps;

static kern_return_t by_message(struct vm_call *c)
{
    switch (c->kind) {
    case ALLOCATE:
        return mach_vm_allocate_message(c->task, &c->address, c->size, c->flags);
    case DEALLOCATE:
        return mach_vm_deallocate_message(c->task, c->address, c->size);
    default:
        return mach_vm_protect_message(c->task, c->address, c->size, c->maximum, c->protection);
    }
}

static kern_return_t by_trap(struct vm_call *c)
{
    switch (c->kind) {
    case ALLOCATE: {
        const uint64_t result = mach_vm_allocate_trap(c->task, c->address, c->size, c->flags);
        if (result % PAGE_SIZE != 0)
            return (kern_return_t)result;
        c->address = result;
        return KERN_SUCCESS;
    }
    case DEALLOCATE:
        return mach_vm_deallocate_trap(c->task, c->address, c->size);
    default:
        return mach_vm_protect_trap(c->task, c->address, c->size, c->maximum, c->protection);
    }
}

static kern_return_t perform(struct vm_call *c, bool traps)
{
    if (!traps)
        return by_message(c);
    const kern_return_t kr = by_trap(c);
    if (kr == MACH_SEND_INVALID_DEST)
        return by_message(c);
    agree_vm_traps++;
    return kr;
}

static uint64_t regions(mach_vm_address_t base)
{
    const mach_vm_address_t end = base + AGREE_VM_PAGES * PAGE_SIZE;
    mach_vm_address_t at = base;
    mach_vm_size_t size = 0;
    uint64_t sum = 0;

    for (; at < end; at += size) {
        vm_region_basic_info_data_64_t info;
        mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
        mach_port_t object;
        if (mach_vm_region(mach_task_self(), &at, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info,
                           &count, &object) != KERN_SUCCESS)
            break;
        sum = sum * 31 + at;
        sum = sum * 31 + size;
        sum = sum * 31 + (uint64_t)(info.protection * 8 + info.max_protection);
    }
    return sum;
}

/* Sizes and addresses are now and then such as no call takes. */
static uint64_t odd(uint64_t random, uint64_t value)
{
    return random % 16 == 0 ? UINT64_MAX - value : value;
}

struct agree_vm_seen agree_vm_call(uint64_t random, bool traps, mach_vm_address_t base)
{
    static const int flags[] = {VM_FLAGS_ANYWHERE, VM_FLAGS_FIXED, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE,
                                VM_FLAGS_OVERWRITE};
    const uint64_t first = (random >> 8) % AGREE_VM_PAGES;
    const uint64_t pages = (random >> 16) % (AGREE_VM_PAGES - first + 1);
    struct vm_call c = {
        .kind = (enum kind)(random % KINDS),
        .task = (random >> 24) % 16 != 0 ? mach_task_self() : MACH_PORT_NULL,
        .address = odd(random >> 28, base + first * PAGE_SIZE),
        .size = odd(random >> 32, pages * PAGE_SIZE),
        .flags = flags[(random >> 36) % 4],
        .maximum = (random >> 40) % 8 == 0,
        .protection = (vm_prot_t)((random >> 44) % (2 * VM_PROT_ALL + 2)),
    };
    struct agree_vm_seen seen = {.result = perform(&c, traps), .address = c.address};

    /* what found no room in the window is not looked at */
    if (c.kind == ALLOCATE && seen.result == KERN_SUCCESS && c.size > 0 &&
        c.address >= base + AGREE_VM_PAGES * PAGE_SIZE)
        (void)mach_vm_deallocate(mach_task_self(), c.address, c.size);
    seen.regions = regions(base);
    return seen;
}
