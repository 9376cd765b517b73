/* SPDX-License-Identifier: BSD-2-Clause */
#include "agree_memory.h"

#include <mach/vm_param.h>

#define PAGES_MAX 3u
#define WORDS_WRITTEN 6u

struct agree_memory_body agree_memory_make(uint64_t random)
{
    const mach_vm_size_t offset = random % 3 * 12; /* from the start of a page on, or not */
    const mach_vm_size_t size = (1 + (random >> 8) % PAGES_MAX) * PAGE_SIZE - offset;
    mach_vm_address_t base = 0;

    SIM_CHECK(mach_vm_allocate(mach_task_self(), &base, PAGES_MAX * PAGE_SIZE, VM_FLAGS_ANYWHERE) ==
              KERN_SUCCESS);
    for (uint32_t i = 0; i < WORDS_WRITTEN; i++)
        sim_store32(base + (random >> 4 * i) % (PAGES_MAX * PAGE_SIZE / 4) * 4, (uint32_t)random + i);
    return (struct agree_memory_body){.body = {1},
                                      .memory = {.address = (void *)(uintptr_t)(base + offset),
                                                 .deallocate = (random >> 16) % 2 != 0,
                                                 .copy = MACH_MSG_VIRTUAL_COPY,
                                                 .size = (mach_msg_size_t)size,
                                                 .type = MACH_MSG_OOL_DESCRIPTOR}};
}

void agree_memory_sent(const struct agree_memory_body *sent)
{
    const mach_vm_address_t base = trunc_page((uintptr_t)sent->memory.address);
    const mach_vm_size_t given = sent->memory.deallocate ? round_page(sent->memory.size) : 0;

    SIM_CHECK(mach_vm_deallocate(mach_task_self(), base + given, PAGES_MAX * PAGE_SIZE - given) ==
              KERN_SUCCESS);
}

uint64_t agree_memory_take(const struct agree_memory_body *came)
{
    const mach_vm_address_t address = (uintptr_t)came->memory.address;
    uint64_t sum = came->body.msgh_descriptor_count * 7 + came->memory.deallocate * 5 +
                   came->memory.type * 3 + address % PAGE_SIZE;

    for (mach_vm_address_t at = trunc_page(address); at < round_page(address + came->memory.size); at += 4)
        sum = sum * 31 + sim_load32(at);
    SIM_CHECK(mach_vm_deallocate(mach_task_self(), address, came->memory.size) == KERN_SUCCESS);
    return sum * 31 + came->memory.size;
}
