/* SPDX-License-Identifier: BSD-2-Clause */
/* What host_kernel_memory_info() tells: where the kernel's memory is.  Tests compare it to find leaks. */
#ifndef MACH_KERNEL_MEMORY_INFO_H
#define MACH_KERNEL_MEMORY_INFO_H

#include <mach/vm_types.h>

#define KERNEL_MEMORY_NAME_MAX 16
#define KERNEL_MEMORY_CACHES_MAX 48

/* One allocator cache. */
typedef struct kernel_memory_cache_info {
    char name[KERNEL_MEMORY_NAME_MAX]; /* NUL-terminated */
    natural_t object_size;             /* bytes */
    natural_t objects;                 /* in use now */
    natural_t pages;                   /* held by the cache */
    natural_t reserved;                /* 0 */
} kernel_memory_cache_info_t;

typedef kernel_memory_cache_info_t *kernel_memory_cache_info_array_t;

/* Physical pages by use. */
typedef struct kernel_memory_pages_info {
    natural_t total;
    natural_t free;
    natural_t user;   /* in memory objects */
    natural_t tables; /* page tables */
} kernel_memory_pages_info_t;

#endif
