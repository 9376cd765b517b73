/* SPDX-License-Identifier: BSD-2-Clause */
/* What vm/ knows of a page beyond vm/vm_page.h. */
#ifndef VM_VM_PAGE_I_H
#define VM_VM_PAGE_I_H

#include <kern/ledger.h>
#include <kern/ref.h>
#include <vm/vm_page.h>

enum vm_page_state {
    VM_PAGE_INSIDE, /* part of a block, not its first page */
    VM_PAGE_FREE,   /* first page of a free block of 2^order pages */
    VM_PAGE_CACHED, /* free, in a CPU's cache (checked builds only: release builds say USED) */
    VM_PAGE_USED,   /* first page of an allocated block of 2^order pages */
    VM_PAGE_OUT,    /* no page, but what stands for one that is out (vm/vm_store.h) */
};

/* What an object with a pager knows of its page. It means nothing elsewhere. */
#define VM_PAGE_DIRTY 1u      /* it was changed since the pager supplied it, or got it back */
#define VM_PAGE_GIVEN 2u      /* every copy of the object has it, or a page of its own */
#define VM_PAGE_PRECIOUS 4u   /* the pager wants it back though nobody changed it */
#define VM_PAGE_LOCK_SHIFT 4u /* VM_PROT_*: access that the pager does not let through yet */

struct vm_page {
    union {
        struct list link; /* FREE: the free list of its order; USED: the owner's */
        struct vm_page *
            out; /* of a page of memory objects: what stands for it while it is out, or NULL (vm/vm_store.h) */
    };
    uint64_t refs; /* kern/ref.h; of memory objects: slots of trees that hold it (vm_radix.h), and faults */
    struct ledger_account *payer; /* of a page of memory objects */
    uint16_t entries;             /* page table: entries that are no holes; under the lock of the pmap */
    uint8_t state;                /* enum vm_page_state */
    uint8_t order;                /* FREE, USED */
    uint8_t zone;                 /* constant */
    uint8_t pager_flags;          /* VM_PAGE_*; of an object with a pager, under its lock */
};
_Static_assert(sizeof(struct vm_page) <= 64, "the page array takes at most 1/64 of memory");

/* The structure of the page at `address` (direct map) that vm_page_alloc() gave out. */
struct vm_page *vm_page_of(const void *address);
/* The direct-map address of the page. */
void *vm_page_address(const struct vm_page *page);

/* Make `page` (direct map, from vm_page_alloc(0)) a page of memory objects, with one reference. `payer` was charged for it, and
 * is given that back at the end. */
struct vm_page *vm_page_adopt(void *page, struct ledger_account *payer);
static inline void vm_page_ref(struct vm_page *page)
{
    ref_get(&page->refs);
}
/* Does it only stand for a page that is out? */
static inline bool vm_page_is_out(const struct vm_page *page)
{
    return __atomic_load_n(&page->state, __ATOMIC_RELAXED) ==
           VM_PAGE_OUT; /* relaxed: constant while anything refers to it */
}
/* The last reference frees the page. Context: no pmap maps it for the holder of the reference. */
void vm_page_unref(struct vm_page *page);
/* Has anyone but the caller a reference?  acquire: what others did with the page before they dropped theirs is
 * done. */
static inline bool vm_page_is_shared(const struct vm_page *page)
{
    return __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) != 1;
}

#endif
