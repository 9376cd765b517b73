/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory entries: memory that a port stands for, so that whoever has the port can map it.  Every mapping that is no copy shows the
 * same pages; they stay as long as a mapping or the port does.
 */
#ifndef VM_VM_MEMORY_ENTRY_H
#define VM_VM_MEMORY_ENTRY_H

#include <hal/types.h>
#include <mach/kern_return.h>
#include <vm/vm_map.h>

struct ipc_port;
struct vm_memory_entry;

void vm_memory_entry_init_module(void);

/*
 * An entry, with one reference, for the memory of `map` that has [address, address + *size), rounded outwards to pages; or (map NULL)
 * for as much fresh memory.  Whoever maps it gets no more than `protection`.
 * Returns KERN_SUCCESS, *size in whole pages; KERN_INVALID_ARGUMENT size 0, the range wraps, bits beyond VM_PROT_ALL;
 * KERN_INVALID_ADDRESS a hole; KERN_PROTECTION_FAILURE part of it may not have that protection; KERN_RESOURCE_SHORTAGE.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_memory_entry_create(struct vm_map *map, hal_va_t address, uint64_t *size,
                                                   vm_prot_t protection, struct ledger_account *payer,
                                                   struct vm_memory_entry **entry);
/*
 * An entry for the registers of a device at [base, base + size).
 * Returns KERN_SUCCESS; KERN_INVALID_ARGUMENT size 0, not whole pages, or beyond what page tables can say; KERN_NO_ACCESS some of it is
 * RAM, or registers that the HAL uses; KERN_RESOURCE_SHORTAGE.
 */
HAL_NODISCARD kern_return_t vm_memory_entry_create_device(hal_pa_t base, uint64_t size,
                                                          struct ledger_account *payer,
                                                          struct vm_memory_entry **entry);
/* An entry for the pages, reserved at boot, that hold [base, base + size): to be read. KERN_SUCCESS, KERN_RESOURCE_SHORTAGE. */
HAL_NODISCARD kern_return_t vm_memory_entry_create_reserved(hal_pa_t base, uint64_t size,
                                                            struct ledger_account *payer,
                                                            struct vm_memory_entry **entry);
/*
 * An entry for contiguous RAM, zero, no byte of it above `last`, aligned to its size rounded up to a power of two, which is what
 * `payer` pays.
 * Returns KERN_SUCCESS, *base where it is; KERN_INVALID_ARGUMENT size 0 or > VM_PHYSICAL_MAX; KERN_RESOURCE_SHORTAGE.
 */
HAL_NODISCARD kern_return_t vm_memory_entry_create_contiguous(uint64_t size, uint64_t last,
                                                              struct ledger_account *payer,
                                                              struct vm_memory_entry **entry, hal_pa_t *base);
void vm_memory_entry_ref(struct vm_memory_entry *entry);
void vm_memory_entry_unref(struct vm_memory_entry *entry); /* Context: no lock */

/*
 * Map `size` bytes of `entry` from `offset` on (NULL: of fresh memory), rounded up to pages, as how says: its protections, too.
 * Returns KERN_SUCCESS, *address set; KERN_INVALID_ARGUMENT size 0 or beyond the entry, mask, inheritance, protections that can't be, or
 * the fixed place wraps; KERN_INVALID_RIGHT more protection than the entry allows; KERN_PROTECTION_FAILURE a copy of
 * memory that devices use; KERN_INVALID_ADDRESS the place is not in user
 * space; KERN_NO_SPACE; KERN_RESOURCE_SHORTAGE: nothing changed.
 * Context: no lock.
 */
HAL_NODISCARD kern_return_t vm_map_memory(struct vm_map *map, hal_va_t *address, uint64_t size,
                                          const struct vm_memory_entry *entry, uint64_t offset,
                                          const struct vm_map_remap *how);
/* The same of the memory that the pager with the port `pager` provides. KERN_INVALID_ARGUMENT as well: the port is dead, or the
 * kernel's. */
HAL_NODISCARD kern_return_t vm_map_pager(struct vm_map *map, hal_va_t *address, uint64_t size,
                                         struct ipc_port *pager, uint64_t offset,
                                         const struct vm_map_remap *how);

#endif
