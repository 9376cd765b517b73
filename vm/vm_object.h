/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects: what is behind a range of an address map.  Here: anonymous memory, whose pages are made,
 * zero, on first use.  An object is used by one map entry, by several of the same map (a range that was
 * split), or by several maps (VM_INHERIT_SHARE).
 *
 * A copy of an object shares its pages (vm_radix.h) until one of both writes.  Pages that are shared with a copy
 * are mapped without the right to write, everywhere.
 *
 * A page stays in its object as long as an entry that covers it exists; whoever holds the lock of a map with
 * such an entry may use the page that vm_object_page() returned.
 */
#ifndef VM_VM_OBJECT_H
#define VM_VM_OBJECT_H

#include <hal/types.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <mach/kern_return.h>
#include <mach/vm_prot.h>
#include <vm/vm_page_i.h>
#include <vm/vm_radix.h>

struct ledger_account;
struct memory_object;
struct vm_map_entry;

/* Where its pages come from. */
enum vm_object_kind {
    VM_OBJECT_ANONYMOUS, /* made when they are first used */
    VM_OBJECT_PAGED,     /* a pager has them, or the object that this is a copy of (vm/memory_object.h) */
    /* physical memory: */
    VM_OBJECT_CONTIGUOUS, /* a block of RAM from the start (vm/vm_physical.h) */
    VM_OBJECT_RESERVED,   /* RAM that was never free */
    VM_OBJECT_DEVICE,     /* registers of a device */
};

struct vm_object {
    spinlock_t lock;                 /* rank LOCK_RANK_OBJECT; with a pager LOCK_RANK_PAGED_OBJECT */
    uint64_t refs;                   /* kern/ref.h: entries; of one with a pager also that, and its copies */
    uint32_t wired GUARDED_BY(lock); /* users that are wired */
    uint8_t kind;                    /* enum vm_object_kind; constant */
    uint8_t order;                   /* CONTIGUOUS: of 2^order pages; constant */
    hal_pa_t base; /* physical memory: of its first page; constant. Its tree has no pages. */
    bool shared;   /* atomic; once set it stays: there may be pages behind several entries, or behind none */
    struct list users GUARDED_BY(lock);     /* struct vm_map_entry: those with a reference */
    struct vm_radix pages GUARDED_BY(lock); /* resident pages by page number */

    bool locked
        GUARDED_BY(lock); /* some page may not be read yet, since its pager says so; once set it stays */

    /* of memory that a pager provides (vm/memory_object.h); constant */
    struct memory_object *pager; /* NULL: none */
    struct vm_object *source; /* a reference: the object with a pager of which this is a copy; NULL: none */
    uint64_t source_index;    /* page of the source that is number 0 here */
    struct list copy_link;    /* its pager's copies; under the lock of the source */
};

void vm_object_init_module(void);

/* A new object without pages, with one reference, or NULL. It, and what is made for it, is charged to `payer`. */
HAL_NODISCARD struct vm_object *vm_object_create(struct ledger_account *payer);
/* The same for memory that `pager` provides. */
HAL_NODISCARD struct vm_object *vm_object_create_paged(struct ledger_account *payer,
                                                       struct memory_object *pager);
void vm_object_ref(struct vm_object *object);
void vm_object_unref(struct vm_object *object); /* Context: no lock of rank >= LOCK_RANK_OBJECT */
/* Let `entry`, whose range and offset are set, use the object; it takes over a reference of the caller's. */
void vm_object_attach(struct vm_object *object, struct vm_map_entry *entry);
/* The entry uses its object no more and drops its reference. The last one frees the object and its pages.
 * Context: the entry's map does not map pages of it for the entry any more. */
void vm_object_detach(struct vm_map_entry *entry);

/* Count `entry`, which has an object, as wired once more (by: 1), or less (-1). Context: its map is locked. */
void vm_object_wire(struct vm_map_entry *entry, int by);

/* Is a page of [first, end) wired? */
bool vm_object_shows_wired(struct vm_object *object, uint64_t first, uint64_t end) REQUIRES(object->lock);
static inline bool vm_object_is_wired(struct vm_object *object, uint64_t first, uint64_t end)
    REQUIRES(object->lock)
{
    return __builtin_expect(object->wired > 0, 0) && vm_object_shows_wired(object, first, end);
}

