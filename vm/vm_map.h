/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps: the ranges of a user address space, what is behind them, and what may be done with them. */
#ifndef VM_VM_MAP_H
#define VM_VM_MAP_H

#include <hal/types.h>
#include <mach/kern_return.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_sync.h>
#include <mach/vm_types.h>

struct ledger_account;
struct pmap;
struct vm_map;
typedef struct vm_map *vm_map_t;

void vm_map_init_module(void);

/* An empty map of the whole user range with its pmap; one reference; NULL without memory. What is made for it is charged to
 * `payer`. */
HAL_NODISCARD struct vm_map *vm_map_create(struct ledger_account *payer);
struct pmap *vm_map_pmap(struct vm_map *map);
void vm_map_ref(struct vm_map *map);
void vm_map_unref(struct vm_map *map); /* the last one frees what vm_map_clear_step() left */

/* Remove up to a bounded amount of the map: the reaper calls it again and again, with preemption between.
 * Returns true when it is empty. */
bool vm_map_clear_step(struct vm_map *map);

/*
 * New map for a child by the inheritance of each range (VM_INHERIT_SHARE, COPY, NONE).
 * Returns KERN_SUCCESS; KERN_PROTECTION_FAILURE a copy of memory that devices use; KERN_PAGE_WAIT, KERN_MEMORY_ERROR a copy of a pager's
 * memory, as memory_object_copy_now(); KERN_RESOURCE_SHORTAGE: there is no child.  Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_fork(struct vm_map *parent, struct ledger_account *payer,
                                        struct vm_map **child);

/*
 * Zero-filled memory of `size` bytes (rounded up to pages). anywhere: first fit at or above *address (rounded
 * up), else exactly at *address (rounded down).
 * Returns KERN_SUCCESS, *address set; KERN_NO_SPACE; KERN_INVALID_ADDRESS the range is not in user space;
 * KERN_INVALID_ARGUMENT wraps; KERN_RESOURCE_SHORTAGE: nothing changed.
 * size 0: KERN_SUCCESS and nothing happens (*address 0).
 */
kern_return_t vm_map_allocate(struct vm_map *map, hal_va_t *address, uint64_t size, bool anywhere);
/* The same, for memory that is made and mapped in blocks of PMAP_BLOCK_SIZE bytes where that can be. KERN_INVALID_ARGUMENT also: the
 * size, or a place that is fixed, is not a multiple of that. */
kern_return_t vm_map_allocate_superpages(struct vm_map *map, hal_va_t *address, uint64_t size, bool anywhere);
/* The same as vm_map_allocate(), exactly at `address` (rounded down), in place of what is there. Errors: as vm_map_allocate():
 * nothing changed. size 0: KERN_SUCCESS and nothing happens. */
kern_return_t vm_map_replace(struct vm_map *map, hal_va_t address, uint64_t size);
/* Remove [address, address + size), rounded outwards to pages; holes are fine, and so is space outside the
 * user range.
 * Returns KERN_SUCCESS; KERN_INVALID_ARGUMENT wraps; KERN_RESOURCE_SHORTAGE no memory to split a range in
 * two: nothing changed. */
kern_return_t vm_map_deallocate(struct vm_map *map, hal_va_t address, uint64_t size);
/* set_maximum: lower the maximum (and current) protection. Errors: KERN_INVALID_ADDRESS a hole;
 * KERN_PROTECTION_FAILURE above the maximum, or (current protection) W with X; KERN_INVALID_ARGUMENT wraps,
 * or bits beyond VM_PROT_ALL; KERN_RESOURCE_SHORTAGE: nothing changed. size 0: KERN_SUCCESS and nothing
 * happens. */
kern_return_t vm_map_protect(struct vm_map *map, hal_va_t address, uint64_t size, bool set_maximum,
                             vm_prot_t prot);
/* Holes are fine. Errors: KERN_INVALID_ARGUMENT wraps, or inheritance is none of SHARE, COPY, NONE;
 * KERN_RESOURCE_SHORTAGE: nothing changed. */
