/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables, TLBs and instruction caches. */
#ifndef HAL_PT_H
#define HAL_PT_H

#include <hal/types.h>

/* Base of the direct map: physical address p that is RAM is at HAL_DIRECT_BASE + p (constant of the ISA). */
#include <arch/layout.h>

/* Kernel address of RAM at `pa`. */
/*@ assigns \nothing; */
static inline void *hal_pa_to_ptr(hal_pa_t pa)
{
    return (void *)(uintptr_t)(pa.addr + HAL_DIRECT_BASE);
}

/* Physical address of an object in the direct map. */
/*@ assigns \nothing; */
static inline hal_pa_t hal_ptr_to_pa(const void *p)
{
    return HAL_PA((uint64_t)(uintptr_t)p - HAL_DIRECT_BASE);
}

/*
 * Make the zeroed page at `root` a root table: the kernel's part (if user and kernel share a tree) is filled in.
 * Entries for [user_base, user_limit) stay holes.
 * Context: any.
 */
/*@ requires hal_frame(root); assigns \nothing; */
void hal_pt_init_root(hal_pa_t root);

/*
 * The value that hal_pt_activate() takes: root and ASID in the format of the ISA's register. Never 0.
 * Pure. asid < 2^hal_info.asid_bits.
 */
/*@ requires hal_frame(root); assigns \nothing; ensures \result != 0; */
static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid);

/*
 * Make this CPU use the address space of `token` for user addresses.  Keeps the TLB if there are ASIDs, else flushes
 * what is not global.
 * Context: interrupts masked.
 */
/*@ requires token != 0; assigns \nothing; */
static inline void hal_pt_activate(uint64_t token);

/*
 * Make entries that this CPU wrote, from invalid to valid or to more permissive, visible to its own later accesses
 * at `va`.  Other CPUs may still fault once on them (spurious fault: retry).
 * Context: any.
 */
/*@ assigns \nothing; */
void hal_pt_publish(hal_va_t va);

/*
 * Forget cached translations: of one user page in `asid`; of all of `asid` (HAL_ASID_ALL: all that are not global).  On this CPU,
 * and on every other if hal_info.tlb_broadcast.  Complete on return. Earlier writes to page tables are visible to
 * the walker first.
 * Context: any. asid < 2^hal_info.asid_bits, or HAL_ASID_ALL where it says so.
 */
/*@ assigns \nothing; */
void hal_tlb_flush_page(hal_asid_t asid, hal_va_t va);
/*@ assigns \nothing; */
void hal_tlb_flush_asid(hal_asid_t asid);

/*
 * Let instruction fetch on every CPU see what was written to [p, p + n) (kernel address of RAM), at the latest when
 * that CPU next enters user mode after the call.
 * Context: any.
 */
/*@ requires n > 0; assigns \nothing; */
void hal_icache_sync(const void *p, size_t n);

#include <arch/pt.h>

#endif
