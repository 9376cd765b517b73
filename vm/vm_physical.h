/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects that are a given part of physical memory: contiguous RAM that devices use, registers of devices, and what
 * the firmware left in RAM.  They have all their pages from the start, which are never copied or replaced: a device knows them
 * by their address.
 */
#ifndef VM_VM_PHYSICAL_H
#define VM_VM_PHYSICAL_H

#include <hal/types.h>

struct ledger_account;
struct vm_object;

/* Bytes of contiguous RAM: interrupts are off while it is zeroed. */
#define VM_PHYSICAL_MAX ((uint64_t)1 << 20)

/* Is some of [base, base + size) RAM, or registers that the HAL uses? */
bool vm_physical_is_taken(hal_pa_t base, uint64_t size);

/* Each makes an object that is anonymous, empty, shared (vm_object_share()) and known to the caller alone, another one. */
void vm_physical_make_device(struct vm_object *object, hal_pa_t base);
void vm_physical_make_reserved(struct vm_object *object, hal_pa_t base);
/* The pages are zero, the block is aligned to its size, and its last byte is at `last` or below; charged to `payer`.
 * Returns false without memory. size <= VM_PHYSICAL_MAX. */
HAL_NODISCARD bool vm_physical_make_contiguous(struct vm_object *object, uint64_t size, uint64_t last,
                                               struct ledger_account *payer);

/* The object, which is contiguous and was charged to `payer`, ends. Context: no pmap maps it. */
void vm_physical_free(const struct vm_object *object, struct ledger_account *payer);

#endif
