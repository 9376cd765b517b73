/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical pages: a buddy allocator over the ranges of hal_info, with a cache of single pages per CPU. */
#ifndef VM_VM_PAGE_H
#define VM_VM_PAGE_H

#include <hal/types.h>
#include <kern/list.h>

#define VM_PAGE_ORDER_MAX 10u /* largest block: 2^10 pages = 4 MiB */

/* One per page of RAM, at most 64 bytes. */
struct vm_page;

/* Boot: take over all of hal_info.mem. */
void vm_page_init(void);

/* 2^order contiguous pages, aligned to their size, contents undefined. Returns their direct-map address, or
 * NULL.
 * Context: no lock of rank >= LOCK_RANK_PAGE. order <= VM_PAGE_ORDER_MAX. */
HAL_NODISCARD void *vm_page_alloc(unsigned order);
HAL_NODISCARD void *vm_page_alloc_zero(unsigned order);
/* A page for users' memory: none of those that are kept back (vm_page_set_marks()). */
HAL_NODISCARD void *vm_page_alloc_pageable(bool zero);
/* As vm_page_alloc(), no byte of it above `last`. Takes time as there are blocks in the free lists. */
HAL_NODISCARD void *vm_page_alloc_below(unsigned order, hal_pa_t last);
/* Make a block of 2^order pages as many single ones, each to be freed by itself. */
void vm_page_split(void *pages, unsigned order);
/* Give them back (same order). */
void vm_page_free(void *pages, unsigned order);
/* Give back one page that is zero. */
void vm_page_free_zero(void *page);

/* Give memory that was reserved at boot (the archive) to the allocator. Page aligned. */
void vm_page_add_range(hal_pa_t base, uint64_t size);

/* Keep `kept` pages back (0: none); vm_page_low says from now on whether fewer than `low` are free. */
void vm_page_set_marks(uint64_t kept, uint64_t low);
extern bool vm_page_low; /* atomic, a hint */
/* Was a page refused on this CPU since the last call? */
bool vm_page_was_refused(void);
/* Free pages above those that are kept back, without those in caches. */
uint64_t vm_page_spare_count(void);

/* Free pages now, per-CPU caches included; pages managed in all. */
uint64_t vm_page_free_count(void);
uint64_t vm_page_total_count(void);

#endif