kern_return_t vm_map_inherit(struct vm_map *map, hal_va_t address, uint64_t size, vm_inherit_t inheritance);

/* What vm_map_caches() does: tell whether all is cached, or make what was written what is fetched as instructions. */
enum vm_map_caches { VM_MAP_CACHES_GET, VM_MAP_CACHES_SYNC };
/* Of at most VM_MAP_CACHES_MAX bytes. Returns KERN_SUCCESS, *cached set; KERN_INVALID_ARGUMENT more, or it wraps; KERN_INVALID_ADDRESS a
 * hole. */
#define VM_MAP_CACHES_MAX (UINT64_C(1) << 20)
kern_return_t vm_map_caches(struct vm_map *map, hal_va_t address, uint64_t size, enum vm_map_caches what,
                            bool *cached);
/*
 * Say how a range will be used, VM_BEHAVIOR_DEFAULT .. VM_BEHAVIOR_RSEQNTL: behind a page that is read at random no others are mapped.
 * VM_BEHAVIOR_FREE: give up the pages that nobody shares and nobody wired; they read as zeros then.
 * Returns KERN_SUCCESS; KERN_INVALID_ARGUMENT another behavior, or the range wraps; KERN_INVALID_ADDRESS a hole;
 * KERN_RESOURCE_SHORTAGE: nothing changed.
 */
kern_return_t vm_map_behavior_set(struct vm_map *map, hal_va_t address, uint64_t size,
                                  vm_behavior_t behavior);
/*
 * Memory without a pager is nowhere else: nothing has to be written.  VM_SYNC_KILLPAGES gives pages up, as VM_BEHAVIOR_FREE does.
 * Returns KERN_SUCCESS; KERN_INVALID_ARGUMENT other flags, or both kinds of writing, or the range wraps; KERN_INVALID_ADDRESS a hole,
 * with VM_SYNC_CONTIGUOUS: nothing happened.
 */
kern_return_t vm_map_sync(struct vm_map *map, hal_va_t address, uint64_t size, vm_sync_t flags);
/*
 * Wire a range, rounded outwards to pages: its pages are made, and mapped for `access`, which is not VM_PROT_NONE.  Then they are not
 * taken away, and not replaced by others, until the range is unwired as often, or deallocated; copies that are made of them
 * meanwhile get pages of their own at once.
 * Returns KERN_SUCCESS; KERN_INVALID_ARGUMENT bits beyond VM_PROT_ALL, more than 1 MiB, or the range wraps; KERN_INVALID_ADDRESS
 * a hole; KERN_PROTECTION_FAILURE part of it does not allow the access; KERN_FAILURE part of it was wired 65,535 times;
 * KERN_RESOURCE_SHORTAGE: nothing was wired, but pages may have been made.
 * Context: no lock.
 */
kern_return_t vm_map_wire(struct vm_map *map, hal_va_t address, uint64_t size, vm_prot_t access);
/* Returns KERN_SUCCESS; KERN_INVALID_ARGUMENT part of the range is not wired, or it wraps; KERN_INVALID_ADDRESS a hole;
 * KERN_RESOURCE_SHORTAGE: nothing changed. */
kern_return_t vm_map_unwire(struct vm_map *map, hal_va_t address, uint64_t size);

/* How vm_map_remap() and vm_map_memory() are to be done. */
struct vm_map_remap {
    uint64_t mask; /* 2^n - 1: anywhere, an address without these bits */
    bool anywhere;
    bool overwrite; /* in place of what is there */
    bool copy;
    vm_inherit_t inheritance;
    vm_prot_t protection;     /* of the mapping; vm_map_remap(): a result, what all of it has */
    vm_prot_t max_protection; /* the same */
};

