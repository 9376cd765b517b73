/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of the virtual memory system. */
#ifndef MACH_VM_STATISTICS_H
#define MACH_VM_STATISTICS_H

#include <mach/message.h>
#include <mach/vm_types.h>

/* host_statistics64(HOST_VM_INFO64); counts of pages, or of events since boot. */
#pragma pack(push, 4)
struct vm_statistics64 {
    natural_t free_count;
    natural_t active_count;
    natural_t inactive_count;
    natural_t wire_count;
    uint64_t zero_fill_count; /* pages filled with zeros on a fault */
    uint64_t reactivations;
    uint64_t pageins;
    uint64_t pageouts;
    uint64_t faults;
    uint64_t cow_faults;
    uint64_t lookups; /* of memory objects in the cache */
    uint64_t hits;
};
#pragma pack(pop)

typedef struct vm_statistics64 vm_statistics64_data_t;
typedef struct vm_statistics64 *vm_statistics64_t;

#endif
