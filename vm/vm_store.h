/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anonymous memory that is out: the kernel's side of the default pager (include/mach/memory_object_default.defs).
 *
 * The store is one memory object of the default pager, as large as its backing store.  A page that goes out moves from the tree of its
 * object to that of the store, under a number that was never used before; in its place stays a struct vm_page_out, which is held and
 * shared as a page is, so copies of objects do not care what is in memory.  From the store's tree the page is given back to the
 * pager, like any changed page of a memory object, unless a fault takes it again before.  A fault on a page that has left asks the
 * pager for it, like one on any missing page of a memory object.
 *
 * Lock order: an object, the store (its vm_object's lock, LOCK_RANK_PAGED_OBJECT).
 */
#ifndef VM_VM_STORE_H
#define VM_VM_STORE_H

#include <hal/types.h>
#include <mach/kern_return.h>

struct ipc_port;
struct memory_object;
struct list;
struct vm_store;
struct vm_object;
struct vm_object_fill;
struct vm_page;

/* Boot. */
void vm_store_init_module(void);

/*
 * The port of the default pager, whose store has room for `size` bytes; consumes the send right if it succeeds.
 * Returns: KERN_SUCCESS; KERN_RESOURCE_SHORTAGE; KERN_FAILURE there is one, alive, or dead with pages that somebody needs.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_store_set(struct ipc_port *manager, uint64_t size);
/* A send right for it; NULL: there is none. */
struct ipc_port *vm_store_manager(void);

/* The store, with a reference, or NULL. May pages be given to it? Context: no lock. */
HAL_NODISCARD struct memory_object *vm_store_any(void);
bool vm_store_is_usable(const struct memory_object *store);
/* The default pager died, or gave its object up: nothing is kept back any more, who waits is told. Context: no lock. */
void vm_store_failed(void);
/* If that has happened, and nobody needs a page of it any more: it goes. Context: no lock. */
void vm_store_retire(struct memory_object *store);
/* Its memory object goes. */
void vm_store_free(struct vm_store *store);

/*
 * Take the page at `index`, which nothing maps and the object's tree holds, out of the object into the store.
 * Returns false: the store is full, or no memory; it stays.
 */
HAL_NODISCARD bool vm_store_park(struct memory_object *store, struct vm_object *object, uint64_t index,
                                 struct vm_page *page);
/* Is the page in the store only because others hold it, too?  Then it can't be given back yet. Context: the store is locked. */
bool vm_store_is_parked(const struct memory_object *pager, const struct vm_page *page);
/* The page leaves memory, or stays there (kept), given back to the pager (sent) or as it has it. Context: the store is locked. */
void vm_store_leaves(struct vm_page *page, bool sent, bool kept);
/* Are pages in the store that are to be given back, or dropped? Context: no lock. */
bool vm_store_is_loaded(struct memory_object *store);

/* The last reference to what stands for a page went. Context: no lock of rank >= LOCK_RANK_PAGER. */
void vm_store_forget(struct vm_page *page);
/* See to some that were forgotten: their room in the store is free again. Returns whether there may be more. Context: no lock. */
bool vm_store_clean(void);

/* Something needs a page, and there is none that users may have. Returns true: the thread is to wait, as `fill` says now
 * (memory_object_resolve()). Context: no lock. */
HAL_NODISCARD bool vm_store_wait(struct vm_object_fill *fill);
/* The same with the store's reference. */
void vm_store_fill_wait(struct memory_object *store, struct vm_object_fill *fill);
/* Where they wait, or (index: MEMORY_OBJECT_ANY_REQUEST) those for whose pages the pager can't be asked yet; NULL: it can by now.
 * Context: the store is locked. */
struct list *vm_store_waiters(struct vm_store *store, uint64_t index);
/* The pager has said something of pages that it was asked for: others may be. Context: the store is locked. */
void vm_store_answered(struct vm_store *store);
/* Let those who wait for memory try again; or tell them that there is none. Context: no lock. */
void vm_store_wake(struct memory_object *store, bool fail);

#endif
