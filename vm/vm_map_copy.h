/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of memory that are in no map: what a message carries out of line.  A copy is taken in time that depends on
 * the number of entries it spans and of pages to be write-protected, not on its size: the pages are shared with the
 * source until one of both is written (vm_object.h).  The bytes of the source that are in its first and last page,
 * but not in the range, are not in the copy: there it is zero.
 */
#ifndef VM_VM_MAP_COPY_H
#define VM_VM_MAP_COPY_H

#include <hal/types.h>
#include <kern/list.h>
#include <mach/kern_return.h>
#include <mach/vm_prot.h>

struct ledger_account;
struct vm_map;

/* Memory that is in no map. Belongs to its holder alone. */
struct vm_map_copy {
    struct list entries; /* struct vm_map_entry, without holes; the first begins at 0 */
    uint64_t offset;     /* of the first byte, in the first page */
    uint64_t size;       /* bytes from there; 0: there is nothing in it */
};

void vm_map_copy_init_module(void);

/*
 * Copy [address, address + size), which need not be aligned, at the cost of `payer`. size 0: *copy NULL.
 * Returns: KERN_SUCCESS; KERN_INVALID_ADDRESS part of it is not allocated; KERN_PROTECTION_FAILURE part of it may not be read;
 * KERN_RESOURCE_SHORTAGE: *copy is NULL.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_copyin(struct vm_map *map, hal_va_t address, uint64_t size,
                                          struct ledger_account *payer, struct vm_map_copy **copy);

/*
 * The same into *copy, which is the caller's memory, and which these three alone know: enter is vm_map_copyout(), free vm_map_copy_discard().
 * What vm_map_copy_fill() did not fill has nothing in it.
 */
HAL_NODISCARD kern_return_t vm_map_copy_fill(struct vm_map_copy *copy, struct vm_map *map, hal_va_t address,
                                             uint64_t size, struct ledger_account *payer);
HAL_NODISCARD kern_return_t vm_map_copy_enter(struct vm_map_copy *copy, struct vm_map *map,
                                              hal_va_t *address);
void vm_map_copy_free(struct vm_map_copy *copy);

/*
 * The same of memory of the kernel. The first byte is at the start of a page.
 * Returns: KERN_SUCCESS; KERN_RESOURCE_SHORTAGE: *copy is NULL.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_copy_from_kernel(const void *data, uint64_t size,
                                                    struct ledger_account *payer, struct vm_map_copy **copy);

/*
 * Not a copy, but the memory of [start, end), whole pages, itself: what is written on either side shows on the other.
 * Returns: KERN_SUCCESS; KERN_INVALID_ADDRESS a hole; KERN_PROTECTION_FAILURE part of it may not have `protection`;
 * KERN_RESOURCE_SHORTAGE.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_copy_share(struct vm_map *map, hal_va_t start, hal_va_t end,
                                              vm_prot_t protection, struct ledger_account *payer,
                                              struct vm_map_copy **copy);
/* `size` bytes, whole pages, of fresh memory that is to be shared. Returns: KERN_SUCCESS; KERN_RESOURCE_SHORTAGE. */
HAL_NODISCARD kern_return_t vm_map_copy_fresh(uint64_t size, struct ledger_account *payer,
                                              struct vm_map_copy **copy);
/*
 * Append entries for [from, end), whole pages of the copy, which become 0 and up, to `entries`: the same memory (share; the
 * copy was made by one of the two above), or a copy.
 * Returns: KERN_SUCCESS; KERN_PROTECTION_FAILURE a copy of memory that devices use; KERN_RESOURCE_SHORTAGE: some were appended.
 * Context: no lock; nobody ends or changes the copy.
 */
HAL_NODISCARD kern_return_t vm_map_copy_derive(const struct vm_map_copy *copy, uint64_t from, uint64_t end,
                                               bool share, struct ledger_account *payer,
                                               struct list *entries);

/*
 * Enter the copy (NULL: of nothing) into the map, at the first fit, as memory with default attributes. *address: of its
 * first byte, which is where in its page it was in the source; 0 for nothing.
 * Returns: KERN_SUCCESS, the copy is used up; KERN_NO_SPACE: nothing changed.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_copyout(struct vm_map *map, struct vm_map_copy *copy, hal_va_t *address);

/*
 * Write the copy (NULL: of nothing) over what the map has at `address`.  It stays the caller's.
 * Whole pages that nobody shares are replaced, all at once; other memory is written byte by byte, from byte *done of the copy on, which is
 * counted up, and at most `most` bytes in this call.
 * Returns: KERN_SUCCESS; KERN_PAGE_WAIT more is left, or waits for its pager; KERN_INVALID_ADDRESS part of the range is not allocated;
 * KERN_PROTECTION_FAILURE part of it may not be written; KERN_RESOURCE_SHORTAGE: some of it may have been written.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_copy_overwrite(struct vm_map *map, struct vm_map_copy *copy,
                                                  hal_va_t address, uint64_t most, uint64_t *done);

/* Free a copy (NULL: nothing). Context: no lock. */
void vm_map_copy_discard(struct vm_map_copy *copy);

#endif
