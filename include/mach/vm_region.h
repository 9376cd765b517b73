/* SPDX-License-Identifier: BSD-2-Clause */
/* What mach_vm_region() tells. */
#ifndef MACH_VM_REGION_H
#define MACH_VM_REGION_H

#include <mach/boolean.h>
#include <mach/message.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_types.h>

typedef int vm_region_flavor_t;
typedef int *vm_region_info_t;

#define VM_REGION_INFO_MAX 1024
typedef int vm_region_info_data_t[VM_REGION_INFO_MAX];

#define VM_REGION_BASIC_INFO_64 9

#pragma pack(push, 4)
struct vm_region_basic_info_64 {
    vm_prot_t protection;
    vm_prot_t max_protection;
    vm_inherit_t inheritance;
    boolean_t shared; /* other address spaces see the same memory */
    boolean_t reserved;
    memory_object_offset_t offset; /* of the region's first byte in its memory object */
    vm_behavior_t behavior;
    unsigned short user_wired_count;
};
#pragma pack(pop)

typedef struct vm_region_basic_info_64 vm_region_basic_info_data_64_t;
typedef struct vm_region_basic_info_64 *vm_region_basic_info_64_t;
#define VM_REGION_BASIC_INFO_COUNT_64                                                                        \
    ((mach_msg_type_number_t)(sizeof(vm_region_basic_info_data_64_t) / sizeof(int)))

#define VM_REGION_TOP_INFO 12

struct vm_region_top_info {
    unsigned int obj_id;
    unsigned int ref_count;              /* ranges that show its object */
    unsigned int private_pages_resident; /* that nobody else has */
    unsigned int shared_pages_resident;
    unsigned char share_mode; /* SM_* */
};

typedef struct vm_region_top_info vm_region_top_info_data_t;
typedef struct vm_region_top_info *vm_region_top_info_t;
#define VM_REGION_TOP_INFO_COUNT ((mach_msg_type_number_t)(sizeof(vm_region_top_info_data_t) / sizeof(int)))

#define VM_REGION_EXTENDED_INFO 13

struct vm_region_extended_info {
    vm_prot_t protection;
    unsigned int user_tag;
    unsigned int pages_resident;
    unsigned int pages_shared_now_private; /* shared with a copy: a write makes another page */
    unsigned int pages_swapped_out;
    unsigned int pages_dirtied;
    unsigned int ref_count;
    unsigned short shadow_depth; /* 0: copies are no chains */
    unsigned char external_pager;
    unsigned char share_mode; /* SM_* */
    unsigned int pages_reusable;
};

typedef struct vm_region_extended_info vm_region_extended_info_data_t;
typedef struct vm_region_extended_info *vm_region_extended_info_t;
#define VM_REGION_EXTENDED_INFO_COUNT                                                                        \
    ((mach_msg_type_number_t)(sizeof(vm_region_extended_info_data_t) / sizeof(int)))

/* Who shares the memory. */
#define SM_COW 1     /* copies, until it is written */
#define SM_PRIVATE 2 /* nobody */
#define SM_EMPTY 3   /* nothing was touched yet */
#define SM_SHARED 4  /* other ranges show it */

#pragma pack(push, 4)
struct vm_region_submap_short_info_64 {
    vm_prot_t protection;
    vm_prot_t max_protection;
    vm_inherit_t inheritance;
    memory_object_offset_t offset;
    unsigned int user_tag;
    unsigned int ref_count;      /* ranges that show its object */
    unsigned short shadow_depth; /* 0: copies are no chains */
    unsigned char external_pager;
    unsigned char share_mode; /* SM_* */
    boolean_t is_submap;
    vm_behavior_t behavior;
    uint32_t object_id;
    unsigned short user_wired_count;
};
#pragma pack(pop)

typedef struct vm_region_submap_short_info_64 vm_region_submap_short_info_data_64_t;
#define VM_REGION_SUBMAP_SHORT_INFO_COUNT_64                                                                 \
    ((mach_msg_type_number_t)(sizeof(vm_region_submap_short_info_data_64_t) / sizeof(natural_t)))

/* mach_vm_page_query(disposition). */
#define VM_PAGE_QUERY_PAGE_PRESENT 0x1
#define VM_PAGE_QUERY_PAGE_COPIED 0x100 /* shared with a copy: the next write makes a page */

/* What mach_vm_read_list() is to read, and where it came. */
#define VM_MAP_ENTRY_MAX 256
typedef struct mach_vm_range {
    mach_vm_address_t address;
    mach_vm_size_t size;
} mach_vm_range_t;
typedef mach_vm_range_t mach_vm_read_entry_t[VM_MAP_ENTRY_MAX];

#endif