/*
 * Let `map` have [source_address, source_address + size) of `source`, rounded outwards to pages, as well: the same
 * memory, or a copy. Both maps may be the same, and the ranges may overlap.
 * Returns KERN_SUCCESS, *address set; KERN_INVALID_ARGUMENT size 0, the source or the fixed place wraps, mask or
 * inheritance; KERN_INVALID_ADDRESS a hole in the source, or the place is not in user space; KERN_NO_SPACE;
 * KERN_RESOURCE_SHORTAGE: nothing changed.
 */
kern_return_t vm_map_remap(struct vm_map *map, hal_va_t *address, struct vm_map *source,
                           hal_va_t source_address, uint64_t size, struct vm_map_remap *how);

/* Neighbouring pages with the same attributes. */
struct vm_map_region {
    hal_va_t start;
    uint64_t size;
    uint64_t offset; /* of its first byte in its object */
    vm_prot_t protection;
    vm_prot_t max_protection;
    vm_inherit_t inheritance;
    vm_behavior_t behavior;
    uint16_t wired;      /* times that it was wired */
    bool shared;         /* other maps may see the same pages */
    uint64_t references; /* entries that show its object; 0: nothing was touched yet */
};

/* The pages of a region that are there. */
struct vm_map_resident {
    uint64_t pages;
    uint64_t copied; /* of them, shared with a copy: a write makes another page */
};

/* The region that contains `address`, or the next one above.  resident: NULL, or what is to be found out as well, which takes time
 * by the number of pages.
 * Returns KERN_SUCCESS; KERN_INVALID_ADDRESS there is none: *region unchanged. */
kern_return_t vm_map_region(struct vm_map *map, hal_va_t address, struct vm_map_region *region,
                            struct vm_map_resident *resident);

/* A page of a map. */
struct vm_map_page {
    bool present;
    bool copied;         /* shared with a copy: a write makes another page of it */
    uint64_t references; /* entries that show its object; 0: nothing was touched yet */
};

/* Returns KERN_SUCCESS; KERN_INVALID_ADDRESS nothing is allocated at `va`: *page unchanged. */
kern_return_t vm_map_page_query(struct vm_map *map, hal_va_t va, struct vm_map_page *page);
/* The same of `count` pages from `va` on; where nothing is allocated, no page is present. */
void vm_map_page_range(struct vm_map *map, hal_va_t va, struct vm_map_page *pages, unsigned count);

/* Bytes that are allocated; bytes that are mapped now. */
uint64_t vm_map_size(struct vm_map *map);
uint64_t vm_map_resident_size(struct vm_map *map);

/*
 * Resolve a fault: make the page at va accessible in the way asked for (VM_PROT_READ/WRITE/EXECUTE).
 * Returns KERN_SUCCESS retry the access; KERN_INVALID_ADDRESS nothing there; KERN_PROTECTION_FAILURE not
 * allowed; KERN_RESOURCE_SHORTAGE no memory; KERN_MEMORY_ERROR its pager failed; KERN_PAGE_WAIT (kernel only: vm/vm_object.h) the
 * current thread must wait for its pager and begin again.
 * Context: no lock held; any map, not only the active one.
 */
kern_return_t vm_fault(struct vm_map *map, hal_va_t va, vm_prot_t access);

/* Copy between the kernel and the *current* task's memory, resolving faults. HAL_USER_RANGE is checked here.
 * Returns KERN_SUCCESS or the error of vm_fault() (some bytes may have been copied). */
HAL_NODISCARD kern_return_t vm_copyin(struct vm_map *map, void *dst, hal_va_t src, size_t n);
HAL_NODISCARD kern_return_t vm_copyout(struct vm_map *map, hal_va_t dst, const void *src, size_t n);
/* The same for any task's memory, through the direct map. */
HAL_NODISCARD kern_return_t vm_map_read(struct vm_map *map, void *dst, hal_va_t src, size_t n);
HAL_NODISCARD kern_return_t vm_map_write(struct vm_map *map, hal_va_t dst, const void *src, size_t n);

#endif
