/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-out: a kernel thread that takes pages which nobody has used for a while out of memory when little is free (vm_pageout.c).
 * Pages of objects with a pager go back to that; anonymous ones go to the default pager (vm_store.h).
 */
#ifndef VM_VM_PAGEOUT_H
#define VM_VM_PAGEOUT_H

#include <hal/types.h>
#include <mach/kern_return.h>

struct vm_map;
struct vm_object_fill;

/* Boot: before the first map; then the kernel thread. */
void vm_pageout_init_module(void);
void vm_pageout_start(void);

/* There is a default pager, or there is none any more: set what is kept back for it. Context: no lock of rank >= LOCK_RANK_PAGE. */
void vm_pageout_set_marks(bool kept);

/* Little memory is free, or something stands for a page that nothing refers to any more. Context: no lock of rank >= LOCK_RANK_PAGER. */
void vm_pageout_wake(void);

/*
 * The current task, whose map this is, has as much memory as it may have, and needs a page: take some of its own out.
 * Returns: KERN_SUCCESS try again; KERN_PAGE_WAIT the same, after memory_object_resolve() of `fill`; KERN_RESOURCE_SHORTAGE none can
 * leave. Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_pageout_own(struct vm_map *map, struct vm_object_fill *fill);

/* Something needs several pages of the map at a time, and waits for one of them: its pages stay for a while. Context: any. */
void vm_pageout_spare(struct vm_map *map);

/* May the current thread have pages that are kept back?  Kernel threads may, and tasks that page-out depends on. */
bool vm_pageout_is_privileged(void);

/* A new map; one that goes: its pages are looked at from now on, or no more. Context: no lock of rank >= LOCK_RANK_PAGER. */
void vm_pageout_enter(struct vm_map *map);
void vm_pageout_leave(struct vm_map *map);

#endif