/* Is its page with number `index` there? *own: no copy shares it. Context: no lock of an object. */
bool vm_object_has_page(struct vm_object *object, uint64_t index, bool *own);

/* Entries that use the object now. */
uint64_t vm_object_references(const struct vm_object *object);

/* From now on several entries may use the same page, and pages may be behind none. Context: the map of an entry
 * that uses the object is locked. */
void vm_object_share(struct vm_object *object);

/*
 * Is the caller's reference the only one?  References come from references: if it is, and the lock of its map keeps
 * others from copying it, none can appear.  acquire: what the entry that went last did with the pages is done.
 * Context: the map of the entry is locked.
 */
static inline bool vm_object_is_sole(const struct vm_object *object)
{
    return __atomic_load_n(&object->refs, __ATOMIC_ACQUIRE) == 1;
}
/* Was it never shared?  Then it has pages only where an entry is: no other is behind the end of one. */
static inline bool vm_object_is_private(const struct vm_object *object)
{
    return !__atomic_load_n(&object->shared, __ATOMIC_RELAXED);
}
/* Is it there from the start, and no page of it ever another? */
static inline bool vm_object_is_physical(const struct vm_object *object)
{
    return object->kind > VM_OBJECT_PAGED;
}
/* May an entry other than the caller's, or a device, use the caller's pages? Context: as for vm_object_share(). */
static inline bool vm_object_is_shared(const struct vm_object *object)
{
    return !vm_object_is_private(object) && (!vm_object_is_sole(object) || vm_object_is_physical(object));
}

/* Does a pager provide what it has not, its own or its source's? */
static inline bool vm_object_is_backed(const struct vm_object *object)
{
    return object->kind == VM_OBJECT_PAGED;
}

/* A page that is made while no lock is held: a copy of `source`, or zeros if that is NULL. */
struct vm_object_fill {
    struct vm_page *fresh;
    struct vm_page *source; /* a reference */
    struct ledger_account *payer;

    /* with KERN_PAGE_WAIT, for memory_object_resolve() */
    struct memory_object *paged; /* a reference */
    uint64_t index;
    uint32_t count;   /* pages from there on that may be asked for */
    vm_prot_t access; /* VM_PROT_NONE: it is there, and the copies are to have it */
};

/* Inside the kernel: a page must come from its pager first. */
#define KERN_PAGE_WAIT ((kern_return_t)0x10000)
/* The pager has what was given back to it. */
#define KERN_PAGE_SYNCED ((kern_return_t)0x10002)

/* How vm_object_page() may return a page. */
enum vm_object_access {
    VM_OBJECT_READ,  /* perhaps shared with a copy */
    VM_OBJECT_WRITE, /* the object's own: made a copy of it if need be */
};

/* vm_object_page() where the caller may not use the page that was found, *page, or there is none. */
HAL_NODISCARD kern_return_t vm_object_put_page(struct vm_object *object, uint64_t index, bool writable,
                                               const struct vm_map_entry *mapper, struct vm_object_fill *fill,
                                               struct vm_page **page) REQUIRES(object->lock);
/* vm_object_page() where *page is out (vm_store.c). Returns as that; KERN_PAGE_WAIT as memory_object_page(). */
HAL_NODISCARD kern_return_t vm_store_page(struct vm_object *object, uint64_t index,
                                          enum vm_object_access access, bool writable,
                                          const struct vm_map_entry *mapper, struct vm_object_fill *fill,
                                          struct vm_page **page, bool *own) REQUIRES(object->lock);
/*
 * The page with number `index` of an anonymous object as *page.
 * writable: *page, if it is the object's own, counts as mapped writable from now on.
 * mapper: the entry whose map the caller will enter the page into before it unlocks the object, or NULL.
 * Returns: KERN_SUCCESS *page is the page, *own whether it is the object's own; or NULL: call
 * vm_object_make_page() without locks, and then this again. KERN_RESOURCE_SHORTAGE no memory for the index. KERN_PAGE_WAIT it is
 * out: as memory_object_page().
 */
