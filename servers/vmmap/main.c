/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the map of a task, its own: one line for each region, in the order of addresses; and what the kernel keeps for memory. */
#include <mach/kernel_memory_info.h>
#include <mach/mach.h>
#include <stdio.h>
#include <string.h>

#define KIB(bytes) ((unsigned long)((bytes) / 1024))

/* What mach_vm_region() tells of one region. */
struct region {
    mach_vm_address_t address;
    mach_vm_size_t size;
    struct vm_region_basic_info_64 basic;
    struct vm_region_extended_info extended;
};

/* The region at region->address, or the next above. */
static kern_return_t region_get(task_t task, struct region *region)
{
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t object;

    kern_return_t kr = mach_vm_region(task, &region->address, &region->size, VM_REGION_BASIC_INFO_64,
                                      (vm_region_info_t)&region->basic, &count, &object);
    if (kr != KERN_SUCCESS)
        return kr;
    count = VM_REGION_EXTENDED_INFO_COUNT;
    return mach_vm_region(task, &region->address, &region->size, VM_REGION_EXTENDED_INFO,
                          (vm_region_info_t)&region->extended, &count, &object);
}

static const char *protection_text(vm_prot_t protection, char text[4])
{
    text[0] = (protection & VM_PROT_READ) != 0 ? 'r' : '-';
    text[1] = (protection & VM_PROT_WRITE) != 0 ? 'w' : '-';
    text[2] = (protection & VM_PROT_EXECUTE) != 0 ? 'x' : '-';
    text[3] = '\0';
    return text;
}

static const char *mode_text(const struct vm_region_extended_info *info)
{
    switch (info->share_mode) {
    case SM_EMPTY:
        return "empty";
    case SM_SHARED:
        return "shared";
    default:
        return info->pages_shared_now_private > 0 ? "copied" : "private";
    }
}

static void region_print(const struct region *r)
{
    static const char *const inherit[] = {"share", "copy", "none"};
    char now[4], most[4];

    printf("%016lx-%016lx %8lu KiB %8lu KiB  %s/%s %-7s %-5s", r->address, r->address + r->size, KIB(r->size),
           KIB(r->extended.pages_resident * PAGE_SIZE), protection_text(r->basic.protection, now),
           protection_text(r->basic.max_protection, most), mode_text(&r->extended),
           r->basic.inheritance <= VM_INHERIT_NONE ? inherit[r->basic.inheritance] : "?");
    if (r->basic.user_wired_count > 0)
        printf(" wired %u", r->basic.user_wired_count);
    printf("\n");
}

/* The kernel's objects behind maps, of all tasks. */
static kern_return_t kernel_print(void)
{
    static const char *const names[] = {"vm_map", "vm_map_entry", "vm_object", "vm_radix", "pmap"};
    static kernel_memory_cache_info_t cache[KERNEL_MEMORY_CACHES_MAX];
    mach_msg_type_number_t count = KERNEL_MEMORY_CACHES_MAX;
    kernel_memory_pages_info_t pages;

    kern_return_t kr = host_kernel_memory_info(mach_host_self(), cache, &count, &pages);
    if (kr != KERN_SUCCESS)
        return kr;
    printf("%-16s %8s %10s %8s\n", "in the kernel", "bytes", "in use", "pages");
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            if (strcmp(cache[i].name, names[j]) == 0)
                printf("%-16s %8u %10u %8u\n", names[j], cache[i].object_size, cache[i].objects,
                       cache[i].pages);
        }
    }
    printf("%-16s %8lu %10u\n%-16s %8lu %10u\n", "page", PAGE_SIZE, pages.user, "page table", PAGE_SIZE,
           pages.tables);
    return KERN_SUCCESS;
}

int main(void)
{
    struct region region = {.address = 0};
    mach_vm_size_t size = 0, resident = 0;
    unsigned regions = 0;
    kern_return_t kr;

    printf("%-33s %12s %12s  now/max memory  inherited\n", "addresses", "size", "resident");
    while ((kr = region_get(mach_task_self(), &region)) == KERN_SUCCESS) {
        region_print(&region);
        regions++;
        size += region.size;
        resident += region.extended.pages_resident * PAGE_SIZE;
        region.address += region.size;
    }
    printf("%u regions, %lu KiB, %lu KiB resident\n", regions, KIB(size), KIB(resident));
    if (kr == KERN_INVALID_ADDRESS) /* there is none above the last */
        kr = kernel_print();
    return kr == KERN_SUCCESS ? 0 : 1;
}
