/* SPDX-License-Identifier: BSD-2-Clause */
/* What vm/ knows of a page beyond vm/vm_page.h. */
#ifndef VM_VM_PAGE_I_H
#define VM_VM_PAGE_I_H

#include <vm/vm_page.h>

enum vm_page_state {
    VM_PAGE_INSIDE, /* part of a block, not its first page */
    VM_PAGE_FREE,   /* first page of a free block of 2^order pages */
    VM_PAGE_CACHED, /* free, in a CPU's cache (checked builds only: release builds say USED) */
    VM_PAGE_USED,   /* first page of an allocated block of 2^order pages */
};

struct vm_page {
    struct list link; /* FREE: the free list of its order; USED: the owner's */
    uint16_t entries; /* page table: entries that are no holes; under the lock of the pmap */
    uint8_t state;    /* enum vm_page_state */
    uint8_t order;    /* FREE, USED */
    uint8_t zone;     /* constant */
};
_Static_assert(sizeof(struct vm_page) <= 64, "the page array takes at most 1/64 of memory");

/* The structure of the page at `address` (direct map) that vm_page_alloc() gave out. */
struct vm_page *vm_page_of(const void *address);
/* The direct-map address of the page. */
void *vm_page_address(const struct vm_page *page);

#endif