HAL_NODISCARD static inline kern_return_t vm_object_page(struct vm_object *object, uint64_t index,
                                                         enum vm_object_access access, bool writable,
                                                         const struct vm_map_entry *mapper,
                                                         struct vm_object_fill *fill, struct vm_page **page,
                                                         bool *own) REQUIRES(object->lock)
{
    *page = vm_radix_find(&object->pages, index, writable, own);
    if (__builtin_expect(*page != NULL, 1)) {
        if (__builtin_expect(vm_page_is_out(*page), 0))
            return vm_store_page(object, index, access, writable, mapper, fill, page, own);
        if (__builtin_expect(*own || access == VM_OBJECT_READ, 1))
            return KERN_SUCCESS;
    }
    *own = true;
    return vm_object_put_page(object, index, writable, mapper, fill, page);
}
/*
 * The page with number `index` of an object that nobody else uses, to be read: *page, *own as above; or NULL: zeros.
 * Returns: KERN_SUCCESS; KERN_PAGE_WAIT, KERN_MEMORY_ERROR, KERN_RESOURCE_SHORTAGE as vm_fault(). Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_object_peek(struct vm_object *object, uint64_t index, struct vm_page **page,
                                           bool *own);
/* Pages of [first, end) are about to be shared with a copy: nobody may write to them any more. */
void vm_object_protect(struct vm_object *object, uint64_t first, uint64_t end) REQUIRES(object->lock);
/* Do a bounded part of that ahead, so that less is left for one call. Returns where the rest begins; `end`: nothing is left. */
uint64_t vm_object_protect_step(struct vm_object *object, uint64_t first, uint64_t end);
/* The pages of [first, end) go: nobody but `mapper` (or NULL), which will map others, may read them any more. */
void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end,
                     const struct vm_map_entry *mapper) REQUIRES(object->lock);
/* Which of the `count` <= 64 pages from `first` on were used since the last call: bit i for page first + i. Pages of [first, first + count)
 * that are mapped count as used at first. */
uint64_t vm_object_age(struct vm_object *object, uint64_t first, unsigned count) REQUIRES(object->lock);
/* A page with one reference, zeroed or not, charged to `payer`; or NULL. */
HAL_NODISCARD struct vm_page *vm_object_alloc_page(struct ledger_account *payer, bool zero);
/* Make what vm_object_page() asked for. Returns false without memory. Context: no lock. */
HAL_NODISCARD bool vm_object_make_page(struct vm_object_fill *fill);
/* Give back what is in `fill`, and leave it empty. Context: if a page was put in place of the source, no pmap maps the
 * source for the object any more. */
void vm_object_fill_drop(struct vm_object_fill *fill);
static inline void vm_object_fill_end(struct vm_object_fill *fill)
{
    if (fill->fresh != NULL || fill->source != NULL)
        vm_object_fill_drop(fill);
}

/* Let a new object have `page`, whose reference is used up, at a place where it has none. Returns false without memory: it is freed. */
HAL_NODISCARD bool vm_object_give(struct vm_object *object, uint64_t index, struct vm_page *page);

/* Free the resident pages with numbers [first, end). Context: no pmap maps them. */
void vm_object_remove(struct vm_object *object, uint64_t first, uint64_t end);
/* If the caller's reference is the only one: free pages, about *budget, which is counted down. Returns whether
 * nothing is left to do. Context: no pmap maps them, and no thread uses the map. */
bool vm_object_clear_step(struct vm_object *object, uint64_t *budget);

/*
 * Give `entry`, which has a range but no object, a copy of the pages [first, end), as many as its range has: an object of its payer's,
 * or none, since there are no pages; and the offset.  Takes constant time, and time to write-protect pages that are mapped writable.
 * Pages that are wired are copied at once.
 * Memory of a pager: as that wants it (vm/memory_object.h); part: its pages must be there, since some are wanted only in part.
 * Returns: KERN_SUCCESS; KERN_PROTECTION_FAILURE devices use it; KERN_PAGE_WAIT, KERN_MEMORY_ERROR as memory_object_copy_now();
 * KERN_RESOURCE_SHORTAGE: nothing happened.
 * Context: the lock of a map with an entry that covers the pages; nobody else knows `entry`.
 */
HAL_NODISCARD kern_return_t vm_object_copy(struct vm_object *object, uint64_t first, uint64_t end, bool part,
                                           struct vm_map_entry *entry);

/* Leave only the bytes [from, to) of the page with number `index`, if there is one; the others become zero. Returns as
 * vm_object_peek(). Context: the caller alone uses the object, and it is not mapped. */
HAL_NODISCARD kern_return_t vm_object_trim(struct vm_object *object, uint64_t index, size_t from, size_t to);

#endif
