/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a user-level pager provides: the kernel's side of a memory object (include/mach/memory_object*.defs).
 *
 * A paged object is a vm_object with a struct memory_object.  A page that is not there is asked for, once, and the threads that need
 * it wait with nothing held: a fault tries again afterwards, a call begins again.  The pager is told by messages and is never waited
 * for; what it says is believed about its own object's data, and about nothing else.
 *
 * A copy of a paged object is an object of its own, whose `source` is the paged one: a page that it has not is taken from
 * there.  Before a page of the source is changed, all copies that have it not yet get it.  So the copies of copies have the same
 * source, and no chain is longer than that.
 *
 * Lock order: a copy, its source, then pmap, ports, threads.
 */
#ifndef VM_MEMORY_OBJECT_H
#define VM_MEMORY_OBJECT_H

#include <hal/types.h>
#include <kern/thread.h>
#include <mach/kern_return.h>
#include <mach/memory_object_types.h>
#include <mach/vm_prot.h>
#include <mach/vm_sync.h>
#include <vm/vm_object.h>

struct ipc_port;
struct ledger_account;
struct memory_object;
struct vm_map;
struct vm_map_entry;

/* Boot: caches, table; then the kernel thread that ends objects. */
void memory_object_init_module(void);
void memory_object_start(void);

/*
 * The object behind a pager's port, made and told to the pager if there is none, at the cost of `payer`.
 * Returns: one with a reference; NULL: *why KERN_INVALID_ARGUMENT the port is dead, or the kernel's; KERN_RESOURCE_SHORTAGE.
 * Context: no lock.
 */
HAL_NODISCARD struct memory_object *memory_object_find(struct ipc_port *pager, struct ledger_account *payer,
                                                       kern_return_t *why);
void memory_object_ref(struct memory_object *pager);
void memory_object_unref(struct memory_object *pager);
/* Let `entry`, which is in no map, show the object from entry->offset on. Returns false: it has ended meanwhile, find it again. */
HAL_NODISCARD bool memory_object_attach(struct memory_object *pager, struct vm_map_entry *entry);
/* From now on `copy` takes from the object what it has not. Context: its vm_object is locked. */
void memory_object_copied(struct memory_object *pager, struct vm_object *copy);
/* Does nothing show it, and is nothing a copy of it? Context: its vm_object is locked. */
bool memory_object_is_unused(const struct memory_object *pager);
/* Nothing shows the object, or is a copy of it, any more: it is ended soon. Context: its vm_object is locked. */
void memory_object_unused(struct memory_object *pager);
/* Memory is low: end the object that nobody has used for longest, of those that stay for the next user. Returns false: there is none.
 * Context: no lock. */
HAL_NODISCARD bool memory_object_uncache(void);
/* The port of the pager died. Context: no lock. */
void memory_object_pager_died(struct memory_object *pager);

/* --- faults (memory_object_fault.c) --- */

/*
 * vm_object_page() of an object with a pager or a source.
 * Returns: as that; or KERN_PAGE_WAIT: fill->paged, a reference, says what memory_object_resolve() is to see to without locks.
 */
HAL_NODISCARD kern_return_t memory_object_page(struct vm_object *object, uint64_t index,
                                               enum vm_object_access access, bool writable,
                                               const struct vm_map_entry *mapper, struct vm_object_fill *fill,
                                               struct vm_page **page, bool *own) REQUIRES(object->lock);
/*
 * See to what is in `fill`; its reference is used up.
 * Returns: KERN_SUCCESS try again; KERN_PAGE_WAIT the current thread is to wait: memory_object_wait(); KERN_MEMORY_ERROR the pager
 * is dead, or has failed while the thread waited; KERN_RESOURCE_SHORTAGE.
 * Context: no lock; a user's thread is current.
 */
HAL_NODISCARD kern_return_t memory_object_resolve(struct vm_object_fill *fill);
/* The same where a page was to be read. */
HAL_NODISCARD kern_return_t memory_object_resolve_read(struct vm_object_fill *fill);

