/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects: what is behind a range of an address map.  Here: anonymous memory, whose pages are made,
 * zero, on first use.  An object is used by one map entry, by several of the same map (a range that was
 * split), or by several maps (VM_INHERIT_SHARE).
 *
 * A page stays in its object as long as an entry that covers it exists; whoever holds the lock of a map with
 * such an entry may use the page that vm_object_page() returned.
 */
#ifndef VM_VM_OBJECT_H
#define VM_VM_OBJECT_H

#include <hal/types.h>
#include <kern/spinlock.h>
#include <mach/kern_return.h>
#include <vm/vm_radix.h>

struct vm_object {
    spinlock_t lock; /* rank LOCK_RANK_OBJECT */
    uint64_t refs;   /* kern/ref.h: entries */
    bool shared;     /* atomic; once set it stays: a page may be used by more than one entry */
    struct vm_radix pages GUARDED_BY(lock); /* resident pages: direct-map address by page number */
    uint64_t resident GUARDED_BY(lock);
};

void vm_object_init_module(void);

/* A new object without pages, with one reference, or NULL. */
HAL_NODISCARD struct vm_object *vm_object_create(void);
void vm_object_ref(struct vm_object *object);
/* The last one frees the object and its pages. Context: no pmap maps a page of an object that loses its last
 * reference. */
void vm_object_unref(struct vm_object *object);

/* From now on several entries may use the same page. Context: the map of an entry that uses the object is
 * locked. */
void vm_object_share(struct vm_object *object);
/* May an entry other than the caller's use the caller's pages? Context: as for vm_object_share(). */
bool vm_object_is_shared(const struct vm_object *object);
/* Was it never shared?  Then it has pages only where an entry is: no other is behind the end of one. */
bool vm_object_is_private(const struct vm_object *object);

/*
 * The page with number `index` as *page.  If there is none, *fresh (a zeroed page, or NULL) becomes it, and
 * *fresh NULL.
 * Returns: KERN_SUCCESS *page is the page, or NULL: there is none and *fresh was NULL;
 * KERN_RESOURCE_SHORTAGE no memory for the index: unchanged.
 */
HAL_NODISCARD kern_return_t vm_object_page(struct vm_object *object, uint64_t index, void **fresh,
                                           void **page);

/* Free the resident pages with numbers [first, end). Context: no pmap maps them. */
void vm_object_remove(struct vm_object *object, uint64_t first, uint64_t end);

/* The number of the first resident page at or above `index`; UINT64_MAX: there is none. */
uint64_t vm_object_next(struct vm_object *object, uint64_t index);

/* How many pages are resident. */
uint64_t vm_object_resident(struct vm_object *object);

/*
 * A new object with copies of the pages [first, end), numbered from 0.
 * Returns: KERN_SUCCESS *copy with one reference; KERN_RESOURCE_SHORTAGE: nothing.
 * Context: the caller has a reference; no lock held.
 */
HAL_NODISCARD kern_return_t vm_object_copy(struct vm_object *object, uint64_t first, uint64_t end,
                                           struct vm_object **copy);

#endif
