/* SPDX-License-Identifier: BSD-2-Clause */
/* The routines of mach_vm.defs that tell of regions. */
#include <hal/hal.h>
#include <kern/string.h>
#include <mach/mach_vm_server.h>
#include <vm/vm_map.h>

static unsigned char share_mode(const struct vm_map_region *region)
{
    if (region->references == 0)
        return SM_EMPTY;
    return region->shared ? SM_SHARED : SM_PRIVATE;
}

static size_t info_basic(vm_region_info_t info, const struct vm_map_region *region)
{
    const struct vm_region_basic_info_64 basic = {
        .protection = region->protection,
        .max_protection = region->max_protection,
        .inheritance = region->inheritance,
        .shared = region->shared,
        .offset = region->offset,
        .behavior = region->behavior,
        .user_wired_count = region->wired,
    };

    memcpy(info, &basic, sizeof(basic));
    return sizeof(basic);
}

static size_t info_extended(vm_region_info_t info, const struct vm_map_region *region,
                            const struct vm_map_resident *resident)
{
    const struct vm_region_extended_info extended = {
        .protection = region->protection,
        .pages_resident = (unsigned int)resident->pages,
        .pages_shared_now_private = (unsigned int)resident->copied,
        .ref_count = (unsigned int)region->references,
        .share_mode = share_mode(region),
    };

    memcpy(info, &extended, sizeof(extended));
    return sizeof(extended);
}

static size_t info_top(vm_region_info_t info, const struct vm_map_region *region,
                       const struct vm_map_resident *resident)
{
    const uint64_t own = region->shared ? 0 : resident->pages - resident->copied;
    struct vm_region_top_info top = {
        .ref_count = (unsigned int)region->references,
        .private_pages_resident = (unsigned int)own,
        .shared_pages_resident = (unsigned int)(resident->pages - own),
        .share_mode = share_mode(region),
    };

    if (top.share_mode == SM_PRIVATE && resident->copied > 0)
        top.share_mode = SM_COW;
    memcpy(info, &top, sizeof(top));
    return sizeof(top);
}

/* The words that a flavor takes; 0: there is no such flavor. */
static mach_msg_type_number_t info_count(vm_region_flavor_t flavor)
{
    switch (flavor) {
    case VM_REGION_BASIC_INFO_64:
        return VM_REGION_BASIC_INFO_COUNT_64;
    case VM_REGION_EXTENDED_INFO:
        return VM_REGION_EXTENDED_INFO_COUNT;
    case VM_REGION_TOP_INFO:
        return VM_REGION_TOP_INFO_COUNT;
    default:
        return 0;
    }
}

kern_return_t mach_vm_region(vm_map_t target_task, mach_vm_address_t *address, mach_vm_size_t *size,
                             vm_region_flavor_t flavor, vm_region_info_t info,
                             mach_msg_type_number_t *infoCnt, mach_port_t *object_name)
{
    const mach_msg_type_number_t count = info_count(flavor);
    struct vm_map_region region;
    struct vm_map_resident resident;
    size_t told;

    if (count == 0 || *infoCnt < count)
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr =
        vm_map_region(target_task, *address, &region, flavor != VM_REGION_BASIC_INFO_64 ? &resident : NULL);
    if (kr != KERN_SUCCESS)
        return kr;
    if (flavor == VM_REGION_EXTENDED_INFO)
        told = info_extended(info, &region, &resident);
    else if (flavor == VM_REGION_TOP_INFO)
        told = info_top(info, &region, &resident);
    else
        told = info_basic(info, &region);
    *infoCnt = (mach_msg_type_number_t)(told / sizeof(info[0]));
    *address = region.start;
    *size = region.size;
    *object_name = NULL;
    return KERN_SUCCESS;
}

kern_return_t mach_vm_region_recurse(vm_map_t target_task, mach_vm_address_t *address, mach_vm_size_t *size,
                                     natural_t *nesting_depth, vm_region_info_t info,
                                     mach_msg_type_number_t *infoCnt)
{
    struct vm_map_region region;

    if (*infoCnt < VM_REGION_SUBMAP_SHORT_INFO_COUNT_64)
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = vm_map_region(target_task, *address, &region, NULL);
    if (kr != KERN_SUCCESS)
        return kr;
    const struct vm_region_submap_short_info_64 said = {
        .protection = region.protection,
        .max_protection = region.max_protection,
        .inheritance = region.inheritance,
        .offset = region.offset,
        .ref_count = (unsigned int)region.references,
        .share_mode = share_mode(&region),
        .behavior = region.behavior,
        .user_wired_count = region.wired,
    };
    memcpy(info, &said, sizeof(said));
    *infoCnt = VM_REGION_SUBMAP_SHORT_INFO_COUNT_64;
    *address = region.start;
    *size = region.size;
    *nesting_depth = 0;
    return KERN_SUCCESS;
}