/*
 * Did something that the current thread has just tried fail because a page must come from its pager first?  For callers that are
 * told of a failure alone: it may also have been an earlier try, for which to wait now does no harm.
 */
static inline bool memory_object_must_wait(const struct thread *self)
{
    return self->page.pager != NULL && self->page.result == KERN_SUCCESS;
}
/*
 * The current thread, for which something returned KERN_PAGE_WAIT, waits, or only lets others run if it is for no page; then `continuation`
 * runs, which calls memory_object_waited() first.
 * Context: no lock; the thread has nothing to lose. On return it may not be touched.
 */
void memory_object_wait(struct thread *self, thread_continuation_t continuation);
/*
 * Returns: KERN_SUCCESS try again; KERN_MEMORY_ERROR the pager failed, KERN_RESOURCE_SHORTAGE no memory came free: the next try for the
 * same page does, too; KERN_ABORTED the wait was ended from outside.
 */
HAL_NODISCARD kern_return_t memory_object_waited(struct thread *self);
/* The thread will not wait after all, at least for no page, or it ends. Context: self is current. */
void memory_object_wait_cancel(struct thread *self);
/* Take `t` off the page it waits for. Returns whether it did wait. Context: as thread_claim(). */
HAL_NODISCARD bool memory_object_wait_claim(struct thread *t);

/* --- copies (memory_object_copy.c) --- */

/* How copies of the object are made. Context: no lock of rank >= LOCK_RANK_PAGED_OBJECT. */
memory_object_copy_strategy_t memory_object_strategy(struct memory_object *pager);
/*
 * Give `entry`, which has a range but no object, an anonymous object with copies of the pages [first, end), from number first - base on.
 * Returns: KERN_SUCCESS; KERN_PAGE_WAIT a page is missing, the current thread is to wait, and to try again; KERN_MEMORY_ERROR;
 * KERN_RESOURCE_SHORTAGE, also of more than MEMORY_OBJECT_COPY_PAGES pages.
 * Context: as vm_object_copy().
 */
#define MEMORY_OBJECT_COPY_PAGES 256u
HAL_NODISCARD kern_return_t memory_object_copy_now(struct memory_object *pager, uint64_t first, uint64_t end,
                                                   uint64_t base, struct vm_map_entry *entry);
/* The same with a new memory object of the pager's, which is to be the copy; entry->offset, too. KERN_SUCCESS; KERN_RESOURCE_SHORTAGE. */
HAL_NODISCARD kern_return_t memory_object_copy_call(struct memory_object *pager, uint64_t first, uint64_t end,
                                                    struct vm_map_entry *entry);

/* --- data --- */

/*
 * memory_object_data_supply of few pages that stay the current task's, at `from`: as its routine (vm/memory_object_supply.c).
 * *waiter, NULL before: a thread that waited for a page, which is the caller's to wake; or NULL.
 * Returns false: there are many, or they can't be read; what was done of it does no harm if it is sent after all, and nobody was woken.
 * Context: no lock; a user's thread is current.
 */
HAL_NODISCARD bool memory_object_supply_few(struct memory_object *pager, memory_object_offset_t offset,
                                            hal_va_t from, uint64_t size, vm_prot_t lock, bool precious,
                                            struct thread **waiter);

/* --- mach_vm_msync (memory_object_sync.c) --- */

/*
 * Give what was changed of [start, end) of the map back to its pagers.  flags: VM_SYNC_*.  A call that is served again after a wait goes
 * on behind what it has waited for.
 * Returns: KERN_SUCCESS; KERN_PAGE_WAIT the current thread is to wait; KERN_MEMORY_ERROR; KERN_RESOURCE_SHORTAGE. Context: no lock.
 */
HAL_NODISCARD kern_return_t memory_object_sync(struct vm_map *map, hal_va_t start, hal_va_t end,
                                               vm_sync_t flags);

/* --- limits --- */

/* Threads wait this long for a pager, in milliseconds; 0: for ever. */
void memory_object_set_timeout(uint32_t ms);

#endif
